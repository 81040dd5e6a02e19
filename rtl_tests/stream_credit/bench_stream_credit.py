"""cocotb bench of stream_credit: never more words inside than places, every place used, reset."""

from __future__ import annotations

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


async def start(dut):
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns", impl="gpi").start())
    dut.take.value = 0
    dut.give.value = 0
    await reset(dut)


async def reset(dut):
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    dut.take.value = 0
    dut.give.value = 0
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    await ReadOnly()
    assert dut.available.value == 1


async def traffic(dut, clocks, take_rate, give_rate, seed):
    """Words are taken while some are available and given back at random; counts of how many were inside."""
    rng = random.Random(seed)
    depth, inside, seen = int(dut.DEPTH.value), 0, set()
    for _ in range(clocks):
        await FallingEdge(dut.clk)
        give = inside > 0 and rng.random() < give_rate
        wish = rng.random() < take_rate
        dut.give.value = int(give)
        dut.take.value = 0
        await ReadOnly()
        available = int(dut.available.value)
        assert available == int(inside < depth), f"available is {available} with {inside} of {depth} inside"
        await cocotb.triggers.Timer(1, unit="ns")
        take = wish and available
        dut.take.value = int(take)
        inside += int(take) - int(give)
        seen.add(inside)
    return seen


@cocotb.test()
async def every_place_is_used_and_none_twice(dut):
    await start(dut)
    assert max(await traffic(dut, 3 * int(dut.DEPTH.value), 1.0, 0.0, 1)) == int(dut.DEPTH.value)


@cocotb.test()
async def random_takes_and_gives(dut):
    await start(dut)
    for seed, (take_rate, give_rate) in enumerate([(0.5, 0.5), (0.9, 0.3), (0.3, 0.9), (1.0, 1.0)]):
        await reset(dut)
        await traffic(dut, 600, take_rate, give_rate, seed)


@cocotb.test()
async def reset_frees_every_place(dut):
    await start(dut)
    await traffic(dut, 5, 1.0, 0.0, 2)
    await reset(dut)
    seen = await traffic(dut, 3 * int(dut.DEPTH.value), 1.0, 0.0, 3)
    assert max(seen) == int(dut.DEPTH.value)
