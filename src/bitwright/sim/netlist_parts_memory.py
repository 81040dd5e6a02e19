"""Memories as steps of a program (UG974, UG953; block memories UG573, UG473)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bitwright.sim.netlist_memories import BLOCK_ROMS, LUT_RAMS, BlockRom, LutRam
from bitwright.sim.netlist_model import Cell
from bitwright.sim.netlist_parts import Part
from bitwright.sim.netlist_program import ONE, ZERO, Draft


class _LutMemory(Part):
    """Distributed memory: written at the clock, read at once; the old value until then."""

    def __init__(self, cell: Cell, draft: Draft) -> None:
        super().__init__(cell, draft)
        self.ram: LutRam = LUT_RAMS[cell.kind]
        self.places = [[self._places(part.init, bit) for bit in range(self.ram.width)] for part in self.ram.slices]

    def _places(self, init: str, bit: int) -> int:
        """One bit of every word."""
        contents = self.settings.number(init) >> bit
        return self.draft.contents([contents >> index * self.ram.width & 1 for index in range(1 << self.ram.bits)])

    def feeds(self) -> Iterable[int]:
        addresses = {part.address for part in self.ram.slices}
        return self.nets(*(pin for pin in self.cell.pins if pin.rstrip("0123456789") in addresses))

    def combine(self) -> None:
        for part, memories in zip(self.ram.slices, self.places, strict=True):
            if any(isinstance(net, int) for net in self.cell.pins.get(part.output, ())):
                address = self.bus(part.address)
                self.drive(part.output, [self.draft.look(memory, address) for memory in memories])

    def clock(self) -> None:
        enable, address = self.bit("WE"), self.bus(self.ram.write)
        for part, memories in zip(self.ram.slices, self.places, strict=True):
            nets = self.cell.pins.get(part.data, ())
            for memory, net in zip(memories, nets, strict=False):
                if net != "x":
                    self.draft.store(memory, address, enable, self.draft.read(net, self.cell.name))


class _BlockMemory(Part):
    """Block memory that nothing writes, read through port A: its output holds unless it is enabled."""

    WIDTHS = (1, 2, 4, 9, 18, 36, 72)

    def __init__(self, cell: Cell, draft: Draft) -> None:
        super().__init__(cell, draft)
        self.rom: BlockRom = BLOCK_ROMS[cell.kind]
        self.width = self._width()
        self.data = self.width // 9 * 8 or self.width  # the rest of a word is parity
        first = self._pins(*(self._whole("INIT_A", "INIT_B")))
        self.states = {net: draft.slot(bit) for net, bit in first}
        for net, state in self.states.items():
            draft.drive(net, state)

    def feeds(self) -> Iterable[int]:
        return ()

    def _width(self) -> int:
        """The width of port A, if this is a ROM that can be computed."""
        cell = self.settings
        width = cell.number("READ_WIDTH_A")
        if cell.number("READ_WIDTH_B") or width not in self.WIDTHS:
            raise cell.unsupported("is read through port B or has an unknown width")
        enables = [net for pin in ("WEA", "WEBWE") for net in self.cell.pins.get(pin, ())]
        if any(net not in ("0", "x") for net in enables):  # Yosys leaves those of an unused port open
            raise cell.unsupported("is written")
        if cell.number("DOA_REG") or cell.number("DOB_REG"):
            raise cell.unsupported("has an output register")
        return width

    def _whole(self, first: str, second: str) -> tuple[int, int]:
        """A value of the output as data and parity; the parameters hold the parity above the data, by port."""
        half = self.width // 2 if self._both() else self.width
        data = half // 9 * 8 or half
        values = [self.settings.number(first), self.settings.number(second) if self._both() else 0]
        low, high = (value & ((1 << data) - 1) for value in values)
        low_parity, high_parity = (value >> data & ((1 << (half - data)) - 1) for value in values)
        return low | high << data, low_parity | high_parity << (half - data)

    def _both(self) -> bool:
        """Whether a word takes the data pins of both ports."""
        return self.width > len(self.cell.pins[self.rom.data[0]]) * 9 // 8

    def _pins(self, data: int, parity: int) -> list[tuple[int, int]]:
        """Nets of the output with their bits of a value."""
        sides = ((self._data_nets(), data), (self._parity_nets(), parity))
        return [(net, value >> index & 1) for nets, value in sides for index, net in nets.items()]

    def _data_nets(self) -> dict[int, int]:
        return self._nets(self.rom.data, self.data)

    def _parity_nets(self) -> dict[int, int]:
        return self._nets(self.rom.parity, self.width - self.data)

    def _nets(self, names: Sequence[str], count: int) -> dict[int, int]:
        """The nets of an output that are read, by their place in it."""
        nets = [net for name in names for net in self.cell.pins.get(name, ())]
        return {index: net for index, net in enumerate(nets[:count]) if isinstance(net, int)}

    def _rows(self, name: str, rows: int) -> int:
        return sum(self.settings.number(f"{name}_{row:02X}") << 256 * row for row in range(rows))

    def clock(self) -> None:
        """Read the word at the address; the reset goes before it, the enable before both."""
        draft, enable, reset = self.draft, self.bit("ENARDEN", ONE), self.bit("RSTRAMARSTRAM", ZERO)
        address = self.bus("ADDRARDADDR")[: self.rom.bits][self.data.bit_length() - 1 :]
        free = [slot for slot in address if slot not in {ZERO, ONE}]
        cleared = dict(self._pins(*self._whole("SRVAL_A", "SRVAL_B")))
        values = self._look(self._words(address), free)
        for net, state in self.states.items():
            value = values[net]
            if reset != ZERO:
                value = draft.gate("mux", reset, ONE if cleared[net] else ZERO, value)
            if enable != ONE:
                value = draft.gate("mux", enable, value, state)
            draft.registers.append((state, value))

    def _look(self, words: Sequence[tuple[int, int]], address: Sequence[int]) -> dict[int, int]:
        """The slot of each net of the output, data and parity looked up one after the other."""
        values: dict[int, int] = {}
        sides = zip(zip(*words, strict=True), (self._data_nets(), self._parity_nets()), strict=True)
        for contents, nets in sides:
            bits = self.draft.table(contents, address, max(nets, default=-1) + 1) if nets else []
            values |= {net: bits[index] for index, net in nets.items()}
        return values

    def _words(self, address: Sequence[int]) -> list[tuple[int, int]]:
        """The words that can be addressed, as data and parity: address bits that are constant choose none."""
        places = [0]
        for index, slot in enumerate(address):
            if slot == ONE:
                places = [place | 1 << index for place in places]
            elif slot != ZERO:
                places += [place | 1 << index for place in places]
        data, parity = self._rows("INIT", self.rom.rows), self._rows("INITP", self.rom.parity_rows)
        rest = self.width - self.data
        mask, rest_mask = (1 << self.data) - 1, (1 << rest) - 1
        return [(data >> place * self.data & mask, parity >> place * rest & rest_mask) for place in places]


PARTS: dict[str, Callable[[Cell, Draft], Part]] = {
    **dict.fromkeys(LUT_RAMS, _LutMemory),
    **dict.fromkeys(BLOCK_ROMS, _BlockMemory),
}
