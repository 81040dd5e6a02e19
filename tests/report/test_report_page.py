"""report.html in a browser: pointed at, clicked, tapped, zoomed, sorted, printed; offline, in light and dark."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_samples import figure, layers, sample
from test_report_render import evil

from bitwright.report.records import FigureStage, Report, ResultDigest, Warning_
from bitwright.report.render_html import render_html
from bitwright.report.render_md import render_md
from bitwright.report.warning_groups import grouped
from bitwright.report.write import write_report

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import Page, browser

NOISE = tuple(
    Warning_(source="Yosys", message=f"src/jet3_fc{k}.sv:{10 + k}: Warning: wire '\\x{k}' is used but has no driver.")
    for k in range(7)
)  # fmt: skip


def rich() -> Report:
    """A run with something for every part of the page."""
    estimates = [figure("ESTIMATED_LUT", 500.0 * k + 90, f"jet3_{r.name}", stage=FigureStage.BUNDLE, tool="bitwright")
                 for k, r in enumerate(layers())]  # fmt: skip
    routed = [
        figure(metric, value, "jet3_harness", unit=unit, stage=FigureStage.POST_ROUTE, tool="nextpnr-ecp5")
        for metric, value, unit in (("LUT", 15_000, "count"), ("FMAX_MHZ", 96.5, "MHz"), ("WNS_NS", -0.363, "ns"))
    ]
    return sample(
        measurements=(*sample().measurements, *estimates, *routed),
        warnings=(*sample().warnings, *NOISE),
        results=(ResultDigest(name="bundle", sha256="ab" * 32),),
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(rich(), tmp_path_factory.mktemp("report"))[2]


@pytest.fixture
def opened(page: Page, file: Path) -> Page:
    page.open(file)
    page.problems.clear()
    return page


TIP = "document.querySelector('.tip:not([hidden])')?.textContent ?? ''"


def column(page: Page, table: str, number: int) -> list[str]:
    rows = f"[...document.querySelectorAll('{table} tbody tr')].map(row => row.cells[{number}].textContent)"
    return page.js(rows)


def in_figure(words: str, selector: str) -> str:
    """An expression: what a selector finds in the figure that is headed so."""
    head = f"[...document.querySelectorAll('figure')].find(f => f.querySelector('h3')?.textContent === '{words}')"
    return f"[...{head}.querySelectorAll('{selector}')]"


# without a browser


def test_the_policy_lets_only_this_script_run() -> None:
    page = render_html(evil())
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    assert page.count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert f"script-src 'sha256-{digest}';" in policy[1]
    assert page.index(policy[0]) < page.index("<style") < page.index("<script")


def test_warnings_that_say_the_same_stand_together() -> None:
    groups = grouped((*NOISE, *NOISE[:1], Warning_(source="Yosys", message="another thing"), NOISE[1]))
    assert [(group.source, len(group.messages)) for group in groups] == [("Yosys", 9), ("Yosys", 1)]
    assert groups[0].title == "wire … is used but has no driver."
    assert groups[1].title == "another thing"
    assert grouped((NOISE[0],))[0].title == NOISE[0].message
    other = NOISE[0].model_copy(update={"source": "Vivado"})
    assert len(grouped((NOISE[0], other))) == 2
    assert "- **7 ×** Yosys: wire … is used but has no driver." in render_md(rich())


def test_a_frequency_has_its_slack_beside_it() -> None:
    assert render_html(rich()).count("96.5 (WNS -0.363 ns)") == 2, "by stage, and among all measurements"
    assert not re.search(r">96\.5<", render_html(rich()))
    assert ">NOT met<" in render_html(rich())
    alone = [m for m in rich().measurements if m.metric != "WNS_NS"]
    assert "96.5 (WNS not stated)" in render_html(rich().model_copy(update={"measurements": tuple(alone)}))


def test_the_signature_of_the_bundle_is_shown() -> None:
    assert render_html(rich()).count("ab" * 32) == 2


# values


def test_a_pointer_shows_the_value_of_a_bar(opened: Page) -> None:
    bar = "figure svg rect.fill1[data-tip*='LOGIC_LUT']"
    opened.hover(bar, 1)
    assert opened.js(TIP) == "fc1: 6,055 LOGIC_LUT\nsynth/stat.json:12"
    opened.mouse("mouseMoved", 2, 2)
    assert opened.js(TIP) == ""
    assert opened.js("document.querySelectorAll('svg title').length") == 0
    assert opened.problems == []


def test_a_curve_tells_its_nearest_point(opened: Page) -> None:
    opened.place("polyline.broad")
    at = opened.js(
        "(() => { const c = document.querySelectorAll('polyline.broad')[4];"
        " const p = c.points[Math.floor(c.points.length / 4)];"
        " const q = new DOMPoint(p.x, p.y).matrixTransform(c.getScreenCTM()); return [q.x, q.y]; })()"
    )
    opened.mouse("mouseMoved", *at)
    assert re.fullmatch(r"z: AUC 0\.\d+\nfalse positive [\d.]+ %\ntrue positive [\d.]+ %", opened.js(TIP))


def test_a_finger_shows_it_too(page: Page, file: Path) -> None:
    page.open(file, width=390, height=800, touch=True)
    page.tap("figure svg rect.fill1[data-tip*='LOGIC_LUT']", 1)
    page.wait("document.querySelector('.tip:not([hidden])') !== null")
    assert page.js(TIP).startswith("fc1: 6,055 LOGIC_LUT")
    box = page.js("(b => [b.left, b.right])(document.querySelector('.tip').getBoundingClientRect())")
    assert box[0] >= 0
    assert box[1] <= 390


def test_keys_walk_over_the_marks(opened: Page) -> None:
    svg = "svg[aria-label='LUT per layer']"
    opened.place(svg)
    opened.js(f'document.querySelector("{svg}").focus({{preventScroll: true}})')
    opened.press("ArrowRight")
    first = opened.js(TIP)
    opened.press("ArrowRight")
    assert first
    assert opened.js(TIP) not in ("", first)
    opened.press("Escape")
    assert opened.js(TIP) == ""


# legends


def test_a_legend_hides_a_kind_and_the_rest_closes_up(opened: Page) -> None:
    ends = in_figure("LUT", "text[data-end]") + ".map(e => e.textContent)"
    before = opened.js(ends)
    assert before[1] == "6,210"
    opened.click("[data-toggles='.fill1']")
    assert opened.js(ends)[1] == "155"
    shown = in_figure("LUT", "rect.fill1") + ".map(e => getComputedStyle(e).display)"
    assert set(opened.js(shown)) == {"none"}
    starts = "new Set(" + in_figure("LUT", "rect.fill2") + ".map(e => e.getAttribute('x'))).size"
    assert opened.js(starts) == 1
    opened.click("[data-toggles='.fill1']")
    assert opened.js(ends) == before
    assert opened.problems == []


def test_the_keys_of_the_curves_hide_them(opened: Page) -> None:
    hidden = "document.querySelectorAll('polyline.c1.off').length"
    opened.click("[data-toggles='.c1'] text")
    assert opened.js(hidden) == 2
    opened.js("document.querySelector('[data-toggles=\".c1\"]').focus()")
    opened.press("Enter")
    assert opened.js(hidden) == 0


# zoom


def test_a_part_of_a_plot_is_drawn_large(opened: Page) -> None:
    svg = "svg[aria-label^=ROC]"
    view = f"document.querySelector('{svg}').getAttribute('viewBox')"
    size = f"document.querySelector('{svg}').getBoundingClientRect().height"
    text = f"document.querySelector('{svg} text').getBoundingClientRect().height"
    x, y = opened.place(svg)
    whole, height, words = opened.js(view), opened.js(size), opened.js(text)
    opened.drag((x - 100, y - 100), (x - 40, y - 40))
    found = [float(part) for part in opened.js(view).split()]
    assert found[2] < 0.5 * float(whole.split()[2])
    assert opened.js(size) == pytest.approx(height, abs=1)
    assert opened.js(text) == pytest.approx(words, rel=0.1)
    opened.click(f"{svg} + .back")
    assert opened.js(view) == whole
    opened.drag((x - 100, y - 100), (x - 40, y - 40))
    assert opened.js(view) != whole
    opened.click(svg, times=2)
    assert opened.js(view) == whole
    opened.press("+")
    assert opened.js(view) != whole
    opened.press("0")
    assert opened.js(view) == whole
    assert opened.js(f"document.querySelector('{svg} + .back').hidden")


# tables


def test_tables_sort_by_their_heads(opened: Page) -> None:
    table = "#latency > .scroll table"
    names = column(opened, table, 0)
    assert names == [row.name for row in layers()]
    opened.click(f"{table} th .sort", 4)
    found = column(opened, table, 4)
    assert [int(text.replace(",", "")) for text in found] == sorted(row.parameters for row in layers())
    opened.click(f"{table} th .sort", 4)
    found = column(opened, table, 4)
    assert [int(text.replace(",", "")) for text in found] == sorted((r.parameters for r in layers()), reverse=True)
    assert opened.js(f"document.querySelectorAll('{table} th')[4].getAttribute('aria-sort')") == "descending"
    opened.click(f"{table} th .sort", 4)
    assert column(opened, table, 0) == names


def test_times_sort_by_their_length_and_what_is_missing_comes_last(opened: Page) -> None:
    table = "#stages table"
    for direction in (1, -1):
        opened.click(f"{table} th .sort", 2)
        names = column(opened, table, 0)
        timed = [row for row in sample().stages if row.seconds is not None]
        wanted = sorted(timed, key=lambda row: direction * (row.seconds or 0))
        assert names == [*(row.name for row in wanted), "route"]


def test_totals_stay_below_the_layers(opened: Page) -> None:
    table = "#resources > .scroll:last-child table"
    opened.click(f"{table} th .sort", 3)
    assert column(opened, table, 0)[-2:] == ["whole kernel", "whole shell"]


def test_measurements_are_found_by_words(opened: Page) -> None:
    opened.js("document.querySelector('details:has(table[data-filter])').open = true")
    opened.js("document.querySelector('.filter').focus()")
    opened.call("Input.insertText", text="fc2 srl")
    shown = "[...document.querySelectorAll('table[data-filter] tbody tr')].filter(row => !row.hidden)"
    assert opened.js(f"{shown}.length") == 1
    assert "110" in opened.js(f"{shown}[0].textContent")


def test_a_group_of_warnings_opens(opened: Page) -> None:
    assert opened.js("document.querySelector('#warnings p').textContent") == "8 warnings in 2 groups"
    assert not opened.js("document.querySelector('#warnings li li').checkVisibility()")
    opened.click("#warnings summary")
    assert opened.js("document.querySelectorAll('#warnings li li').length") == 7
    assert opened.js("document.querySelector('#warnings li li').checkVisibility()")


# everywhere


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_and_can_be_read(page: Page, file: Path, width: int, dark: bool) -> None:
    page.open(file, width=width, dark=dark)
    assert page.js("document.documentElement.scrollWidth") <= width
    ink, paper = page.js("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    assert contrast(ink, paper) > 7
    faint = page.js("getComputedStyle(document.querySelector('figcaption')).color")
    assert contrast(faint, paper) > 4.5
    assert (luminance(paper) < 0.2) == dark


def contrast(one: str, other: str) -> float:
    """Of two colours (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_it_prints(opened: Page) -> None:
    pdf = opened.pdf()
    assert pdf.startswith(b"%PDF")
    opened.call("Emulation.setEmulatedMedia", media="print")
    for hidden in ("nav", "section > details", ".tip"):
        assert opened.js(f"getComputedStyle(document.querySelector('{hidden}')).display") == "none"
    assert opened.js("getComputedStyle(document.querySelector('table')).display") == "table"


def test_nothing_from_outside_runs_and_nothing_is_fetched(page: Page, tmp_path: Path) -> None:
    file = write_report(evil(), tmp_path)[2]
    page.open(file)
    page.problems.clear()
    page.js("window.alert = () => { window.broken = true; }")
    page.hover("figure svg [data-tip]")
    assert page.js("window.broken === undefined && document.images.length === 0 && document.scripts.length === 1")
    assert page.problems == []
    # The policy stands even where an element gets in: neither a script nor a picture of it is loaded.
    page.js(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x\" onerror=\"alert(1)\">');"
        " document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.broken = true'}))"
    )
    page.settle()
    assert page.js("window.broken === undefined")
    assert sum("Content Security Policy" in text for text in page.problems) >= 2
    assert page.requests == {}
