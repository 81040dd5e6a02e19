"""Pareto fronts and their measures; every objective is minimised.

Dominance, hypervolume and ADRS by definition.  A set of points is an array (points, objectives).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


def dominates(a: Points, b: Points) -> bool:
    """Whether ``a`` is nowhere worse than ``b`` and somewhere better; both (objectives,)."""
    return bool((a <= b).all() and (a < b).any())


def is_front(points: Points) -> npt.NDArray[np.bool_]:
    """Which of the points no other one dominates; of equal points all or none."""
    keep = np.ones(len(points), dtype=np.bool_)
    for i, point in enumerate(points):
        if keep[i]:
            beaten = (points >= point).all(axis=1) & (points > point).any(axis=1)
            keep &= ~beaten
    return keep


def front(points: Points) -> Points:
    """The points that no other one dominates, each once, sorted."""
    return np.unique(points[is_front(points)], axis=0) if len(points) else points


def hypervolume(points: Points, reference: Points) -> float:
    """The volume that ``points`` dominate and that dominates ``reference`` (Zitzler and Thiele, PPSN 1998).

    Exact: slices along the last objective, each of them a front of one objective less.

    Args:
        points: (points, objectives); those that are not better than the reference everywhere count nothing.
        reference: (objectives,), the corner.
    """
    inside = points[(points < reference).all(axis=1)]
    return _volume(front(inside), reference) if len(inside) else 0.0


def _volume(points: Points, reference: Points) -> float:
    """Of a front; the points sorted by their first objective, which in two dimensions falls in the second."""
    if points.shape[1] == 1:
        return float(reference[0] - points[:, 0].min())
    if points.shape[1] == 2:
        ends = np.append(points[1:, 0], reference[0])
        return float(((ends - points[:, 0]) * (reference[1] - points[:, 1])).sum())
    order = points[np.argsort(points[:, -1], kind="stable")]
    edges = np.append(order[1:, -1], reference[-1])
    total = 0.0
    for k, thickness in enumerate(edges - order[:, -1]):
        if thickness > 0:
            total += float(thickness) * _volume(front(order[: k + 1, :-1]), reference[:-1])
    return total


def improvements(points: Points, pool: Points, reference: Points) -> Points:
    """How much hypervolume each of ``pool`` (candidates, objectives) would add alone to ``points``: (candidates,).

    Exact, by slabs along the last objective: within one, the points that reach it are a set of one objective less.
    """
    inside = points[(points < reference).all(axis=1)]
    if len(reference) == 1:
        return np.maximum(min([*inside[:, 0], reference[0]]) - pool[:, 0], 0.0)
    edges = np.concatenate([[-np.inf], np.unique(inside[:, -1]), reference[-1:]])
    total = np.zeros(len(pool))
    for low, high in pairwise(edges):
        thickness = np.maximum(high - np.maximum(pool[:, -1], low), 0.0)
        below = front(inside[inside[:, -1] <= low, :-1])
        reached = thickness > 0
        total[reached] += thickness[reached] * improvements(below, pool[reached, :-1], reference[:-1])
    return total


def adrs(found: Points, truth: Points) -> float:
    """Average distance from the reference set: how far, relatively, the true front is from what was found.

    ``1/|T| sum_t min_f max_j max(0, (f_j - t_j) / t_j)`` (Palermo, Silvano and Zaccaria, TCAD 2009; the measure of
    Sherlock, Gautier et al., TODAES 2022).  0: the whole front was found.  Where ``t_j`` is 0, the smallest positive
    value of that objective in the truth takes its place as divisor.

    Args:
        found: (points, objectives), any of them; not negative.
        truth: the true front.

    Raises:
        ValueError: one of the sets is empty, or a value is negative.
    """
    if not len(found) or not len(truth):
        raise ValueError("ADRS is of two sets that are not empty")
    if found.min() < 0 or truth.min() < 0:
        raise ValueError("ADRS is relative: no objective may be negative")
    excess = np.maximum(found[None, :, :] - truth[:, None, :], 0.0) / _divisors(truth)[:, None, :]
    return float(excess.max(axis=2).min(axis=1).mean())


def _divisors(truth: Points) -> Points:
    """The truth, its zeros replaced by the smallest positive value of their objective (1 if there is none)."""
    smallest = np.array([column[column > 0].min() if (column > 0).any() else 1.0 for column in truth.T])
    return np.where(truth > 0, truth, smallest)
