"""cocotb bench of stream_join: every state of its inputs.

Run by ``test_stream_join.py`` on every instance of its wrapper.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
from block_bench import INSTANCES, Ports, each_instance
from cocotb.triggers import Timer


@cocotb.test()
@each_instance
async def every_state(dut: Any, instance: str) -> None:
    """A word moves where all have one and the reader takes it, from all at once; all states, in random order."""
    ports, streams = Ports(dut, instance), INSTANCES[instance]["N"]
    states = [(valid, ready) for valid in range(1 << streams) for ready in (0, 1)] * 3
    random.shuffle(states)
    everyone = (1 << streams) - 1
    for valid, ready in states:
        ports.in_valid.value = valid
        ports.out_ready.value = ready
        await Timer(1, "ns")
        got = bool(ports.out_valid.value)
        assert got == (valid == everyone), f"out_valid is {got}, {valid:b} of {streams} streams have a word"
        taken = ports.in_ready.value.to_unsigned()
        assert taken == everyone * (ready and valid == everyone), f"in_ready is {taken:b} for {valid:b} and {ready}"
