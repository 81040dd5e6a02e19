"""Tables as tools draw them: boxes of ``+---+`` and ``|`` (Quartus: ``;``), and columns ruled with dashes.

A column is known by its header, never by its number.  A header of several lines with merged cells is joined:
``Latency (cycles)`` above ``min`` and ``max`` gives ``Latency (cycles) min`` and ``Latency (cycles) max``.  What
is not whole is a fault with its line: a row that does not fit the frame, a header whose lines do not, a frame that
is never closed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BORDER = re.compile(r"\s*[+-][-=+]*[+]\s*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a table, and in which line."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``indent`` counts the blanks before the text of the first cell."""

    cells: tuple[str, ...]
    line: int
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was found; ``columns`` is empty where the header is damaged."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int
    end: int
    faults: tuple[Fault, ...] = ()
    title: str = ""

    def column(self, name: str) -> int | None:
        """The place of a header, None where it is missing."""
        return self.columns.index(name) if name in self.columns else None

    def in_order(self, *known: str) -> bool:
        """Whether the columns among ``known`` stand in the order that the tool prints them in.

        A report whose columns are in another order has lost either its header or its values.
        """
        present = [name for name in self.columns if name in known]
        return present == [name for name in known if name in present]


def is_border(line: str) -> bool:
    """``+----+-----+``."""
    return len(line) > 2 and _BORDER.fullmatch(line) is not None and "--" in line


def clean(text: str) -> str:
    """Single blanks."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the columns of a box are: the places of its corners."""

    edges: tuple[int, ...]
    separator: str

    def fits(self, line: str) -> bool:
        """Whether every corner has a separator in this row, and no other place in the frame."""
        return tuple(i for i, c in enumerate(line) if c == self.separator) == self.edges

    def header_fits(self, line: str) -> bool:
        """As :meth:`fits`, but cells may be merged."""
        places = tuple(i for i, c in enumerate(line) if c == self.separator)
        ends = (self.edges[0], self.edges[-1])
        return len(places) >= 2 and (places[0], places[-1]) == ends and set(places) <= set(self.edges)

    def cells(self, line: str) -> tuple[str, ...]:
        """The texts between the corners."""
        return tuple(line[a + 1 : b] for a, b in zip(self.edges, self.edges[1:], strict=False))

    def spans(self, line: str) -> tuple[str, ...]:
        """For each column the text of the cell, merged or not, that covers it."""
        places = [i for i, c in enumerate(line) if c == self.separator]
        found = []
        for left in self.edges[:-1]:
            start = max(place for place in places if place <= left)
            stop = min(place for place in places if place > left)
            found.append(clean(line[start + 1 : stop]))
        return tuple(found)


def read_box(lines: Sequence[str], start: int, first_line: int = 1, *, titled: bool = False) -> Table:
    """Read the box whose upper border is ``lines[start]``.

    Args:
        lines: the document.
        start: index of the border.
        first_line: the line number of ``lines[0]``.
        titled: the first group is a title over the whole width (Quartus).

    Returns:
        The table; rows that do not fit are left out and named in ``faults``.
    """
    separator = _separator(lines, start)
    stop = _end(lines, start, separator)
    block = [line.rstrip() for line in lines[start:stop]]
    borders = [i for i, line in enumerate(block) if is_border(line)]
    frame = _frame([block[i] for i in borders], separator)
    faults: list[Fault] = []
    if borders[-1] != len(block) - 1:
        faults.append(Fault(first_line + stop - 1, "the table is not closed: the report is cut here"))
    groups = [
        [(first_line + start + i, block[i]) for i in range(a + 1, b)]
        for a, b in zip(borders, [*borders[1:], len(block)], strict=False)
    ]
    groups = [group for group in groups if group]
    title = ""
    if titled and groups:
        title = clean(groups.pop(0)[0][1].strip().strip(separator))
    columns = _header(groups.pop(0), frame, faults) if groups else ()
    rows = _rows([row for group in groups for row in group], frame, faults)
    return Table(columns, rows, first_line + start, first_line + stop - 1, tuple(faults), title)


def read_pairs(lines: Sequence[str], start: int, first_line: int = 1, *, titled: bool = False) -> Table:
    """Read a box of names and values that has no header row (a Quartus summary, a power summary)."""
    table = read_box(lines, start, first_line, titled=titled)
    separator = _separator(lines, start)
    frame = _frame([line for line in lines[start : table.end - first_line + 1] if is_border(line)], separator)
    body = [
        (first_line + i, lines[i].rstrip())
        for i in range(start, table.end - first_line + 1)
        if not is_border(lines[i])
    ]  # fmt: skip
    faults = [fault for fault in table.faults if "closed" in fault.what]
    rows = _rows(body[1:] if titled else body, frame, faults)
    return Table(("name", "value"), rows, table.line, table.end, tuple(faults), table.title)


def _separator(lines: Sequence[str], start: int) -> str:
    following = next((line.strip() for line in lines[start + 1 : start + 3] if line.strip()), "")
    return ";" if following.startswith(";") else "|"


