"""cocotb bench of stream_repeat: rows of random pixels and their copies, against Python.

Run by ``test_stream_repeat.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from step_bench import Steps, checks


def steps(p: dict[str, int]) -> Steps:
    """One per pixel of the large image that a row becomes; the first copy of each comes from outside."""
    places = [(row, copy) for row in range(p["REPEAT_H"]) for _ in range(p["WIDTH"]) for copy in range(p["REPEAT_W"])]
    return [(place == (0, 0), True) for place in places]


def outputs(p: dict[str, int], taken: list[int]) -> list[int]:
    """The row again and again, as far as its pixels were taken."""
    row = [pixel for pixel in taken for _ in range(p["REPEAT_W"])]
    return row * p["REPEAT_H"]


full_rate, idle_and_stall, waits, reset_in_mid_round = checks(steps, outputs)
