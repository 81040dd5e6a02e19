"""The Pareto front of a training whose network gets cheaper while it learns: quality against EBOPs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Member:
    """A network of the front: its epoch, its EBOPs, and its quality on the watched rows (more is better)."""

    epoch: int
    ebops: int
    quality: float

    def beats(self, other: Member) -> bool:
        """Whether it is as good and as cheap as another, or better."""
        return self.ebops <= other.ebops and self.quality >= other.quality


def joined(front: Sequence[Member], new: Member) -> list[Member]:
    """The front with another network taken in, cheapest first, without those that it beats; or as it was."""
    if any(member.beats(new) for member in front):
        return list(front)
    return sorted([*(m for m in front if not new.beats(m)), new], key=lambda member: member.ebops)


def chosen(front: Sequence[Member], within: float) -> Member:
    """The cheapest member that is at most ``within`` worse than the best."""
    best = max(member.quality for member in front)
    return min((m for m in front if m.quality >= best - within), key=lambda m: m.ebops)


def spread(front: Sequence[Member], count: int) -> list[Member]:
    """At most ``count`` members, cheapest and dearest among them, in about equal ratios of EBOPs."""
    if len(front) <= count:
        return list(front)
    costs = np.log([max(1, member.ebops) for member in front])
    wanted = np.linspace(costs[0], costs[-1], count)
    return [front[k] for k in sorted({int(np.abs(costs - place).argmin()) for place in wanted})]
