"""``bitwright report parse``: what is no report, what is damaged, what is large, and what the command prints."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from report_samples import ROOT, sample

from bitwright.cli import main
from bitwright.report.parsers import collect, hls_report
from bitwright.report.parsers.collect import OUR_FAULT, parse_file, parse_paths
from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.model import SCHEMA, Parsed, Severity
from bitwright.report.render_json import render_json

FIXTURES = ROOT / "reports" / "fixtures"
UTILIZATION = FIXTURES / "vivado" / "utilization_7series_synth.rpt"
CSYNTH = FIXTURES / "hls" / "vitis_hls_2024_csynth.rpt"
BOMB = """<?xml version="1.0"?><!DOCTYPE profile [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<profile><AreaEstimates><Resources><LUT>&b;</LUT></Resources></AreaEstimates></profile>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE profile [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<profile><UserAssignments><Part>&a;</Part></UserAssignments></profile>"""


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def values(parsed: Parsed) -> dict[str, float | str]:
    return {figure.metric: figure.value for figure in parsed.figures}


def written(folder: Path, content: bytes | str, name: str = "report.rpt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- what is no report -------------------------------------------------------------------------

FOREIGN: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "zeros": b"\0" * 5000,
    "an ELF": b"\x7fELF\x02\x01\x01\0" * 40,
    "a zip": b"PK\x03\x04" + bytes(range(256)) * 4,
    "gzip": b"\x1f\x8b\x08\0" + bytes(range(256)) * 4,
    "UTF-16": "Utilization Design Information\n".encode("utf-16"),
    "prose": b"LUT: 12 of 4000 are used, we think.\n",
    "source code": b"int main() { return 0; } // Slice LUTs | 200 |\n",
    "JSON of something else": b'{"LUT": 12, "modules": []}\n',
    "broken JSON": b'{"modules": {"\\\\top": {"num_cells": 12\n',
    "XML of something else": b"<html><body>LUT 12</body></html>\n",
    "broken XML": b"<profile><AreaEstimates><Resources><LUT>12</LUT>\n",
    "an entity bomb": BOMB.encode(),
    "an entity from outside": OUTSIDE.encode(),
    "a script": b"var areaJSON = (function () { return 1; })();\n",
    "the same key twice": b'{"utilization": {}, "fmax": {}, "utilization": {"LUT4": {"used": 1, "available": 2}}}',
    "deep JSON": b"[" * 100_000,
    "numbers that are none": b'{"utilization": {"TRELLIS_COMB": {"used": NaN, "available": 1e999}}, "fmax": {}}',
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_report_is_a_problem_and_no_figure(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, FOREIGN[kind])
    parsed = parse_file(path, "it")
    assert not parsed.figures
    assert not parsed.modules
    assert any(problem.severity is not Severity.INFO for problem in parsed.problems)
    assert not any(OUR_FAULT in problem.message for problem in parsed.problems)
    assert invoke("report", "parse", path).exit_code == 2


def test_no_entity_is_resolved(tmp_path: Path) -> None:
    for text in (BOMB, OUTSIDE):
        answer = json.dumps(parse_paths([written(tmp_path, text)]).to_json())
        assert "root:" not in answer
        assert "aaaaaaaaaa" not in answer


def test_a_path_that_is_not_there_is_a_problem_beside_the_others(tmp_path: Path) -> None:
    result = invoke("report", "parse", UTILIZATION, tmp_path / "gone", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert len(answer["measurements"]) == 14
    assert answer["problems"] == [
        {"source": str(tmp_path / "gone"), "line": None, "severity": "error", "message": "no such file or folder"}
    ]
    assert invoke("report", "parse", tmp_path / "gone").exit_code == 2


def test_a_folder_is_walked_in_order_and_no_link_is_followed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(FIXTURES / "vivado", project / "impl")
    written(project, "a note\n", "readme.txt")
    written(project, b"\0\1\2" * 99, "a.bit")
    (project / "elsewhere").symlink_to(FIXTURES / "hls")
    (project / "same.rpt").symlink_to(UTILIZATION)
    parsed = parse_paths([project])
    sources = list(dict.fromkeys(figure.source for figure in parsed.figures))
    assert sources == sorted(sources)
    assert len(sources) == 10
    assert all(str(project / "impl") in source for source in sources)
    notes = {p.source: p.severity for p in parsed.problems if p.source.endswith((".txt", ".bit"))}
    assert set(notes.values()) == {Severity.INFO}
    assert len(notes) == 2


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "folder.rpt"
    path.mkdir()
    assert not parse_file(path, "it").figures
    assert parse_file(path, "it").problems[0].severity is Severity.ERROR


def test_our_own_report_is_read_with_the_stage_and_tool_of_each_figure(tmp_path: Path) -> None:
    report = sample()
    parsed = parse_file(written(tmp_path, render_json(report)), "report.json")
    assert [(f.metric, f.value, f.stage.value, f.tool, f.design) for f in parsed.figures] == [
        (m.metric, m.value, m.stage.value, m.tool, m.design) for m in report.measurements
    ]
    assert parsed.problems == ()


# --- damage ------------------------------------------------------------------------------------


def test_a_table_without_its_end_is_told_with_its_line(tmp_path: Path) -> None:
    text = UTILIZATION.read_text()
    cut = text[: text.index("| Slice Registers")]
    parsed = parse_file(written(tmp_path, cut), "it")
    assert "FF" not in values(parsed)
    last = cut.count("\n")
    assert any(problem.line == last and "cut" in problem.message for problem in parsed.problems)


def test_columns_are_found_by_their_header(tmp_path: Path) -> None:
    """One more column, as a later version has it, changes nothing; two that are exchanged are refused."""
    lines = UTILIZATION.read_text().split("\n")

    def wider(line: str) -> str:
        sign = line[:1]
        if sign not in ("|", "+") or line.count(sign) != 6:
            return line
        cells = line.split(sign)
        cells.insert(4, "------------" if sign == "+" else " Prohibited " if "Fixed" in line else "          0 ")
        return sign.join(cells)

    wide = [wider(line) for line in lines]
    again = parse_file(written(tmp_path, "\n".join(wide)), "it")
    assert values(again) == values(parse_file(UTILIZATION, "it"))
    assert again.problems == ()
    exchanged = "\n".join(
        line.replace("Used", "xx").replace("Available", "Used     ").replace("xx", "Available")
        if "Site" in line
        else line
        for line in lines
    )
    refused = parse_file(written(tmp_path, exchanged), "it")
    assert not {"LUT", "FF", "DSP", "BRAM36"} & set(values(refused))
    assert refused.problems


@pytest.mark.parametrize(
    ("metric", "old", "new"),
    [
        ("LUT", "| Slice LUTs*                |  200 |", "| Slice LUTs*                |  210 |"),
        ("FF", "82000 |  0.17 |\n|   Register as Flip", "82000 |  1.70 |\n|   Register as Flip"),
        ("BRAM36", "| Block RAM Tile |  1.5 |", "| Block RAM Tile |  2.5 |"),
        ("DSP", "| DSPs      |    2 |", "| DSPs      |      |"),
    ],
)
def test_what_a_report_states_twice_and_differently_is_withheld(
    metric: str, old: str, new: str, tmp_path: Path
) -> None:
    text = UTILIZATION.read_text()
    assert old in text
    parsed = parse_file(written(tmp_path, text.replace(old, new)), "it")
    assert metric not in values(parsed)
    assert any(metric in problem.message or "DSPs" in problem.message for problem in parsed.problems)
    assert parsed.figures


def test_units_are_those_that_are_printed(tmp_path: Path) -> None:
    """Cycles and time are compared: the same figures in another unit are the same answer, another time is none."""
    text = CSYNTH.read_text()
    good = values(parse_file(CSYNTH, "it"))
    same = text.replace("|  84.000 ns|   1.200 us|", "|   0.084 us|1200.000 ns|")
    assert same != text
    assert values(parse_file(written(tmp_path, same), "it")) == good
    other = text.replace("|  84.000 ns|   1.200 us|", "|  84.000 us|   1.200 us|")
    wrong = parse_file(written(tmp_path, other), "it")
    assert "LATENCY_MIN_NS" not in values(wrong)
    assert wrong.problems


def test_latin_1_is_read_where_it_is_no_utf_8(tmp_path: Path) -> None:
    raw = UTILIZATION.read_text().replace("farm running", "Z\u00fcrich running").encode("latin-1")
    assert values(parse_file(written(tmp_path, raw), "it")) == values(parse_file(UTILIZATION, "it"))


def test_several_reports_in_one_file_are_each_read(tmp_path: Path) -> None:
    both = UTILIZATION.read_text() + (FIXTURES / "vivado" / "timing_path_synth.rpt").read_text()
    found = values(parse_file(written(tmp_path, both), "it"))
    assert found["LUT"] == 200
    assert found["WNS_NS"] == 2.098


def test_the_last_of_two_reports_of_the_same_counts(tmp_path: Path) -> None:
    text = UTILIZATION.read_text()
    later = text.replace(
        "| DSPs      |    2 |     0 |       240 |  0.83 |", "| DSPs      |    3 |     0 |       240 |  1.25 |"
    )
    assert later != text
    parsed = parse_file(written(tmp_path, text + later), "it")
    assert [f.value for f in parsed.figures if f.metric == "DSP"] == [3]
    assert any("more than once" in problem.message for problem in parsed.problems)


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError(), OverflowError(), RecursionError(), IndexError()])
def test_a_fault_of_ours_in_one_file_does_not_touch_the_others(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(document: Document) -> Parsed:
        raise error

    monkeypatch.setitem(collect.TEXT_FORMATS, "csynth_report", TextFormat(hls_report.OPENS, fails))
    parsed = parse_paths([CSYNTH, UTILIZATION])
    assert {figure.source for figure in parsed.figures} == {str(UTILIZATION)}
    assert [problem.source for problem in parsed.problems if OUR_FAULT in problem.message] == [str(CSYNTH)]


# --- size --------------------------------------------------------------------------------------


@pytest.mark.parametrize("megabytes", [8, pytest.param(500, marks=pytest.mark.slow)])
def test_a_large_log_is_read_in_little_memory(megabytes: int, tmp_path: Path) -> None:
    path = tmp_path / "vitis_hls.log"
    head, _, tail = (FIXTURES / "hls" / "vitis_hls.log").read_text().partition("WARNING")
    line = (
        "WARNING: [HLS 214-113] Either use an argument of the function or declare the variable inside the loop body\n"
    )
    with path.open("w") as handle:
        handle.write(head)
        block = line * 10_000
        for _ in range(megabytes * 1_000_000 // len(block) + 1):
            handle.write(block)
        handle.write("WARNING" + tail)
    assert path.stat().st_size > megabytes * 1_000_000
    tracemalloc.start()
    parsed = parse_file(path, "it")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values(parsed)["FMAX_MHZ"] == 344.23
    assert values(parsed)["TOOL_STATUS"] == "ok"
    assert peak < 8_000_000


def test_a_line_without_end_is_read_in_little_memory(tmp_path: Path) -> None:
    path = written(tmp_path, (FIXTURES / "hls" / "vitis_hls.log").read_bytes() + b"x" * 20_000_000)
    tracemalloc.start()
    parse_file(path, "it")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


# --- the command -------------------------------------------------------------------------------


def test_the_json_has_the_schema_of_the_documentation() -> None:
    result = invoke("report", "parse", UTILIZATION, CSYNTH, FIXTURES / "hls" / "vivado_hls_failed.log", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["schema"] == SCHEMA
    assert set(answer) == {"schema", "measurements", "modules", "problems"}
    for entry in answer["measurements"]:
        assert set(entry) == {"metric", "value", "unit", "stage", "tool", "tool_version", "part", "part_normalised",
                              "design", "source", "line", "derived", "note"}  # fmt: skip
    for entry in answer["modules"]:
        assert set(entry) == {"path", "module", "kind", "values", "stage", "tool", "design", "source", "line"}
    for entry in answer["problems"]:
        assert set(entry) == {"source", "line", "severity", "message"}
    lut = next(e for e in answer["measurements"] if e["metric"] == "LUT")
    assert lut == {"metric": "LUT", "value": 200, "unit": "count", "stage": "POST_SYNTH", "tool": "Vivado",
                   "tool_version": "2018.2", "part": "7k70tfbg484-1", "part_normalised": "xc7k70t-fbg484-1",
                   "design": "tiny", "source": str(UTILIZATION), "line": 27, "derived": False, "note": ""}  # fmt: skip


def test_a_failed_run_is_told_in_the_tools_own_words() -> None:
    result = invoke("report", "parse", FIXTURES / "hls" / "vivado_hls_failed.log", "--json")
    status = json.loads(result.stdout)["measurements"][0]
    assert (status["metric"], status["value"]) == ("TOOL_STATUS", "failed")
    assert status["note"].startswith("ERROR: [HLS 200-70] Compilation errors found")


def test_the_text_is_for_people() -> None:
    result = invoke("report", "parse", UTILIZATION, CSYNTH)
    assert result.exit_code == 0
    assert "Vivado 2018.2, POST_SYNTH, 7k70tfbg484-1, design tiny" in result.stdout
    assert "of 41,000 (0.5 %)" in result.stdout
    assert "tiny/dense_U0" in result.stdout


def test_help_teaches_the_verbs() -> None:
    result = invoke("report", "--help")
    assert result.exit_code == 0
    assert "bitwright report parse" in result.output
    assert "PATH" in invoke("report", "parse", "--help").output


def test_the_command_needs_a_path() -> None:
    assert invoke("report", "parse").exit_code == 2
