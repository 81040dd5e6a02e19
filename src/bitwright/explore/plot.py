"""The front as an interactive page: accuracy against LUT, with everything that was evaluated and published points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitwright.config.published import PublishedPoint
from bitwright.explore.front import Front, FrontPoint
from bitwright.explore.store import Evaluation
from bitwright.explore.study import MEMBER
from bitwright.report.numbers import count, percent


def render_plot(front: Front, known: Sequence[Evaluation], published: Sequence[PublishedPoint]) -> str:
    """A page that needs nothing from outside: plotly's script is in it.

    Args:
        front: the points.
        known: all evaluations; those outside of the front are drawn small, foretold LUTs as open circles.
        published: points of the same data set.
    """
    import plotly.graph_objects as go  # noqa: PLC0415  (a second that other verbs need not pay)

    figure = go.Figure()
    for name, rows, style in _clouds(known):
        figure.add_scatter(
            x=[row[0] for row in rows], y=[row[1] for row in rows], text=[row[2] for row in rows], name=name,
            mode="markers", marker=style, hovertemplate=HOVER,
        )  # fmt: skip
    figure.add_scatter(
        x=[point.lut for point in front.points], y=[100 * point.accuracy for point in front.points],
        text=[_words(point) for point in front.points], name="front", mode="markers",
        customdata=[point.number for point in front.points],
        marker={"size": 11, "color": [point.latency_cycles for point in front.points], "colorscale": "Viridis",
                "colorbar": {"title": "clocks"}, "line": {"width": 1, "color": "black"}},
        hovertemplate="point %{customdata}: " + HOVER,
    )  # fmt: skip
    if published:
        figure.add_scatter(
            x=[point.lut for point in published], y=[100 * point.accuracy for point in published],
            text=[f"{point.method}; {point.source}" for point in published], name="published, on real rows",
            mode="markers", marker={"symbol": "diamond", "size": 9, "color": "gray"}, hovertemplate=HOVER,
        )  # fmt: skip
    figure.update_layout(title=_title(front), legend={"orientation": "h", "y": -0.2}, template="plotly_white")
    figure.update_xaxes(title="LUT", type="log")
    figure.update_yaxes(title="accuracy in percent")
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, div_id="front")
    return page


HOVER = "%{text}<br>%{y:.2f} %, %{x:,.0f} LUT<extra></extra>"
_Rows = list[tuple[float, float, str]]


def _clouds(known: Sequence[Evaluation]) -> list[tuple[str, _Rows, dict[str, Any]]]:
    """Name, points and style of what lies behind the front."""
    counted: _Rows = []
    foretold: _Rows = []
    for entry in known:
        if entry.figures is not None:
            settings = dict(entry.candidate.settings)
            words = str(settings[MEMBER]).split()[0] if MEMBER in settings else entry.candidate.words()
            place = counted if entry.figures.is_real else foretold
            place.append((max(entry.figures.lut, 1.0), 100 * entry.figures.accuracy, words))
    return [
        ("evaluated, LUTs foretold", foretold, {"size": 6, "symbol": "circle-open", "color": "steelblue"}),
        ("evaluated, LUTs counted by Yosys", counted, {"size": 6, "color": "lightsteelblue"}),
    ]


def _words(point: FrontPoint) -> str:
    return f"{point.words}<br>{point.latency_cycles} clocks, {count(point.area.get('FF', 0))} FF"


def _title(front: Front) -> str:
    made_up = ", SYNTHETIC rows" if front.synthetic else ""
    return (
        f"{front.model} on {front.target}: {front.evaluations} evaluated, {front.synthesized} synthesized"
        f"<br><sup>{front.dataset}{made_up}; foretold LUTs: {front.surrogate}</sup>"
    )


def table_rows(front: Front) -> list[tuple[str, ...]]:
    """The front for the terminal: number, accuracy, LUT, FF, DSP, clocks, II, choices."""
    return [
        (
            str(point.number), percent(point.accuracy, 2), count(point.lut), count(point.area.get("FF", 0)),
            count(point.area.get("DSP", 0)), str(point.latency_cycles), str(point.ii_cycles),
            point.words + ("" if point.keeps_limits else "  (breaks a limit)"),
        )
        for point in front.points
    ]  # fmt: skip
