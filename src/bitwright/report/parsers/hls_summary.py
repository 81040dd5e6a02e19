"""``csynth.rpt`` of Vitis HLS: the "Synthesis Summary", one table with the whole tree of modules and loops.

Its figures are estimates like those of ``*_csynth.rpt`` but printed once more by another program: its LUT count
can differ by a few.  ``-`` in a column of resources means none; one column holds the latency, so that best and
worst case are not told apart.  Shares, the ratio of nanoseconds to cycles and the frame of the table witness
that a cell stands in its column.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import read_head, same_time, table_after, tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import Number, count, is_nothing, nanoseconds, number, percent, sane_period

OPENS = r"== Synthesis Summary Report of '"
_RESOURCES = {"BRAM": "BRAM18", "DSP": "DSP", "FF": "FF", "LUT": "LUT", "URAM": "URAM"}
_ORDER = ("Modules & Loops", "Issue Type", "Slack", "Latency (cycles)", "Latency (ns)", "Iteration Latency",
          "Interval", "Trip Count", "Pipelined", "BRAM", "DSP", "FF", "LUT", "URAM")  # fmt: skip
_ONE_COLUMN = "one column for best and worst case"


@dataclass(frozen=True, slots=True)
class _Cell:
    """Used, and the range in which the device's total must be for the share that is printed."""

    used: Number
    low: float = 0.0
    high: float = math.inf


def parse(document: Document) -> Parsed:
    """Read the summary of a project."""
    sheet = Sheet(document.source, "Vitis HLS", Stage.HLS_ESTIMATE)
    named = re.search(r"Report of '([^']+)'", document.lines[0])
    sheet.design = named[1] if named else None
    read_head(document, sheet)
    start = document.find(r"^\+ Performance & Resource Estimates")
    table = table_after(document, start, near=6) if start is not None else None
    if start is None or table is None:
        sheet.warn(document.first, "no table 'Performance & Resource Estimates'")
        return sheet.done()
    tell_faults(table, sheet)
    if not table.in_order(*_ORDER) or table.column("Modules & Loops") is None:
        sheet.warn(table.line, "the columns are not those of the tool, in its order")
        return sheet.done()
    _rows(table, sheet)
    return sheet.done()


def _rows(table: Table, sheet: Sheet) -> None:
    trusted = _trusted(table, sheet)
    period = _period(table)
    if period is None:
        sheet.info(table.line, "latency in nanoseconds is not stated: no column of it that fits the cycles")
    open_paths: list[tuple[int, str]] = []
    for row in table.rows:
        kind, name = row.cells[0][:1], row.cells[0][1:].strip().rstrip("*")
        values = _values(table, row, trusted, period, sheet)
        if kind == "+" and row.indent == 0 and name == sheet.design:
            _top(row, values, sheet, fixed=_says(table, row, "Pipelined") == "yes")
        while open_paths and open_paths[-1][0] >= row.indent:
            open_paths.pop()
        path = "/".join([*(place for _, place in open_paths), name])
        open_paths.append((row.indent, name))
        if row.indent:
            sheet.module(path, name, values, row.line, "loop" if kind == "o" else "module")
    wanted = ["LATENCY_MAX_CYCLES", "II_MAX_CYCLES", *_RESOURCES.values()]
    sheet.expect(wanted, table.line, f"the row of {sheet.design}")


def _says(table: Table, row: Row, column: str) -> str:
    i = table.column(column)
    return row.cells[i] if i is not None else ""


def _top(row: Row, values: dict[str, Number | None], sheet: Sheet, *, fixed: bool) -> None:
    """State the row of the design; only a pipelined function is known to take as long in the best case."""
    for metric, value in values.items():
        twins = {"LATENCY_MAX_CYCLES": "LATENCY_MIN_CYCLES", "II_MAX_CYCLES": "II_MIN_CYCLES",
                 "LATENCY_MAX_NS": "LATENCY_MIN_NS"}  # fmt: skip
        if metric in twins.values():
            continue
        sheet.add(metric, value, row.line)
        if metric in twins and value is not None:
            _best_case(twins[metric], values.get(twins[metric]), value if fixed else None, row, sheet)


def _best_case(metric: str, stated: Number | None, fixed: Number | None, row: Row, sheet: Sheet) -> None:
    if stated is None and fixed is None:
        sheet.info(row.line, f"{metric} is not stated: {_ONE_COLUMN}")
    elif stated is not None:
        sheet.add(metric, stated, row.line)
    else:
        sheet.add(metric, fixed, row.line, derived=True, note=_ONE_COLUMN)


