"""cocotb bench of stream_split: a word's beats one after another, against Python.

Run by ``test_stream_split.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from typing import Any

import cocotb
from block_bench import INSTANCES, always, each_instance, never, rate
from step_bench import Bench


def outputs(parameters: dict[str, int], taken: list[int]) -> list[int]:
    """The beats of the word, the lowest bits first; in reverse, the highest."""
    bits, count = parameters["BITS"], parameters["COUNT"]
    beats = [taken[0] >> (bits * i) & ((1 << bits) - 1) for i in range(count)]
    return beats[::-1] if parameters.get("REVERSE") else beats


def bench(dut: Any, instance: str) -> Bench:
    count = INSTANCES[instance]["COUNT"]
    return Bench(dut, instance, "COUNT", [(i == 0, True) for i in range(count)], outputs)


@cocotb.test()
@each_instance
async def full_rate(dut: Any, instance: str) -> None:
    """A beat out in every clock."""
    here = bench(dut, instance)
    await here.start()
    count = len(here.steps)
    await here.run(20 * count + 1, always, always)
    assert here.given == 20 * count


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
async def goes_on_without_words(dut: Any, instance: str) -> None:
    """A word that was taken comes out whole although no other is offered."""
    here = bench(dut, instance)
    await here.start()
    await here.run(1, always, always)
    await here.run(2 * len(here.steps), never, always)
    assert here.given == len(here.steps)


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
