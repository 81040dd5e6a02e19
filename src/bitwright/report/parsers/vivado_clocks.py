"""The tables of clocks in ``report_timing_summary`` of Vivado: slacks by clock, and the periods.

Each table is read by its own header, in the unit that it prints.  Names stand to the left and may be longer than their
column; numbers end where their dashes end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bitwright.report.parsers.documents import Document
from bitwright.report.parsers.hls_head import tell_faults
from bitwright.report.parsers.model import Sheet
from bitwright.report.parsers.tables import Table, clean, is_rule, read_ruled
from bitwright.report.parsers.values import Number, nanoseconds, number, sane_period, whole

SLACKS = {"WNS": "WNS_NS", "TNS": "TNS_NS", "WHS": "WHS_NS", "THS": "THS_NS"}
COUNTS = {"TNS Failing Endpoints": "SETUP_FAILING_ENDPOINTS", "THS Failing Endpoints": "HOLD_FAILING_ENDPOINTS"}
_ORDER = ("WNS", "TNS", "TNS Failing Endpoints", "TNS Total Endpoints", "WHS", "THS", "THS Failing Endpoints",
          "THS Total Endpoints", "WPWS", "TPWS", "TPWS Failing Endpoints", "TPWS Total Endpoints")  # fmt: skip
_TABLES = (("Intra Clock Table", "clock"), ("Inter Clock Table", "clocks"), ("Other Path Groups Table", "path group"))
_WIDEST_GAP = 6
"""Lines between a section's banner and the header of its table, at most."""


def ruled_after(document: Document, start: int | None, *, right: bool) -> Table | None:
    """The table below a banner."""
    if start is None:
        return None
    for i in range(start + 2, min(start + 9, len(document.lines))):
        if re.fullmatch(r"\s*-{3,}(?:\s+-{3,})+\s*", document.lines[i]):
            return read_ruled(document.lines, i, document.first, right=right)
    return None


def columns_of(names: Sequence[str]) -> dict[str, tuple[int, str]] | None:
    """Column by its name without the unit, with the unit; None if one is unknown, double or out of order."""
    found: dict[str, tuple[int, str]] = {}
    for i, name in enumerate(names):
        split = re.fullmatch(r"(\w+)\((\w+)\)|(.+)", name)
        if split is None:
            return None
        found[split[1] or split[3]] = (i, split[2] or "")
    known = [name for name in found if name in _ORDER]
    return found if len(found) == len(names) and known == [n for n in _ORDER if n in found] else None


@dataclass(frozen=True, slots=True)
class _Row:
    """A clock, or two, with the cells below the columns of numbers."""

    name: str
    cells: tuple[str, ...]
    line: int


def read_clocks(document: Document, sheet: Sheet) -> tuple[dict[str, float], set[str]]:
    """State the slacks of each clock; the worst of all by metric, and the names of the clocks."""
    worst: dict[str, float] = {}
    names: set[str] = set()
    for title, kind in _TABLES:
        start = document.find(rf"^\| {title}")
        if start is None:
            sheet.warn(document.last, f"no '{title}': the report is cut")
            continue
        header = document.find(r"WNS\(", start, start + _WIDEST_GAP)
        if header is None or header + 1 >= len(document.lines):
            sheet.info(document.number(start), f"'{title}' has no header that is understood")
            continue
        for row, columns in _rows(document, header, sheet):
            _state(row, columns, kind, worst, sheet)
            if kind == "clock":
                names.add(row.name)
    return worst, names


def _rows(document: Document, header: int, sheet: Sheet) -> list[tuple[_Row, dict[str, tuple[int, str]]]]:
    """The rows of a table and its columns; nothing where the header does not fit its rule."""
    text, rule = document.lines[header], document.lines[header + 1]
    first = text.index("WNS(")
    ends = [m.end() for m in re.finditer(r"-+", rule) if m.start() >= first - 1]
    cuts = [first, *ends]
    columns = columns_of([clean(text[a:b]) for a, b in zip(cuts, ends, strict=False)]) if is_rule(rule) else None
    units = {unit for _, unit in (columns or {}).values() if unit}
    if columns is None or len(units) != 1 or text[cuts[-1] :].strip():
        sheet.info(document.number(header), "the header of a table of clocks is damaged: its rows are left out")
        return []
    found = []
    for i in range(header + 2, len(document.lines)):
        line = document.lines[i]
        if not line.strip():
            break
        found.append((_cells(line, ends, document.number(i)), columns))
    return found


