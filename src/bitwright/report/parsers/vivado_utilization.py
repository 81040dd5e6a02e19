"""``report_utilization`` of Vivado: flat, by SLR, by hierarchy, and ``report_accelerator_utilization``.

Rows are known by their label (``CLB LUTs*``, ``Slice LUTs``, ``LUT as Memory``), columns by their header (since
2022.2 there is one more, "Prohibited").  A block RAM tile is 36 kbit and may be half used.  Every figure must be
the share that is printed beside it, parts must add up, and each section that the contents name must be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import check_device, tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table, find_boxes
from bitwright.report.parsers.values import Number, agrees, count, has_uram, percent
from bitwright.report.parsers.vivado_head import OPENS, kind_of, read_head
from bitwright.report.parsers.vivado_hierarchy import parse_accelerator, parse_hierarchy
from bitwright.report.parsers.vivado_power import parse_power
from bitwright.report.parsers.vivado_timing import parse_path, parse_summary

_ROWS: Mapping[str, str] = {
    "CLB LUTs": "LUT", "Slice LUTs": "LUT", "LUT as Logic": "LOGIC_LUT", "LUT as Memory": "MEMORY_LUT",
    "LUT as Distributed RAM": "LUTRAM", "LUT as Shift Register": "SRL", "CLB Registers": "FF",
    "Slice Registers": "FF", "Block RAM Tile": "BRAM36", "URAM": "URAM", "DSPs": "DSP", "DSP Slices": "DSP",
    "CARRY8": "CARRY", "CARRY4": "CARRY", "CLB": "CLB", "Slice": "SLICE", "SLICE": "SLICE", "Registers": "FF",
}  # fmt: skip
_DISTRIBUTED = ("CLB", "Slice", "SLICE")
_ALWAYS = ("LUT", "LOGIC_LUT", "MEMORY_LUT", "FF", "BRAM36", "DSP")
_ORDER = ("Site Type", "Used", "Loced", "Fixed", "Prohibited", "Available", "Util%")


def parse(document: Document) -> Parsed:
    """Read any report of Vivado, by what its title says."""
    parsers = {
        "utilization": parse_flat, "hierarchy": parse_hierarchy, "accelerator": parse_accelerator,
        "timing summary": parse_summary, "timing": parse_path, "power": parse_power,
    }  # fmt: skip
    parser = parsers.get(kind_of(document))
    if parser is not None:
        return parser(document)
    command = document.match(r"^\| Command +: +(\S+)", 0, 15)
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    sheet.info(document.first, f"a report of Vivado that holds no figures for us ({command[1] if command else '?'})")
    return sheet.done()


def parse_flat(document: Document) -> Parsed:
    """Read the report of a whole design."""
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    read_head(document, sheet, state_needed=True)
    if document.match(r"^\| Command .*-slr\b", 0, 15) or document.find(r"^1\. SLR Connectivity", 0, 40) is not None:
        sheet.info(document.first, "utilization by SLR: it states nothing of the design as a whole")
        return sheet.done()
    _missing_sections(document, sheet)
    for table in _tables(document):
        tell_faults(table, sheet)
        kinds = {_label(row.cells[0]) for row in table.rows}
        for row in table.rows:
            if _label(row.cells[0]) in _DISTRIBUTED and kinds.isdisjoint(("SLICEL", "CLBL")):
                sheet.warn(row.line, f"'{_label(row.cells[0])}' in a table that does not distribute them is left out")
            else:
                _row(table, row, sheet)
        _tiles(table, sheet)
    _sums(document, sheet)
    sheet.expect(_ALWAYS, document.first, "the report")
    sheet.expect([f"AVAILABLE_{name}" for name in ("LUT", "FF", "BRAM36", "DSP")], document.first, "the report")
    if sheet.value("MEMORY_LUT"):
        sheet.expect(("LUTRAM", "SRL"), document.first, "the report")
    _expect_clb(document, sheet)
    if not sheet.has("URAM") and has_uram(sheet.part):
        sheet.info(document.first, "no row of URAM, though the family has it")
    check_device(sheet, document.first)
    return sheet.done()


def _expect_clb(document: Document, sheet: Sheet) -> None:
    """UltraScale reports count carry chains, and the CLBs where there is a section of their distribution."""
    wanted = ["CARRY"] if document.find(r"^\| CLB LUTs") is not None else []
    at = document.find(r"^\d+\. (?:CLB|Slice) Logic Distribution")
    if at is not None:
        wanted.append("CLB" if "CLB" in document.lines[at] else "SLICE")
    missing = [name for name in wanted if not sheet.has(name)]
    if missing:
        sheet.info(document.first, f"the report does not state {', '.join(missing)}")


def _tables(document: Document) -> list[Table]:
    """The tables of sites; sections of the SLRs and of primitives have other columns."""
    stop = document.find(r"^\d+\. (?:SLR C|Primitives)", 60) or len(document.lines)
    found = find_boxes(document.lines, document.first, 0, stop)
    return [table for table in found if table.columns[:2] == ("Site Type", "Used") or _lost_header(table)]


def _lost_header(table: Table) -> bool:
    labels = {_label(cell) for row in table.rows for cell in row.cells}
    return "Ref Name" not in table.columns and not labels.isdisjoint(_ROWS)


def _label(cell: str) -> str:
    """A label without the asterisks of its footnote."""
    return cell.rstrip("* ").strip()


def _missing_sections(document: Document, sheet: Sheet) -> None:
    """Sections that the contents name and that are not there: the report is cut."""
    head = document.find(r"^Table of Contents", 0, 30)
    if head is None:
        sheet.info(document.first, "no table of contents")
        return
    named = []
    for i in range(head + 2, len(document.lines)):
        found = re.fullmatch(r"(\d+(?:\.\d+)*)\.? (.+?)\s*", document.lines[i])
        if found is None:
            break
        named.append(document.lines[i].strip())
    end = head + 2 + len(named)
    lost = [title for title in named if document.find(rf"^{re.escape(title)}\s*$", end) is None]
    if lost:
        sheet.warn(document.last, f"sections that are named and missing, the report is cut: {', '.join(lost[:4])}")


def _row(table: Table, row: Row, sheet: Sheet) -> None:
    label = _label(row.cells[0])
    metric = _ROWS.get(label)
    if metric is None:
        return
    if not table.columns or not table.in_order(*_ORDER) or "Used" not in table.columns:
        sheet.warn(row.line, f"{label}: the columns of the table are not those of the tool, in its order")
        return
    cells = dict(zip(table.columns, row.cells, strict=False))
    try:
        used, offered = count(cells["Used"]), count(cells.get("Available", ""))
        share = percent(cells.get("Util%", ""))
    except ValueError as error:
        sheet.warn(row.line, f"{label}: {error}")
        return
    if used is None:
        sheet.warn(row.line, f"{label}: the cell says '{cells['Used']}'")
        return
    _share(label, metric, (used, offered, share), row, sheet)


def _share(
    label: str, metric: str, found: tuple[Number, Number | None, tuple[float, float] | None], row: Row, sheet: Sheet
) -> None:
    used, offered, share = found
    has_parts = label in ("LUT as Distributed RAM", "LUT as Shift Register")
    if offered is not None and not agrees(used, offered, share):
        sheet.withhold((metric, f"AVAILABLE_{metric}"), row.line, f"{label}: {used:,} of {offered:,} is not its share")
        return
    if not has_parts and offered is None:
        sheet.withhold((metric,), row.line, f"{label}: no available to compare it with")
        return
    if not has_parts and share is None:
        sheet.warn(row.line, f"{label}: no share to compare it with")
    sheet.add(metric, used, row.line)
    if metric not in ("MEMORY_LUT", "LOGIC_LUT"):
        sheet.add(f"AVAILABLE_{metric}", offered, row.line)


def _tiles(table: Table, sheet: Sheet) -> None:
    """A tile is a whole block RAM or two halves."""
    used = {_label(row.cells[0]): row for row in table.rows}
    i = table.column("Used")
    if i is None or not {"Block RAM Tile", "RAMB36/FIFO", "RAMB18"} <= set(used):
        return
    try:
        tiles, blocks, halves = (count(used[name].cells[i]) for name in ("Block RAM Tile", "RAMB36/FIFO", "RAMB18"))
    except ValueError:
        return
    if tiles is not None and blocks is not None and halves is not None and tiles != blocks + halves / 2:
        sheet.withhold(("BRAM36",), used["Block RAM Tile"].line, f"{tiles} tiles are not {blocks} + {halves} / 2")


def _sums(document: Document, sheet: Sheet) -> None:
    """What is printed twice: logic and memory are all LUTs, distributed RAM and shift registers all memory."""
    for whole, parts in (("LUT", ("LOGIC_LUT", "MEMORY_LUT")), ("MEMORY_LUT", ("LUTRAM", "SRL"))):
        total = sheet.value(whole)
        values = [sheet.value(part) for part in parts]
        if total is None or None in values:
            continue
        added = sum(value for value in values if value is not None)
        if added != total:
            names = (whole, *parts) if whole == "MEMORY_LUT" else (whole, *parts, "LUTRAM", "SRL")
            sheet.withhold(names, document.first, f"{' and '.join(parts)} add up to {added:,}, {whole} is {total:,}")


FORMATS = {"vivado_report": TextFormat(OPENS, parse)}
