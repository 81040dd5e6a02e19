"""Dominance, hypervolume, its improvement and ADRS against their definitions, by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.explore.pareto import adrs, dominates, front, hypervolume, improvements, is_front

GRID = 6


@st.composite
def sets(draw: st.DrawFn, most: int = 8) -> np.ndarray:
    """Whole numbers, so that ties are common and volumes exact."""
    dimensions = draw(st.integers(1, 4))
    rows = draw(st.integers(1, most))
    number = st.integers(0, GRID + 1)
    drawn = draw(st.lists(st.lists(number, min_size=dimensions, max_size=dimensions), min_size=rows, max_size=rows))
    return np.array(drawn, dtype=np.float64)


def counted(points: np.ndarray, dimensions: int) -> int:
    """Unit cells below the reference (GRID, ...) that some point dominates."""
    cells = itertools.product(range(GRID), repeat=dimensions)
    return sum(any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points) for cell in cells)


def beats(a: np.ndarray, b: np.ndarray) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


@given(sets())
def test_the_front_by_definition(points: np.ndarray) -> None:
    expected = [not any(beats(other, point) for other in points) for point in points]
    assert is_front(points).tolist() == expected
    assert {tuple(p) for p in front(points)} == {tuple(p) for p, k in zip(points, expected, strict=True) if k}
    for a, b in itertools.product(points, repeat=2):
        assert dominates(a, b) == beats(a, b)


@given(sets())
def test_the_hypervolume_is_the_number_of_cells(points: np.ndarray) -> None:
    dimensions = points.shape[1]
    assert hypervolume(points, np.full(dimensions, float(GRID))) == counted(points, dimensions)


@given(sets(), st.data())
def test_an_improvement_is_the_difference_of_two_volumes(points: np.ndarray, data: st.DataObject) -> None:
    dimensions = points.shape[1]
    number = st.integers(0, GRID + 1)
    drawn = data.draw(st.lists(st.lists(number, min_size=dimensions, max_size=dimensions), min_size=1, max_size=5))
    pool, corner = np.array(drawn, dtype=np.float64), np.full(dimensions, float(GRID))
    expected = [hypervolume(np.vstack([points, one]), corner) - hypervolume(points, corner) for one in pool]
    assert improvements(points, pool, corner).tolist() == expected


def test_no_point_has_no_volume() -> None:
    assert hypervolume(np.zeros((0, 2)), np.ones(2)) == 0
    assert improvements(np.zeros((0, 2)), np.array([[0.25, 0.5]]), np.ones(2)).tolist() == [0.375]


@given(sets(), st.data())
def test_adrs_by_definition(truth: np.ndarray, data: st.DataObject) -> None:
    truth = front(truth + 1)
    number = st.integers(1, GRID)
    found = np.array(
        data.draw(st.lists(st.lists(number, min_size=truth.shape[1], max_size=truth.shape[1]), min_size=1, max_size=5)),
        dtype=np.float64,
    )
    total = 0.0
    for t in truth:
        total += min(max(max(0.0, (f[j] - t[j]) / t[j]) for j in range(len(t))) for f in found)
    assert adrs(found, truth) == pytest.approx(total / len(truth), abs=1e-12)
    assert adrs(np.vstack([found, truth]), truth) == 0


def test_adrs_of_a_truth_with_a_zero() -> None:
    truth = np.array([[0.5, 0.0], [0.25, 100.0]])
    assert adrs(np.array([[0.5, 50.0], [0.25, 100.0]]), truth) == pytest.approx(0.25), "50 relative to 100, halved"


@pytest.mark.parametrize("found", [np.zeros((0, 2)), np.array([[-1.0, 1.0]])])
def test_adrs_refuses_what_it_is_not_defined_for(found: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"empty|negative"):
        adrs(found, np.ones((1, 2)))