def _end(lines: Sequence[str], start: int, separator: str) -> int:
    """Index after the last line of the box."""
    for i in range(start, len(lines)):
        line = lines[i].strip()
        odd = line.startswith("+") and line.endswith("+")  # '+   RTL    +  Status  +-----+' of a cosim report
        broken = line.endswith(separator) and line.count(separator) > 1  # a row that lost its left border
        if not (line.startswith(separator) or is_border(line) or odd or broken):
            return i
    return len(lines)


def _frame(borders: Sequence[str], separator: str) -> _Frame:
    densest = max(borders, key=lambda line: line.count("+"))
    edges = tuple(i for i, c in enumerate(densest.rstrip()) if c == "+")
    if densest.strip().startswith("-"):  # Quartus draws the upper left corner of some boxes as '-'
        edges = (densest.index("-"), *edges)
    return _Frame(edges, separator)


def _header(group: Sequence[tuple[int, str]], frame: _Frame, faults: list[Fault]) -> tuple[str, ...]:
    """The joined names of the columns, or nothing where they are not to be trusted."""
    for line, text in group:
        if not frame.header_fits(text):
            faults.append(Fault(line, "the header does not fit the table"))
            return ()
    layers = [frame.spans(text) for _, text in group]
    names = tuple(clean(" ".join(dict.fromkeys(layer[i] for layer in layers))) for i in range(len(frame.edges) - 1))
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        faults.append(Fault(group[0][0], "two columns have the same header"))
        return ()
    return names


def _rows(group: Sequence[tuple[int, str]], frame: _Frame, faults: list[Fault]) -> tuple[Row, ...]:
    found = []
    for line, text in group:
        if frame.fits(text):
            cells = frame.cells(text)
            found.append(Row(tuple(clean(cell) for cell in cells), line, len(cells[0]) - len(cells[0].lstrip())))
        else:
            faults.append(Fault(line, "a row does not fit the table"))
    return tuple(found)


def find_boxes(lines: Sequence[str], first_line: int = 1, start: int = 0, stop: int | None = None) -> list[Table]:
    """Every box between two indices, in order."""
    found = []
    i = start
    stop = len(lines) if stop is None else stop
    while i < stop:
        if is_border(lines[i]):
            table = read_box(lines, i, first_line)
            found.append(table)
            i = max(i + 1, table.end - first_line + 1)
        else:
            i += 1
    return found


# --- columns ruled with dashes ------------------------------------------------------------------


def is_rule(line: str) -> bool:
    """``-----  ------  ---``: at least two runs of dashes and nothing else."""
    return re.fullmatch(r"\s*-{2,}(\s+-{2,})+\s*", line) is not None


def read_ruled(lines: Sequence[str], rule: int, first_line: int = 1, *, right: bool = False) -> Table:
    """Read the table whose header stands above the rule ``lines[rule]`` and whose rows follow it up to a blank line.

    Columns reach from the end of the one before to the end of their dashes where cells stand to the right
    (``right``), else from the beginning of their dashes to the beginning of the next.
    """
    line = lines[rule].rstrip()
    spans = [(m.start(), m.end()) for m in re.finditer(r"-+", line)]
    header = lines[rule - 1] if rule else ""
    columns = tuple(clean(_slice(header, spans, i, right)) for i in range(len(spans)))
    faults: list[Fault] = []
    named = [name for name in columns if name]
    if len(named) != len(columns) or len(set(named)) != len(named):
        faults.append(Fault(first_line + rule - 1, "the header does not fit its rule"))
        columns = ()
    rows = []
    end = rule
    for i in range(rule + 1, len(lines)):
        if not lines[i].strip():
            break
        end = i
        rows.append(_ruled_row(lines[i], spans, right, first_line + i, faults))
    kept = tuple(row for row in rows if row is not None)
    return Table(columns, kept, first_line + rule - 1, first_line + end, tuple(faults))


def _slice(line: str, spans: Sequence[tuple[int, int]], i: int, right: bool) -> str:
    if right:
        return line[spans[i - 1][1] if i else 0 : spans[i][1]]
    return line[spans[i][0] if i else 0 : spans[i + 1][0] if i + 1 < len(spans) else None]


def _ruled_row(
    line: str, spans: Sequence[tuple[int, int]], right: bool, number: int, faults: list[Fault]
) -> Row | None:
    """The cells, unless a word runs across a border between columns."""
    cuts = [end for _, end in spans[:-1]] if right else [start for start, _ in spans[1:]]
    for cut in cuts:
        if cut < len(line) and not line[cut].isspace() and not line[cut - 1].isspace():
            faults.append(Fault(number, "a row does not fit its columns"))
            return None
    beyond = line[spans[-1][1] :].strip() if right else ""
    if beyond:
        faults.append(Fault(number, "a row is longer than its header"))
        return None
    cells = tuple(clean(_slice(line, spans, i, right)) for i in range(len(spans)))
    return Row(cells, number, len(line) - len(line.lstrip()))
