"""The search: ask a sampler, evaluate, until the budget is spent; and the ways in which a search ends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bitwright.errors import ConfigError, UsageError
from bitwright.explore.active import ActiveSampler
from bitwright.explore.samplers import OptunaSampler, RandomSampler, Sampler, Seen
from bitwright.explore.space import Point, Space
from bitwright.explore.store import Evaluation
from bitwright.explore.study import Say, Study

SAMPLERS: dict[str, Callable[[Space], Sampler]] = {
    "active": ActiveSampler,
    "tpe": lambda space: OptunaSampler(space, "tpe"),
    "nsga2": lambda space: OptunaSampler(space, "nsga2"),
    "random": RandomSampler,
}
HOPELESS = 10
"""Candidates, none of which can be built, after which a space is said to contain nothing valid."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: a number of evaluations of the study in all, or minutes of this run."""

    evaluations: int | None = None
    minutes: float | None = None
    started: float = field(default_factory=time.monotonic)

    @staticmethod
    def parse(text: str) -> Budget:
        """``200`` evaluations, or ``30m``.

        Raises:
            UsageError: neither.
        """
        if re.fullmatch(r"[1-9]\d*", text):
            return Budget(evaluations=int(text))
        if re.fullmatch(r"\d+(\.\d+)?m", text) and float(text[:-1]) > 0:
            return Budget(minutes=float(text[:-1]))
        raise UsageError(f"'{text}' is no budget", hint="a number of evaluations, such as 200, or minutes, such as 30m")

    def is_spent(self, evaluations: int) -> bool:
        """Whether the search is over."""
        if self.evaluations is not None:
            return evaluations >= self.evaluations
        return self.minutes is not None and time.monotonic() - self.started >= 60 * self.minutes


def search(study: Study, space: Space, sampler: Sampler, budget: Budget, seed: int, say: Say) -> int:
    """Evaluate candidates until the budget is spent or the space exhausted; the number evaluated by this call.

    Raises:
        ConfigError: nothing in the space can be built.
    """
    done = 0
    while True:
        known = study.evaluations()
        seen, taken = seen_of(space, known), _claimed(study, space)
        _demand_hope(known, space, exhausted=False)
        if budget.is_spent(len(seen) + len(taken)):
            return done
        proposal = sampler.propose([*seen, *taken], seed)
        if proposal is None:
            _demand_hope(known, space, exhausted=True)
            say(f"all {len(seen)} candidates of the space are evaluated")
            return done
        if study.evaluate(space.candidate(proposal.point), known, dict(proposal.notes)):
            done += 1
            say(_progress(study, space, proposal.point))


def seen_of(space: Space, known: Sequence[Evaluation]) -> list[Seen]:
    """What a sampler is told: the evaluations that are of the space."""
    found = []
    for entry in known:
        point = space.point(entry.candidate)
        if point is not None:
            values = entry.figures.objectives() if entry.figures else None
            found.append(Seen(point, values, entry.notes or {}))
    return found


def _claimed(study: Study, space: Space) -> list[Seen]:
    """What other workers are at."""
    points = [space.point(candidate) for candidate in study.store.claims(study.key)]
    return [Seen(point, None) for point in points if point is not None]


def _demand_hope(known: Sequence[Evaluation], space: Space, *, exhausted: bool) -> None:
    of_space = [entry for entry in known if space.point(entry.candidate) is not None]
    enough = len(of_space) >= HOPELESS or exhausted
    if of_space and enough and all(entry.figures is None for entry in of_space):
        first = of_space[0]
        raise ConfigError(
            f"the search space contains nothing valid: none of {len(of_space)} candidates can be built; the first:"
            f" {first.problem.splitlines()[0]}",
            where=first.candidate.words(),
            hint="give wider types or other reuse factors in the space file",
        )


def _progress(study: Study, space: Space, point: Point) -> str:
    candidate = space.candidate(point)
    entry = next(entry for entry in reversed(study.evaluations()) if entry.candidate == candidate)
    if entry.figures is None:
        return f"{candidate.words()}: cannot be built, {entry.problem.splitlines()[0]}"
    lut = f"{entry.figures.lut:,.0f} LUT" + ("" if entry.figures.is_real else " foretold")
    return f"{candidate.words()}: {entry.figures.accuracy:.2%}, {lut}, {entry.figures.latency_cycles} clocks"
