"""The Network: layers with integer constants and exact fixed-point formats.

One frozen dataclass per layer kind.  A kind also has a place in :mod:`check`, :mod:`reference`,
:mod:`bounds`, :mod:`text` and in the RTL lowering; each place ends in ``assert_never``.
Arithmetic is that of hls4ml 1.3.0's C++ (``nnet_utils``); the docstrings name the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import prod

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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Quantize(Base):
    """``y_i = cast(cast_i(x_i))``: a format for each element (hls4ml's FixedPointQuantizer, hgq_proxy_model.py).

    ``formats`` holds them in row-major order; None stands for an element without bits, which is always zero.
    """

    formats: tuple[FixedFormat | None, ...]


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lookup(Base):
    """``y = cast(table[bits of x])``, the pattern as an unsigned number (nnet_activation.h, unary_lut).

    ``table`` has an entry for each pattern of the source's format, negative values behind the positive ones.
    """

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
    Input | Dense | ScaleBias | Relu | Cast | Quantize | Table | Lookup | Softmax | HardMax | Argmax | Merge | Concat
    | Reshape
)  # fmt: skip

LAYER_KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Input, Dense, ScaleBias, Relu, Cast, Quantize, Table, Lookup, Softmax, HardMax, Argmax, Merge, Concat, Reshape,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A directed acyclic graph of layers in an order where sources come first.

    ``notes`` are things that a reader of results must know (they travel into the report).
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    origin: dict[str, str] = field(default_factory=dict)

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
        case Dense():
            constants = (layer.weight, layer.bias)
        case ScaleBias():
            constants = (layer.scale, layer.bias)
        case _:
            return 0, 0
    return sum(c.raw.size for c in constants), sum(int(np.count_nonzero(c.raw)) for c in constants)
