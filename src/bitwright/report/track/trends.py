"""Drawings of the dashboard: a figure over the runs, stage times over the runs, accuracy against LUT."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bitwright.report.numbers import count, percent, seconds
from bitwright.report.svg import fitted, group, line, number, rect, svg, tag, text, ticks, title
from bitwright.report.track.headline import Kind

WIDTH = 400.0
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 150.0, 58.0, 14.0, 12.0, 24.0
_CURVES = 5
Mark = tuple[float, str]
"""A value and what a resting pointer is told of its run."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from data to the drawing."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


def trend(kind: Kind, marks: Sequence[Mark | None], borders: Sequence[tuple[int, str]], names: Sequence[str]) -> Markup:
    """One figure over the runs, left to right; a run without it leaves a gap.

    Args:
        kind: the figure.
        marks: of each run.
        borders: the runs before which something changed (a tool's version), and what.
        names: of each run, drawn below: its commit.
    """
    values = [mark[0] for mark in marks if mark is not None]
    up, across = _scale(kind, values), Axis(0, max(len(marks) - 1, 1), _LEFT + 6, WIDTH - _RIGHT - 6)
    dots = [
        tag("circle", title(mark[1]), cx=across.at(k), cy=up.at(mark[0]), r=3, class_="dot")
        for k, mark in enumerate(marks)
        if mark is not None
    ]
    lines = [tag("polyline", points=points, class_="curve c0") for points in _segments(marks, across, up)]
    return svg(
        WIDTH, _HEIGHT, f"{kind.label} over the runs", *_grid(kind, up), *_borders(borders, across), *lines, *dots,
        *_run_names(names),
    )  # fmt: skip


def _scale(kind: Kind, values: Sequence[float]) -> Axis:
    """From zero for amounts; around the values for accuracy and slack, where zero says nothing."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if kind.less:
        return Axis(0.0, high * 1.08 or 1.0, _HEIGHT - _FOOT, _TOP)
    room = max((high - low) * 0.2, 0.01 * max(abs(high), 1e-3))
    return Axis(low - room, high + room, _HEIGHT - _FOOT, _TOP)


def _grid(kind: Kind, up: Axis) -> list[Markup]:
    steps = ticks(up.high, 3) if kind.less else (up.low, (up.low + up.high) / 2, up.high)
    return [
        group(
            line(_LEFT, up.at(value), WIDTH - _RIGHT, up.at(value), class_="grid"),
            text(_LEFT - 6, up.at(value) + 4, _tick(kind, value), class_="end quiet"),
        )
        for value in steps
    ]


def _tick(kind: Kind, value: float) -> str:
    if kind.group == "accuracy":
        return percent(value)
    return fitted(f"{value:,.4g}" if value < 100_000 else f"{value / 1000:,.0f} k", _LEFT - 8)


def _segments(marks: Sequence[Mark | None], across: Axis, up: Axis) -> list[str]:
    """The points of each run of neighbours that all have the figure."""
    found: list[list[str]] = [[]]
    for k, mark in enumerate(marks):
        if mark is None:
            found.append([])
        else:
            found[-1].append(f"{number(across.at(k))},{number(up.at(mark[0]))}")
    return [" ".join(points) for points in found if len(points) > 1]


def _borders(borders: Sequence[tuple[int, str]], across: Axis) -> list[Markup]:
    """A dashed line between two runs, where a tool's version changed; the box makes it easy to point at."""
    high = _HEIGHT - _FOOT
    return [
        group(
            title(words),
            line(x, _TOP, x, high, class_="guess"),
            rect(x - 4, _TOP, 8, high - _TOP, class_="none"),
        )
        for k, words in borders
        for x in (across.at(k - 0.5),)
    ]


def _run_names(names: Sequence[str]) -> list[Markup]:
    """The first run's commit and the last one's."""
    shown = {0: "start", len(names) - 1: "end"} if len(names) > 1 else {0: "start"}
    at = {"start": _LEFT, "end": WIDTH - _RIGHT}
    words = [(fitted(names[k], 130.0), css) for k, css in shown.items() if names]
    return [text(at[css], _HEIGHT - 7, name, class_=f"{css} quiet") for name, css in words]


def stage_trend(stages: Sequence[Mapping[str, float]], names: Sequence[str]) -> Markup:
    """Seconds of the stages over the runs, one on top of the other."""
    kinds = list(dict.fromkeys(name for run in stages for name in run))
    top = max((sum(run.values()) for run in stages), default=0.0) * 1.08 or 1.0
    up = Axis(0.0, top, _HEIGHT - _FOOT, _TOP)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(stages), 1)
    grid = [
        group(
            line(_LEFT, up.at(value), WIDTH - _RIGHT, up.at(value), class_="grid"),
            text(_LEFT - 6, up.at(value) + 4, seconds(value) if value else "0", class_="end quiet"),
        )
        for value in ticks(top, 3)
    ]
    bars = [bar for k, run in enumerate(stages) for bar in _stack(run, kinds, _LEFT + k * step, step, up)]
    return svg(WIDTH, _HEIGHT, "seconds of each stage over the runs", *grid, *bars, *_run_names(names))


