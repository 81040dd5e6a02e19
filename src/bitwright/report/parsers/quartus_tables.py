"""Panels of Quartus reports: found by title, with or without a header row; and the head of a report."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.model import Sheet
from bitwright.report.parsers.tables import Row, Table, is_border, read_box, read_pairs


@dataclass(frozen=True, slots=True)
class Named:
    """A panel of names and values."""

    table: Table

    def row(self, name: str) -> Row | None:
        """The row of a name; None if it is missing, or there twice."""
        found = [row for row in self.table.rows if row.cells[0] == name]
        return found[0] if len(found) == 1 else None


def _start(document: Document, title: str) -> int | None:
    at = document.find(rf"^; {title} *;\s*$")
    return at - 1 if at and is_border(document.lines[at - 1]) else None


def panel(document: Document, title: str) -> Table | None:
    """A panel with a header row."""
    start = _start(document, title)
    return None if start is None else read_box(document.lines, start, document.first, titled=True)


def pairs(document: Document, title: str) -> Named | None:
    """A panel of names and values."""
    start = _start(document, title)
    return None if start is None else Named(read_pairs(document.lines, start, document.first, titled=True))


def panels(document: Document, title: str) -> list[Table]:
    """Every panel whose title matches."""
    found = []
    for i, line in enumerate(document.lines):
        if i and re.match(rf"; {title} *;\s*$", line) and is_border(document.lines[i - 1]):
            found.append(read_box(document.lines, i - 1, document.first, titled=True))
    return found


def contents(document: Document) -> list[str]:
    """The titles in the table of contents."""
    return [m[1].strip() for line in document.lines[:120] if (m := re.match(r"\s*\d+\. (.+?)\s*$", line))]


def read_head(document: Document, sheet: Sheet) -> None:
    """Version and edition: ``Quartus Prime Version 18.1.0 Build 625 09/12/2018 SJ Lite Edition``."""
    found = document.match(r"^Quartus (?:Prime|II)(?: 64-Bit)? Version (.*)", 0, 6)
    if found is None or not read_version(found[1], sheet):
        found = document.match(r"^; Quartus (?:Prime|II).* Version +; (?:Version )?(.*?) *;")
        if found is not None:
            read_version(found[1], sheet)


def read_version(text: str, sheet: Sheet) -> bool:
    """``18.1.0 Build 625 09/12/2018 SJ Lite Edition``; whether it is one."""
    found = re.match(r"(\S+ Build \d+) .*?(\w+) (?:Edition|Version)\b", text)
    if found is not None:
        sheet.tool_version = found[1]
        sheet.tool = f"Quartus {found[2]}"
    return found is not None
