"""cocotb bench of dense_folded: its ROM, and words whose results and clocks are known, compared in every clock.

Run by ``test_dense_folded.py`` on every instance of its wrapper; it gives two sets of weights, bias, words and results
for each, and says in how many clocks a word is taken and when its result comes.
"""

from __future__ import annotations

import random
from collections import deque
from itertools import cycle
from typing import Any

import cocotb
from block_bench import DATA, INSTANCES, Choose, Ports, always, each_instance, rate
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


class Bench:
    """The device, its ROM and what it owes; one call of :meth:`clock` is one clock."""

    def __init__(self, dut: Any, instance: str, which: int) -> None:
        self.dut = Ports(dut, instance)
        plan = DATA["more"][instance]
        self.reuse, self.latency = INSTANCES[instance]["REUSE"], plan["latency"]
        self.set = {key: [int(text, 16) for text in texts] for key, texts in plan["sets"][which].items()}
        self.next_word = cycle(zip(self.set["x"], self.set["y"], strict=True))
        self.x_bits, self.rom_bits = len(self.dut.in_data), len(self.dut.rom_word)
        self.offered: tuple[int, int] | None = None
        self.address = self.now = self.free_at = self.delivered = 0
        self.owed: deque[tuple[int, int]] = deque()

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns", impl="gpi").start())
        self.dut.bias.value = self.set["bias"][0]
        await self.clock(reset=True, check=False)
        await self.clock(reset=True, check=False)

    async def clock(self, *, offer: bool = False, reset: bool = False, check: bool = True) -> None:
        """Drive one clock and compare; the source holds its word until it is taken."""
        await FallingEdge(self.dut.clk)
        if offer and self.offered is None:
            self.offered = next(self.next_word)
        rom = self.set["rom"]
        known = self.address < len(rom)
        self.dut.rst.value = int(reset)
        self.dut.in_valid.value = int(self.offered is not None)
        self.dut.in_data.value = self.offered[0] if self.offered else random.getrandbits(self.x_bits)
        self.dut.rom_word.value = rom[self.address] if known else random.getrandbits(self.rom_bits)
        await ReadOnly()
        self.address = self.dut.rom_address.value.to_unsigned()
        self._account(check)
        if reset:
            self.owed.clear()
            self.free_at = self.now + 1
        self.now += 1

    def _account(self, check: bool) -> None:
        """Compare what goes in and out in this clock with what is due."""
        ready, valid = self.now >= self.free_at, bool(self.owed) and self.owed[0][0] == self.now
        if check:
            got = bool(self.dut.in_ready.value)
            assert got == ready, f"in_ready is {got}, {self.free_at - self.now} clocks before the next word may come"
            got = bool(self.dut.out_valid.value)
            assert got == valid, f"out_valid is {got}, results are due in {[when - self.now for when, _ in self.owed]}"
        if valid:
            data, expected = self.dut.out_data.value.to_unsigned(), self.owed.popleft()[1]
            assert data == expected, f"the result is {data:x}, expected {expected:x}"
            self.delivered += 1
        if ready and self.offered:
            self.owed.append((self.now + self.latency, self.offered[1]))
            self.free_at, self.offered = self.now + self.reuse, None

    async def run(self, clocks: int, offer: Choose) -> None:
        for _ in range(clocks):
            await self.clock(offer=offer())

    async def drain(self) -> None:
        """Until nothing is inside any more."""
        while self.owed or self.offered:
            await self.clock()


@cocotb.test()
@each_instance
async def back_to_back(dut: Any, instance: str) -> None:
    """Every word in exactly as many clocks as its reuse factor, every result at its latency."""
    bench = Bench(dut, instance, 0)
    await bench.start()
    words = len(bench.set["x"])
    await bench.run(words * bench.reuse, always)
    await bench.run(bench.latency, lambda: False)
    assert bench.delivered == words


@cocotb.test()
@each_instance
async def random_gaps(dut: Any, instance: str) -> None:
    """Words that come at random, often and seldom, and other weights."""
    bench = Bench(dut, instance, 1)
    await bench.start()
    for p in (1 / bench.reuse, 0.9, 0.2 / bench.reuse):
        await bench.run(12 * bench.reuse + 20, rate(p))
        await bench.drain()
    assert bench.delivered > 8


@cocotb.test()
@each_instance
async def single_words(dut: Any, instance: str) -> None:
    """One word, then an idle time in which every counter inside passes its end."""
    bench = Bench(dut, instance, 0)
    await bench.start()
    for idle in (0, 1, 2 * bench.reuse + 3, random.randrange(4 * bench.reuse + 4)):
        await bench.clock(offer=True)
        await bench.drain()
        await bench.run(idle, lambda: False)
    assert bench.delivered == 4


@cocotb.test()
@each_instance
async def reset_in_mid_word(dut: Any, instance: str) -> None:
    """Whenever it comes, nothing of before comes out after it, and the next words are right."""
    bench = Bench(dut, instance, 1)
    await bench.start()
    last = bench.reuse + bench.latency + 1
    for clocks in range(last) if last < 12 else sorted(random.sample(range(last), 12)):
        await bench.clock(offer=True)
        await bench.run(clocks, rate(0.7))
        await bench.clock(offer=random.random() < 0.5, reset=True)
        await bench.run(random.randrange(2), lambda: False)
        for _ in range(2):
            await bench.clock(offer=True)
        await bench.drain()
