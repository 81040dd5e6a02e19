"""What is seen of a tensor while batches stream by: ranges, moments, a histogram, the values farthest out.

The histogram is log-linear, as HdrHistogram's: each power of two is divided into equal parts.  So it needs no range
beforehand, its resolution is relative, and batches in any order and of any size give the same counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright.quant.float_model import Floats

PARTS = 512
"""Bins for each power of two: a bin is at most 1/512 of its values wide."""
LEAST, MOST = -40, 41
"""Powers of two: below ``2**(LEAST-1)`` a value is counted in the first bin, above ``2**(MOST-1)`` in the last."""
OCTAVES = MOST - LEAST
KEPT = 64
"""Values farthest from zero that are kept with their places."""
GRID = 24
"""Fraction bits that are looked for in inputs."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Extreme:
    """A value far out, the row of the data and the element of the tensor where it was."""

    value: float
    row: int
    element: int


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was seen of one tensor.

    Attributes:
        count: values seen.
        low: the smallest value; ``high``: the largest.
        mean: of all values; ``deviation``: their standard deviation.
        zeros: values that are zero.
        channel_low: the smallest value of each channel (the last axis); ``channel_high``: the largest.
        channel_mean: of each channel.
        negative: counts of the values below zero by magnitude, smallest first, as :func:`edges` divides them.
        positive: of those above zero.
        extremes: the values farthest from zero, farthest first.
        fraction: fraction bits that hold every value exactly; None if more than GRID.
    """

    count: int
    low: float
    high: float
    mean: float
    deviation: float
    zeros: int
    channel_low: Floats
    channel_high: Floats
    channel_mean: Floats
    negative: Counts
    positive: Counts
    extremes: tuple[Extreme, ...]
    fraction: int | None

    @property
    def magnitude(self) -> float:
        """The largest distance from zero."""
        return max(abs(self.low), abs(self.high))

    @property
    def signed(self) -> bool:
        """Whether there are values below zero."""
        return self.low < 0

    @property
    def channel_magnitude(self) -> Floats:
        """The largest distance from zero in each channel."""
        return np.maximum(np.abs(self.channel_low), np.abs(self.channel_high))


def edges() -> Floats:
    """The magnitudes between which the bins lie, OCTAVES * PARTS + 1 of them."""
    octaves = 2.0 ** np.arange(LEAST - 1, MOST - 1)
    inner = octaves[:, None] * (1 + np.arange(PARTS) / PARTS)
    return np.append(inner.ravel(), 2.0 ** (MOST - 1))


def centres() -> Floats:
    """The magnitude that each bin stands for."""
    ends = edges()
    return (ends[1:] + ends[:-1]) / 2


class Observer:
    """Takes batches of one tensor; :meth:`result` says what was seen."""

    def __init__(self, channels: int) -> None:
        self._count = self._zeros = 0
        self._sums = np.zeros((2, channels))
        self._low, self._high = np.full(channels, np.inf), np.full(channels, -np.inf)
        self._bins = np.zeros((2, OCTAVES * PARTS), dtype=np.int64)
        self._extremes: list[Extreme] = []
        self._fraction: int | None = 0

    def update(self, values: Floats, first_row: int) -> None:
        """Look at one batch (rows, *shape), of which the first row is row ``first_row`` of the data."""
        channels = values.reshape(-1, values.shape[-1])
        self._count += values.size
        self._zeros += int(np.count_nonzero(values == 0))
        self._sums += channels.sum(axis=0), np.square(channels).sum(axis=0)
        self._low = np.minimum(self._low, channels.min(axis=0))
        self._high = np.maximum(self._high, channels.max(axis=0))
        self._count_bins(values.ravel())
        self._keep_extremes(values.reshape(len(values), -1), first_row)
        self._find_grid(values)

    def _count_bins(self, values: Floats) -> None:
        mantissa, power = np.frexp(np.abs(values))
        part = ((mantissa - 0.5) * (2 * PARTS)).astype(np.int64)
        index = np.clip((power.astype(np.int64) - LEAST) * PARTS + part, 0, OCTAVES * PARTS - 1)
        for side, here in enumerate((values < 0, values > 0)):
            self._bins[side] += np.bincount(index[here], minlength=OCTAVES * PARTS)

    def _keep_extremes(self, rows: Floats, first_row: int) -> None:
        flat = np.abs(rows).ravel()
        least = abs(self._extremes[-1].value) if len(self._extremes) == KEPT else -1.0
        far = np.flatnonzero(flat > least)
        if len(far) > KEPT:
            far = far[np.argsort(-flat[far], kind="stable")[:KEPT]]
        found = [Extreme(float(rows.flat[i]), first_row + int(i) // rows.shape[1], int(i) % rows.shape[1]) for i in far]
        self._extremes = sorted([*self._extremes, *found], key=lambda e: (-abs(e.value), e.row, e.element))[:KEPT]

    def _find_grid(self, values: Floats) -> None:
        while self._fraction is not None:
            scaled = values * 2.0**self._fraction
            if np.array_equal(scaled, np.rint(scaled)):
                return
            self._fraction = self._fraction + 1 if self._fraction < GRID else None

    def result(self) -> Observed:
        """What was seen so far."""
        mean = self._sums[0].sum() / self._count
        variance = max(self._sums[1].sum() / self._count - mean**2, 0.0)
        return Observed(
            count=self._count, low=float(self._low.min()), high=float(self._high.max()), mean=float(mean),
            deviation=float(np.sqrt(variance)), zeros=self._zeros, channel_low=self._low.copy(),
            channel_high=self._high.copy(), channel_mean=self._sums[0] / (self._count / len(self._low)),
            negative=self._bins[0].copy(), positive=self._bins[1].copy(), extremes=tuple(self._extremes),
            fraction=self._fraction,
        )  # fmt: skip


def observe(values: Floats) -> Observed:
    """What is to be seen of an array (..., channels) that is there as a whole, such as weights."""
    observer = Observer(values.shape[-1])
    observer.update(np.asarray(values, dtype=np.float64)[None], 0)
    return observer.result()
