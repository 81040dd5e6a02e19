"""stream_fifo under Verilator, at several widths and depths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"fills_and_drains", "full_rate", "idle_and_stall", "reset_empties", "ready_without_words"}
INSTANCES = {"w1_a1": {"WIDTH": 1, "ADDR": 1}, "w9_a2": {"WIDTH": 9, "ADDR": 2}, "w70_a3": {"WIDTH": 70, "ADDR": 3}}
MUTANTS = {
    "pops_nothing": Mutant(
        "wire pop = rd_valid && rd_ready;",
        "wire pop = rd_ready;",
        "ready_without_words",
        "rd_valid is True, 0 words are inside",
        {"WIDTH": 4, "ADDR": 2},
    ),
    "keeps_words": Mutant(
        "rd_q <= {(ADDR + 1) {1'b0}};",
        "rd_q <= {(ADDR + 1) {rst && rd_q[0]}};",
        "reset_empties",
        "words are inside",
        {"WIDTH": 4, "ADDR": 2},
    ),
    "one_address": Mutant(
        "mem_q[wr_q[ADDR-1:0]] <= wr_data",
        "mem_q[0] <= wr_data",
        "fills_and_drains",
        "oldest word",
        {"WIDTH": 4, "ADDR": 2},
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_fifo", INSTANCES, tmp_path_factory.mktemp("stream_fifo"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_fifo(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_fifo", simulated.coverage)
