"""stream_credit under Verilator, at several depths, powers of two and not."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from bitwright.report.records import Status
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.verilator import build_block

CHECKS = {"all_places_and_no_more", "both_at_once", "random_traffic", "reset_frees_all"}
SOURCE = Path(str(resources.files("bitwright.rtl") / "sv" / "stream_credit.sv"))


@pytest.mark.simulator
@pytest.mark.parametrize(("depth", "width"), [(1, 2), (5, 3), (16, 5)])
def test_stream_credit(depth: int, width: int, tmp_path: Path) -> None:
    parameters = {"DEPTH": depth, "WIDTH": width}
    (tmp_path / "bench.json").write_text(json.dumps(parameters))
    executable = build_block("stream_credit", [SOURCE], tmp_path, parameters)
    checks = run_bench(executable, "stream_credit", "bench_stream_credit", tmp_path, python_path=Path(__file__).parent)
    assert {check.name for check in checks} == CHECKS
    assert [(check.name, check.detail) for check in checks if check.status is not Status.PASSED] == []
