from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError
from report_samples import MISMATCH, ROOT, failed, figure, not_run, pair, sample, stages, verification

from bitwright.errors import BitwrightError, ReportParseError
from bitwright.report.records import (
    LayerRow,
    ProtocolCheck,
    Report,
    StageRun,
    Status,
    ToolVersion,
    Warning_,
)
from bitwright.report.render_html import render_html
from bitwright.report.render_json import load_report, render_json, schema_text
from bitwright.report.render_md import code, md, render_md
from bitwright.report.summary import summary_rows
from bitwright.report.write import write_report

EVIL = "</title></style><script>alert('x')</script><img src=x onerror=\"y\">&amp;|`*_"


def empty() -> Report:
    return Report(
        bitwright_version="0", model="m", title="t", target="x", part="p", clock_ns=5, status=Status.NOT_RUN
    )  # fmt: skip


def evil() -> Report:
    report = sample()
    layers = tuple(layer.model_copy(update={"name": EVIL, "module": EVIL}) for layer in report.layers[:1])
    designs = tuple(design.model_copy(update={"includes": EVIL}) for design in report.designs)
    figures = (figure("LUT", 5, EVIL, note=EVIL, source=EVIL), *report.measurements)
    pairs = (pair(EVIL, "RTL"), not_run(EVIL, "reference", EVIL))
    assert report.accuracy
    classes = tuple(item.model_copy(update={"name": EVIL}) for item in report.accuracy.classes)
    return report.model_copy(
        update={
            "title": EVIL, "model": EVIL, "target": EVIL, "layers": layers + report.layers, "designs": designs,
            "measurements": figures, "reproduce": (EVIL,), "tools": (ToolVersion(name=EVIL, version=EVIL),),
            "warnings": (Warning_(source=EVIL, message=EVIL),), "stages": (*stages(),
            StageRun(name=EVIL, status=Status.PASSED, seconds=1, detail={EVIL: 0.5})),
            "accuracy": report.accuracy.model_copy(update={"classes": classes, "dataset": EVIL, "note": EVIL}),
            "verification": verification().model_copy(update={"pairs": pairs,
            "protocol": (ProtocolCheck(name=EVIL, status=Status.PASSED, seconds=1, detail=EVIL),)}),
        }
    )  # fmt: skip


