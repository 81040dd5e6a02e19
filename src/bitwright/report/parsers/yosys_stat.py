"""``stat`` of Yosys, as text in a log or as JSON: cells of the netlist, counted as bitwright.report.parsers.yosys does.

A mapped netlist without a kind of cell has a true zero of it: LUT, FF, DSP and the block memory are always stated,
marked as derived.  The cells of each module must add up to the number that is printed, and the design to its parts.
With cells that are not of a device (``$add``) or not known, only CELLS is stated: their cost cannot be told.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bitwright.report.parsers.documents import Data, DataFormat, Line, LogFormat
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.yosys_cells import Cells, figures_of, is_xilinx, kind_of


@dataclass(slots=True)
class _Module:
    """Cells of one module itself; ``printed`` is the number that the tool says there are."""

    line: int
    cells: Cells = field(default_factory=Counter)
    printed: int | None = None
    damaged: str = ""


@dataclass(slots=True)
class _Stat:
    """One run of ``stat``."""

    modules: dict[str, _Module] = field(default_factory=dict)
    design: _Module | None = None
    top: str | None = None


def _plain(name: str) -> str:
    return name.removeprefix("\\")


# --- JSON --------------------------------------------------------------------------------------


def is_stat(value: Any) -> bool:
    """Whether a value is what ``stat -json`` writes."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("modules"), dict)
        and all(isinstance(module, dict) and "num_cells" in module for module in value["modules"].values())
        and bool(value["modules"])
    )


def parse_json(data: Data) -> Parsed:
    """``stat -json``."""
    sheet = Sheet(data.source, "yosys", Stage.POST_SYNTH)
    version = re.match(r"Yosys (\S+)", str(data.value.get("creator", "")))
    sheet.tool_version = version[1] if version else None
    stat = _Stat()
    told = re.search(r"-top (\S+)", str(data.value.get("invocation", "")))
    stat.top = told[1] if told else None
    for name, entry in data.value["modules"].items():
        stat.modules[_plain(name)] = _json_module(entry, data.line("modules", name.replace("\\", "\\\\")))
    if isinstance(data.value.get("design"), dict):
        stat.design = _json_module(data.value["design"], data.line("design"))
    if sheet.tool_version is None:
        sheet.warn(data.first, "the file does not name the version of Yosys")
    _tell(stat, sheet)
    return sheet.done()


def _json_module(entry: Mapping[str, Any], line: int) -> _Module:
    module = _Module(line)
    counts = entry.get("num_cells_by_type")
    if not isinstance(counts, dict):
        module.damaged = "no 'num_cells_by_type'"
        return module
    for cell, number in counts.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            module.damaged = f"the count of {cell} is {number!r}"
            return module
        module.cells[_plain(cell)] += number
    total, below = entry.get("num_cells"), entry.get("num_submodules", 0)
    module.printed = total + below if isinstance(total, int) and isinstance(below, int) else None
    return module


# --- text --------------------------------------------------------------------------------------

_TITLE = re.compile(r"=== (\S.*?) ===\s*$")
_LEGEND = re.compile(r"[ |]*\+-+((?:Local )?(?:[Cc]ount|[Aa]rea)\b.*)")
_OLD_TOTAL = re.compile(r"\s+Number of cells:\s+(\d+)\s*$")
_OLD_CELL = re.compile(r"\s{5}(\S+)\s+(\d+)\s*$")


@dataclass(slots=True)
class _Log:
    """What was read of a log: the last complete ``stat``, the version, the errors."""

    version: str | None = None
    stat: _Stat | None = None
    runs: int = 0
    module: _Module | None = None
    legends: list[tuple[int, str]] = field(default_factory=list)
    in_legend: bool = False
    part: str = ""
    errors: list[tuple[int, str]] = field(default_factory=list)
    console: bool = False
    ended: int | None = None
    last: int = 1


