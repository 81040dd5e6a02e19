"""The answer of ``bitwright report parse`` for people: a block for each report, then what was not read."""

from __future__ import annotations

from collections.abc import Iterator

from bitwright.report.parsers.model import Figure, ModuleRow, Parsed, Problem, Severity
from bitwright.report.parsers.values import Number

MOST_ROWS = 24
_COLUMNS = 7


def as_text(parsed: Parsed) -> str:
    """Plain text, aligned, as wide as it needs to be."""
    lines: list[str] = []
    for figures in _blocks(parsed):
        lines += [*_block(figures, parsed), ""]
    lines += _problems(parsed.problems)
    return "\n".join(lines).rstrip("\n")


def _blocks(parsed: Parsed) -> Iterator[list[Figure]]:
    """Figures of one source, tool and stage together, in order."""
    found: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in parsed.figures:
        found.setdefault((figure.source, figure.tool, figure.stage.value), []).append(figure)
    yield from found.values()


def _block(figures: list[Figure], parsed: Parsed) -> list[str]:
    first = figures[0]
    tool = " ".join(filter(None, (first.tool, first.tool_version)))
    head = ", ".join(filter(None, (tool, first.stage.value, first.part, first.design and f"design {first.design}")))
    shown = {figure.metric: figure for figure in figures}
    rows = [_row(figure, shown) for figure in figures if not figure.metric.startswith("AVAILABLE_")]
    width = max((len(row[0]) for row in rows), default=0)
    right = max((len(row[1]) for row in rows), default=0)
    lines = [first.source, f"  {head}"]
    lines += [f"  {name:<{width}}  {value:>{right}}  {rest}".rstrip() for name, value, rest in rows]
    modules = [m for m in parsed.modules if (m.source, m.stage, m.tool) == (first.source, first.stage, first.tool)]
    return [*lines, *_modules(modules)]


def _row(figure: Figure, shown: dict[str, Figure]) -> tuple[str, str, str]:
    offered = shown.get(f"AVAILABLE_{figure.metric}")
    share = ""
    if offered is not None and isinstance(figure.value, (int, float)) and isinstance(offered.value, (int, float)):
        of = f"of {number(offered.value)}"
        share = f"{of} ({100 * figure.value / offered.value:.1f} %)" if offered.value else of
    unit = "" if figure.unit in ("count", "status") else figure.unit
    told = "; ".join(filter(None, ("derived" if figure.derived else "", figure.note)))
    rest = "  ".join(filter(None, (unit, share, f"line {figure.line}", f"[{told}]" if told else "")))
    return figure.metric, number(figure.value), rest


def number(value: Number | str) -> str:
    """``12,345``, ``0.373``, or the word."""
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _modules(rows: list[ModuleRow]) -> list[str]:
    """The first rows below the top, with the columns that most of them have."""
    if not rows:
        return []
    names: list[str] = []
    for row in rows[:MOST_ROWS]:
        names += [name for name in row.values if name not in names]
    names = names[:_COLUMNS]
    cells = [
        [row.path, *(number(row.values[n]) if n in row.values else "-" for n in names)] for row in rows[:MOST_ROWS]
    ]
    table = [["below the top", *names], *cells]
    widths = [max(len(line[i]) for line in table) for i in range(len(names) + 1)]
    lines = [
        "    "
        + line[0].ljust(widths[0])
        + "".join(f"  {cell:>{w}}" for cell, w in zip(line[1:], widths[1:], strict=True))
        for line in table
    ]
    left = len(rows) - MOST_ROWS
    return [*lines, *([f"    ... {left:,} more rows (all of them with --json)"] if left > 0 else [])]


def _problems(problems: tuple[Problem, ...]) -> list[str]:
    """Errors and warnings one by one; notes of many files that are no reports as one line."""
    strange = [
        p
        for p in problems
        if p.severity is Severity.INFO and p.message.startswith(("no report", "a binary", "JSON that", "XML that"))
    ]
    lines = [
        f"{p.severity.value}: {p.source}{f':{p.line}' if p.line else ''}: {p.message}"
        for p in problems
        if len(strange) < 4 or p not in strange
    ]
    if len(strange) >= 4:
        lines.append(f"info: {len(strange)} files are no reports of a tool that is known, such as {strange[0].source}")
    return lines
