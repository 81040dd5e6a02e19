"""cocotb bench of stream_credit: a counter in Python beside it, compared in every clock.

Run by ``test_stream_credit.py`` on every instance of its wrapper.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
from block_bench import INSTANCES, Ports, each_instance
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


class Bench:
    """The device and its model; one call of :meth:`clock` is one clock."""

    def __init__(self, dut: Any, instance: str) -> None:
        self.dut = Ports(dut, instance)
        self.depth = self.free = self.least = INSTANCES[instance]["DEPTH"]

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns", impl="gpi").start())
        await self.clock(take=False, give=False, reset=True, check=False)
        await self.clock(take=False, give=False, reset=True)

    async def clock(self, *, take: bool, give: bool, reset: bool = False, check: bool = True) -> None:
        """Drive one clock and compare; nobody takes what is not there or gives what was not taken."""
        await FallingEdge(self.dut.clk)
        take, give = take and self.free > 0, give and self.free < self.depth
        self.dut.rst.value = int(reset)
        self.dut.take.value = int(take)
        self.dut.give.value = int(give)
        await ReadOnly()
        if check:
            available = bool(self.dut.available.value)
            assert available == (self.free > 0), f"available is {available}, {self.free} places are free"
        self.free = self.depth if reset else self.free - take + give
        self.least = min(self.least, self.free)


@cocotb.test()
@each_instance
async def all_places_and_no_more(dut: Any, instance: str) -> None:
    """Taken to the last one, given back to the first, twice."""
    bench = Bench(dut, instance)
    await bench.start()
    for _ in range(2):
        for _ in range(bench.depth + 2):
            await bench.clock(take=True, give=False)
        assert bench.free == 0
        for _ in range(bench.depth + 2):
            await bench.clock(take=False, give=True)
        assert bench.free == bench.depth


@cocotb.test()
@each_instance
async def both_at_once(dut: Any, instance: str) -> None:
    """At every level a take and a give in one clock change nothing."""
    bench = Bench(dut, instance)
    await bench.start()
    for level in range(1, bench.depth):
        await bench.clock(take=True, give=False)
        for _ in range(3):
            await bench.clock(take=True, give=True)
        assert bench.free == bench.depth - level


@cocotb.test()
@each_instance
async def random_traffic(dut: Any, instance: str) -> None:
    """At several rates."""
    bench = Bench(dut, instance)
    await bench.start()
    for take, give in ((0.5, 0.5), (0.9, 0.4), (0.3, 0.8), (0.95, 0.9)):
        for _ in range(400):
            await bench.clock(take=random.random() < take, give=random.random() < give)
    assert bench.least == 0


@cocotb.test()
@each_instance
async def reset_frees_all(dut: Any, instance: str) -> None:
    """From every level, even beside a take or a give."""
    bench = Bench(dut, instance)
    await bench.start()
    for level in range(bench.depth + 1):
        for both in ((False, False), (True, False), (False, True)):
            for _ in range(level):
                await bench.clock(take=True, give=False)
            await bench.clock(take=both[0], give=both[1], reset=True)
            assert bench.free == bench.depth
            for _ in range(bench.depth + 1):
                await bench.clock(take=True, give=False)
            assert bench.free == 0
            await bench.clock(take=False, give=False, reset=True)
