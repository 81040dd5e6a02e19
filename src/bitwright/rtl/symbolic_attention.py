"""Embedding, layer normalization and products of two tensors as alkaid variables.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from alkaid.trace import FVariable

from bitwright.fixed import Rounding, quantize
from bitwright.network.layers import Embedding
from bitwright.rtl.quantizers import fraction_bits, round_to
from bitwright.rtl.symbolic_activations import lookup
from bitwright.rtl.symbolic_dense import Variables


def embedding(layer: Embedding, x: Variables) -> Variables:
    """A table over the rows for each column."""
    return [v for element in x for v in _row(layer, element)]


def _row(layer: Embedding, v: FVariable) -> Variables:
    rows, n = layer.table.raw.shape
    entries = quantize(layer.table.raw, layer.table.format.fraction, layer.result).ravel().tolist()
    v = v if v.low >= 0 else v.max_of(0.0)
    v = v if v.high <= rows - 1 else v.min_of(float(rows - 1))
    per = n  # entries of the flat table that one unit of the index stands for
    if fraction_bits(v) > 0:
        v, per = round_to(v * float(n), 0, Rounding.TRN), 1
    unit = per << max(-fraction_bits(v), 0)
    columns = (entries[i:] for i in range(n))
    return [lookup(v, partial(_entry, column, unit), layer.result.fraction) for column in columns]


def _entry(column: Sequence[int], unit: int, raw: int) -> int:
    return column[raw * unit]
