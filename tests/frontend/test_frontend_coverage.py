"""The record of hls4ml's layers is what a measurement gives, and says what the command shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from emulated import call
from measure_coverage import join

from bitwright.cli import main
from bitwright.files import read_json
from bitwright.frontend import coverage
from bitwright.frontend.lower import _HANDLERS
from bitwright.frontend.lower_hgq import HANDLERS

BOTH = (
    "conv1d", "conv2d", "separable1d", "separable2d", "pool", "places", "cnn", "activations", "quantized", "binary",
    "powers", "power_windows", "shapes", "embedding", "recurrent",
)  # fmt: skip
ARRAYS = ("pool_padded", "merges", "norms", "bidirectional", "distributed")
SEEDS = {
    "power_windows:io_parallel": 12, "power_windows:io_stream": 4, "separable2d:io_parallel": 11,
    "binary:io_parallel": 2, "recurrent:io_parallel": 2,
    "embedding:io_stream": 2,
}  # fmt: skip
"""Where the first draw of types and strategies is one that hls4ml has no C++ for."""

LAYER_MODELS = tuple(
    f"{word}:{SEEDS.get(word, 1)}"
    for word in (
        *(f"{m}:{io}" for m in BOTH for io in ("io_parallel", "io_stream")),
        *(f"{m}:io_parallel" for m in ARRAYS),
    )
)
HGQ2 = (
    "wrapping",
    "saturating",
    "merged",
    "einsum",
    "table",
    "softmax",
    "attention",
    "linformer",
    "dots",
    "conv1d",
    "conv2d",
)
MODELS = (
    ("layer_models.py", LAYER_MODELS),
    ("keras3_models.py", ("keras3", "mlp_json", "branches_h5", "images_keras", "steps_h5", "sequences_keras")),
    ("hgq2_models.py", tuple(f"{name}_{3 if name == 'conv2d' else 2 if name == 'conv1d' else 1}" for name in HGQ2)),
    ("onnx_models.py", ("plain", "quantized")),
)
FEW = ("layer_models.py", ("conv2d:io_parallel:1", "conv2d:io_stream:1", "embedding:io_stream:2", "shapes:io_stream:1"))


def measured(folder: Path, script: str, words: tuple[str, ...]) -> Path:
    out = folder / f"{script}.json"
    call("measure_coverage.py", script, folder / "models", out, *words)
    return out


def part_of(record: dict[str, Any], models: set[str]) -> dict[str, Any]:
    """What a record says of classes in some models."""
    return {kind: data for kind, data in record.items() if set(data["models"]) & models}


@pytest.mark.hls
def test_a_few_measured_again(tmp_path: Path) -> None:
    """Not more than the record says, and the same sorts of streams where the models are all that it has of a class."""
    found, record = read_json(measured(tmp_path, *FEW)), coverage.record()
    assert {"Conv2D", "PointwiseConv2D", "Embedding", "Softmax", "Reshape", "Conv2DBatchnorm"} <= set(found)
    for kind, data in found.items():
        held = record[kind]
        assert set(data["models"]) <= set(held["models"])
        assert data["parallel"] <= held["parallel"]
        assert set(data["stream"]) - {"by other layers"} <= set(held["stream"])
    assert found["Conv2D"]["parallel"]
    assert found["Conv2D"]["stream"] == ["line buffers"]
    assert found["Embedding"]["stream"] == ["whole tensor"]
    assert found["PointwiseConv2D"]["stream"] == ["each beat"]


@pytest.mark.hls
@pytest.mark.slow
def test_all_measured_again(tmp_path: Path) -> None:
    files = [measured(tmp_path / script, script, words) for script, words in MODELS]
    assert join(files) == coverage.record()


def test_every_handler_was_measured() -> None:
    record = coverage.record()
    handlers = {*_HANDLERS, *HANDLERS}
    assert handlers <= set(record)
    assert {kind for kind in handlers if not record[kind]["parallel"]} == {"Repack"}, "hls4ml makes it for streams only"


def test_what_hls4ml_has_no_streams_for() -> None:
    record = coverage.record()
    arrays = {kind for kind, data in record.items() if not data["stream"]}
    assert {"LayerNormalization", "Einsum", "EinsumDense", "Bidirectional", "TimeDistributed"} <= arrays
    assert not {"Conv2D", "Dense", "Embedding", "Pooling2D", "Activation", "Softmax"} & arrays


def test_the_command_lists_all_of_hls4mls_layers() -> None:
    result = CliRunner().invoke(main, ["coverage", "--json"])
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert len(rows) > 80
    assert rows["QDense"]["hls4ml_class"] == "Dense"
    assert all(rows[name]["reference"] for name in ("Dense", "Conv2D", "QSeparableConv2D", "LSTM", "HGQ>UnaryLUT"))
    assert not any(rows[name]["reference"] for name in ("GarNet", "SimpleRNN", "SymbolicExpression"))
    assert (rows["Einsum"]["parallel"], rows["Einsum"]["stream"]) == (True, "")
    assert (rows["MaxPooling2D"]["parallel"], rows["MaxPooling2D"]["stream"]) == (True, "line buffers")
