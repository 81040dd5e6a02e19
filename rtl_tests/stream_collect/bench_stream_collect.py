"""cocotb bench of stream_collect: beats side by side, against Python.

Run by ``test_stream_collect.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from typing import Any

import cocotb
from block_bench import INSTANCES, always, each_instance, never, rate
from step_bench import Bench


def outputs(parameters: dict[str, int], taken: list[int]) -> list[int]:
    """The word, the first beat in the lowest bits; in reverse, the last."""
    beats = taken[::-1] if parameters.get("REVERSE") else taken
    return [sum(beat << (parameters["BITS"] * i) for i, beat in enumerate(beats))]


def bench(dut: Any, instance: str) -> Bench:
    count = INSTANCES[instance]["COUNT"]
    return Bench(dut, instance, "", [(True, i == count - 1) for i in range(count)], outputs)


@cocotb.test()
@each_instance
async def full_rate(dut: Any, instance: str) -> None:
    """A beat in every clock."""
    here = bench(dut, instance)
    await here.start()
    count = len(here.steps)
    await here.run(20 * count + 1, always, always)
    assert here.given == 20


@cocotb.test()
@each_instance
async def idle_and_stall(dut: Any, instance: str) -> None:
    """Random gaps before and random pauses behind."""
    here = bench(dut, instance)
    await here.start()
    for write, place in ((0.5, 0.5), (0.9, 0.2), (0.2, 0.9)):
        await here.rounds(20, rate(write), rate(place))


@cocotb.test()
@each_instance
async def waits_with_the_last_beat(dut: Any, instance: str) -> None:
    """Without a place all beats but the last are taken."""
    here = bench(dut, instance)
    await here.start()
    await here.run(3 * len(here.steps), always, never)
    assert here.at == len(here.steps) - 1
    await here.rounds(2, always, always)


@cocotb.test()
@each_instance
async def reset_in_mid_word(dut: Any, instance: str) -> None:
    """At every place of a word."""
    here = bench(dut, instance)
    await here.start()
    for clocks in range(1, len(here.steps) + 1):
        await here.run(clocks, always, always)
        await here.reset()
        await here.rounds(2, always, always)
