"""Intervals of exact integers, per element: int64 where that provably holds them, Python integers beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Overflow
from bitwright.fixed.quantize import INT64_BITS, round_shift

Ints = npt.NDArray[Any]


def held(values: Ints, bits: int) -> Ints:
    """The same integers in a type that holds magnitudes of ``bits`` bits."""
    dtype = np.dtype(np.int64 if bits <= INT64_BITS else object)
    return values if values.dtype == dtype else values.astype(dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Inclusive bounds per element, flat: int64 or Python integers (object arrays)."""

    low: Ints
    high: Ints

    @property
    def bits(self) -> int:
        """Bits of the largest magnitude."""
        if not self.low.size:
            return 0
        return max(abs(int(self.low.min())), abs(int(self.high.max()))).bit_length()

    def fits(self, fmt: FixedFormat) -> bool:
        """Whether quantization to ``fmt`` can never overflow."""
        return bool(self.low.min() >= fmt.lower and self.high.max() <= fmt.max)

    def within(self, bits: int) -> Interval:
        """The same interval in a type that holds magnitudes of ``bits`` bits."""
        return Interval(held(self.low, bits), held(self.high, bits))

    def scaled(self, shift: int) -> Interval:
        """Both ends times ``2**shift``, shift not negative."""
        wide = self.within(self.bits + shift)
        return Interval(wide.low * (1 << shift), wide.high * (1 << shift)) if shift else wide

    def rounded(self, drop: int, fmt: FixedFormat) -> Interval:
        """Both ends with ``drop`` fraction bits rounded off as ``fmt`` does; negative: bits are added."""
        if drop <= 0:
            return self.scaled(-drop)
        wide = self.within(max(self.bits, drop) + 1)
        return Interval(round_shift(wide.low, drop, fmt.rounding), round_shift(wide.high, drop, fmt.rounding))

    def repeated(self, times: int) -> Interval:
        """The elements, all of them, several times."""
        return Interval(np.tile(self.low, times), np.tile(self.high, times))

    def joined(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def same(low: int, high: int, size: int) -> Interval:
    """One interval for all elements."""
    bits = max(abs(low), abs(high)).bit_length()
    dtype = np.int64 if bits <= INT64_BITS else object
    return Interval(np.full(size, low, dtype=dtype), np.full(size, high, dtype=dtype))


def whole_range(fmt: FixedFormat, size: int) -> Interval:
    """Everything that quantization to the format gives."""
    return same(fmt.lower, fmt.max, size)


def cast(interval: Interval, fraction: int, fmt: FixedFormat) -> Interval:
    """Bounds after an assignment to ``fmt``: rounding is monotone; a possible wrap gives everything."""
    rounded = interval.rounded(fraction - fmt.fraction, fmt)
    rounded = rounded.within(max(rounded.bits, fmt.width))
    inside = (rounded.low >= fmt.lower) & (rounded.high <= fmt.max)
    match fmt.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            low, high = np.clip(rounded.low, fmt.lower, fmt.max), np.clip(rounded.high, fmt.lower, fmt.max)
        case Overflow.WRAP:
            low, high = np.where(inside, rounded.low, fmt.min), np.where(inside, rounded.high, fmt.max)
        case Overflow.SAT_ZERO:
            low = np.where(inside, rounded.low, np.maximum(np.minimum(rounded.low, 0), fmt.min))
            high = np.where(inside, rounded.high, np.minimum(np.maximum(rounded.high, 0), fmt.max))
        case _:
            assert_never(fmt.overflow)
    return Interval(low, high).within(fmt.width)


def channel_interval(interval: Interval, channels: int, padding: tuple[int, ...]) -> Interval:
    """Bounds of each channel over all positions of an image, with the zeros around it."""
    low, high = interval.low.reshape(-1, channels).min(axis=0), interval.high.reshape(-1, channels).max(axis=0)
    return Interval(np.minimum(low, 0), np.maximum(high, 0)) if any(padding) else Interval(low, high)
