"""The Network: layers with integer constants and exact fixed-point formats.

One frozen dataclass per layer kind.  A kind also has a place in :mod:`check`, :mod:`reference`,
:mod:`bounds`, :mod:`text` and in the RTL lowering; each place ends in ``assert_never``.
Arithmetic is that of hls4ml 1.3.0's C++ (``nnet_utils``); the docstrings name the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import get_args

import numpy as np

from bitwright.fixed import FixedFormat
from bitwright.network.layer_activations import (
    Cast,
    CastEach,
    ExpLinear,
    HardMax,
    HardSigmoid,
    Leaky,
    Levels,
    Lookup,
    Relu,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
    TableFunction,
    Threshold,
)
from bitwright.network.layer_attention import Einsum, Embedding, LayerNorm
from bitwright.network.layer_base import Base, Constant, Shape
from bitwright.network.layer_images import Pool, PoolForm, PoolOp, Rearrange, RearrangeOp
from bitwright.network.layer_products import Conv, Dense
from bitwright.network.layer_recurrent import Cell, GateFunction, Recurrent


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Input(Base):
    """An input of the network; its values lie on the grid of ``result``."""


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
class Dot(Base):
    """``y = cast(sum_i cast_A(a_i * b_i))`` of two vectors, the sum kept in A, ``accum`` (nnet_merge.h, dot1d)."""

    accum: FixedFormat


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
    | Leaky
    | Threshold
    | HardSigmoid
    | ExpLinear
    | Levels
    | Lookup
    | CastEach
    | Embedding
    | LayerNorm
    | Recurrent
    | Argmax
    | Merge
    | Dot
    | Einsum
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
    constants: tuple[Constant, ...]
    match layer:
        case Dense() | Conv():
            constants = (layer.weight, layer.bias)
        case ScaleBias() | LayerNorm():
            constants = (layer.scale, layer.bias)
        case Leaky():
            constants = (layer.slope,)
        case Embedding():
            constants = (layer.table,)
        case Recurrent():
            constants = (layer.weight, layer.recurrent_weight, layer.bias, layer.recurrent_bias)
        case _:
            return 0, 0
    return sum(c.raw.size for c in constants), sum(int(np.count_nonzero(c.raw)) for c in constants)


__all__ = [
    "LAYER_KINDS", "Argmax", "Base", "Cast", "CastEach", "Cell", "Concat", "Constant", "Conv", "Dense", "Dot",
    "Einsum", "Embedding", "ExpLinear", "GateFunction", "HardMax", "HardSigmoid", "Input", "Layer", "LayerNorm",
    "Leaky", "Levels", "Lookup", "Merge", "MergeOp", "Network", "Pool", "PoolForm", "PoolOp", "Rearrange",
    "RearrangeOp", "Recurrent", "Relu", "Reshape", "ScaleBias", "Shape", "Softmax", "SoftmaxKind", "Table",
    "TableFunction", "Threshold", "parameters",
]  # fmt: skip
