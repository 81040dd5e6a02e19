"""``report_timing_summary`` and ``report_timing`` of Vivado.

The design's summary must agree with the sentence below it, with the tables of the clocks and between its own columns
(failing endpoints, a negative slack and a negative total come together or not at all).  ``NA`` is an unconstrained
design.  ``report_timing`` states the slack of one path, the worst one if nothing else was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import Number, nanoseconds, number, whole
from bitwright.report.parsers.vivado_clocks import COUNTS, SLACKS, columns_of, read_clocks, read_periods, ruled_after
from bitwright.report.parsers.vivado_head import read_head

_ALWAYS = (*SLACKS.values(), *COUNTS.values())


def parse_summary(document: Document) -> Parsed:
    """Read a timing summary."""
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    read_head(document, sheet, state_needed=False)
    _stage_of_paths(document, sheet)
    start = document.find(r"^\| Design Timing Summary")
    table = ruled_after(document, start, right=True)
    if start is None or table is None:
        sheet.warn(document.first if start is None else document.number(start), "no table 'Design Timing Summary'")
        return sheet.done()
    tell_faults(table, sheet)
    columns = _columns(table)
    row = table.rows[0] if table.rows else None
    if columns is None or row is None:
        sheet.warn(table.line, "the columns are not WNS(ns), TNS(ns), ... in the tool's order, or the row is damaged")
        return sheet.done()
    _design(columns, row, sheet)
    if not any(cell == "NA" for cell in row.cells):
        sheet.expect(_ALWAYS, table.line, "the summary")
    _consistent(sheet, row.line)
    _sentence(document, start, sheet, row)
    _clocks(document, sheet, row.line)
    return sheet.done()


def _columns(table: Table) -> dict[str, tuple[int, str]] | None:
    return columns_of(table.columns)


def _design(columns: dict[str, tuple[int, str]], row: Row, sheet: Sheet) -> None:
    units = {unit for _, unit in columns.values() if unit}
    if len(units) != 1:
        sheet.warn(row.line, f"slacks withheld: different units ({', '.join(sorted(units))})")
        return
    for names, reader in ((SLACKS, None), (COUNTS, whole)):
        for name, metric in names.items():
            if name in columns:
                i, unit = columns[name]
                _cell(metric, row, i, sheet, reader or _in_ns(unit))


def _in_ns(unit: str) -> Callable[[str], Number | None]:
    return lambda text: nanoseconds(text, unit) if number(text) is not None else None


def _cell(metric: str, row: Row, i: int, sheet: Sheet, reader: Callable[[str], Number | None]) -> None:
    try:
        value = reader(row.cells[i])
    except ValueError as error:
        sheet.warn(row.line, f"{metric}: {error}")
        return
    if value is None:
        tell = sheet.info if row.cells[i] == "NA" else sheet.warn
        tell(row.line, f"{metric}: the cell says '{row.cells[i]}'")
    sheet.add(metric, value, row.line)


def _consistent(sheet: Sheet, line: int) -> None:
    """Setup and hold: a negative slack, a negative total and failing endpoints come together."""
    for slack, total, failing in (("WNS_NS", "TNS_NS", "SETUP_FAILING_ENDPOINTS"),
                                  ("WHS_NS", "THS_NS", "HOLD_FAILING_ENDPOINTS")):  # fmt: skip
        values = [sheet.value(name) for name in (slack, total, failing)]
        if any(value is None for value in values):
            continue
        worst, added, points = (float(value) for value in values if value is not None)
        if len({worst < 0, added < 0, points > 0}) > 1 or (worst < 0 and added > worst + 1e-9):
            why = f"{worst:g} ns, {added:g} ns in total and {points:g} endpoints contradict each other"
            sheet.withhold((slack, total, failing), line, why)


def _sentence(document: Document, start: int, sheet: Sheet, row: Row) -> None:
    """``All user specified timing constraints are met.`` or ``Timing constraints are not met.``"""
    at = document.find(r"timing constraints are (?:not )?met\.", start, start + 16)
    at = at if at is not None else document.find(r"Timing constraints are (?:not )?met\.", start, start + 16)
    slacks = [sheet.value(name) for name in ("WNS_NS", "WHS_NS")]
    if at is None:
        none = "no user specified timing constraints"
        if document.find(none, start, start + 16) is None:
            sheet.info(row.line, "no sentence says whether the constraints are met")
        return
    met = "not met" not in document.lines[at]
    worst = min((float(slack) for slack in slacks if slack is not None), default=None)
    if worst is not None and met and worst < 0:
        sheet.withhold(_ALWAYS, document.number(at), f"a slack of {worst:g} ns, but the constraints are met")


def _clocks(document: Document, sheet: Sheet, line: int) -> None:
    """The worst slack of the tables by clock is that of the design."""
    worst, names = read_clocks(document, sheet)
    for metric, group in (("WNS_NS", ("WNS_NS", "TNS_NS", "SETUP_FAILING_ENDPOINTS")),
                          ("WHS_NS", ("WHS_NS", "THS_NS", "HOLD_FAILING_ENDPOINTS"))):  # fmt: skip
        stated = sheet.value(metric)
        if stated is not None and metric in worst and abs(worst[metric] - stated) > 5e-4:
            why = f"the design's {metric} is {stated:g}, the worst of the clocks {worst[metric]:g}"
            sheet.withhold(group, line, why)
            sheet.drop_modules()
    read_periods(document, names, sheet)


# --- report_timing -----------------------------------------------------------------------------


def parse_path(document: Document) -> Parsed:
    """Read the worst slack of the paths that ``report_timing`` lists."""
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    read_head(document, sheet, state_needed=False)
    _stage_of_paths(document, sheet)
    worst: dict[str, tuple[float, int]] = {}
    for start, stop in _paths(document):
        _path(document, start, stop, worst, sheet)
    for metric, (slack, line) in worst.items():
        sheet.add(metric, slack, line, note="the worst of the paths listed")
    if not worst:
        sheet.warn(document.last, "no path with a slack")
    return sheet.done()


def _paths(document: Document) -> Iterator[tuple[int, int]]:
    starts = [i for i, line in enumerate(document.lines) if line.startswith("Slack")]
    yield from zip(starts, [*starts[1:], len(document.lines)], strict=False)


def _path(document: Document, start: int, stop: int, worst: dict[str, tuple[float, int]], sheet: Sheet) -> None:
    line = document.number(start)
    found = re.fullmatch(r"Slack(?: \((MET|VIOLATED)\))? :\s+(\S+?)\s*(?:\(.*\))?\s*", document.lines[start])
    kind = document.match(r"^  Path Type:\s+(Setup|Recovery|Hold|Removal|Max|Min)\b", start, stop)
    if found is None or kind is None:
        sheet.warn(line, "a path whose slack or type is not understood")
        return
    try:
        slack = nanoseconds(found[2])
    except ValueError as error:
        sheet.warn(line, f"slack: {error}")
        return
    if slack is None or (found[1] and (found[1] == "MET") != (slack >= 0)):
        sheet.info(line, f"a path without a slack: '{document.lines[start].strip()}'")
        return
    if not _slack_again(document, start, stop, slack):
        sheet.warn(line, f"slack withheld: {slack:g} ns is not the one at the end of the path")
        return
    metric = "WHS_NS" if kind[1] in ("Hold", "Removal", "Min") else "WNS_NS"
    if metric not in worst or slack < worst[metric][0]:
        worst[metric] = (slack, line)


def _slack_again(document: Document, start: int, stop: int, slack: float) -> bool:
    """The path ends with required time, arrival time and the slack once more, in the unit of its columns."""
    unit = document.match(r"Incr\((\w+)\)\s+Path\((\w+)\)", start, stop)
    last = document.match(r"^\s+slack\s+(-?[\d.]+)\s*$", start, stop)
    if unit is None or last is None or unit[1] != unit[2]:
        return False
    try:
        again = nanoseconds(last[1], unit[1])
    except ValueError:
        return False
    return again is not None and abs(again - slack) <= 0.0015


def _stage_of_paths(document: Document, sheet: Sheet) -> None:
    """Older reports do not name the design state; their nets do: unplaced, estimated, routed."""
    if sheet.stage is not Stage.UNKNOWN:
        return
    for word, stage in (("unplaced", Stage.POST_SYNTH), ("estimated", Stage.POST_PLACE), ("routed", Stage.POST_ROUTE)):
        if document.find(rf"net \(fo=\d+, {word}\)") is not None:
            sheet.stage = stage
            return
    sheet.warn(document.last, "neither head nor paths tell the state of the design: the stage is UNKNOWN")
