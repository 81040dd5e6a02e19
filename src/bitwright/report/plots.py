"""The plots of report.html: small functions from records to SVG.

All are drawn 400 units wide, so that one drawing is readable on a telephone and beside its table on a
desk.  Colours are CSS classes of the page; every mark has a title for a resting pointer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from bitwright.report.figures import Block, Figure, described, place, share, span
from bitwright.report.numbers import count, nanoseconds, percent, plural, seconds, short, utilisation, word
from bitwright.report.oracles import PairCell, oracle_names, pair_cells
from bitwright.report.records import (
    Accuracy,
    ClassScore,
    LayerRow,
    Measurement,
    OraclePair,
    StageRun,
    Status,
)
from bitwright.report.svg import fitted, group, line, number, rect, svg, tag, text, ticks, title

WIDTH = 400.0
_VALUE = 62.0  # room for figures at the right
_ROW = 24.0
_BAR = 14.0
_ROC = (330.0, 46.0, 8.0)  # side, left, top of the square
_READABLE = 24.0  # the narrowest cell that can hold words
MAX_CURVES = 10
Segment = tuple[float, str, str]  # value, CSS class, title
Mark = tuple[float, str]  # value, title


def _room(names: Iterable[str]) -> float:
    """Width for names at the left, with a gap after them; long ones are cut."""
    return min(max((len(name) for name in names), default=0) * 6.6 + 14.0, 150.0)


def _bars(label: str, rows: Sequence[tuple[str, Sequence[Segment], str]], marks: Sequence[Mark | None] = ()) -> Markup:
    """Horizontal bars: (name, segments from the left, the words at the right end), and an upright line on some."""
    longest = max((sum(value for value, _, _ in segments) for _, segments, _ in rows), default=0.0)
    longest = max(longest, *(mark[0] for mark in marks if mark), 0.0)
    left = _room(name for name, _, _ in rows)
    scale = (WIDTH - left - _VALUE) / longest if longest else 0.0
    drawn = [
        group(*_bar_row(left, row, scale, mark), transform=f"translate(0 {number(k * _ROW)})")
        for k, (row, mark) in enumerate(itertools.zip_longest(rows, marks))
    ]
    return svg(WIDTH, max(len(rows) * _ROW, _ROW), label, *drawn)


def _bar_row(
    left: float, row: tuple[str, Sequence[Segment], str], scale: float, mark: Mark | None = None
) -> list[Markup]:
    name, segments, end = row
    base = _ROW / 2 + 4
    parts = [group(title(name), text(left - 8, base, fitted(name, left - 8), class_="end"))]
    x = left
    for value, css, words in segments:
        width = max(value * scale, 1.0) if value else 0.0
        parts.append(rect(x, (_ROW - _BAR) / 2, width, _BAR, title(words), class_=css, rx=1.5, data_v=value))
        x += width
    if mark:
        at = left + mark[0] * scale
        parts.append(group(title(mark[1]), line(at, 2, at, _ROW - 2, class_="mark")))
        x = max(x, at)
    return [*parts, text(x + 6, base, end, class_="quiet", data_end="")]


def layer_resource(metric: str, blocks: Sequence[Block]) -> Markup:
    """One resource over the layers; a layer without that figure says so in place of a bar.

    On LUT, an upright line where the estimate before synthesis lies.
    """
    marks = [_estimate(block) if metric == "LUT" else None for block in blocks]
    return _bars(f"{metric} per layer", [_layer_bar(metric, block) for block in blocks], marks)


def _estimate(block: Block) -> Mark | None:
    expected = block.estimated_lut
    if expected is None or "LUT" not in block.figures:
        return None
    return expected.value, f"{block.name}: {count(round(expected.value))} LUT estimated\n{place(expected)}"


def _layer_bar(metric: str, block: Block) -> tuple[str, Sequence[Segment], str]:
    figure = block.figures.get(metric)
    if figure is None:
        return block.name, (), "not stated"
    kinds = [block.figures[kind] for kind in ("LOGIC_LUT", "SRL", "LUTRAM") if kind in block.figures]
    parts = kinds if metric == "LUT" and kinds else [figure]
    css = {"SRL": "fill2", "LUTRAM": "fill3"}
    segments = [(f.value, css.get(f.name, "fill1"), f"{block.name}: {described(f)}\n{f.source}") for f in parts]
    return block.name, segments, count(figure.value)


def device_use(figures: Mapping[str, Figure], device: Mapping[str, Measurement]) -> Markup:
    """How much of the device the design takes, one track for each resource whose size is known."""
    rows = [(figure, part) for figure in figures.values() if (part := share(figure, dict(device))) is not None]
    drawn = [_track(k * 40.0, figure, part, device[figure.name]) for k, (figure, part) in enumerate(rows)]
    return svg(WIDTH, max(40.0 * len(rows), 1.0), "part of the device in use", *drawn)


def _track(top: float, figure: Figure, part: float, whole: Measurement) -> Markup:
    over = part > 1
    words = f"{count(figure.value)} of {count(whole.value)}"
    filled = min(max(part, 0.003 if figure.value else 0.0), 1.0) * WIDTH
    return group(
        title(f"{figure.name}: {words}\n{figure.source}; {place(whole)}"),
        text(0, top + 12, figure.name, class_="strong"),
        text(44, top + 12, words, class_="quiet"),
        text(WIDTH, top + 12, utilisation(part) + (" – does not fit" if over else ""), class_="end"),
        rect(0, top + 19, WIDTH, 8, class_="track", rx=2),
        rect(0, top + 19, filled, 8, class_="bad" if over else "fill1", rx=2),
    )


def latency_waterfall(layers: Iterable[LayerRow], clock_ns: float) -> Markup:
    """When each layer works: bars over the pipeline stages, with the time of the target clock below."""
    known = [(a.first_stage, a.last_stage, a) for a in layers]
    rows = [(first, last, layer) for first, last, layer in known if first is not None and last is not None]
    left = _room([*(layer.name for _, _, layer in rows), "stage"])
    scale = (WIDTH - left - 14) / max((last + 1 for _, last, _ in rows), default=1)
    height = 18 + _ROW * len(rows)
    names = (("stage", 11.0), ("time", height + 16))
    grid = [_stage_tick(k, left + k * scale, height, clock_ns) for k in ticks((WIDTH - left - 14) / scale)]
    words = [text(left - 14, y, name, class_="end quiet") for name, y in names]
    bars = [
        group(*_stage_bar(row, left, scale, clock_ns), transform=f"translate(0 {number(18 + k * _ROW)})")
        for k, row in enumerate(rows)
    ]
    return svg(WIDTH, height + 22, "pipeline stages of each layer", *grid, *words, *bars)


def _stage_tick(stage: float, x: float, height: float, clock_ns: float) -> Markup:
    return group(
        line(x, 18, x, height, class_="grid"),
        text(x, 11, number(stage), class_="mid quiet"),
        text(x, height + 16, nanoseconds(stage * clock_ns) if stage else "0", class_="mid quiet"),
    )


def _stage_bar(row: tuple[int, int, LayerRow], left: float, scale: float, clock_ns: float) -> tuple[Markup, ...]:
    first, last, layer = row
    long = last - first + 1
    words = f"{layer.name}: {plural(long, 'stage')} ({span(layer)}), {nanoseconds(long * clock_ns)}"
    return (
        title(words),
        text(left - 8, _ROW / 2 + 4, fitted(layer.name, left - 8), class_="end"),
        rect(left + first * scale + 0.75, (_ROW - _BAR) / 2, long * scale - 1.5, _BAR, class_="fill1", rx=1.5),
    )


def stage_times(stages: Sequence[StageRun]) -> Markup:
    """Seconds of each stage, its steps as segments; NOT RUN and FAILED are words, not lengths."""
    return _bars("time of each stage", [_stage_time(run) for run in stages])


def _stage_time(run: StageRun) -> tuple[str, Sequence[Segment], str]:
    if run.status is Status.NOT_RUN or run.seconds is None:
        return run.name, (), word(run.status) if run.status is not Status.PASSED else "not timed"
    steps = list(run.detail.items())
    known = sum(value for _, value in steps)
    if known > run.seconds * 1.001:  # steps that ran side by side do not add up to the time that passed
        steps, known = [], 0.0
    parts = [*steps, (run.name if not steps else "rest", max(run.seconds - known, 0.0))]
    css = ("fill1", "fill2", "fill3")
    segments = [(v, css[k % 3], f"{run.name}, {name}: {seconds(v)}") for k, (name, v) in enumerate(parts)]
    end = seconds(run.seconds) + ("" if run.status is Status.PASSED else f" {word(run.status)}")
    return run.name, segments, end


def pair_matrix(pairs: Sequence[OraclePair]) -> Markup:
    """Every two oracles: output bits that agree, FAILED, NOT RUN, or a dot where nothing was compared."""
    names = oracle_names(pairs)
    cells = {frozenset((cell.left, cell.right)): cell for cell in pair_cells(pairs)}
    left = _room(names)
    width = (WIDTH - left) / max(len(names) - 1, 1)
    height = min(width, 44.0)
    drawn = [
        group(
            *_matrix_cell(width, height, cells.get(frozenset((names[r + 1], names[c])))),
            transform=f"translate({number(left + c * width)} {number(r * height)})",
        )
        for r in range(len(names) - 1)
        for c in range(r + 1)
    ]
    foot = (len(names) - 1) * height
    beside = [
        (n, text(left - 8, (r + 0.5) * height + 4, fitted(n, left - 8), class_="end")) for r, n in enumerate(names[1:])
    ]
    below = [
        (n, text(left + (c + 0.5) * width, foot + 15, fitted(n, width), class_="mid")) for c, n in enumerate(names[:-1])
    ]
    words = [group(title(name), drawing) for name, drawing in (*beside, *below)]
    return svg(WIDTH, foot + 22, "bits that agree, by oracle pair", *drawn, *words)


def _matrix_cell(width: float, height: float, cell: PairCell | None) -> tuple[Markup, ...]:
    base = height / 2 + 4
    if cell is None:
        return (text(width / 2, base, "·", class_="mid quiet"),)
    css = {Status.PASSED: "good", Status.FAILED: "bad", Status.NOT_RUN: "idle"}[cell.status]
    words = short(cell.bits) if cell.status is Status.PASSED else word(cell.status)
    partly = cell.tally.not_run > 0 and cell.status is not Status.NOT_RUN
    about = f"{cell.left} = {cell.right}: {cell.tally}; {count(cell.bits)} bits agree. {cell.reason}"
    return (
        title(about.strip()),
        rect(1.5, 1.5, width - 3, height - 3, class_=f"cell {css}", rx=3),
        text(width / 2, base, fitted(words + ("*" if partly else ""), width, 10.0), class_=f"mid on-{css}"),
    )


def confusion_matrix(accuracy: Accuracy) -> Markup:
    """Rows of the true class, shaded by their share of it; counts as titles, shares where there is room."""
    names = [score.name for score in accuracy.classes]
    left, top = 64.0, 18.0
    width = (WIDTH - left) / max(len(names), 1)
    height = min(width, 46.0)
    drawn = [
        group(
            *_confusion_cell((names[r], names[c]), row, c, (width, height)),
            transform=f"translate({number(left + c * width)} {number(top + r * height)})",
        )
        for r, row in enumerate(accuracy.confusion)
        for c in range(len(row))
    ]
    heads = enumerate(names) if width >= _READABLE else ()
    across = [text(left + (c + 0.5) * width, 11, fitted(n, width), class_="mid") for c, n in heads]
    down = [
        text(left - 8, top + (r + 0.5) * height + 4, fitted(n, left - 8), class_="end") for r, n in enumerate(names)
    ]
    corner = text(0, 11, "true \\ pred.", class_="quiet")
    ground = rect(left + 1, top + 1, WIDTH - left - 2, height * len(names) - 2, class_="track")
    return svg(WIDTH, top + height * len(names), "confusion matrix", corner, *across, *down, ground, *drawn)


def _confusion_cell(
    names: tuple[str, str], row: tuple[int, ...], column: int, size: tuple[float, float]
) -> tuple[Markup, ...]:
    width, height = size
    part = row[column] / sum(row) if sum(row) else 0.0
    words = f"true {names[0]}, predicted {names[1]}: {row[column]:,} rows, {percent(part)} of {names[0]}"
    shade = rect(1, 1, width - 2, height - 2, title(words), class_="fill1", opacity=round(part, 2))
    css = "mid on-fill" if part > 0.8 else "mid on-half" if part > 0.5 else "mid"
    label = text(width / 2, height / 2 + 4, f"{100 * part:.0f}", class_=css)
    return (shade, *([label] if width >= _READABLE else []))


def roc_curves(scores: Sequence[ClassScore]) -> Markup:
    """True against false positive rate, one curve per class, with the diagonal of guessing."""
    side, left, top = _ROC
    shown = scores[:MAX_CURVES]
    drawn = [mark for k, score in enumerate(shown) for mark in _curve(k, len(shown), score)]
    grid = [mark for value in (0.0, 0.25, 0.5, 0.75, 1.0) for mark in _roc_ticks(value)]
    names = [
        text(left + side / 2, top + side + 34, "false positive rate", class_="mid quiet"),
        text(
            12,
            top + side / 2,
            "true positive rate",
            class_="mid quiet",
            transform=f"rotate(-90 12 {number(top + side / 2)})",
        ),
    ]
    guess = line(left, top + side, left + side, top, class_="guess")
    return svg(WIDTH, top + side + 40, "ROC of each class against the rest", *grid, *names, guess, *drawn)


def _roc_ticks(value: float) -> tuple[Markup, ...]:
    side, left, top = _ROC
    x, y = left + value * side, top + (1 - value) * side
    return (
        line(x, top, x, top + side, class_="grid"),
        line(left, y, left + side, y, class_="grid"),
        text(x, top + side + 17, number(value), class_="mid quiet"),
        text(left - 7, y + 4, number(value), class_="end quiet"),
    )


def _curve(index: int, shown: int, score: ClassScore) -> tuple[Markup, ...]:
    if not score.roc:
        return ()
    side, left, top = _ROC
    points = " ".join(f"{number(left + x * side)},{number(top + (1 - y) * side)}" for x, y in score.roc)
    words = f"{score.name}: AUC {score.auc:.4f}" if score.auc is not None else score.name
    at = top + side - 12 - 17 * (shown - 1 - index)
    key = group(
        line(left + side * 0.62, at - 4, left + side * 0.62 + 22, at - 4, class_=f"curve c{index}"),
        text(left + side * 0.62 + 30, at, fitted(words, side * 0.38 - 30)),
        data_toggles=f".c{index}",
    )
    plane = f"{number(left)}|{number(top + side)}|{number(side)}|false positive|true positive"
    return (tag("polyline", title(words), points=points, class_=f"curve c{index}", data_plane=plane), key)


def at_rates(score: ClassScore, rates: Sequence[float]) -> tuple[float | None, ...]:
    """The true positive rate at given false positive rates, by straight lines between the ROC's points."""
    return tuple(_between(score.roc, rate) if score.roc else None for rate in rates)


def _between(roc: Sequence[tuple[float, float]], rate: float) -> float:
    """The highest point of the curve at ``rate``."""
    best = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(roc):
        if x0 <= rate <= x1:
            best = max(best, y1 if x1 == x0 else y0 + (y1 - y0) * (rate - x0) / (x1 - x0))
    return best
