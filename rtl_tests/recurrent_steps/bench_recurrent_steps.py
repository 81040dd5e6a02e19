"""cocotb bench of recurrent_steps: products and gates played in Python, every port compared in every clock.

Run by ``test_recurrent_steps.py`` on every instance of its wrapper, which says how many clocks the products and the
gates of each take.  The gates' function is arbitrary; what they are given and what becomes of it is what counts.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from block_bench import DATA, INSTANCES, Choose, Ports, always, each_instance, never, rate
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


def fields(word: int, count: int, bits: int) -> list[int]:
    """A word's equal parts, the lowest first."""
    return [word >> (i * bits) & ((1 << bits) - 1) for i in range(count)]


def packed(parts: list[int], bits: int) -> int:
    return sum(part << (i * bits) for i, part in enumerate(parts))


class Step:
    """What one step has been given and owes."""

    def __init__(self, features: int, number: int, taken: int) -> None:
        self.features, self.number, self.taken = features, number, taken


class Bench:
    """The device, its products and gates, and a model; one call of :meth:`clock` is one clock."""

    def __init__(self, dut: Any, instance: str) -> None:
        self.dut, p = Ports(dut, instance), INSTANCES[instance]
        self.steps, self.all, self.units, self.lanes = p["STEPS"], p["SEQUENCES"], p["UNITS"], p["LANES"]
        self.gates, self.width, self.acc, self.cells = p["GATES"], p["WIDTH"], p["ACC_WIDTH"], p["CELLS"]
        self.bits, self.groups = p["FEATURES"], p["UNITS"] // p["LANES"]
        self.product_clocks, self.gate_clocks = DATA["more"][instance]
        self.period = self.product_clocks + self.gate_clocks + self.groups
        self.beat: int | None = None
        self.now = self.given = 0
        self.state = self.cell = [0] * self.units
        self.forget()

    def forget(self) -> None:
        """As after a reset: the state itself may stay, a first step does not see it."""
        self.number, self.step = 0, None  # type: tuple[int, Step | None]
        self.coming: deque[tuple[int, int]] = deque()  # when each group comes back, and what it will be
        self.out_at = -1
        self.products = (0, 0)

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns", impl="gpi").start())
        await self.reset(check=False)

    async def reset(self, *, check: bool = True) -> None:
        """Two clocks of reset; the products and gates forget as well."""
        for first in (True, False):
            await self.clock(write=False, place=False, reset=True, check=check and first)
            self.forget()

    # --- what the model expects -----------------------------------------------------------------

    def _due(self, after: int) -> bool:
        """Whether the step in work was taken so many clocks ago."""
        return self.step is not None and self.now == self.step.taken + after

    @property
    def _group(self) -> int | None:
        """The group that goes to the gates now."""
        if self.step is None:
            return None
        group = self.now - self.step.taken - 1 - self.product_clocks
        return group if 0 <= group < self.groups else None

    @property
    def _gives(self) -> bool:
        return bool(self.all) or self.number == self.steps - 1

    def _of(self, values: list[int], group: int) -> list[int]:
        return values[group * self.lanes : (group + 1) * self.lanes]

    def _seen(self, values: list[int]) -> list[int]:
        assert self.step is not None
        return [0] * len(values) if self.step.number == 0 else values

    async def clock(self, *, write: bool, place: bool, reset: bool = False, check: bool = True) -> None:
        """Drive one clock and compare; the source holds its beat until it is taken."""
        await FallingEdge(self.dut.clk)
        if write and self.beat is None:
            self.beat = random.getrandbits(self.bits)
        self._drive(place, reset)
        await ReadOnly()
        if check:
            self._compare(place)
            if not reset:
                self._move(place)
        self.now += 1

    def _drive(self, place: bool, reset: bool) -> None:
        dut, size = self.dut, self.gates * self.units * self.acc
        valid = self._due(1 + self.product_clocks)
        if valid or self._group is None:  # held from then on, noise before
            self.products = (random.getrandbits(size), random.getrandbits(size))
        back = self.coming and self.coming[0][0] == self.now
        noise = random.getrandbits((1 + self.cells) * self.lanes * self.width)
        dut.rst.value, dut.place.value = int(reset), int(place)
        dut.in_valid.value = int(self.beat is not None)
        dut.in_data.value = random.getrandbits(self.bits) if self.beat is None else self.beat
        dut.products_valid.value = int(valid)
        dut.of_features.value, dut.of_state.value = self.products
        dut.update_valid.value = int(bool(back))
        dut.update.value = self.coming[0][1] if back else noise

    def _compare(self, place: bool) -> None:
        dut, ready = self.dut, (self.step is None or self._due(self.period)) and (place or not self._gives)
        assert bool(dut.in_ready.value) == ready, f"in_ready is {dut.in_ready.value} before step {self.number}"
        takes = ready and self.beat is not None
        assert bool(dut.claim.value) == (takes and self._gives), f"claim is {dut.claim.value} at step {self.number}"
        assert bool(dut.start.value) == self._due(1), f"start is {dut.start.value}"
        assert bool(dut.out_valid.value) == (self.now == self.out_at), f"out_valid is {dut.out_valid.value}"
        if self.now == self.out_at:
            self._same("out_data", packed(self.state, self.width))
            self.given += 1
        if self.step is not None and 1 <= self.now - self.step.taken <= 1 + self.product_clocks:
            self._same("features", self.step.features)
            self._same("state", packed(self._seen(self.state), self.width))
        assert bool(dut.gates_valid.value) == (self._group is not None), f"gates_valid is {dut.gates_valid.value}"
        if self._group is not None:
            self._compare_group(self._group)

    def _same(self, port: str, expected: int) -> None:
        got = getattr(self.dut, port).value.to_unsigned()
        assert got == expected, f"{port} is {got:x}, not {expected:x}"

    def _compare_group(self, group: int) -> None:
        for port, product in zip(("gates_features", "gates_state"), self.products, strict=True):
            rows = fields(product, self.gates, self.units * self.acc)
            parts = [p for row in rows for p in self._of(fields(row, self.units, self.acc), group)]
            self._same(port, packed(parts, self.acc))
        old = self._of(self._seen(self.cell if self.cells else self.state), group)
        self._same("gates_old", packed(old, self.width))

    # --- what happens ---------------------------------------------------------------------------

    def _move(self, place: bool) -> None:
        if self._group is not None:
            word = random.getrandbits((1 + self.cells) * self.lanes * self.width)
            self.coming.append((self.now + self.gate_clocks, word))
        ends = self._due(self.period)
        if self.coming and self.coming[0][0] == self.now:
            self._write(self.coming.popleft()[1])
        if ends:
            assert self.step is not None
            if self.all or self.step.number == self.steps - 1:
                self.out_at = self.now + 1
            self.step = None
        if self.step is None and self.beat is not None and (place or not self._gives):
            self.step, self.beat = Step(self.beat, self.number, self.now), None
            self.number = (self.number + 1) % self.steps

    def _write(self, word: int) -> None:
        """A group that comes back is the group of as many clocks ago as the gates take."""
        assert self.step is not None
        group = self.now - self.step.taken - 1 - self.product_clocks - self.gate_clocks
        parts = fields(word, (1 + self.cells) * self.lanes, self.width)
        place = slice(group * self.lanes, (group + 1) * self.lanes)
        self.state, self.cell = list(self.state), list(self.cell)
        self.state[place] = parts[: self.lanes]
        if self.cells:
            self.cell[place] = parts[self.lanes :]

    async def run(self, clocks: int, write: Choose, place: Choose) -> None:
        for _ in range(clocks):
            await self.clock(write=write(), place=place())

    async def sequences(self, count: int, write: Choose, place: Choose) -> None:
        """As many sequences as are asked for, at random rates."""
        wanted = self.given + count * (self.steps if self.all else 1)
        limit = 40 * count * self.steps * self.period + 1000
        while self.given < wanted and limit:
            await self.clock(write=write(), place=place())
            limit -= 1
        assert self.given >= wanted, f"{wanted - self.given} states did not come"


