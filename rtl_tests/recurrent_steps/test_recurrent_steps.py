"""recurrent_steps under Verilator: both cells, one group of units or several, all states or the last one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from block_tests import Mutant, Simulated, simulate

from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"full_rate", "idle_and_stall", "waits_for_a_place", "reset_in_mid_sequence"}


def steps(count: int, units: int, lanes: int, *, cells: bool, every: bool, width: int = 3) -> dict[str, int]:
    return {
        "STEPS": count, "SEQUENCES": int(every), "FEATURES": width + 1, "UNITS": units, "LANES": lanes,
        "GATES": 4 if cells else 3, "WIDTH": width, "ACC_WIDTH": width + 2, "CELLS": int(cells),
    }  # fmt: skip


INSTANCES = {
    "lstm": steps(3, 4, 2, cells=True, every=True),
    "lstm_last": steps(5, 6, 1, cells=True, every=False, width=2),
    "lstm_parallel": steps(2, 3, 3, cells=True, every=True),
    "gru": steps(4, 6, 2, cells=False, every=False),
    "gru_every": steps(3, 5, 1, cells=False, every=True, width=1),
    "gru_parallel": steps(3, 2, 2, cells=False, every=False),
    "one_step": steps(1, 4, 2, cells=True, every=False),
    "one_unit": steps(4, 1, 1, cells=False, every=True, width=6),
}
CLOCKS = {
    "lstm": (4, 3), "lstm_last": (1, 2), "lstm_parallel": (2, 1), "gru": (7, 2), "gru_every": (3, 9),
    "gru_parallel": (1, 1), "one_step": (2, 2), "one_unit": (3, 1),
}  # fmt: skip
"""Clocks of the products and of the gates: shorter and longer than the groups are many."""

VICTIM, GRU = INSTANCES["lstm"], INSTANCES["gru"]
MUTANTS = {
    "remembers": Mutant("state = first_q ? {(UNITS * WIDTH) {1'b0}} : state_q", "state = state_q", "full_rate",
                        "state is", VICTIM),
    "keeps_its_cells": Mutant("gates_old = first_q ? {GROUP{1'b0}} : old", "gates_old = old", "full_rate",
                              "gates_old is", VICTIM),
    "always_ready": Mutant("(!busy_q || done) &&", "(!busy_q || in_valid) &&", "full_rate", "in_ready is", VICTIM),
    "a_clock_late": Mutant("(!busy_q || done)", "!busy_q", "full_rate", "in_ready is", VICTIM),
    "ignores_places": Mutant("&& (place || !gives)", "&& (place || in_valid || !gives)", "waits_for_a_place",
                             "in_ready is", VICTIM),
    "gives_all": Mutant("done && gives_q", "done && (gives_q || first_q)", "full_rate", "out_valid is", GRU),
    "no_new_sequence": Mutant("if (rst) number_q <=", "if (1'b0) number_q <=", "reset_in_mid_sequence", "", GRU),
    "survives_reset": Mutant("if (rst) written_q <=", "if (1'b0) written_q <=", "reset_in_mid_sequence", "", GRU),
    "other_units": Mutant("written_q == HERE", "sent_q == HERE", "full_rate", "", VICTIM),
}  # fmt: skip


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    clocks = CLOCKS | {name: CLOCKS["lstm" if m.parameters is VICTIM else "gru"] for name, m in MUTANTS.items()}
    folder = tmp_path_factory.mktemp("recurrent_steps")
    return simulate("recurrent_steps", INSTANCES, folder, MUTANTS, more=clocks)


@pytest.mark.parametrize("instance", INSTANCES)
def test_recurrent_steps(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("recurrent_steps", simulated.coverage)
