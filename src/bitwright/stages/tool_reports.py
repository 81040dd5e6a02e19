"""What a tool's own reports say, as measurements of this run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from bitwright.errors import ToolFailedError
from bitwright.report.parsers.collect import parse_file
from bitwright.report.parsers.model import Figure, Parsed, Problem, Severity, merge
from bitwright.report.records import FigureStage, Measurement


def read_reports(
    files: Sequence[Path], root: Path, *, tool: str, version: str, part: str, design: str, metrics: Collection[str],
    note: str = "",
) -> tuple[list[Measurement], list[str]]:  # fmt: skip
    """Figures of a design, and what is worth a warning.

    Args:
        files: the reports, all of one design.
        root: the build folder, to which sources are relative.
        tool: the program that wrote them.
        version: its version.
        part: the device.
        design: the module that they are about.
        metrics: those to keep.
        note: goes with every figure.

    Raises:
        ToolFailedError: a report cannot be read, or has none of the metrics: half a report is no report.
    """
    parsed = merge([_read(file, root, tool, metrics) for file in files])
    found = [figure for figure in parsed.figures if _is_kept(figure, metrics)]
    figures = [
        Measurement(
            metric=figure.metric, value=figure.value, unit=figure.unit, stage=FigureStage(figure.stage.value),
            tool=tool, tool_version=version, part=part, design=design, source=figure.source, line=figure.line,
            note=note,
        )
        for figure in found
        if not isinstance(figure.value, str)
    ]  # fmt: skip
    return figures, [f"{_place(p)}: {p.message}" for p in parsed.problems if p.severity is Severity.WARNING]


def _read(file: Path, root: Path, tool: str, metrics: Collection[str]) -> Parsed:
    parsed = parse_file(file, str(file.relative_to(root)))
    bad = next((problem for problem in parsed.problems if problem.severity is Severity.ERROR), None)
    if bad is None and any(_is_kept(figure, metrics) for figure in parsed.figures):
        return parsed
    raise ToolFailedError(
        f"a report of {tool} is not as expected: {bad.message if bad else 'it states no figure'}",
        where=f"{file}:{bad.line}" if bad else str(file),
        hint="look at it; 'bitwright report parse' shows what is understood",
    )


def _is_kept(figure: Figure, metrics: Collection[str]) -> bool:
    stages = {stage.value for stage in FigureStage}
    return figure.metric in metrics and figure.stage.value in stages and not isinstance(figure.value, str)


def _place(problem: Problem) -> str:
    return problem.source if problem.line is None else f"{problem.source}:{problem.line}"
