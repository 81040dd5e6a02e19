"""cocotb bench of fixed_cast: every value of the input through many instances at a time.

Run by ``test_fixed_cast.py``, whose wrapper gives all instances of a group the low bits of one input and puts
their outputs side by side, the first lowest.  ``bench.json`` lists the casts of each group; the results are those
of ``rationals.py``.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import cocotb
from block_bench import DATA
from cocotb.triggers import Timer
from rationals import OVERFLOWS, ROUNDINGS, assigned

GROUPS: dict[str, list[dict[str, int]]] = DATA["groups"]


def table(cast: dict[str, int]) -> list[str]:
    """The output bits for each pattern of the input."""
    bits, width, signed = cast["IN_WIDTH"], cast["OUT_WIDTH"], bool(cast["OUT_SIGNED"])
    modes = ROUNDINGS[cast["ROUNDING"]], OVERFLOWS[cast["OVERFLOW"]]
    results = []
    for pattern in range(1 << bits):
        raw = pattern - (1 << bits) if cast["IN_SIGNED"] and pattern >> (bits - 1) else pattern
        value = assigned(Fraction(raw) / Fraction(2) ** cast["DROP"], width, width, signed, *modes)
        results.append(f"{value % (1 << width):0{width}b}")
    return results


@cocotb.test()
@cocotb.parametrize(instance=[cocotb.Param(name, name) for name in GROUPS])
async def every_value(dut: Any, instance: str) -> None:
    """The results of all casts of a group for all values, in random order."""
    casts = GROUPS[instance]
    tables = [table(cast) for cast in casts]
    patterns = [*range(1 << max(cast["IN_WIDTH"] for cast in casts))] * 2
    random.shuffle(patterns)
    for pattern in patterns:
        getattr(dut, "in").value = pattern
        await Timer(1, "ns")
        expected = [results[pattern % len(results)] for results in tables]
        got = str(getattr(dut, f"out_{instance}").value)
        if got != "".join(reversed(expected)):
            raise AssertionError(_first_difference(casts, expected, got, pattern))


def _first_difference(casts: list[dict[str, int]], expected: list[str], got: str, pattern: int) -> str:
    end = len(got)
    for cast, bits in zip(casts, expected, strict=True):
        found = got[end - len(bits) : end]
        if found != bits:
            return f"in {pattern % (1 << cast['IN_WIDTH']):b} gives {found}, expected {bits}: {cast}"
        end -= len(bits)
    return "lengths differ"
