"""cocotb bench of stream_fork: who has taken which word, in Python beside it, compared in every clock.

Run by ``test_stream_fork.py`` on every instance of its wrapper.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
from block_bench import INSTANCES, Ports, each_instance
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


class Bench:
    """A source that holds its word until it is taken, and N readers; one call of :meth:`clock` is one clock."""

    def __init__(self, dut: Any, instance: str) -> None:
        self.dut = Ports(dut, instance)
        self.readers = INSTANCES[instance]["N"]
        self.all = (1 << self.readers) - 1
        self.offered = False
        self.words = 0  # that every reader has
        self.taken = [0] * self.readers

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns", impl="gpi").start())
        await self.clock(0, offer=False, reset=True, check=False)
        await self.clock(0, offer=False, reset=True)

    async def clock(self, ready: int, *, offer: bool = True, reset: bool = False, check: bool = True) -> None:
        """Drive one clock and compare; bit i of ``ready``: reader i takes a word."""
        await FallingEdge(self.dut.clk)
        self.offered |= offer
        self.dut.rst.value = int(reset)
        self.dut.in_valid.value = int(self.offered)
        self.dut.out_ready.value = ready
        await ReadOnly()
        waiting = sum((count == self.words) << reader for reader, count in enumerate(self.taken))
        passes = waiting & ~ready == 0
        if check:
            self._compare(waiting if self.offered else 0, passes)
        if self.offered:
            self.taken = [n + (waiting & ready) // (1 << i) % 2 for i, n in enumerate(self.taken)]
        if self.offered and passes:
            self.words, self.offered = self.words + 1, False
        if reset:
            self.taken = [self.words] * self.readers

    def _compare(self, valid: int, passes: bool) -> None:
        got = self.dut.out_valid.value.to_unsigned()
        assert got == valid, f"out_valid is {got:b}, {valid:b} of the readers wait for the word"
        got = bool(self.dut.in_ready.value)
        assert got == passes, f"in_ready is {got}, the readers have {self.taken} words"


@cocotb.test()
@each_instance
async def full_rate(dut: Any, instance: str) -> None:
    """Readers that are always ready get a word in every clock."""
    bench = Bench(dut, instance)
    await bench.start()
    for _ in range(100):
        await bench.clock(bench.all)
    assert bench.words == 100


@cocotb.test()
@each_instance
async def every_order(dut: Any, instance: str) -> None:
    """Some readers, then some, then some, then all: every choice of the three."""
    bench = Bench(dut, instance)
    await bench.start()
    sets = range(bench.all + 1)
    for first in sets:
        for second in sets:
            for ready in (first, second, random.randrange(bench.all + 1), bench.all):
                await bench.clock(ready)
    assert bench.words >= len(sets) ** 2


@cocotb.test()
@each_instance
async def one_waits_for_nobody(dut: Any, instance: str) -> None:
    """Each reader gets its word at once while all others stall, and no second one."""
    bench = Bench(dut, instance)
    await bench.start()
    for reader in range(bench.readers):
        for _ in range(4):
            await bench.clock(1 << reader)
            assert bench.taken[reader] > bench.words or bench.readers == 1
        await bench.clock(bench.all)


@cocotb.test()
@each_instance
async def idle_and_stall(dut: Any, instance: str) -> None:
    """Random gaps before and random pauses behind, at several rates, each reader its own."""
    bench = Bench(dut, instance)
    await bench.start()
    for offer, ready in ((0.5, 0.5), (1.0, 0.3), (0.2, 0.9), (0.9, 0.8)):
        own = [random.uniform(ready / 2, 1) for _ in range(bench.readers)]
        for _ in range(400):
            mask = sum((random.random() < p) << reader for reader, p in enumerate(own))
            await bench.clock(mask, offer=random.random() < offer)
    assert bench.words > 100


@cocotb.test()
@each_instance
async def reset_forgets(dut: Any, instance: str) -> None:
    """After a reset every reader is offered the word, whoever had it before."""
    bench = Bench(dut, instance)
    await bench.start()
    for before in range(bench.all):  # not all: the word stays
        for beside in (0, bench.all >> 1):
            await bench.clock(before)
            await bench.clock(beside, reset=True)
            await bench.clock(0)
            await bench.clock(bench.all)
            await bench.clock(bench.all, offer=False)
