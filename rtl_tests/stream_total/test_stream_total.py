"""stream_total under Verilator: sums and maxima, signs, roundings and overflows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "idle_and_stall", "waits", "reset_in_mid_round"}


def total(count: int, bits: int, accumulator: int, **more: int) -> dict[str, int]:
    return {
        "CHANNELS": 2, "BITS": bits, "SIGNED": 1, "COUNT": count, "LARGEST": 0, "ACC_BITS": accumulator,
        "ACC_SIGNED": 1, "ACC_DROP": 0, "ACC_ROUNDING": 0, "ACC_OVERFLOW": 0, **more,
    }  # fmt: skip


INSTANCES = {
    "exact": total(5, 6, 9),
    "wraps": total(7, 6, 6),
    "saturates": total(9, 6, 7, ACC_OVERFLOW=1),
    "symmetric": total(8, 6, 7, ACC_OVERFLOW=3, ACC_DROP=1, ACC_ROUNDING=2),
    "no_sign": total(4, 5, 8, SIGNED=0, ACC_SIGNED=0, CHANNELS=3),
    "to_unsigned": total(6, 5, 6, ACC_SIGNED=0, ACC_OVERFLOW=1),
    "rounds": total(2, 7, 5, ACC_DROP=3, ACC_ROUNDING=6),
    "finer": total(3, 4, 8, ACC_DROP=-2, CHANNELS=1),
    "largest": total(5, 6, 6, LARGEST=1),
    "largest_unsigned": total(4, 5, 5, SIGNED=0, ACC_SIGNED=0, LARGEST=1),
    "largest_wraps": total(6, 6, 4, LARGEST=1, CHANNELS=1),
}
SMALL = total(4, 5, 6)
MUTANTS = {
    "goes_on_adding": Mutant("first ? term : next", "first ? next : next", "full_rate", "output", SMALL),
    "does_not_wait": Mutant(
        "assign in_ready = place || !last;", "assign in_ready = place || last;", "waits", "in_ready", SMALL
    ),
    "keeps_its_place": Mutant("if (rst) number_q <=", "if (1'b0) number_q <=", "reset_in_mid_round", "", SMALL),
    "forgets_signs": Mutant(
        "wire other_sign = ACC_SIGNED != 0 &&",
        "wire other_sign = ACC_SIGNED == 9 &&",
        "full_rate",
        "output",
        total(4, 5, 6, LARGEST=1),
    ),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_total", INSTANCES, tmp_path_factory.mktemp("stream_total"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_total(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_total", simulated.coverage)
