"""The cell counts of ``yosys stat -json``, for Xilinx, ECP5, iCE40 and Gowin netlists.

Counting rules (one table, :data:`_RULES`, so that no rule hides in code):

=========  ====================================================================================
metric     cells
=========  ====================================================================================
LUT        LOGIC_LUT + SRL + LUTRAM: every LUT site that the netlist fills
LOGIC_LUT  LUT1 to LUT6, LUT6_2, SB_LUT4: one each
SRL        SRL16E, SRLC32E and their like: one each (place and route may pack two SRL16E in one)
LUTRAM     LUT sites of a distributed memory: RAM32M 4, RAM64M 4, RAM32M16 8, RAM32X1D 2, ...
FF         FDRE, FDSE, FDCE, FDPE, ..., TRELLIS_FF, SB_DFF*, DFF* (Gowin)
LATCH      LDCE, LDPE, LDCPE
DSP        DSP48*, DSP58*, MULT18X18D, SB_MAC16
BRAM18     RAMB18*, FIFO18*: primitives
BRAM36     RAMB36*, FIFO36*: primitives (Vivado's "tiles" are BRAM36 + BRAM18 / 2)
EBR        the block memories of Lattice and Gowin parts: DP16KD, PDPW16KD, pROM, SDPB, ... (18 kbit),
           SB_RAM40_4K* (4 kbit)
URAM       URAM288*
CARRY      CARRY4, CARRY8, CCU2C, SB_CARRY, ALU: primitives of different length, never part of LUT
MUXF       MUXF5 to MUXF9, PFUMX, L6MUX21, MUX2_LUT5 to 8: never part of LUT
INV        inverters, counted apart: a placer absorbs most of them into the LUT or carry beside them
=========  ====================================================================================

Buffers, pads, constants and ``$scopeinfo`` cost nothing and are dropped; what was left out of LUT
stands in the note of the figure.  LUTRAM sizes: Xilinx UG474 (table of distributed RAM) and UG574; on ECP5 a
TRELLIS_DPR16X4 takes three slices of two LUT4 (data sheet FPGA-DS-02012, distributed RAM).
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bitwright.errors import ReportParseError
from bitwright.report.records import FigureStage, Measurement

_RULES: tuple[tuple[str, str], ...] = (
    ("LOGIC_LUT", r"LUT[1-6]|LUT6_2|SB_LUT4"),
    ("SRL", r"SRLC?(16|16E|32E)"),
    ("FF", r"FD[CPRS]{1,2}E?(_1)?|TRELLIS_FF|SB_DFF\w*|DFF[A-Z]{0,3}"),
    ("LATCH", r"LD(C|P|CP)E"),
    ("DSP", r"DSP48\w*|DSP58\w*|MULT18X18D|SB_MAC16"),
    ("BRAM18", r"(RAMB|FIFO)18\w*"),
    ("BRAM36", r"(RAMB|FIFO)36\w*"),
    ("EBR", r"DP16KD|PDPW16KD|SB_RAM40_4K\w*|(?:SDP|DP|SP|pROM|ROM)X?9?B?"),
    ("URAM", r"URAM288\w*"),
    ("CARRY", r"CARRY4|CARRY8|CCU2C|SB_CARRY|ALU"),
    ("MUXF", r"MUXF[5-9]|PFUMX|L6MUX21|MUX2_LUT[5-8]"),
    ("INV", r"INV"),
    ("", r"VCC|GND|BUF|BUFG\w*|[IO]{1,2}BUF\w*|SB_IO|SB_GB\w*|TRELLIS_IO|DCCA|GSR|ALU54B"),
    ("", r"\$scopeinfo|\$print|\$check|\$(assert|assume|cover|live|fair)"),
)
_LUTRAM_SITES: Mapping[str, int] = {
    "RAM16X1S": 1, "RAM16X1D": 2, "RAM32X1S": 1, "RAM32X1D": 2, "RAM64X1S": 1, "RAM64X1D": 2,
    "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4, "RAM256X1D": 8, "RAM512X1S": 8,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X16DR8": 8, "RAM64X8SW": 8,
    "TRELLIS_DPR16X4": 6, "RAM16S1": 1, "RAM16S2": 2, "RAM16S4": 4, "RAM16SDP1": 1, "RAM16SDP2": 2, "RAM16SDP4": 4,
}  # fmt: skip
LUT_KINDS = ("LOGIC_LUT", "SRL", "LUTRAM")
_METRICS = ("LUT", *LUT_KINDS, "FF", "LATCH", "DSP", "BRAM18", "BRAM36", "EBR", "URAM", "CARRY", "MUXF", "INV")
_EBR_PARTS = ("lfe", "lae", "ecp", "ice", "up5k", "um5g", "gw1", "gw2", "gw5")

Cells = Counter[str]


@dataclass(frozen=True, slots=True)
class _File:
    """The file that is read: its figures' origin, and the line of what is wrong in it."""

    text: str
    source: str
    stage: FigureStage
    part: str
    tool_version: str

    def line(self, name: str) -> int:
        """The line at which an entry opens: a module's, or "design"; a cell of that type opens no brace."""
        quoted = "|".join(re.escape(json.dumps(raw)) for raw in ("\\" + name, name))
        found = re.search(rf"({quoted})\s*:\s*\{{", self.text)
        return self.text.count("\n", 0, found.start()) + 1 if found else 1

    def error(self, what: str, at: str | int, hint: str = "") -> ReportParseError:
        """An error at a line, or at the entry of a module."""
        line = at if isinstance(at, int) else self.line(at)
        hint = hint or "write it again with 'stat -json' after synthesis"
        return ReportParseError(what, where=f"{self.source}:{line}", hint=hint)


