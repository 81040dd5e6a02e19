"""Quantization of integers: rounding, then overflow, exactly as ap_fixed assigns.

Raw values are int64 arrays wherever a bound proves that nothing can overflow, and object arrays of
Python integers otherwise; the two give the same answers (``tests/fixed`` compares both with rationals).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.fixed.format import FixedFormat, Overflow, Rounding

Raw = npt.NDArray[Any]
"""Raw fixed-point values: int64, or object holding Python integers."""

INT64_BITS = 62
"""Magnitudes below 2**62 leave room for one more addition in int64."""


def magnitude_bits(low: int, high: int) -> int:
    """Bits that hold the magnitude of every integer in ``[low, high]``."""
    return max(abs(low), abs(high)).bit_length()


def shift_left(raw: Raw, bits: int, bound_bits: int | None = None) -> Raw:
    """``raw * 2**bits`` without a silent overflow: Python integers where int64 is too narrow."""
    if bits == 0:
        return raw
    if raw.dtype == object:
        return raw * (1 << bits)
    if bound_bits is None:
        bound_bits = int(np.abs(raw).max(initial=0)).bit_length() if raw.size else 0
    if bound_bits + bits <= INT64_BITS:
        return raw << bits
    return raw.astype(object) * (1 << bits)


def round_shift(raw: Raw, bits: int, rounding: Rounding) -> Raw:
    """``raw / 2**bits`` rounded to an integer by ``rounding``; ``bits`` must be positive."""
    if raw.dtype != object and bits > INT64_BITS - 1:
        raw = raw.astype(object)
    one = 1 << bits
    half = one >> 1
    match rounding:
        case Rounding.TRN:
            return raw >> bits
        case Rounding.TRN_ZERO:
            return (raw >> bits) + ((raw < 0) & ((raw & (one - 1)) != 0))
        case Rounding.RND:
            return _plus(raw, half) >> bits
        case Rounding.RND_MIN_INF:
            return _plus(raw, half - 1) >> bits
        case Rounding.RND_ZERO:
            return (raw + (half - 1) + (raw < 0)) >> bits
        case Rounding.RND_INF:
            return (raw + half - (raw < 0)) >> bits
        case Rounding.RND_CONV:
            return (raw + (half - 1) + ((raw >> bits) & 1)) >> bits
    assert_never(rounding)


def _plus(raw: Raw, constant: int) -> Raw:
    return raw + constant


def overflow(raw: Raw, fmt: FixedFormat) -> Raw:
    """Bring integers into the range of ``fmt`` by its overflow mode."""
    match fmt.overflow:
        case Overflow.WRAP:
            return _wrap(raw, fmt)
        case Overflow.SAT | Overflow.SAT_SYM:
            return np.clip(raw, fmt.lower, fmt.max)
        case Overflow.SAT_ZERO:
            return np.where((raw < fmt.min) | (raw > fmt.max), 0, raw)
    assert_never(fmt.overflow)


def _wrap(raw: Raw, fmt: FixedFormat) -> Raw:
    mask = (1 << fmt.width) - 1
    if raw.dtype == object or fmt.width > INT64_BITS:
        raw = raw.astype(object)
    if not fmt.signed:
        return raw & mask
    half = 1 << (fmt.width - 1)
    return ((raw + half) & mask) - half if raw.dtype == object else ((raw & mask) ^ half) - half


def quantize(raw: Raw, fraction: int, fmt: FixedFormat, bound_bits: int | None = None) -> Raw:
    """Assign ``raw * 2**-fraction`` to a variable of type ``fmt``; returns the raw value stored.

    Args:
        raw: integers of any shape.
        fraction: fraction bits of ``raw``.
        fmt: the type assigned to, with its rounding and overflow modes.
        bound_bits: proved bits of the magnitude of ``raw``; measured when not given.
    """
    raw = _wide(raw)
    drop = fraction - fmt.fraction
    if raw.dtype != object and bound_bits is None:
        bound_bits = max(int(raw.max(initial=0)), -int(raw.min(initial=0))).bit_length()
    if raw.dtype != object and max(bound_bits or 0, drop, fmt.width) > INT64_BITS - 1:
        raw = raw.astype(object)
    rounded = round_shift(raw, drop, fmt.rounding) if drop > 0 else shift_left(raw, -drop, bound_bits)
    return narrow(overflow(rounded, fmt), fmt)


def _wide(raw: Raw) -> Raw:
    """int64 or Python integers, so that narrower arrays cannot overflow on the way."""
    if raw.dtype in (np.int64, object):
        return raw
    if raw.dtype.kind not in "biu":
        raise TypeError(f"raw values are integers, not {raw.dtype}")
    return raw.astype(object if raw.dtype == np.uint64 else np.int64)


def narrow(raw: Raw, fmt: FixedFormat) -> Raw:
    """Back to int64 where the format fits it."""
    if raw.dtype == object and (fmt.width < 64 or fmt.signed):
        return raw.astype(np.int64)
    return raw


def quantize_number(value: Fraction | int | float, fmt: FixedFormat) -> int:
    """The raw value that a number takes in ``fmt``, for constants: exact, one number at a time.

    Raises:
        ValueError: the number is NaN or infinite.
    """
    exact = Fraction(value)
    denominator_bits = exact.denominator.bit_length() - 1
    if exact.denominator != 1 << denominator_bits:
        raise ValueError(f"{value} is not a binary fraction")
    raw = np.array([exact.numerator], dtype=object)
    return int(quantize(raw, denominator_bits, fmt)[0])


def quantize_floats(values: npt.NDArray[Any], fmt: FixedFormat) -> Raw:
    """The raw values that floats take when they are assigned to a variable of type ``fmt``.

    That is the constructor ``ap_fixed_base(double)`` (ap_types/ap_fixed_base.h): a float is an integer of 53 bits
    times a power of two, and one call of :func:`quantize` serves all floats with the same power.

    Args:
        values: float32 or float64 of any shape.
        fmt: the type assigned to, with its rounding and overflow modes.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    doubles = np.asarray(values, dtype=np.float64)
    if not np.isfinite(doubles).all():
        raise ValueError("NaN and infinity have no fixed-point value")
    mantissas, powers = np.frexp(doubles)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    raw = np.zeros(doubles.shape, dtype=np.int64 if fmt.width < 64 or fmt.signed else object)
    for power in np.unique(powers):
        here = powers == power
        raw[here] = quantize(whole[here], 53 - int(power), fmt, 53)
    return raw


def integers_of_floats(values: npt.NDArray[Any], fmt: FixedFormat) -> Raw:
    """The raw values of floats assigned to an ``ap_int`` or ``ap_uint``: the fraction is dropped, bits above wrap.

    One case is odd, and kept: ``ap_int_base(double)`` (ap_types/ap_int_base.h) makes 1 of a negative number above
    -1/2, because it negates the -1 that it shifted in.
    """
    raw = quantize_floats(values, replace(fmt, rounding=Rounding.TRN_ZERO, overflow=Overflow.WRAP))
    odd = (values < 0) & (values > -0.5)
    return np.where(odd, quantize(np.array([1]), 0, replace(fmt, overflow=Overflow.WRAP))[0], raw)


def to_float(raw: Raw, fraction: int) -> npt.NDArray[np.float64]:
    """The numbers that raw values stand for; exact while the magnitude is below 2**53."""
    return np.ldexp(raw.astype(np.float64), -fraction)
