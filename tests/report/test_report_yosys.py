from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import FIXTURES, PART, ROOT, fixture_measurements

from bitwright.errors import ReportParseError
from bitwright.report.parsers.yosys import parse_yosys_stat
from bitwright.report.records import FigureStage, Measurement

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", ROOT.parent / "shared")) / "reports"
XCUP = (FIXTURES / "stat_xcup.json").read_text()


def by_design(measurements: tuple[Measurement, ...]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for m in measurements:
        assert m.metric not in found.setdefault(m.design, {}), "one figure per metric and design"
        found[m.design][m.metric] = m.value
    return found


def parse(data: object, part: str = PART, **options: object) -> tuple[Measurement, ...]:
    words = data if isinstance(data, str) else json.dumps(data)
    return parse_yosys_stat(words, "synth/stat.json", part=part, tool_version="0.70", **options)  # type: ignore[arg-type]


def stat(**modules: dict[str, object]) -> dict[str, object]:
    return {"modules": {f"\\{name}": {"num_cells_by_type": cells} for name, cells in modules.items()}}


# Read by eye from the fixtures: mac is used once by top and twice by pair, which top uses once.
EXPECTED = {
    ("xcup", PART): {
        "mac": {"LUT": 24, "LOGIC_LUT": 16, "SRL": 8, "FF": 18, "DSP": 1, "BRAM36": 0, "CARRY": 5},
        "pair": {"LUT": 48, "LOGIC_LUT": 32, "SRL": 16, "FF": 36, "DSP": 2, "BRAM36": 0, "CARRY": 10},
        "regfile": {"LUT": 8, "LUTRAM": 8, "FF": 0, "DSP": 0, "BRAM36": 0},
        "table18": {"LUT": 0, "FF": 0, "DSP": 0, "BRAM18": 1, "BRAM36": 0},
        "table36": {"LUT": 0, "FF": 0, "DSP": 0, "BRAM36": 1},
        "wires_only": {"LUT": 0, "FF": 0, "DSP": 0, "BRAM36": 0},
        "top": {"LUT": 125, "LOGIC_LUT": 93, "SRL": 24, "LUTRAM": 8, "FF": 87, "DSP": 4, "BRAM18": 1, "BRAM36": 1,
                "CARRY": 15},
    },
    ("xc7", "xc7a100tcsg324-1"): {
        "top": {"LUT": 78, "LOGIC_LUT": 46, "SRL": 24, "LUTRAM": 8, "FF": 1, "DSP": 4, "BRAM18": 1, "BRAM36": 1},
    },
    ("ecp5", "LFE5U-85F"): {
        "mac": {"LUT": 0, "FF": 66, "DSP": 1, "EBR": 0, "CARRY": 9},
        "regfile": {"LUT": 34, "LOGIC_LUT": 10, "LUTRAM": 24, "FF": 0, "DSP": 0, "EBR": 0},
        "top": {"LUT": 219, "LOGIC_LUT": 195, "LUTRAM": 24, "FF": 359, "DSP": 4, "EBR": 3, "CARRY": 27, "MUXF": 70},
    },
    ("ice40", "iCE40UP5K"): {
        "top": {"LUT": 412, "LOGIC_LUT": 412, "FF": 505, "DSP": 5, "EBR": 13},
    },
}  # fmt: skip


@pytest.mark.parametrize(("family", "part"), EXPECTED)
def test_figures_of_the_fixtures(family: str, part: str) -> None:
    found = by_design(fixture_measurements(family, part))
    for design, figures in EXPECTED[family, part].items():
        assert found[design] == figures


def test_every_figure_says_where_it_stands() -> None:
    for m in fixture_measurements("xcup"):
        assert (m.unit, m.stage, m.tool, m.tool_version, m.part) == (
            "count", FigureStage.POST_SYNTH, "yosys", "0.70", PART)  # fmt: skip
        assert m.source == "stat_xcup.json"
        assert m.line is not None
        assert f'"\\\\{m.design}": {{' in XCUP.splitlines()[m.line - 1]


def test_lut_says_what_it_leaves_out() -> None:
    figures = parse(stat(top={"LUT6": 3, "INV": 2, "MUXF7": 1, "CARRY8": 4, "BUFG": 1, "$scopeinfo": 9}))
    assert {m.metric: m.value for m in figures} == {
        "LUT": 3, "LOGIC_LUT": 3, "FF": 0, "DSP": 0, "BRAM36": 0, "CARRY": 4, "MUXF": 1, "INV": 2}  # fmt: skip
    assert next(m.note for m in figures if m.metric == "LUT") == "not counted: CARRY8 4, INV 2, MUXF7 1"


@pytest.mark.parametrize(
    ("cell", "sites"),
    [("RAM32X1D", 2), ("RAM32X1S", 1), ("RAM64X1S_1", 1), ("RAM32M", 4), ("RAM64M", 4), ("RAM32M16", 8), ("RAM64M8", 8),
     ("RAM128X1D", 4), ("RAM256X1S", 4)],
)  # fmt: skip
def test_lut_sites_of_distributed_memory(cell: str, sites: int) -> None:
    figures = by_design(parse(stat(top={cell: 3})))["top"]
    assert (figures["LUTRAM"], figures["LUT"]) == (3 * sites, 3 * sites)


@pytest.mark.parametrize("cell", ["FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDCPE", "FDRSE"])
def test_registers(cell: str) -> None:
    assert by_design(parse(stat(top={cell: 5})))["top"]["FF"] == 5


def test_latches_are_not_registers() -> None:
    figures = by_design(parse(stat(top={"LDCE": 2})))["top"]
    assert (figures["LATCH"], figures["FF"]) == (2, 0)


def test_instances_multiply_along_every_path() -> None:
    data = stat(leaf={"LUT2": 1}, mid={"leaf": 3, "LUT2": 1}, top={"mid": 5, "leaf": 2})
    assert by_design(parse(data))["top"]["LUT"] == 5 * (3 + 1) + 2


def test_a_log_before_the_brace_is_skipped_and_lines_still_count() -> None:
    figures = parse("12. Printing statistics.\n\n" + XCUP)
    mac = next(m for m in figures if m.design == "mac")
    assert mac.line == 2 + next(m.line for m in fixture_measurements("xcup") if m.design == "mac" and m.line)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.9, 0.999])
