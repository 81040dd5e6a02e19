"""cocotb bench of stream_fifo: order, latency, fill to the last place, wrap-around, reset, random stalls."""

from __future__ import annotations

import random
from collections import deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly


async def start(dut):
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns", impl="gpi").start())
    dut.wr_valid.value = 0
    dut.rd_ready.value = 0
    dut.wr_data.value = 0
    await reset(dut)


async def reset(dut):
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    dut.wr_valid.value = 0
    for _ in range(2):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    await ReadOnly()
    assert dut.rd_valid.value == 0, "not empty after reset"


async def traffic(dut, clocks, write_rate, read_rate, seed):
    """Random writes (never into a full FIFO: that is the writer's duty) and reads, against a queue."""
    rng = random.Random(seed)
    depth, width = 1 << int(dut.ADDR.value), int(dut.WIDTH.value)
    model, fullest = deque(), 0
    for _ in range(clocks):
        await FallingEdge(dut.clk)
        write = len(model) < depth and rng.random() < write_rate
        read = rng.random() < read_rate
        word = rng.getrandbits(width)
        dut.wr_valid.value = int(write)
        dut.wr_data.value = word
        dut.rd_ready.value = int(read)
        await ReadOnly()
        assert int(dut.rd_valid.value) == int(bool(model)), "valid does not say whether a word is there"
        if model:
            assert int(dut.rd_data.value) == model[0], "a wrong word, or words out of order"
            if read:
                model.popleft()
        if write:
            model.append(word)
        fullest = max(fullest, len(model))
    return fullest


@cocotb.test()
async def fills_to_the_last_place(dut):
    await start(dut)
    depth = 1 << int(dut.ADDR.value)
    assert await traffic(dut, 6 * depth + 20, 1.0, 0.0, 1) == depth


@cocotb.test()
async def random_traffic_wraps_around(dut):
    await start(dut)
    depth = 1 << int(dut.ADDR.value)
    for seed, (write_rate, read_rate) in enumerate([(0.5, 0.5), (0.9, 0.4), (0.3, 0.9), (1.0, 1.0)]):
        await reset(dut)
        await traffic(dut, 40 * depth + 200, write_rate, read_rate, seed)


@cocotb.test()
async def a_word_is_there_one_clock_later(dut):
    await start(dut)
    await FallingEdge(dut.clk)
    dut.wr_valid.value = 1
    dut.wr_data.value = 1
    await ReadOnly()
    assert dut.rd_valid.value == 0
    await FallingEdge(dut.clk)
    dut.wr_valid.value = 0
    await ReadOnly()
    assert dut.rd_valid.value == 1
    assert int(dut.rd_data.value) == 1


@cocotb.test()
async def reset_empties(dut):
    await start(dut)
    await traffic(dut, 10, 1.0, 0.0, 3)
    await reset(dut)
    await traffic(dut, 100, 0.7, 0.7, 4)
