"""When beats move through a design of blocks: latency, initiation interval and queue depths, clock by clock.

The model has the registers of the SystemVerilog that count.  A block goes through its steps again and again; a step
that takes a beat waits for all its streams to offer one, a step that gives one waits for a place in its output FIFO,
and the result is offered ``latency + 1`` clocks later.  Benches measure the same figures on the RTL and fail where
they differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bitwright.errors import UnsupportedLayerError

SOURCE, SINK = "<in>", "<out>"
"""The network's input and output streams; no layer can have these names."""

MOST_BEATS = 1 << 16
"""Deepest queue that is tried on a branch."""

PLAIN = ((True, True),)
"""The steps of a block that gives a beat for each that it takes."""


@dataclass(frozen=True, slots=True)
class Node:
    """A block.

    Attributes:
        name: of the block.
        latency: clocks from the step that gives a result to its end in the pipeline.
        depth: results in the output FIFO and the pipeline together.
        interval: clocks between steps.
        steps: whether each takes a beat, and whether it gives one.
        beats: beats that it takes for one inference.
    """

    name: str
    latency: int
    depth: int
    interval: int = 1
    steps: tuple[tuple[bool, bool], ...] = PLAIN
    beats: int = 1

    @property
    def clocks(self) -> int:
        """Clocks of an inference when nothing makes it wait."""
        taken = sum(takes for takes, _ in self.steps)
        return len(self.steps) * self.interval * self.beats // taken


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
        latency: clocks from an inference's first beat taken to its last one offered, in an idle design.
        interval: clocks between inferences in the long run.
        capacity: beats that it takes while nothing is taken from it.
        edges: with the depths of their queues.
    """

    latency: int
    interval: int
    capacity: int
    edges: tuple[Edge, ...]


def schedule(nodes: Sequence[Node], edges: Sequence[Edge], beats_in: int = 1, beats_out: int = 1) -> Schedule:
    """The smallest queues (powers of two) that keep the interval of the slowest block, and the resulting figures.

    Args:
        nodes: the blocks, sources first.
        edges: streams between them.
        beats_in: beats of an inference at the SOURCE.
        beats_out: beats of an inference at the SINK.

    Raises:
        UnsupportedLayerError: a branch would need more than MOST_BEATS beats, or waits for itself.
    """
    trial = _Trial(tuple(nodes), beats_in, beats_out)
    targets = [edge.target for edge in edges]
    branches = [i for i, edge in enumerate(edges) if targets.count(edge.target) > 1]
    chosen = list(edges)
    if branches and trial.interval(chosen) != trial.wanted:
        chosen = _deepened(trial, chosen, branches)
    times = trial.run(chosen)
    if len(times.delivered) < trial.count * beats_out:
        raise UnsupportedLayerError("the blocks wait for each other", where=nodes[-1].name, hint="report this model")
    blocked = _Run(nodes, chosen).go(10_000 * beats_in, 1, taking=False)
    latency = times.delivered[beats_out - 1] - times.accepted[0]
    return Schedule(latency, trial.interval(chosen), len(blocked.accepted), tuple(chosen))


def _deepened(trial: _Trial, edges: list[Edge], branches: list[int]) -> list[Edge]:
    chosen = [_deep(edge, MOST_BEATS) if i in branches else edge for i, edge in enumerate(edges)]
    wanted = max(trial.wanted, trial.interval(chosen))
    for i in branches:
        for depth in _depths():
            tried = [*chosen[:i], _deep(chosen[i], depth), *chosen[i + 1 :]]
            if trial.interval(tried) == wanted:
                chosen = tried
                break
    return chosen


def _depths() -> Iterator[int]:
    """None, then powers of two."""
    yield 0
    depth = 2
    while depth <= MOST_BEATS:
        yield depth
        depth *= 2


def _deep(edge: Edge, depth: int) -> Edge:
    return Edge(edge.source, edge.target, depth)


@dataclass(frozen=True, slots=True)
class _Trial:
    """Runs of a design with different queues."""

    nodes: tuple[Node, ...]
    beats_in: int
    beats_out: int

    @property
    def wanted(self) -> int:
        """The interval of the slowest block or stream."""
        return max(self.beats_in, self.beats_out, *(node.clocks for node in self.nodes))

    @property
    def count(self) -> int:
        """As many inferences as fill the design and show its steady state."""
        return 6 + sum(-(-(node.latency + node.clocks) // self.wanted) for node in self.nodes)

    def run(self, edges: Sequence[Edge]) -> Times:
        """All of them; where the design stops, fewer come."""
        return _Run(self.nodes, edges).go(self.count * self.beats_in, self.count * self.beats_out, taking=True)

    def interval(self, edges: Sequence[Edge]) -> int:
        """The interval between inferences in the long run; 0 where the design stops."""
        ends = self.run(edges).delivered[self.beats_out - 1 :: self.beats_out]
        if len(ends) < self.count:
            return 0
        ends = ends[len(ends) // 2 - 1 :]  # the first fill the design; a queue too small shows as bursts
        return max((b - a for a, b in pairwise(ends)), default=0)


@dataclass(slots=True)
class Times:
    """Clocks at which beats were taken by the design and from it."""

    accepted: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)


class _Queue:
    """Beats between two handshakes: the clock from which each is offered, and free places."""

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
        self.settled = max((len(node.steps) for node in nodes), default=0)
        self.step = dict.fromkeys((node.name for node in nodes), 0)
        self.ready_at = dict.fromkeys((node.name for node in nodes), 0)
        self.taken = [False] * len(self.edges)  # this reader of a fork has taken the word
        self.inputs = {n: [i for i, e in enumerate(edges) if e.target == n] for n in (*self.words, SINK)}
        self.outputs = {n: [i for i, e in enumerate(edges) if e.source == n] for n in (*self.words, SOURCE)}

    def go(self, offered: int, wanted: int, *, taking: bool) -> Times:
        """Offer beats as fast as they are taken; stop when all came or nothing can move any more.

        The first comes when the design has been idle for long: line buffers have begun their border.
        """
        times, clock = Times(), 0
        while clock <= self.settled:
            clock += self._clock(clock, times, 0, taking) or self.settled + 1
            for queue in (*self.words.values(), *self.queues.values()):
                queue.tick()
        while len(times.delivered) < wanted:
            moved = self._clock(clock, times, offered, taking)
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
                self._do(node, clock, takes)
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
        takes, gives = node.steps[self.step[node.name]]
        if clock < self.ready_at[node.name] or (gives and self.words[node.name].free <= 0):
            return False
        return not takes or all(self._at_target(i, offers, clock) for i in self.inputs[node.name])

    def _do(self, node: Node, clock: int, takes: list[bool]) -> None:
        taking, giving = node.steps[self.step[node.name]]
        if taking:
            self._consume(node.name, takes)
        if giving:
            self.words[node.name].put(clock + node.latency + 1)
        self.step[node.name] = (self.step[node.name] + 1) % len(node.steps)
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
