"""``rtl.rpt`` and ``cycle.rpt`` of Catapult: latency, throughput, clock and timing slack of a solution.

Catapult counts area in scores of its own library, not in cells of a device: AREA_SCORE is the one after assignment.
One column holds the latency, so the best case is not stated; -1 is a process that never ends, which has none.
Columns are ruled with dashes; a name may be wider than its column, so a row is read from its right end.
"""

from __future__ import annotations

import re

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import is_rule, read_ruled
from bitwright.report.parsers.values import Number, number, sane_period, whole

_PROCESS = ("Process", "Real Operation(s) count", "Latency", "Throughput", "Reset Length", "II", "Comments")


def parse(document: Document) -> Parsed:
    """Read the report of a solution."""
    sheet = Sheet(document.source, "Catapult", Stage.HLS_ESTIMATE)
    version = document.match(r"^--\s+(?:HLS )?Version:\s+(\d[\w.]*)", 0, 15)
    sheet.tool_version = version[1] if version else None
    named = document.match(r"^\s*Solution Settings:\s+(\S+?)(?:\.v\d+)?\s*$", 0, 40)
    sheet.design = named[1] if named else None
    sheet.expect_head(document.first, part=False)
    _processes(document, sheet)
    _clock(document, sheet)
    _area(document, sheet)
    _slack(document, sheet)
    if document.find(r"^\s*End of Report") is None:
        sheet.info(document.last, "the report has no 'End of Report': it may be cut")
    return sheet.done()


def _rule_after(document: Document, title: str) -> int | None:
    start = document.find(title)
    if start is None:
        return None
    return next((i for i in range(start + 1, min(start + 4, len(document.lines))) if is_rule(document.lines[i])), None)


def _processes(document: Document, sheet: Sheet) -> None:
    rule = _rule_after(document, r"^\s*Processes/Blocks in Design")
    if rule is None:
        sheet.warn(document.first, "no table 'Processes/Blocks in Design'")
        return
    line = document.number(rule)
    table = read_ruled(document.lines, rule, document.first)
    names = [name for name in table.columns if name]
    if names[:6] != list(_PROCESS[:6]):
        sheet.warn(line, "the columns are not Process, Real Operation(s) count, Latency, Throughput, ...")
        return
    ends = [m.end() for m in re.finditer("-+", document.lines[rule])][1:6]
    for i in range(rule + 1, len(document.lines)):
        found = re.fullmatch(r"\s+(\S.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(\S+)(?:\s+.*)?", document.lines[i])
        if found is None or not _in_columns(found, ends):
            if document.lines[i].strip():
                sheet.warn(document.number(i), "a row does not fit the table")
                continue
            break
        values = {"LATENCY_MAX_CYCLES": _cycles(found[3]), "II_MAX_CYCLES": _cycles(found[4])}
        if found[1] == "Design Total:":
            _design(values, document.number(i), sheet)
        else:
            sheet.module(found[1].strip("/"), found[1].rpartition("/")[2], values, document.number(i), "process")
    sheet.expect(("LATENCY_MAX_CYCLES", "II_MAX_CYCLES"), line, "the row 'Design Total'")


def _in_columns(found: re.Match[str], ends: list[int]) -> bool:
    """Whether the numbers end where the dashes do, or all as far to the right as something long before them took."""
    shifts = [found.end(i) - end for i, end in zip(range(2, 7), ends, strict=False)]
    return min(shifts) >= 0 and shifts == sorted(shifts)


def _cycles(cell: str) -> Number | None:
    return None if cell.startswith("-") else whole(cell)


def _design(values: dict[str, Number | None], line: int, sheet: Sheet) -> None:
    for metric, value in values.items():
        if value is None:
            sheet.withhold((metric,), line, "the tool prints -1: a process that never ends has none")
            continue
        sheet.add(metric, value, line)


def _clock(document: Document, sheet: Sheet) -> None:
    rule = _rule_after(document, r"^\s*Clock Information")
    if rule is None:
        sheet.warn(document.first, "no table 'Clock Information'")
        return
    table = read_ruled(document.lines, rule, document.first)
    tell_faults(table, sheet)
    i, signal = table.column("Period"), table.column("Clock Signal")
    if i is None or signal is None:
        sheet.warn(table.line, "the columns are not Clock Signal, Edge, Period, ...")
        return
    periods = []
    for row in table.rows:
        try:
            value = number(row.cells[i])
        except ValueError as error:
            sheet.warn(row.line, f"CLOCK_TARGET_NS: {error}")
            continue
        if value is not None and sane_period(float(value)):
            periods.append((value, row.line))
            sheet.module(f"clock:{row.cells[signal]}", row.cells[signal], {"CLOCK_TARGET_NS": value}, row.line, "clock")
        else:
            sheet.warn(row.line, f"CLOCK_TARGET_NS: the cell says '{row.cells[i]}'")
    if len(periods) == 1:
        sheet.add("CLOCK_TARGET_NS", *periods[0])


def _area(document: Document, sheet: Sheet) -> None:
    at = document.find(r"^\s*Total Area Score:")
    if at is None:
        sheet.info(document.last, "no 'Total Area Score' (cycle.rpt, or a cut report)")
        return
    header = document.find(r"Post-Scheduling\s+Post-DP & FSM\s+Post-Assignment", max(0, at - 4), at)
    cells = document.lines[at].partition(":")[2].split()
    if header is None or len(cells) != 3:
        sheet.warn(document.number(at), "the columns are not Post-Scheduling, Post-DP & FSM, Post-Assignment")
        return
    try:
        sheet.add("AREA_SCORE", number(cells[2]), document.number(at), note="in units of the library, no cells")
    except ValueError as error:
        sheet.warn(document.number(at), f"AREA_SCORE: {error}")


def _slack(document: Document, sheet: Sheet) -> None:
    """``Critical Path`` with its delay and slack: the worst one; the two make up the clock period, or nearly so."""
    period = sheet.value("CLOCK_TARGET_NS")
    worst: tuple[float, int] | None = None
    for i, text in enumerate(document.lines):
        found = re.fullmatch(r"\s+Slack:\s+(-?[\d.]+)\s*", text)
        delay = re.fullmatch(r"\s+Max Delay:\s+([\d.]+)\s*", document.lines[i - 1]) if i else None
        if not found or not delay:
            continue
        slack, line = float(found[1]), document.number(i)
        if period is None or not 0.5 * period <= float(delay[1]) + slack <= 1.001 * period:
            sheet.warn(line, f"slack withheld: delay {delay[1]} and slack {found[1]} do not make the clock period")
            return
        if worst is None or slack < worst[0]:
            worst = (slack, line)
    if worst is not None:
        sheet.add("WNS_NS", worst[0], worst[1])
    else:
        sheet.info(document.last, "no 'Max Delay' with its 'Slack': the slack is not stated")


FORMATS = {
    "catapult": TextFormat(
        r"--\s+Catapult .*|\s*Processes/Blocks in Design", parse, inside=r"\s*Processes/Blocks in Design|--\s+Catapult"
    )
}
