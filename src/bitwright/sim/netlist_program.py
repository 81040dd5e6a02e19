"""A netlist as a flat program for many lanes at once: bit l of every word belongs to lane l.

Every gate is the same branch-free step ``target = c ^ (a & (b ^ d))`` on slots (see :func:`gate`), so the
interpreter, netlist_clocked.cpp, has no decisions to make.  Three steps are other things: reading a memory at once,
looking up a word of a constant table, and multiplying.  At the clock edge registers take the values of other slots,
and memories are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bitwright.sim.netlist_cells import NetlistError
from bitwright.sim.netlist_model import Net
from bitwright.sim.netlist_waves import TRUE, lookup_program
from bitwright.sim.netlist_waves import ZERO as FALSE

LANES = 64
ALL = (1 << LANES) - 1
ZERO, ONE = 0, 1
"""The slots of the constants."""
SCRATCH = 2
"""The first of the slots for steps inside one cell."""
SCRATCH_SLOTS = 128
READ, MULTIPLY, TABLE = -1, -2, -3
"""In the place of a step's target: the other things."""
TABLE_STEPS = 300
"""Steps that looking up a word takes as long as, about."""

Step = tuple[int, int, int, int, int]
Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]


def gate(form: str, a: int, b: int = ZERO, c: int = ZERO) -> tuple[int, int, int, int]:
    """The operands (c, a, b, d) that make the universal step the named one; "mux" is ``b if a else c``."""
    match form:
        case "not":
            return ONE, a, ONE, ZERO
        case "and":
            return ZERO, a, b, ZERO
        case "or":
            return b, a, b, ONE
        case "xor":
            return b, a, ONE, ZERO
        case "andnot":
            return ZERO, a, b, ONE
        case "ornot":
            return ONE, b, a, ONE
        case "mux":
            return c, a, b, c
    raise ValueError(form)


@dataclass(frozen=True, slots=True)
class Program:
    """What netlist_clocked.cpp runs; all arrays are C-contiguous.

    Attributes:
        steps: (steps, 5): target, c, a, b, d; or READ, target, memory, address operands, address bits; or MULTIPLY,
            operands; or TABLE, operands, memory.
        registers: (registers, 2): slot, slot of its next value.
        writes: (writes, 5): memory, address operands, address bits, slots of enable and data.
        operands: lists of slots that steps and writes refer to by their first index.
        slots: initial words.
        memory: initial words: one per place of what can be written, with a bit per lane; one per word of a table.
    """

    steps: Ints
    registers: Ints
    writes: Ints
    operands: Ints
    slots: Words
    memory: Words

    @property
    def size(self) -> int:
        """Steps, register updates and memory places touched per clock."""
        read = self.steps[:, 0] == READ
        places = int((1 << self.steps[read, 4]).sum()) + int((1 << self.writes[:, 2]).sum())
        tables = TABLE_STEPS * int((self.steps[:, 0] == TABLE).sum())
        return len(self.steps) + len(self.registers) + places + tables


@dataclass(slots=True)
class Draft:
    """A program while cells are added to it."""

    nets: list[int | None]
    steps: list[Step] = field(default_factory=list)
    registers: list[tuple[int, int]] = field(default_factory=list)
    writes: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    operands: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=lambda: [0, ALL, *[0] * SCRATCH_SLOTS])
    memory: list[int] = field(default_factory=list)

    def slot(self, first: int = 0) -> int:
        """A new slot that starts as ``first`` in every lane."""
        self.slots.append(ALL if first else 0)
        return len(self.slots) - 1

    def read(self, net: Net, reader: str) -> int:
        """The slot of a net.

        Raises:
            NetlistError: nothing drives it.
        """
        if isinstance(net, int):
            slot = self.nets[net]
            if slot is None:
                raise NetlistError(f"the net {net} that {reader} reads has no driver, or is the clock", where=reader)
            return slot
        if net not in {"0", "1"}:
            raise NetlistError(f"{reader} reads a bit that nothing drives ('{net}')", where=reader)
        return ONE if net == "1" else ZERO

    def drive(self, net: Net, slot: int) -> None:
        """Give a net its slot; a pin that is not connected drives nothing."""
        if isinstance(net, int):
            self.nets[net] = slot

    def gate(self, form: str, a: int, b: int = ZERO, c: int = ZERO, target: int | None = None) -> int:
        """Add a gate; its slot."""
        target = self.slot() if target is None else target
        self.steps.append((target, *gate(form, a, b, c)))
        return target

    def invert(self, slot: int) -> int:
        """The other value."""
        return 1 - slot if slot in {ZERO, ONE} else self.gate("not", slot)

    def lookup(self, table: int, inputs: Sequence[int]) -> int:
        """A truth table: bit ``sum(input[i] << i)`` of ``table``."""
        program, result = lookup_program(table & ((1 << (1 << len(inputs))) - 1), len(inputs))
        if result in {FALSE, TRUE}:
            return ONE if result == TRUE else ZERO
        values = list(inputs)
        for number, (form, a, b, c) in enumerate(program):
            target = self.slot() if len(values) == result else SCRATCH + number
            values.append(self.gate(form, *_operands(form, values, a, b, c), target=target))
        return values[result]

    def contents(self, bits: Sequence[int]) -> int:
        """Places with these initial bits, the same in every lane; the first one's index."""
        self.memory.extend(ALL if bit else 0 for bit in bits)
        return len(self.memory) - len(bits)

    def list_of(self, slots: Sequence[int]) -> int:
        """Keep a list of operands; its first index."""
        self.operands.extend(slots)
        return len(self.operands) - len(slots)

    def look(self, memory: int, address: Sequence[int]) -> int:
        """Read a memory at once; the slot of the bit."""
        target = self.slot()
        self.steps.append((READ, target, memory, self.list_of(address), len(address)))
        return target

    def table(self, words: Sequence[int], address: Sequence[int], width: int) -> list[int]:
        """Look up a word of a table that nothing writes; the slots of its bits, at most 64."""
        self.memory.extend(words)
        bits = [self.slot() for _ in range(width)]
        operands = self.list_of([len(address), *address, width, *bits])
        self.steps.append((TABLE, operands, len(self.memory) - len(words), 0, 0))
        return bits

    def store(self, memory: int, address: Sequence[int], enable: int, data: int) -> None:
        """Write a memory at the clock edge."""
        if enable != ZERO:
            self.writes.append((memory, self.list_of(address), len(address), enable, data))

    def multiply(self, a: Sequence[int], b: Sequence[int], width: int) -> list[int]:
        """A signed product of ``width`` bits, at most 64."""
        product = [self.slot() for _ in range(width)]
        self.steps.append((MULTIPLY, self.list_of([len(a), *a, len(b), *b, width, *product]), 0, 0, 0))
        return product

    def finish(self) -> Program:
        """The program as arrays."""
        return Program(
            np.array(self.steps, dtype=np.int32).reshape(-1, 5),
            np.array(self.registers, dtype=np.int32).reshape(-1, 2),
            np.array(self.writes, dtype=np.int32).reshape(-1, 5),
            np.array(self.operands, dtype=np.int32),
            np.array(self.slots, dtype=np.uint64),
            np.array(self.memory, dtype=np.uint64),
        )


def _operands(form: str, values: Sequence[int], a: int, b: int, c: int) -> tuple[int, int, int]:
    """Slots of a step's operands; those that the form does not have are ZERO."""
    count = {"not": 1, "mux": 3}.get(form, 2)
    slots = [values[index] for index in (a, b, c)[:count]]
    return (*slots, *[ZERO] * (3 - count))  # type: ignore[return-value]
