"""``*_csynth.rpt`` of Vivado HLS and Vitis HLS, 2016.4 to 2024: one function with its instances and loops.

What the report says twice is compared, and what differs is withheld: the totals with their rows and with the totals
of the detail tables, the utilization with used and available, the absolute latency with cycles times the clock.
Up to 2018.2 there is no absolute latency, and the unit of the clock stands in the heading ``+ Timing (ns)``.
"""

from __future__ import annotations

import re

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import (
    check_order,
    read_head,
    same_time,
    table_after,
    tell_faults,
    tool_of,
)
from bitwright.report.parsers.hls_utilization import add_module, number_or_none, read_cell, read_utilization
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import (
    Number,
    nanoseconds,
    sane_period,
    whole,
)

OPENS = r"== .*\bHLS Report for '"
_CLOCKS = {"Target": "CLOCK_TARGET_NS", "Estimated": "CLOCK_ESTIMATED_NS", "Uncertainty": "CLOCK_UNCERTAINTY_NS"}
_CYCLES = {
    "Latency (cycles) min": "LATENCY_MIN_CYCLES", "Latency (cycles) max": "LATENCY_MAX_CYCLES",
    "Latency min": "LATENCY_MIN_CYCLES", "Latency max": "LATENCY_MAX_CYCLES",
    "Interval min": "II_MIN_CYCLES", "Interval max": "II_MAX_CYCLES",
}  # fmt: skip
_TIMES = {"Latency (absolute) min": "LATENCY_MIN_NS", "Latency (absolute) max": "LATENCY_MAX_NS"}
_ORDER = (
    "Latency (cycles) min", "Latency (cycles) max", "Latency min", "Latency max", "Latency (absolute) min",
    "Latency (absolute) max", "Interval min", "Interval max", "Pipeline Type",
)  # fmt: skip
_WAITS = (("LATENCY_MIN_CYCLES", "II_MIN_CYCLES"), ("LATENCY_MAX_CYCLES", "II_MAX_CYCLES"))
_PAIRS = (("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"), ("II_MIN_CYCLES", "II_MAX_CYCLES"))


def parse(document: Document) -> Parsed:
    """Read one report of a function."""
    opening = document.lines[0]
    sheet = Sheet(document.source, tool_of(opening), Stage.HLS_ESTIMATE)
    if not re.match(r"== (?:Vivado|Vitis) HLS ", opening):
        sheet.warn(document.first, "a report of HLS that does not name its tool is left out")
        return sheet.done()
    named = re.search(r"Report for '([^']+)'", opening)
    sheet.design = named[1] if named else None
    read_head(document, sheet)
    utilization = document.find(r"^== Utilization Estimates")
    performance = document.find(r"^== Performance Estimates")
    _performance(document, sheet, performance, utilization)
    read_utilization(document, sheet, utilization)
    if document.find(r"^== Interface") is None:
        sheet.info(document.last, "the report ends before its last section (== Interface): cut, or an extract")
    return sheet.done()


# --- performance -------------------------------------------------------------------------------


def _performance(document: Document, sheet: Sheet, start: int | None, stop: int | None) -> None:
    if start is None:
        sheet.warn(document.first, "no section 'Performance Estimates'")
        return
    timing = document.find(r"^\+ Timing", start, stop)
    latency = document.find(r"^\+ Latency", start, stop)
    detail = document.find(r"^\s+\+ Detail:", latency or start, stop)
    if timing is None:
        sheet.warn(document.number(start), "no part '+ Timing'")
    else:
        _timing(document, sheet, timing, latency)
    if latency is None:
        sheet.warn(document.number(start), "no part '+ Latency'")
    else:
        _latency(document, sheet, latency, detail)
    if detail is not None:
        _instances_latency(document, sheet, detail, stop)


def _timing(document: Document, sheet: Sheet, start: int, stop: int | None) -> None:
    at = document.number(start)
    printed = re.search(r"\((\w+)\)", document.lines[start])
    table = table_after(document, start, stop)
    if table is None:
        sheet.warn(at, "no table of the clock")
        return
    tell_faults(table, sheet)
    for row in table.rows[:1]:
        _clock(table, row, printed[1] if printed else None, sheet)
    for row in table.rows[1:]:
        sheet.info(row.line, f"a second clock, '{row.cells[0]}', is not read")
    sheet.expect(_CLOCKS.values(), at, "the table of the clock")


def _clock(table: Table, row: Row, unit: str | None, sheet: Sheet) -> None:
    """Target, estimate and uncertainty: in one unit, and each a period that a clock can have."""
    if not table.in_order("Clock", "Target", "Estimated", "Uncertainty"):
        sheet.warn(row.line, "the columns of the clock are not in the order of the tool")
        return
    cells = {metric: row.cells[i] for name, metric in _CLOCKS.items() if (i := table.column(name)) is not None}
    units = {match[0] for cell in cells.values() if (match := re.search(r"[A-Za-z]+$", cell.strip()))}
    if len(units) > 1:
        sheet.withhold(_CLOCKS.values(), row.line, f"times in different units ({', '.join(sorted(units))})")
        return
    for metric, cell in cells.items():
        read_cell(sheet, metric, cell, row.line, lambda text: nanoseconds(text, unit))
    target = sheet.value("CLOCK_TARGET_NS")
    if target is not None and not sane_period(target):
        sheet.withhold(_CLOCKS.values(), row.line, f"{target:g} ns is no clock period of an FPGA")
    uncertainty = sheet.value("CLOCK_UNCERTAINTY_NS")
    if target is not None and uncertainty is not None and uncertainty > 10 * target:
        sheet.withhold(_CLOCKS.values(), row.line, "an uncertainty far above the clock period")


