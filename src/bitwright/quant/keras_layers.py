"""A planned model as the Keras and QKeras layers that hls4ml makes the very same Network of, and its hls config.

Plain data: a process of :mod:`bitwright.frontend.quant_writer` builds the model.  Weights lie on their grids already;
their quantizers leave them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat
from bitwright.network.layers import (
    Cast,
    Concat,
    Constant,
    Conv,
    Dense,
    Input,
    Layer,
    Leaky,
    Merge,
    Network,
    Pool,
    PoolOp,
    Rearrange,
    Relu,
    Reshape,
    ScaleBias,
    Table,
)
from bitwright.quant.float_model import Floats, Shape


@dataclass(frozen=True, slots=True, eq=False)
class KerasLayer:
    """One layer: its class, name, sources, the arguments of its class, its weights, and what hls4ml is told of it."""

    kind: str
    name: str
    sources: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    weights: tuple[Floats, ...] = ()
    precision: dict[str, str] = field(default_factory=dict)


def keras_layers(network: Network) -> tuple[KerasLayer, ...]:
    """The Keras layers of a Network that :func:`bitwright.quant.lower.to_network` made.

    Raises:
        UnsupportedLayerError: a layer that QKeras or hls4ml cannot express.
    """
    made: list[KerasLayer] = []
    held: dict[str, str] = {}
    shapes = {layer.name: layer.shape for layer in network.layers}
    for layer in network.layers:
        sources = tuple(held[name] for name in layer.sources)
        own = _keras_layer(layer, sources, shapes)
        made.append(own)
        held[layer.name] = own.name
        if isinstance(layer, Input):
            made.append(_quantizer(f"{layer.name}_grid", (own.name,), layer.result))
            held[layer.name] = made[-1].name
    return tuple(made)


def _keras_layer(layer: Layer, sources: tuple[str, ...], shapes: dict[str, Shape]) -> KerasLayer:
    name, result = layer.name, {"result": str(layer.result)}
    match layer:
        case Input():
            return KerasLayer("Input", name, (), {"shape": list(layer.shape)}, precision=result)
        case Dense():
            options = {"units": layer.size, "kernel": _grid(layer.weight), "bias": _grid(layer.bias)}
            weights = (layer.weight.value, layer.bias.value)
            return KerasLayer("QDense", name, sources, options, weights, result | _sums(layer))
        case Conv():
            return _conv(layer, sources, shapes[layer.sources[0]])
        case ScaleBias():
            channels = layer.shape[-1]
            weights = np.resize(layer.scale.value, channels), np.resize(layer.bias.value, channels)
            formats = {"scale": str(layer.scale.format), "bias": str(layer.bias.format)}
            return KerasLayer("BatchNormalization", name, sources, {}, weights, result | formats)
        case Relu(limit=None):
            return _quantizer(name, sources, layer.result)
        case Relu():
            return KerasLayer("Activation", name, sources, {"activation": "relu6"}, precision=result)
        case Cast():
            return _quantizer(name, sources, layer.result)
        case Leaky():
            param = {"param": str(layer.slope.format)}
            return KerasLayer("LeakyReLU", name, sources, {"alpha": float(layer.slope.value[0])}, (), result | param)
        case Table():
            return KerasLayer("Activation", name, sources, {"activation": layer.function.value}, (), result)
        case Pool():
            return _pool(layer, sources, shapes[layer.sources[0]])
        case Rearrange():
            sides = list(layer.parameters)
            return KerasLayer(f"ZeroPadding{len(sides) // 2}D", name, sources, {"padding": sides}, (), result)
        case Merge():
            return KerasLayer("Add", name, sources, {}, (), result)
        case Concat():
            return KerasLayer("Concatenate", name, sources, {"axis": layer.axis + 1}, (), result)
        case Reshape():
            kind = "Flatten" if len(layer.shape) == 1 else "Reshape"
            return KerasLayer(kind, name, sources, {} if kind == "Flatten" else {"target_shape": list(layer.shape)})
        case _:
            raise UnsupportedLayerError(f"{type(layer).__name__} has no Keras layer here", where=f"layer '{name}'")


def _sums(layer: Dense | Conv) -> dict[str, str]:
    return {"accum": str(layer.accum), "weight": str(layer.weight.format), "bias": str(layer.bias.format)}


def _grid(constant: Constant) -> dict[str, int]:
    """A ``quantized_bits`` that leaves constants as they are.

    QKeras has no range below one, and hls4ml takes one whose step is 2 for whole numbers: it is as wide as that takes.
    """
    integer = max(constant.format.integer - 1, 0)
    return {"bits": integer + 1 + max(constant.format.fraction, 0), "integer": integer}


def _quantizer(name: str, sources: tuple[str, ...], fmt: FixedFormat) -> KerasLayer:
    """A QActivation: ``quantized_bits``, or ``quantized_relu`` where there is no sign."""
    function = "quantized_bits" if fmt.signed else "quantized_relu"
    options = {"function": function, "bits": fmt.width, "integer": fmt.integer - fmt.signed}
    return KerasLayer("QActivation", name, sources, options, (), {"result": str(fmt)})


def _conv(layer: Conv, sources: tuple[str, ...], source: Shape) -> KerasLayer:
    rank, value = len(layer.stride), layer.weight.value
    options: dict[str, Any] = {
        "kernel_size": list(layer.kernel), "strides": list(layer.stride), "kernel": _grid(layer.weight),
        "bias": _grid(layer.bias), "padding": _padding(layer.name, layer.kernel, layer.stride, layer.padding, source),
    }  # fmt: skip
    precision = {"result": str(layer.result)} | _sums(layer)
    if layer.depthwise:
        kind = "QDepthwiseConv2D" if rank == 2 else "DepthwiseConv1D"
        return KerasLayer(kind, layer.name, sources, options, (value[..., None], layer.bias.value), precision)
    options["filters"] = layer.shape[-1]
    return KerasLayer(f"QConv{rank}D", layer.name, sources, options, (value, layer.bias.value), precision)


def _padding(name: str, kernel: Shape, stride: Shape, sides: Shape, source: Shape) -> str:
    """Keras' word for zeros before and after each axis."""
    if not any(sides):
        return "valid"
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(source, kernel, stride, strict=False)]
    if tuple(side for t in total for side in (t // 2, t - t // 2)) == tuple(sides):
        return "same"
    if len(kernel) == 1 and tuple(sides) == (kernel[0] - 1, 0):
        return "causal"
    raise UnsupportedLayerError(f"zeros {sides} around an image", where=f"layer '{name}'", hint="use a ZeroPadding")


def _pool(layer: Pool, sources: tuple[str, ...], source: Shape) -> KerasLayer:
    rank = len(layer.kernel)
    word = "Max" if layer.op is PoolOp.MAX else "Average"
    precision = {"result": str(layer.result), "accum": str(layer.accum)}
    if len(layer.shape) == 1:
        return KerasLayer(f"Global{word}Pooling{rank}D", layer.name, sources, {}, (), precision)
    options = {
        "pool_size": list(layer.kernel), "strides": list(layer.stride),
        "padding": _padding(layer.name, layer.kernel, layer.stride, layer.padding, source),
    }  # fmt: skip
    return KerasLayer(f"{word}Pooling{rank}D", layer.name, sources, options, (), precision)
