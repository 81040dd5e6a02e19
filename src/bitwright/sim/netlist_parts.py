"""Cells as steps of a program: what they compute, what they keep, what a clock changes.

Semantics after the libraries guides (UG974 UltraScale, UG953 7 series).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from bitwright.sim.netlist_cells import (
    CELLS,
    CLOCK_PINS,
    DSP_MODES,
    DSP_WIDTHS,
    OUTPUT_PINS,
    RESET_PINS,
    NetlistError,
    demand_multiplier,
    initial,
    sets,
)
from bitwright.sim.netlist_model import Cell
from bitwright.sim.netlist_program import ONE, ZERO, Draft


class Part:
    """One cell: made when its registers get slots, combined in the order of dependencies, clocked at the end."""

    def __init__(self, cell: Cell, draft: Draft) -> None:
        self.cell, self.draft, self.settings = cell, draft, cell.settings

    def feeds(self) -> Iterable[int]:
        """Nets that the outputs depend on within a clock: by default all inputs."""
        ignored = {CLOCK_PINS.get(self.cell.kind), *OUTPUT_PINS[self.cell.kind]}
        return self.nets(*(pin for pin in self.cell.pins if pin not in ignored))

    def combine(self) -> None:
        """Add the steps that compute the outputs."""

    def clock(self) -> None:
        """Add what happens at the clock edge."""

    def nets(self, *pins: str) -> Iterable[int]:
        """Nets of pins, constants apart."""
        bits = chain.from_iterable(self.cell.pins.get(pin, ()) for pin in pins)
        return [net for net in bits if isinstance(net, int)]

    def bus(self, pin: str) -> list[int]:
        """Slots of a pin's bits; of an address also as single pins A0, A1 ...

        Raises:
            NetlistError: it is not connected, or nothing drives it.
        """
        pins = self.cell.pins
        single = [f"{pin}{index}" for index in range(16) if f"{pin}{index}" in pins]
        nets = pins[pin] if pin in pins else [net for name in single for net in pins[name]]
        if not nets:
            raise NetlistError(f"the input {pin} of a {self.cell.kind} is not connected", where=self.cell.name)
        return [self.draft.read(net, self.cell.name) for net in nets]

    def bit(self, pin: str, default: int | None = None) -> int:
        """The slot of a pin of one bit, inverted where the cell says so; ``default`` if it may be left open."""
        slot = self.bus(pin)[0] if default is None or self.cell.pins.get(pin) else default
        return self.draft.invert(slot) if self.settings.number(f"IS_{pin}_INVERTED") else slot

    def drive(self, pin: str, slots: Sequence[int]) -> None:
        """Connect an output pin."""
        for net, slot in zip(self.cell.pins.get(pin, ()), slots, strict=False):
            self.draft.drive(net, slot)


# --- combinational cells -----------------------------------------------------------------------


class _Lut(Part):
    """LUT1 to LUT6, LUT6_2: a truth table."""

    def combine(self) -> None:
        inputs = [self.bit(f"I{index}") for index in range(int(self.cell.kind[3]))]
        table = self.settings.number("INIT")
        if self.cell.kind == "LUT6_2":
            self.drive("O6", [self.draft.lookup(table, inputs)])
            self.drive("O5", [self.draft.lookup(table & 0xFFFF_FFFF, inputs[:5])])
        else:
            self.drive("O", [self.draft.lookup(table, inputs)])


class _Wire(Part):
    """Buffers, the inverter and the constants."""

    def combine(self) -> None:
        match self.cell.kind:
            case "GND":
                self.drive("G", [ZERO])
            case "VCC":
                self.drive("P", [ONE])
            case "INV":
                self.drive("O", [self.draft.invert(self.bit("I"))])
            case _:
                self.drive("O", [self.bit("I")])


class _Mux(Part):
    """MUXF7, MUXF8, MUXF9."""

    def combine(self) -> None:
        self.drive("O", [self.draft.gate("mux", self.bit("S"), self.bit("I1"), self.bit("I0"))])


class _Carry(Part):
    """CARRY4 and CARRY8: O = S xor carry, the next carry is it where S is 1, DI elsewhere."""

    def combine(self) -> None:
        data, select, draft = self.bus("DI"), self.bus("S"), self.draft
        carry = self.bit("CI", ZERO)
        if self.cell.kind == "CARRY4":
            start = self.bit("CYINIT", ZERO)
            carry = start if carry == ZERO else carry if start == ZERO else draft.gate("or", carry, start)
        dual = self.settings.word("CARRY_TYPE", "SINGLE_CY8") == "DUAL_CY4"
        sums, carries = [], []
        for index, (generate, propagate) in enumerate(zip(data, select, strict=True)):
            if index == 4 and dual:
                carry = self.bit("CI_TOP", ZERO)
            sums.append(draft.gate("xor", propagate, carry))
            carry = draft.gate("mux", propagate, carry, generate)
            carries.append(carry)
        self.drive("O", sums)
        self.drive("CO", carries)


class _Multiplier(Part):
    """A DSP block as the signed multiplier that Yosys makes of it: P = A * B, 48 bits."""

    def combine(self) -> None:
        demand_multiplier(self.settings)
        for mode, plain in DSP_MODES.items():
            slots = self.bus(mode)
            if any(slot != (plain >> index & 1) for index, slot in enumerate(slots)):
                raise self.settings.unsupported(f"is no plain multiplier: see its pin {mode}")
        a_width, b_width = DSP_WIDTHS[self.cell.kind]
        product = self.draft.multiply(self.bus("A")[:a_width], self.bus("B")[:b_width], 48)
        self.drive("P", product)
        self.drive("PCOUT", product)

    def feeds(self) -> Iterable[int]:
        return self.nets("A", "B", *DSP_MODES)


# --- sequential cells --------------------------------------------------------------------------


class _FlipFlop(Part):
    """FDRE and FDSE reset and set at the clock; FDCE and FDPE at once.  The reset goes before the enable."""

    def __init__(self, cell: Cell, draft: Draft) -> None:
        super().__init__(cell, draft)
        self.state = draft.slot(initial(cell.settings))
        self.at_once = cell.kind in {"FDCE", "FDPE"}
        self.seen = draft.slot() if self.at_once else self.state
        self.drive("Q", [self.seen])

    def feeds(self) -> Iterable[int]:
        return self.nets(RESET_PINS[self.cell.kind]) if self.at_once else ()

    def combine(self) -> None:
        if self.at_once:
            self._forced(self.state, self.seen)

    def _forced(self, value: int, target: int | None = None) -> int:
        """The value, or what the reset makes of it."""
        reset = self.bit(RESET_PINS[self.cell.kind], ZERO)
        if reset == ZERO and target is None:
            return value
        form = "or" if sets(self.settings) else "andnot"
        return self.draft.gate(form, value, reset, target=target)

    def clock(self) -> None:
        enable, value = self.bit("CE", ONE), self.bit("D")
        if enable != ONE:
            value = self.draft.gate("mux", enable, value, self.seen)
        self.draft.registers.append((self.state, self._forced(value)))


class _ShiftRegister(Part):
    """SRL16E, SRLC16E, SRLC32E: a chain of enabled flip-flops of which the address picks one."""

    def __init__(self, cell: Cell, draft: Draft) -> None:
        super().__init__(cell, draft)
        depth = 32 if cell.kind == "SRLC32E" else 16
        self.stages = [draft.slot(cell.settings.number("INIT") >> index & 1) for index in range(depth)]
        self.drive("Q31" if depth == 32 else "Q15", [self.stages[-1]])
        if not list(self.feeds()):
            self.drive("Q", [self._picked()])

    def feeds(self) -> Iterable[int]:
        return self.nets("A", "A0", "A1", "A2", "A3")

    def combine(self) -> None:
        if list(self.feeds()):
            self.drive("Q", [self._picked()])

    def _picked(self) -> int:
        level = self.stages
        for select in self.bus("A"):
            pairs = zip(level[::2], level[1::2], strict=True)
            constant = select in {ZERO, ONE}
            level = [
                (high if select else low) if constant else self.draft.gate("mux", select, high, low)
                for low, high in pairs
            ]
        return level[0]

    def clock(self) -> None:
        enable = self.bit("CE", ONE)
        for stage, before in zip(self.stages, [self.bit("D"), *self.stages[:-1]], strict=True):
            after = before if enable == ONE else self.draft.gate("mux", enable, before, stage)
            self.draft.registers.append((stage, after))


PARTS: dict[str, Callable[[Cell, Draft], Part]] = {
    **{kind: _Lut for kind in CELLS if kind.startswith("LUT")},
    **dict.fromkeys(("INV", "BUF", "BUFG", "IBUF", "OBUF", "GND", "VCC"), _Wire),
    **dict.fromkeys(("MUXF7", "MUXF8", "MUXF9"), _Mux),
    **dict.fromkeys(("CARRY4", "CARRY8"), _Carry),
    **dict.fromkeys(RESET_PINS, _FlipFlop),
    **dict.fromkeys(("SRL16E", "SRLC16E", "SRLC32E"), _ShiftRegister),
    **dict.fromkeys(("DSP48E1", "DSP48E2"), _Multiplier),
}
