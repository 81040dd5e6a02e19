"""``.sta.rpt`` of Quartus: worst slack, total negative slack, and the lowest Fmax over all corners.

The multicorner summary states the worst of the corners, and must agree with them.  Fmax is stated by corner and
clock: the lowest counts, if every corner that the contents name has its panel and the same clocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.quartus_tables import contents, pairs, panel, panels, read_head
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import is_nothing, megahertz, number, sane_period

_MULTICORNER = ("Clock", "Setup", "Hold", "Recovery", "Removal", "Minimum Pulse Width")


def parse_sta(document: Document) -> Parsed:
    """Read a report of the timing analyzer."""
    sheet = Sheet(document.source, "Quartus", Stage.POST_ROUTE)
    read_head(document, sheet)
    summary = pairs(document, r"(?:TimeQuest )?Timing Analyzer Summary")
    device = summary.row("Device Name") if summary is not None else None
    revision = summary.row("Revision Name") if summary is not None else None
    sheet.part = device.cells[1] if device is not None else None
    sheet.design = revision.cells[1] if revision is not None else None
    snapshot = summary.row("Snapshot") if summary is not None else None
    if snapshot is not None and snapshot.cells[1] in ("planned", "placed"):
        sheet.stage = Stage.POST_PLACE
    sheet.expect_head(document.first)
    titles = contents(document)
    corners = {kind: _corners(document, kind) for kind in ("Setup", "Hold")}
    _slacks(document, titles, corners, sheet)
    _fmax(document, titles, sheet)
    _clocks(document, sheet)
    return sheet.done()


def _corners(document: Document, kind: str) -> dict[str, Table]:
    found = panels(document, rf".*{kind} Summary")
    return {table.title.removesuffix(f"{kind} Summary").strip(): table for table in found}


# --- slack -------------------------------------------------------------------------------------


def _slacks(document: Document, titles: Sequence[str], corners: dict[str, dict[str, Table]], sheet: Sheet) -> None:
    table = panel(document, "Multicorner Timing Analysis Summary")
    if table is None:
        if "Multicorner Timing Analysis Summary" in titles:
            sheet.warn(document.last, "the panel 'Multicorner Timing Analysis Summary' is missing: the report is cut")
        else:
            _one_corner(corners, sheet, document.last)
        return
    tell_faults(table, sheet)
    if not table.in_order(*_MULTICORNER) or table.column("Clock") != 0:
        sheet.warn(table.line, "the columns are not Clock, Setup, Hold, ... in the tool's order")
        return
    for row_name, metrics in (("Worst-case Slack", ("WNS_NS", "WHS_NS")), ("Design-wide TNS", ("TNS_NS", "THS_NS"))):
        row = next((row for row in table.rows if row.cells[0] == row_name), None)
        if row is None:
            sheet.warn(table.line, f"no row '{row_name}'")
            continue
        for column, metric in zip(("Setup", "Hold"), metrics, strict=True):
            i = table.column(column)
            if i is not None:
                _slack(metric, row.cells[i], row.line, sheet)
    sheet.expect(("WNS_NS", "TNS_NS", "WHS_NS", "THS_NS"), table.line, "the multicorner summary")
    _agree(corners, table, sheet)


def _slack(metric: str, cell: str, line: int, sheet: Sheet) -> None:
    try:
        value = number(cell)
    except ValueError as error:
        sheet.warn(line, f"{metric}: {error}")
        return
    if value is None:
        (sheet.info if cell else sheet.warn)(line, f"{metric}: the cell says '{cell}'")
    sheet.add(metric, value, line)


def _agree(corners: dict[str, dict[str, Table]], table: Table, sheet: Sheet) -> None:
    """The worst of the corners is the worst of all; a total below zero needs a slack below zero."""
    for kind, slack, total in (("Setup", "WNS_NS", "TNS_NS"), ("Hold", "WHS_NS", "THS_NS")):
        stated, added = sheet.value(slack), sheet.value(total)
        if stated is None:
            continue
        found = [value for corner in corners[kind].values() for value in _column(corner, "Slack")]
        whole = corners[kind] and not any(corner.faults for corner in corners[kind].values())
        if whole and found and abs(min(found) - float(stated)) > 5e-4:
            why = f"{stated:g} ns is not the worst of the corners, {min(found):g} ns"
            sheet.withhold((slack, total), table.line, why)
        elif added is not None and (float(stated) < 0) != (float(added) < 0):
            sheet.withhold((slack, total), table.line, f"{stated:g} ns and {added:g} ns in total contradict each other")


def _column(table: Table, name: str) -> list[float]:
    i = table.column(name)
    values = []
    for row in table.rows if i is not None else ():
        try:
            value = number(row.cells[i or 0])
        except ValueError:
            continue
        if value is not None:
            values.append(float(value))
    return values


def _one_corner(corners: dict[str, dict[str, Table]], sheet: Sheet, line: int) -> None:
    """Without a multicorner summary the worst of the corners that are there is the answer."""
    for kind, slack, total in (("Setup", "WNS_NS", "TNS_NS"), ("Hold", "WHS_NS", "THS_NS")):
        tables = list(corners[kind].values())
        if any(table.faults or not table.rows for table in tables):
            sheet.warn(line, f"{slack} withheld: a panel of a corner is damaged")
            continue
        for metric, name in ((slack, "Slack"), (total, "End Point TNS")):
            by_corner = [(sum(values) if name != "Slack" else min(values), table.line)
                         for table in tables if (values := _column(table, name))]  # fmt: skip
            if by_corner:
                value, at = min(by_corner)
                sheet.add(metric, round(value, 6), at, note="the worst corner")
    sheet.expect(("WNS_NS", "TNS_NS"), line, "the report")


# --- Fmax --------------------------------------------------------------------------------------


def _fmax(document: Document, titles: Sequence[str], sheet: Sheet) -> None:
    tables = {table.title.removesuffix("Fmax Summary").strip(): table for table in panels(document, ".*Fmax Summary")}
    named = [title.removesuffix("Fmax Summary").strip() for title in titles if title.endswith("Fmax Summary")]
    lost = [corner for corner in named if corner not in tables]
    if not tables and not named:
        sheet.info(document.last, "the report states no Fmax: no clock, or no path")
        return
    found: dict[str, list[tuple[float, int, str]]] = {}
    sound = not lost
    for corner, table in tables.items():
        tell_faults(table, sheet)
        rows = _fmax_rows(table, sheet)
        sound = sound and rows is not None and not table.faults
        for clock, value, line in rows or ():
            found.setdefault(clock, []).append((value, line, corner))
    even = len({len(values) for values in found.values()}) <= 1
    if not sound or not found or not even or {len(values) for values in found.values()} != {len(tables)}:
        line = next(iter(tables.values())).line if tables else document.last
        sheet.warn(line, f"FMAX_MHZ withheld: a corner or a clock is missing {', '.join(lost)}".rstrip())
        return
    _state_fmax(found, sheet)


def _fmax_rows(table: Table, sheet: Sheet) -> list[tuple[str, float, int]] | None:
    """Clock, Fmax and line; None where a row cannot be trusted."""
    if not table.in_order("Fmax", "Restricted Fmax", "Clock Name", "Note") or not table.rows:
        sheet.warn(table.line, "the panel of Fmax is damaged")
        return None
    columns = [table.column(name) for name in ("Fmax", "Restricted Fmax", "Clock Name")]
    if None in columns:
        sheet.warn(table.line, "the panel of Fmax lacks a column")
        return None
    found = []
    for row in table.rows:
        fmax, restricted, clock = (row.cells[i or 0] for i in columns)
        value = _one_fmax(fmax, restricted, row, sheet)
        if value is None or is_nothing(clock):
            return None
        found.append((clock, value, row.line))
    return found


def _one_fmax(fmax: str, restricted: str, row: Row, sheet: Sheet) -> float | None:
    try:
        value, limit = megahertz(fmax), megahertz(restricted)
    except ValueError as error:
        sheet.warn(row.line, f"FMAX_MHZ: {error}")
        return None
    if value is None or limit is None or not 1 <= value <= 5000 or limit > value + 1e-9 or limit < value / 20:
        sheet.warn(row.line, f"FMAX_MHZ: '{fmax}' and '{restricted}' are not to be trusted")
        return None
    return value


def _state_fmax(found: dict[str, list[tuple[float, int, str]]], sheet: Sheet) -> None:
    lowest = min((min(values), clock) for clock, values in found.items())
    (value, line, corner), clock = lowest
    note = f"clock {clock}, {corner}" if len(found) > 1 else corner
    sheet.add("FMAX_MHZ", value, line, note=note)
    for name, values in found.items():
        worst, at, _ = min(values)
        sheet.module(f"clock:{name}", name, {"FMAX_MHZ": worst}, at, "clock")


def _clocks(document: Document, sheet: Sheet) -> None:
    """The period of the one clock; period and frequency must fit each other."""
    table = panel(document, "Clocks")
    if table is None or {"Clock Name", "Period", "Frequency"} - set(table.columns):
        sheet.info(document.last, "no clock periods: the panel 'Clocks' is missing or damaged")
        return
    tell_faults(table, sheet)
    good = []
    for row in table.rows:
        name, period, rate = (row.cells[table.columns.index(c)] for c in ("Clock Name", "Period", "Frequency"))
        try:
            nanoseconds, frequency = number(period), megahertz(rate)
        except ValueError as error:
            sheet.warn(row.line, f"clock '{name}': {error}")
            continue
        if nanoseconds and frequency and sane_period(float(nanoseconds)) and abs(nanoseconds * frequency - 1000) < 15:
            good.append((name, float(nanoseconds), row.line))
        else:
            sheet.warn(row.line, f"clock '{name}': period '{period}' does not fit frequency '{rate}'")
    if not good:
        sheet.info(table.line, "no clock period that is understood")
    for name, period_ns, line in good:
        sheet.module(f"clock:{name}", name, {"CLOCK_TARGET_NS": period_ns}, line, "clock")
    if len(good) == 1 == len(table.rows) and not table.faults:
        sheet.add("CLOCK_TARGET_NS", good[0][1], good[0][2])
