"""The dashboard: whole files, no network, every word from outside escaped, no datum lost."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bitwright.config.published import PublishedPoint, load_published
from bitwright.errors import ConfigError
from bitwright.report.track.dashboard import family, page_names, render_dashboard
from bitwright.report.track.headline import BY_NAME
from bitwright.report.track.history import Row, make_row
from bitwright.report.track.trends import Point, front, pareto, stage_trend, trend

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import browser

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert('x')</script>&\"</style>"
VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}


class Page(HTMLParser):
    """Tags, attributes and text; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def run(model: str = "jet3", day: int = 1, **more: object) -> Row:
    fields: dict[str, object] = {
        "at": f"2026-11-{day:02}T10:00:00.000000Z", "exit_code": 0, "clock_ns": 5.0, "synthetic": True, "model": model,
        "target": "vu13p_5ns", "status": "PASSED", "commit_id": f"c{day}", "ran": "import report",
        "dataset": "MNIST (generated), test, 300 rows", "area_from": "POST_SYNTH, yosys",
        "figures": {"lut": 1000.0 + day, "ff": 10.0, "latency_cycles": 7.0, "accuracy": 0.9, "seconds": 9.0},
        "stages": {"import": 4.0, "synth": 5.0}, "tools": {"yosys": "0.70"},
    }  # fmt: skip
    return make_row(**(fields | more))  # type: ignore[arg-type]


POINTS = (PublishedPoint(method="DWN", dataset="MNIST", accuracy=0.978, lut=2055, source="a paper"),)


def site(*rows: Row, models: tuple[str, ...] = (), points: tuple[PublishedPoint, ...] = POINTS) -> dict[str, str]:
    return render_dashboard(rows, models, points, "2026-11-20 10:00 UTC")


def test_pages_are_whole_and_stand_alone() -> None:
    pages = site(run(), run(day=2), run("mnist", day=5), models=("jet3", "never_ran"))
    assert sorted(pages) == ["index.html", "model-jet3.html", "model-mnist.html"]
    for text in pages.values():
        page = Page(text)
        assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}], "one, of our own, in the page"
        assert {tag for tag, _ in page.tags}.isdisjoint({"link", "img", "iframe", "object"})
        assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
        links = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
        assert all(link.startswith("#") or link in pages for link in links)
        assert 'name="viewport"' in text
        assert "prefers-color-scheme: dark" in text
    front_page = Page(pages["index.html"]).said
    assert "never_ran NOT RUN" in front_page
    assert "1,002" in front_page
    assert "1,001" not in front_page, "the last run counts"
    assert "90.00 % (synthetic)" in front_page


def test_all_words_from_outside_are_escaped() -> None:
    evil = run(EVIL, target=EVIL, status=EVIL, error=EVIL, commit_id=EVIL, dataset=EVIL, area_from=EVIL,
               tools={EVIL: EVIL}, stages={EVIL: 1.0})  # fmt: skip
    later = run(EVIL, 2, target=EVIL, tools={EVIL: "other"}, dataset=EVIL)
    points = (PublishedPoint(method=EVIL, dataset=EVIL, accuracy=0.5, lut=10, source=EVIL),)
    for text in site(evil, later, models=(EVIL + "2",), points=points).values():
        page = Page(text)
        assert [tag for tag, _ in page.tags].count("script") == 1
        assert text.count("<script") == 1
        assert "alert" in page.said
        assert text.count("</style>") == 1


def test_its_tables_and_legends_answer_too(tmp_path: Path) -> None:
    pages = site(run("b", day=1), run("a", day=2))
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    with browser(tmp_path) as page:
        page.open(tmp_path / "index.html")
        names = "[...document.querySelectorAll('#models tbody tr')].map(row => row.cells[0].textContent)"
        assert page.js(names) == ["a", "b"]
        for wanted in (["a", "b"], ["b", "a"]):  # by name, up and down
            page.click("#models th .sort", 0)
            assert page.js(names) == wanted
        shown = "getComputedStyle(document.querySelector('svg .published')).display"
        page.click("[data-toggles='.published']")
        assert page.js(shown) == "none"
        page.click("[data-toggles='.published']")
        assert page.js(shown) != "none"
        page.click("#models a")
        page.wait("document.title.startsWith('b:')")
        page.hover("svg [data-tip]")
        assert page.js("document.querySelector('.tip:not([hidden])').textContent.length") > 3
        assert page.problems == []
        assert page.requests == {}


def test_a_frequency_is_never_shown_without_its_slack() -> None:
    figures = {"lut": 1.0, "fmax_mhz": 96.5, "wns_ns": -0.363}
    (page,) = (text for name, text in site(run(figures=figures)).items() if name != "index.html")
    assert "96.5 MHz, WNS -0.363 ns;" in page
    del figures["wns_ns"]
    (page,) = (text for name, text in site(run(figures=figures)).items() if name != "index.html")
    assert "96.5 MHz, slack not stated;" in page


