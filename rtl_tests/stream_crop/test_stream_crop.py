"""stream_crop under Verilator: images and sequences, borders on all sides and on some."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "idle_and_stall", "waits", "reset_in_mid_round"}


def crop(height: int, width: int, *border: int, bits: int = 3) -> dict[str, int]:
    return {"BITS": bits, "HEIGHT": height, "WIDTH": width} | dict(zip(SIDES, border, strict=True))


SIDES = ("TOP", "BOTTOM", "LEFT", "RIGHT")
INSTANCES = {
    "all_sides": crop(5, 6, 1, 2, 2, 1), "one_row": crop(1, 9, 0, 0, 3, 2), "above": crop(4, 3, 2, 0, 0, 0),
    "below": crop(4, 3, 0, 3, 0, 0, bits=8), "right": crop(2, 5, 0, 0, 0, 4), "column": crop(6, 1, 1, 1, 0, 0),
}  # fmt: skip
SMALL = crop(4, 5, 1, 1, 1, 1)
MUTANTS = {
    "one_row_less": Mutant(
        "localparam integer ROW_LAST = HEIGHT - BOTTOM - 1;",
        "localparam integer ROW_LAST = HEIGHT - BOTTOM - 2;",
        "full_rate",
        "claim",
        SMALL,
    ),
    "does_not_wait": Mutant(
        "assign in_ready = place || !inner;", "assign in_ready = place || inner;", "waits", "in_ready", SMALL
    ),
    "keeps_its_place": Mutant("      row_q <= {ROW_BITS{1'b0}};\n", "", "reset_in_mid_round", "", SMALL),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_crop", INSTANCES, tmp_path_factory.mktemp("stream_crop"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_crop(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_crop", simulated.coverage)
