"""Layers that multiply by a matrix of weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.fixed import FixedFormat
from bitwright.network.layer_base import Base, Constant, Shape


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dense(Base):
    """``y = cast(bias + sum_i product(x_i, w_ij))`` (nnet_dense_latency.h, nnet_dense_resource.h).

    Each exact product is cast to ``accum`` before it is added; the sum is kept in ``accum``.
    ``weight`` has shape (n_in, n_out), ``bias`` (n_out,).
    """

    weight: Constant
    bias: Constant
    accum: FixedFormat
    strategy: str = "latency"
    reuse_factor: int = 1

    @property
    def order(self) -> tuple[int, ...]:
        """Inputs in the order in which the C++ adds their products, which a saturating sum depends on."""
        inputs = range(len(self.weight.raw))
        if self.strategy == "latency" or self.reuse_factor >= len(inputs):
            return tuple(inputs)
        return tuple(i for first in range(self.reuse_factor) for i in inputs[first :: self.reuse_factor])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Conv(Base):
    """Convolution over the last axis' channels, channels last: each position is a Dense over its window.

    The window of a position is all its taps and channels in row-major order; elements outside the image are
    zero (Vitis nnet_conv1d/2d_latency.h and _resource.h, nnet_conv_stream.h; depthwise: nnet_sepconv*.h,
    nnet_depthwise_product.h).

    Attributes:
        weight: (taps..., channels, filters); depthwise (taps..., channels), each channel by itself.
        bias: (filters,).
        stride: step of the window per axis.
        padding: elements of zero before and after each axis: (before, after, before, after).
    """

    weight: Constant
    bias: Constant
    accum: FixedFormat
    stride: Shape
    padding: Shape
    depthwise: bool = False
    strategy: str = "latency"
    reuse_factor: int = 1

    @property
    def kernel(self) -> Shape:
        """Taps per axis."""
        return self.weight.raw.shape[: len(self.stride)]

    @property
    def position(self) -> Dense:
        """What one position computes, over its window; depthwise: a matrix that is mostly zero."""
        raw = self.weight.raw
        if self.depthwise:
            taps, channels = raw.reshape(-1, raw.shape[-1]), raw.shape[-1]
            raw = taps[:, :, None] * np.eye(channels, dtype=np.int64)
        matrix = Constant(np.ascontiguousarray(raw.reshape(-1, raw.shape[-1])), self.weight.format)
        return Dense(
            name=self.name,
            sources=self.sources,
            shape=(matrix.raw.shape[1],),
            result=self.result,
            weight=matrix,
            bias=self.bias,
            accum=self.accum,
            strategy=self.strategy,
            reuse_factor=self.reuse_factor,
        )