def parse_yosys_stat(
    text: str,
    source: str,
    *,
    part: str,
    tool_version: str,
    stage: FigureStage = FigureStage.POST_SYNTH,
    black_boxes: Collection[str] = (),
) -> tuple[Measurement, ...]:
    """Read what ``stat -json`` wrote after ``synth_xilinx``, ``synth_ecp5``, ``synth_ice40`` or
    ``synth_gowin``.

    Every module of the file gives its figures for ONE instance, with everything below it: sub-modules
    count as often as they are instantiated.  LUT, FF, DSP and the block memory (BRAM36, on Lattice EBR)
    are always there, because a mapped module without such a cell has a true zero; other metrics are
    there where the netlist has such cells.

    Args:
        text: the file's text; lines before the opening brace are skipped (a log that ``tee`` caught).
        source: the file's path for the figures and for errors, relative to the build folder.
        part: the device; block memories of a Lattice or Gowin part count as EBR.
        tool_version: the version of Yosys that wrote the file.
        stage: the stage of the figures.
        black_boxes: modules synthesized elsewhere whose cost is left out, and named in the note.

    Returns:
        The figures, module by module in the file's order.

    Raises:
        ReportParseError: damaged or empty text, a netlist that is not mapped to the device's cells, a
            cell of unknown cost, or totals that do not add up; with the file and the line.
    """
    file = _File(text, source, stage, part, tool_version)
    data = _read(file)
    modules = {_plain(raw): _cells(entry, _plain(raw), file) for raw, entry in data["modules"].items()}
    _check_cells(modules, frozenset(black_boxes), file)
    totals = _Totals(modules, file)
    _check_design(data, totals, file)
    figures: list[Measurement] = []
    for name in modules:
        figures += _measurements(name, totals.of(name), file)
    return tuple(figures)


def _read(file: _File) -> dict[str, Any]:
    start = re.search(r"^\{", file.text, re.MULTILINE)
    if start is None:
        raise file.error("no JSON in the report", 1)
    skipped = file.text.count("\n", 0, start.start())
    try:
        data, _ = json.JSONDecoder().raw_decode(file.text[start.start() :])
    except json.JSONDecodeError as error:
        raise file.error(f"damaged JSON: {error.msg}", skipped + error.lineno) from error
    if not isinstance(data, dict) or not isinstance(data.get("modules"), dict) or not data["modules"]:
        raise file.error("no modules in the report", skipped + 1)
    return data


def _plain(name: str) -> str:
    return name.removeprefix("\\")


