"""``report_power`` of Vivado: watts, in total, dynamic and static."""

from __future__ import annotations

import re

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import is_border, read_pairs
from bitwright.report.parsers.values import watts
from bitwright.report.parsers.vivado_head import read_head

_NAMES = {"Total On-Chip Power": "POWER_W", "Dynamic": "POWER_DYNAMIC_W", "Device Static": "POWER_STATIC_W"}


def parse_power(document: Document) -> Parsed:
    """Read the summary of a power report; the parts must add up to the total."""
    sheet = Sheet(document.source, "Vivado", Stage.UNKNOWN)
    read_head(document, sheet, state_needed=True)
    label = document.find(r"^\| Total On-Chip Power")
    start = document.find(r"^1\. Summary\s*$", 20)
    start = next((i for i in range(start or 0, len(document.lines)) if is_border(document.lines[i])), None)
    if start is None or label is None:
        sheet.warn(document.first, "no table 'Summary' with 'Total On-Chip Power (W)'")
        return sheet.done()
    table = read_pairs(document.lines, start, document.first)
    tell_faults(table, sheet)
    for row in table.rows:
        found = re.fullmatch(r"(.+?)\s*\((m?u?W)\)", row.cells[0])
        metric = _NAMES.get(found[1]) if found else None
        if metric is None or found is None:
            continue
        try:
            value = row.cells[1].partition("(")[0]  # "8.531 (Junction temp exceeded!)"
            sheet.add(metric, watts(value, found[2]), row.line)
        except ValueError as error:
            sheet.warn(row.line, f"{metric}: {error}")
    sheet.expect(_NAMES.values(), table.line, "the summary")
    _sum(sheet, table.line)
    return sheet.done()


def _sum(sheet: Sheet, line: int) -> None:
    values = [sheet.value(name) for name in _NAMES.values()]
    if None in values:
        return
    total, dynamic, static = (float(value) for value in values if value is not None)
    if abs(dynamic + static - total) > 0.0025 + 0.001 * total:
        sheet.withhold(_NAMES.values(), line, f"{dynamic:g} W and {static:g} W are not {total:g} W")
