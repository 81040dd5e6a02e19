from __future__ import annotations

import pytest
from report_samples import BULK, OUT_BITS, figure, fixture_measurements, layers, pair, sample, verification

from bitwright.report import numbers
from bitwright.report.figures import available, blocks, quoted_design, resource_origin, resources, span
from bitwright.report.oracles import bits_verified, combine, differing, pair_cells
from bitwright.report.plots import at_rates, layer_resource, pair_matrix, stage_times
from bitwright.report.records import ClassScore, DesignRow, FigureStage, LayerRow, Measurement, Report, StageRun, Status
from bitwright.report.summary import summary_rows
from bitwright.report.svg import fitted, tag, ticks


def rows(report: Report) -> dict[str, tuple[str, str]]:
    return {label: (value, note) for label, value, note in summary_rows(report)}


def with_pairs(*pairs: object) -> Report:
    return sample(verification=verification().model_copy(update={"pairs": pairs}))


# the short table


def test_summary_of_a_good_run() -> None:
    found = rows(sample())
    assert list(found)[:8] == ["Accuracy", "Bits verified", "LUT", "FF", "DSP", "BRAM", "Latency", "II"]
    assert found["Accuracy"] == (
        "70.5 %",
        "± 1.9 %; hls4ml_lhc_jets_hlf, 5-fold cross-validation, 600 rows; Keras 70.5 %",
    )
    assert found["Bits verified"][0] == f"{BULK * OUT_BITS:,}"
    assert found["LUT"] == ("14,001", "POST_SYNTH, yosys 0.70, kernel jet3")
    assert found["DSP"][0] == "0"
    assert found["Latency"][0] == "14 cycles, 70 ns"
    assert "timing not analysed" in found["Latency"][1]
    assert found["Latency"][1].endswith("measured on the RTL: 14 (kernel)")
    assert found["II"][0] == "1 cycle"
    assert found["stage synth"] == ("64 s", "")


def test_timing_says_whether_it_was_met() -> None:
    slack = figure("WNS_NS", -0.12, "jet3", unit="ns", stage=FigureStage.POST_ROUTE, tool="vivado")
    found = rows(sample(measurements=(*sample().measurements, slack)))
    assert "timing NOT met, WNS -0.120 ns (POST_ROUTE)" in found["Latency"][1]


def test_figure_that_no_tool_stated() -> None:
    found = rows(sample(measurements=(figure("LUT", 7, "jet3"),)))
    assert found["LUT"][0] == "7"
    assert found["FF"][0] == "not stated"


# which figure


def test_stages_are_never_mixed() -> None:
    routed = [figure(m, v, "jet3", stage=FigureStage.POST_ROUTE, tool="vivado") for m, v in (("LUT", 9), ("FF", 8))]
    report = sample(measurements=(*sample().measurements, *routed))
    assert str(resource_origin(report)) == "POST_ROUTE, vivado 0.70"
    assert {name: f.value for name, f in resources(report, "jet3").items()} == {"LUT": 9, "FF": 8}
    assert rows(report)["DSP"][0] == "not stated"


def test_block_memory_counts_in_tiles() -> None:
    report = sample(measurements=[figure("LUT", 1, "jet3"), figure("BRAM36", 2, "jet3"), figure("BRAM18", 3, "jet3")])
    assert resources(report, "jet3")["BRAM"].value == 3.5
    assert rows(report)["BRAM"][0] == "3.5"


def test_area_is_quoted_for_the_kernel_if_it_was_counted() -> None:
    assert quoted_design(sample()).name == "jet3"  # type: ignore[union-attr]
    shell = sample(measurements=(figure("LUT", 1, "jet3_stream"),))
    assert quoted_design(shell).role == "shell"  # type: ignore[union-attr]


def test_parsed_measurements_fit_the_views() -> None:
    top = DesignRow(name="top", role="kernel", latency_cycles=1, ii_cycles=1, ports=(), includes="all")
    layer = LayerRow(name="l", kind="Dense", module="pair", shape=(1,), format="fixed<8,4>")
    report = sample(measurements=fixture_measurements("xcup"), designs=(top,), layers=(layer,))
    assert rows(report)["LUT"][0] == "125"
    assert rows(report)["BRAM"] == ("1.5", "POST_SYNTH, yosys 0.70, kernel top; tiles of 36 kbit")
    assert blocks(report)[0].figures["DSP"].value == 2
    assert resources(report, "top")["LUT"].source == "stat_xcup.json:89"


def test_layers_of_one_module_count_once() -> None:
    fused = [layer.model_copy(update={"module": "jet3_fc1"}) for layer in layers()[1:3]]
    (block,) = blocks(sample(layers=tuple(fused)))
    assert block.name == "fc1 + relu1"
    assert block.figures["LUT"].value == 6210


def test_a_layers_own_figure_comes_first() -> None:
    own = figure("LUT", 77, "jet3", layer="relu1")
    (block,) = blocks(sample(layers=layers()[2:3], measurements=(own, *sample().measurements)))
    assert block.figures["LUT"].value == 77


def test_device_sizes() -> None:
    assert {name: m.value for name, m in available(sample()).items()} == {
        "LUT": 1_728_000, "FF": 3_456_000, "DSP": 12_288, "BRAM": 2_688}  # fmt: skip