class Tags(html.parser.HTMLParser):
    """Collects tags and checks that they close in order."""

    VOID = frozenset({"meta", "br", "img", "input", "link", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    assert parser.open == []
    return parser


# report.json and its schema


def test_published_schema_is_the_records() -> None:
    published = (ROOT / "docs" / "report.schema.json").read_text()
    assert json.loads(published) == Report.model_json_schema()
    assert published == schema_text()


def test_every_figure_needs_its_origin() -> None:
    schema = Report.model_json_schema()["$defs"]["Measurement"]
    assert {"metric", "value", "unit", "stage", "tool", "tool_version", "part", "design", "source"} <= set(
        schema["required"]
    )
    with pytest.raises(ValidationError):
        figure("LUT", float("nan"), "top")


def test_round_trip(tmp_path: Path) -> None:
    write_report(sample(), tmp_path)
    assert load_report(tmp_path / "report.json") == sample()


@pytest.mark.parametrize("report", [sample(), failed(), evil(), empty()], ids=["passed", "failed", "evil", "empty"])
def test_same_report_same_bytes(report: Report, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_report(report, tmp_path / "a")]
    again = [path.read_bytes() for path in write_report(report.model_copy(deep=True), tmp_path / "b")]
    assert first == again
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["report.html", "report.json", "report.md"]


def test_absent_figures_are_absent() -> None:
    words = render_json(empty())
    assert "null" not in words
    assert not {"accuracy", "verification"} & set(json.loads(words))


def broken(tmp_path: Path, words: str | bytes) -> ReportParseError:
    path = tmp_path / "report.json"
    path.write_bytes(words if isinstance(words, bytes) else words.encode())
    with pytest.raises(ReportParseError) as caught:
        load_report(path)
    assert str(path) in caught.value.where
    return caught.value


def test_damaged_report_names_the_line(tmp_path: Path) -> None:
    words = render_json(sample())
    error = broken(tmp_path, words[: len(words) // 2])
    assert "damaged JSON" in error.what
    assert re.search(r":\d+$", error.where)


@pytest.mark.parametrize("words", ["", "[]", "null", '"x"', b"\xff\xfe\x00"])
def test_not_a_report(tmp_path: Path, words: str | bytes) -> None:
    broken(tmp_path, words)


def test_other_schema_version(tmp_path: Path) -> None:
    data = json.loads(render_json(sample()))
    error = broken(tmp_path, json.dumps(data | {"schema_version": "9.0"}))
    assert "'9.0'" in error.what
    assert "1.0" in error.what
    broken(tmp_path, json.dumps({k: v for k, v in data.items() if k != "schema_version"}))


def test_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    data = json.loads(render_json(sample()))
    data["designs"][0]["latency_cycle"] = 14
    error = broken(tmp_path, json.dumps(data))
    assert "designs.0.latency_cycle" in error.what
    assert "latency_cycles" in error.hint


def test_missing_report(tmp_path: Path) -> None:
    with pytest.raises(ReportParseError, match="no such report"):
        load_report(tmp_path / "report.json")


def test_parse_errors_are_usage_errors() -> None:
    assert issubclass(ReportParseError, BitwrightError)
    assert ReportParseError.exit_code == 2


# the gate before the accuracy


def withheld_views(report: Report, tmp_path: Path) -> dict[str, str]:
    views = {path.name: path.read_text() for path in write_report(report, tmp_path)}
    assert "accuracy" not in json.loads(views["report.json"])
    assert "accuracy withheld" in views["report.json"]
    for words in views.values():
        assert "hls4ml_lhc_jets_hlf" not in words.replace("\\_", "_")
        assert "70.5" not in words
    assert {a: b for a, b, _ in summary_rows(report)}["Accuracy"] == "withheld"
    return views


def test_failed_verification_hides_the_accuracy_and_shows_the_bits(tmp_path: Path) -> None:
    views = withheld_views(failed(), tmp_path)
    for name in ("report.md", "report.html"):
        assert "First mismatch: reference ≠ RTL" in views[name]
        assert MISMATCH.layer in views[name]
        assert str(MISMATCH.waveform) in views[name]
    assert MISMATCH.actual_bits in views["report.md"]
    assert "<b>1</b>" in views["report.html"]
    assert MISMATCH.actual_bits[:-1] + "<b>1</b>" in views["report.html"]
    assert "Confusion" not in views["report.html"]


@pytest.mark.parametrize(
    "proof",
    [
        None,
        verification().model_copy(update={"status": Status.NOT_RUN}),
        verification().model_copy(update={"pairs": ()}),
        verification().model_copy(update={"pairs": (not_run("reference", "RTL", "no simulator"),)}),
        verification().model_copy(update={"pairs": (pair("a", "b", status=Status.FAILED), pair("a", "RTL"))}),
    ],
    ids=["none", "not run", "no pairs", "all pairs not run", "a failed pair under PASSED"],
)
def test_no_proof_no_accuracy(proof: object, tmp_path: Path) -> None:
    withheld_views(sample(verification=proof), tmp_path)


@pytest.mark.parametrize("render", [render_md, render_html])
def test_each_view_keeps_the_gate_by_itself(render: Callable[[Report], str]) -> None:
    assert "70.5" not in render(failed())
    assert "accuracy withheld" in render(failed())


def test_passed_verification_shows_it() -> None:
    assert "70.5 %" in render_md(sample())
    assert "Confusion" in render_html(sample())
    assert "accuracy" in json.loads(render_json(sample()))


def test_synthetic_rows_are_labelled() -> None:
    report = sample()
    assert report.accuracy
    report = sample(accuracy=report.accuracy.model_copy(update={"synthetic": True}))
    assert "SYNTHETIC" in render_md(report)
    assert render_html(report).count("SYNTHETIC") == 2
    assert "SYNTHETIC" not in render_html(sample()) + render_md(sample())


# NOT RUN


def test_not_run_is_shown_and_counted() -> None:
    words, page = render_md(sample()), render_html(sample())
    assert "Checks: 13 PASSED, 1 NOT RUN. Stages: 6 PASSED, 1 NOT RUN." in words
    assert "| Keras = netlist | output | *NOT RUN* |  |  |  | compared through the reference |" in words
    assert "13 PASSED, 1 NOT RUN" in page
    assert "6 PASSED, 1 NOT RUN" in page
    assert "1 check NOT RUN." in page
    rows = {label: (value, note) for label, value, note in summary_rows(sample())}
    assert rows["stage route"] == ("NOT RUN", "no place and route for this part is installed")
    assert "1 NOT RUN" in rows["Bits verified"][1]


def test_nothing_ran() -> None:
    rows = {label: value for label, value, _ in summary_rows(empty())}
    assert rows == dict.fromkeys(("Bits verified", "LUT", "FF", "DSP", "BRAM", "Latency", "II"), "NOT RUN") | {
        "Accuracy": "withheld"
    }
    assert render_html(empty()).count(">NOT RUN<") >= 8
    assert "NOT RUN" in render_md(empty())


def test_a_stage_that_failed_says_so() -> None:
    report = sample(status=Status.FAILED, stages=(StageRun(name="synth", status=Status.FAILED, reason="killed"),))
    assert ("stage synth", "FAILED", "killed") in summary_rows(report)
    assert "stage synth: killed" in render_html(report)


# text from outside


@pytest.mark.parametrize("report", [sample(), failed(), empty(), evil()], ids=["passed", "failed", "empty", "evil"])
def test_page_is_one_well_formed_file(report: Report) -> None:
    page = render_html(report)
    found = tags(page)
    assert [attributes for tag, attributes in found.seen if tag == "script"] == [{}], "one, of our own, in the page"
    assert {tag for tag, _ in found.seen} & {"img", "link", "iframe", "object", "base", "form"} == set()
    for _, attributes in found.seen:
        assert not any(name.startswith("on") for name in attributes)
        assert all(
            value is None or value.startswith("#") for name, value in attributes.items() if name in ("href", "src")
        )
    assert "url(" not in page
    assert "@import" not in page
    assert re.findall(r"https?://[^\s\"]+", page) == ["http://www.w3.org/2000/svg"] * page.count("<svg")
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_words_from_outside_are_escaped() -> None:
    page = render_html(evil())
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page
    words = render_md(evil())
    outside = re.sub(r"```.*?```", "", words, flags=re.DOTALL)
    outside = re.sub(r"(`+) ?.*?\1", "", outside)
    assert "<script" not in outside
    assert "<img" not in outside
    table = [line for line in words.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} <= {4, 5, 8}


def test_markdown_of_outside_words() -> None:
    assert md("a|b\n<i>*x*_[y](z)@me") == r"a\|b &lt;i&gt;\*x\*\_\[y\](z)\@me"
    assert code("a`b|c") == "`` a`b\\|c ``"
    assert len(md("x" * 10_000)) == 400


def test_comment_fits_github() -> None:
    pairs = tuple(pair(f"oracle{k}", "RTL", what="w" * 90) for k in range(400))
    warnings = tuple(Warning_(source="s", message="m" * 2000) for _ in range(300))
    layers = tuple(LayerRow(name=f"l{k}", kind="Dense", shape=(1,), format="fixed<8,4>") for k in range(300))
    proof = verification().model_copy(update={"pairs": pairs})
    words = render_md(sample(verification=proof, warnings=warnings, layers=layers))
    assert len(words) < 40_000
    assert "and 360 more in report.html" in words


def test_page_stays_small() -> None:
    assert len(render_html(sample())) < 100_000


def test_no_plot_without_a_table() -> None:
    page = render_html(sample())
    assert page.count("<svg") == 8
    for word in ("True class", "at 1 %", "whole kernel", "Peak memory", "Oracles", "Resource", "Multiplications"):
        assert f">{word}</th>" in page
    assert page.count("<title>") > 60


def test_the_digests_of_the_bits_are_shown() -> None:
    from bitwright.report.records import ResultDigest

    page = render_html(sample(results=(ResultDigest(name="outputs", sha256="5e" * 32),)))
    assert "5e" * 32 in page
    assert "<h3>Bits</h3>" not in render_html(sample())
