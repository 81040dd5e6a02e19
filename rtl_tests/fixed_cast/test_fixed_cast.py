"""fixed_cast under Verilator against ``rationals.py``: all values of all modes, signs and shifts of small widths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path

import pytest
from block_tests import SOURCES, Mutant, Parameters, Simulated, copy, run

from bitwright.rtl.verilog import FOOTER, HEADER
from bitwright.sim.rtl_coverage import Coverage

pytestmark = pytest.mark.simulator


def casts(in_width: int, out_width: int, drops: Iterable[int]) -> list[Parameters]:
    """Every mode and sign; without dropped bits there is nothing to round, and one rounding mode is enough."""
    names = ("IN_WIDTH", "IN_SIGNED", "DROP", "OUT_WIDTH", "OUT_SIGNED", "ROUNDING", "OVERFLOW")
    return [
        dict(zip(names, (in_width, ins, drop, out_width, outs, rounding, overflow), strict=True))
        for drop in drops
        for ins, outs, rounding, overflow in product((0, 1), (0, 1), range(7 if drop > 0 else 1), range(4))
    ]


COVERED = {"in3_out2": casts(3, 2, (-1, 2))}
PLAIN = {
    "in5_out3": casts(5, 3, (0, 1, 3, 5, 7)),
    "in1_out1": casts(1, 1, (0, 1)),
    "in3_out6": casts(3, 6, (-5, -1, 2)),
}
"""Several shifts: none, the whole width and beyond it, up to the width of the output and beyond it."""


def wrong(old: str, new: str, rounding: int, overflow: int, in_signed: int = 1) -> Mutant:
    """A mutant that one cast of this kind shows."""
    modes = {"ROUNDING": rounding, "OVERFLOW": overflow}
    formats = {"IN_WIDTH": 5, "IN_SIGNED": in_signed, "DROP": 2, "OUT_WIDTH": 2, "OUT_SIGNED": 1}
    return Mutant(old, new, "every_value", "expected", {**formats, **modes})


MUTANTS = {
    "trn_zero": wrong("ROUNDING == 1 ? top && (half || sticky)", "ROUNDING == 1 ? top", 1, 0),
    "rnd_zero": wrong("ROUNDING == 3 ? half && (sticky || top)", "ROUNDING == 3 ? half && sticky", 3, 0),
    "rnd_inf": wrong("ROUNDING == 4 ? half && (sticky || !top)", "ROUNDING == 4 ? half", 4, 0),
    "rnd_conv": wrong("half && (sticky || floor[0])", "half && (sticky || !floor[0])", 6, 0),
    "sat_sym": wrong("OVERFLOW == 3 && OUT_WIDTH > 1", "OVERFLOW == 3 && OUT_WIDTH > 9", 0, 3),
    "sat_zero": wrong("OVERFLOW == 2 && (over || under)", "OVERFLOW == 2 && over", 0, 2),
    "sign": wrong("IN_SIGNED != 0 && in", "IN_SIGNED == 0 && in", 0, 1, in_signed=0),
    "sat": wrong("$signed(rounded) > $signed(HIGH)", "rounded > HIGH", 0, 1),
}
GROUPS = {**COVERED, **PLAIN}


def wrapper(groups: Mapping[str, list[Parameters]]) -> str:
    """All instances beside each other; a group of the name of a mutant is made of its module."""
    width = max(cast["IN_WIDTH"] for group in groups.values() for cast in group)
    ports, bodies = [f"  input wire [{width - 1}:0] in"], []
    for name, group in groups.items():
        suffix = f"_{name}" if name in MUTANTS else "" if name in COVERED else "_plain"
        module, low = f"fixed_cast{suffix}", 0
        for index, cast in enumerate(group):
            overrides = ", ".join(f".{key}({value})" for key, value in cast.items())
            pins = f".in(in[{cast['IN_WIDTH'] - 1}:0]), .out(out_{name}[{low}+:{cast['OUT_WIDTH']}])"
            bodies.append(f"  {module} #({overrides}) {name}_{index} ({pins});\n")
            low += cast["OUT_WIDTH"]
        ports.append(f"  output wire [{low - 1}:0] out_{name}")
    return (
        f"{HEADER}module fixed_cast_bench (\n" + ",\n".join(ports) + "\n);\n" + "".join(bodies) + f"endmodule\n{FOOTER}"
    )


def simulate(groups: Mapping[str, list[Parameters]], folder: Path) -> Simulated:
    """One simulation of all groups, with the coverage of those in ``COVERED``."""
    wrong_ones = [copy("fixed_cast", name, folder, MUTANTS[name]) for name in groups if name in MUTANTS]
    files = [SOURCES / "fixed_cast.sv", copy("fixed_cast", "plain", folder), *wrong_ones]
    top = folder / "fixed_cast_bench.sv"
    top.write_text(wrapper(groups))
    return run("fixed_cast", [*files, top], folder, {"groups": groups}, covered=bool(COVERED.keys() & groups))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """All groups and mutants."""
    wrong_ones = {name: [mutant.parameters] for name, mutant in MUTANTS.items()}
    return simulate({**GROUPS, **wrong_ones}, tmp_path_factory.mktemp("fixed_cast"))


@pytest.mark.parametrize("group", GROUPS)
def test_fixed_cast(group: str, simulated: Simulated) -> None:
    simulated.passes(group, {"every_value"})


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_bench_finds_a_wrong_block(mutant: str, simulated: Simulated) -> None:
    simulated.finds(mutant, MUTANTS[mutant])


def test_coverage(simulated: Simulated, demand_coverage: Callable[[str, Coverage], None]) -> None:
    demand_coverage("fixed_cast", simulated.coverage)


@pytest.mark.slow
@pytest.mark.parametrize(("in_width", "out_width"), [(2, 1), (1, 5), (6, 2), (7, 7), (8, 4), (9, 12), (11, 5)])
def test_more_widths(in_width: int, out_width: int, tmp_path: Path) -> None:
    """Every shift from far beyond the output's width to far beyond the input's."""
    groups = {"all": casts(in_width, out_width, range(-out_width - 2, in_width + 4))}
    simulate(groups, tmp_path).passes("all", {"every_value"})