def test_truncated(share: float) -> None:
    cut = XCUP[: int(len(XCUP.rstrip()) * share)]
    with pytest.raises(ReportParseError) as caught:
        parse(cut)
    assert caught.value.where.startswith("synth/stat.json:")
    assert 1 <= int(caught.value.where.rsplit(":", 1)[1]) <= cut.count("\n") + 1


@pytest.mark.parametrize("words", ["", "\n\n", "[]", "{}", '{"modules": []}', '{"modules": {}}', "yosys: not found"])
def test_empty_or_something_else(words: str) -> None:
    with pytest.raises(ReportParseError, match=r"synth/stat\.json:1"):
        parse(words)


@pytest.mark.parametrize("count", [-1, 1.5, "3", None, True, {"count": "5"}])
def test_counts_that_are_no_counts(count: object) -> None:
    with pytest.raises(ReportParseError, match="LUT2"):
        parse(stat(top={"LUT2": count}))


def test_unmapped_netlist_is_refused() -> None:
    with pytest.raises(ReportParseError, match=r"not mapped.*\$add x 131"):
        parse(stat(top={"$add": 131, "LUT2": 1}))


def test_missing_module_is_refused_unless_named() -> None:
    data = stat(top={"LUT2": 1, "fc1": 2})
    with pytest.raises(ReportParseError, match=r"unknown cost \(fc1 x 2\)"):
        parse(data)
    (lut,) = (m for m in parse(data, black_boxes=["fc1"]) if m.metric == "LUT")
    assert (lut.value, lut.note) == (1, "synthesized elsewhere: fc1 2")


def test_module_inside_itself_is_refused() -> None:
    with pytest.raises(ReportParseError, match="contains itself"):
        parse(stat(a={"b": 1}, b={"a": 1}))


def test_totals_that_do_not_add_up_are_refused() -> None:
    data = json.loads(XCUP)
    data["modules"]["\\mac"]["num_cells_by_type"]["LUT2"] -= 1
    with pytest.raises(ReportParseError, match="do not add up"):
        parse(data)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_reports_give_errors_or_other_figures_never_a_crash(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(XCUP) - 1))
    words = XCUP[:at] + data.draw(st.text(max_size=3)) + XCUP[at + data.draw(st.integers(0, 4)) :]
    try:
        parse(words)
    except ReportParseError as error:
        assert re.fullmatch(r"synth/stat\.json:\d+", error.where)  # noqa: PT017


@pytest.mark.corpus
def test_real_reports() -> None:
    if not (CORPUS / "truth.json").is_file():
        pytest.skip("no corpus here (BITWRIGHT_CORPUS)")
    done: Counter[str] = Counter()
    for truth in json.loads((CORPUS / "truth.json").read_text()):
        if truth["kind"] != "yosys stat" or not truth["file"].endswith(".json"):
            continue
        words = (CORPUS / truth["file"]).read_text()
        part = {"xcup": PART}.get(truth["device"], truth["device"])
        (figures,) = by_design(parse_yosys_stat(words, truth["file"], part=part, tool_version="0.70")).values()
        assert figures["LUT"] == truth.get("LUT", truth.get("LUT4"))
        assert (figures["FF"], figures["DSP"]) == (truth["FF"], truth["DSP"])
        assert figures.get("BRAM36", figures.get("EBR")) == truth["BRAM"]
        carry = next(truth[key] for key in ("CARRY4", "CCU2C", "SB_CARRY") if key in truth)
        assert figures["CARRY"] == carry
        done[truth["device"]] += 1
    assert sum(done.values()) >= 4
    with pytest.raises(ReportParseError, match="not mapped"):
        parse((CORPUS / "yosys-nextpnr" / "stat_rtl_hier.json").read_text())
