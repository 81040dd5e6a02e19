"""report.md: what fits into a pull-request comment; the full account is report.html."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bitwright.report.figures import quoted_design, resource_origin, resources
from bitwright.report.numbers import count, plural, seconds, word
from bitwright.report.oracles import first_mismatch, gated, tally
from bitwright.report.records import OraclePair, Report, Status
from bitwright.report.summary import summary_rows
from bitwright.report.warning_groups import WarningGroup, grouped

_MARK = {Status.PASSED: "PASSED", Status.FAILED: "**FAILED**", Status.NOT_RUN: "*NOT RUN*"}
_MOST_ROWS = 40  # GitHub cuts a comment at 65,536 characters
_LONGEST = 400


def render_md(report: Report) -> str:
    """The report as GitHub Markdown; every word from outside is escaped and cut to a sane length."""
    report = gated(report)
    parts = [
        _head(report),
        _mismatch(report),
        _summary(report),
        _pairs(report),
        _protocol(report),
        _warnings(report),
        _sources(report),
        _reproduce(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def md(words: str) -> str:
    """Words from outside as plain Markdown text: no markup, no HTML, one line."""
    line = " ".join(words.split())
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#@])", r"\\\1", line)


def code(words: str) -> str:
    """Words from outside as a code span: backticks inside would end it, so the fence is made longer."""
    line = " ".join(words.split())[:_LONGEST].replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _head(report: Report) -> str:
    checks = [pair.status for pair in report.verification.pairs] if report.verification else []
    checks += [check.status for check in report.verification.protocol] if report.verification else []
    lines = [
        f"## {md(report.title)}: {word(report.status)}",
        f"Model {code(report.model)} on {code(report.part)} at {report.clock_ns:g} ns "
        f"(target {code(report.target)}), Bitwright {md(report.bitwright_version)}. "
        f"Checks: {tally(checks)}. Stages: {tally(run.status for run in report.stages)}.",
    ]
    return "\n\n".join(lines)


def _summary(report: Report) -> str:
    return _table(("figure", "value", "notes"), [[md(cell) for cell in row] for row in summary_rows(report)])


def _mismatch(report: Report) -> str:
    found = first_mismatch(report)
    if found is None:
        return ""
    pair, first = found
    lines = [
        f"### First mismatch: {md(pair.left)} ≠ {md(pair.right)}",
        f"Layer {code(first.layer)}, element {first.element}, vector {first.vector}, format {code(first.format)}; "
        f"{plural(pair.mismatches, 'vector')} of {count(pair.vectors)} differ.",
        f"```\nexpected  {_fenced(first.expected_bits)}  = {first.expected!r}\n"
        f"actual    {_fenced(first.actual_bits)}  = {first.actual!r}\n```",
    ]
    lines += [f"Waveform: {code(first.waveform)}"] if first.waveform else []
    return "\n\n".join(lines)


def _fenced(words: str) -> str:
    """Words inside a fenced block: the only thing that could end it is a fence."""
    return " ".join(words.split()).replace("```", "'''")


def _pairs(report: Report) -> str:
    pairs = report.verification.pairs if report.verification else ()
    if not pairs:
        return "### Oracles\n\nVerification: *NOT RUN*"
    head = ("oracles", "compared", "result", "vectors", "bits", "differ", "")
    rows = [_pair_row(pair) for pair in pairs[:_MOST_ROWS]]
    more = _more(len(pairs))
    return f"### Oracles\n\n{_table(head, rows)}{more}"


def _pair_row(pair: OraclePair) -> tuple[str, ...]:
    names = f"{md(pair.left)} = {md(pair.right)}"
    if pair.status is Status.NOT_RUN:
        return names, md(pair.what), _MARK[pair.status], "", "", "", md(pair.reason)
    figures = (count(pair.vectors), count(pair.bits), count(pair.mismatches))
    return names, md(pair.what), _MARK[pair.status], *figures, md(pair.reason)


def _more(number: int) -> str:
    return f"\n\nand {number - _MOST_ROWS:,} more in report.html" if number > _MOST_ROWS else ""


def _protocol(report: Report) -> str:
    checks = report.verification.protocol if report.verification else ()
    rows = [
        (md(check.name), _MARK[check.status], seconds(check.seconds), md(check.detail)) for check in checks[:_MOST_ROWS]
    ]
    if not rows:
        return ""
    return "### Protocol\n\n" + _table(("check", "result", "time", ""), rows) + _more(len(checks))


def _warnings(report: Report) -> str:
    if not report.warnings:
        return ""
    groups = grouped(report.warnings)
    items = [f"- {_times(group)}{md(group.source)}: {md(group.title)}" for group in groups[:_MOST_ROWS]]
    return f"### {plural(len(report.warnings), 'warning')}\n\n" + "\n".join(items) + _more(len(groups))


def _times(group: WarningGroup) -> str:
    return f"**{len(group.messages):,} ×** " if len(group.messages) > 1 else ""


def _sources(report: Report) -> str:
    """Where the table's figures stand: stage, tool, files."""
    design = quoted_design(report)
    figures = resources(report, design.name) if design else {}
    files = dict.fromkeys(m.source for figure in figures.values() for m in figure.measurements)
    named = [item.source for item in (report.accuracy, report.verification, design) if item and item.source]
    places = ", ".join(code(name) for name in [*files, *dict.fromkeys(named)])
    origin = resource_origin(report)
    return f"Figures from {places}; resources: {md(str(origin))}." if places and origin else ""


def _reproduce(report: Report) -> str:
    if not report.reproduce:
        return ""
    return "### Reproduce\n\n```\n" + "\n".join(_fenced(line) for line in report.reproduce) + "\n```"
