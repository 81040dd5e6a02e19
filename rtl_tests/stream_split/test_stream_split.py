"""stream_split under Verilator, at several sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "idle_and_stall", "waits", "reset_in_mid_round"}
INSTANCES = {
    "two": {"BITS": 3, "COUNT": 2},
    "five": {"BITS": 7, "COUNT": 5},
    "eight": {"BITS": 1, "COUNT": 8},
    "two_reversed": {"BITS": 2, "COUNT": 2, "REVERSE": 1},
    "four_reversed": {"BITS": 3, "COUNT": 4, "REVERSE": 1},
}
SMALL = {"BITS": 4, "COUNT": 3}
MUTANTS = {
    "garbles_later_beats": Mutant(
        ": word_q[BITS-1:0];", ": word_q[BITS-1:0] ^ {BITS{valid_q}};", "full_rate", "output", SMALL
    ),
    "always_ready": Mutant(
        "assign in_ready = place && first;", "assign in_ready = place;", "full_rate", "in_ready", SMALL
    ),
    "keeps_its_place": Mutant("if (rst) number_q <=", "if (1'b0) number_q <=", "reset_in_mid_round", "step", SMALL),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_split", INSTANCES, tmp_path_factory.mktemp("stream_split"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_split(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_split", simulated.coverage)
