"""When words move through a design of blocks: latency, initiation interval and queue depths, clock by clock.

The model has the registers of the SystemVerilog that count: a block takes a word when all its streams offer one,
a place in its output FIFO is free and its interval has passed; the result is offered ``latency + 1`` clocks later.
Benches measure the same figures on the RTL and fail where they differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bitwright.errors import UnsupportedLayerError

SOURCE, SINK = "", "out"
"""The network's input and output streams."""

MOST_WORDS = 256
"""Deepest queue that is tried on a branch."""


@dataclass(frozen=True, slots=True)
class Node:
    """A block: clocks from a word to its result, clocks between words, words in its FIFO and pipeline."""

    name: str
    latency: int
    interval: int
    depth: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A stream from the block (or SOURCE) ``source`` to the block (or SINK) ``target``; ``depth`` 0: no queue."""

    source: str
    target: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a design does.

    Attributes:
        latency: clocks from the first word taken to its result offered, in an idle design.
        interval: clocks between words in the long run.
        capacity: words that it takes while nothing is taken from it.
        edges: with the depths of their queues.
    """

    latency: int
    interval: int
    capacity: int
    edges: tuple[Edge, ...]


def schedule(nodes: Sequence[Node], edges: Sequence[Edge]) -> Schedule:
    """The smallest queues (powers of two) that keep the interval of the slowest block, and the resulting figures.

    Raises:
        UnsupportedLayerError: a branch would need more than MOST_WORDS words.
    """
    wanted = max((node.interval for node in nodes), default=1)
    targets = [edge.target for edge in edges]
    branches = [i for i, edge in enumerate(edges) if targets.count(edge.target) > 1]
    chosen = list(edges)
    if branches and _interval(nodes, chosen) != wanted:
        chosen = _deepened(nodes, chosen, branches, wanted)
    run = _Run(nodes, chosen)
    times = run.go(_words(nodes), taking=True)
    blocked = _Run(nodes, chosen).go(10_000, taking=False)
    return Schedule(
        times.delivered[0] - times.accepted[0], _steady(times.delivered), len(blocked.accepted), tuple(chosen)
    )


def _deepened(nodes: Sequence[Node], edges: list[Edge], branches: list[int], wanted: int) -> list[Edge]:
    chosen = [_deep(edge, MOST_WORDS) if i in branches else edge for i, edge in enumerate(edges)]
    if _interval(nodes, chosen) != wanted:
        target = edges[branches[0]].target
        raise UnsupportedLayerError(
            f"the branches before block '{target}' differ by more than {MOST_WORDS} words",
            where=target,
            hint="choose reuse factors that are closer to each other",
        )
    for i in branches:
        while chosen[i].depth:
            tried = [
                *chosen[:i],
                _deep(chosen[i], chosen[i].depth // 2 if chosen[i].depth > 2 else 0),
                *chosen[i + 1 :],
            ]
            if _interval(nodes, tried) != wanted:
                break
            chosen = tried
    return chosen


def _deep(edge: Edge, depth: int) -> Edge:
    return Edge(edge.source, edge.target, depth)


def _words(nodes: Sequence[Node]) -> int:
    """Enough words to fill the design and see its steady state."""
    return 2 * len(nodes) + sum(node.depth for node in nodes if node.interval > 1) + 8


def _interval(nodes: Sequence[Node], edges: Sequence[Edge]) -> int:
    """The interval in the long run; 0 where the design stops."""
    return _steady(_Run(nodes, edges).go(_words(nodes), taking=True).delivered)


def _steady(delivered: list[int]) -> int:
    """The last intervals' largest; 0 where too few words came."""
    last = delivered[-5:]
    return max((b - a for a, b in pairwise(last)), default=0)


@dataclass(slots=True)
class Times:
    """Clocks at which words were taken by the design and from it."""

    accepted: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)


