"""stream_credit under Verilator, at several depths, powers of two and not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"all_places_and_no_more", "both_at_once", "random_traffic", "reset_frees_all"}
INSTANCES = {"d1": {"DEPTH": 1, "WIDTH": 2}, "d5": {"DEPTH": 5, "WIDTH": 3}, "d16": {"DEPTH": 16, "WIDTH": 5}}
MUTANTS = {
    "loses_one": Mutant(
        "else if (give && !take) free_q <= free_q + ONE",
        "else if (give && !take && free_q != ALL - ONE) free_q <= free_q + ONE",
        "random_traffic",
        "available is False",
        {"DEPTH": 3, "WIDTH": 2},
    ),
    "takes_twice": Mutant(
        "if (take && !give)", "if (take)", "both_at_once", "places are free", {"DEPTH": 3, "WIDTH": 2}
    ),
    "keeps_places": Mutant(
        "if (rst) free_q <= ALL;",
        "if (rst && !take) free_q <= ALL;",
        "reset_frees_all",
        "available is False",
        {"DEPTH": 3, "WIDTH": 2},
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_credit", INSTANCES, tmp_path_factory.mktemp("stream_credit"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_credit(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_credit", simulated.coverage)
