"""The hand-written blocks of a stream: their parameters, and the steps that each goes through (``sv/stream_*.sv``)."""

from __future__ import annotations

from itertools import product

from bitwright.fixed import FixedFormat
from bitwright.network import Network
from bitwright.network.layers import Pool, PoolOp
from bitwright.rtl.formats import OVERFLOWS, ROUNDINGS
from bitwright.rtl.parts import StepCore

Pair = tuple[int, int]
"""Of rows and of columns."""
Border = tuple[int, int, int, int]
"""Top, bottom, left, right."""


def window(bits: int, size: Pair, kernel: Pair, stride: Pair, padding: Border, tail: Network | None = None) -> StepCore:
    """Line buffers: pixels of ``bits`` to windows of an image with a border of zeros, and a kernel for each."""
    top, bottom, left, right = padding
    rows = [_completes(row, kernel[0], stride[0]) for row in range(size[0] + top + bottom)]
    columns = [_completes(column, kernel[1], stride[1]) for column in range(size[1] + left + right)]
    steps = tuple(
        (top <= r < top + size[0] and left <= c < left + size[1], row and column)
        for (r, row), (c, column) in product(enumerate(rows), enumerate(columns))
    )
    parameters = {
        "BITS": bits, "HEIGHT": size[0], "WIDTH": size[1], "KERNEL_H": kernel[0], "KERNEL_W": kernel[1],
        "STRIDE_H": stride[0], "STRIDE_W": stride[1], "PAD_TOP": top, "PAD_BOTTOM": bottom, "PAD_LEFT": left,
        "PAD_RIGHT": right,
    }  # fmt: skip
    return StepCore("stream_window", parameters, steps, bits * kernel[0] * kernel[1], tail)


def _completes(place: int, kernel: int, stride: int) -> bool:
    """Whether a window ends here."""
    first = kernel - 1
    return place >= first and (place - first) % stride == 0


def collect(bits: int, count: int, *, reverse: bool = False) -> StepCore:
    """``count`` beats of ``bits`` to one word, the first in the lowest bits or, in ``reverse``, in the highest."""
    return StepCore("stream_collect", _word(bits, count, reverse), _last_gives(count), bits * count)


def split(bits: int, count: int, *, reverse: bool = False) -> StepCore:
    """One word to ``count`` beats of ``bits``, the lowest first or, in ``reverse``, the highest."""
    steps = ((True, True), *((False, True),) * (count - 1))
    return StepCore("stream_split", _word(bits, count, reverse), steps, bits)


def _word(bits: int, count: int, reverse: bool) -> dict[str, int]:
    return {"BITS": bits, "COUNT": count} | ({"REVERSE": 1} if reverse else {})


def _last_gives(count: int) -> tuple[tuple[bool, bool], ...]:
    return (*((True, False),) * (count - 1), (True, True))


def total(layer: Pool, channels: int, source: FixedFormat, count: int, tail: Network) -> StepCore:
    """Sum or maximum of ``count`` beats in the accumulators of a global pooling."""
    accum = layer.accum
    parameters = {
        "CHANNELS": channels, "BITS": source.width, "SIGNED": int(source.signed), "COUNT": count,
        "LARGEST": int(layer.op is PoolOp.MAX), "ACC_BITS": accum.width, "ACC_SIGNED": int(accum.signed),
        "ACC_DROP": source.fraction - accum.fraction, "ACC_ROUNDING": ROUNDINGS.index(accum.rounding),
        "ACC_OVERFLOW": OVERFLOWS.index(accum.overflow),
    }  # fmt: skip
    return StepCore("stream_total", parameters, _last_gives(count), channels * accum.width, tail)


def repeat(bits: int, width: int, copies: Pair) -> StepCore:
    """Each pixel of a row ``copies[1]`` times, the row ``copies[0]`` times."""
    parameters = {"BITS": bits, "WIDTH": width, "REPEAT_H": copies[0], "REPEAT_W": copies[1]}
    first = product(range(copies[0]), range(width), range(copies[1]))
    return StepCore("stream_repeat", parameters, tuple((row == 0 and copy == 0, True) for row, _, copy in first), bits)


def crop(bits: int, size: Pair, border: Border) -> StepCore:
    """The pixels of an image that are not of its border."""
    top, bottom, left, right = border
    parameters = {
        "BITS": bits, "HEIGHT": size[0], "WIDTH": size[1], "TOP": top, "BOTTOM": bottom, "LEFT": left, "RIGHT": right,
    }  # fmt: skip
    steps = tuple(
        (True, top <= row < size[0] - bottom and left <= column < size[1] - right)
        for row, column in product(range(size[0]), range(size[1]))
    )
    return StepCore("stream_crop", parameters, steps, bits)