def read(source: str, lines: Iterator[Line]) -> Parsed:
    """A log of Yosys, or what ``tee`` caught of ``stat``: the last ``stat`` counts."""
    log = _Log()
    for line in lines:
        _see(line, log)
    sheet = Sheet(source, "yosys", Stage.POST_SYNTH, log.version)
    open_end = log.console and log.ended is None and log.module is not None
    if log.stat is not None and not open_end:
        _tell(log.stat, sheet)
    else:
        sheet.info(log.last, "no 'stat' in this log")
    if log.runs > 1:
        sheet.info(log.last, f"{log.runs} runs of 'stat': the last one counts")
    for number, text in log.errors:
        sheet.warn(number, f"the tool says: {text}")
    if log.errors:
        sheet.add("TOOL_STATUS", "failed", log.errors[0][0], note=log.errors[0][1])
    elif log.ended is not None:
        sheet.add("TOOL_STATUS", "ok", log.ended)
    elif log.console:
        sheet.warn(log.last, "the log stops before the tool ended")
        sheet.add("TOOL_STATUS", "truncated", log.last)
    return sheet.done()


def _see(line: Line, log: _Log) -> None:
    text = line.text
    log.last = line.number
    if found := re.match(r"\s*Yosys (\d\S+) \(git sha1", text):
        log.version, log.console = found[1], True
    if re.match(r"(?:ERROR: |\S+:\d+: ERROR: )", text) and len(log.errors) < 20:
        log.errors.append((line.number, text.strip()[:300]))
    elif text.startswith("End of script."):
        log.ended = line.number
    if re.match(r"[\d.]+ Printing statistics\.", text):
        log.stat, log.module, log.runs = _Stat(), None, log.runs + 1
    elif found := _TITLE.match(text):
        log.stat = log.stat or _Stat()
        log.runs = max(log.runs, 1)
        _open(found[1], line.number, log)
    elif log.module is not None:
        _row(line, log)


def _open(name: str, line: int, log: _Log) -> None:
    assert log.stat is not None
    log.module = _Module(line)
    log.legends, log.part = [], ""
    if name == "design hierarchy":
        log.stat.design = log.module
    else:
        log.stat.modules[_plain(name)] = log.module


def _row(line: Line, log: _Log) -> None:
    """One line below a title: a legend, a count, a cell; a cut one is damage."""
    module, text = log.module, line.text
    assert module is not None
    legend = _LEGEND.match(text)
    if legend and not log.in_legend:  # a new block with columns of its own
        log.legends, log.part = [], ""
    log.in_legend = legend is not None
    if legend:
        log.legends.append((text.index("+"), legend[1]))
    elif found := _OLD_TOTAL.match(text):
        module.printed, log.part = int(found[1]), "old"
    elif log.part == "old" and (found := _OLD_CELL.match(text)):
        _count(module, found[1], int(found[2]), line)
    elif log.legends and (found := _row_of(len(log.legends)).match(text)):
        _new_row(found, line, log)
    elif text.strip().strip("|"):
        if re.match(r"[\d.]+ Executing|Yosys|End of|Warnings|CPU|Time", text.strip()):
            log.module = None
    elif log.part == "old":
        log.part = ""


@functools.cache
def _row_of(columns: int) -> re.Pattern[str]:
    """As many counts as there are legends, then a label; that of a cell type is indented."""
    return re.compile(rf"((?:\s+(?:\d[\d.e+]*|-)){{{columns}}}) ( *)(\S.*?)\s*$")


def _new_row(found: re.Match[str], line: Line, log: _Log) -> None:
    module = log.module
    assert module is not None
    numbers = found[1].split()
    design = log.stat is not None and module is log.stat.design
    wanted = "including" if design else "local"
    order = [text.lower() for _, text in sorted(log.legends)]
    i = next((i for i, text in enumerate(order) if wanted in text and "area" not in text), None)
    if i is None or i >= len(numbers):
        module.damaged = module.damaged or "the legend of the counts is not understood"
        return
    number = 0 if numbers[i] == "-" else int(float(numbers[i]))
    label = found[3]
    if label in ("cells", "submodules", "cells local:"):
        log.part = label
        module.printed = (module.printed or 0) + number
    elif log.part in ("cells", "submodules", "cells local:") and found[2]:
        _count(module, label, number, line)


