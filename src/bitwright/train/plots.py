"""Drawings of trainings: lines over the epochs, and points in a plane."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bitwright.report.svg import fitted, group, line, number, svg, tag, text, title

WIDTH, HEIGHT = 400.0, 210.0
LEFT, RIGHT, TOP, FOOT = 58.0, 14.0, 12.0, 40.0
CURVES = 10
"""Colours of the page: lines after these are left out."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """From data to the drawing; ``log``: by the logarithm."""

    name: str
    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        low, high, value = (self._scaled(number) for number in (self.low, self.high, value))
        return self.start + (value - low) / ((high - low) or 1.0) * (self.end - self.start)

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-30)) if self.log else value

    @property
    def marks(self) -> tuple[float, ...]:
        """Five values along it; of a logarithmic axis those at equal distances."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        values = [low + (high - low) * k / 4 for k in range(5)]
        return tuple(10**value if self.log else value for value in values)


def _axis(name: str, values: Iterable[float], start: float, end: float, log: bool) -> Axis:
    known = [value for value in values if math.isfinite(value) and (value > 0 or not log)] or [1.0]
    low, high = min(known), max(known)
    room = 0.0 if log else (high - low) * 0.05
    return Axis(name, low - room, high + room, start, end, log)


def lines(label: str, across: str, up: str, curves: Sequence[tuple[str, Points]], *, log: bool = False) -> Markup:
    """Named curves of (x, y); ``log``: y on a logarithmic scale.  Each point can be pointed at."""
    shown = [(name, [p for p in points if math.isfinite(p[1])]) for name, points in curves[:CURVES]]
    return _drawing(label, across, up, [p for _, points in shown for p in points], (False, log), _curves(shown))


def plane(label: str, across: str, up: str, marks: Sequence[tuple[str, float, float]], *, log: bool = False) -> Markup:
    """Named points (name, x, y); ``log``: x on a logarithmic scale."""

    def draw(x: Axis, y: Axis) -> list[Markup]:
        return [_dot(x.at(a), y.at(b), f"{name}: {across} {a:,.6g}, {up} {b:,.5g}") for name, a, b in marks]

    return _drawing(label, across, up, [(a, b) for _, a, b in marks], (log, False), draw)


def _drawing(
    label: str, across: str, up: str, points: Points, logs: tuple[bool, bool],
    draw: Callable[[Axis, Axis], Sequence[Markup]],
) -> Markup:  # fmt: skip
    x = _axis(across, (p[0] for p in points), LEFT, WIDTH - RIGHT, logs[0])
    y = _axis(up, (p[1] for p in points), HEIGHT - FOOT, TOP, logs[1])
    return svg(WIDTH, HEIGHT, label, *_grid(x, y), *draw(x, y))


def _grid(x: Axis, y: Axis) -> list[Markup]:
    across = [
        group(
            line(x.at(value), TOP, x.at(value), HEIGHT - FOOT, class_="grid"),
            text(x.at(value), HEIGHT - FOOT + 15, _tick(value), class_="mid quiet"),
        )
        for value in x.marks
    ]
    up = [
        group(
            line(LEFT, y.at(value), WIDTH - RIGHT, y.at(value), class_="grid"),
            text(LEFT - 6, y.at(value) + 4, _tick(value), class_="end quiet"),
        )
        for value in y.marks
    ]
    return [*across, *up, text((LEFT + WIDTH) / 2, HEIGHT - 6, x.name, class_="mid quiet")]


def _tick(value: float) -> str:
    return fitted(f"{value:.3g}" if abs(value) < 1e4 else f"{value:.2g}", LEFT - 8)


def _curves(shown: Sequence[tuple[str, Points]]) -> Callable[[Axis, Axis], list[Markup]]:
    def draw(x: Axis, y: Axis) -> list[Markup]:
        return [mark for k, (name, points) in enumerate(shown) for mark in _curve(k, name, points, x, y)]

    return draw


def _curve(index: int, name: str, points: Points, x: Axis, y: Axis) -> list[Markup]:
    places = " ".join(f"{number(x.at(a))},{number(y.at(b))}" for a, b in points)
    stroke = tag("polyline", title(name), points=places, class_=f"curve c{index}")
    key_y = TOP + 10 + 15 * index
    key = group(
        line(WIDTH - 118, key_y - 4, WIDTH - 100, key_y - 4, class_=f"curve c{index}"),
        text(WIDTH - 95, key_y, fitted(name, 80)),
    )
    return [stroke, key, *(_dot(x.at(a), y.at(b), f"{name}: {a:g}, {b:.5g}", 2.0) for a, b in points)]


def _dot(x: float, y: float, words: str, radius: float = 3.5) -> Markup:
    return tag("circle", title(words), cx=x, cy=y, r=radius, class_="dot")
