"""What the benches of blocks that go through steps share: each step may take a beat and may claim a place.

The model is a list of steps and the outputs that they give, both made by each block's own bench from its meaning;
the checks are the same for all of them.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import cocotb
from block_bench import INSTANCES, Choose, Ports, always, each_instance, never, rate
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

Steps = list[tuple[bool, bool]]
Model = Callable[[dict[str, int], list[int]], list[int]]
Check = Callable[[Any, str], Coroutine[Any, Any, None]]


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


def checks(steps: Callable[[dict[str, int]], Steps], outputs: Model, bits: str = "") -> tuple[Any, ...]:
    """``full_rate, idle_and_stall, waits, reset_in_mid_round`` of a block, for the names of a bench's module.

    Args:
        steps: those of an instance with these parameters.
        outputs: of a round, from the beats that it took so far.
        bits: the parameter that counts the elements of BITS of a beat, if any.
    """

    async def started(dut: Any, instance: str) -> Bench:
        here = Bench(dut, instance, bits, steps(INSTANCES[instance]), outputs)
        await here.start()
        return here

    async def full_rate(dut: Any, instance: str) -> None:
        """Round after round, a step in every clock."""
        here = await started(dut, instance)
        await here.run(5 * len(here.steps) + 1, always, always)
        assert here.given == 5 * sum(gives for _, gives in here.steps)

    async def idle_and_stall(dut: Any, instance: str) -> None:
        """Random gaps before and random pauses behind."""
        here = await started(dut, instance)
        for write, place in ((0.5, 0.5), (0.9, 0.2), (0.2, 0.9)):
            await here.rounds(max(200 // len(here.steps), 3), rate(write), rate(place))

    async def waits(dut: Any, instance: str) -> None:
        """Without beats it goes as far as the next one that it takes, without places to the next that it gives."""
        here = await started(dut, instance)
        takes, gives = zip(*here.steps, strict=True)
        for clocks in range(0, len(here.steps), max(len(here.steps) // 7, 1)):
            await here.run(clocks, always, always)
            await here.run(2 * len(here.steps), never, always)
            assert takes[here.at]
            await here.reset()
            await here.run(clocks, always, always)
            await here.run(2 * len(here.steps), always, never)
            assert gives[here.at]
            await here.reset()
        await here.rounds(1, always, always)

    async def reset_in_mid_round(dut: Any, instance: str) -> None:
        """At several steps."""
        here = await started(dut, instance)
        for clocks in range(1, len(here.steps) + 1, max(len(here.steps) // 7, 1)):
            await here.run(clocks, always, always)
            await here.reset()
            await here.rounds(2, always, always)

    return tuple(map(_check, (full_rate, idle_and_stall, waits, reset_in_mid_round)))


def _check(function: Check) -> Any:
    """A cocotb test of each instance; cocotb and the reports know it by its short name."""
    function.__qualname__ = function.__name__
    return cocotb.test()(each_instance(function))
