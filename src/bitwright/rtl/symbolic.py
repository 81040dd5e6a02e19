"""One symbolic function per layer kind: numbers in, numbers out, as alkaid variables.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt
from alkaid.trace import FVariable, FVArray

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize, quantize_number
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Constant,
    Dense,
    HardMax,
    Input,
    Layer,
    Lookup,
    Merge,
    MergeOp,
    Quantize,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
)
from bitwright.rtl.alkaid_exact import NARROWER
from bitwright.rtl.quantizers import (
    EXACT_BITS,
    assign,
    fraction_bits,
    inside,
    is_constant,
    limit_to,
    round_to,
    times,
    truncate,
    wrapped,
)

Variables = list[FVariable]

WEIGHT_BITS = 24
"""alkaid's solver takes float32 matrices."""

DIRECT_TABLE_BITS = 10
"""A function of up to this many bits becomes one table over all its inputs."""


def apply(layer: Layer, sources: Sequence[Variables], formats: Sequence[FixedFormat]) -> Variables:
    """The output elements of ``layer`` in row-major order.

    Args:
        layer: the layer.
        sources: the elements of each source.
        formats: the declared format of each source (its bit pattern addresses tables).
    """
    match layer:
        case Dense():
            return _dense(layer, sources[0])
        case ScaleBias():
            return _scale_bias(layer, sources[0])
        case Relu():
            return [_relu(v, layer) for v in sources[0]]
        case Cast():
            return [assign(v, layer.result) for v in sources[0]]
        case Quantize():
            return [_quantize(v, fmt, layer.result) for v, fmt in zip(sources[0], layer.formats, strict=True)]
        case Table():
            return [_table(layer, v) for v in sources[0]]
        case Lookup():
            return [_lookup(layer, v, formats[0]) for v in sources[0]]
        case Softmax():
            return _softmax(layer, sources[0], formats[0])
        case HardMax():
            return _hard_max(layer, sources[0])
        case Argmax():
            return [_argmax(sources[0])]
        case Merge():
            return _merge(layer, sources[0], sources[1])
        case Concat():
            raise AssertionError("Concat needs shapes: see concat()")
        case Reshape():
            return list(sources[0])
        case Input():
            raise AssertionError("an input is not computed")
    assert_never(layer)


def concat(layer: Concat, sources: Sequence[Variables], shapes: Sequence[tuple[int, ...]]) -> Variables:
    """Both sources cast to the result and joined along the layer's axis."""
    parts = []
    for variables, shape in zip(sources, shapes, strict=True):
        part = np.empty(len(variables), dtype=object)
        part[:] = [assign(v, layer.result) for v in variables]
        parts.append(part.reshape(shape))
    return list(np.concatenate(parts, axis=layer.axis).ravel())


def _value(constant: Constant, index: Any) -> float:
    raw = int(constant.raw[index])
    if int(float(raw)) != raw:
        raise UnsupportedLayerError(f"a constant of {constant.format} needs more than 53 bits", hint=NARROWER)
    return raw * 2.0**-constant.format.fraction


# --- dense -------------------------------------------------------------------------------------


def _dense(layer: Dense, x: Variables) -> Variables:
    bias = [_held(_value(layer.bias, j), layer) for j in range(layer.size)]
    if _sums_are_exact(layer, x):
        sums = [total + b for total, b in zip(_matmul(layer, x), bias, strict=True)]
    else:
        sums = [_sum_by_product(layer, x, j, bias[j]) for j in range(layer.size)]
    return [assign(assign(total, layer.accum), layer.result) for total in sums]


def _held(value: float, layer: Dense) -> float:
    """The bias as the accumulator holds it."""
    return quantize_number(value, layer.accum) * 2.0**-layer.accum.fraction


