"""The utilization estimates of ``*_csynth.rpt``: totals against their rows, their details and their shares."""

from __future__ import annotations

from collections.abc import Mapping

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.hls_head import (
    EVERY_PART_HAS,
    RESOURCE_ORDER,
    RESOURCES,
    check_device,
    table_after,
    tell_faults,
)
from bitwright.report.parsers.model import Sheet
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import Number, agrees, count, is_nothing, percent, whole

_DETAILS = ("Instance", "Memory", "Expression", "Multiplexer", "Register")
"""Rows of the summary whose detail table has a total; that of FIFOs leaves out their LUTs up to 2020.1."""


def read_utilization(document: Document, sheet: Sheet, start: int | None) -> None:
    """State the totals of the summary, and the resources of each instance."""
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
    used = read_cell(sheet, metric, total.cells[i], total.line, count) if total else None
    offered = read_cell(sheet, f"AVAILABLE_{metric}", available.cells[i], available.line, count) if available else None
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
        added = sum(number_or_none(row.cells[i]) or 0 for row in rows)
        stated = [number_or_none(total.cells[i]) or 0] if total is not None else []
        stated += [number_or_none(summary.cells[columns[name]]) or 0] if summary is not None and name in columns else []
        if not table.faults and stated and set(stated) == {added}:
            good[RESOURCES[name]] = i
        else:
            sheet.warn(table.line, f"{name} of the instances is withheld: the cells do not add up to their totals")
    for row in rows:
        add_module(sheet, table, row, {metric: number_or_none(row.cells[i]) for metric, i in good.items()})


def add_module(sheet: Sheet, table: Table, row: Row, values: Mapping[str, Number | None]) -> None:
    """A row of an instance table as a module below the top."""
    instance, module = table.column("Instance"), table.column("Module")
    if instance is None or module is None:
        return
    path = f"{sheet.design}/{row.cells[instance]}"
    sheet.module(path, row.cells[module], values, row.line, "module")


def number_or_none(cell: str) -> Number | None:
    """A whole number, None for anything else."""
    try:
        return whole(cell)
    except ValueError:
        return None


def read_cell(sheet: Sheet, metric: str, cell: str, line: int, reader: object, what: str = "") -> Number | None:
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
