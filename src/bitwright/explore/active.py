"""Active learning of the Pareto front, in the manner of Sherlock (Gautier et al., TODAES 2022).

A model of each objective is learned from what was seen; next comes the point that most improves the estimated front.
Which kind of model an objective gets is decided by cross-validation, as Sherlock chooses its model; where no point is
expected to improve anything, the one nearest to the front comes next.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from bitwright.explore.pareto import Points, front, improvements
from bitwright.explore.samplers import Proposal, Seen, fresh
from bitwright.explore.space import Point, Space

MOST = 4000
"""Points whose improvement is estimated at a time; of a larger space some at random and all near the front."""
FOLDS = 4
RESELECT = 12
"""Evaluations after which the kinds of model are chosen anew."""
MARGIN = 0.1
"""How far beyond the worst values seen the reference of the hypervolume lies, of their range."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ActiveSampler:
    """See the module.

    Attributes:
        space: what is searched.
        startup: points spread over the space before there is a model.
        optimism: standard deviations by which predictions are taken to be better than their mean.
    """

    space: Space
    startup: int = 12
    optimism: float = 0.5

    def propose(self, seen: Sequence[Seen], seed: int) -> Proposal | None:
        """See :class:`bitwright.explore.samplers.Sampler`."""
        rng = np.random.default_rng((seed, len(seen)))
        whole = [entry for entry in seen if entry.values is not None]
        if len(whole) < self.startup:
            return self._spread(seen, rng)
        known = {entry.point for entry in seen}
        pool = [point for point in self._pool(whole, rng) if point not in known]
        if not pool:
            point = fresh(self.space, whole[0].point, seen, rng)
            return None if point is None else Proposal(point)
        values = np.array([entry.values for entry in whole])
        optimistic = self._predict(self._encode([entry.point for entry in whole]), values, self._encode(pool))
        return Proposal(pool[_best(front(_scaled(values)), optimistic)])

    def _spread(self, seen: Sequence[Seen], rng: np.random.Generator) -> Proposal | None:
        """Of some random points the one farthest from all that were seen."""
        drawn = [self.space.draw(rng) for _ in range(64)]
        if not seen:
            return Proposal(drawn[0])
        gaps = self._encode(drawn)[:, None, :] - self._encode([entry.point for entry in seen])[None, :, :]
        point = fresh(self.space, drawn[int(np.abs(gaps).sum(axis=2).min(axis=1).argmax())], seen, rng)
        return None if point is None else Proposal(point)

    def _pool(self, whole: Sequence[Seen], rng: np.random.Generator) -> list[Point]:
        """Every point of a small space; of a large one random points, mixtures and neighbours of the front."""
        if self.space.size <= MOST:
            return list(self.space.points())
        values = np.array([entry.values for entry in whole])
        best = {tuple(row) for row in front(values)}
        parents = [entry.point for entry in whole if entry.values in best]
        near = {other for point in parents for other in self.space.neighbours(point)}
        mixed = {_mixed(parents, rng) for _ in range(MOST // 4)}
        steps = {other for point in islice(mixed, MOST // 20) for other in self.space.neighbours(point)}
        drawn = {self.space.draw(rng) for _ in range(MOST // 4)}
        return sorted(near | mixed | steps | drawn)

    def _encode(self, points: Sequence[Point]) -> Floats:
        """Each knob as a number from 0 to 1, its place among the values."""
        steps = np.array([max(len(knob.values) - 1, 1) for knob in self.space.knobs], dtype=np.float64)
        return np.array(points, dtype=np.float64).reshape(len(points), len(steps)) / steps

    def _predict(self, x: Floats, values: Points, pool: Floats) -> Floats:
        """What each objective, scaled, would be at best."""
        settled = max(len(x) // RESELECT * RESELECT, min(len(x), RESELECT))
        first, y = _scaled(values[:settled]), _scaled(values)
        columns = []
        for k in range(y.shape[1]):
            kind = _chosen_kind(_Table.of(x[:settled], first[:, k]))
            mean, deviation = _predicted(kind, x, y[:, k], pool)
            columns.append(mean - self.optimism * deviation)
        return np.stack(columns, axis=1)


def _mixed(parents: Sequence[Point], rng: np.random.Generator) -> Point:
    """Each knob from one of two points of the front, and now and then one step away."""
    a, b = (parents[int(rng.integers(len(parents)))] for _ in range(2))
    return tuple(int(i if rng.random() < 0.5 else j) for i, j in zip(a, b, strict=True))


def _scaled(values: Points) -> Points:
    """Each objective from 0 to 1 over what was seen; LUTs by their logarithm, as they span decades."""
    values = values.copy()
    values[:, 1] = np.log(np.maximum(values[:, 1], 1.0))
    low, high = values.min(axis=0), values.max(axis=0)
    return np.asarray((values - low) / np.where(high > low, high - low, 1.0))


def _best(known: Points, pool: Points) -> int:
    """The candidate that adds most to the front; where none adds anything, the one nearest to it."""
    reference = np.full(known.shape[1], 1.0 + MARGIN)
    gains = improvements(known, pool, reference)
    if gains.max() > 0:
        return int(gains.argmax())
    distance = (pool[:, None, :] - known[None, :, :]).max(axis=2).min(axis=1)
    return int(distance.argmin())


# --- models ------------------------------------------------------------------------------------


def _models() -> dict[str, Any]:
    kernel = Matern(length_scale=1.0, length_scale_bounds=(0.05, 20.0), nu=2.5) + WhiteKernel(1e-3, (1e-7, 1e-1))
    return {
        "gaussian process": GaussianProcessRegressor(kernel, normalize_y=True, random_state=0),
        "trees": ExtraTreesRegressor(n_estimators=60, min_samples_leaf=2, random_state=0),
    }


def _predicted(kind: str, x: Floats, y: Floats, pool: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation at each point of the pool."""
    if np.ptp(y) == 0:
        return np.full(len(pool), y[0]), np.zeros(len(pool))
    model = _models()[kind]
    with warnings.catch_warnings():  # a kernel at the end of its bounds is still the best one within them
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    if kind == "trees":
        each = np.stack([tree.predict(pool) for tree in model.estimators_])
        return each.mean(axis=0), each.std(axis=0)
    mean, deviation = model.predict(pool, return_std=True)
    return mean, deviation


@dataclass(frozen=True, slots=True)
class _Table:
    """The data that decide a kind of model, hashable."""

    x: tuple[tuple[float, ...], ...]
    y: tuple[float, ...]

    @staticmethod
    def of(x: Floats, y: Floats) -> _Table:
        return _Table(tuple(map(tuple, x.tolist())), tuple(y.tolist()))


@lru_cache(maxsize=64)
def _chosen_kind(table: _Table) -> str:
    """The kind with the smallest error on rows that it has not seen."""
    x, y = np.array(table.x), np.array(table.y)
    fold = np.arange(len(y)) % FOLDS
    errors = {}
    for kind in _models():
        misses = [np.square(_predicted(kind, x[fold != k], y[fold != k], x[fold == k])[0] - y[fold == k]).sum()
                  for k in range(FOLDS)]  # fmt: skip
        errors[kind] = float(sum(misses))
    return min(errors, key=lambda kind: errors[kind])
