"""cocotb bench of stream_queue: a queue in Python beside it, compared in every clock.

Run by ``test_stream_queue.py`` on every instance of its wrapper.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from block_bench import INSTANCES, Choose, Ports, always, each_instance, never, rate
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


class Bench:
    """The device and its model; one call of :meth:`clock` is one clock."""

    def __init__(self, dut: Any, instance: str) -> None:
        self.dut = Ports(dut, instance)
        self.width, self.depth = INSTANCES[instance]["WIDTH"], 1 << INSTANCES[instance]["ADDR"]
        self.model: deque[int] = deque()
        self.word: int | None = None  # that the source offers
        self.most = 0
        self.delivered = 0

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns", impl="gpi").start())
        await self.clock(write=False, ready=False, reset=True, check=False)
        await self.clock(write=False, ready=False, reset=True)

    async def clock(self, *, write: bool, ready: bool, reset: bool = False, check: bool = True) -> None:
        """Drive one clock and compare; the source holds its word until it is taken."""
        await FallingEdge(self.dut.clk)
        if write and self.word is None:
            self.word = random.getrandbits(self.width)
        self.dut.rst.value = int(reset)
        self.dut.in_valid.value = int(self.word is not None)
        self.dut.in_data.value = random.getrandbits(self.width) if self.word is None else self.word
        self.dut.out_ready.value = int(ready)
        await ReadOnly()
        room = len(self.model) < self.depth
        if check:
            self._compare(room)
        if ready and self.model and not reset:
            self.model.popleft()
            self.delivered += 1
        if self.word is not None and room:
            self.model.append(self.word)
            self.word = None
        if reset:
            self.model.clear()
        self.most = max(self.most, len(self.model))

    def _compare(self, room: bool) -> None:
        valid, ready = bool(self.dut.out_valid.value), bool(self.dut.in_ready.value)
        assert valid == bool(self.model), f"out_valid is {valid}, {len(self.model)} words are inside"
        assert ready == room, f"in_ready is {ready}, {len(self.model)} of {self.depth} places hold words"
        if valid:
            got = self.dut.out_data.value.to_unsigned()
            assert got == self.model[0], f"got {got:x}, the oldest word is {self.model[0]:x}"

    async def run(self, clocks: int, write: Choose, ready: Choose) -> None:
        for _ in range(clocks):
            await self.clock(write=write(), ready=ready())


@cocotb.test()
@each_instance
async def fills_and_drains(dut: Any, instance: str) -> None:
    """To the last place and back, twice: the pointers wrap."""
    bench = Bench(dut, instance)
    await bench.start()
    for _ in range(2):
        await bench.run(bench.depth + 3, always, never)
        assert bench.most == bench.depth
        await bench.run(bench.depth + 3, never, always)
        assert not bench.model


@cocotb.test()
@each_instance
async def full_rate(dut: Any, instance: str) -> None:
    """A word in and a word out in every clock."""
    bench = Bench(dut, instance)
    await bench.start()
    await bench.run(300, always, always)
    assert bench.delivered == 299, "the first word comes one clock after it went in, then one in every clock"


@cocotb.test()
@each_instance
async def idle_and_stall(dut: Any, instance: str) -> None:
    """Random gaps before and random pauses behind, at several rates."""
    bench = Bench(dut, instance)
    await bench.start()
    for write, ready in ((0.5, 0.5), (0.9, 0.3), (0.2, 0.9), (0.97, 0.9), (0.1, 0.1)):
        await bench.run(400, rate(write), rate(ready))
    assert bench.most == bench.depth
    assert bench.delivered > 200


@cocotb.test()
@each_instance
async def reset_empties(dut: Any, instance: str) -> None:
    """At every filling a reset leaves nothing, even beside a write."""
    bench = Bench(dut, instance)
    await bench.start()
    for filling in range(bench.depth + 1):
        await bench.run(filling, always, never)
        await bench.clock(write=True, ready=True, reset=True)
        await bench.run(3, never, always)
        await bench.run(2 * bench.depth, rate(0.6), rate(0.6))
        await bench.run(bench.depth + 1, never, always)
