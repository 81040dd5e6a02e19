"""The cocotb bench of a stream shell: protocol, stalls, reset in mid-stream, II, latency, and bits.

Run by :mod:`bitwright.sim.cocotb_run` (and by the tests in ``rtl_tests/``) with these variables:
``BITWRIGHT_BENCH``: folder with ``bench.npz`` (x, y raw) and ``bundle.json``; ``measured.json`` goes there.
Inputs change on the falling edge and everything is sampled just before the rising one, so that no
simulator's scheduling order matters.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from bitwright.rtl.bundle import PortInfo

FOLDER = Path(os.environ["BITWRIGHT_BENCH"])
BUNDLE = json.loads((FOLDER / "bundle.json").read_text())
SHELL = BUNDLE["shell"]
VECTORS = np.load(FOLDER / "bench.npz")
SEED = int(VECTORS["seed"])
CLOCKS = 60_000
"""About how long a test may take; a design with a large interval gets fewer vectors."""


def pack(rows: Any, port: dict[str, Any]) -> list[int]:
    """Raw rows as the beats of a data port, those of a row one after another."""
    info, beats = PortInfo.model_validate(port), port["beats"]
    words = [0] * (len(rows) * beats)
    for element, (first, step) in zip(info.elements, info.columns, strict=True):
        mask = (1 << element.width) - 1
        values = rows[:, first : first + step * (beats - 1) + 1 : step]
        for i, value in enumerate(values.ravel().tolist()):
            words[i] |= (value & mask) << element.lsb
    return words


def within(count: int, fewest: int = 2) -> int:
    """At most ``count`` vectors, fewer where they would take too many clocks or there are not as many."""
    return min(count, len(VECTORS["x"]), max(fewest, CLOCKS // SHELL["ii"]))


SETTLED = 4
"""Vectors back to back before the interval is surely the steady one: the first ones fill the line buffers."""

IN, OUT = SHELL["input"]["beats"], SHELL["output"]["beats"]
SENT = pack(VECTORS["x"][: within(CLOCKS, SETTLED)], SHELL["input"])
EXPECTED = pack(VECTORS["y"][: within(CLOCKS, SETTLED)], SHELL["output"])


def beats(first: int, count: int) -> list[int]:
    """What is sent for ``count`` vectors."""
    return SENT[first * IN : (first + count) * IN]


@dataclass
class Traffic:
    """What went over the two streams: clock numbers of handshakes, and the words delivered."""

    accepted: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    first_valid: int | None = None
    clock: int = 0


async def start(dut: Any) -> None:
    """Clock and a reset of a few clocks."""
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns", impl="gpi").start())
    dut.s_axis_tvalid.value = 0
    dut.m_axis_tready.value = 0
    dut.s_axis_tdata.value = 0
    await reset(dut)
    for _ in range(SHELL["latency"] if IN > 1 else 0):  # line buffers begin their border before the first pixel
        await FallingEdge(dut.clk)


async def reset(dut: Any) -> None:
    """Four clocks of reset; afterwards nothing is valid."""
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    dut.s_axis_tvalid.value = 0
    for _ in range(4):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    await ReadOnly()
    assert dut.m_axis_tvalid.value == 0, "an output is valid right after reset"


async def stream(
    dut: Any, words: list[int], send: Callable[[], bool], take: Callable[[], bool], clocks: int | None = None
) -> Traffic:
    """Send ``words`` while ``send()`` says so and take outputs while ``take()`` does.

    As AXI4-Stream demands, a word once offered stays until it is accepted; and an output once valid
    must stay valid and unchanged until it is taken, which is checked.  It ends when all outputs are taken and
    all words accepted: a strided window may not need the last pixels of an image, and has its result before them.
    """
    traffic, offered, held = Traffic(), False, None
    patience = 60 * len(words) * max(SHELL["ii"] // IN, OUT) + 10 * SHELL["latency"] + 4000
    limit = clocks if clocks is not None else patience
    wanted = len(words) // IN * OUT
    while (len(traffic.words) < wanted or len(traffic.accepted) < len(words)) and traffic.clock < limit:
        await FallingEdge(dut.clk)
        pending = len(traffic.accepted) < len(words)
        offered = pending and (offered or send())
        taking = take()
        dut.s_axis_tvalid.value = int(offered)
        dut.s_axis_tdata.value = words[len(traffic.accepted)] if offered else random.getrandbits(8)
        dut.m_axis_tready.value = int(taking)
        await ReadOnly()
        held = _sample(dut, traffic, offered, taking, held)
        if offered and traffic.accepted and traffic.accepted[-1] == traffic.clock:
            offered = False
        traffic.clock += 1
    return traffic


def _sample(dut: Any, traffic: Traffic, offered: bool, taking: bool, held: int | None) -> int | None:
    if offered and dut.s_axis_tready.value == 1:
        traffic.accepted.append(traffic.clock)
    valid = dut.m_axis_tvalid.value == 1
    assert valid or held is None, "an output was withdrawn before it was taken"
    if not valid:
        return None
    if traffic.first_valid is None:
        traffic.first_valid = traffic.clock
    word = dut.m_axis_tdata.value.to_unsigned()
    assert held is None or word == held, "an output changed before it was taken"
    if not taking:
        return word
    traffic.delivered.append(traffic.clock)
    traffic.words.append(word)
    return None


def compare(traffic: Traffic, first: int, count: int) -> None:
    """The outputs of ``count`` vectors came, in order, bit for bit."""
    expected = EXPECTED[first * OUT : (first + count) * OUT]
    assert len(traffic.words) == len(expected), f"{len(traffic.words)} of {len(expected)} outputs came"
    wrong = [i for i, (a, b) in enumerate(zip(traffic.words, expected, strict=True)) if a != b]
    if wrong:
        at = wrong[0]
        detail = f"vector {first + at // OUT}: got {traffic.words[at]:x}, not {expected[at]:x}"
        raise AssertionError(f"{len({i // OUT for i in wrong})} of {count} vectors differ; {detail}")


def latency_of(traffic: Traffic) -> int:
    """Clocks from the first beat of the first vector taken to the last beat of its result."""
    return traffic.delivered[OUT - 1] - traffic.accepted[0]


def record(**values: Any) -> None:
    """Add measured values to measured.json."""
    path = FOLDER / "measured.json"
    data = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**data, **values}))


def always() -> bool:
    """No gaps."""
    return True


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Every vector in consecutive clocks: bits, initiation interval and latency as the bundle says."""
    await start(dut)
    traffic = await stream(dut, SENT, always, always)
    compare(traffic, 0, len(SENT))
    starts, ends = np.diff(traffic.accepted[::IN]), np.diff(traffic.delivered[OUT - 1 :: OUT])
    latency = latency_of(traffic)
    ii = int(starts.max()) if len(starts) else SHELL["ii"]
    record(latency=latency, ii=ii, vectors=len(SENT) // IN)
    assert ii == SHELL["ii"], f"II is {ii}, the bundle says {SHELL['ii']}"
    settled = ends if IN == OUT == 1 else ends[len(ends) // 2 :]  # line buffers fill first
    assert set(settled) <= {ii}, "outputs do not come at the II"
    assert latency == SHELL["latency"], f"latency is {latency}, the bundle says {SHELL['latency']}"


@cocotb.test()
async def single_words(dut: Any) -> None:
    """Lone vectors, the pipeline empty before each: the latency is always the same."""
    await start(dut)
    for i in range(within(5)):
        traffic = await stream(dut, beats(i, 1), always, always)
        compare(traffic, i, 1)
        assert latency_of(traffic) == SHELL["latency"]


async def _stalled(dut: Any, send_rate: float, take_rate: float, salt: int) -> None:
    rng = random.Random(SEED * 1000 + salt)
    await start(dut)
    count = within(1500)
    traffic = await stream(dut, beats(0, count), lambda: rng.random() < send_rate, lambda: rng.random() < take_rate)
    compare(traffic, 0, count)


@cocotb.test()
async def valid_gaps(dut: Any) -> None:
    """Inputs come with random gaps."""
    await _stalled(dut, 0.4, 1.0, 1)


@cocotb.test()
async def backpressure(dut: Any) -> None:
    """Outputs are taken with random pauses: the FIFO fills and nothing is lost."""
    await _stalled(dut, 1.0, 0.3, 2)


@cocotb.test()
async def gaps_and_backpressure(dut: Any) -> None:
    """Both at random."""
    await _stalled(dut, 0.6, 0.5, 3)


@cocotb.test()
async def long_stall(dut: Any) -> None:
    """The output is blocked until the input stops too; then everything comes out."""
    await start(dut)
    capacity = BUNDLE["capacity"]
    count = min(4 * capacity, within(capacity // IN + 100))
    clock = iter(range(10**9))
    blocked = 3 * capacity * max(SHELL["ii"] // IN, 1) + SHELL["latency"] + 50
    traffic = await stream(dut, beats(0, count), always, lambda: next(clock) > blocked)
    compare(traffic, 0, count)
    inside = sum(1 for t in traffic.accepted if t <= blocked)
    assert inside == min(capacity, count * IN), f"{inside} beats were let in, the hardware holds {capacity}"


@cocotb.test()
async def reset_in_mid_stream(dut: Any) -> None:
    """A reset while vectors are inside drops them all; the next ones are right."""
    await start(dut)
    for clocks in (1, SHELL["latency"] // 2 + 1, SHELL["latency"] + 3):
        await stream(dut, SENT, always, always, clocks=clocks)
        await reset(dut)
        count = within(50)
        traffic = await stream(dut, beats(0, count), always, always)
        compare(traffic, 0, count)
