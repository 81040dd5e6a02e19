"""The Network: layers with integer constants and exact fixed-point formats.

One frozen dataclass per layer kind.  A kind also has a place in :mod:`check`, :mod:`reference`,
:mod:`bounds`, :mod:`text` and in the RTL lowering; each place ends in ``assert_never``.
Arithmetic is that of hls4ml 1.3.0's C++ (``nnet_utils``); the docstrings name the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import prod
from typing import get_args

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A constant tensor: ``value = raw * 2**-format.fraction``; ``raw`` is int64."""

    raw: npt.NDArray[np.int64]
    format: FixedFormat

    @property
    def value(self) -> npt.NDArray[np.float64]:
        """The numbers that the raw values stand for."""
        return np.ldexp(self.raw.astype(np.float64), -self.format.fraction)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Base:
    """What every layer has: a unique name, its sources, its output shape (no batch) and format."""

    name: str
    sources: tuple[str, ...]
    shape: Shape
    result: FixedFormat

    @property
    def size(self) -> int:
        """Number of output elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Input(Base):
    """An input of the network; its values lie on the grid of ``result``."""


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
    """

    op: PoolOp
    kernel: Shape
    stride: Shape
    padding: Shape
    accum: FixedFormat
    form: PoolForm = PoolForm.PARALLEL
    count_padding: bool = False


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScaleBias(Base):
    """``y_i = cast(x_i * scale_k + bias_k)``, k = i mod len(scale) (nnet_batchnorm.h, normalize).

    Both BatchNormalization and ApplyAlpha; the product and the sum are exact, the cast is last.
    """

    scale: Constant
    bias: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relu(Base):
    """``y = cast(max(x, 0))``, with ``limit``: at most that integer (nnet_activation.h, relu, relu_max)."""

    limit: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cast(Base):
    """``y = cast(x)``: linear activation, QActivation, requantization (nnet_activation.h, linear)."""


class TableFunction(Enum):
    """Functions that hls4ml evaluates by a table over a fixed range."""

    SIGMOID = "sigmoid"
    TANH = "tanh"

    @property
    def half_range(self) -> int:
        """The table covers ``[-half_range, half_range)``: 8 for sigmoid, 4 for tanh."""
        return 8 if self is TableFunction.SIGMOID else 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table(Base):
    """``y = cast(table[clip(trunc(x * n / (2 r)) + n/2, 0, n - 1)])`` (nnet_activation.h, sigmoid, tanh).

    ``table`` has n entries, a power of two; trunc rounds towards zero as a C++ cast to int does.
    """

    function: TableFunction
    table: Constant


class SoftmaxKind(Enum):
    """hls4ml's softmax implementations."""

    LATENCY = "latency"
    STABLE = "stable"
    ARGMAX = "argmax"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Softmax(Base):
    """Softmax over all elements by two tables (nnet_activation.h, softmax_latency, softmax_stable).

    The top ``log2(len(exp_table))`` bits of the input (LATENCY), or of ``max - x`` in ``difference``
    (STABLE), address ``exp_table``; the exponentials are held in ``accum``, their sum (a balanced
    tree in ``accum``) in ``inverse_input``, whose top bits address ``inverse_table``.
    """

    implementation: SoftmaxKind
    exp_table: Constant
    inverse_table: Constant
    accum: FixedFormat
    inverse_input: FixedFormat
    difference: FixedFormat


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HardMax(Base):
    """One for the largest element (the first of equals), zero elsewhere (softmax_argmax)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Argmax(Base):
    """The index of the largest element, the first of equals; the optional head of a classifier."""


class MergeOp(Enum):
    """Element-wise operations on two tensors (nnet_merge.h)."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    AVERAGE = "average"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Merge(Base):
    """``y_i = cast(a_i op b_i)``; the shorter tensor repeats (nnet_merge.h)."""

    op: MergeOp


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Concat(Base):
    """``y = cast(concatenate(a, b))`` along ``axis`` of the shape without batch (nnet_merge.h)."""

    axis: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reshape(Base):
    """The same elements in row-major order under another shape; no hardware."""


Layer = (
    Input
    | Dense
    | Conv
    | Pool
    | Rearrange
    | ScaleBias
    | Relu
    | Cast
    | Table
    | Softmax
    | HardMax
    | Argmax
    | Merge
    | Concat
    | Reshape
)

LAYER_KINDS: dict[str, type[Layer]] = {kind.__name__: kind for kind in get_args(Layer)}


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A directed acyclic graph of layers in an order where sources come first.

    ``notes`` are things that a reader of results must know (they travel into the report); ``io_type`` is hls4ml's:
    how tensors move through the hardware, whole (``io_parallel``) or pixel by pixel (``io_stream``).
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    origin: dict[str, str] = field(default_factory=dict)
    io_type: str = "io_parallel"

    def layer(self, name: str) -> Layer:
        """The layer of that name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input layers, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Input))

    @property
    def heads(self) -> tuple[str, ...]:
        """The layers that the model itself ends with: what an argmax head of ours looks at, else the outputs."""
        layers = self.by_name
        return tuple(layers[n].sources[0] if isinstance(layers[n], Argmax) else n for n in self.outputs)

    @property
    def by_name(self) -> dict[str, Layer]:
        """Layers by name."""
        return {layer.name: layer for layer in self.layers}


def parameters(layer: Layer) -> tuple[int, int]:
    """Number of constants that a model trains in this layer, and how many are not zero."""
    match layer:
        case Dense() | Conv():
            constants = (layer.weight, layer.bias)
        case ScaleBias():
            constants = (layer.scale, layer.bias)
        case _:
            return 0, 0
    return sum(c.raw.size for c in constants), sum(int(np.count_nonzero(c.raw)) for c in constants)
