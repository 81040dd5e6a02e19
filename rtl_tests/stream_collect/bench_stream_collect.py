"""cocotb bench of stream_collect: beats side by side, against Python.

Run by ``test_stream_collect.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from step_bench import Steps, checks


def outputs(parameters: dict[str, int], taken: list[int]) -> list[int]:
    """The word, the first beat in the lowest bits; in reverse, the last."""
    beats = taken[::-1] if parameters.get("REVERSE") else taken
    return [sum(beat << (parameters["BITS"] * i) for i, beat in enumerate(beats))]


def steps(parameters: dict[str, int]) -> Steps:
    """The last beat completes the word."""
    return [(True, i == parameters["COUNT"] - 1) for i in range(parameters["COUNT"])]


full_rate, idle_and_stall, waits, reset_in_mid_round = checks(steps, outputs)
