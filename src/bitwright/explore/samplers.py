"""Which candidate comes next: at random, or by Optuna's multi-objective samplers.

A sampler is a function of what was seen and of a seed: nothing else is remembered, so that a search that was killed
goes on as if it had not been, and any number of workers may ask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bitwright.explore.space import Point, Space


@dataclass(frozen=True, slots=True)
class Seen:
    """One point that was evaluated; ``values`` are its objectives, None where it cannot be built."""

    point: Point
    values: tuple[float, ...] | None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The next point, and what the sampler wants to be told with it later."""

    point: Point
    notes: Mapping[str, Any] = field(default_factory=dict)


class Sampler(Protocol):
    """Chooses points."""

    def propose(self, seen: Sequence[Seen], seed: int) -> Proposal | None:
        """A point that is not among ``seen``; None where the whole space is."""


def fresh(space: Space, point: Point, seen: Sequence[Seen], rng: np.random.Generator) -> Point | None:
    """The point itself, or one of the nearest that was not seen; None where all were."""
    known = {entry.point for entry in seen}
    waiting, met = deque([point]), {point}
    while waiting:
        here = waiting.popleft()
        if here not in known:
            return here
        near = [other for other in space.neighbours(here) if other not in met]
        met.update(near)
        waiting.extend(near[k] for k in rng.permutation(len(near)))
    return None


@dataclass(frozen=True, slots=True)
class RandomSampler:
    """Uniform over the space, no point twice."""

    space: Space

    def propose(self, seen: Sequence[Seen], seed: int) -> Proposal | None:
        """See :class:`Sampler`."""
        rng = np.random.default_rng((seed, len(seen)))
        point = fresh(self.space, self.space.draw(rng), seen, rng)
        return None if point is None else Proposal(point)


@dataclass(frozen=True, slots=True)
class OptunaSampler:
    """Optuna's ``tpe`` (multi-objective TPE) or ``nsga2``: a study in memory, made of what was seen."""

    space: Space
    kind: str = "tpe"
    population: int = 24
    """Of NSGA-II, for each generation."""
    startup: int = 12
    """Random points before TPE has a model."""

    def propose(self, seen: Sequence[Seen], seed: int) -> Proposal | None:
        """See :class:`Sampler`."""
        import optuna  # noqa: PLC0415  (half a second that other samplers need not pay)

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        whole = [entry for entry in seen if entry.values is not None]
        study = optuna.create_study(
            directions=["minimize"] * len(whole[0].values or ()) if whole else ["minimize", "minimize"],
            sampler=self._sampler(optuna, (seed * 1_000_003 + len(seen)) % 2**32),
        )
        ranges = self._ranges(optuna)
        study.add_trials([_trial(optuna, entry, ranges) for entry in whole])
        trial = study.ask(ranges)
        asked = tuple(int(trial.params[name]) for name in ranges)
        point = fresh(self.space, asked, seen, np.random.default_rng((seed, len(seen))))
        return None if point is None else Proposal(point, dict(study.trials[-1].system_attrs))

    def _sampler(self, optuna: Any, seed: int) -> Any:
        if self.kind == "nsga2":
            return optuna.samplers.NSGAIISampler(population_size=self.population, seed=seed)
        return optuna.samplers.TPESampler(n_startup_trials=self.startup, multivariate=True, seed=seed)

    def _ranges(self, optuna: Any) -> dict[str, Any]:
        """An index for each knob: widths and factors are ordered, strategies are not."""
        kinds = optuna.distributions
        return {
            knob.name: kinds.CategoricalDistribution(list(range(len(knob.values))))
            if isinstance(knob.values[0], str)
            else kinds.IntDistribution(0, len(knob.values) - 1)
            for knob in self.space.knobs
        }


def _trial(optuna: Any, entry: Seen, ranges: Mapping[str, Any]) -> Any:
    params = dict(zip(ranges, entry.point, strict=True))
    return optuna.trial.create_trial(
        params=params, distributions=dict(ranges), values=list(entry.values or ()), system_attrs=dict(entry.notes)
    )
