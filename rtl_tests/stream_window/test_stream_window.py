"""stream_window under Verilator: images and sequences, borders, strides, windows of all shapes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "idle_and_stall", "waits", "reset_in_mid_round"}


def window(height: int, width: int, kernel: tuple[int, int], **more: int) -> dict[str, int]:
    return {"BITS": 3, "HEIGHT": height, "WIDTH": width, "KERNEL_H": kernel[0], "KERNEL_W": kernel[1], **more}


INSTANCES = {
    "plain": window(5, 6, (3, 3)),
    "same": window(5, 4, (3, 3), PAD_TOP=1, PAD_BOTTOM=1, PAD_LEFT=1, PAD_RIGHT=1),
    "strided": window(7, 8, (3, 2), STRIDE_H=2, STRIDE_W=3),
    "uneven": window(4, 5, (2, 3), PAD_TOP=2, PAD_LEFT=0, PAD_RIGHT=3, PAD_BOTTOM=0, STRIDE_H=3, STRIDE_W=2),
    "one_row": window(1, 9, (1, 4), PAD_LEFT=2, PAD_RIGHT=1, STRIDE_W=2),
    "one_pixel": window(3, 4, (1, 1), PAD_TOP=1, PAD_BOTTOM=2, PAD_LEFT=3, PAD_RIGHT=1),
    "one_column": window(6, 1, (2, 1), STRIDE_H=2),
    "whole": window(2, 3, (2, 3)),
}
SMALL = window(4, 5, (2, 2), PAD_TOP=1, PAD_RIGHT=1, STRIDE_W=2)
MUTANTS = {
    "rows_in_their_places": Mutant(
        "wire [LINES-1:0] older = lines[col_q];",
        "wire [LINES-1:0] older = lines[col_q] ^ {LINES{last_row}};",
        "full_rate",
        "output",
        SMALL,
    ),
    "border_of_noise": Mutant(
        "wire [BITS-1:0] pixel = in_image ? in_data : {BITS{1'b0}};",
        "wire [BITS-1:0] pixel = in_data;",
        "full_rate",
        "output",
        SMALL,
    ),
    "no_stride": Mutant(
        "skip_w_q <= SKIP_W[SKIP_W_BITS-1:0]", "skip_w_q <= SKIP_W[SKIP_W_BITS-1:0] & {SKIP_W_BITS{rst}}", "full_rate",
        "claim", SMALL,
    ),
    "goes_on_without_a_place": Mutant(
        "wire step = (in_valid || !in_image) && (place || !emit);", "wire step = in_valid || !in_image;", "waits",
        "claim", SMALL,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    return simulate("stream_window", INSTANCES, tmp_path_factory.mktemp("stream_window"), MUTANTS)


@pytest.mark.parametrize("instance", INSTANCES)
def test_stream_window(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("stream_window", simulated.coverage)
