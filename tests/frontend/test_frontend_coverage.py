"""The list of hls4ml's layers: complete, and every test that it names exists."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tiny import ROOT

from bitwright.cli import main
from bitwright.frontend import coverage
from bitwright.frontend.lower import _HANDLERS
from bitwright.frontend.lower_hgq import HANDLERS


def test_every_handler_has_its_line() -> None:
    assert set(coverage.HARDWARE) == {*_HANDLERS, *HANDLERS}
    assert not set(coverage.ELSEWHERE) & set(coverage.HARDWARE)


@pytest.mark.parametrize(
    "path", sorted({p for _, tests in coverage.HARDWARE.values() for p in tests} | {coverage.ONNX})
)
def test_every_test_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_command_lists_all_of_hls4mls_layers() -> None:
    result = CliRunner().invoke(main, ["coverage", "--json"])
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert len(rows) > 80
    assert rows["QDense"]["hls4ml_class"] == "Dense"
    assert all(rows[name]["reference"] for name in ("Dense", "Conv2D", "QSeparableConv2D", "LSTM", "HGQ>UnaryLUT"))
    assert not any(rows[name]["reference"] for name in ("GarNet", "SimpleRNN"))
    assert all(
        bool(row["tests"]) == row["reference"] == row["parallel"] >= bool(row["stream"]) for row in rows.values()
    )
