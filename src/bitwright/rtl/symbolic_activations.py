"""Activations of single elements as alkaid variables, and tables over all values of one.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

import numpy as np
from alkaid.trace import FVariable

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat, Rounding, quantize, quantize_number
from bitwright.network.layers import (
    CastEach,
    Constant,
    ExpLinear,
    HardSigmoid,
    Leaky,
    Levels,
    Lookup,
    Relu,
    Softmax,
    Table,
    Threshold,
)
from bitwright.rtl.quantizers import assign, fraction_bits, is_constant, limit_to, round_to, times
from bitwright.rtl.symbolic_dense import WEIGHT_BITS, value

Activation = Leaky | Threshold | HardSigmoid | Levels | ExpLinear | Lookup | CastEach

DIRECT_TABLE_BITS = 10
"""A function of up to this many bits becomes one table over all its inputs."""


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


def activation(layer: Activation, v: FVariable, index: int, fmt: FixedFormat) -> FVariable:
    """Element ``index`` of the layer, of a source of type ``fmt``."""
    match layer:
        case Leaky():
            slope = value(layer.slope, index % layer.slope.raw.size)
            return _choose(v.is_negative(), assign(times(v, slope), layer.result), assign(v, layer.result))
        case Threshold():
            zero = FVariable.from_const(0.0, v.hwconf)
            above = (FVariable.from_const(value(layer.theta, 0), v.hwconf) - v).is_negative()
            return _choose(above, assign(v, layer.result), zero)
        case HardSigmoid():
            line = (times(v, value(layer.slope, 0)) + value(layer.shift, 0)).max_of(0.0).min_of(1.0)
            return assign(line * 2.0 - 1.0 if layer.tanh else line, layer.result)
        case Levels():
            return _levels(layer, v, index)
        case ExpLinear():
            return _exp_linear(layer, v)
        case Lookup():
            return _pattern(layer.table, v, fmt, layer.result)
        case CastEach():
            kind = layer.formats()[index]
            return FVariable.from_const(0.0, v.hwconf) if kind is None else assign(assign(v, kind), layer.result)
    assert_never(layer)


def _choose(condition: FVariable, then: FVariable, otherwise: FVariable) -> FVariable:
    """One of two values by a bit that may be known."""
    if is_constant(condition):
        return then if condition.low else otherwise
    return condition.msb_mux(then, otherwise)


def _levels(layer: Levels, v: FVariable, index: int) -> FVariable:
    k, step = index % layer.up.raw.size, 2.0**-layer.result.fraction
    above, middle, below = (FVariable.from_const(n * step, v.hwconf) for n in layer.levels)
    not_up, down = (
        (v - FVariable.from_const(value(limit, k), v.hwconf)).is_negative() for limit in (layer.up, layer.down)
    )
    return _choose(not_up, _choose(down, below, middle), above)


def _exp_linear(layer: ExpLinear, v: FVariable) -> FVariable:
    n = layer.table.raw.size
    alpha, result = value(layer.alpha, 0), layer.result
    entries = [quantize_number(alpha * value(layer.table, i), result) for i in range(n)]
    index = round_to((v.min_of(0.0) * (-n / 8.0)).min_of(float(n - 1)), 0, Rounding.TRN)
    unit = 1 << max(-fraction_bits(index), 0)
    below = lookup(index, lambda raw: entries[raw * unit], result.fraction)
    return _choose(v.is_negative(), below, assign(times(v.max_of(0.0), value(layer.gain, 0)), result))


def _pattern(table: Constant, v: FVariable, fmt: FixedFormat, result: FixedFormat) -> FVariable:
    up, mask = fmt.fraction - fraction_bits(v), (1 << fmt.width) - 1

    def entry(raw: int) -> int:
        pattern = (raw << up if up >= 0 else raw >> -up) & mask
        return quantize_number(value(table, pattern), result)

    return lookup(v, entry, result.fraction)


def relu(v: FVariable, layer: Relu) -> FVariable:
    """Rounding comes first: it is monotone and keeps zero, and its constant then joins the bias."""
    fmt, limit = layer.result, None if layer.limit is None else float(layer.limit)
    if not is_constant(v) and (limit is None or fmt.fraction >= 0):
        rounded = _at_most(round_to(v, fmt.fraction, fmt.rounding).relu(), limit)
        return assign(rounded, fmt) if is_constant(rounded) else limit_to(rounded, fmt)
    return assign(_at_most(v.relu(), limit), fmt)


def _at_most(v: FVariable, limit: float | None) -> FVariable:
    return v if limit is None else v.min_of(limit)


def table(layer: Table, v: FVariable) -> FVariable:
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


def legacy_softmax(layer: Softmax, x: Sequence[FVariable]) -> list[FVariable]:
    """The reciprocal of a sum of exponentials, each of a difference to another element (softmax_legacy)."""
    one = FVariable.from_const(1.0, x[0].hwconf)
    out = []
    for i, v in enumerate(x):
        total = FVariable.from_const(0.0, v.hwconf)
        for j, other in enumerate(x):
            term = assign(one, layer.accum) if i == j else _legacy_exp(layer.exp_table, other - v)
            total = assign(total + term, layer.accum)
        out.append(assign(_legacy_inverse(layer.inverse_table, total), layer.result))
    return out


def _legacy_exp(table: Constant, v: FVariable) -> FVariable:
    n = table.raw.size
    index = round_to((v * (n / 16.0)).max_of(-n / 2.0).min_of(n / 2.0 - 1), 0, Rounding.TRN_ZERO)
    unit = 1 << max(-fraction_bits(index), 0)
    return lookup(index, lambda raw: int(table.raw[raw * unit + n // 2]), table.format.fraction)


def _legacy_inverse(table: Constant, v: FVariable) -> FVariable:
    n = table.raw.size
    index = round_to((v * (n / 64.0)).max_of(0.0).min_of(n - 1.0), 0, Rounding.TRN)
    unit = 1 << max(-fraction_bits(index), 0)
    return lookup(index, lambda raw: int(table.raw[raw * unit]), table.format.fraction)
