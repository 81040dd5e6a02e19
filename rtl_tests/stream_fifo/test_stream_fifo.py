"""stream_fifo under Verilator, at several widths and depths."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from bitwright.report.records import Status
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.verilator import build_block

CHECKS = {"fills_and_drains", "full_rate", "idle_and_stall", "reset_empties", "ready_without_words"}
SOURCE = Path(str(resources.files("bitwright.rtl") / "sv" / "stream_fifo.sv"))


@pytest.mark.simulator
@pytest.mark.parametrize(("width", "addr"), [(1, 1), (9, 2), (70, 3)])
def test_stream_fifo(width: int, addr: int, tmp_path: Path) -> None:
    parameters = {"WIDTH": width, "ADDR": addr}
    (tmp_path / "bench.json").write_text(json.dumps(parameters))
    executable = build_block("stream_fifo", [SOURCE], tmp_path, parameters)
    checks = run_bench(executable, "stream_fifo", "bench_stream_fifo", tmp_path, python_path=Path(__file__).parent)
    assert {check.name for check in checks} == CHECKS
    assert [(check.name, check.detail) for check in checks if check.status is not Status.PASSED] == []


@pytest.mark.simulator
def test_the_bench_finds_a_wrong_fifo(tmp_path: Path) -> None:
    """A read pointer that moves without a word: the model sees it."""
    text = SOURCE.read_text()
    wrong = text.replace("wire pop = rd_valid && rd_ready;", "wire pop = rd_ready;")
    assert wrong != text
    source = tmp_path / "stream_fifo.sv"
    source.write_text(wrong)
    parameters = {"WIDTH": 4, "ADDR": 2}
    (tmp_path / "bench.json").write_text(json.dumps(parameters))
    executable = build_block("stream_fifo", [source], tmp_path, parameters)
    checks = run_bench(executable, "stream_fifo", "bench_stream_fifo", tmp_path, python_path=Path(__file__).parent)
    failed = {check.name: check.detail for check in checks if check.status is Status.FAILED}
    assert "ready_without_words" in failed
    assert "rd_valid is True, 0 words are inside" in failed["ready_without_words"]
