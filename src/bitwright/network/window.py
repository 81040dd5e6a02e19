"""Windows over an image, channels last: what convolution and pooling look at, position by position."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from bitwright.network.carrier import Carrier
from bitwright.network.layers import Shape


def positions(shape: Shape, kernel: Shape, stride: Shape, padding: Shape) -> Shape:
    """Positions of a window along each axis of an image (axes..., channels)."""
    sizes = [n + padding[2 * i] + padding[2 * i + 1] for i, n in enumerate(shape[:-1])]
    return tuple((n - k) // s + 1 for n, k, s in zip(sizes, kernel, stride, strict=True))


def windows(x: Carrier, shape: Shape, kernel: Shape, stride: Shape, padding: Shape, fill: int = 0) -> Carrier:
    """All windows of images (rows, elements), as (rows * positions, taps, channels); ``fill`` is outside."""
    image = x.reshape(len(x), *shape)
    if any(padding):
        before_after = [(padding[2 * i], padding[2 * i + 1]) for i in range(len(kernel))]
        image = np.pad(image, [(0, 0), *before_after, (0, 0)], constant_values=fill)
    image = np.ascontiguousarray(image)
    rows, *inner, channel = image.strides
    steps = [step * s for step, s in zip(inner, stride, strict=True)]
    counts = positions(shape, kernel, stride, padding)
    view = np.lib.stride_tricks.as_strided(
        image, (len(x), *counts, *kernel, shape[-1]), (rows, *steps, *inner, channel), writeable=False
    )
    return view.reshape(len(x) * prod(counts), prod(kernel), shape[-1])


def window_index(shape: Shape, kernel: Shape, stride: Shape, padding: Shape) -> npt.NDArray[np.int64]:
    """The element that each place of each window holds (positions, taps, channels); -1 outside the image."""
    return windows(np.arange(prod(shape))[None, :], shape, kernel, stride, padding, -1)