def test_span() -> None:
    plain = layers()[0]
    assert [span(plain), span(layers()[1]), span(plain.model_copy(update={"last_stage": None}))] == ["0", "1–4", ""]


# oracles


def test_bits_verified_is_the_largest_comparison_of_hardware() -> None:
    found = bits_verified(
        with_pairs(pair("Keras", "reference", 10**9), pair("reference", "RTL", 7), pair("Keras", "RTL", 5))
    )
    assert (found.value, found.note) == (f"{7 * OUT_BITS}", "reference = RTL on 7 vectors; oracle pairs: 3 PASSED")


def test_software_alone_verifies_no_hardware() -> None:
    found = bits_verified(with_pairs(pair("Keras", "reference"), pair("reference", "RTL", status=Status.NOT_RUN)))
    assert found.value == "NOT RUN"
    assert found.note == "oracle pairs: 1 PASSED, 1 NOT RUN"


def test_a_failed_protocol_check_fails_the_bits() -> None:
    proof = verification().model_copy(update={"status": Status.FAILED})
    found = bits_verified(sample(verification=proof))
    assert found.value == "FAILED"
    assert "another check of the verification FAILED" in found.note


def test_pairs_of_layers_join_in_one_cell() -> None:
    (cell,) = pair_cells(
        [
            pair("reference", "RTL", 3),
            pair("RTL", "reference", 4, what="fc1"),
            pair("reference", "RTL", 0, status="NOT_RUN"),
        ]
    )
    assert (cell.bits, cell.vectors, str(cell.tally)) == (7 * OUT_BITS, 4, "2 PASSED, 1 NOT RUN")
    assert "1 PASSED, 1 NOT RUN" in pair_matrix([pair("a", "b"), pair("a", "b", 0, status="NOT_RUN")])


def test_combine() -> None:
    assert combine([]) is Status.NOT_RUN
    assert combine([Status.NOT_RUN, Status.PASSED]) is Status.PASSED
    assert combine([Status.PASSED, Status.FAILED, Status.NOT_RUN]) is Status.FAILED


def test_differing_pads_the_shorter() -> None:
    assert [bad for _, _, bad in differing("0110", "111")] == [True, False, False, True]


# drawings and numbers


def test_missing_figures_draw_words() -> None:
    drawn = layer_resource("URAM", blocks(sample()))
    assert drawn.count("not stated") == len(layers())
    assert "<rect" not in drawn
    assert "NOT RUN" in stage_times([StageRun(name="synth", status=Status.NOT_RUN)])


def test_the_estimate_stands_beside_what_was_synthesized() -> None:
    report = sample()
    layer = next(layer for layer in report.layers if layer.module)
    expected = Measurement(
        metric="ESTIMATED_LUT", value=123.4, unit="count", stage=FigureStage.BUNDLE, tool="bitwright", tool_version="0",
        part=report.part, design=str(layer.module), source="emit/bundle.json",
    )  # fmt: skip
    rows = blocks(report.model_copy(update={"measurements": (*report.measurements, expected)}))
    assert [row.name for row in rows if row.estimated_lut] == [row.name for row in rows if layer in row.layers]
    drawn = layer_resource("LUT", rows)
    assert drawn.count('class="mark"') == 1
    assert "123 LUT estimated\nemit/bundle.json" in drawn
    assert "mark" not in layer_resource("FF", rows)


def test_steps_that_ran_side_by_side_are_not_stacked() -> None:
    drawn = stage_times([StageRun(name="synth", status=Status.PASSED, seconds=10, detail={"a": 8, "b": 9})])
    assert drawn.count("<rect") == 1


def test_true_positive_rates_between_points() -> None:
    curve = ClassScore(name="a", rows=1, roc=((0, 0), (0, 0.4), (0.5, 0.8), (1, 1)))
    assert at_rates(curve, (0.0, 0.25, 0.5, 1.0)) == pytest.approx((0.4, 0.6, 0.8, 1.0))
    assert at_rates(ClassScore(name="a", rows=0), (0.1,)) == (None,)


def test_svg_pieces() -> None:
    assert tag("a", "<&>", b="\"'", c=-0.001) == '<a b="&#34;&#39;" c="0">&lt;&amp;&gt;</a>'
    assert fitted("abcdefghij", 40, 10) == "abc…hij"
    assert ticks(14) == (0, 5, 10)
    assert ticks(1) == pytest.approx((0, 0.2, 0.4, 0.6, 0.8, 1.0))
    assert ticks(0) == (0.0,)


def test_numbers() -> None:
    assert [numbers.count(v) for v in (None, 0, 1234, 3.5)] == ["–", "0", "1,234", "3.5"]
    assert [numbers.short(v) for v in (999, 1000, 999_600, 80e6)] == ["999", "1 k", "1 M", "80 M"]
    assert [numbers.utilisation(v) for v in (0, 0.00002, 0.0081, 0.25)] == ["0 %", "0.0020 %", "0.81 %", "25.0 %"]
    assert [numbers.seconds(v) for v in (None, 0.21, 4.24, 61, 750)] == ["–", "0.21 s", "4.2 s", "61 s", "12 min 30 s"]
    assert numbers.nanoseconds(36.3) == "36.3 ns"
    assert numbers.word(Status.NOT_RUN) == "NOT RUN"
