"""``report_utilization -hierarchical`` and ``report_accelerator_utilization`` of Vivado: trees by indentation.

The first row is the top and holds everything.  In each row all LUTs are logic, distributed RAM and shift registers
together; each parent is the sum of its children, of which ``(name)`` is what is its own (LUT combining lets the
sum exceed the parent, never fall below it in registers, DSPs or memories).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table, find_boxes
from bitwright.report.parsers.values import Number, agrees, count, percent
from bitwright.report.parsers.vivado_head import read_head

_COLUMNS: Mapping[str, str] = {
    "Total LUTs": "LUT", "Logic LUTs": "LOGIC_LUT", "LUTRAMs": "LUTRAM", "SRLs": "SRL", "FFs": "FF",
    "RAMB36": "RAMB36", "RAMB18": "RAMB18", "URAM": "URAM", "DSP Blocks": "DSP", "DSP48 Blocks": "DSP", "DSPs": "DSP",
}  # fmt: skip
_ORDER = ("Instance", "Module", *_COLUMNS)
_EXACT = ("FF", "RAMB36", "RAMB18", "URAM", "DSP")
_NAMES = ("LUT", "LOGIC_LUT", "LUTRAM", "SRL", "FF", "DSP", "URAM", "BRAM18", "BRAM36")


def parse_hierarchy(document: Document) -> Parsed:
    """Read the tree of a design."""
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    read_head(document, sheet, state_needed=True)
    tables = find_boxes(document.lines, document.first)
    table = next((t for t in tables if t.columns[:2] == ("Instance", "Module")), None)
    if table is None or not table.in_order(*_ORDER):
        for other in tables:
            tell_faults(other, sheet)
        sheet.warn(document.first, "no table 'Instance, Module, Total LUTs, ...' with its columns in the tool's order")
        return sheet.done()
    tell_faults(table, sheet)
    rows = [(row, _values(table, row, sheet)) for row in table.rows]
    if not rows:
        sheet.warn(table.line, "the table is empty")
        return sheet.done()
    _walk(rows, sheet)
    broken = bool(table.faults) or not _adds_up(rows, sheet)
    if broken:
        sheet.drop_modules()
        sheet.warn(table.line, "the rows of modules are withheld: the tree is damaged")
    _top(rows[0], sheet)
    return sheet.done()


def _values(table: Table, row: Row, sheet: Sheet) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for i, name in enumerate(table.columns):
        if name not in _COLUMNS:
            continue
        cell = row.cells[i].partition("(")[0]  # '12 (3.4%)' with -hierarchical_percentages
        try:
            value = count(cell)
        except ValueError as error:
            sheet.warn(row.line, f"{name}: {error}")
            continue
        if value is None:
            sheet.warn(row.line, f"{name}: the cell says '{row.cells[i]}'")
        else:
            found[_COLUMNS[name]] = value
    parts = [found.get(name) for name in ("LOGIC_LUT", "LUTRAM", "SRL")]
    if "LUT" in found and None not in parts and sum(p for p in parts if p is not None) != found["LUT"]:
        sheet.warn(row.line, "LUT, LOGIC_LUT, LUTRAM, SRL withheld: the parts do not add up to the total")
        for name in ("LUT", "LOGIC_LUT", "LUTRAM", "SRL"):
            del found[name]
    return found


def _metrics(values: Mapping[str, Number]) -> dict[str, Number | None]:
    """Block memories as tiles and halves; the rest as it is."""
    found: dict[str, Number | None] = {name: value for name, value in values.items() if not name.startswith("RAMB")}
    if "RAMB36" in values and "RAMB18" in values:
        found["BRAM36"] = values["RAMB36"] + values["RAMB18"] / 2
        found["BRAM18"] = 2 * values["RAMB36"] + values["RAMB18"]
    return found


def _top(first: tuple[Row, dict[str, Number]], sheet: Sheet) -> None:
    row, values = first
    if row.cells[0] != sheet.design:
        sheet.warn(row.line, f"the first row is '{row.cells[0]}', not the design: its figures are withheld")
        return
    for name, value in _metrics(values).items():
        derived = name.startswith("BRAM")
        note = "RAMB36 and RAMB18 / 2" if derived else ""
        sheet.add(name, value, row.line, derived=derived, note=note)
    sheet.expect(_NAMES, row.line, "the row of the top")


def _walk(rows: list[tuple[Row, dict[str, Number]]], sheet: Sheet) -> None:
    path: list[tuple[int, str]] = []
    for row, values in rows:
        while path and path[-1][0] >= row.indent:
            path.pop()
        path.append((row.indent, row.cells[0]))
        if len(path) > 1:
            sheet.module("/".join(name for _, name in path), row.cells[1], _metrics(values), row.line, "module")


def _adds_up(rows: list[tuple[Row, dict[str, Number]]], sheet: Sheet) -> bool:
    """Whether each parent's registers, DSPs and memories are those of its children."""
    totals: list[tuple[int, Row, dict[str, Number], dict[str, Number], int]] = []
    good = True
    for row, values in [*rows, (Row((), 0, -1), {})]:
        while totals and totals[-1][0] >= row.indent:
            _, parent, own, below, children = totals.pop()
            wrong = [name for name in _EXACT if children and name in own and below.get(name, 0) != own[name]]
            if wrong and _all_listed(parent, rows):
                sheet.warn(parent.line, f"the children of '{parent.cells[0]}' do not add up in {', '.join(wrong)}")
                good = False
        if totals:
            deep, parent, own, below, children = totals.pop()
            for name in _EXACT:
                below[name] = below.get(name, 0) + values.get(name, 0)
            totals.append((deep, parent, own, below, children + 1))
        totals.append((row.indent, row, values, {}, 0))
    return good


