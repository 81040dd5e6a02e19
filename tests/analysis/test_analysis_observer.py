"""Streaming statistics against rationals and numpy over everything at once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.analysis.observer import Observer
from bitwright.analysis.statistics import BINS, SHARES, summary
from bitwright.fixed import parse_format

FORMAT = parse_format("fixed<8,3>")
VALUES = st.lists(st.integers(-128, 127), min_size=1, max_size=60)


def seen(raw: npt.NDArray[Any], fmt: str = "fixed<8,3>", parts: int = 1, **options: int) -> Observer:
    observer = Observer(parse_format(fmt), **options)
    for part in np.array_split(raw, parts):
        observer.see(part)
    return observer


@given(VALUES, st.integers(1, 7))
def test_against_rationals(values: list[int], parts: int) -> None:
    found = summary("result", seen(np.array(values), parts=parts))
    numbers = [Fraction(v, 32) for v in values]
    mean = sum(numbers) / len(numbers)
    assert found.count == len(values)
    assert (found.minimum, found.maximum) == (float(min(numbers)), float(max(numbers)))
    assert found.mean == float(mean)
    assert found.variance == float(sum((n - mean) ** 2 for n in numbers) / len(numbers))
    assert found.zero_share == values.count(0) / len(values)
    assert found.at_lower_share == values.count(-128) / len(values)
    assert found.at_upper_share == values.count(127) / len(values)
    assert found.resolution == 2.0**-5


@given(VALUES, st.integers(1, 7))
def test_quantiles_are_values_in_order(values: list[int], parts: int) -> None:
    found, ordered = seen(np.array(values), parts=parts), sorted(values)
    for share in (*(Fraction(s) for s in SHARES), Fraction(0), Fraction(1), Fraction(1, 3)):
        first = next(v for k, v in enumerate(ordered, 1) if Fraction(k, len(values)) >= share)
        assert found.quantile(share) == first / 32


def test_quantiles_against_numpy() -> None:
    raw = np.random.default_rng(3).normal(0, 900, 5000).astype(np.int64)
    found = summary("result", seen(raw, "fixed<16,4>", parts=11))
    for share, value in found.quantiles.items():
        assert value == np.quantile(raw, float(share), method="inverted_cdf") * 2.0**-12
    assert found.mean == pytest.approx(raw.mean() * 2.0**-12, rel=1e-12)
    assert found.variance == pytest.approx(raw.var() * 2.0**-24, rel=1e-12)


@given(VALUES, st.integers(1, 9))
def test_histogram_against_counting(values: list[int], bins: int) -> None:
    start, step, counts = seen(np.array(values)).histogram(bins)
    assert len(counts) <= bins
    assert start == min(values)
    assert counts == [sum(start + k * step <= v < start + (k + 1) * step for v in values) for k in range(len(counts))]


def test_more_values_than_are_told_apart() -> None:
    """Range, mean and variance stay exact; quantiles are right to the resolution that is stated."""
    raw = np.random.default_rng(4).integers(-(10**6), 10**6, 4000)
    found, exact = seen(raw, "fixed<24,8>", parts=5, limit=256), seen(raw, "fixed<24,8>")
    assert found.shift > 0
    assert exact.shift == 0
    assert (found.low, found.high, found.total, found.squares) == (exact.low, exact.high, exact.total, exact.squares)
    for share in map(Fraction, SHARES):
        apart = exact.quantile(share) - found.quantile(share)
        assert 0 <= apart < summary("result", found).resolution
    assert sum(summary("result", found).histogram.counts) == len(raw)


@pytest.mark.parametrize("width", [40, 63, 64])
def test_wide_values_lose_nothing(width: int) -> None:
    ends = [-(2 ** (width - 1)), 2 ** (width - 1) - 1, 0, -1, 12345]
    raw = np.array(ends * 7, dtype=object)
    found = seen(raw, f"fixed<{width},10>", parts=3)
    assert found.squares == sum(v * v for v in ends) * 7
    assert found.total == sum(ends) * 7
    assert found.quantile(Fraction(1, 2)) == float(Fraction(0))
    unsigned = seen(np.array([2**width - 1, 0], dtype=object), f"ufixed<{width},10>")
    assert unsigned.high == 2**width - 1
    assert unsigned.at_upper == 1
    as_int64 = seen(np.array(ends * 7, dtype=np.int64), f"fixed<{width},10>")
    assert (as_int64.squares, as_int64.total) == (found.squares, found.total)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), st.sampled_from([10, 20, 40, 59, 60, 63]))
def test_sums_are_exact_at_every_width(values: list[int], bits: int) -> None:
    raw = [value >> (63 - bits) for value in values] * 3
    found = seen(np.array(raw, dtype=np.int64), "fixed<64,64>")
    assert (found.total, found.squares) == (sum(raw), sum(v * v for v in raw))


def test_nothing_seen_yet_changes_nothing() -> None:
    observer = seen(np.array([3, 4]))
    observer.see(np.zeros((0, 5), dtype=np.int64))
    assert (observer.count, observer.low, observer.high) == (2, 3, 4)


def test_one_value_alone() -> None:
    found = summary("bias", seen(np.array([5])))
    assert found.histogram.counts == (1,)
    assert found.variance == 0
    assert set(found.quantiles.values()) == {5 / 32}
    assert BINS >= 1
