"""What the benches of blocks that go through steps share: each step may take a beat and may claim a place.

The model is a list of steps and the outputs that they give, both made by each block's own bench from its meaning.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

import cocotb
from block_bench import INSTANCES, Choose, Ports
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

Steps = list[tuple[bool, bool]]
Model = Callable[[dict[str, int], list[int]], list[int]]


class Bench:
    """The device beside a model of its steps; one call of :meth:`clock` is one clock."""

    def __init__(self, dut: Any, instance: str, bits: str, steps: Steps, outputs: Model) -> None:
        self.dut, self.parameters = Ports(dut, instance), INSTANCES[instance]
        self.bits = self.parameters["BITS"] * self.parameters.get(bits, 1)
        self.steps, self.outputs = steps, outputs
        self.forget()

    def forget(self) -> None:
        """As after a reset."""
        self.at = 0
        self.taken: list[int] = []  # of this round
        self.beat: int | None = None  # that the source offers
        self.coming: deque[int] = deque()  # outputs that were claimed
        self.claimed = 0
        self.given = 0
        self.was_claimed = False

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns", impl="gpi").start())
        await self.reset(check=False)

    async def reset(self, *, check: bool = True) -> None:
        """Two clocks of reset."""
        for first in (True, False):
            await self.clock(write=False, place=False, reset=True, check=check and first)
            self.forget()

    async def clock(self, *, write: bool, place: bool, reset: bool = False, check: bool = True) -> None:
        """Drive one clock and compare; the source holds its beat until it is taken."""
        await FallingEdge(self.dut.clk)
        if write and self.beat is None:
            self.beat = random.getrandbits(self.bits)
        self.dut.rst.value = int(reset)
        self.dut.in_valid.value = int(self.beat is not None)
        self.dut.in_data.value = random.getrandbits(self.bits) if self.beat is None else self.beat
        self.dut.place.value = int(place)
        await ReadOnly()
        if not check:
            return
        self._compare(place)
        if not reset:
            self._step(place)

    def _compare(self, place: bool) -> None:
        takes, gives = self.steps[self.at]
        free = place or not gives
        assert bool(self.dut.in_ready.value) == (takes and free), f"in_ready is wrong at step {self.at}"
        moves = free and (self.beat is not None or not takes)
        assert bool(self.dut.claim.value) == (moves and gives), f"claim is wrong at step {self.at}"
        assert bool(self.dut.out_valid.value) == self.was_claimed, f"out_valid is {self.dut.out_valid.value}"
        if self.was_claimed:
            got, expected = self.dut.out_data.value.to_unsigned(), self.coming.popleft()
            assert got == expected, f"output {self.given}: got {got:x}, not {expected:x}"
            self.given += 1

    def _step(self, place: bool) -> None:
        takes, gives = self.steps[self.at]
        moves = (place or not gives) and (self.beat is not None or not takes)
        self.was_claimed = moves and gives
        if not moves:
            return
        if takes:
            assert self.beat is not None
            self.taken.append(self.beat)
            self.beat = None
        if gives:
            self.coming.append(self.outputs(self.parameters, self.taken)[self.claimed])
            self.claimed += 1
        self.at += 1
        if self.at == len(self.steps):
            self.at, self.claimed, self.taken = 0, 0, []

    async def run(self, clocks: int, write: Choose, place: Choose) -> None:
        for _ in range(clocks):
            await self.clock(write=write(), place=place())

    async def rounds(self, count: int, write: Choose, place: Choose) -> None:
        """As many rounds of all steps as are asked for, at random rates."""
        before = self.given
        wanted = before + count * sum(gives for _, gives in self.steps)
        limit = 200 * count * len(self.steps) + 1000
        while self.given < wanted and limit:
            await self.clock(write=write(), place=place())
            limit -= 1
        assert self.given >= wanted, f"{self.given - before} outputs came"
