"""cocotb bench of stream_window: every window of random images, against a plain walk over them.

Run by ``test_stream_window.py`` on every instance of its wrapper.
"""

from __future__ import annotations

from step_bench import Steps, checks


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


full_rate, idle_and_stall, waits, reset_in_mid_round = checks(steps, outputs)
