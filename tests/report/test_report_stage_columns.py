"""Figures of several stages: each in its own column, none in the place of another."""

from __future__ import annotations

import pytest
from report_samples import figure, sample

from bitwright.report.figures import blocks, fmax, quoted_design, resource_origin
from bitwright.report.records import FigureStage, Measurement, Report
from bitwright.report.render_html import render_html
from bitwright.report.stage_columns import by_stage
from bitwright.report.summary import fmax_rows, resource_rows

ROUTE, HLS = FigureStage.POST_ROUTE, FigureStage.HLS_ESTIMATE


def with_figures(*more: Measurement) -> Report:
    report = sample()
    return report.model_copy(update={"measurements": (*report.measurements, *more)})


def routed(design: str, tool: str, slack: float = -1.5) -> tuple[Measurement, ...]:
    common = {"stage": ROUTE, "tool": tool}
    return (
        figure("LUT", 9000, design, **common),
        figure("FF", 800, design, **common),
        figure("FMAX_MHZ", 87.5, design, unit="MHz", **common),
        figure("WNS_NS", slack, design, unit="ns", **common),
    )


def test_a_harness_has_a_column_and_nothing_else() -> None:
    plain, report = sample(), with_figures(*routed("jet3_harness", "nextpnr-ecp5"))
    assert resource_origin(report) == resource_origin(plain)
    assert resource_rows(report) == resource_rows(plain)
    columns = by_stage(report)
    assert [column.name for column in columns][-2:] == ["synthesized", "routed"]
    assert columns[-1].figures["LUT"].value == 9000
    assert columns[-2].figures["LUT"].value != 9000


def test_the_design_itself_routed_is_what_is_quoted() -> None:
    kernel = quoted_design(sample())
    assert kernel is not None
    report = with_figures(*routed(kernel.name, "Vivado"))
    assert {row[0]: row[1] for row in resource_rows(report)}["LUT"] == "9,000"
    assert [column.name for column in by_stage(report)][-2:] == ["synthesized", "routed"]
    assert [b.figures for b in blocks(report)] == [b.figures for b in blocks(sample())], (
        "Vivado's figures have no layers"
    )


def test_hls_estimates_are_never_quoted_where_anything_was_counted() -> None:
    kernel = quoted_design(sample())
    assert kernel is not None
    report = with_figures(figure("LUT", 77_777, kernel.name, stage=HLS, tool="Vitis HLS"))
    assert resource_rows(report) == resource_rows(sample())
    (column,) = [column for column in by_stage(report) if column.name == "estimated by HLS"]
    assert column.figures["LUT"].value == 77_777
    assert "77,777" in render_html(report)


@pytest.mark.parametrize(("slack", "words"), [(-1.5, "timing NOT met, WNS -1.500 ns"), (0.0, "timing met, WNS +0.000")])
def test_fmax_comes_with_its_slack(slack: float, words: str) -> None:
    report = with_figures(*routed("jet3_harness", "nextpnr-ecp5", slack))
    found = fmax(report)
    assert found is not None
    assert found.value == 87.5
    ((_, value, note),) = fmax_rows(report)
    assert value == "87.5 MHz"
    assert note.startswith(words)
    assert "jet3_harness" in note
    assert fmax_rows(sample()) == []
