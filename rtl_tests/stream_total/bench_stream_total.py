"""cocotb bench of stream_total: sums and maxima of random beats, against Python integers.

Run by ``test_stream_total.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from step_bench import Steps, checks

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize


def accumulator(p: dict[str, int]) -> FixedFormat:
    """With no fraction bits; the elements have ACC_DROP of them."""
    rounding, overflow = list(Rounding)[p["ACC_ROUNDING"]], list(Overflow)[p["ACC_OVERFLOW"]]
    return FixedFormat(p["ACC_BITS"], p["ACC_BITS"], bool(p["ACC_SIGNED"]), rounding, overflow)


def steps(p: dict[str, int]) -> Steps:
    """The last beat completes the total."""
    return [(True, i == p["COUNT"] - 1) for i in range(p["COUNT"])]


def outputs(p: dict[str, int], taken: list[int]) -> list[int]:
    """All channels of the total, the first in the lowest bits."""
    width = p["ACC_BITS"]
    totals = [total(p, [beat >> (p["BITS"] * c) for beat in taken]) for c in range(p["CHANNELS"])]
    return [sum((value & ((1 << width) - 1)) << (width * c) for c, value in enumerate(totals))]


def total(p: dict[str, int], patterns: list[int]) -> int:
    """Of the lowest BITS of each pattern."""
    accum = accumulator(p)

    def held(value: int, fraction: int) -> int:
        return int(quantize(np.array([value]), fraction, accum)[0])

    terms = [held(number(pattern, p["BITS"], p["SIGNED"]), p["ACC_DROP"]) for pattern in patterns]
    return max(terms) if p["LARGEST"] else reduce(lambda a, b: held(a + b, 0), terms)


def number(pattern: int, bits: int, signed: int) -> int:
    """Of two's complement, or without a sign."""
    value = pattern & ((1 << bits) - 1)
    return value - (1 << bits) if signed and value >> (bits - 1) else value


full_rate, idle_and_stall, waits, reset_in_mid_round = checks(steps, outputs, bits="CHANNELS")
