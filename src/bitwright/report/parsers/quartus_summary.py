"""``.map.summary``, ``.fit.summary``, ``.flow.summary`` and ``.sta.summary`` of Quartus: lines of a name and a value.

They hold the first panel of the report beside them, without its frame.  Slacks are stated by corner and clock: the
worst of the corners counts, as in the report without a multicorner summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.quartus import SUMMARY, ram_kind, state_row
from bitwright.report.parsers.quartus_tables import read_version
from bitwright.report.parsers.values import number

_STATUS = {"Successful": "ok", "Flow Completed": "ok", "Failed": "failed", "Flow Failed": "failed",
           "In progress": "truncated", "Incomplete": "truncated"}  # fmt: skip
_STAGES = {"Fitter": Stage.POST_ROUTE, "Flow": Stage.POST_ROUTE, "Analysis & Synthesis": Stage.POST_SYNTH,
           "Synthesis": Stage.POST_SYNTH}  # fmt: skip


def parse(document: Document) -> Parsed:
    """Read the summary of synthesis, fitter or flow."""
    rows = {name: (value, line) for name, value, line in _lines(document)}
    what = document.lines[0].partition(" Status")[0]
    sheet = Sheet(document.source, "Quartus", _STAGES[what])
    for name, (value, _) in rows.items():
        if re.fullmatch(r"Quartus (?:Prime|II).* Version", name):
            read_version(value, sheet)
    sheet.part = rows.get("Device", (None, 0))[0]
    sheet.design = rows.get("Top-level Entity Name", (None, 0))[0]
    sheet.expect_head(document.first, part=what != "Analysis & Synthesis")
    _status(rows[f"{what} Status"], sheet)
    ram = ram_kind(None, rows.get("Family", ("", 0))[0])
    for name, metric in SUMMARY.items():
        if name in rows:
            state_row(metric, ram, *rows[name], sheet)
    if sheet.value("TOOL_STATUS") is None or "failed" not in document.lines[0].lower():
        sheet.expect(("FF", "MEMORY_BITS"), document.first, "the summary")
    absent = [name for name in ("ALM", "LE", "DSP", "MULT9") if not sheet.has(name)]
    if absent:
        sheet.info(document.first, f"not stated: {', '.join(absent)}")
    return sheet.done()


def _lines(document: Document) -> Iterator[tuple[str, str, int]]:
    for i, text in enumerate(document.lines):
        name, colon, value = text.partition(" : ")
        if colon and value.strip():
            yield name.strip(), value.strip(), document.number(i)


def _status(cell: tuple[str, int], sheet: Sheet) -> None:
    word = cell[0].partition(" - ")[0].strip()
    if word in _STATUS:
        sheet.add("TOOL_STATUS", _STATUS[word], cell[1], note="" if _STATUS[word] == "ok" else cell[0])
    else:
        sheet.warn(cell[1], f"a status that is not known: '{cell[0]}'")


def parse_sta(document: Document) -> Parsed:
    """Read the summary of the timing analyzer: blocks of type, slack and total."""
    sheet = Sheet(document.source, "Quartus", Stage.POST_ROUTE)
    found: dict[tuple[str, str], list[tuple[float, float, int]]] = {}
    blocks = [i for i, text in enumerate(document.lines) if text.startswith("Type")]
    for i in blocks:
        block = _block(document, i)
        if block is None:
            sheet.warn(document.number(i), "slacks are withheld: a block is not type, slack and total")
            return sheet.done()
        corner, kind, slack, total = block
        found.setdefault((kind, corner), []).append((slack, total, document.number(i)))
    if sum(text.startswith(("Slack", "TNS")) for text in document.lines) != 2 * len(blocks) or not blocks:
        sheet.warn(document.first, "slacks are withheld: a block has lost its type")
        return sheet.done()
    if not re.fullmatch(r"-{20,}\s*", next((text for text in reversed(document.lines) if text.strip()), "")):
        sheet.warn(document.last, "slacks are withheld: no line of dashes at the end, the summary is cut")
        return sheet.done()
    for kind, slack_, total_ in (("Setup", "WNS_NS", "TNS_NS"), ("Hold", "WHS_NS", "THS_NS")):
        corners = [rows for (which, _), rows in found.items() if which == kind]
        if len({len(rows) for rows in corners}) > 1:
            sheet.warn(document.first, f"{slack_} withheld: the corners do not name the same clocks")
        elif corners:
            slack, _, line = min(row for rows in corners for row in rows)
            sheet.add(slack_, slack, line, note="the worst corner")
            sheet.add(total_, round(min(sum(row[1] for row in rows) for rows in corners), 6), line)
    sheet.expect(("WNS_NS", "WHS_NS"), document.first, "the summary")
    sheet.info(document.first, "a summary of the timing analyzer names neither design, part nor version")
    return sheet.done()


def _block(document: Document, i: int) -> tuple[str, str, float, float] | None:
    """Corner, kind, slack and total of a block; a total below zero needs a slack below zero."""
    lines = document.lines[i : i + 3]
    kind = re.fullmatch(r"Type +: (.*?) ?(Setup|Hold|Recovery|Removal|Minimum Pulse Width) '.*'\s*", lines[0])
    named = zip(("Slack", "TNS"), lines[1:], strict=False)
    values = [re.fullmatch(rf"{name} *: (\S+)\s*", text) for name, text in named]
    if kind is None or len(values) != 2 or values[0] is None or values[1] is None:
        return None
    try:
        slack, total = number(values[0][1]), number(values[1][1])
    except ValueError:
        return None
    if slack is None or total is None or (slack < 0) != (total < 0) or total < 0 < total - slack:
        return None
    return kind[1], kind[2], float(slack), float(total)


FORMATS = {
    "quartus_summary": TextFormat(r"(?:Fitter|Analysis & Synthesis|Synthesis|Flow) Status : ", parse),
    "quartus_sta_summary": TextFormat(r"(?:TimeQuest )?Timing Analyzer Summary\s*$", parse_sta),
}
