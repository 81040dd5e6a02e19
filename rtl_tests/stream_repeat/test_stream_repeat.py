"""stream_repeat under Verilator: images and sequences, copies of pixels, of rows, and of both."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "idle_and_stall", "waits", "reset_in_mid_round"}


def repeat(width: int, high: int, wide: int, bits: int = 3) -> dict[str, int]:
    return {"BITS": bits, "WIDTH": width, "REPEAT_H": high, "REPEAT_W": wide}


INSTANCES = {
    "both": repeat(3, 2, 2), "odd": repeat(5, 3, 3), "rows": repeat(4, 2, 1), "one_row": repeat(6, 1, 4),
    "one_pixel": repeat(1, 3, 2), "wide": repeat(2, 2, 5, 9),
}  # fmt: skip
SMALL = repeat(3, 2, 2)
MUTANTS = {
    "writes_elsewhere": Mutant(
        "pixels[col_q] <= in_data", "pixels[{COL_BITS{1'b0}}] <= in_data", "full_rate", "output", SMALL
    ),
    "takes_too_early": Mutant(
        "assign in_ready = place && takes;", "assign in_ready = place;", "full_rate", "in_ready", SMALL
    ),
    "does_not_wait": Mutant(
        "assign claim = place && (in_valid || !takes);", "assign claim = in_valid || !takes;", "waits", "claim", SMALL
    ),
    "keeps_its_place": Mutant("      copy_h_q <= {COPY_H_BITS{1'b0}};\n", "", "reset_in_mid_round", "", SMALL),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_repeat", INSTANCES, tmp_path_factory.mktemp("stream_repeat"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_repeat(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_repeat", simulated.coverage)