def _stack(run: Mapping[str, float], kinds: Sequence[str], left: float, step: float, up: Axis) -> list[Markup]:
    drawn, below, width = [], 0.0, min(max(step - 2, 1.0), 26.0)
    for k, name in enumerate(kinds):
        value = run.get(name, 0.0)
        high, low = up.at(below + value), up.at(below)
        words = title(f"{name}: {seconds(value)}")
        drawn.append(rect(left + 1, high, width, low - high, words, class_=f"fill{k % 3 + 1}"))
        below += value
    return drawn


# --- accuracy against LUT ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """A design in the plane of LUT and accuracy."""

    name: str
    lut: float
    accuracy: float
    words: str
    ours: bool
    synthetic: bool = False


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats in LUT and in accuracy, from the smallest."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.lut, -p.accuracy)):
        if not best or point.accuracy > best[-1].accuracy:
            best.append(point)
    return best


def pareto(points: Sequence[Point]) -> Markup:
    """Accuracy against LUT on a logarithmic scale; the dashed line is the front of the published points."""
    drawn = [point for point in points if point.lut > 0]
    high = 300.0
    logs = [math.log10(point.lut) for point in drawn] or [0.0]
    across = Axis(math.floor(min(logs)), max(math.ceil(max(logs)), math.floor(min(logs)) + 1), 54.0, WIDTH - 14)
    shares = [point.accuracy for point in drawn] or [0.0, 1.0]
    room = max((max(shares) - min(shares)) * 0.12, 0.005)
    up = Axis(min(shares) - room, min(max(shares) + room, 1.0), high - 40, 10.0)
    line_of = " ".join(
        f"{number(across.at(math.log10(p.lut)))},{number(up.at(p.accuracy))}"
        for p in front([p for p in drawn if not p.ours])
    )
    guide = [tag("polyline", points=line_of, class_="front")] if line_of else []
    names = _labels(drawn, across, up)
    dots = [_dot(point, across, up, place) for point, place in zip(drawn, names, strict=True)]
    return svg(WIDTH, high, "accuracy against LUT", *_plane(across, up, high), *guide, *dots)


def _plane(across: Axis, up: Axis, high: float) -> list[Markup]:
    decades = range(int(across.low), int(across.high) + 1)
    shares = [up.low + (up.high - up.low) * k / 4 for k in range(5)]
    return [
        *(line(across.at(k), 10, across.at(k), high - 40, class_="grid") for k in decades),
        *(text(across.at(k), high - 24, count(10.0**k), class_="mid quiet") for k in decades),
        *(line(54, up.at(share), WIDTH - 14, up.at(share), class_="grid") for share in shares),
        *(text(48, up.at(share) + 4, percent(share), class_="end quiet") for share in shares),
        text((54 + WIDTH) / 2, high - 6, "LUT", class_="mid quiet"),
    ]


def _labels(points: Sequence[Point], across: Axis, up: Axis) -> list[tuple[float, float, str]]:
    """Where each name stands, and how it is anchored: beside its point where no other name or point is."""
    spots = [(across.at(math.log10(point.lut)), up.at(point.accuracy)) for point in points]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    found = []
    for point, (x, y) in zip(points, spots, strict=True):
        width = 6.2 * min(len(point.name), 24)
        places = [(x + dx, y + dy, css) for dy in (4, -8, 16, -20, 28, -32, 40, 52) for dx, css in _SIDES]
        boxes = [(place, _box(*place, width)) for place in places]
        place, box = next(((p, box) for p, box in boxes if _is_free(box, taken)), boxes[0])
        taken.append(box)
        found.append(place)
    return found


_SIDES = ((8, "start"), (-8, "end"))
_Box = tuple[float, float, float, float]


def _box(x: float, y: float, css: str, width: float) -> _Box:
    return (x, y - 9, x + width, y + 2) if css == "start" else (x - width, y - 9, x, y + 2)


def _is_free(box: _Box, taken: Sequence[_Box]) -> bool:
    inside = box[0] >= 50 and box[2] <= WIDTH
    return inside and not any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
    )


def _dot(point: Point, across: Axis, up: Axis, place: tuple[float, float, str]) -> Markup:
    x, y = across.at(math.log10(point.lut)), up.at(point.accuracy)
    shape = (
        tag("circle", cx=x, cy=y, r=4.5, class_="ours synthetic" if point.synthetic else "ours")
        if point.ours
        else tag("path", d=f"M{number(x)} {number(y - 5)}l5 5l-5 5l-5 -5z", class_="published")
    )
    return group(title(point.words), shape, text(place[0], place[1], fitted(point.name, 150.0), class_=place[2]))
