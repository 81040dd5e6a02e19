"""``acl_quartus_report.txt`` of Intel OpenCL and oneAPI board packages: what the fitter made, and the kernel clock."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.values import is_nothing, number, used_of_available

_NAMES: Mapping[str, str] = {
    "ALUTs": "ALUT", "Registers": "FF", "Logic utilization": "ALM", "DSP blocks": "DSP", "Memory bits": "MEMORY_BITS",
    "RAM blocks": "RAM", "M10K blocks": "M10K", "M20K blocks": "M20K",
}  # fmt: skip
_ORDER = ("ALUTs", "Registers", "Logic utilization", "I/O pins", "DSP blocks", "Memory bits")


def parse(document: Document) -> Parsed:
    """Read the lines ``name: value``; a share must be that of its two numbers."""
    sheet = Sheet(document.source, "Intel OpenCL aoc", Stage.POST_ROUTE)
    seen: list[str] = []
    for i, text in enumerate(document.lines):
        name, colon, cell = text.partition(":")
        if not colon:
            if text.strip():
                sheet.info(document.number(i), f"not read: '{text.strip()[:40]}'")
            continue
        seen.append(name)
        if name in _NAMES:
            _state(_NAMES[name], cell.strip(), document.number(i), sheet)
        elif name in ("Actual clock freq", "Kernel fmax"):
            _clock(name, cell.strip(), document.number(i), sheet)
        elif not re.fullmatch(r"I/O pins|[12]x clock fmax|Highest non-global fanout", name):
            sheet.warn(document.number(i), f"a name that is not known: '{name[:40]}'")
    sheet.expect(("ALUT", "FF", "ALM", "DSP", "MEMORY_BITS", "FMAX_MHZ"), document.first, "the report")
    if not (sheet.has("RAM") or sheet.has("M10K") or sheet.has("M20K")):
        sheet.warn(document.first, "the report does not state RAM")
    wanted = ["CLOCK_ACTUAL_MHZ", *(f"AVAILABLE_{name}" for name in ("ALM", "DSP", "MEMORY_BITS", "RAM", "M10K", "M20K")
                                    if sheet.has(name))]  # fmt: skip
    absent = [name for name in wanted if not sheet.has(name)]
    if absent:
        sheet.info(document.first, f"not stated: {', '.join(absent)}")
    if "Highest non-global fanout" not in seen:
        sheet.info(document.last, "the report ends before its last line: cut, or of an old version")
    return sheet.done()


def _state(metric: str, cell: str, line: int, sheet: Sheet) -> None:
    try:
        used, offered = used_of_available(cell)
    except ValueError as error:
        sheet.warn(line, f"{metric}: {error}")
        return
    if used is None:
        sheet.warn(line, f"{metric}: the report says '{cell}'")
    sheet.add(metric, used, line)
    sheet.add(f"AVAILABLE_{metric}", offered, line)


def _clock(name: str, cell: str, line: int, sheet: Sheet) -> None:
    """The fmax that was reached; the clock that the kernel then runs at is at most that."""
    try:
        value = number(cell)
    except ValueError as error:
        sheet.warn(line, f"{name}: {error}")
        return
    if value is None or is_nothing(cell) or not 1 <= value <= 5000:
        sheet.warn(line, f"{name}: '{cell}' is no clock of a kernel")
    elif name == "Kernel fmax":
        sheet.add("FMAX_MHZ", value, line)
    else:
        sheet.add("CLOCK_ACTUAL_MHZ", value, line)


FORMATS = {"opencl_quartus": TextFormat(r"ALUTs: [\d,]+\s*$", parse)}
