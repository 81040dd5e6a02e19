"""The head of every Vivado report: ``| Design : top`` and its like; and the stage that the design was in."""

from __future__ import annotations

import re

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.model import Sheet, Stage

OPENS = r"\| Tool Version +: Vivado v\."


def head_field(document: Document, name: str) -> str | None:
    """A field of the head, without the blanks around it."""
    found = document.match(rf"^\| {re.escape(name)} *:\s*(.*?)\s*\|?\s*$", 0, 25)
    return found[1] if found and found[1] else None


def read_head(document: Document, sheet: Sheet, *, state_needed: bool) -> None:
    """Version, part, design and stage of a report."""
    version = re.search(r"Vivado v\.(\S+)", document.lines[0])
    sheet.tool_version = version[1] if version else None
    sheet.part = head_field(document, "Device")
    sheet.design = head_field(document, "Design")
    state = head_field(document, "Design State")
    sheet.stage = stage_of(state)
    sheet.expect_head(document.first)
    if state_needed and sheet.stage is Stage.UNKNOWN:
        sheet.warn(document.first, f"the design state '{state or ''}' is not known: the stage is UNKNOWN")


def stage_of(state: str | None) -> Stage:
    """``Synthesized``, ``Optimized``, ``Fully Placed``, ``Routed``, ``Physopt postRoute``."""
    text = (state or "").lower()
    for words, stage in (
        (("route",), Stage.POST_ROUTE), (("place", "physopt"), Stage.POST_PLACE),
        (("synthesized", "optimized"), Stage.POST_SYNTH),
    ):  # fmt: skip
        if any(word in text for word in words):
            return stage
    return Stage.UNKNOWN


def kind_of(document: Document) -> str:
    """What the report is of, from its content: power, timing, utilization, hierarchy, accelerator, or nothing."""
    titles = {
        r"^Power Report\s*$": "power", r"^Timing Summary Report\s*$": "timing summary", r"^Timing Report\s*$": "timing",
        r"^Accelerator Utilization Design Information": "accelerator",
    }  # fmt: skip
    for pattern, kind in titles.items():
        if document.find(pattern, 0, 40) is not None:
            return kind
    told = r"^Utilization Design Information|^\| Command +: +report_utilization\b"
    if document.find(told, 0, 40) is None:
        return ""
    return "hierarchy" if document.find(r"^1\. Utilization by Hierarchy", 0, 60) is not None else "utilization"
