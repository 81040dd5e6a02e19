"""Every ap_fixed rounding and overflow mode on alkaid's symbolic variables.

alkaid wraps and truncates; the other modes are composed of constant additions and single bits, so
that constants fold into a bias and saturation to a power of two costs one gate per bit.
"""

from __future__ import annotations

from math import floor
from typing import assert_never

from alkaid.trace import FVariable

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize_number
from bitwright.rtl.alkaid_exact import CONSTANT_BITS, NARROWER, lowest_bit

EXACT_BITS = 52
"""alkaid computes ranges in float64."""

FACTOR_BITS = 16
"""alkaid's search for a product by a constant takes 0.2 s for 16 bits, and seconds for 22."""

HALF_DIGIT = 1 << (FACTOR_BITS - 2)
"""Half the base of the digits of a longer factor."""


def fraction_bits(v: FVariable) -> int:
    """Fraction bits of the variable's step."""
    return int(v.kif[2])


def is_constant(v: FVariable) -> bool:
    """Whether only one value can occur."""
    return bool(v.low == v.high)


def times(v: FVariable, value: float) -> FVariable:
    """``v * value``; a long constant goes digit by digit."""
    unit = 2.0 ** lowest_bit(value)
    numerator, total = int(value / unit), FVariable.from_const(0.0, v.hwconf)
    while numerator.bit_length() > FACTOR_BITS:
        digit = ((numerator + HALF_DIGIT) & (2 * HALF_DIGIT - 1)) - HALF_DIGIT
        total += v * (digit * unit)
        numerator, unit = (numerator - digit) // (2 * HALF_DIGIT), unit * 2 * HALF_DIGIT
    return total + v * (numerator * unit)


def ones_if(bit: FVariable, integer: int, fraction: int) -> FVariable:
    """``2**integer - 2**-fraction`` where the bit is set, else 0: wires only."""
    return wrapped(-bit * 2.0**-fraction, 0, integer, fraction)


def wrapped(v: FVariable, keep_negative: int, integer: int, fraction: int) -> FVariable:
    """The bits of ``v`` in that kif, lower ones cut; constants by hand, as alkaid 0.8.2 wraps unsigned ones wrong."""
    width = keep_negative + integer + fraction
    if not is_constant(v):
        return v.quantize(keep_negative, integer, fraction, "WRAP", "TRN")
    raw = floor(v.low * 2.0**fraction) & ((1 << max(width, 0)) - 1)
    if keep_negative and raw >> (width - 1):
        raw -= 1 << width
    return FVariable.from_const(raw * 2.0**-fraction, v.hwconf)


def truncate(v: FVariable, fraction: int) -> FVariable:
    """Drop bits below ``2**-fraction`` (round towards minus infinity)."""
    keep_negative, integer, have = (int(n) for n in v.kif)
    if have <= fraction:
        return v
    return wrapped(v, keep_negative, max(integer, 1 - keep_negative - fraction), fraction)


def bit_at(v: FVariable, fraction: int) -> FVariable:
    """The bit of weight ``2**-fraction`` as a variable of value 0 or 1."""
    return wrapped(v, 0, 1 - fraction, fraction) * 2.0**fraction


def any_below(v: FVariable, fraction: int) -> FVariable:
    """1 where some bit below ``2**-fraction`` is set."""
    low_bits = wrapped(v, 0, -fraction, fraction_bits(v))
    return low_bits.unary_bit_op("any")


