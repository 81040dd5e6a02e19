"""One symbolic function per layer kind: numbers in, numbers out, as alkaid variables.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt
from alkaid.trace import FVariable

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat, Rounding, quantize
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Conv,
    Dense,
    HardMax,
    Input,
    Layer,
    Merge,
    MergeOp,
    Pool,
    Rearrange,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
)
from bitwright.rtl.quantizers import (
    assign,
    fraction_bits,
    is_constant,
    limit_to,
    round_to,
    times,
    truncate,
    wrapped,
)
from bitwright.rtl.symbolic_dense import WEIGHT_BITS, Variables, dense, value
from bitwright.rtl.symbolic_images import conv, pool, rearrange, tree_sum

DIRECT_TABLE_BITS = 10
"""A function of up to this many bits becomes one table over all its inputs."""


def apply(layer: Layer, sources: Sequence[Variables], read: Sequence[Layer]) -> Variables:
    """The output elements of ``layer`` in row-major order.

    Args:
        layer: the layer.
        sources: the elements of each source.
        read: the sources themselves: their shapes, and their formats, whose bit patterns address tables.
    """
    match layer:
        case Dense():
            return dense(layer, sources[0])
        case Conv():
            return conv(layer, sources[0], read[0].shape)
        case Pool():
            return pool(layer, sources[0], read[0])
        case Rearrange():
            return rearrange(layer, sources[0], read[0].shape)
        case ScaleBias():
            return _scale_bias(layer, sources[0])
        case Relu():
            return [_relu(v, layer) for v in sources[0]]
        case Cast():
            return [assign(v, layer.result) for v in sources[0]]
        case Table():
            return [_table(layer, v) for v in sources[0]]
        case Softmax():
            return _softmax(layer, sources[0], read[0].result)
        case HardMax():
            return _hard_max(layer, sources[0])
        case Argmax():
            return [_argmax(sources[0])]
        case Merge():
            return _merge(layer, sources[0], sources[1])
        case Concat():
            return _concat(layer, sources, [source.shape for source in read])
        case Reshape():
            return list(sources[0])
        case Input():
            raise AssertionError("an input is not computed")
    assert_never(layer)


def _concat(layer: Concat, sources: Sequence[Variables], shapes: Sequence[tuple[int, ...]]) -> Variables:
    """Both sources cast to the result and joined along the layer's axis."""
    parts = []
    for variables, shape in zip(sources, shapes, strict=True):
        part = np.empty(len(variables), dtype=object)
        part[:] = [assign(v, layer.result) for v in variables]
        parts.append(part.reshape(shape))
    return list(np.concatenate(parts, axis=layer.axis).ravel())


def _scale_bias(layer: ScaleBias, x: Variables) -> Variables:
    n = layer.scale.raw.size
    return [
        assign(times(v, value(layer.scale, i % n)) + value(layer.bias, i % n), layer.result) for i, v in enumerate(x)
    ]


def _relu(v: FVariable, layer: Relu) -> FVariable:
    """Rounding comes first: it is monotone and keeps zero, and its constant then joins the bias."""
    fmt, limit = layer.result, None if layer.limit is None else float(layer.limit)
    if not is_constant(v) and (limit is None or fmt.fraction >= 0):
        rounded = _at_most(round_to(v, fmt.fraction, fmt.rounding).relu(), limit)
        return assign(rounded, fmt) if is_constant(rounded) else limit_to(rounded, fmt)
    return assign(_at_most(v.relu(), limit), fmt)


def _at_most(v: FVariable, limit: float | None) -> FVariable:
    return v if limit is None else v.min_of(limit)


# --- tables ------------------------------------------------------------------------------------


def lookup(v: FVariable, function: Callable[[int], int], fraction: int) -> FVariable:
    """A table over every value of ``v``: raw integer (units of its step) to raw integer of ``fraction``."""
    if is_constant(v):
        step = float(v.step)
        raw = round(v.low / step) if v.low else 0
        return FVariable.from_const(function(raw) * 2.0**-fraction, v.hwconf)
    step = float(v.step)
    first, last = round(v.low / step), round(v.high / step)
    values = np.array([function(raw) for raw in range(first, last + 1)], dtype=np.float64) * 2.0**-fraction
    if int(np.abs(values * 2.0**fraction).max()).bit_length() > WEIGHT_BITS:
        raise UnsupportedLayerError("a table with entries of more than 24 bits", hint="choose a narrower table type")
    return v.lookup(values)


def _units(v: FVariable, fraction: int) -> int:
    """How many units of ``2**-fraction`` one step of ``v`` is."""
    return 1 << (fraction - fraction_bits(v))


