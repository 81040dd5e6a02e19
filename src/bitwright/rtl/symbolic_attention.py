"""Embedding, layer normalization and products of two tensors as alkaid variables.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce

from alkaid.trace import FVariable

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize, quantize_number
from bitwright.network.layers import Einsum, Embedding, LayerNorm
from bitwright.rtl.quantizers import assign, fraction_bits, inside, round_to, times
from bitwright.rtl.symbolic_activations import lookup
from bitwright.rtl.symbolic_dense import Variables, value


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


def layer_norm(layer: LayerNorm, x: Variables) -> Variables:
    """Each row of the last axis by itself."""
    n = layer.scale.raw.size
    return [v for first in range(0, len(x), n) for v in _normalized(layer, x[first : first + n])]


def _normalized(layer: LayerNorm, x: Variables) -> Variables:
    accum = layer.accum
    held = [assign(v, accum) for v in x]
    mean = _average(held, accum)
    apart = [assign(v - mean, accum) for v in held]
    variance = _average([assign(v * v, accum) for v in apart], accum)
    root = _inverse_root(layer, variance)
    pairs = ((value(layer.scale, i), value(layer.bias, i)) for i in range(len(x)))
    return [assign(times(v * root, s) + b, layer.result) for v, (s, b) in zip(apart, pairs, strict=True)]


def _average(x: Variables, accum: FixedFormat) -> FVariable:
    """The sum times what the accumulator holds of 1 / n."""
    zero = FVariable.from_const(0.0, x[0].hwconf)
    part = quantize_number(1.0 / len(x), accum) * 2.0**-accum.fraction
    return assign(times(reduce(lambda a, b: assign(a + b, accum), x, zero), part), accum)


def _inverse_root(layer: LayerNorm, variance: FVariable) -> FVariable:
    entries = layer.table.raw.tolist()
    steps = times(variance, float(len(entries) << layer.range_power))
    index = round_to(steps.max_of(0.0).min_of(float(len(entries) - 1)), 0, Rounding.TRN)
    return lookup(index, partial(_entry, entries, 1 << max(-fraction_bits(index), 0)), layer.table.format.fraction)


def einsum(layer: Einsum, a: Variables, b: Variables) -> Variables:
    """A sum of products for each pair of rows of the same matrix."""
    matrices, rows, columns = layer.shape
    n = len(a) // (matrices * rows)
    out: Variables = []
    for i in range(matrices):
        for j in range(rows):
            row = a[(i * rows + j) * n :][:n]
            for k in range(columns):
                total = _sum([p * q for p, q in zip(row, b[(i * columns + k) * n :][:n], strict=True)], layer.accum)
                out.append(assign(total, layer.result))
    return out


def _sum(products: Variables, accum: FixedFormat) -> FVariable:
    """As the C++ adds them; in a tree where no cast on the way changes anything that the last one would not."""
    low = sum(min(p.low, 0.0) for p in products)
    high = sum(max(p.high, 0.0) for p in products)
    whole = all(fraction_bits(p) <= accum.fraction for p in products)
    if whole and (accum.overflow is Overflow.WRAP or inside(float(low), float(high), accum)):
        return assign(_tree(products), accum)
    zero = FVariable.from_const(0.0, products[0].hwconf)
    return reduce(lambda total, p: assign(total + p, accum), products, zero)


def _tree(terms: Variables) -> FVariable:
    half = len(terms) // 2
    return _tree(terms[:half]) + _tree(terms[half:]) if half else terms[0]
