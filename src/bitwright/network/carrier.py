"""Arithmetic chosen by proof: float32, float64, int64 or Python integers, all giving the same integers.

A carrier is an array of integers in whichever type provably holds every intermediate value exactly:
float32 below 2**24, float64 below 2**53, int64 below 2**62, Python integers beyond.  Floats may also
hold binary fractions on the way to a rounding, as long as all bits fit the mantissa.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.fixed.quantize import overflow, round_shift, shift_left
from bitwright.network.interval import Interval

Carrier = npt.NDArray[Any]
Step = Callable[..., Carrier]

FLOAT32_BITS, FLOAT64_BITS, INT64_BITS = 24, 53, 62

SPARE_BITS = 2
"""Room for a rounding constant and a sign on top of the largest value of a step."""


def fits_in(interval: Interval, fraction: int, fmt: FixedFormat) -> bool:
    """Whether rounding ``interval`` to ``fmt`` provably stays inside the format."""
    drop = fraction - fmt.fraction
    if drop <= 0:
        return interval.scaled(-drop).fits(fmt)
    wide = interval.within(max(interval.bits, drop) + 1)
    return Interval(wide.low >> drop, (wide.high >> drop) + 1).fits(fmt)


def needed_bits(interval: Interval, fraction: int, fmt: FixedFormat) -> int:
    """Bits that hold every value on the way from ``interval`` into ``fmt``."""
    return max(interval.bits + max(fmt.fraction - fraction, 0), fmt.width) + SPARE_BITS


def carrier_type(bits: int) -> np.dtype[Any]:
    """The fastest type that exactly holds every integer of that many magnitude bits."""
    if bits <= FLOAT32_BITS:
        return np.dtype(np.float32)
    if bits <= FLOAT64_BITS:
        return np.dtype(np.float64)
    return np.dtype(np.int64) if bits <= INT64_BITS else np.dtype(object)


def as_type(values: Carrier, dtype: np.dtype[Any]) -> Carrier:
    """The same integers in another type."""
    if values.dtype == dtype:
        return values
    if dtype.kind == "O" and values.dtype.kind == "f":
        values = values.astype(np.int64)
    return values.astype(dtype)


def scale(values: Carrier, shift: int) -> Carrier:
    """``values * 2**shift``; exact for floats of either sign of ``shift``, integers need shift >= 0."""
    if shift == 0:
        return values
    if values.dtype.kind == "f":
        return values * values.dtype.type(2.0**shift)
    return shift_left(values, shift, 0)


def round_float(values: Carrier, rounding: Rounding) -> Carrier:
    """Round binary fractions to integers, in place; one spare mantissa bit must be there."""
    match rounding:
        case Rounding.TRN:
            return np.floor(values, out=values)
        case Rounding.TRN_ZERO:
            return np.trunc(values, out=values)
        case Rounding.RND:
            return np.floor(np.add(values, 0.5, out=values), out=values)
        case Rounding.RND_MIN_INF:
            return np.ceil(np.subtract(values, 0.5, out=values), out=values)
        case Rounding.RND_ZERO:
            sign = np.sign(values)
            return sign * np.ceil(np.abs(values) - 0.5)
        case Rounding.RND_INF:
            return np.trunc(values + np.copysign(values.dtype.type(0.5), values))
        case Rounding.RND_CONV:
            return np.rint(values, out=values)
    assert_never(rounding)


def round_off(values: Carrier, bits: int, rounding: Rounding) -> Carrier:
    """Drop ``bits`` fraction bits of integers by ``rounding``."""
    if values.dtype.kind == "f":
        return round_float(scale(values, -bits), rounding)
    return round_shift(values, bits, rounding)


def bring_in_range(values: Carrier, fmt: FixedFormat) -> Carrier:
    """The overflow mode of ``fmt`` on integers, in any carrier type."""
    if values.dtype.kind != "f" or fmt.overflow is Overflow.SAT_ZERO:
        return overflow(values, fmt)
    if fmt.overflow is Overflow.WRAP:
        turns = np.floor((values - fmt.min) * 2.0**-fmt.width)
        return values - turns * 2.0**fmt.width
    return np.clip(values, fmt.lower, fmt.max)


def assign(values: Carrier, fraction: int, fmt: FixedFormat, *, fits: bool) -> Carrier:
    """Assign integers of ``fraction`` fraction bits to ``fmt``; ``fits``: overflow is proved absent."""
    drop = fraction - fmt.fraction
    values = round_off(values, drop, fmt.rounding) if drop > 0 else scale(values, -drop)
    return values if fits else bring_in_range(values, fmt)
