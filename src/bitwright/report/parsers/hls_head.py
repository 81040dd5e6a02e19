"""What the reports of Vivado HLS and Vitis HLS share: their head, their resource columns, their plausibility."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.model import Sheet, Stage
from bitwright.report.parsers.tables import Table, is_border, read_box
from bitwright.report.parsers.values import Number

RESOURCES: Mapping[str, str] = {
    "BRAM_18K": "BRAM18", "BRAM": "BRAM18", "DSP48E": "DSP", "DSP48": "DSP", "DSP": "DSP", "FF": "FF", "LUT": "LUT",
    "URAM": "URAM",
}  # fmt: skip
"""Headers and tags of resources; DSP48E up to 2020.1, DSP later; no URAM on older families."""
RESOURCE_ORDER = tuple(RESOURCES)
EVERY_PART_HAS = ("BRAM18", "DSP", "FF", "LUT")


def read_head(document: Document, sheet: Sheet) -> None:
    """Version, part and top, from the lines ``* Version: 2020.1 (Build ...)`` and their like."""
    head = 25
    version = document.match(r"^\s*\* Version:\s+(\d{4}\.\d[\w.]*)", 0, head)
    part = document.match(r"^\s*\* Target device:\s+(\S+)\s*$", 0, head)
    sheet.tool_version = version[1] if version else None
    sheet.part = part[1] if part else None
    sheet.expect_head(document.first)


def tool_of(line: str) -> str:
    """Vivado HLS or Vitis HLS, by name."""
    return "Vitis HLS" if "Vitis" in line else "Vivado HLS"


def table_after(document: Document, start: int, stop: int | None = None, near: int = 4) -> Table | None:
    """The box that begins within a few lines of an index; None where there is none ('N/A')."""
    end = min(len(document.lines), start + 1 + near, len(document.lines) if stop is None else stop)
    for i in range(start + 1, end):
        if is_border(document.lines[i]):
            return read_box(document.lines, i, document.first)
    return None


def tell_faults(table: Table, sheet: Sheet) -> None:
    """Turn what is wrong with a table into problems."""
    for fault in table.faults:
        sheet.warn(fault.line, fault.what)


def check_device(sheet: Sheet, line: int) -> None:
    """Every device since Virtex-6 has at least as many flip-flops as LUTs: else two columns are exchanged."""
    luts, flops = sheet.value("AVAILABLE_LUT"), sheet.value("AVAILABLE_FF")
    if luts is not None and flops is not None and flops < luts:
        names = ("LUT", "FF", "AVAILABLE_LUT", "AVAILABLE_FF")
        sheet.withhold(names, line, "a device with fewer flip-flops than LUTs: columns are exchanged")


def check_order(sheet: Sheet, low: str, high: str, line: int) -> bool:
    """Whether a minimum is not above its maximum; else both are withheld."""
    least, most = sheet.value(low), sheet.value(high)
    if least is not None and most is not None and least > most:
        sheet.withhold((low, high), line, f"{least:,} is above {most:,}")
        return False
    return True


def same_time(cycles: Number, period: float, nanoseconds: float, digits: int = 3) -> bool:
    """Whether a printed time is that of the cycles at the clock, as far as the printed digits tell."""
    expected = cycles * period
    return abs(expected - nanoseconds) <= max(abs(expected) * 0.6 * 10.0 ** (1 - digits), 0.006)


def stage() -> Stage:
    """All figures of C synthesis are estimates."""
    return Stage.HLS_ESTIMATE


def heading(name: str) -> re.Pattern[str]:
    """``== Performance Estimates``."""
    return re.compile(rf"^== {re.escape(name)}")
