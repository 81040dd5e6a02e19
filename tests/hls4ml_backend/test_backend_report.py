"""The report as hls4ml's dictionary: what is there, and what is not."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bitwright.hls4ml_backend.report import BuildReport
from bitwright.report.records import FigureStage, Report

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from report_samples import failed, figure, sample


def build_report(report: Report) -> BuildReport:
    return BuildReport.model_validate(report.model_dump())


def test_it_is_both_a_report_and_a_mapping() -> None:
    report = build_report(sample())
    assert isinstance(report, Report)
    assert isinstance(report, Mapping)
    assert list(report) == list(report.keys()) == ["CSynthesisReport", "VivadoSynthReport", "CosimReport"]
    assert len(report) == 3
    assert "TimingReport" not in report
    assert report.get("ImplementationReport") is None
    assert Report.model_validate(report.model_dump()) == sample()
    with pytest.raises(KeyError, match="TimingReport"):
        report["TimingReport"]


def test_every_value_is_a_number_or_a_word() -> None:
    for section in build_report(sample()).values():
        words = {key for key, value in section.items() if isinstance(value, str)}
        assert words <= {"RTL", "Status"}
        assert all(value >= 0 for key, value in section.items() if key not in words)


def test_without_synthesis_there_are_no_cells() -> None:
    estimates = tuple(figure("ESTIMATED_LUT", n, "jet3_fc1", stage=FigureStage.BUNDLE) for n in (700.4, 50.3))
    report = build_report(sample(measurements=estimates))
    assert "VivadoSynthReport" not in report
    assert report["CSynthesisReport"]["LUT"] == 751
    assert "LUT" not in build_report(sample(measurements=()))["CSynthesisReport"]


def test_a_metric_that_was_not_counted_is_absent() -> None:
    kept = tuple(m for m in sample().measurements if m.metric not in ("DSP", "BRAM36", "BRAM18"))
    cells = build_report(sample(measurements=kept))["VivadoSynthReport"]
    assert "LUT" in cells
    assert not {"DSP48E", "BRAM_18K", "URAM"} & cells.keys()


def test_without_a_measured_latency_there_is_no_cosim() -> None:
    proof = sample().verification
    assert proof is not None
    assert "CosimReport" not in build_report(sample(verification=None))
    assert "CosimReport" not in build_report(sample(verification=proof.model_copy(update={"latency_cycles": None})))


def test_bits_that_differ_are_a_failed_cosim() -> None:
    assert build_report(failed())["CosimReport"]["Status"] == "Fail"


def test_it_prints_as_the_table_at_the_end_of_a_run() -> None:
    assert str(build_report(sample())).startswith("Accuracy")