def _cells(entry: Any, owner: str, file: _File) -> Cells:
    counts = entry.get("num_cells_by_type") if isinstance(entry, dict) else None
    if not isinstance(counts, dict):
        raise file.error(f"module {owner} has no 'num_cells_by_type'", owner)
    for cell, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            hint = "write it with 'stat -json', without '-hierarchy'" if isinstance(count, dict) else ""
            raise file.error(f"module {owner}: the count of {cell} is {count!r}", owner, hint)
    return Counter({_plain(cell): count for cell, count in counts.items()})


@functools.cache
def classify(cell: str) -> tuple[str, int] | None:
    """Metric and weight of a primitive; the metric is empty where it costs nothing; None if unknown."""
    if cell.removesuffix("_1") in _LUTRAM_SITES:
        return "LUTRAM", _LUTRAM_SITES[cell.removesuffix("_1")]
    for metric, pattern in _RULES:
        if re.fullmatch(pattern, cell):
            return metric, 1
    return None


def _check_cells(modules: Mapping[str, Cells], black_boxes: frozenset[str], file: _File) -> None:
    for name, cells in modules.items():
        unknown = [c for c in cells if c not in modules and c not in black_boxes and classify(c) is None]
        if not unknown:
            continue
        listed = ", ".join(f"{cell} x {cells[cell]}" for cell in unknown[:5])
        if any(cell.startswith("$") and not cell.startswith("$paramod") for cell in unknown):
            raise file.error(f"module {name} is not mapped to the device's cells ({listed})", name)
        hint = "a module is missing from the netlist, or the cell is new: name it in the parser's table"
        raise file.error(f"module {name} has cells of unknown cost ({listed})", name, hint)


class _Totals:
    """Primitive cells of each module with everything below it."""

    def __init__(self, modules: Mapping[str, Cells], file: _File) -> None:
        self._modules = modules
        self._file = file
        self._done: dict[str, Cells] = {}
        self._open: set[str] = set()

    def of(self, name: str) -> Cells:
        if name in self._done:
            return self._done[name]
        if name in self._open:
            raise self._file.error(f"module {name} contains itself", name)
        self._open.add(name)
        total: Cells = Counter()
        for cell, count in self._modules[name].items():
            for leaf, leaves in (self.of(cell) if cell in self._modules else {cell: 1}).items():
                total[leaf] += count * leaves
        self._open.discard(name)
        self._done[name] = total
        return total


def _check_design(data: dict[str, Any], totals: _Totals, file: _File) -> None:
    """Where Yosys states the totals itself, they must be those of one module: else lines are missing."""
    if "design" not in data:
        return
    names = {_plain(raw) for raw in data["modules"]}
    stated = +Counter({c: n for c, n in _cells(data["design"], "design", file).items() if c not in names})
    if not any(+totals.of(name) == stated for name in names):
        raise file.error("the modules do not add up to the totals under 'design'", "design")


def _measurements(name: str, cells: Cells, file: _File) -> list[Measurement]:
    values = _values(cells)
    memory = "EBR" if file.part.lower().startswith(_EBR_PARTS) else "BRAM36"
    always = {"LUT", "FF", "DSP", memory}
    line = file.line(name)
    return [
        Measurement(
            metric=metric, value=values[metric], unit="count", stage=file.stage, tool="yosys",
            tool_version=file.tool_version, part=file.part, design=name, source=file.source, line=line,
            note=_note(cells) if metric == "LUT" else "",
        )
        for metric in _METRICS
        if values[metric] or metric in always
    ]  # fmt: skip


def _values(cells: Cells) -> Counter[str]:
    values: Counter[str] = Counter()
    for cell, count in cells.items():
        metric, weight = classify(cell) or ("", 0)
        values[metric] += weight * count
    values["LUT"] = sum(values[kind] for kind in LUT_KINDS)
    return values


def _note(cells: Cells) -> str:
    """What a reader may have expected inside the LUT count and will not find there."""
    beside = [c for c in sorted(cells) if (classify(c) or ("",))[0] in ("CARRY", "MUXF", "INV")]
    boxes = [c for c in sorted(cells) if classify(c) is None]
    parts = [("not counted: ", beside), ("synthesized elsewhere: ", boxes)]
    return "; ".join(head + ", ".join(f"{c} {cells[c]}" for c in names) for head, names in parts if names)
