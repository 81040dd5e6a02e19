"""The plots of an analysis: BitOPs and memory by layer, bits of formats against bits in use, histograms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bitwright.analysis.drawing import Box, Drawing, Line, Mark, Words, to_png, to_svg
from bitwright.analysis.records import Analysis, LayerRow, Statistics
from bitwright.files import whole_file, write_text
from bitwright.report.numbers import count, short
from bitwright.report.svg import fitted

WIDTH = 640.0
LEFT = 170.0
ROW = 22.0
BAR = 14.0
TOP = 46.0
ROOM = 110.0
"""For figures at the right."""
PANEL = (310.0, 150.0)
"""Width and height of one histogram."""
MOST = 60
"""Histograms in one picture."""
Segment = tuple[float, str, str]  # value, colour, name


def drawings(analysis: Analysis) -> dict[str, Drawing]:
    """Each plot by the name of its file; those without anything to show are left out."""
    made = {
        "bitops": _stacked("bit operations of one inference", [(row.name, _bitops(row)) for row in analysis.layers]),
        "memory": _stacked("bits of memory", [(row.name, _memory(row)) for row in analysis.layers]),
        "precision": _stacked("bits of results: needed on the data or by proof, and spare",
                              [(row.name, _bits(row)) for row in analysis.layers]),
        "weights": _histograms("weights", analysis.layers, result=False),
        "activations": _histograms("activations", analysis.layers, result=True),
    }  # fmt: skip
    return {name: drawing for name, drawing in made.items() if drawing is not None}


def write_plots(analysis: Analysis, folder: Path) -> tuple[Path, ...]:
    """Write each plot as SVG and PNG into ``folder``; the paths."""
    written = []
    for name, drawing in drawings(analysis).items():
        write_text(folder / f"{name}.svg", to_svg(drawing))
        with whole_file(folder / f"{name}.png") as part:
            part.write_bytes(to_png(drawing))
        written += [folder / f"{name}.svg", folder / f"{name}.png"]
    return tuple(written)


def _bitops(row: LayerRow) -> tuple[Segment, ...]:
    work = row.work
    parts = ((work.product_bitops, "fill1", "products"), (work.bias_bitops, "fill3", "bias"))
    return (*parts, (work.other_bitops, "fill2", "other"))


def _memory(row: LayerRow) -> tuple[Segment, ...]:
    kept = row.memory
    parts = ((kept.weight_bits, "fill1", "weights"), (kept.table_bits, "fill3", "tables"))
    return (*parts, (kept.activation_bits, "fill2", "results"))


def _bits(row: LayerRow) -> tuple[Segment, ...]:
    held = row.precision
    used = min(held.proved_bits if held.used_bits is None else held.used_bits, held.width)
    return ((used, "fill1", "needed"), (held.width - used, "fill2", "spare"))


def _stacked(title: str, rows: Sequence[tuple[str, tuple[Segment, ...]]]) -> Drawing | None:
    """A bar for each layer that has something, its parts side by side; a key above."""
    shown = [(name, parts) for name, parts in rows if any(value for value, _, _ in parts)]
    if not shown:
        return None
    scale = (WIDTH - LEFT - ROOM) / max(sum(value for value, _, _ in parts) for _, parts in shown)
    marks: list[Mark] = [Words(8, 17, title), *_key(shown[0][1])]
    for k, (name, parts) in enumerate(shown):
        marks += _bar(name, parts, TOP + k * ROW, scale)
    return Drawing(WIDTH, TOP + len(shown) * ROW + 8, title, tuple(marks))


def _key(parts: Sequence[Segment]) -> Iterator[Mark]:
    for k, (_, colour, name) in enumerate(parts):
        yield Box(LEFT + 110 * k, 26, 10, 10, colour)
        yield Words(LEFT + 110 * k + 15, 35, name, "quiet")


def _bar(name: str, parts: Sequence[Segment], top: float, scale: float) -> Iterator[Mark]:
    yield Words(LEFT - 8, top + BAR - 2, fitted(name, LEFT - 16), anchor="end")
    x = LEFT
    for value, colour, what in parts:
        yield Box(x, top, value * scale, BAR, colour, f"{name}, {what}: {count(value)}")
        x += value * scale
    yield Words(x + 6, top + BAR - 2, short(sum(value for value, _, _ in parts)), "quiet")


def _histograms(title: str, layers: Sequence[LayerRow], *, result: bool) -> Drawing | None:
    """A panel for each tensor, two in a row."""
    tensors = [(row.name, t) for row in layers for t in row.statistics if (t.tensor == "result") is result][:MOST]
    if not tensors:
        return None
    marks: list[Mark] = [Words(8, 17, title)]
    for k, (name, tensor) in enumerate(tensors):
        marks += _panel(name, tensor, 8 + (k % 2) * (PANEL[0] + 8), 28 + (k // 2) * PANEL[1])
    return Drawing(WIDTH, 28 + -(-len(tensors) // 2) * PANEL[1] + 8, title, tuple(marks))


def _panel(name: str, tensor: Statistics, left: float, top: float) -> Iterator[Mark]:
    bins, width, height = tensor.histogram, PANEL[0] - 14, PANEL[1] - 52
    words = name if tensor.tensor == "result" else f"{name}, {tensor.tensor}"
    yield Words(left, top + 12, fitted(words, width))
    base, most, each = top + 20 + height, max(bins.counts), width / len(bins.counts)
    for k, number in enumerate(bins.counts):
        tall = height * number / most
        low = bins.start + k * bins.bin_width
        yield Box(left + k * each, base - tall, max(each - 0.5, 0.5), tall, "fill1", f"{low:.6g}: {count(number)}")
    yield Line(left, base, left + width, base, "quiet")
    yield Words(left, base + 14, f"{tensor.minimum:.4g}", "quiet")
    yield Words(left + width, base + 14, f"{tensor.maximum:.4g}", "quiet", "end")
    middle = f"mean {tensor.mean:.3g}, std {tensor.variance**0.5:.3g}, zero {100 * tensor.zero_share:.3g} %"
    yield Words(left + width / 2, base + 14, middle, "quiet", "middle")
