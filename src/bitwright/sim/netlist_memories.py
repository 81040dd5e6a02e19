"""The memories of the Xilinx libraries as tables: pins, sizes and initial contents (UG974, UG953, UG573, UG473).

A distributed memory is a set of slices with one write address and one write enable: each holds its own copy of what
is written to it, and is read at its own address at once.  A block memory is known as a ROM alone: read through port A,
a clock after its address.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """The pins and the parameter of one slice: data in, data out, read address, initial contents."""

    data: str
    output: str
    address: str
    init: str


@dataclass(frozen=True, slots=True)
class LutRam:
    """A distributed memory of 2**bits words of ``width`` bits; ``write`` is the pin of the write address."""

    bits: int
    width: int
    slices: tuple[Slice, ...]
    write: str


@dataclass(frozen=True, slots=True)
class BlockRom:
    """A block memory: bits of an address, its data and parity pins of port A and of port B, rows of INIT and INITP."""

    bits: int
    data: tuple[str, str]
    parity: tuple[str, str]
    rows: int
    parity_rows: int


def _slices(bits: int, width: int, letters: str) -> LutRam:
    """RAM32M and its kin: the last slice's address writes all of them."""
    slices = tuple(Slice(f"DI{x}", f"DO{x}", f"ADDR{x}", f"INIT_{x}") for x in letters)
    return LutRam(bits, width, slices, slices[-1].address)


def _single(bits: int) -> LutRam:
    return LutRam(bits, 1, (Slice("D", "O", "A", "INIT"),), "A")


def _dual(bits: int) -> LutRam:
    return LutRam(bits, 1, (Slice("D", "SPO", "A", "INIT"), Slice("D", "DPO", "DPRA", "INIT")), "A")


LUT_RAMS: dict[str, LutRam] = {
    "RAM32M": _slices(5, 2, "ABCD"),
    "RAM32M16": _slices(5, 2, "ABCDEFGH"),
    "RAM64M": _slices(6, 1, "ABCD"),
    "RAM64M8": _slices(6, 1, "ABCDEFGH"),
    **{f"RAM{1 << bits}X1S": _single(bits) for bits in (4, 5, 6, 7, 8, 9)},
    **{f"RAM{1 << bits}X1D": _dual(bits) for bits in (4, 5, 6, 7, 8)},
}

_DATA_E1, _PARITY_E1 = ("DOADO", "DOBDO"), ("DOPADOP", "DOPBDOP")
_DATA_E2, _PARITY_E2 = ("DOUTADOUT", "DOUTBDOUT"), ("DOUTPADOUTP", "DOUTPBDOUTP")

BLOCK_ROMS: dict[str, BlockRom] = {
    "RAMB18E1": BlockRom(14, _DATA_E1, _PARITY_E1, 64, 8),
    "RAMB36E1": BlockRom(15, _DATA_E1, _PARITY_E1, 128, 16),
    "RAMB18E2": BlockRom(14, _DATA_E2, _PARITY_E2, 64, 8),
    "RAMB36E2": BlockRom(15, _DATA_E2, _PARITY_E2, 128, 16),
}

CLOCK_PINS: dict[str, str] = {**dict.fromkeys(LUT_RAMS, "WCLK"), **dict.fromkeys(BLOCK_ROMS, "CLKARDCLK")}

OUTPUT_PINS: dict[str, tuple[str, ...]] = {
    **{kind: tuple(part.output for part in ram.slices) for kind, ram in LUT_RAMS.items()},
    **{kind: (*rom.data, *rom.parity) for kind, rom in BLOCK_ROMS.items()},
}
