"""Samplers: functions of what was seen, never the same point twice, and better than chance where there is a shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from explore_doubles import space

from bitwright.explore.active import ActiveSampler
from bitwright.explore.pareto import adrs, front
from bitwright.explore.samplers import OptunaSampler, RandomSampler, Sampler, Seen, fresh
from bitwright.explore.search import SAMPLERS
from bitwright.explore.space import Knob, Point, Space

WIDE = Space(tuple(Knob(f"k{i}.weights", tuple(range(2, 7)), (f"k{i}.weights",)) for i in range(4)))


def objectives(point: Point) -> tuple[float, float, float]:
    """Wider costs more and errs less, some knobs more than others."""
    error = 0.1 + sum(0.2 * 2.0 ** -(i * (k + 1) / 2) for k, i in enumerate(point))
    lut = sum(100.0 * (k + 1) * (i + 2) for k, i in enumerate(point))
    return (error, lut, 3.0)


def run(sampler: Sampler, evaluations: int, seed: int = 1) -> list[Seen]:
    seen: list[Seen] = []
    while len(seen) < evaluations:
        proposal = sampler.propose(seen, seed)
        assert proposal is not None
        seen.append(Seen(proposal.point, objectives(proposal.point), proposal.notes))
    return seen


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_point_comes_twice_and_the_space_ends(name: str) -> None:
    small = Space(WIDE.knobs[:2])
    sampler = SAMPLERS[name](small)
    seen: list[Seen] = []
    for _ in range(small.size):
        proposal = sampler.propose(seen, 7)
        assert proposal is not None
        seen.append(Seen(proposal.point, (*objectives((*proposal.point, 0, 0)),), proposal.notes))
    assert len({entry.point for entry in seen}) == small.size == 25
    assert sampler.propose(seen, 7) is None


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_comes_next_depends_on_nothing_but_what_was_seen(name: str) -> None:
    whole = run(SAMPLERS[name](WIDE), 30)
    resumed = SAMPLERS[name](WIDE)
    for cut in (0, 5, 13, 26, 29):
        proposal = resumed.propose(whole[:cut], 1)
        assert proposal is not None
        assert proposal.point == whole[cut].point


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_that_cannot_be_built_are_left(name: str) -> None:
    made = space()
    seen = [Seen(point, None) for point in list(made.points())[:20]]
    for _ in range(16):
        proposal = SAMPLERS[name](made).propose(seen, 3)
        assert proposal is not None
        assert proposal.point not in {entry.point for entry in seen}
        seen.append(Seen(proposal.point, (0.5, 100.0 + len(seen), 3.0), proposal.notes))


def test_nsga2_remembers_its_generations() -> None:
    seen = run(OptunaSampler(WIDE, "nsga2", population=8), 20)
    generations = [value for entry in seen for key, value in entry.notes.items() if "generation" in key]
    assert generations == [0] * 8 + [1] * 8 + [2] * 4


def test_the_nearest_unseen_point() -> None:
    seen = [Seen((2, 2, 2, 2), None)]
    found = fresh(WIDE, (2, 2, 2, 2), seen, np.random.default_rng(1))
    assert found in set(WIDE.neighbours((2, 2, 2, 2)))


@pytest.mark.parametrize("make", [ActiveSampler, OptunaSampler])
def test_a_sampler_beats_chance(make: Callable[[Space], Sampler]) -> None:
    """Distance from the true front after 50 of 625 evaluations, over three seeds."""
    truth = front(np.array([objectives(point) for point in WIDE.points()]))

    def distance(sampler: Sampler) -> float:
        found = [[entry.values for entry in run(sampler, 50, seed)] for seed in (1, 2, 3)]
        return float(np.mean([adrs(np.array(values), truth) for values in found]))

    assert distance(make(WIDE)) < 0.8 * distance(RandomSampler(WIDE))
