"""stream_queue under Verilator, at several widths and depths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"fills_and_drains", "full_rate", "idle_and_stall", "reset_empties"}
INSTANCES = {"w1_a1": {"WIDTH": 1, "ADDR": 1}, "w5_a2": {"WIDTH": 5, "ADDR": 2}, "w33_a3": {"WIDTH": 33, "ADDR": 3}}
MUTANTS = {
    "one_place_less": Mutant(
        ".DEPTH(1 << ADDR)", ".DEPTH((1 << ADDR) - 1)", "fills_and_drains", "in_ready is False", {"WIDTH": 4, "ADDR": 2}
    ),
    "takes_unasked": Mutant(
        ".wr_valid(in_valid && in_ready)",
        ".wr_valid(in_valid)",
        "fills_and_drains",
        "oldest word",
        {"WIDTH": 4, "ADDR": 2},
    ),
    "gives_back_early": Mutant(
        ".give(out_valid && out_ready)",
        ".give(out_ready && in_valid)",
        "idle_and_stall",
        "in_ready is",
        {"WIDTH": 4, "ADDR": 2},
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_queue", INSTANCES, tmp_path_factory.mktemp("stream_queue"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_queue(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_queue", simulated.coverage)
