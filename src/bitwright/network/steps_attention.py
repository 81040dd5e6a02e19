"""Steps of embedding, layer normalization and products of two tensors."""

from __future__ import annotations

import numpy as np

from bitwright.fixed import FixedFormat, quantize
from bitwright.network.carrier import Carrier, Step
from bitwright.network.layers import Embedding
from bitwright.network.steps_tables import integers


def embedding(layer: Embedding, source: FixedFormat) -> Step:
    """The row of the table that each element names."""
    rows, n = layer.table.raw.shape
    entries = quantize(layer.table.raw.ravel(), layer.table.format.fraction, layer.result)
    up, down = max(-source.fraction, 0), max(source.fraction, 0)
    columns = np.arange(n)

    def run(x: Carrier) -> Carrier:
        x = np.clip(integers(x, source.width + up) * (1 << up), 0, (rows - 1) << down).astype(np.int64)
        first = (x * n) >> down
        return entries[first[:, :, None] + columns].reshape(len(x), -1)

    return run
