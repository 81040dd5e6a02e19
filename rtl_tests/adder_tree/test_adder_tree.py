"""adder_tree under Verilator, with words of one to three levels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"every_clock", "corners"}
INSTANCES = {
    f"n{n}_w{width}": {"N": n, "WIDTH": width}
    for n, width in (
        (1, 1),
        (1, 9),
        (2, 3),
        (3, 2),
        (7, 5),
        (8, 4),
        (9, 1),
        (9, 6),
        (17, 33),
        (64, 3),
        (65, 7),
        (100, 2),
    )
}
MUTANTS = {
    "drops_last": Mutant(
        "i < COUNT;", "i < COUNT - (FIRST > 0 ? 1 : 0);", "every_clock", "the sum is", {"N": 11, "WIDTH": 4}
    ),
    "too_late": Mutant(
        "if (GROUPS > 1)", "if (GROUPS > 0 && N > 1)", "every_clock", "the sum is", {"N": 5, "WIDTH": 4}
    ),
    "loses_a_carry": Mutant(
        "total = total + in[", "total = total ^ in[", "corners", "the sum is", {"N": 3, "WIDTH": 4}
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("adder_tree", INSTANCES, tmp_path_factory.mktemp("adder_tree"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_adder_tree(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("adder_tree", simulated.coverage)
