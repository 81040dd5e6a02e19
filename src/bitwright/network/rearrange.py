"""Where each element of a rearranged tensor comes from."""

from __future__ import annotations

from math import prod
from typing import assert_never

import numpy as np
import numpy.typing as npt

from bitwright.network.layers import Rearrange, RearrangeOp, Shape

Index = npt.NDArray[np.int64]


def source_index(layer: Rearrange, source: Shape) -> Index:
    """For each output element the source's element, both in row-major order; -1 where zero stands."""
    image = np.arange(prod(source), dtype=np.int64).reshape(source)
    match layer.op:
        case RearrangeOp.TRANSPOSE:
            return image.transpose(layer.parameters).ravel()
        case RearrangeOp.ZERO_PAD:
            return np.pad(image, [*_pairs(layer.parameters), (0, 0)], constant_values=-1).ravel()
        case RearrangeOp.CROP:
            cut = tuple(slice(a, n - b) for (a, b), n in zip(_pairs(layer.parameters), source, strict=False))
            return image[cut].ravel()
        case RearrangeOp.RESIZE:
            for axis, (old, new) in enumerate(zip(source[:-1], layer.shape, strict=False)):
                image = image.take(nearest(old, new), axis=axis)
            return image.ravel()
    assert_never(layer.op)


def _pairs(numbers: Shape) -> list[tuple[int, int]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def nearest(old: int, new: int) -> Index:
    """``(j * ratio) >> 16`` with the ratio in 16 fraction bits, rounded up (nnet_image.h, resize_nearest)."""
    return np.arange(new, dtype=np.int64) * ((old << 16) // new + 1) >> 16


def rearranged_shape(layer: Rearrange, source: Shape) -> Shape | None:
    """The shape that the operation gives, or None where its parameters do not fit the source."""
    axes = len(source) - 1
    match layer.op:
        case RearrangeOp.TRANSPOSE:
            fits = sorted(layer.parameters) == list(range(len(source)))
            return tuple(source[axis] for axis in layer.parameters) if fits else None
        case RearrangeOp.ZERO_PAD | RearrangeOp.CROP:
            if len(layer.parameters) != 2 * axes or min(layer.parameters, default=0) < 0:
                return None
            sign = 1 if layer.op is RearrangeOp.ZERO_PAD else -1
            return (*(n + sign * sum(p) for n, p in zip(source, _pairs(layer.parameters), strict=False)), source[-1])
        case RearrangeOp.RESIZE:
            fits = len(layer.shape) == len(source) and layer.shape[-1] == source[-1] and not layer.parameters
            return layer.shape if fits else None
    assert_never(layer.op)
