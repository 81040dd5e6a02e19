"""What ``export_design`` of Vivado HLS and Vitis HLS writes after Vivado ran: ``*_export.rpt``, ``export_syn.rpt``,
``export_impl.rpt`` and their ``.xml``.

BRAM counts halves of a block (RAMB18).  The clock period that was reached stands once for each stage; its slack
against the required one is derived, and must agree with the sentence "Timing met".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import check_device, table_after, tell_faults
from bitwright.report.parsers.hls_xml import read
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.values import count, has_uram, nanoseconds, sane_period
from bitwright.report.parsers.xmltree import Node

TOOL = "Vivado via export_design"
RESOURCES = {
    "LUT": "LUT", "FF": "FF", "DSP": "DSP", "BRAM": "BRAM18", "URAM": "URAM", "SRL": "SRL", "CLB": "CLB",
    "SLICE": "SLICE", "LATCH": "LATCH",
}  # fmt: skip
_ALWAYS = ("LUT", "FF", "DSP", "BRAM18")


# --- *_export.rpt ------------------------------------------------------------------------------


def parse_export(document: Document) -> Parsed:
    """Read ``<top>_export.rpt``: lines of a name and a number, 19 characters long at least."""
    sheet = Sheet(document.source, TOOL, Stage.POST_SYNTH)
    version = re.search(r"Vivado v\.(\S+)", document.lines[0])
    part = document.match(r"^Device target:\s+(\S+)\s*$")
    sheet.tool_version = version[1] if version else None
    sheet.part = part[1] if part else None
    sheet.expect_head(document.first, design=False)
    start = document.find(r"^#=== Post-(Synthesis|Implementation) Resource usage ===")
    timing = document.find(r"^#=== Final timing ===")
    if start is None:
        sheet.warn(document.first, "no part 'Resource usage'")
        return sheet.done()
    if "Implementation" in document.lines[start]:
        sheet.stage = Stage.POST_ROUTE
    for i in range(start + 1, timing if timing is not None else len(document.lines)):
        _usage(document.lines[i], document.number(i), sheet)
    sheet.expect((*_ALWAYS, "SRL"), document.number(start), "the resource usage")
    _note_absent(sheet, document.number(start))
    if timing is None:
        sheet.warn(document.last, "no part 'Final timing': the report is cut")
    else:
        _final_timing(document, timing, sheet)
    return sheet.done()


def _usage(text: str, line: int, sheet: Sheet) -> None:
    found = re.fullmatch(r"(\w+):\s+([\d.]+)\s*", text)
    if not text.strip():
        return
    if found is None or len(text.rstrip()) < 19:
        sheet.warn(line, f"not a name and a number: '{text.strip()[:40]}'")
    elif found[1] not in RESOURCES:
        sheet.warn(line, f"a resource that is not known: {found[1]}")
    elif found[1] != "SLICE" or found[2] != "0":  # the tool writes 0 where it did not count slices
        sheet.add(RESOURCES[found[1]], count(found[2]), line)


def _note_absent(sheet: Sheet, line: int) -> None:
    """What some versions and families state and this report does not."""
    absent = [name for name in ("SRL", "CLB") if not sheet.has(name)]
    if sheet.has("SLICE"):
        absent.remove("CLB") if "CLB" in absent else None
    if absent:
        sheet.info(line, f"not stated: {', '.join(absent)}")
    if not sheet.has("URAM") and has_uram(sheet.part):
        sheet.info(line, "no line of URAM, though the family has it")


@dataclass(slots=True)
class _Timing:
    target: float | None = None
    reached: float | None = None
    line: int = 0
    met: bool | None = None


def _final_timing(document: Document, start: int, sheet: Sheet) -> None:
    timing = _Timing(line=document.number(start))
    for i in range(start + 1, len(document.lines)):
        _timing_line(document.lines[i], document.number(i), timing, sheet)
    _verdict(document.tail, timing)
    _slack(timing, sheet)


def _timing_line(text: str, line: int, timing: _Timing, sheet: Sheet) -> None:
    found = re.fullmatch(r"CP (required|achieved post-synthesis|achieved post-implementation):\s+(\S+)\s*", text)
    if found is None:
        if not _verdict(text, timing) and text.strip():
            sheet.warn(line, f"not understood: '{text.strip()[:40]}'")
        return
    try:
        period = nanoseconds(found[2], "ns")
    except ValueError as error:
        sheet.warn(line, str(error))
        return
    if period is None:
        sheet.info(line, f"CP {found[1]}: '{found[2]}'")
    elif not sane_period(period):
        sheet.warn(line, f"{period:g} ns is no clock period of an FPGA")
    elif found[1] == "required":
        timing.target = period
        sheet.add("CLOCK_TARGET_NS", period, line)
    else:
        stage = Stage.POST_SYNTH if found[1].endswith("synthesis") else Stage.POST_ROUTE
        sheet.add("CLOCK_ESTIMATED_NS", period, line, stage=stage)
        if stage is sheet.stage:
            timing.reached, timing.line = period, line


def _verdict(text: str, timing: _Timing) -> bool:
    """Whether a line says that timing was met, or not met."""
    words = {"timing met": True, "timing was met": True, "timing not met": False, "timing was not met": False}
    sentence = text.strip().lower().lstrip("* ")
    timing.met = words.get(sentence, timing.met)
    return sentence in words or sentence == "no sequential path"


def _slack(timing: _Timing, sheet: Sheet, *, only_final: bool = False) -> None:
    """Derive the slack, if it agrees with the verdict."""
    sheet.expect(("CLOCK_TARGET_NS", "CLOCK_ESTIMATED_NS"), timing.line, "the final timing")
    if not only_final:
        sheet.expect(("CLOCK_ESTIMATED_NS",), timing.line, "the final timing (post-synthesis)", Stage.POST_SYNTH)
    if timing.target is None or timing.reached is None:
        return
    slack = round(timing.target - timing.reached, 6)
    if timing.met is None:
        sheet.warn(timing.line, "no sentence says whether timing was met")
    elif timing.met != (slack >= 0):
        names = ("CLOCK_TARGET_NS", "CLOCK_ESTIMATED_NS")
        verdict = "met" if timing.met else "not met"
        sheet.withhold(names, timing.line, f"{timing.reached:g} of {timing.target:g} ns, but timing was {verdict}")
        return
    sheet.add("WNS_NS", slack, timing.line, derived=True, note="required less achieved clock period")


# --- export_syn.rpt, export_impl.rpt -----------------------------------------------------------


def parse_vivado_results(document: Document) -> Parsed:
    """Read ``export_syn.rpt`` or ``export_impl.rpt`` of Vitis HLS 2020.2 and later."""
    implemented = "Place & Route" in document.lines[0]
    sheet = Sheet(document.source, TOOL, Stage.POST_ROUTE if implemented else Stage.POST_SYNTH)
    head = 14
    version = document.match(r"^\s*\* Version:\s+(\d{4}\.\d[\w.]*)", 0, head)
    part = document.match(r"^\s*\* Target device:\s+(\S+)\s*$", 0, head)
    sheet.tool_version = version[1] if version else None
    sheet.part = part[1] if part else None
    sheet.expect_head(document.first, design=False)
    start = document.find(r"^== .*Resource Summary")
    timing = document.find(r"^== .*Timing Summary")
    if start is None:
        sheet.warn(document.first, "no part 'Resource Summary'")
    else:
        _summary(document, start, timing, sheet)
    if timing is None:
        sheet.warn(document.last, "no part 'Timing Summary': the report is cut")
    else:
        _summary_timing(document, timing, sheet)
    return sheet.done()


def _summary(document: Document, start: int, stop: int | None, sheet: Sheet) -> None:
    for i in range(start + 1, stop if stop is not None else len(document.lines)):
        found = re.fullmatch(r"\s*(?:- )?(\w+):\s+([\d.]+)\s*", document.lines[i])
        if found and found[1] in RESOURCES:
            sheet.add(RESOURCES[found[1]], count(found[2]), document.number(i))
        elif document.lines[i].strip().strip("="):
            sheet.info(document.number(i), f"not read: '{document.lines[i].strip()[:40]}'")
    sheet.expect(_ALWAYS, document.number(start), "the resource summary")
    _note_absent(sheet, document.number(start))


def _summary_timing(document: Document, start: int, sheet: Sheet) -> None:
    timing = _Timing(line=document.number(start))
    table = table_after(document, start, near=6)
    for i in range(start, min(start + 6, len(document.lines))):
        _verdict(document.lines[i], timing)
    if table is None:
        sheet.warn(timing.line, "no table of the clock periods")
        return
    tell_faults(table, sheet)
    unit = next((found[1] for name in table.columns if (found := re.fullmatch(r"Period \((\w+)\)", name))), None)
    if table.columns[:1] != ("Timing",) or unit is None:
        sheet.warn(table.line, "the columns are not 'Timing' and 'Period (ns)'")
        return
    names = {"Target": "required", "Post-Synthesis": "achieved post-synthesis",
             "Post-Route": "achieved post-implementation"}  # fmt: skip
    for row in table.rows:
        if row.cells[0] in names:
            _timing_line(f"CP {names[row.cells[0]]}: {row.cells[1]}{unit}", row.line, timing, sheet)
        else:
            sheet.warn(row.line, f"a row that is not known: '{row.cells[0]}'")
    _slack(timing, sheet)


# --- *_export.xml, export_impl.xml -------------------------------------------------------------


def matches(root: Node) -> bool:
    """Whether a tree is an export report."""
    return root.tag == "profile" and root.find("TimingReport") is not None and root.find("AreaReport") is not None


def parse_xml(source: str, root: Node) -> Parsed:
    """Read the XML form of the export report."""
    kind = (root.text_of("RunData/RUN_TYPE") or "").lower()
    stage = {"synth": Stage.POST_SYNTH, "syn": Stage.POST_SYNTH, "impl": Stage.POST_ROUTE}.get(kind, Stage.UNKNOWN)
    sheet = Sheet(source, TOOL, stage)
    sheet.tool_version = (root.text_of("RunData/VIVADO_VERSION") or "").removeprefix("v.") or None
    for item in root.findall("GeneralInfo/item"):
        if item.attributes.get("NAME") == "Target device":
            sheet.part = item.attributes.get("VALUE")
    if stage is Stage.UNKNOWN:
        sheet.warn(root.line, "the report does not say whether it is of synthesis or implementation")
    for part, prefix in (("Resources", ""), ("AvailableResources", "AVAILABLE_")):
        node = root.find(f"AreaReport/{part}")
        for child in node.children if node is not None else ():
            if child.tag in RESOURCES:
                read(child, prefix + RESOURCES[child.tag], sheet, count)
    sheet.expect(_ALWAYS, root.line, "AreaReport")
    sheet.expect([f"AVAILABLE_{name}" for name in _ALWAYS], root.line, "AreaReport")
    if sheet.has("AVAILABLE_URAM") != sheet.has("URAM"):
        sheet.info(root.line, "URAM is stated without what there is of it, or the other way round")
    _note_absent(sheet, root.line)
    check_device(sheet, root.line)
    _xml_timing(root, sheet)
    return sheet.done()


def _xml_timing(root: Node, sheet: Sheet) -> None:
    timing = _Timing(line=root.line)
    node = root.find("TimingReport")
    assert node is not None
    for tag, name in (("TargetClockPeriod", "required"), ("AchievedClockPeriod", "")):
        child = node.find(tag)
        if child is None:
            continue
        which = name or (
            "achieved post-implementation" if sheet.stage is Stage.POST_ROUTE else "achieved post-synthesis"
        )
        _timing_line(f"CP {which}: {child.text}", child.line, timing, sheet)
    met = node.text_of("TIMING_MET")
    timing.met = {"TRUE": True, "FALSE": False}.get(met or "")
    _slack(timing, sheet, only_final=True)


FORMATS = {
    "hls_export": TextFormat(r"Implementation tool: +Xilinx Vivado", parse_export),
    "vivado_results": TextFormat(r"== Vivado (?:Place & Route|Synthesis|RTL Synthesis) Results", parse_vivado_results),
}