def _latency(document: Document, sheet: Sheet, start: int, stop: int | None) -> None:
    at = document.number(start)
    printed = re.search(r"\(([^)]*)\)", document.lines[start])
    if printed and printed[1] != "clock cycles":
        sheet.warn(at, f"latency in '{printed[1]}' is not understood")
        return
    table = table_after(document, start, stop)
    if table is None:
        sheet.warn(at, "no table of the latency")
        return
    tell_faults(table, sheet)
    if not table.in_order(*_ORDER):
        sheet.warn(table.line, "the columns of the latency are not in the order of the tool")
        return
    strangers = [name for name in table.columns if name and name not in _ORDER]
    if strangers:
        sheet.warn(table.line, f"columns that are not known: {', '.join(strangers)}")
    for row in table.rows[:1]:
        _latency_row(table, row, sheet)
    expected = ("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES", "II_MIN_CYCLES", "II_MAX_CYCLES")
    unknown = any(cell.strip() in ("?", "undef") for row in table.rows for cell in row.cells)
    if not unknown:
        sheet.expect(expected, at, "the table of the latency")


def _latency_row(table: Table, row: Row, sheet: Sheet) -> None:
    for name, metric in _CYCLES.items():
        i = table.column(name)
        if i is not None:
            read_cell(sheet, metric, row.cells[i], row.line, whole)
    rising = [check_order(sheet, low, high, row.line) for low, high in _PAIRS]
    if not all(rising):
        sheet.withhold(set(_CYCLES.values()), row.line, "cells of this row are exchanged")
    for name, metric in _TIMES.items():
        i = table.column(name)
        if i is not None and read_cell(sheet, metric, row.cells[i], row.line, nanoseconds) is not None:
            check_time(sheet, metric, row.line)
    check_order(sheet, "LATENCY_MIN_NS", "LATENCY_MAX_NS", row.line)
    if table.column("Pipeline Type") is not None:
        kind = row.cells[table.columns.index("Pipeline Type")]
        _pipeline(sheet, kind, row.line)


def check_time(sheet: Sheet, metric: str, line: int) -> None:
    """An absolute latency must be its cycles times the clock, the target or the slower estimate."""
    cycles = sheet.value(metric.replace("_NS", "_CYCLES"))
    printed = sheet.value(metric)
    periods = [sheet.value(name) for name in ("CLOCK_TARGET_NS", "CLOCK_ESTIMATED_NS")]
    known = [float(period) for period in periods if period is not None]
    if printed is None:
        return
    if cycles is None or not known:
        sheet.withhold((metric,), line, "there are no cycles or no clock to compare it with")
    elif not any(same_time(cycles, period, float(printed)) for period in known):
        why = f"{printed:g} ns is not {cycles:,} cycles at {' or '.join(f'{p:g}' for p in known)} ns"
        cycles_metric = metric.replace("_NS", "_CYCLES")
        sheet.withhold((metric, cycles_metric, "CLOCK_TARGET_NS", "CLOCK_ESTIMATED_NS"), line, why)


def _pipeline(sheet: Sheet, kind: str, line: int) -> None:
    """A function that is not pipelined takes its next input when it is done, or one cycle later."""
    if kind.lower() in ("none", "no"):
        pairs = [(sheet.value(low), sheet.value(high)) for low, high in _WAITS]
        if any(low is not None and high is not None and not 0 <= high - low <= 1 for low, high in pairs):
            names = [name for pair in _WAITS for name in pair]
            sheet.withhold(names, line, f"pipeline type '{kind}', but the interval is not the latency")
    if kind and kind.lower() not in ("none", "no", "yes", "function", "dataflow", "loop rewind", "rewind", "loop"):
        if kind.lower().startswith("loop"):
            return
        sheet.info(line, f"pipeline type '{kind}' is new")


def _instances_latency(document: Document, sheet: Sheet, detail: int, stop: int | None) -> None:
    at = document.find(r"^\s+\* Instance:", detail, stop)
    table = table_after(document, at, stop) if at is not None else None
    if table is None or not table.in_order(*_ORDER):
        return
    tell_faults(table, sheet)
    for row in table.rows:
        values = {metric: number_or_none(row.cells[i]) for name, metric in _CYCLES.items()
                  if (i := table.column(name)) is not None}  # fmt: skip
        if all(_rising(values.get(low), values.get(high)) for low, high in _PAIRS):
            add_module(sheet, table, row, values)
        else:
            sheet.warn(row.line, "the latency of an instance is withheld: a minimum above its maximum")


def _rising(low: Number | None, high: Number | None) -> bool:
    return low is None or high is None or low <= high


FORMATS = {"csynth_report": TextFormat(OPENS, parse)}
