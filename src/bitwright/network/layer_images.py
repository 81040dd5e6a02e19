"""Layers that look at windows of images and sequences, or move their elements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.fixed import FixedFormat
from bitwright.network.layer_base import Base, Shape


class PoolOp(Enum):
    """What becomes of a window."""

    MAX = "max"
    AVERAGE = "average"


class PoolForm(Enum):
    """Which of hls4ml's functions pools: they round and add in different orders."""

    PARALLEL = "parallel"
    """nnet_pooling.h: one after another, each sum in ``accum``; also all of an image."""
    STREAM = "stream"
    """nnet_pooling_stream.h: elements first cast to ``accum``, then a balanced tree."""
    GLOBAL_STREAM = "global stream"
    """nnet_pooling_stream.h, global: elements first cast to ``accum``, then one after another."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pool(Base):
    """Largest element or average of each window, channel by channel (Vitis nnet_pooling.h, nnet_pooling_stream.h).

    An average is the sum divided by the number of elements, rounded towards zero to the last bit of ``accum``.

    Attributes:
        kernel: elements of the window per axis; all of the image where pooling is global.
        count_padding: an average also counts the zeros outside of the image.
        count: what an average divides by, where its elements are sums already; 0: the elements of its window.
    """

    op: PoolOp
    kernel: Shape
    stride: Shape
    padding: Shape
    accum: FixedFormat
    form: PoolForm = PoolForm.PARALLEL
    count_padding: bool = False
    count: int = 0


class RearrangeOp(Enum):
    """Ways to give elements other places."""

    TRANSPOSE = "transpose"
    """``parameters``: the source's axis for each axis."""
    ZERO_PAD = "zero pad"
    """``parameters``: zeros before and after each axis but the channels'."""
    CROP = "crop"
    """``parameters``: what is left out before and after each axis but the channels'."""
    RESIZE = "resize"
    """The nearest element of an image of another size; no ``parameters``."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rearrange(Base):
    """``y_i = cast(x_k(i))`` or zero (nnet_transpose.h, nnet_padding.h, nnet_cropping.h, nnet_image.h)."""

    op: RearrangeOp
    parameters: Shape = ()
