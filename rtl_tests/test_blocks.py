"""Every hand-written block: its bench under Verilator at several parameter values, and proof that it can fail."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from bitwright.report.records import ProtocolCheck, Status
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.verilator import build_block

pytestmark = pytest.mark.simulator

HERE = Path(__file__).parent
SOURCES = Path(str(resources.files("bitwright.rtl") / "sv"))
BLOCKS = {
    "stream_fifo": [{"WIDTH": 1, "ADDR": 1}, {"WIDTH": 13, "ADDR": 3}, {"WIDTH": 90, "ADDR": 5}],
    "stream_credit": [{"DEPTH": 1, "WIDTH": 2}, {"DEPTH": 6, "WIDTH": 3}, {"DEPTH": 32, "WIDTH": 6}],
}


def run_block(block: str, source: Path, parameters: dict[str, int], folder: Path) -> tuple[ProtocolCheck, ...]:
    executable = build_block(block, [source], folder, parameters)
    return run_bench(executable, block, f"bench_{block}", folder, python_path=HERE / block)


def test_every_block_has_a_bench() -> None:
    assert {path.stem for path in SOURCES.glob("*.sv")} == set(BLOCKS)


@pytest.mark.parametrize(("block", "parameters"), [(b, p) for b, values in BLOCKS.items() for p in values])
def test_block(block: str, parameters: dict[str, int], tmp_path: Path) -> None:
    checks = run_block(block, SOURCES / f"{block}.sv", parameters, tmp_path)
    assert [c for c in checks if c.status is not Status.PASSED] == []
    assert len(checks) >= 3


MUTANTS = {
    "stream_fifo": ("rd_data = mem_q[rd_q[ADDR-1:0]]", "rd_data = mem_q[wr_q[ADDR-1:0]]"),
    "stream_credit": ("free_q <= ALL", "free_q <= ALL - ONE"),
}


@pytest.mark.parametrize("block", sorted(MUTANTS))
def test_a_broken_block_fails(block: str, tmp_path: Path) -> None:
    text = (SOURCES / f"{block}.sv").read_text()
    right, wrong = MUTANTS[block]
    assert text.count(right) == 1
    broken = tmp_path / f"{block}.sv"
    broken.write_text(text.replace(right, wrong))
    checks = run_block(block, broken, BLOCKS[block][1], tmp_path)
    assert any(c.status is Status.FAILED for c in checks)
