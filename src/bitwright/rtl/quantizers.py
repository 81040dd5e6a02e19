"""Every ap_fixed rounding and overflow mode on alkaid's symbolic variables.

alkaid wraps and truncates; the other modes are composed of constant additions and single bits, so
that constants fold into a bias and saturation to a power of two costs one gate per bit.
"""

from __future__ import annotations

from typing import assert_never

from alkaid.trace import FVariable

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize_number


def fraction_bits(v: FVariable) -> int:
    """Fraction bits of the variable's step."""
    return int(v.kif[2])


def is_constant(v: FVariable) -> bool:
    """Whether only one value can occur."""
    return bool(v.low == v.high)


def truncate(v: FVariable, fraction: int) -> FVariable:
    """Drop bits below ``2**-fraction`` (round towards minus infinity)."""
    keep_negative, integer, have = (int(n) for n in v.kif)
    if have <= fraction:
        return v
    return v.quantize(keep_negative, max(integer, 1 - keep_negative - fraction), fraction, "WRAP", "TRN")


def bit_at(v: FVariable, fraction: int) -> FVariable:
    """The bit of weight ``2**-fraction`` as a variable of value 0 or 1."""
    return v.quantize(0, 1 - fraction, fraction, "WRAP", "TRN") * 2.0**fraction


def any_below(v: FVariable, fraction: int) -> FVariable:
    """1 where some bit below ``2**-fraction`` is set."""
    low_bits = v.quantize(0, -fraction, fraction_bits(v), "WRAP", "TRN")
    return low_bits.unary_bit_op("any")


def round_to(v: FVariable, fraction: int, mode: Rounding) -> FVariable:
    """``v`` rounded to multiples of ``2**-fraction``."""
    if is_constant(v) or fraction_bits(v) <= fraction:
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
            return truncate(v + v.is_negative() * (step - eps), fraction)
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
    if is_constant(rounded):
        return rounded
    return truncate(rounded, fraction - 1) + odd_and_untied * 2.0**-fraction


def limit_to(v: FVariable, fmt: FixedFormat) -> FVariable:
    """The overflow mode of ``fmt`` on a variable that lies on its grid."""
    step = 2.0**-fmt.fraction
    low, high = fmt.lower * step, fmt.max * step
    if v.low >= low and v.high <= high:
        return v
    match fmt.overflow:
        case Overflow.WRAP:
            return _wrap(v, fmt)
        case Overflow.SAT | Overflow.SAT_SYM:
            return _saturate(v, fmt, low, high)
        case Overflow.SAT_ZERO:
            outside = _below(v, fmt.min * step) | _below(-v, -high)
            return outside.msb_mux(0.0, _wrap(v, fmt))
    assert_never(fmt.overflow)


def _below(v: FVariable, bound: float) -> FVariable:
    return (v - bound).is_negative()


def _wrap(v: FVariable, fmt: FixedFormat) -> FVariable:
    return v.quantize(int(fmt.signed), fmt.integer - fmt.signed, fmt.fraction, "WRAP", "TRN")


def _saturate(v: FVariable, fmt: FixedFormat, low: float, high: float) -> FVariable:
    if not fmt.signed:
        return saturate_unsigned(v.relu(), fmt.integer, fmt.fraction)
    return _wrap(v.max_of(low).min_of(high), fmt)


def saturate_unsigned(v: FVariable, integer: int, fraction: int) -> FVariable:
    """A non-negative variable limited to ``2**integer - 2**-fraction``: all ones where a higher bit is set."""
    if v.high <= 2.0**integer - 2.0**-fraction:
        return v
    over = truncate(v, -integer).unary_bit_op("any")
    kept = v.quantize(0, integer, fraction, "WRAP", "TRN")
    ones = (-over * 2.0**-fraction).quantize(0, integer, fraction, "WRAP", "TRN")
    return kept | ones


def assign(v: FVariable, fmt: FixedFormat) -> FVariable:
    """Assign ``v`` to a variable of type ``fmt``: rounding, then overflow."""
    if is_constant(v):
        return FVariable.from_const(quantize_number(v.low, fmt) * 2.0**-fmt.fraction, v.hwconf)
    return limit_to(round_to(v, fmt.fraction, fmt.rounding), fmt)
