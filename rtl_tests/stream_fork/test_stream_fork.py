"""stream_fork under Verilator, with one to five readers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "every_order", "one_waits_for_nobody", "idle_and_stall", "reset_forgets"}
INSTANCES = {f"n{n}": {"N": n} for n in (1, 2, 3, 5)}
MUTANTS = {
    "twice": Mutant("& ~done_q;", "& ~(done_q & {N{!in_valid}});", "every_order", "out_valid is", {"N": 2}),
    "early": Mutant("&(done_q | out_ready)", "|(done_q | out_ready)", "one_waits_for_nobody", "in_ready is", {"N": 3}),
    "remembers": Mutant(
        "if (rst || (in_valid", "if ((rst && !in_valid) || (in_valid", "reset_forgets", "out_valid is", {"N": 2}
    ),
    "held": Mutant(
        "assign out_valid = {N{in_valid}}",
        "assign out_valid = {N{in_valid && in_ready}}",
        "one_waits_for_nobody",
        "out_valid is",
        {"N": 2},
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_fork", INSTANCES, tmp_path_factory.mktemp("stream_fork"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_fork(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_fork", simulated.coverage)
