"""Estimated, synthesized, routed: what each stage of the flow says of the whole design, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bitwright.report.figures import Figure, Origin, figures_of, quoted_design
from bitwright.report.numbers import ABSENT, count
from bitwright.report.records import FigureStage, Measurement, Report

_NAMES = {
    FigureStage.HLS_ESTIMATE: "estimated by HLS", FigureStage.BUNDLE: "estimated",
    FigureStage.POST_SYNTH: "synthesized", FigureStage.POST_PLACE: "placed", FigureStage.POST_ROUTE: "routed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageColumn:
    """What one tool said of the whole design at one stage of the flow; ``note`` says what it includes."""

    name: str
    origin: str
    design: str
    figures: dict[str, Figure]
    note: str = ""


def by_stage(report: Report) -> tuple[StageColumn, ...]:
    """Estimated, synthesized, routed: side by side, never mixed; a stage that did not run has no column."""
    found = [_estimated(report), _by_hls(report), *_counted(report), *_outside(report)]
    return tuple(column for column in found if column is not None)


def _estimated(report: Report) -> StageColumn | None:
    parts = [m for m in report.measurements if m.metric == "ESTIMATED_LUT"]
    if not parts or not report.designs:
        return None
    total = Figure("LUT", round(sum(m.value for m in parts)), tuple(parts))
    origin = f"{parts[0].stage.value}, {parts[0].tool} {parts[0].tool_version}"
    return StageColumn("estimated", origin, report.designs[0].name, {"LUT": total}, "layers alone")


def _by_hls(report: Report) -> StageColumn | None:
    own = [m for m in report.measurements if m.stage is FigureStage.HLS_ESTIMATE]
    if not own:
        return None
    origin = Origin(FigureStage.HLS_ESTIMATE, own[0].tool, own[0].tool_version)
    return StageColumn(_NAMES[origin.stage], str(origin), own[0].design, figures_of(own), own[0].note)


def _counted(report: Report) -> Iterator[StageColumn]:
    """The design itself, by every tool that counted it, in the order of the flow."""
    design = quoted_design(report)
    if design is None:
        return
    for stage in (FigureStage.POST_SYNTH, FigureStage.POST_PLACE, FigureStage.POST_ROUTE):
        of_stage = [m for m in report.measurements if m.stage is stage and m.design == design.name and m.layer is None]
        for tool, version in dict.fromkeys((m.tool, m.tool_version) for m in of_stage):
            origin = Origin(stage, tool, version)
            figures = figures_of(m for m in of_stage if origin.has(m))
            yield StageColumn(_NAMES[stage], str(origin), design.name, figures, design.includes)


def _outside(report: Report) -> Iterator[StageColumn]:
    """Designs that hold ours and more, such as a harness."""
    known = {design.name for design in report.designs} | {layer.module for layer in report.layers}
    for stage in (FigureStage.POST_PLACE, FigureStage.POST_ROUTE):
        of_stage = [m for m in report.measurements if m.stage is stage and m.design not in known]
        for design in dict.fromkeys(m.design for m in of_stage):
            own = [m for m in of_stage if m.design == design]
            origin = Origin(stage, own[0].tool, own[0].tool_version)
            yield StageColumn(_NAMES[stage], str(origin), design, figures_of(own), own[0].note)


def stage_figure(column: StageColumn, metric: str) -> str:
    """One figure of a stage in words; slack with its sign, and no Fmax without a word on slack."""
    figure = column.figures.get(metric)
    if figure is None:
        return ABSENT
    slack = column.figures.get("WNS_NS")
    return _words(metric, figure.value, slack.value if slack else None)


def stated(measurement: Measurement, report: Report) -> str:
    """One measurement in words, an Fmax with the slack of the same design, stage and tool."""
    own = (measurement.design, measurement.stage, measurement.tool)
    slacks = (m.value for m in report.measurements if m.metric == "WNS_NS" and (m.design, m.stage, m.tool) == own)
    return _words(measurement.metric, measurement.value, next(slacks, None))


def _words(metric: str, value: float, slack: float | None) -> str:
    if metric == "WNS_NS":
        return f"{value:+.3f}"
    if metric == "FMAX_MHZ":
        return f"{value:.1f} (WNS {'not stated' if slack is None else f'{slack:+.3f} ns'})"
    return count(value)


def timing_word(column: StageColumn) -> str:
    """Whether a stage met the clock; a dash where it analysed none."""
    slack = column.figures.get("WNS_NS")
    return ABSENT if slack is None else "met" if slack.value >= 0 else "NOT met"
