"""cocotb bench of stream_window: every window of random images, against a plain walk over them.

Run by ``test_stream_window.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from typing import Any

import cocotb
from block_bench import INSTANCES, always, each_instance, never, rate
from step_bench import Bench, Steps


def places(p: dict[str, int]) -> tuple[list[int], list[int]]:
    """Rows and columns of the image with its border."""
    return (
        list(range(-p.get("PAD_TOP", 0), p["HEIGHT"] + p.get("PAD_BOTTOM", 0))),
        list(range(-p.get("PAD_LEFT", 0), p["WIDTH"] + p.get("PAD_RIGHT", 0))),
    )


def corners(p: dict[str, int]) -> list[tuple[int, int]]:
    """Top left corners of the windows, in the order in which they are complete."""
    rows, columns = places(p)
    high, wide = rows[: len(rows) - p["KERNEL_H"] + 1], columns[: len(columns) - p["KERNEL_W"] + 1]
    return [(r, c) for r in high[:: p.get("STRIDE_H", 1)] for c in wide[:: p.get("STRIDE_W", 1)]]


def steps(p: dict[str, int]) -> Steps:
    """One per place: whether a pixel is there, whether it is the last of a window."""
    rows, columns = places(p)
    ends = {(r + p["KERNEL_H"] - 1, c + p["KERNEL_W"] - 1) for r, c in corners(p)}
    return [(0 <= r < p["HEIGHT"] and 0 <= c < p["WIDTH"], (r, c) in ends) for r in rows for c in columns]


def outputs(p: dict[str, int], taken: list[int]) -> list[int]:
    """All windows, as far as their pixels were taken."""
    image = {(i // p["WIDTH"], i % p["WIDTH"]): pixel for i, pixel in enumerate(taken)}
    words = []
    for top, left in corners(p):
        taps = [image.get((top + r, left + c), 0) for r in range(p["KERNEL_H"]) for c in range(p["KERNEL_W"])]
        words.append(sum(pixel << (p["BITS"] * i) for i, pixel in enumerate(taps)))
    return words


def bench(dut: Any, instance: str) -> Bench:
    return Bench(dut, instance, "", steps(INSTANCES[instance]), outputs)


@cocotb.test()
@each_instance
async def full_rate(dut: Any, instance: str) -> None:
    """Image after image, a place of the scan in every clock."""
    here = bench(dut, instance)
    await here.start()
    await here.run(4 * len(here.steps) + 1, always, always)
    assert here.given == 4 * sum(gives for _, gives in here.steps)


@cocotb.test()
@each_instance
async def idle_and_stall(dut: Any, instance: str) -> None:
    """Random gaps before and random pauses behind."""
    here = bench(dut, instance)
    await here.start()
    for write, place in ((0.5, 0.5), (0.9, 0.3), (0.3, 0.9)):
        await here.rounds(3, rate(write), rate(place))


@cocotb.test()
@each_instance
async def waits(dut: Any, instance: str) -> None:
    """Without pixels it stops before the first one, without places before the first window."""
    here = bench(dut, instance)
    await here.start()
    await here.run(len(here.steps), never, always)
    assert here.at == [takes for takes, _ in here.steps].index(True)
    await here.reset()
    await here.run(2 * len(here.steps), always, never)
    assert here.at == [gives for _, gives in here.steps].index(True)
    await here.rounds(1, always, always)


@cocotb.test()
@each_instance
async def reset_in_mid_image(dut: Any, instance: str) -> None:
    """At several places of an image."""
    here = bench(dut, instance)
    await here.start()
    for clocks in range(1, len(here.steps) + 1, max(len(here.steps) // 7, 1)):
        await here.run(clocks, always, always)
        await here.reset()
        await here.rounds(1, always, always)
