"""Statistics of raw values over batches: exact from integers, in a memory that does not grow with the rows."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Raw

LIMIT = 1 << 16
"""Different values that are told apart; where there are more, neighbours are counted together."""
DIGIT = 20
MASK = (1 << DIGIT) - 1
MOST_ADDED = 1 << 62 - 2 * DIGIT
"""Products of two digits that int64 can add."""

Counts = npt.NDArray[np.int64]


class Observer:
    """Sees batches of raw values of one format; number, range, sums and limits are exact whatever it saw.

    Attributes:
        shift: values are told apart down to ``2**shift`` steps of the format; 0 as long as there are at most ``limit``
            different ones, and then quantiles and histograms are exact too.
    """

    def __init__(self, fmt: FixedFormat, limit: int = LIMIT) -> None:
        self.format, self.limit, self.shift = fmt, limit, 0
        self.count = self.total = self.squares = self.zeros = self.at_lower = self.at_upper = 0
        self.low = self.high = 0
        self._values: npt.NDArray[Any] = np.zeros(0, dtype=np.int64)
        self._counts: Counts = np.zeros(0, dtype=np.int64)

    def see(self, raw: Raw) -> None:
        """Take a batch into account, of any shape, int64 or Python integers."""
        if not raw.size:
            return
        values, counts = _tally(raw.ravel())
        low, high = int(values[0]), int(values[-1])
        self.low, self.high = (min(self.low, low), max(self.high, high)) if self.count else (low, high)
        self.count += raw.size
        self.total += _sum(values, counts, 1)
        self.squares += _sum(values, counts, 2)
        self.zeros += int(counts[values == 0].sum())
        self.at_lower += int(counts[values == self.format.lower].sum())
        self.at_upper += int(counts[values == self.format.max].sum())
        self._merge(values >> self.shift, counts)

    def _merge(self, values: npt.NDArray[Any], counts: Counts) -> None:
        both = (np.concatenate([self._values, values]), np.concatenate([self._counts, counts]))
        self._values, self._counts = _grouped(*both)
        while len(self._values) > self.limit:
            self.shift += 1
            self._values, self._counts = _grouped(self._values >> 1, self._counts)

    def number(self, raw: int | Fraction) -> float:
        """The number that a raw value stands for."""
        return float(Fraction(raw) * Fraction(2) ** -self.format.fraction)

    @property
    def mean(self) -> float:
        """The mean, rounded once."""
        return self.number(Fraction(self.total, self.count))

    @property
    def variance(self) -> float:
        """The variance of the values seen (not an estimate of a population's), rounded once."""
        exact = Fraction(self.squares, self.count) - Fraction(self.total, self.count) ** 2
        return float(exact * Fraction(4) ** -self.format.fraction)

    def quantile(self, share: Fraction) -> float:
        """The smallest value that at least ``share`` of all do not exceed; down to ``2**shift`` steps."""
        rank = max(-(-self.count * share.numerator // share.denominator), 1)
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        return self.number(int(self._values[place]) << self.shift)

    def histogram(self, bins: int) -> tuple[int, int, list[int]]:
        """Lowest raw value, raw values in each of at most ``bins`` equal bins, and the number in each."""
        low, high = int(self._values[0]), int(self._values[-1])
        step = -(-(high - low + 1) // bins)
        found = np.zeros(-(-(high - low + 1) // step), dtype=np.int64)
        np.add.at(found, ((self._values - low) // step).astype(np.int64), self._counts)
        return low << self.shift, step << self.shift, found.tolist()


def _tally(raw: Raw) -> tuple[npt.NDArray[Any], Counts]:
    """Different values, ascending, and how often each occurs."""
    low, high = int(raw.min()), int(raw.max())
    if raw.dtype == object or high - low >= max(LIMIT, 2 * raw.size):  # bins would be mostly empty
        values, counts = np.unique(raw, return_counts=True)
        return values, counts.astype(np.int64)
    counts = np.bincount((raw - low).astype(np.int64))
    there = np.flatnonzero(counts)
    return there + low, counts[there]


def _grouped(values: npt.NDArray[Any], counts: Counts) -> tuple[npt.NDArray[Any], Counts]:
    """Equal values as one."""
    kept, place = np.unique(values, return_inverse=True)
    summed = np.zeros(len(kept), dtype=np.int64)
    np.add.at(summed, place.ravel(), counts)
    return kept, summed


def _sum(values: npt.NDArray[Any], counts: Counts, power: int) -> int:
    """The exact sum of all values, or of their squares: digits of 20 bits, whose products and sums int64 holds."""
    size, largest = int(counts.sum()), max(abs(int(values[0])), abs(int(values[-1])))
    if values.dtype == object or largest >= 1 << 3 * DIGIT or size > MOST_ADDED:
        return sum(int(value) ** power * int(count) for value, count in zip(values, counts, strict=True))
    digits = [values & MASK, values >> DIGIT & MASK, values >> 2 * DIGIT]
    if power == 1:
        return sum(int((digit * counts).sum()) << DIGIT * k for k, digit in enumerate(digits))
    pairs = [(i, j) for i in range(3) for j in range(3)]
    return sum(int((digits[i] * digits[j] * counts).sum()) << DIGIT * (i + j) for i, j in pairs)
