"""``*_csynth.rpt`` of Vivado HLS and Vitis HLS, 2016.4 to 2024: one function with its instances and loops.

What the report says twice is compared, and what differs is withheld: the totals with their rows and with the totals
of the detail tables, the utilization with used and available, the absolute latency with cycles times the clock.
Up to 2018.2 there is no absolute latency, and the unit of the clock stands in the heading ``+ Timing (ns)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import (
    EVERY_PART_HAS,
    RESOURCE_ORDER,
    RESOURCES,
    check_device,
    check_order,
    read_head,
    same_time,
    table_after,
    tell_faults,
    tool_of,
)
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import (
    Number,
    agrees,
    count,
    is_nothing,
    nanoseconds,
    percent,
    sane_period,
    whole,
)

OPENS = r"== (?:Vivado|Vitis) HLS Report for '"
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
_PAIRS = (("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"), ("II_MIN_CYCLES", "II_MAX_CYCLES"))
_DETAILS = ("Instance", "Memory", "Expression", "Multiplexer", "Register")
"""Rows of the summary whose detail table has a total; that of FIFOs leaves out their LUTs up to 2020.1."""


def parse(document: Document) -> Parsed:
    """Read one report of a function."""
    opening = document.lines[0]
    sheet = Sheet(document.source, tool_of(opening), Stage.HLS_ESTIMATE)
    named = re.search(r"Report for '([^']+)'", opening)
    sheet.design = named[1] if named else None
    read_head(document, sheet)
    utilization = document.find(r"^== Utilization Estimates")
    performance = document.find(r"^== Performance Estimates")
    _performance(document, sheet, performance, utilization)
    _utilization(document, sheet, utilization)
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
        _read(sheet, metric, cell, row.line, lambda text: nanoseconds(text, unit))
    target = sheet.value("CLOCK_TARGET_NS")
    if target is not None and not sane_period(target):
        sheet.withhold(_CLOCKS.values(), row.line, f"{target:g} ns is no clock period of an FPGA")
    uncertainty = sheet.value("CLOCK_UNCERTAINTY_NS")
    if target is not None and uncertainty is not None and uncertainty > 10 * target:
        sheet.withhold(_CLOCKS.values(), row.line, "an uncertainty far above the clock period")


def _read(sheet: Sheet, metric: str, cell: str, line: int, reader: object, what: str = "") -> Number | None:
    """State a cell; one that states nothing, or is not understood, is a problem."""
    assert callable(reader)
    try:
        value: Number | None = reader(cell)
    except ValueError as error:
        sheet.warn(line, f"{what or metric}: {error}")
        return None
    if value is None:
        if cell.strip() in ("?", "undef"):
            sheet.info(line, f"{what or metric}: the tool could not tell ('{cell.strip()}')")
        else:
            sheet.warn(line, f"{what or metric}: the cell says '{cell.strip()}'")
        return None
    if metric:
        sheet.add(metric, value, line)
    return value


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
            _read(sheet, metric, row.cells[i], row.line, whole)
    rising = [check_order(sheet, low, high, row.line) for low, high in _PAIRS]
    if not all(rising):
        sheet.withhold(set(_CYCLES.values()), row.line, "cells of this row are exchanged")
    for name, metric in _TIMES.items():
        i = table.column(name)
        if i is not None and _read(sheet, metric, row.cells[i], row.line, nanoseconds) is not None:
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
    """A pipelined function may not take longer between two inputs than for one (dataflow may)."""
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
        values = {metric: _quiet(row.cells[i]) for name, metric in _CYCLES.items()
                  if (i := table.column(name)) is not None}  # fmt: skip
        if all(_rising(values.get(low), values.get(high)) for low, high in _PAIRS):
            _module(sheet, table, row, values)
        else:
            sheet.warn(row.line, "the latency of an instance is withheld: a minimum above its maximum")


def _rising(low: Number | None, high: Number | None) -> bool:
    return low is None or high is None or low <= high


def _module(sheet: Sheet, table: Table, row: Row, values: Mapping[str, Number | None]) -> None:
    instance, module = table.column("Instance"), table.column("Module")
    if instance is None or module is None:
        return
    path = f"{sheet.design}/{row.cells[instance]}"
    sheet.module(path, row.cells[module], values, row.line, "module")


def _quiet(cell: str) -> Number | None:
    try:
        return whole(cell)
    except ValueError:
        return None


# --- utilization -------------------------------------------------------------------------------


def _utilization(document: Document, sheet: Sheet, start: int | None) -> None:
    if start is None:
        sheet.warn(document.last, "no section 'Utilization Estimates'")
        return
    summary = document.find(r"^\* Summary:", start)
    table = table_after(document, summary) if summary is not None else None
    if summary is None or table is None:
        sheet.warn(document.number(start), "no table of the resources")
        return
    tell_faults(table, sheet)
    if not table.in_order("Name", *RESOURCE_ORDER):
        sheet.warn(table.line, "the columns of the resources are not in the order of the tool")
        return
    columns = {name: i for i, name in enumerate(table.columns) if name in RESOURCES}
    strangers = [name for name in table.columns if name and name not in RESOURCES and name != "Name"]
    if strangers:
        sheet.warn(table.line, f"columns that are not known: {', '.join(strangers)}")
    rows = {row.cells[0]: row for row in table.rows}
    sound = [_resource(RESOURCES[name], i, rows, sheet, table.line) for name, i in columns.items()]
    if not all(sound):
        every = [f"AVAILABLE_{RESOURCES[name]}" for name in columns]
        sheet.withhold(every, table.line, "a share of this table is wrong: cells of a row may be exchanged")
    _strange_rows(rows, sheet)
    sheet.expect([*EVERY_PART_HAS, *(f"AVAILABLE_{name}" for name in EVERY_PART_HAS)], table.line, "the summary")
    check_device(sheet, table.line)
    _details(document, sheet, start, rows, columns)


_KNOWN_ROWS = frozenset(
    ("DSP", "DSP48", "DSP48E", "Expression", "FIFO", "Instance", "Memory", "Multiplexer", "Register", "Total",
     "Available", "Available SLR", "Utilization (%)", "Utilization SLR (%)", "ShiftMemory")
)  # fmt: skip


def _strange_rows(rows: Mapping[str, Row], sheet: Sheet) -> None:
    for name, row in rows.items():
        if name not in _KNOWN_ROWS:
            sheet.warn(row.line, f"a row that is not known: '{name}'")


def _resource(metric: str, i: int, rows: Mapping[str, Row], sheet: Sheet, line: int) -> bool:
    """State total and available of one column, if its rows and its share agree; whether the share did."""
    total, available, share = (rows.get(name) for name in ("Total", "Available", "Utilization (%)"))
    used = _read(sheet, metric, total.cells[i], total.line, count) if total else None
    offered = _read(sheet, f"AVAILABLE_{metric}", available.cells[i], available.line, count) if available else None
    if used is None:
        return True
    assert total is not None
    parts = _parts(rows, i)
    if parts is None:
        sheet.withhold((metric,), total.line, "a row above the total has no number")
    elif parts != used:
        sheet.withhold((metric,), total.line, f"the rows add up to {parts:,}, the total says {used:,}")
    if share is None or offered is None:
        sheet.warn(line, f"{metric}: no share to compare the total with")
        return True
    try:
        printed = percent(share.cells[i])
    except ValueError:
        printed = None
    if printed is None:
        sheet.warn(share.line, f"{metric}: the share says '{share.cells[i]}'")
    elif offered and not agrees(used, offered, printed):
        names = (metric, f"AVAILABLE_{metric}")
        sheet.withhold(names, share.line, f"{used:,} of {offered:,} is not {share.cells[i]} %")
        return False
    return True


_COMPONENTS = ("DSP", "DSP48", "DSP48E", "Expression", "FIFO", "Instance", "Memory", "Multiplexer", "Register",
               "ShiftMemory")  # fmt: skip


def _parts(rows: Mapping[str, Row], i: int) -> Number | None:
    found: Number = 0
    for name in _COMPONENTS:
        row = rows.get(name)
        if row is None:
            continue
        try:
            value = count(row.cells[i])
        except ValueError:
            return None
        if value is None and not row.cells[i].strip():
            return None
        found += value or 0
    return found


def _details(document: Document, sheet: Sheet, start: int, rows: Mapping[str, Row], columns: Mapping[str, int]) -> None:
    """Compare the rows of the summary with the totals of the detail tables; list the instances."""
    for name in _DETAILS:
        at = document.find(rf"^\s+\* {name}:", start)
        table = table_after(document, at) if at is not None else None
        if table is None or not table.columns:
            continue
        if name in rows:
            _compare_detail(sheet, rows[name], table, columns)
        if name == "Instance":
            _instance_resources(sheet, table, rows.get("Instance"), columns)


def _compare_detail(sheet: Sheet, summary: Row, table: Table, columns: Mapping[str, int]) -> None:
    total = next((row for row in table.rows if row.cells[0] == "Total"), None)
    if total is None or table.faults:
        return
    for name, i in columns.items():
        j = next((table.columns.index(n) for n in table.columns if RESOURCES.get(n) == RESOURCES[name]), None)
        if j is None or is_nothing(summary.cells[i]) or is_nothing(total.cells[j]):
            continue
        if summary.cells[i] != total.cells[j]:
            why = f"{summary.cells[0]} is {summary.cells[i]} here and {total.cells[j]} in line {total.line}"
            sheet.withhold((RESOURCES[name], f"AVAILABLE_{RESOURCES[name]}"), summary.line, why)


def _instance_resources(sheet: Sheet, table: Table, summary: Row | None, columns: Mapping[str, int]) -> None:
    """The resources of the instances; a column counts if its cells add up to its total, and that to the summary."""
    tell_faults(table, sheet)
    total = next((row for row in table.rows if row.cells[0] == "Total"), None)
    rows = [row for row in table.rows if row.cells[0] != "Total"]
    good: dict[str, int] = {}
    for i, name in enumerate(table.columns):
        if name not in RESOURCES:
            continue
        added = sum(_quiet(row.cells[i]) or 0 for row in rows)
        stated = [_quiet(total.cells[i]) or 0] if total is not None else []
        stated += [_quiet(summary.cells[columns[name]]) or 0] if summary is not None and name in columns else []
        if not table.faults and stated and set(stated) == {added}:
            good[RESOURCES[name]] = i
        else:
            sheet.warn(table.line, f"{name} of the instances is withheld: the cells do not add up to their totals")
    for row in rows:
        _module(sheet, table, row, {metric: _quiet(row.cells[i]) for metric, i in good.items()})


FORMATS = {"csynth_report": TextFormat(OPENS, parse)}