def round_to(v: FVariable, fraction: int, mode: Rounding) -> FVariable:
    """``v`` rounded to multiples of ``2**-fraction``."""
    if fraction_bits(v) <= fraction:
        return v
    step, eps = 2.0**-fraction, float(v.step)
    half = step / 2
    match mode:
        case Rounding.TRN:
            return truncate(v, fraction)
        case Rounding.RND:
            return truncate(v + half, fraction)
        case Rounding.RND_MIN_INF:
            return truncate(v + (half - eps), fraction)
        case Rounding.TRN_ZERO:
            return truncate(v + ones_if(v.is_negative(), -fraction, fraction_bits(v)), fraction)
        case Rounding.RND_ZERO:
            return truncate((v + (half - eps)) + v.is_negative() * eps, fraction)
        case Rounding.RND_INF:
            return truncate((v + half) - v.is_negative() * eps, fraction)
        case Rounding.RND_CONV:
            return _round_to_even(v, fraction, half)
    assert_never(mode)


def _round_to_even(v: FVariable, fraction: int, half: float) -> FVariable:
    """Half up, then the last bit cleared where the value lay exactly between two."""
    up = v + half
    rounded = truncate(up, fraction)
    odd_and_untied = bit_at(up, fraction) & any_below(up, fraction)
    return truncate(rounded, fraction - 1) + odd_and_untied * 2.0**-fraction


def inside(low: float, high: float, fmt: FixedFormat) -> bool:
    """Whether ``fmt`` holds all its multiples from low to high; by powers of two, which floats do not round."""
    top = 2.0 ** (fmt.integer - fmt.signed)
    bottom = -top if fmt.signed else 0.0
    return high < top and (low > bottom if fmt.lower > fmt.min else low >= bottom)


def limit_to(v: FVariable, fmt: FixedFormat) -> FVariable:
    """The overflow mode of ``fmt`` on a variable that lies on its grid."""
    step = 2.0**-fmt.fraction
    low, high = fmt.lower * step, fmt.max * step
    if inside(v.low, v.high, fmt):
        return v
    if fmt.width > EXACT_BITS and fmt.overflow is not Overflow.WRAP:
        raise UnsupportedLayerError(
            f"{fmt} saturates {fmt.width} bits; parallel hardware does {EXACT_BITS}", hint=NARROWER
        )
    match fmt.overflow:
        case Overflow.WRAP:
            return _wrap(v, fmt)
        case Overflow.SAT | Overflow.SAT_SYM:
            return _saturate(v, fmt, low, high)
        case Overflow.SAT_ZERO:
            above = wrapped(~_below(v, (fmt.max + 1) * step), 0, 1, 0)
            return (_below(v, low) | above).msb_mux(0.0, _wrap(v, fmt))
    assert_never(fmt.overflow)


def _below(v: FVariable, bound: float) -> FVariable:
    return (v - bound).is_negative()


def _wrap(v: FVariable, fmt: FixedFormat) -> FVariable:
    return wrapped(v, int(fmt.signed), fmt.integer - fmt.signed, fmt.fraction)


def _saturate(v: FVariable, fmt: FixedFormat, low: float, high: float) -> FVariable:
    if not fmt.signed:
        return saturate_unsigned(v.relu(), fmt.integer, fmt.fraction)
    if fmt.width > CONSTANT_BITS and fmt.lower == fmt.min:  # the limits are no constants for alkaid: shift the range
        return saturate_unsigned((v - low).relu(), fmt.integer, fmt.fraction) + low
    return _wrap(v.max_of(low).min_of(high), fmt)


def saturate_unsigned(v: FVariable, integer: int, fraction: int) -> FVariable:
    """A non-negative variable limited to ``2**integer - 2**-fraction``: all ones where a higher bit is set."""
    if v.high <= 2.0**integer - 2.0**-fraction:
        return v
    over = truncate(v, -integer).unary_bit_op("any")
    kept = wrapped(v, 0, integer, fraction)
    return kept | ones_if(over, integer, fraction)


def assign(v: FVariable, fmt: FixedFormat) -> FVariable:
    """Assign ``v`` to a variable of type ``fmt``: rounding, then overflow."""
    if is_constant(v):
        return FVariable.from_const(quantize_number(v.low, fmt) * 2.0**-fmt.fraction, v.hwconf)
    return limit_to(round_to(v, fmt.fraction, fmt.rounding), fmt)
