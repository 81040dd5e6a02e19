"""hls4ml's keys: right values under them, and its own printer takes them."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest
from report_samples import failed, figure, sample

from bitwright.report import hls4ml_dict
from bitwright.report.hls4ml_keys import Hls4mlReport
from bitwright.report.records import FigureStage, Measurement, Report

HLS, ROUTE = FigureStage.HLS_ESTIMATE, FigureStage.POST_ROUTE


def measured(stage: FigureStage, design: str = "jet3", **values: float) -> list[Measurement]:
    return [figure(name, value, design, stage=stage, tool="Vitis HLS") for name, value in values.items()]


def vendor() -> Report:
    """A run whose C synthesis, place and route have figures too."""
    hls = measured(
        HLS, LUT=900, FF=800, DSP=7, BRAM18=5, URAM=0, LATENCY_MIN_CYCLES=10, LATENCY_MAX_CYCLES=25, II_MIN_CYCLES=1,
        II_MAX_CYCLES=3, CLOCK_ESTIMATED_NS=3.65,
    )  # fmt: skip
    routed = measured(ROUTE, LUT=17_280, LOGIC_LUT=17_000, SRL=280, FF=34_560, DSP=6, BRAM36=2.5, WNS_NS=-0.25,
                      TNS_NS=-3.5, WHS_NS=0.01)  # fmt: skip
    offered = figure("AVAILABLE_URAM", 1280, "jet3", stage=FigureStage.BUNDLE)
    return sample(measurements=(*sample().measurements, offered, *hls, *routed))


def hls4ml_printer() -> ModuleType:
    """hls4ml's own module, without the package around it (which loads much)."""
    found = importlib.util.find_spec("hls4ml")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "report" / "vivado_report.py"
    spec = importlib.util.spec_from_file_location("vivado_report", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keys_of_hls4ml() -> set[str]:
    """Every key that hls4ml's parser writes, from its source."""
    tree = ast.parse(Path(str(hls4ml_printer().__file__)).read_text())
    parser = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "parse_vivado_report")
    slots = [n.slice for n in ast.walk(parser) if isinstance(n, ast.Subscript)]
    return {n.value for n in slots if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def test_every_key_is_one_of_hls4ml() -> None:
    known = keys_of_hls4ml()
    assert {"WorstLatency", "DSP48E", "TotLUTs%", "WNS"} <= known
    known |= {f"{a}{name}" for a in ("", "Available") for name in ("LUT", "FF", "DSP", "BRAM_18K", "URAM")}  # by tag
    for name, section in get_type_hints(Hls4mlReport).items():
        assert {name, *section.__annotations__} <= known


@pytest.mark.parametrize("report", [sample(), vendor(), failed()], ids=["yosys", "vendor", "failed"])
def test_every_value_has_its_declared_type(report: Report) -> None:
    hints = get_type_hints(Hls4mlReport)
    for name, section in hls4ml_dict(report).items():
        declared = get_type_hints(hints[name])
        for key, value in section.items():  # type: ignore[attr-defined]
            wanted = declared[key]
            assert isinstance(value, str if wanted not in (int, float) else wanted), (name, key, value)


def test_what_vitis_hls_says() -> None:
    found = hls4ml_dict(vendor())["CSynthesisReport"]
    assert (found["BestLatency"], found["WorstLatency"]) == (10, 25)
    assert (found["IntervalMin"], found["IntervalMax"]) == (1, 3)
    assert (found["LUT"], found["FF"], found["DSP"], found["BRAM_18K"], found["URAM"]) == (900, 800, 7, 5, 0)
    assert (found["TargetClockPeriod"], found["EstimatedClockPeriod"]) == (5.0, 3.65)
    assert found["AvailableBRAM_18K"] == 2 * 2688


def test_block_memory_is_in_blocks_of_18_kbit() -> None:
    report = sample(measurements=[figure("LUT", 1, "jet3"), figure("BRAM36", 2, "jet3"), figure("BRAM18", 3, "jet3")])
    assert hls4ml_dict(report)["VivadoSynthReport"] == {"LUT": 1, "BRAM_18K": 7}


def test_place_and_route() -> None:
    found = hls4ml_dict(vendor())
    assert found["ImplementationReport"] == {
        "TotLUTs": 17_280, "TotLUTs%": 1.0, "LogicLUTs": 17_000, "LogicLUTs%": 0.98, "SRLs": 280, "FFs": 34_560,
        "FFs%": 1.0, "DSPs": 6, "DSPs%": 0.05,
    }  # fmt: skip
    assert found["TimingReport"] == {"WNS": -0.25, "TNS": -3.5, "WHS": 0.01}


def test_a_harness_is_not_the_design() -> None:
    routed = measured(ROUTE, "jet3_harness", LUT=99, WNS_NS=0.5)
    found = hls4ml_dict(sample(measurements=(*sample().measurements, *routed)))
    assert "ImplementationReport" not in found
    assert found["TimingReport"] == {"WNS": 0.5}
    assert found["VivadoSynthReport"]["LUT"] == 14_001


def test_what_was_not_measured_is_absent() -> None:
    assert hls4ml_dict(sample(measurements=(), verification=None, designs=(), layers=())) == {}
    assert "EstimatedClockPeriod" not in hls4ml_dict(sample())["CSynthesisReport"]
    assert hls4ml_dict(failed())["CosimReport"]["Status"] == "Fail"


def test_hls4mls_printer_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    """But for two sections: of implementation, where it adds text to numbers, and of timing, all of which it needs."""
    report: dict[str, Any] = dict(hls4ml_dict(vendor()))
    del report["ImplementationReport"], report["TimingReport"]
    hls4ml_printer()._print_str_report(report)  # print_vivado_report itself needs IPython
    words = capsys.readouterr().out
    assert "900 / 1728000 (0.1%)" in words
    assert "Best-case latency:      10 (50.0 ns)" in words
    total = hls4ml_printer().aggregate_graph_reports({"a": report, "b": report})["StitchedDesignReport"]
    assert float(total["LUT"]) == 2 * 14_001
    assert float(total["DSP"]) == report["VivadoSynthReport"]["DSP48E"], "hls4ml forgets the first graph's"
