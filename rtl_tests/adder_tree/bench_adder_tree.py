"""cocotb bench of adder_tree: new words in every clock, their sum a fixed number of clocks later.

Run by ``test_adder_tree.py`` on every instance of its wrapper.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import cocotb
from block_bench import INSTANCES, Ports, each_instance
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

RANDOM = 400


def levels(words: int) -> int:
    """Clocks: how often words must be taken eight at a time until one is left, at least once."""
    return 1 if words <= 8 else 1 + levels((words + 7) // 8)


async def stream(dut: Any, instance: str, words: Iterable[list[int]]) -> None:
    """All words, one set per clock, and every sum."""
    ports, width = Ports(dut, instance), INSTANCES[instance]["WIDTH"]
    late, sums = levels(INSTANCES[instance]["N"]), []
    cocotb.start_soon(Clock(ports.clk, 10, unit="ns", impl="gpi").start())
    for word in words:
        await FallingEdge(ports.clk)
        getattr(ports, "in").value = sum(value << (i * width) for i, value in enumerate(word))
        sums.append(sum(word) % (1 << width))
        await ReadOnly()
        if len(sums) > late:
            got, expected = ports.sum.value.to_unsigned(), sums[-1 - late]
            assert got == expected, (
                f"clock {len(sums)}: the sum is {got:x}, of the words {late} clocks ago {expected:x}"
            )


@cocotb.test()
@each_instance
async def every_clock(dut: Any, instance: str) -> None:
    """Every word where these are few, else random ones."""
    n, width = INSTANCES[instance]["N"], INSTANCES[instance]["WIDTH"]
    bits = n * width
    packed = list(range(1 << bits)) if bits <= 9 else []
    random.shuffle(packed)
    packed += [random.getrandbits(bits) for _ in range(RANDOM)]
    await stream(dut, instance, ([(word >> (i * width)) % (1 << width) for i in range(n)] for word in packed))


@cocotb.test()
@each_instance
async def corners(dut: Any, instance: str) -> None:
    """One word alone at each place, all the largest, all the smallest of a signed word."""
    n, width = INSTANCES[instance]["N"], INSTANCES[instance]["WIDTH"]
    largest, least = (1 << width) - 1, 1 << (width - 1)
    alone = [[largest if i == place else 0 for i in range(n)] for place in range(n)]
    rest = [[value] * n for value in (largest, least, 0, 1, largest >> 1)]
    await stream(dut, instance, [*alone, *rest, *rest[::-1], *rest])