def _cells(text: str, ends: Sequence[int], line: int) -> _Row:
    left = _name_end(text, ends[0])
    cuts = [left, *ends]
    cells = tuple(text[a:b].strip() for a, b in zip(cuts, ends, strict=False))
    return _Row(text[:left].strip(), cells, line)


def _name_end(text: str, first_end: int) -> int:
    """Where the names end: before the last word that reaches to the end of the first column of numbers."""
    head = text[:first_end]
    return len(head) - len(head.split()[-1]) if head.split() and not head.endswith(" ") else len(head)


def _state(row: _Row, columns: dict[str, tuple[int, str]], kind: str, worst: dict[str, float], sheet: Sheet) -> None:
    values: dict[str, Number | None] = {}
    for label, (i, unit) in columns.items():
        metric = SLACKS.get(label) or COUNTS.get(label)
        if metric is None or not row.cells[i] or row.cells[i] == "NA":
            continue
        try:
            values[metric] = nanoseconds(row.cells[i], unit) if label in SLACKS else whole(row.cells[i])
        except ValueError:
            sheet.info(row.line, f"the row of '{row.name}' is left out: {label} is '{row.cells[i]}'")
            return
    for metric in ("WNS_NS", "WHS_NS"):
        value = values.get(metric)
        if value is not None:
            worst[metric] = min(worst.get(metric, float("inf")), float(value))
    sheet.module(f"{kind}:{' -> '.join(row.name.split())}", row.name, values, row.line, kind)


def read_periods(document: Document, clocks: set[str], sheet: Sheet) -> None:
    """The period of the one clock of the design; of several, each in a row of its own."""
    if document.find(r"^\| Timing Details") is None:
        sheet.warn(document.last, "no 'Timing Details': the report is cut")
    table = ruled_after(document, document.find(r"^\| Clock Summary"), right=False)
    if table is None or not {"Clock", "Waveform(ns)", "Period(ns)", "Frequency(MHz)"} <= set(table.columns):
        sheet.info(document.last, "no clock periods: the table 'Clock Summary' is missing, empty or damaged")
        return
    tell_faults(table, sheet)
    found = []
    for row in table.rows:
        name, period, frequency = (row.cells[table.columns.index(c)] for c in ("Clock", "Period(ns)", "Frequency(MHz)"))
        value = _period(period, frequency)
        if value is not None and not _is_duty(row.cells[table.columns.index("Waveform(ns)")], value, 1000 / value):
            value = None
        if value is None:
            sheet.warn(row.line, f"clock '{name}': period '{period}' and frequency '{frequency}' do not fit")
        else:
            found.append((name, value, row.line))
            sheet.module(f"clock:{name.strip()}", name, {"CLOCK_TARGET_NS": value}, row.line, "clock")
    lost = clocks - {name.strip() for name, _, _ in found}
    if lost:
        sheet.warn(table.line, f"no period of the clock {', '.join(sorted(lost))}")
    elif len(found) == 1 == len(table.rows) and not table.faults:
        sheet.add("CLOCK_TARGET_NS", found[0][1], found[0][2])


def _is_duty(waveform: str, period: float, rate: float) -> bool:
    """Whether the clock is high for a part of its period that can be; other forms than ``{0.0 2.5}`` say nothing.

    Half of the frequency's number, and not half of the period, means that the two are exchanged.
    """
    edges = re.fullmatch(r"\{([\d.]+) ([\d.]+)\}", waveform)
    if edges is None:
        return True
    high = float(edges[2]) - float(edges[1])
    exchanged = abs(2 * high - rate) <= 0.002 < abs(2 * high - period)
    return 0.02 <= high / period <= 0.98 and not exchanged


def _period(period: str, frequency: str) -> float | None:
    """The period, if it is that of the frequency beside it, to the digits printed."""
    try:
        value, rate = number(period), number(frequency)
    except ValueError:
        return None
    if not value or not rate or not sane_period(float(value)):
        return None
    return float(value) if abs(value * rate - 1000) <= 0.6 * value + 0.01 * rate else None
