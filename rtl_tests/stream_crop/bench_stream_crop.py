"""cocotb bench of stream_crop: random images and what is left of them, against Python.

Run by ``test_stream_crop.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from step_bench import Steps, checks


def steps(p: dict[str, int]) -> Steps:
    """One per pixel, which comes out where it is not of the border."""
    rows, columns = range(p["HEIGHT"]), range(p["WIDTH"])
    inner_rows = rows[p["TOP"] : p["HEIGHT"] - p["BOTTOM"]]
    inner_columns = columns[p["LEFT"] : p["WIDTH"] - p["RIGHT"]]
    return [(True, row in inner_rows and column in inner_columns) for row in rows for column in columns]


def outputs(p: dict[str, int], taken: list[int]) -> list[int]:
    """The pixels that come out, as far as they were taken."""
    return [pixel for pixel, (_, gives) in zip(taken, steps(p), strict=False) if gives]


full_rate, idle_and_stall, waits, reset_in_mid_round = checks(steps, outputs)