def _table(layer: Table, v: FVariable) -> FVariable:
    """Sigmoid or tanh: the table's index from the number, then the cast entry."""
    entries = quantize(layer.table.raw, layer.table.format.fraction, layer.result)
    n, half_range = len(entries), layer.function.half_range

    def entry(index: int) -> int:
        return int(entries[min(max(index + n // 2, 0), n - 1)])

    scaled = v * (n / (2.0 * half_range))
    if sum(v.kif) <= DIRECT_TABLE_BITS:
        fraction = fraction_bits(scaled)
        return lookup(scaled, lambda raw: entry(_towards_zero(raw, fraction)), layer.result.fraction)
    index = round_to(scaled.max_of(-n / 2.0).min_of(n / 2.0 - 1), 0, Rounding.TRN_ZERO)
    return lookup(index, lambda raw: entry(raw << max(-fraction_bits(index), 0)), layer.result.fraction)


def _towards_zero(raw: int, fraction: int) -> int:
    if fraction <= 0:
        return raw << -fraction
    return (raw + ((1 << fraction) - 1 if raw < 0 else 0)) >> fraction


def _top_bits(v: FVariable, fmt: FixedFormat, bits: int) -> FVariable:
    """The top ``bits`` of the pattern of ``v`` in ``fmt``, still at their weight."""
    return truncate(v, fmt.fraction - (fmt.width - bits))


def _pattern_index(v: FVariable, fmt: FixedFormat, bits: int) -> Callable[[int], int]:
    """Raw integer of ``v``'s step to the table index: the top bits of its pattern in ``fmt``."""
    up = fmt.fraction - fraction_bits(v)

    def index(raw: int) -> int:
        pattern = (raw << up if up >= 0 else raw >> -up) & ((1 << fmt.width) - 1)
        return pattern >> (fmt.width - bits)

    return index


def _pattern_lookup(v: FVariable, fmt: FixedFormat, table: npt.NDArray[Any], fraction: int) -> FVariable:
    bits = (len(table) - 1).bit_length()
    address = _top_bits(v, fmt, bits)
    index = _pattern_index(address, fmt, bits)
    return lookup(address, lambda raw: int(table[index(raw)]), fraction)


def _softmax(layer: Softmax, x: Variables, source: FixedFormat) -> Variables:
    accum, address = layer.accum, source
    if layer.implementation is SoftmaxKind.STABLE:
        largest = reduce(lambda a, b: a.max_of(b), x)
        x = [assign(largest - v, layer.difference) for v in x]
        address = layer.difference
    exps = quantize(layer.exp_table.raw, layer.exp_table.format.fraction, accum)
    exp = [_pattern_lookup(v, address, exps, accum.fraction) for v in x]
    total = assign(tree_sum(exp, accum), layer.inverse_input)
    inverse = _pattern_lookup(total, layer.inverse_input, layer.inverse_table.raw, layer.inverse_table.format.fraction)
    return [assign(e * inverse, layer.result) for e in exp]


# --- comparisons -------------------------------------------------------------------------------


def _less(a: FVariable, b: FVariable) -> FVariable:
    """1 where a < b."""
    return (a - b).is_negative()


def _argmax(x: Variables) -> FVariable:
    """A tournament; the earlier of equals wins."""
    field = [(v, FVariable.from_const(float(i), v.hwconf)) for i, v in enumerate(x)]
    while len(field) > 1:
        pairs = [_winner(field[i], field[i + 1]) for i in range(0, len(field) - 1, 2)]
        field = pairs + (field[-1:] if len(field) % 2 else [])
    return field[0][1]


def _winner(a: tuple[FVariable, FVariable], b: tuple[FVariable, FVariable]) -> tuple[FVariable, FVariable]:
    b_wins = _less(a[0], b[0])
    return b_wins.msb_mux(b[0], a[0]), b_wins.msb_mux(b[1], a[1])


def _hard_max(layer: HardMax, x: Variables) -> Variables:
    one = FVariable.from_const(1.0, x[0].hwconf)
    outs = []
    for j, v in enumerate(x):
        wins = [~_less(v, other) if k > j else _less(other, v) for k, other in enumerate(x) if k != j]
        winner = reduce(lambda a, b: a & b, [wrapped(w, 0, 1, 0) for w in wins]) if wins else one
        outs.append(assign(winner, layer.result))
    return outs


def _merge(layer: Merge, a: Variables, b: Variables) -> Variables:
    pairs = [(a[i % len(a)], b[i % len(b)]) for i in range(layer.size)]
    return [assign(_combine(layer.op, p, q), layer.result) for p, q in pairs]


def _combine(op: MergeOp, p: FVariable, q: FVariable) -> FVariable:
    match op:
        case MergeOp.ADD:
            return p + q
        case MergeOp.SUBTRACT:
            return p - q
        case MergeOp.MULTIPLY:
            return p * q
        case MergeOp.AVERAGE:
            return (p + q) * 0.5
        case MergeOp.MAXIMUM:
            return p.max_of(q)
        case MergeOp.MINIMUM:
            return p.min_of(q)
    assert_never(op)