def _product_ends(v: FVariable, weights: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    a, b = weights * v.low, weights * v.high
    return np.minimum(a, b), np.maximum(a, b)


def _sums_are_exact(layer: Dense, x: Variables) -> bool:
    """No product loses a bit in the accumulator, and no partial sum saturates."""
    accum, weights = layer.accum, layer.weight.value
    for v, row in zip(x, weights, strict=True):
        used = row[row != 0]
        if not is_constant(v) and len(used):
            step = float(v.step) * 2.0 ** min(_trailing(w) for w in used)
            if step < 2.0**-accum.fraction:
                return False
        elif len(used) and v.low and min(abs(v.low * used)) and _trailing_all(v.low * used) < -accum.fraction:
            return False
    if accum.overflow is Overflow.WRAP:
        return True
    ends = [_product_ends(v, row) for v, row in zip(x, weights, strict=True)]
    bias = layer.bias.value
    low = sum(np.minimum(e[0], 0) for e in ends) + np.minimum(bias, 0)
    high = sum(np.maximum(e[1], 0) for e in ends) + np.maximum(bias, 0)
    margin = 1 + (accum.width > EXACT_BITS)  # wider sums are rounded here
    return inside(float(np.min(low)) * margin, float(np.max(high)) * margin, accum)


def _trailing(value: float) -> int:
    """Exponent of the lowest set bit of a number."""
    numerator, denominator = float(value).as_integer_ratio()
    return (numerator & -numerator).bit_length() - 1 - (denominator.bit_length() - 1)


def _trailing_all(values: npt.NDArray[np.float64]) -> int:
    return min(_trailing(v) for v in values if v)


def _matmul(layer: Dense, x: Variables) -> Variables:
    """``x @ W`` by alkaid's constant matrix-vector solver; constant inputs become numbers."""
    weights = layer.weight.value
    live = [i for i, v in enumerate(x) if not is_constant(v)]
    fixed = sum((float(x[i].low) * weights[i] for i in range(len(x)) if i not in set(live)), np.zeros(layer.size))
    if not live:
        hwconf = x[0].hwconf
        return [FVariable.from_const(float(value), hwconf) for value in fixed]
    sources = [x[i] for i in live]
    array = FVArray(np.array(sources, dtype=object), _solver_options(layer, sources), x[0].hwconf)
    zero = FVariable.from_const(0.0, x[0].hwconf)
    products = [_as_variables(array @ part, zero) for part in _float32_parts(layer.weight, live)]
    totals = [reduce(lambda a, b: a + b, column, zero) for column in zip(*products, strict=True)] or [zero] * layer.size
    return [total + float(value) for total, value in zip(totals, fixed, strict=True)]


def _solver_options(layer: Dense, x: Variables) -> dict[str, bool] | None:
    """Without alkaid's tables over single bits where these are signed, or the sums too long for a table."""
    signed_bits = any(v.low < 0 and sum(v.kif) == 1 for v in x)
    return {"binary_lut": False} if signed_bits or layer.weight.format.width > WEIGHT_BITS - 3 else None


def _as_variables(values: Any, zero: FVariable) -> Variables:
    return [v if isinstance(v, FVariable) else zero + float(v) for v in np.asarray(values).ravel()]


def _float32_parts(weight: Constant, rows: list[int]) -> list[npt.NDArray[np.float64]]:
    """The matrix as a sum of matrices that float32 holds exactly."""
    raw, scale, parts = weight.raw[rows], 2.0**-weight.format.fraction, []
    digit = WEIGHT_BITS - 1
    while np.any(raw):
        low = raw
        if int(np.abs(raw).max()).bit_length() > WEIGHT_BITS:
            half = 1 << (digit - 1)
            low = ((raw + half) & ((1 << digit) - 1)) - half
        parts.append(low.astype(np.float64) * scale)
        raw, scale = (raw - low) >> digit, scale * 2.0**digit
    return parts


def _sum_by_product(layer: Dense, x: Variables, j: int, bias: float) -> FVariable:
    """Each product cast to the accumulator and added in the order of the C++."""
    total = FVariable.from_const(bias, x[0].hwconf)
    for i in layer.order:
        weight = _value(layer.weight, (i, j))
        if weight:
            total = limit_to_accum(total + assign(times(x[i], weight), layer.accum), layer.accum)
    return total


def limit_to_accum(v: FVariable, accum: FixedFormat) -> FVariable:
    """One addition in the accumulator; a wrapping one may wrap once, at the end."""
    return v if accum.overflow is Overflow.WRAP else assign(v, accum)


def _scale_bias(layer: ScaleBias, x: Variables) -> Variables:
    n = layer.scale.raw.size
    return [
        assign(times(v, _value(layer.scale, i % n)) + _value(layer.bias, i % n), layer.result) for i, v in enumerate(x)
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


def _quantize(v: FVariable, fmt: FixedFormat | None, result: FixedFormat) -> FVariable:
    return FVariable.from_const(0.0, v.hwconf) if fmt is None else assign(assign(v, fmt), result)


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


def _lookup(layer: Lookup, v: FVariable, source: FixedFormat) -> FVariable:
    entries = quantize(layer.table.raw[: 1 << source.width], layer.table.format.fraction, layer.result)
    return _pattern_lookup(v, source, entries, layer.result.fraction)


def _softmax(layer: Softmax, x: Variables, source: FixedFormat) -> Variables:
    accum, address = layer.accum, source
    if layer.implementation is SoftmaxKind.STABLE:
        largest = reduce(lambda a, b: a.max_of(b), x)
        x = [assign(largest - v, layer.difference) for v in x]
        address = layer.difference
    exps = quantize(layer.exp_table.raw, layer.exp_table.format.fraction, accum)
    exp = [_pattern_lookup(v, address, exps, accum.fraction) for v in x]
    total = assign(_tree_sum(exp, accum), layer.inverse_input)
    inverse = _pattern_lookup(total, layer.inverse_input, layer.inverse_table.raw, layer.inverse_table.format.fraction)
    return [assign(e * inverse, layer.result) for e in exp]


def _tree_sum(values: Variables, accum: FixedFormat) -> FVariable:
    """hls4ml's balanced tree: every sum held in the accumulator."""
    if len(values) == 1:
        return values[0]
    left = 1 << ((len(values) - 1).bit_length() - 1)
    return assign(_tree_sum(values[:left], accum) + _tree_sum(values[left:], accum), accum)


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