def _count(module: _Module, cell: str, number: int, line: Line) -> None:
    if not line.whole:
        module.damaged = "the last line is cut"
    module.cells[_plain(cell)] += number


# --- both --------------------------------------------------------------------------------------


def _tell(stat: _Stat, sheet: Sheet) -> None:
    top = _top(stat)
    if top is None:
        sheet.warn(1, "the top cannot be told: no module, or several that nothing contains")
        return
    sheet.design = top
    line = stat.modules[top].line
    why = _trouble(stat)
    if why is not None:
        sheet.warn(why[0], f"the counts are withheld: {why[1]}")
        return
    totals = {name: _total(name, stat.modules, ()) for name in stat.modules}
    if stat.design is not None and not _same(totals[top], stat.design.cells, stat.modules):
        sheet.warn(stat.design.line, "the counts are withheld: the modules do not add up to the design")
        return
    dear = _unknown_cost(stat)
    if dear is not None:
        sheet.warn(dear[0], f"only CELLS is stated: {dear[1]}")
        sheet.add("CELLS", sum(totals[top].values()), line)
        return
    _figures(totals[top], line, sheet)
    for name, cells in totals.items():
        if name != top:
            values = figures_of(cells, xilinx=is_xilinx(totals[top]))
            sheet.module(f"{top}/{name}", name, values, stat.modules[name].line, "module")


def _top(stat: _Stat) -> str | None:
    if stat.top is not None and _plain(stat.top) in stat.modules:
        return _plain(stat.top)
    used = {cell for module in stat.modules.values() for cell in module.cells}
    free = [name for name in stat.modules if name not in used]
    return free[0] if len(free) == 1 else None


def _trouble(stat: _Stat) -> tuple[int, str] | None:
    """The first thing that makes the counts unsure."""
    every = [*stat.modules.items(), *([("design", stat.design)] if stat.design is not None else [])]
    for name, module in every:
        if module.damaged:
            return module.line, f"{name}: {module.damaged}"
        if module.printed is None:
            return module.line, f"{name} does not say how many cells it has"
        added = sum(module.cells.values())
        if added != module.printed:
            return module.line, f"{name} has {module.printed} cells, those listed add up to {added}"
    return None


def _unknown_cost(stat: _Stat) -> tuple[int, str] | None:
    """The first cell that is not of a device, or of one that is not known."""
    for name, module in stat.modules.items():
        for cell in module.cells:
            if cell not in stat.modules and kind_of(cell) is None:
                what = "not mapped to a device" if cell.startswith("$") else "of unknown cost"
                return module.line, f"{name} has cells {what}: {cell} x {module.cells[cell]}"
    return None


def _total(name: str, modules: Mapping[str, _Module], above: tuple[str, ...]) -> Cells:
    """Primitives of a module with everything below it."""
    total: Cells = Counter()
    for cell, number in modules[name].cells.items():
        if cell in modules and cell not in (*above, name):
            for leaf, leaves in _total(cell, modules, (*above, name)).items():
                total[leaf] += number * leaves
        else:
            total[cell] += number
    return total


def _same(total: Cells, stated: Cells, modules: Mapping[str, _Module]) -> bool:
    return +total == +Counter({cell: n for cell, n in stated.items() if cell not in modules})


def _figures(cells: Cells, line: int, sheet: Sheet) -> None:
    for name, value in figures_of(cells, xilinx=is_xilinx(cells)).items():
        sheet.add(name, value, line, derived=True, note="cells of the netlist")
    sheet.add("CELLS", sum(cells.values()), line)


OPENS = (
    r" ?\|?\s*yosys -- Yosys Open SYnthesis Suite|\s*Yosys \d\S+ \(git sha1|[\d.]+ Printing statistics\."
    r"|=== \S+ ===\s*$"
)
LOGS = {"yosys_log": LogFormat(OPENS, read)}
DATA = (DataFormat(is_stat, parse_json),)
