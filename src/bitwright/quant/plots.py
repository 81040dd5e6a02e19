"""Plots of the health report: SVG files of their own, with the colours in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from bitwright.quant.calibrate import Calibration
from bitwright.quant.health import LayerHealth
from bitwright.quant.layer_plan import QuantPlan
from bitwright.quant.observe import Observed, centres
from bitwright.report.svg import fitted, group, line, number, rect, svg, tag, text, ticks, title

WIDTH, LEFT, RIGHT, ROW, BAR = 640.0, 150.0, 70.0, 24.0, 14.0
STYLE = (
    "text{font:11.5px system-ui,sans-serif;fill:#333}.end{text-anchor:end}.mid{text-anchor:middle}.quiet{fill:#777}"
    ".fill{fill:#2f6fb0}.bad{fill:#c0392b}.seen{fill:#9db8d2}.grid{stroke:#ddd}.limit{stroke:#c0392b;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}}"
)


def signal_to_noise(layers: Sequence[LayerHealth]) -> Markup:
    """Signal to quantization noise of every layer that has noise, in dB."""
    rows = [(own.layer, max(own.sqnr_db, 0.0), f"{own.sqnr_db:.1f} dB") for own in layers if own.sqnr_db is not None]
    return _bars("signal to quantization noise, dB", rows, bad=10.0)


def range_use(layers: Sequence[LayerHealth]) -> Markup:
    """The share of its range that each quantized tensor uses."""
    rows = [(own.layer, own.range_use, f"{own.range_use:.0%}") for own in layers if own.range_use is not None]
    return _bars("largest value beside the largest that is held", rows, bad=0.25)


def _bars(label: str, rows: Sequence[tuple[str, float, str]], bad: float) -> Markup:
    top = max((value for _, value, _ in rows), default=0.0) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / top
    height = ROW * len(rows) + 40
    grid = [
        group(
            line(LEFT + k * scale, 22, LEFT + k * scale, height - 14, class_="grid"),
            text(LEFT + k * scale, height - 2, number(k), class_="mid quiet"),
        )
        for k in ticks(top)
    ]
    bars = [_bar(22 + k * ROW, row, scale, bad) for k, row in enumerate(rows)]
    return svg(WIDTH, height, label, tag("style", STYLE), text(0, 12, label), *grid, *bars)


def _bar(top: float, row: tuple[str, float, str], scale: float, bad: float) -> Markup:
    name, value, words = row
    css = "bad" if value < bad else "fill"
    return group(
        title(f"{name}: {words}"),
        text(LEFT - 8, top + 16, fitted(name, LEFT - 8), class_="end"),
        rect(LEFT, top + (ROW - BAR) / 2, max(value * scale, 1), BAR, class_=css, rx=1.5),
        text(LEFT + value * scale + 6, top + 16, words, class_="quiet"),
    )


BINS, HEIGHT = 80, 90.0


def histograms(calibration: Calibration, plan: QuantPlan) -> Markup:
    """What was seen of every quantized tensor, on a scale of logarithms, with the ends of what is held."""
    quantized = [name for name, own in plan.layers.items() if own.quantized]
    drawn = [
        group(
            *_histogram(name, calibration.tensors[name], (plan[name].tensor.low, plan[name].tensor.high)),
            transform=f"translate(0 {number(k * HEIGHT)})",
        )
        for k, name in enumerate(quantized)
    ]
    return svg(WIDTH, max(HEIGHT * len(quantized), 1), "values seen", tag("style", STYLE), *drawn)


def _histogram(name: str, seen: Observed, ends: tuple[float, float]) -> list[Markup]:
    low, high = min(seen.low, ends[0]), max(seen.high, ends[1])
    width, floor = (WIDTH - LEFT - 10) / BINS, HEIGHT - 20
    counts = _binned(seen, low, high)
    top = max(*counts, 1).bit_length()
    bars = [
        rect(LEFT + k * width, floor - 60 * n.bit_length() / top, width, 60 * n.bit_length() / top, class_="seen")
        for k, n in enumerate(counts)
        if n
    ]
    span = max(high - low, 1e-30)
    places = [LEFT + (end - low) / span * (WIDTH - LEFT - 10) for end in ends]
    marks = [line(x, floor - 62, x, floor, class_="limit") for x in places]
    words = [
        text(LEFT, HEIGHT - 6, f"{low:g}", class_="quiet"),
        text(WIDTH - 10, HEIGHT - 6, f"{high:g}", class_="end quiet"),
    ]
    return [title(name), text(LEFT - 8, 40, fitted(name, LEFT - 8), class_="end"), *bars, *marks, *words]


def _binned(seen: Observed, low: float, high: float) -> list[int]:
    counts = [0] * BINS
    span = max(high - low, 1e-30)
    middles = centres()
    for sign, bins in ((-1, seen.negative), (1, seen.positive)):
        for index in bins.nonzero()[0]:
            place = int((sign * middles[index] - low) / span * BINS)
            counts[min(max(place, 0), BINS - 1)] += int(bins[index])
    counts[min(max(int(-low / span * BINS), 0), BINS - 1)] += seen.zeros
    return counts


def plots(calibration: Calibration, plan: QuantPlan, layers: Sequence[LayerHealth]) -> Mapping[str, Markup]:
    """Every plot by its file's name."""
    return {
        "sqnr.svg": signal_to_noise(layers),
        "ranges.svg": range_use(layers),
        "histograms.svg": histograms(calibration, plan),
    }