@cocotb.test()
@each_instance
async def full_rate(dut: Any, instance: str) -> None:
    """A step in as many clocks as products, gates and groups take together."""
    bench = Bench(dut, instance)
    await bench.start()
    count = max(3, 40 // bench.steps)
    await bench.run(count * bench.steps * bench.period + 2, always, always)
    assert bench.given == count * (bench.steps if bench.all else 1)


@cocotb.test()
@each_instance
async def idle_and_stall(dut: Any, instance: str) -> None:
    """Random gaps before and random pauses behind."""
    bench = Bench(dut, instance)
    await bench.start()
    for write, place in ((0.5, 0.5), (0.9, 0.1), (0.1, 0.9)):
        await bench.sequences(5, rate(write), rate(place))


@cocotb.test()
@each_instance
async def waits_for_a_place(dut: Any, instance: str) -> None:
    """Without a place only the steps before the first one that gives its state are done."""
    bench = Bench(dut, instance)
    await bench.start()
    await bench.run((bench.steps + 2) * bench.period, always, never)
    assert bench.number == (0 if bench.all else bench.steps - 1)
    await bench.sequences(2, always, always)


@cocotb.test()
@each_instance
async def reset_in_mid_sequence(dut: Any, instance: str) -> None:
    """Whenever it comes, the next step is a first one: it sees no state, and nothing of before comes out."""
    bench = Bench(dut, instance)
    await bench.start()
    last = bench.steps * bench.period + 2
    for clocks in range(1, last) if last < 16 else sorted(random.sample(range(1, last), 16)):
        await bench.run(clocks, always, always)
        await bench.reset()
        await bench.run(random.randrange(3), never, always)
        await bench.sequences(2, always, always)
