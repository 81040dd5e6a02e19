"""``summary.results.rpt`` of SmartHLS (LegUp): co-simulation, timing and resources of Libero.

Sections that were not run say "N/A. Please run ...".  The LUTs and flip-flops that interfaces of memories and
multipliers take are added in the cell: ``742 + 36 = 778``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import same_time, table_after, tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import Number, agrees, count, megahertz, nanoseconds, percent, whole

_RESOURCES: Mapping[str, str] = {
    "Fabric + Interface 4LUT": "LUT", "Fabric + Interface DFF": "FF", "4LUT": "LUT", "DFF": "FF", "uSRAM": "USRAM",
    "LSRAM": "LSRAM", "Math": "DSP",
}  # fmt: skip
_TIMING: Mapping[str, str] = {
    "Target Period": "CLOCK_TARGET_NS", "Worst Slack": "WNS_NS", "Period": "CLOCK_ESTIMATED_NS", "Fmax": "FMAX_MHZ",
}  # fmt: skip
_TIMING_ORDER = ("Clock Domain", "Target Period", "Target Fmax", "Worst Slack", "Period", "Fmax")


def parse(document: Document) -> Parsed:
    """Read the three sections."""
    sheet = Sheet(document.source, "Libero SmartHLS", Stage.POST_ROUTE)
    device = document.match(r"^Device: +(\S+)", 0, 15)
    sheet.part = device[1] if device else None
    top = document.match(r"\(top-level module: ([\w.]+)\)")
    sheet.design = top[1] if top else None
    sheet.expect_head(document.first, version=False)
    sections = {
        name: document.find(rf"^====== \d+\. {title}")
        for name, title in (("simulation", "Simulation Result"), ("timing", "Timing Result"),
                            ("resources", "Resource Usage"))
    }  # fmt: skip
    starts = [at for at in sections.values() if at is not None]
    for name, read in (("simulation", _simulation), ("timing", _timing), ("resources", _resources)):
        at = sections[name]
        if at is None:
            sheet.warn(document.last, f"no section of the {name}: the report is cut")
            continue
        stop = min((start for start in starts if start > at), default=len(document.lines))
        if document.find(r"^N/A\. Please run", at, stop) is not None:
            sheet.info(document.number(at), f"no {name}: it was not run")
        else:
            read(document, at, stop, sheet)
    return sheet.done()


# --- simulation --------------------------------------------------------------------------------


def _simulation(document: Document, start: int, stop: int, sheet: Sheet) -> None:
    status = document.find(r"^SW/HW co-simulation: ", start, stop)
    if status is None:
        sheet.warn(document.number(start), "the section does not state 'SW/HW co-simulation'")
    else:
        word = document.lines[status].partition(":")[2].strip()
        known = {"PASS": "pass", "FAIL": "fail"}
        if word in known:
            sheet.add("COSIM_STATUS", known[word], document.number(status), stage=Stage.SIMULATION)
        else:
            sheet.warn(document.number(status), f"a status that is not known: '{word}'")
    _plain_calls(document, start, stop, sheet)
    table = table_after(document, start, stop, near=8)
    if table is not None:
        tell_faults(table, sheet)
        for row in table.rows[:1]:
            _calls(table, row, sheet)
    wanted = ("COSIM_TRANSACTIONS", "LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES", "II_MIN_CYCLES", "II_MAX_CYCLES")
    absent = [name for name in wanted if not sheet.has(name, Stage.SIMULATION)]
    if absent:
        sheet.info(document.number(start), f"the simulation does not state {', '.join(absent)}")


def _plain_calls(document: Document, start: int, stop: int, sheet: Sheet) -> None:
    """``Number of calls: 16,800`` and ``Cycle latency: 151,200``, which is that of all calls together."""
    calls = document.match(r"^Number of calls: ([\d,]+)\s*$", start, stop)
    cycles = document.match(r"^Cycle latency: ([\d,]+)\s*$", start, stop)
    if calls is None:
        return
    line = document.number(document.find(r"^Number of calls: ", start, stop) or start)
    number_of_calls = whole(calls[1])
    sheet.add("COSIM_TRANSACTIONS", number_of_calls, line, stage=Stage.SIMULATION)
    if cycles is not None and number_of_calls == 1:
        for metric in ("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"):
            sheet.add(metric, whole(cycles[1]), line, stage=Stage.SIMULATION)
    elif cycles is not None:
        sheet.info(line, f"{cycles[1]} cycles are those of all {calls[1]} calls together: no latency is stated")


def _calls(table: Table, row: Row, sheet: Sheet) -> None:
    calls = table.column("Number of calls")
    try:
        if calls is not None:
            sheet.add("COSIM_TRANSACTIONS", whole(row.cells[calls]), row.line, stage=Stage.SIMULATION)
        for what, prefix in (("Call Latency", "LATENCY"), ("Call II", "II")):
            i = table.column(f"{what} (min/max/avg)")
            if i is not None:
                _range(prefix, row.cells[i], row.line, sheet)
    except ValueError as error:
        sheet.warn(row.line, str(error))


def _range(prefix: str, cell: str, line: int, sheet: Sheet) -> None:
    parts = [part.strip() for part in cell.split("/")]
    values: list[Number | None] = [count(part) for part in parts]
    low, high, mean = values if len(values) == 3 else (None, None, None)
    if low is None or high is None or mean is None or not low <= mean <= high:
        sheet.info(line, f"{prefix}: the cell says '{cell}'")
        return
    sheet.add(f"{prefix}_MIN_CYCLES", low, line, stage=Stage.SIMULATION)
    sheet.add(f"{prefix}_MAX_CYCLES", high, line, stage=Stage.SIMULATION)


# --- timing ------------------------------------------------------------------------------------


def _timing(document: Document, start: int, stop: int, sheet: Sheet) -> None:
    table = table_after(document, start, stop, near=5)
    if table is None:
        sheet.warn(document.number(start), "no table of the clocks")
        return
    tell_faults(table, sheet)
    if not table.in_order(*_TIMING_ORDER) or table.column("Clock Domain") is None or not table.rows:
        sheet.warn(table.line, "the columns are not Clock Domain, Target Period, Target Fmax, ... in that order")
        return
    rows = [(row, values) for row in table.rows if (values := _clock(table, row, sheet)) is not None]
    for row, values in rows:
        sheet.module(f"clock:{row.cells[0]}", row.cells[0], dict(values), row.line, "clock")
    if rows and len(rows) == len(table.rows):
        row, values = min(rows, key=lambda pair: float(pair[1].get("WNS_NS", 0)))
        for metric, value in values.items():
            sheet.add(metric, value, row.line, note=f"clock {row.cells[0]}")
    sheet.expect(_TIMING.values(), table.line, "the table of the clocks")


def _clock(table: Table, row: Row, sheet: Sheet) -> dict[str, Number] | None:
    """The figures of one clock, if period, slack and frequency fit each other."""
    found: dict[str, Number] = {}
    for name, metric in _TIMING.items():
        i = table.column(name)
        try:
            value = (megahertz if metric == "FMAX_MHZ" else nanoseconds)(row.cells[i]) if i is not None else None
        except ValueError as error:
            sheet.warn(row.line, f"{metric}: {error}")
            value = None
        if value is not None:
            found[metric] = value
    if len(found) < len(_TIMING):
        sheet.warn(row.line, f"clock '{row.cells[0]}': a figure is missing")
        return None
    target, slack, period, fmax = (float(found[m]) for m in _TIMING.values())
    if abs(target - slack - period) > 0.0015 or not same_time(fmax, period, 1000.0):
        sheet.warn(row.line, f"clock '{row.cells[0]}' withheld: period, slack and frequency contradict each other")
        return None
    return found


# --- resources ---------------------------------------------------------------------------------


def _resources(document: Document, start: int, stop: int, sheet: Sheet) -> None:
    table = table_after(document, start, stop, near=5)
    if table is None:
        sheet.warn(document.number(start), "no table of the resources")
        return
    tell_faults(table, sheet)
    columns = [table.column(name) for name in ("Resource Type", "Used", "Total", "Percentage")]
    if columns != [0, 1, 2, 3]:
        sheet.warn(table.line, "the columns are not Resource Type, Used, Total, Percentage")
        return
    for row in table.rows:
        metric = _RESOURCES.get(row.cells[0].rstrip("* "))
        if metric is not None:
            _resource(metric, row, sheet)
    sheet.expect(("LUT", "FF", "DSP", "LSRAM", "USRAM"), table.line, "the table of the resources")


def _resource(metric: str, row: Row, sheet: Sheet) -> None:
    try:
        used, offered, share = _used(row.cells[1]), count(row.cells[2]), percent(row.cells[3])
    except ValueError as error:
        sheet.warn(row.line, f"{metric}: {error}")
        return
    if used is None or offered is None or share is None or not agrees(used, offered, share):
        sheet.warn(row.line, f"{metric} withheld: '{row.cells[1]}' of '{row.cells[2]}' is not '{row.cells[3]}' %")
        return
    sheet.add(metric, used, row.line)
    sheet.add(f"AVAILABLE_{metric}", offered, row.line)


def _used(cell: str) -> Number | None:
    """``742 + 36 = 778``."""
    sum_, equals, total = cell.partition("=")
    if not equals:
        return count(cell)
    value = count(total)
    if value != sum(count(part) or 0 for part in re.split(r"\+", sum_)):
        raise ValueError(f"'{cell}' does not add up")
    return value


FORMATS = {"libero": TextFormat(r"=====\s+Summary Report for RTL Simulation and FPGA Synthesis", parse)}
