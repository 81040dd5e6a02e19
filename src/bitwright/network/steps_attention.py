"""Steps of embedding, layer normalization and products of two tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.fixed import FixedFormat, quantize, quantize_number
from bitwright.network.carrier import INT64_BITS, Carrier, Step, as_type
from bitwright.network.layers import Einsum, Embedding, Layer, LayerNorm
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


def layer_norm(layer: LayerNorm, source: FixedFormat) -> Step:
    """Mean, variance and what the table makes of it, for each row of the last axis."""
    accum, n, entries = layer.accum, layer.scale.raw.size, layer.table.raw
    part = quantize_number(1.0 / n, accum)
    fraction = accum.fraction + layer.table.format.fraction + layer.scale.format.fraction
    common = max(fraction, layer.bias.format.fraction)
    scale = layer.scale.raw.astype(object) * (1 << (common - fraction))
    bias = layer.bias.raw.astype(object) * (1 << (common - layer.bias.format.fraction))
    bits = accum.width + layer.table.format.width + layer.scale.format.width + common - fraction
    wide = max(2 * accum.width, bits, layer.bias.format.width + common - layer.bias.format.fraction) > 60
    kind = np.dtype(object if wide else np.int64)
    scale, bias = scale.astype(kind), bias.astype(kind)

    def average(rows: Carrier) -> Carrier:
        total = np.zeros(len(rows), dtype=kind)
        for column in rows.T:
            total = quantize(total + column, accum.fraction, accum).astype(kind)
        return quantize(total * part, 2 * accum.fraction, accum).astype(kind)

    def run(x: Carrier) -> Carrier:
        held = quantize(integers(x, source.width), source.fraction, accum).astype(kind).reshape(-1, n)
        apart = quantize(held - average(held)[:, None], accum.fraction, accum).astype(kind)
        variance = average(quantize(apart * apart, 2 * accum.fraction, accum).astype(kind)).astype(object)
        index = variance * len(entries) * 2**layer.range_power * 2 ** max(-accum.fraction, 0) >> max(accum.fraction, 0)
        root = entries[np.clip(index, 0, len(entries) - 1).astype(np.int64)].astype(kind)
        return quantize(apart * root[:, None] * scale + bias, common, layer.result).reshape(len(x), -1)

    return run


def einsum(layer: Einsum, sources: Sequence[Layer]) -> Step:
    """Each product added to the accumulator and cast with it, one after another."""
    (left, right), accum = (source.result for source in sources), layer.accum
    product = left.fraction + right.fraction
    common = max(product, accum.fraction)
    ups = (common - accum.fraction, common - product)
    wide = max(accum.width + ups[0], left.width + right.width + ups[1]) + 1 > INT64_BITS
    kind = np.dtype(object if wide else np.int64)

    def run(a: Carrier, b: Carrier) -> Carrier:
        a = as_type(a, kind).reshape(len(a), *sources[0].shape)[:, :, :, None]
        b = as_type(b, kind).reshape(len(b), *sources[1].shape)[:, :, None]
        total = np.zeros((len(a), *layer.shape), dtype=kind)
        for c in range(a.shape[-1]):
            exact = total * (1 << ups[0]) + a[..., c] * b[..., c] * (1 << ups[1])
            total = quantize(exact, common, accum).astype(kind)
        return quantize(total, accum.fraction, layer.result).reshape(len(a), -1)

    return run
