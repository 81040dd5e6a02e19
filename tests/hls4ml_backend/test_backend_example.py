"""The example of the documentation, run as a user would run it, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugin import results

from bitwright.report.records import Report

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.synth]

Answers = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("example")


@pytest.fixture(scope="module")
def answers(folder: Path) -> Answers:
    return results(folder, "example.py")


def test_it_runs_as_it_stands_in_the_documentation(answers: Answers, folder: Path) -> None:
    assert answers["blocks"] == 2
    for name in (
        "emit/rtl/myproject.sv",
        "emit/bundle.json",
        "report/report.html",
        "import/hls/firmware/myproject.cpp",
    ):
        assert (folder / "prj" / name).is_file()


def test_predict_has_the_bits_shapes_and_dtypes_of_hls4mls_cpp(answers: Answers) -> None:
    assert len(answers["predict"]) == 6
    assert all(answers["predict"].values()), answers["predict"]


def test_trace_has_the_layers_that_the_config_names_and_their_bits(answers: Answers) -> None:
    assert answers["trace"] == {"dense": True}


def test_trace_raises_where_the_hardware_differs_from_the_reference(answers: Answers) -> None:
    text = answers["trace of wrong hardware"]
    assert text.startswith("MismatchError: myproject: reference and RTL differ on 1000 of 1000 vectors")
    assert "first: layer 'kind', element 0, vector 0: expected" in text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "(rows, 4)"), (1, "NumPy arrays of float32 or float64"), (2, "an input is int64"), (3, "NaN"),
        (4, "has shape (0, 4)"),
    ],
)  # fmt: skip
def test_what_the_model_does_not_take_is_an_error(answers: Answers, number: int, words: str) -> None:
    assert words in answers["errors of predict"][number]
    assert answers["errors of predict"][number].startswith("UsageError: myproject: ")


def test_numerical_profiling_draws_weights_and_activations(answers: Answers) -> None:
    if answers["numerical"] is None:
        pytest.skip("seaborn is not installed: hls4ml's profiling cannot be imported")
    assert answers["numerical"] == ["Figure", "Figure", "NoneType", "Figure"]


# --- build -------------------------------------------------------------------------------------


def test_build_returns_the_typed_report_with_four_oracles_equal(answers: Answers) -> None:
    report = Report.model_validate(answers["report"]["typed"])
    assert report.status.value == "PASSED"
    assert report.verification is not None
    pairs = {(pair.left, pair.right, pair.what, pair.status.value) for pair in report.verification.pairs}
    oracles = [("emulation", "reference"), ("emulation", "RTL"), ("reference", "RTL"), ("reference", "netlist")]
    assert {(*pair, "output", "PASSED") for pair in oracles} <= pairs
    assert {left for left, _, _, status in pairs if status != "PASSED"} == {"Keras"}
    assert max(pair.vectors for pair in report.verification.pairs) == 100_000
    assert answers["report"]["text"].splitlines()[2].startswith("LUT ")


def test_the_report_has_hls4mls_keys_and_no_value_that_was_not_measured(answers: Answers) -> None:
    typed, seen = Report.model_validate(answers["report"]["typed"]), answers["report"]["hls4ml"]
    kernel = next(design for design in typed.designs if design.role == "kernel")
    cells = {m.metric: m.value for m in typed.measurements if m.design == kernel.name and m.stage == "POST_SYNTH"}
    assert seen["VivadoSynthReport"] == {
        "LUT": cells["LUT"], "FF": cells["FF"], "DSP48E": cells["DSP"], "BRAM_18K": 2 * cells["BRAM36"],
    }  # fmt: skip
    assert int(seen["VivadoSynthReport"]["LUT"]) > 50
    made = seen["CSynthesisReport"]
    assert (made["BestLatency"], made["IntervalMax"]) == (kernel.latency_cycles, 1)
    assert (made["TargetClockPeriod"], made["AvailableBRAM_18K"]) == (5.0, 5376)
    assert not {"EstimatedClockPeriod", "FF", "DSP", "BRAM_18K", "URAM"} & made.keys()
    assert seen["CosimReport"] == {
        "RTL": "Verilog", "Status": "Pass", "LatencyMin": kernel.latency_cycles + 1,
        "LatencyMax": kernel.latency_cycles + 1, "IntervalMin": 1, "IntervalMax": 1,
    }  # fmt: skip
    assert (
        not {"VivadoSynthReport", "ImplementationReport", "TimingReport"}
        & answers["without synthesis"]["hls4ml"].keys()
    )


def test_a_second_build_does_nothing_and_gives_the_same(answers: Answers) -> None:
    assert answers["again"]["hls4ml"] == answers["report"]["hls4ml"]
    assert answers["again"]["seconds"] < 8
    assert answers["log"].count("nothing changed") == 5


def test_build_without_synthesis_states_no_resources(answers: Answers) -> None:
    assert answers["without synthesis"]["status"] == "PASSED"
    assert set(answers["without synthesis"]["hls4ml"]) == {"CSynthesisReport", "CosimReport"}


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("sinth", "ConfigError: backend 'Bitwright': unknown keyword 'sinth'\n  -> did you mean 'synth'?"),
        ("csim", "call predict(): it simulates the RTL"),
        ("cosim", "every build() compares the simulated RTL"),
        ("validation", "build() compares bit for bit"),
        ("export", "OUTPUT_DIR/emit"),
        ("vsynth", "vivado -mode batch -source vivado.tcl"),
        ("fifo_opt", "emit computes their depths"),
    ],
)
def test_what_rtl_cannot_give_is_said(answers: Answers, keyword: str, words: str) -> None:
    assert words in answers["errors of build"][keyword]


# --- conversion --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "unknown option 'clok_period'\n  -> did you mean 'clock_period'?"),
        (1, "io_type='io_serial': Input should be 'io_parallel' or 'io_stream'"),
        (2, "'namespace' is about Vitis' C++"),
        (3, "'model', 'logits' or 'argmax'"),
        (4, "no family is known for the part 'foo'\n  -> give family= one of 'xcup', 'xcu', 'xc7', 'ecp5'"),
        (5, "clock_period=-1: Input should be greater than 0"),
        (6, "bulk='many': Input should be a valid integer"),
        (7, "output_data_tb is for Vitis' C++ test bench"),
        (8, "unknown option 'board'"),
    ],
)
def test_a_wrong_option_is_an_error(answers: Answers, number: int, words: str) -> None:
    assert words in list(answers["errors of options"].values())[number]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("LayerName.dense.ReuseFactr", "unknown key 'LayerName.dense.ReuseFactr'\n  -> did you mean 'ReuseFactor'?"),
        ("LayerName.dens", "did you mean 'dense'?"),
        ("LayerName.dense.Precision.acum", "did you mean 'accum'?"),
        ("Model.Precison", "did you mean 'Precision'?"),
        ("Model.Precision.defalt", "did you mean 'default'?"),
        ("LayerType.Dens", "did you mean 'Dense'?"),
        ("LayerName.dense.Precision.accum", "layer 'dense' (Dense): the accum type fixed<70,6"),
    ],
)
def test_a_wrong_key_of_the_hls_config_is_an_error(answers: Answers, key: str, words: str) -> None:
    assert words in answers["errors of keys"][key]


def test_errors_come_before_any_file(answers: Answers) -> None:
    said = answers["errors of write"]
    assert "project_name='module' cannot be the name of hardware" in said["name"]
    assert "input_data_tb is not a .npy file" in said["rows"]
    assert answers["no file"]
    assert "this folder holds other files\n  -> give another output_dir" in said["folder"]
    assert "call compile() first" in answers["errors before compile"]


def test_config_from_keras_model_is_that_of_vitis(answers: Answers) -> None:
    assert answers["same config"]
