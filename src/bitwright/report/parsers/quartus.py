"""Reports of Quartus II and Quartus Prime, all editions: ``.map.rpt`` (``.syn.rpt``), ``.fit.rpt``, ``.flow.rpt``.

Panels are known by their title, rows by their name.  Families with adaptive logic state ALMs, older and smaller
ones logic elements and 9-bit multipliers.  RAM blocks go by the name of their kind (M10K, M20K) where the report
tells it, else by the device family; those of a family that is not known are not stated.  What two panels state must
be the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.quartus_sta import parse_sta
from bitwright.report.parsers.quartus_tables import Named, contents, pairs, panel, read_head
from bitwright.report.parsers.tables import Row, Table
from bitwright.report.parsers.values import Number, count, is_nothing, used_of_available

SUMMARY: Mapping[str, str] = {
    "Logic utilization (in ALMs)": "ALM", "Total logic elements": "LE", "Total combinational functions": "LUT",
    "Combinational ALUTs": "ALUT", "Total registers": "FF", "Total block memory bits": "MEMORY_BITS",
    "Total memory bits": "MEMORY_BITS", "Total DSP Blocks": "DSP", "DSP block 18-bit elements": "DSP18",
    "Embedded Multiplier 9-bit elements": "MULT9", "Total RAM Blocks": "RAM",
}  # fmt: skip
_USAGE: Mapping[str, str] = {
    "Logic utilization (ALMs needed / total ALMs on device)": "ALM",
    "Estimate of Logic utilization (ALMs needed)": "ALM", "Combinational ALUT usage for logic": "ALUT",
    "Total logic elements": "LE", "Estimated Total logic elements": "LE", "Total block memory bits": "MEMORY_BITS",
    "Total DSP Blocks": "DSP", "DSP Blocks Needed [=A+B-C]": "DSP", "Embedded Multiplier 9-bit elements": "MULT9",
    "-- Memory LABs (up to half of total LABs)": "MLAB", "Dedicated logic registers": "FF",
    "Total combinational functions": "LUT",
}  # fmt: skip
_RAM_KINDS = (
    (r"Cyclone V|Arria V(?! GZ)", "M10K"), (r"Cyclone 10 GX|Arria 10|Arria V GZ|Stratix V|Stratix 10|Agilex", "M20K"),
    (r"Cyclone (?:III|IV|10 LP)|MAX 10|Arria II|Stratix (?:III|IV)", "M9K"),
)  # fmt: skip


def parse(document: Document) -> Parsed:
    """Read a report of synthesis, fitter or flow; timing goes to its own parser."""
    kind = document.lines[0]
    if re.match(r"(?:TimeQuest )?Timing Analyzer report", kind):
        return parse_sta(document)
    if re.match(r"(?:Analysis & Synthesis|Synthesis) report", kind):
        return _resources(document, "Synthesis", Stage.POST_SYNTH)
    if kind.startswith("Fitter report"):
        return _resources(document, "Fitter", Stage.POST_ROUTE)
    if kind.startswith("Flow report"):
        return _resources(document, "Flow", Stage.POST_ROUTE)
    sheet = Sheet(document.source, "Quartus", Stage.UNKNOWN)
    sheet.info(document.first, "a report of Quartus that holds no figures for us")
    return sheet.done()


def _resources(document: Document, what: str, stage: Stage) -> Parsed:
    sheet = Sheet(document.source, "Quartus", stage)
    read_head(document, sheet)
    summary = pairs(document, rf"(?:Analysis & )?{what} Summary")
    if summary is None:
        sheet.warn(document.first, f"no panel '{what} Summary'")
        return sheet.done()
    tell_faults(summary.table, sheet)
    family = _identity(document, summary, sheet, what)
    usage = panel(document, r"(?:Analysis & Synthesis|Synthesis|Fitter) Resource Usage Summary.*")
    named = [title for title in contents(document) if re.search(r"Resource Usage Summary", title)]
    if usage is None and named:
        sheet.warn(document.last, f"the panel '{named[0]}' is missing: the report is cut")
    ram = ram_kind(usage, family)
    _status(summary, what, sheet)
    for name, metric in SUMMARY.items():
        row = summary.row(name)
        if row is not None:
            state_row(metric, ram, row.cells[1], row.line, sheet)
    if usage is not None:
        _usage(usage, ram, sheet)
        wanted = ("LUT", ram) if sheet.has("LE") else ("ALUT", "MLAB", ram)
        absent = [name for name in wanted if not sheet.has(name)]
        if absent:
            sheet.info(usage.line, f"not stated: {', '.join(absent)}")
    _expected(summary, sheet, what)
    _entities(document, what, sheet)
    return sheet.done()


def _identity(document: Document, summary: Named, sheet: Sheet, what: str) -> str:
    """Design, part and family, from the summary; synthesis names the device among its settings."""
    names = ("Top-level Entity Name", "Device", "Family", "Quartus Prime Version", "Quartus II Version")
    found = {name: row.cells[1] for name in names if (row := summary.row(name)) is not None}
    sheet.design = found.get("Top-level Entity Name")
    sheet.part = found.get("Device")
    if sheet.part is None and what == "Synthesis":
        settings = panel(document, r"(?:Analysis & )?Synthesis Settings")
        rows = settings.rows if settings is not None else ()
        sheet.part = next((row.cells[1] for row in rows if row.cells[0] == "Device" and row.cells[1]), None)
    sheet.expect_head(document.first)
    return found.get("Family", "")


def ram_kind(usage: Table | None, family: str) -> str:
    """What the RAM blocks are called, by the usage or by the device family."""
    for row in usage.rows if usage is not None else ():
        found = re.fullmatch(r"(M\d+K)s?(?: blocks)?", row.cells[0])
        if found:
            return found[1]
    return next((kind for pattern, kind in _RAM_KINDS if re.match(pattern, family)), "")


def _status(summary: Named, what: str, sheet: Sheet) -> None:
    row = summary.row(f"{what} Status") or summary.row(f"Analysis & {what} Status")
    if row is None:
        sheet.warn(summary.table.line, f"the summary does not state '{what} Status'")
        return
    word = row.cells[1].partition(" - ")[0].strip()
    known = {"Successful": "ok", "Flow Completed": "ok", "Failed": "failed", "Flow Failed": "failed",
             "In progress": "truncated", "Incomplete": "truncated"}  # fmt: skip
    if word in known:
        sheet.add("TOOL_STATUS", known[word], row.line, note="" if known[word] == "ok" else row.cells[1])
    else:
        sheet.warn(row.line, f"a status that is not known: '{row.cells[1]}'")


def state_row(metric: str, ram: str, cell: str, line: int, sheet: Sheet) -> None:
    """State a row of a summary; RAM blocks by the name of their kind."""
    if metric == "RAM" and not ram:
        sheet.warn(line, f"RAM blocks of a device family that is not known: {cell}")
    else:
        state(ram if metric == "RAM" else metric, cell, line, sheet)


def state(metric: str, cell: str, line: int, sheet: Sheet) -> None:
    """State what a cell says: ``1,632 / 22,320 ( 7 % )``."""
    if is_nothing(cell):
        sheet.info(line, f"{metric}: the report says '{cell}'")
        return
    try:
        used, offered = used_of_available(cell)
    except ValueError as error:
        sheet.warn(line, f"{metric}: {error}")
        return
    sheet.add(metric, used, line)
    sheet.add(f"AVAILABLE_{metric}", offered, line)


def _usage(table: Table, ram: str, sheet: Sheet) -> None:
    """The panel of resource usage: what the summary lacks, and a second witness of what it has."""
    tell_faults(table, sheet)
    i = table.column("Usage")
    if table.column("Resource") != 0 or i is None:
        sheet.warn(table.line, "the columns are not 'Resource' and 'Usage'")
        return
    for row in table.rows:
        metric = _USAGE.get(row.cells[0].lstrip("; "))
        if re.fullmatch(r"M\d+Ks?(?: blocks)?", row.cells[0]):
            metric = ram
        if metric == "FF" and sheet.has("FF"):
            continue
        if metric is not None and row.cells[i]:
            state(metric, _with_share(table, row, i), row.line, sheet)


def _with_share(table: Table, row: Row, i: int) -> str:
    """``930 / 80,330`` with the share of its own column, so that it is checked."""
    share = table.column("%")
    cell = row.cells[i]
    return f"{cell} ( {row.cells[share]} )" if share is not None and row.cells[share] and "/" in cell else cell


def _expected(summary: Named, sheet: Sheet, what: str) -> None:
    line = summary.table.line
    failed = summary.row(f"{what} Status")
    if failed is not None and "Failed" in failed.cells[1]:
        return
    sheet.expect(("FF", "MEMORY_BITS"), line, "the report")
    if what == "Synthesis":
        return
    if not (sheet.has("ALM") or sheet.has("LE") or sheet.has("ALUT")):
        sheet.warn(line, "the report does not state ALM or LE")
    if not (sheet.has("DSP") or sheet.has("MULT9") or sheet.has("DSP18")):
        sheet.warn(line, "the report does not state DSP")


_ENTITY: Mapping[str, str] = {
    "ALMs needed [=A-B+C]": "ALM", "Combinational ALUTs": "ALUT", "Dedicated Logic Registers": "FF",
    "Block Memory Bits": "MEMORY_BITS", "Memory Bits": "MEMORY_BITS", "DSP Blocks": "DSP", "Logic Cells": "LE",
    "M10Ks": "M10K", "M20Ks": "M20K", "M9Ks": "M9K",
}  # fmt: skip


def _entities(document: Document, what: str, sheet: Sheet) -> None:
    """One row for each entity, with everything below it."""
    table = panel(document, r"(?:Analysis & Synthesis|Synthesis|Fitter) Resource Utilization by Entity.*")
    if table is None or what == "Flow":
        return
    path = table.column("Full Hierarchy Name")
    if path is None:
        sheet.info(table.line, "rows of entities without a full name are not read")
        return
    tell_faults(table, sheet)
    entity = table.column("Entity Name")
    for row in table.rows:
        values = {metric: _total(row.cells[i]) for i, name in enumerate(table.columns) if (metric := _ENTITY.get(name))}
        name = row.cells[path].replace("|", "/").strip("/")
        if "/" in name:
            module = row.cells[entity] if entity is not None else name.rpartition("/")[2].partition(":")[0]
            sheet.module(name, module, values, row.line, "module")


def _total(cell: str) -> Number | None:
    """``2825.0 (1208.7)``: the total, then the entity's own."""
    try:
        return count(cell.partition("(")[0])
    except ValueError:
        return None


FORMATS = {
    "quartus_report": TextFormat(
        r"(?:Fitter|Analysis & Synthesis|Synthesis|Flow|(?:TimeQuest )?Timing Analyzer|Assembler) report for ", parse
    )
}
