"""The record of hls4ml's layers is what a measurement gives, and says what the command shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from emulated import call
from measure_coverage import MODELS, join

from bitwright.cli import main
from bitwright.files import read_json
from bitwright.frontend import coverage
from bitwright.frontend.lower import _HANDLERS
from bitwright.frontend.lower_hgq import HANDLERS

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
    assert all(
        rows[name]["reference"] for name in ("Dense", "Conv2D", "QSeparableConv2D", "LSTM", "GarNet", "HGQ>UnaryLUT")
    )
    assert not any(rows[name]["reference"] for name in ("SimpleRNN", "SymbolicExpression"))
    assert (rows["Einsum"]["parallel"], rows["Einsum"]["stream"]) == (True, "")
    assert (rows["MaxPooling2D"]["parallel"], rows["MaxPooling2D"]["stream"]) == (True, "line buffers")
