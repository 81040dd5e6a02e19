"""cocotb bench of stream_split: a word's beats one after another, against Python.

Run by ``test_stream_split.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from step_bench import Steps, checks


def outputs(parameters: dict[str, int], taken: list[int]) -> list[int]:
    """The beats of the word, the lowest bits first; in reverse, the highest."""
    bits, count = parameters["BITS"], parameters["COUNT"]
    beats = [taken[0] >> (bits * i) & ((1 << bits) - 1) for i in range(count)]
    return beats[::-1] if parameters.get("REVERSE") else beats


def steps(parameters: dict[str, int]) -> Steps:
    """The word comes with its first beat."""
    return [(i == 0, True) for i in range(parameters["COUNT"])]


full_rate, idle_and_stall, waits, reset_in_mid_round = checks(steps, outputs, bits="COUNT")