def _all_listed(parent: Row, rows: list[tuple[Row, dict[str, Number]]]) -> bool:
    """Whether a parent lists its own part '(name)': without it (a depth limit, one child) nothing can be said."""
    return any(row.cells[0] == f"({parent.cells[0]})" and row.line == parent.line + 1 for row, _ in rows)


# --- report_accelerator_utilization ------------------------------------------------------------

_Accelerators = Mapping[str, tuple[Row, dict[str, Number | None]]]
_ACCELERATOR = {"LUT": "LUT", "LUTAsMem": "MEMORY_LUT", "REG": "FF", "BRAM": "BRAM36", "URAM": "URAM", "DSP": "DSP"}


def parse_accelerator(document: Document) -> Parsed:
    """Read what the kernels of a Vitis platform take; the platform itself is a row, not part of the figures."""
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    read_head(document, sheet, state_needed=True)
    table = next((t for t in find_boxes(document.lines, document.first) if "LUTAsMem" in t.columns), None)
    if table is None or not table.in_order("Name", *_ACCELERATOR):
        sheet.warn(document.first, "no table 'Name, LUT, LUTAsMem, ...' with its columns in the tool's order")
        return sheet.done()
    tell_faults(table, sheet)
    rows = {row.cells[0]: (row, _accelerator_values(table, row, sheet)) for row in table.rows}
    _check_shares(table, rows, sheet)
    if "Used Resources" not in rows:
        sheet.warn(table.line, "no row 'Used Resources'")
        return sheet.done()
    row, values = rows["Used Resources"]
    for metric, value in values.items():
        sheet.add(metric, value, row.line)
    _check_kernels(rows, sheet)
    parent = ""
    for name, (line, found) in rows.items():
        if name in ("Used Resources", "Unused Resources"):
            continue
        parent = name if line.indent <= 1 else parent
        path = name if line.indent <= 1 else f"{parent}/{name}"
        kind = "platform" if name in ("Platform", "User Budget") else "kernel"
        sheet.module(path, name, found, line.line, kind)
    sheet.expect(_ACCELERATOR.values(), row.line, "the row 'Used Resources'")
    return sheet.done()


def _check_shares(table: Table, rows: _Accelerators, sheet: Sheet) -> None:
    """Each share is that of the budget; the platform's is that of platform and budget together."""
    budget = rows["User Budget"][1] if "User Budget" in rows else {}
    for name, (row, values) in rows.items():
        for column, metric in _ACCELERATOR.items():
            i, size = table.column(column), budget.get(metric)
            used = values.get(metric)
            if i is None or size is None or used is None:
                continue
            whole = size + used if name == "Platform" else size
            shown = row.cells[i].partition("[")[2].rstrip("] ")
            if not agrees(used, whole, percent(shown)):
                sheet.warn(row.line, f"{metric} of '{name}' withheld: {used:,} of {whole:,} is not {shown}")
                values[metric] = None


def _accelerator_values(table: Table, row: Row, sheet: Sheet) -> dict[str, Number | None]:
    found: dict[str, Number | None] = {}
    for name, metric in _ACCELERATOR.items():
        i = table.column(name)
        if i is None:
            continue
        cell = re.fullmatch(r"([\d.]+) *\[ *([\d.]+)%\]", row.cells[i])
        if cell is None:
            sheet.warn(row.line, f"{name}: the cell says '{row.cells[i]}'")
        else:
            found[metric] = count(cell[1])
    return found


def _check_kernels(rows: _Accelerators, sheet: Sheet) -> None:
    """Used and unused make the budget, and the kernels make what is used."""
    line, used = rows["Used Resources"]
    budget = rows.get("User Budget", (line, {}))[1]
    unused = rows.get("Unused Resources", (line, {}))[1]
    known = ("Platform", "User Budget", "Used Resources", "Unused Resources")
    kernels = [found for name, (row, found) in rows.items() if name not in known and row.indent <= 1]
    for metric, value in used.items():
        parts = [kernel.get(metric) for kernel in kernels]
        whole, rest = budget.get(metric), unused.get(metric)
        if value is None:
            continue
        if whole is not None and rest is not None and whole != value + rest:
            sheet.withhold((metric,), line.line, f"used {value:,} and unused {rest:,} are not the budget {whole:,}")
        elif parts and None not in parts and sum(part for part in parts if part is not None) != value:
            sheet.withhold((metric,), line.line, f"the kernels do not add up to {value:,}")
        elif not (whole is not None and rest is not None) and not parts:
            sheet.withhold((metric,), line.line, "nothing to compare it with")
