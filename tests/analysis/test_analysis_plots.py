"""Plots: both files show the same marks."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import networks
import numpy as np
from PIL import Image

from bitwright.analysis.analyse import Data, analyse
from bitwright.analysis.drawing import COLOURS, SCALE, Box, Drawing, Line, Words, to_png, to_svg
from bitwright.analysis.plots import drawings, write_plots
from bitwright.analysis.records import Analysis, DataRow
from bitwright.network.vectors import input_formats, random_rows

SVG = "{http://www.w3.org/2000/svg}"


def analysis(name: str = "mlp") -> Analysis:
    network = next(network for network in networks.every_kind() if network.name == name)
    x = random_rows(input_formats(network), 30, np.random.default_rng(2))
    return analyse(network, Data(x, DataRow(source="test", rows=30, random=True)))


def test_every_plot_is_written_twice(tmp_path: Path) -> None:
    found = analysis()
    written = write_plots(found, tmp_path)
    names = {"bitops", "memory", "precision", "weights", "activations"}
    assert {path.name for path in written} == {f"{n}.{e}" for n in names for e in ("svg", "png")}
    for name, drawing in drawings(found).items():
        root = ET.fromstring((tmp_path / f"{name}.svg").read_text(encoding="utf-8"))
        assert root.attrib["viewBox"].split()[2:] == [f"{drawing.width:g}", f"{drawing.height:g}"]
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.size == (round(drawing.width * SCALE), round(drawing.height * SCALE))
    before = {path: path.read_bytes() for path in written}
    write_plots(analysis(), tmp_path)
    assert {path: path.read_bytes() for path in written} == before


def test_bars_are_as_long_as_their_figures() -> None:
    found = analysis()
    boxes = [mark for mark in drawings(found)["bitops"].marks if isinstance(mark, Box) and ", " in mark.title]
    shown = [row for row in found.layers if row.work.bitops]
    parts = [(w.product_bitops, w.bias_bitops, w.other_bitops) for w in (row.work for row in shown)]
    figures = [figure for row in parts for figure in row]
    longest = max(sum(row) for row in parts)
    lengths = np.array([box.width for box in boxes])
    assert np.allclose(lengths / lengths.reshape(-1, 3).sum(axis=1).max(), np.array(figures) / longest)
    assert [box.title.rpartition(": ")[2] for box in boxes] == [f"{figure:,}" for figure in figures]


def test_histograms_are_as_tall_as_their_counts() -> None:
    found = analysis()
    titles = [mark.title for mark in drawings(found)["activations"].marks if isinstance(mark, Box)]
    counts = [count for row in found.layers for count in row.statistics[-1].histogram.counts]
    assert [int(title.rpartition(": ")[2].replace(",", "")) for title in titles] == counts


def test_a_network_without_weights_has_no_plot_of_them() -> None:
    assert "weights" not in drawings(analysis("casts"))


def test_pixels_and_elements_agree() -> None:
    drawing = Drawing(
        40, 30, "a < b", (Box(5, 5, 10, 10, "fill1", "here & there"), Line(0, 25, 40, 25, "ink"), Words(20, 20, "<w>"))
    )
    image = Image.open(io.BytesIO(to_png(drawing)))
    inside, outside = image.getpixel((10 * SCALE, 10 * SCALE)), image.getpixel((30 * SCALE, 3 * SCALE))
    assert [f"#{bytes(p).hex()}" for p in (inside, outside)] == [COLOURS["fill1"], COLOURS["paper"]]  # type: ignore[arg-type]
    assert image.getpixel((15 * SCALE, 10 * SCALE)) == outside, "a box ends where its width ends"
    root = ET.fromstring(to_svg(drawing))
    assert [e.attrib["fill"] for e in root.iter(f"{SVG}rect")] == [COLOURS["paper"], COLOURS["fill1"]]
    assert [e.text for e in root.iter(f"{SVG}title")] == ["here & there"]
    assert [e.text for e in root.iter(f"{SVG}text")] == ["<w>"]
