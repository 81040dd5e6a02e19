"""stream_join under Verilator, with one to five streams."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"every_state"}
INSTANCES = {f"n{n}": {"N": n} for n in (1, 2, 3, 5)}
MUTANTS = {
    "any": Mutant(
        "assign out_valid = &in_valid", "assign out_valid = |in_valid", "every_state", "out_valid is", {"N": 2}
    ),
    "alone": Mutant("{N{out_valid && out_ready}}", "in_valid & {N{out_ready}}", "every_state", "in_ready is", {"N": 3}),
    "unasked": Mutant(
        "{N{out_valid && out_ready}}", "{N{out_valid || out_ready}}", "every_state", "in_ready is", {"N": 2}
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_join", INSTANCES, tmp_path_factory.mktemp("stream_join"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_join(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_join", simulated.coverage)
