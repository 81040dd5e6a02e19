"""The schedule of a design: figures that can be worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bitwright.errors import UnsupportedLayerError
from bitwright.rtl.schedule import SINK, SOURCE, Edge, Node, schedule
from bitwright.rtl.stream_cores import window


def chain(*nodes: Node) -> list[Edge]:
    names = [SOURCE, *(node.name for node in nodes), SINK]
    return [Edge(a, b) for a, b in pairwise(names)]


def test_one_kernel() -> None:
    node = Node("a", latency=5, depth=8)
    result = schedule([node], chain(node))
    assert (result.latency, result.interval, result.capacity) == (6, 1, 8), "the FIFO adds a clock"


def test_latencies_add_and_the_slowest_decides() -> None:
    nodes = [Node("a", 5, 8), Node("b", 20, 4, interval=16), Node("c", 10, 4, interval=7)]
    result = schedule(nodes, chain(*nodes))
    assert result.latency == (5 + 1) + (20 + 1) + (10 + 1)
    assert result.interval == 16
    assert result.capacity == 16


def test_a_fifo_too_small_for_its_pipeline_costs_throughput() -> None:
    """Two places for a latency of nine: two words in eleven clocks (a place is free the clock after it was left)."""
    node = Node("a", 9, 2)
    assert schedule([node], chain(node)).interval == 10


def diamond(slow: Node) -> tuple[list[Node], list[Edge]]:
    """A source that is read by a slow block, and by a last one that joins both."""
    end = Node("end", 2, 8)
    edges = [Edge(SOURCE, slow.name), Edge(SOURCE, "end"), Edge(slow.name, "end"), Edge("end", SINK)]
    return [slow, end], edges


def test_a_branch_gets_the_smallest_queue_that_keeps_the_interval() -> None:
    nodes, edges = diamond(Node("slow", 30, 32))
    result = schedule(nodes, edges)
    assert result.interval == 1
    depths = {(edge.source, edge.target): edge.depth for edge in result.edges}
    assert depths[SOURCE, "end"] == 64, "31 words are on the other way, and two clocks for a place to come free"
    assert depths["slow", "end"] == 0

    less = [Edge(edge.source, edge.target, 16) if edge.depth == 64 else edge for edge in result.edges]
    assert schedule(nodes, less).interval == 1, "a queue that is too small is made larger"


def test_a_slow_branch_needs_little() -> None:
    nodes, edges = diamond(Node("slow", 30, 4, interval=16))
    result = schedule(nodes, edges)
    assert result.interval == 16
    assert sorted(edge.depth for edge in result.edges) == [0, 0, 0, 2]


def test_beats() -> None:
    """Sixteen pixels collected to a word, a block of interval 5 behind."""
    steps = ((True, False),) * 15 + ((True, True),)
    nodes = [Node("collect", 1, 2, steps=steps, beats=16), Node("dense", 9, 4, interval=5)]
    result = schedule(nodes, chain(*nodes), beats_in=16)
    assert result.interval == 16
    assert result.latency == 15 + 2 + 10


def test_a_window_with_a_border() -> None:
    """5 x 4 pixels, 3 x 3 windows, a border of one: 7 x 6 positions, 5 x 4 windows."""
    core = window(8, (5, 4), (3, 3), (1, 1), (1, 1, 1, 1))
    steps = core.steps
    assert len(steps) == 42
    assert sum(takes for takes, _ in steps) == 20
    assert sum(gives for _, gives in steps) == 20
    node = Node("window", 1, 4, steps=steps, beats=20)
    result = schedule([node], chain(node), beats_in=20, beats_out=20)
    assert result.interval == 42
    assert result.latency == 42 - 7 - 1 + 2, "the first pixel comes after the border above and left of it"


def test_a_window_with_strides() -> None:
    core = window(8, (1, 9), (1, 3), (1, 2), (0, 0, 0, 0))
    assert [i for i, (_, gives) in enumerate(core.steps) if gives] == [2, 4, 6, 8]


def test_branches_that_can_never_meet() -> None:
    """One side gives two beats for each of the other's: the join starves."""
    double = Node("double", 1, 4, steps=((True, True), (False, True)))
    once = Node("once", 1, 4, steps=((True, False), (True, False), (True, True)))
    end = Node("end", 1, 4)
    edges = [
        Edge(SOURCE, "double"),
        Edge(SOURCE, "once"),
        Edge("double", "end"),
        Edge("once", "end"),
        Edge("end", SINK),
    ]
    with pytest.raises(UnsupportedLayerError, match="wait for each other"):
        schedule([double, once, end], edges, beats_in=3, beats_out=3)