def _values(table: Table, row: Row, trusted: set[str], period: float | None, sheet: Sheet) -> dict[str, Number | None]:
    values: dict[str, Number | None] = {}
    is_loop = row.cells[0].startswith("o")
    for name, metric in _RESOURCES.items():
        i = table.column(name)
        if i is None or is_loop:
            continue
        cell = _resource(row.cells[i], row, sheet)
        values[metric] = cell.used if cell and name in trusted else None
    for name, metric in (("Latency (cycles)", "LATENCY_MAX_CYCLES"), ("Interval", "II_MAX_CYCLES")):
        i = table.column(name)
        low, high = _range(row.cells[i], row, sheet) if i is not None else (None, None)
        values[metric] = high
        values[metric.replace("MAX", "MIN")] = low if low != high else None
    _time(table, row, values, period, sheet)
    _slack(table, row, values, sheet)
    return values


def _range(cell: str, row: Row, sheet: Sheet) -> tuple[Number | None, Number | None]:
    """``28``, or ``28 ~ 60``."""
    low, tilde, high = cell.partition("~")
    try:
        return (count(low), count(high)) if tilde else (count(cell), count(cell))
    except ValueError as error:
        sheet.warn(row.line, str(error))
        return None, None


def _time(table: Table, row: Row, values: dict[str, Number | None], period: float | None, sheet: Sheet) -> None:
    """The time must be that of the cycles at the clock that all other rows have."""
    name = next((n for n in table.columns if re.fullmatch(r"Latency \((?!cycles)\w+\)", n)), None)
    cycles = values.get("LATENCY_MAX_CYCLES")
    if name is None or cycles is None or period is None:
        return
    unit = name.removeprefix("Latency (").removesuffix(")")
    try:
        low, tilde, high = row.cells[table.columns.index(name)].partition("~")
        time = nanoseconds(high if tilde else low, unit)
    except ValueError as error:
        sheet.warn(row.line, f"latency: {error}")
        return
    if time is None:
        return
    if same_time(cycles, period, time):
        values["LATENCY_MAX_NS"] = time
    else:
        sheet.warn(row.line, f"latency and interval withheld: {time:g} ns is not {cycles:,} cycles at {period:g} ns")
        for metric in ("LATENCY_MAX_CYCLES", "LATENCY_MIN_CYCLES", "II_MAX_CYCLES", "II_MIN_CYCLES"):
            values[metric] = None


def _period(table: Table) -> float | None:
    """The clock period as most rows imply it by nanoseconds and cycles."""
    name = next((n for n in table.columns if re.fullmatch(r"Latency \((?!cycles)\w+\)", n)), None)
    i = table.column("Latency (cycles)")
    if name is None or i is None:
        return None
    ratios = []
    for row in table.rows:
        try:
            cycles = count(row.cells[i].partition("~")[0])
            time = nanoseconds(row.cells[table.columns.index(name)].partition("~")[0], name[9:-1])
        except ValueError:
            continue
        if cycles and time:
            ratios.append(time / cycles)
    ratios.sort()
    middle = ratios[len(ratios) // 2] if ratios else None
    return middle if middle is not None and sane_period(middle) else None


def _slack(table: Table, row: Row, values: dict[str, Number | None], sheet: Sheet) -> None:
    i = table.column("Slack")
    try:
        values["WNS_NS"] = number(row.cells[i]) if i is not None else None
    except ValueError as error:
        sheet.warn(row.line, f"slack: {error}")


def _resource(cell: str, row: Row, sheet: Sheet) -> _Cell | None:
    """``34 (28%)``, ``19384 (~0%)``, ``-`` for none."""
    found = re.fullmatch(r"(\S+)\s*\(([^()]*)%\)", cell)
    try:
        if not found:
            if cell not in ("-", "0") and not is_nothing(cell):
                sheet.warn(row.line, f"'{cell}' is a resource without its share")
            return _Cell(0) if cell in ("-", "0") else None
        used, share = count(found[1]), percent(found[2])
    except ValueError as error:
        sheet.warn(row.line, str(error))
        return None
    if used is None or share is None:
        return None
    low = 100 * used / share[1] if share[1] else 0.0
    return _Cell(used, low, 100 * used / share[0] if share[0] > 0 else math.inf)


def _trusted(table: Table, sheet: Sheet) -> set[str]:
    """The columns whose shares all fit one size of the device; LUTs at most as many as flip-flops."""
    sizes = {}
    for name in _RESOURCES:
        i = table.column(name)
        if i is None:
            continue
        cells = [cell for row in table.rows if (cell := _resource(row.cells[i], row, sheet)) is not None]
        low = max((cell.low for cell in cells), default=0.0)
        high = min((cell.high for cell in cells), default=math.inf)
        if low <= high * (1 + 1e-9):
            sizes[name] = (low, high)
        else:
            sheet.warn(table.line, f"{name} withheld: its shares do not fit one device")
    if "LUT" in sizes and "FF" in sizes and sizes["FF"][1] < sizes["LUT"][0]:
        sheet.warn(table.line, "LUT, FF withheld: a device with fewer flip-flops than LUTs: columns are exchanged")
        sizes.pop("LUT"), sizes.pop("FF")
    return set(sizes)


FORMATS = {"synthesis_summary": TextFormat(OPENS, parse)}