def test_trends_show_every_run_and_what_changed() -> None:
    rows = [run(day=1), run(day=2, tools={"yosys": "0.71"}), run(day=3, figures={}, status="FAILED", error="it broke"),
            run(day=4, ran="", commit_id="nothing done")]  # fmt: skip
    text = site(*rows)["model-jet3.html"]
    page = Page(text)
    dots = [attrs for tag, attrs in page.tags if tag == "circle"]
    assert len(dots) == 4 * 2, "LUT, FF, latency and accuracy of two runs"
    for words in ("LUT 1,001; 2026-11-01 10:00, c1", "yosys 0.70 -> 0.71", "it broke", "latency", "Stage times"):
        assert words in page.said
    assert "synth: 5.0 s" in page.said


def test_a_failed_run_shows_no_figures_of_an_earlier_one() -> None:
    found = Page(
        site(run(day=1), run(day=2, figures={}, status="FAILED", exit_code=5, error="no"), points=())["index.html"]
    )
    assert "FAILED" in found.said
    assert "1,001" not in found.said


def test_each_data_set_has_a_drawing_of_its_own() -> None:
    page = Page(site(run(), run("jets", dataset="jets, test, 10 rows", synthetic=False))["index.html"])
    assert [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"] == ["accuracy against LUT"] * 2
    assert [attrs["class"] for tag, attrs in page.tags if tag == "path"] == ["published"]
    marks = [attrs["class"] for tag, attrs in page.tags if tag == "circle"]
    assert sorted(marks) == ["ours", "ours synthetic"]
    assert family("MNIST (generated), test, 300 rows") == "MNIST"


def test_a_partial_area_is_in_no_drawing() -> None:
    text = site(run(area_from="POST_SYNTH, yosys, without carry cells"), points=())["index.html"]
    assert "1,001 + carry cells" in Page(text).said
    assert "accuracy against LUT" not in [attrs.get("aria-label") for _, attrs in Page(text).tags]


def test_an_empty_history_has_a_front_page() -> None:
    pages = site(points=())
    assert sorted(pages) == ["index.html"]
    assert "NOT RUN" in Page(pages["index.html"]).said


def test_pages_of_like_names_do_not_collide() -> None:
    names = page_names(["a/b", "a.b", "A_b", "../../etc", "index"])
    assert len({page.lower() for page in names.values()}) == 5
    assert all(re.fullmatch(r"model-\w+(-\d+)?\.html", page) for page in names.values())


# --- drawings ----------------------------------------------------------------------------------


def test_the_front_is_what_nothing_beats() -> None:
    points = [Point(name, lut, share, "", ours=False) for name, lut, share in
              (("a", 10, 0.5), ("b", 20, 0.4), ("c", 20, 0.7), ("d", 30, 0.7), ("e", 40, 0.9))]  # fmt: skip
    assert [point.name for point in front(points)] == ["a", "c", "e"]


def test_a_larger_figure_is_drawn_higher_and_a_gap_stays_a_gap() -> None:
    page = Page(str(trend(BY_NAME["lut"], [(10.0, "x"), None, (20.0, "y"), (30.0, "z")], [], ["a", "b", "c", "d"])))
    heights = [float(str(attrs["cy"])) for tag, attrs in page.tags if tag == "circle"]
    assert heights == sorted(heights, reverse=True)
    assert len(heights) == 3
    assert len([tag for tag, _ in page.tags if tag == "polyline"]) == 1


def test_drawings_of_little() -> None:
    for drawing in (
        trend(BY_NAME["lut"], [(0.0, "x")], [], ["a"]),
        trend(BY_NAME["accuracy"], [(1.0, "x"), (1.0, "y")], [], ["a", "b"]),
        trend(BY_NAME["wns_ns"], [(-0.2, "x"), (0.1, "y")], [(1, "moved")], ["a", "b"]),
        stage_trend([{}], [""]),
        pareto([]),
        pareto([Point("a", 0, 0.5, "", ours=True), Point("b", 1, 0.5, "", ours=True)]),
    ):
        text = str(drawing)
        assert Page(text).tags[0][0] == "svg"
        assert "nan" not in text
        assert "inf" not in text


# --- published points --------------------------------------------------------------------------


def test_the_published_table_has_the_points_of_the_field() -> None:
    points = load_published(ROOT / "reports" / "published.yaml").points
    jets = {point.method: (point.accuracy, point.lut, point.latency_ns) for point in points if point.dataset != "MNIST"}
    assert jets["hls4ml"] == (0.76, 63_251, 45)
    assert jets["NeuraLUT-Assemble"] == (0.76, 1_780, 2.1)
    assert len(points) == 9
    assert all(point.source for point in points)


def test_a_wrong_point_names_its_line(tmp_path: Path) -> None:
    assert load_published(tmp_path / "none.yaml").points == ()
    path = tmp_path / "published.yaml"
    path.write_text("points:\n  - {method: a, dataset: b, accuracy: 0.5, luts: 3, source: c}\n")
    with pytest.raises(ConfigError, match="luts") as caught:
        load_published(path)
    assert "did you mean 'lut'?" in caught.value.hint
    assert caught.value.where == f"{path}:2"
