"""dense_folded under Verilator against ``naive.py``, with every reuse factor of many shapes, in many formats."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from block_tests import Mutant, Parameters, Simulated, constant, simulate
from layers import parameters, plan, random_layer

from bitwright.rtl.engine_dense import timing, valid_reuse_factors
from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator

CHECKS = {"back_to_back", "random_gaps", "single_words", "reset_in_mid_word"}
SHAPES = ((1, 1), (1, 3), (3, 4), (6, 4))
TALL = ((20, 1, 2, "WRAP"), (20, 1, 1, "SAT"), (70, 1, 1, "WRAP"))
"""Sums of more than eight products: trees of two and three levels, and one that saturates on its way."""

WORDS = 16

Case = tuple[int, int, int, str]
Named = tuple[dict[str, Parameters], dict[str, Any]]


def every_reuse(shapes: Sequence[tuple[int, int]], first: int = 0) -> Iterator[Case]:
    """Each shape with each of its reuse factors; accumulators wrap, saturate, wrap, go to zero, ..."""
    overflows = cycle(("WRAP", "SAT", "WRAP", "SAT_ZERO", "WRAP", "SAT_SYM"))
    for _ in range(first):
        next(overflows)
    for n_in, n_out in shapes:
        for reuse in valid_reuse_factors(n_in, n_out):
            yield n_in, n_out, reuse, next(overflows)


def cases(wanted: Iterable[Case], seed: int, width: int = 8) -> Named:
    """Parameters and plans of random layers, by name."""
    rng = random.Random(seed)
    found: dict[str, Parameters] = {}
    plans = {}
    for n_in, n_out, reuse, overflow in wanted:
        name = f"d{n_in}x{n_out}_r{reuse}_{overflow.lower()}"
        layer, source = random_layer(rng, n_in, n_out, reuse, overflow, width)
        found[name], plans[name] = parameters(layer, source), plan(rng, layer, source, WORDS)
    return found, plans


def one(case: Case) -> tuple[Parameters, Any]:
    """A layer whose result tells all about the sum."""
    (found,), (its_plan,) = (named.values() for named in cases([case], 34))
    return found, its_plan


INSTANCES, PLANS = cases(every_reuse(SHAPES), 1)
PLAIN, PLAIN_PLANS = cases(TALL, 2)
VICTIM, VICTIM_PLAN = one((4, 2, 4, "WRAP"))
PASSES, PASSES_PLAN = one((3, 4, 6, "SAT"))
MUTANTS = {
    "no_overlap": Mutant(
        "assign in_ready = !busy_q || (last_step && last_pass);", "assign in_ready = !busy_q;",
        "back_to_back", "in_ready is False", VICTIM,
    ),
    "turns_back": Mutant("(s + 1) % STEPS", "(s + STEPS - 1) % STEPS", "back_to_back", "the result is", VICTIM),
    "bias_again": Mutant(
        "now_first ? bias[l*ACC", "now_first || acc_q[0] ? bias[l*ACC", "back_to_back", "the result is", VICTIM
    ),
    "bias_of_another": Mutant("if (now_pass == i", "if (done_pass_q == i", "back_to_back", "the result is", PASSES),
    "counts_on": Mutant(
        "step_q <= {STEP_BITS{1'b0}};", "step_q <= step_q;", "single_words", "in_ready is", VICTIM
    ),
    "wrong_pass": Mutant(
        "done_pass_q == LAST_PASS;", "done_pass_q != LAST_PASS;", "back_to_back", "out_valid is True", PASSES
    ),
    "survives_reset": Mutant(
        "if (rst) valid_q <=", "if (rst && !in_valid) valid_q <=", "reset_in_mid_word", "out_valid is True", VICTIM
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All instances and mutants in one simulation."""
    plans = {name: VICTIM_PLAN if mutant.parameters is VICTIM else PASSES_PLAN for name, mutant in MUTANTS.items()}
    folder = tmp_path_factory.mktemp("dense_folded")
    return simulate("dense_folded", INSTANCES, folder, MUTANTS, more={**PLANS, **PLAIN_PLANS, **plans}, plain=PLAIN)


@pytest.mark.parametrize("instance", [*INSTANCES, *PLAIN])
def test_dense_folded(instance: str, simulated: Simulated) -> None:
    simulated.passes(instance, CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("dense_folded", simulated.coverage)


@pytest.mark.parametrize("taps", [1, 8, 9, 64, 65, 512, 513, 4096, 4097])
@pytest.mark.parametrize("overflow", ["WRAP", "SAT"])
def test_flags_wait_for_the_sum(taps: int, overflow: str) -> None:
    """Sums of more than 4,096 products were a clock late for their flags: nothing else builds one so large."""
    layer, source = random_layer(random.Random(1), taps, 1, 1, overflow, 4)
    clocks = timing(layer).latency - timing(layer).interval - 4
    assert constant("dense_folded", parameters(layer, source), "SUM_CLOCKS") == clocks


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_many_layers(seed: int, tmp_path: Path) -> None:
    """Larger shapes and wider numbers; a sum of more than 512 products, in four levels."""
    shapes = random.Random(seed).sample([(5, 5), (8, 3), (12, 2), (2, 12), (7, 1), (9, 6), (16, 5), (10, 4)], 3)
    wanted = [*every_reuse(shapes, seed), (130, 1, 2, "WRAP"), (520, 1, 1, "WRAP")]
    instances, plans = cases(wanted, seed, width=4 + 2 * seed)
    found = simulate("dense_folded", {}, tmp_path, more=plans, plain=instances)
    for instance in instances:
        found.passes(instance, CHECKS)