class _Queue:
    """Words between two handshakes: the clock from which each is offered, and free places."""

    def __init__(self, depth: int) -> None:
        self.offered: deque[int] = deque()
        self.free = depth
        self.given = 0  # places that are free from the next clock on

    def has(self, clock: int) -> bool:
        return bool(self.offered) and self.offered[0] <= clock

    def put(self, when: int) -> None:
        self.offered.append(when)
        self.free -= 1

    def take(self) -> None:
        self.offered.popleft()
        self.given += 1

    def tick(self) -> None:
        self.free += self.given
        self.given = 0


class _Run:
    """One simulation."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.nodes, self.edges = list(nodes), list(edges)
        self.words = {node.name: _Queue(node.depth) for node in nodes}
        self.queues: Mapping[int, _Queue] = {i: _Queue(e.depth) for i, e in enumerate(edges) if e.depth}
        self.ready_at = dict.fromkeys((node.name for node in nodes), 0)
        self.taken = [False] * len(self.edges)  # this reader of a fork has taken the word
        self.inputs = {n: [i for i, e in enumerate(edges) if e.target == n] for n in (*self.words, SINK)}
        self.outputs = {n: [i for i, e in enumerate(edges) if e.source == n] for n in (*self.words, SOURCE)}

    def go(self, count: int, *, taking: bool) -> Times:
        """Offer ``count`` words as fast as they are taken; stop when nothing can move any more."""
        times, clock = Times(), 0
        while len(times.delivered) < count:
            moved = self._clock(clock, times, count, taking)
            for queue in (*self.words.values(), *self.queues.values()):
                queue.tick()
            if moved:
                clock += 1
                continue
            later = [t for t in self._pending() if t > clock]
            if not later:
                break
            clock = min(later)
        return times

    def _pending(self) -> list[int]:
        queues = (*self.words.values(), *self.queues.values())
        return [*self.ready_at.values(), *(queue.offered[0] for queue in queues if queue.offered)]

    def _clock(self, clock: int, times: Times, count: int, taking: bool) -> bool:
        offers = [self._offered(i, clock, times, count) for i in range(len(self.edges))]
        takes = [False] * len(self.edges)
        for i, queue in self.queues.items():
            takes[i] = offers[i] and queue.free > 0
        moved = False
        for node in self.nodes:
            if self._may(node, offers, clock):
                self._accept(node, clock, takes)
                moved = True
        if taking and all(self._at_target(i, offers, clock) for i in self.inputs[SINK]):
            times.delivered.append(clock)
            self._consume(SINK, takes)
            moved = True
        for i, queue in self.queues.items():
            if takes[i]:
                queue.put(clock + 1)
        return self._retire(clock, takes, times) or moved or any(takes)

    def _offered(self, edge: int, clock: int, times: Times, count: int) -> bool:
        """Whether the source side of an edge offers a word that this reader has not taken."""
        source = self.edges[edge].source
        valid = len(times.accepted) < count if source == SOURCE else self.words[source].has(clock)
        return valid and not self.taken[edge]

    def _at_target(self, edge: int, offers: list[bool], clock: int) -> bool:
        queue = self.queues.get(edge)
        return queue.has(clock) if queue else offers[edge]

    def _may(self, node: Node, offers: list[bool], clock: int) -> bool:
        free = self.words[node.name].free > 0 and clock >= self.ready_at[node.name]
        return free and all(self._at_target(i, offers, clock) for i in self.inputs[node.name])

    def _accept(self, node: Node, clock: int, takes: list[bool]) -> None:
        self._consume(node.name, takes)
        self.words[node.name].put(clock + node.latency + 1)
        self.ready_at[node.name] = clock + node.interval

    def _consume(self, target: str, takes: list[bool]) -> None:
        for i in self.inputs[target]:
            if i in self.queues:
                self.queues[i].take()
            else:
                takes[i] = True

    def _retire(self, clock: int, takes: list[bool], times: Times) -> bool:
        """Words that their last reader took leave their block."""
        retired = False
        for source, edges in self.outputs.items():
            for i in edges:
                self.taken[i] = self.taken[i] or takes[i]
            if edges and all(self.taken[i] for i in edges):
                for i in edges:
                    self.taken[i] = False
                retired = True
                if source == SOURCE:
                    times.accepted.append(clock)
                else:
                    self.words[source].take()
        return retired
