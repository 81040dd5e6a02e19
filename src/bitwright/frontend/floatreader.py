"""A Keras 2, Keras 3, QKeras or qkeras-v3 model to a FloatModel, in a process that :mod:`prepare` made ready.

Quantizers are dropped: weights are those that training moves, ``quantized_relu`` is a relu, and ``quantized_bits``
marks a place of quantization.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bitwright.errors import UnsupportedLayerError
from bitwright.frontend.floatfile import FloatLayer, FloatModel, Floats, Kind, Shape
from bitwright.frontend.kerasmodel import inbound

SUPPORTED = (
    "Dense, Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D and their QKeras forms, "
    "BatchNormalization, Normalization, relu, relu6, LeakyReLU, sigmoid, tanh, softmax, linear, QActivation of "
    "quantized_relu and quantized_bits, max, average and global pooling, ZeroPadding, Flatten, Reshape, Add, "
    "Concatenate, Dropout"
)
IDENTITIES = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"}
)
"""Classes that do nothing but in training."""


def unsupported(layer: Any, what: str) -> UnsupportedLayerError:
    """The error that names the layer, its class and what is supported."""
    where = f"layer '{layer.name}' ({type(layer).__name__})"
    return UnsupportedLayerError(what, where=where, hint=f"supported: {SUPPORTED}")


@dataclass(slots=True)
class _Draft:
    """The layers so far; for each Keras layer the one that holds its values, and by which of its calls."""

    layers: dict[str, FloatLayer] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, made: FloatLayer) -> FloatLayer:
        self.layers[made.name] = made
        return made


def read(model: Any, name: str) -> FloatModel:
    """The FloatModel of a Keras model.

    Raises:
        UnsupportedLayerError: a layer, or an option of one, that has no place here.
    """
    draft = _Draft()
    for tensor in model.inputs:
        _add_input(tensor, draft)
    for tensor in model.outputs:
        _add(tensor, draft)
    outputs = tuple(draft.held[_owner(tensor).name] for tensor in model.outputs)
    return FloatModel(name, tuple(draft.layers.values()), outputs)


def _owner(tensor: Any) -> Any:
    return tensor._keras_history[0]


def _sources(tensor: Any) -> list[Any]:
    """The tensors that the call which made this one was given; a Keras 3 Sequential calls its layers twice."""
    found = inbound(_owner(tensor))[tensor._keras_history[1]].input_tensors
    return list(found) if isinstance(found, list | tuple) else [found]


def _add_input(tensor: Any, draft: _Draft) -> None:
    layer = _owner(tensor)
    if any(n is None for n in tensor.shape[1:]):
        raise unsupported(layer, f"an input of the open shape {tuple(tensor.shape)}")
    shape = tuple(int(n) for n in tensor.shape[1:])
    draft.calls[layer.name] = tensor._keras_history[1]
    draft.held[layer.name] = draft.add(FloatLayer(layer.name, Kind.INPUT, (), shape)).name


def _add(tensor: Any, draft: _Draft) -> None:
    """The layer that makes a tensor and, before it, those that it reads."""
    layer, call = _owner(tensor), tensor._keras_history[1]
    if draft.calls.setdefault(layer.name, call) != call:
        raise unsupported(layer, "a layer that is used more than once")
    if layer.name in draft.held:
        return
    before = [_owner(source) for source in _sources(tensor)]
    for source in _sources(tensor):
        _add(source, draft)
    sources = tuple(draft.held[source.name] for source in before)
    kind = type(layer).__name__
    if kind in IDENTITIES:
        draft.held[layer.name] = sources[0]
        return
    handler = _HANDLERS.get(kind)
    if handler is None:
        raise unsupported(layer, f"{kind} layers cannot be quantized here")
    made = handler(layer, sources, draft)
    draft.held[layer.name] = _activated(layer, made, draft).name


def _shape(layer: Any) -> Shape:
    return tuple(int(n) for n in layer.output.shape[1:])


def _array(value: Any) -> Floats:
    return np.asarray(value, dtype=np.float64)


# --- activations -------------------------------------------------------------------------------


def _activated(layer: Any, made: FloatLayer, draft: _Draft) -> FloatLayer:
    """What follows a layer that has an activation of its own."""
    function = getattr(layer, "activation", None)
    if function is None or type(layer).__name__ in ("Activation", "QActivation"):
        return made
    kind, options = _activation(layer, function)
    if kind is Kind.LINEAR and _name(function) == "linear":
        return made
    return draft.add(FloatLayer(f"{made.name}_{kind.value}", kind, (made.name,), made.shape, {}, options))


def _name(function: Any) -> str:
    if isinstance(function, str):
        return function.split("(")[0]
    return str(getattr(function, "__name__", type(function).__name__))


PLAIN: dict[str, tuple[Kind, dict[str, Any]]] = {
    "linear": (Kind.LINEAR, {}), "relu": (Kind.RELU, {"limit": None}), "relu6": (Kind.RELU, {"limit": 6.0}),
    "sigmoid": (Kind.SIGMOID, {}), "tanh": (Kind.TANH, {}), "softmax": (Kind.SOFTMAX, {}),
    "quantized_bits": (Kind.LINEAR, {}), "quantized_linear": (Kind.LINEAR, {}),
}  # fmt: skip
"""Functions without a parameter, by name."""


def _activation(layer: Any, function: Any) -> tuple[Kind, dict[str, Any]]:
    name = _name(function)
    if name == "quantized_relu":
        quantizer = _quantizer(function)
        slope = float(getattr(quantizer, "negative_slope", 0.0))
        return (Kind.LEAKY, {"slope": slope}) if slope else (Kind.RELU, {"limit": None})
    if name not in PLAIN:
        raise unsupported(layer, f"the activation '{name}' cannot be quantized here")
    kind, options = PLAIN[name]
    if kind is Kind.SOFTMAX and len(_shape(layer)) != 1:
        raise unsupported(layer, f"a softmax over shape {_shape(layer)}")
    return kind, options


def _quantizer(function: Any) -> Any:
    if isinstance(function, str):
        from qkeras.quantizers import get_quantizer

        return get_quantizer(function)
    return function


def _act(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    kind, options = _activation(layer, layer.activation)
    return draft.add(FloatLayer(layer.name, kind, sources, _shape(layer), {}, options))


def _relu(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    slope, limit = float(layer.negative_slope or 0), layer.max_value
    if float(layer.threshold or 0) or (slope and limit is not None):
        raise unsupported(layer, "a relu with a threshold, or with a slope and a limit")
    if slope:
        return draft.add(FloatLayer(layer.name, Kind.LEAKY, sources, _shape(layer), {}, {"slope": slope}))
    options = {"limit": None if limit is None else float(limit)}
    return draft.add(FloatLayer(layer.name, Kind.RELU, sources, _shape(layer), {}, options))


def _leaky(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    slope = float(np.asarray(layer.alpha if hasattr(layer, "alpha") else layer.negative_slope))
    return draft.add(FloatLayer(layer.name, Kind.LEAKY, sources, _shape(layer), {}, {"slope": slope}))


def _softmax(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    if len(_shape(layer)) != 1:
        raise unsupported(layer, f"a softmax over shape {_shape(layer)}")
    return draft.add(FloatLayer(layer.name, Kind.SOFTMAX, sources, _shape(layer)))


# --- products ----------------------------------------------------------------------------------


def _kernel_and_bias(layer: Any, attribute: str = "kernel") -> tuple[Floats, Floats | None]:
    """The weights that training moves, before any quantizer of QKeras."""
    kernel = getattr(layer, attribute)
    return _array(kernel), _array(layer.bias) if getattr(layer, "use_bias", False) else None


def _dense(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    kernel, bias = _kernel_and_bias(layer)
    bias = np.zeros(kernel.shape[1]) if bias is None else bias
    rank = len(draft.layers[sources[0]].shape)
    if rank == 1:
        weights = {"weight": kernel, "bias": bias}
        return draft.add(FloatLayer(layer.name, Kind.DENSE, sources, _shape(layer), weights))
    weights = {"weight": kernel.reshape((1,) * (rank - 1) + kernel.shape), "bias": bias}
    options = {"stride": (1,) * (rank - 1), "padding": (0,) * (2 * (rank - 1))}
    return draft.add(FloatLayer(layer.name, Kind.CONV, sources, _shape(layer), weights, options))


def _window(layer: Any, source: Shape, kernel: Shape, stride: Shape) -> dict[str, Any]:
    """Stride, and zeros before and after each axis, as TensorFlow places them."""
    if layer.data_format != "channels_last":
        raise unsupported(layer, "data format channels_first")
    sides: list[int] = []
    for size, taps, step in zip(source, kernel, stride, strict=False):
        total = max((-(-size // step) - 1) * step + taps - size, 0)
        match layer.padding:
            case "valid":
                sides += [0, 0]
            case "same":
                sides += [total // 2, total - total // 2]
            case "causal":
                sides += [taps - 1, 0]
            case other:
                raise unsupported(layer, f"padding '{other}'")
    return {"stride": stride, "padding": tuple(sides)}


def _sizes(value: Any, rank: int) -> Shape:
    return (int(value),) * rank if isinstance(value, int) else tuple(int(n) for n in value)


def _conv_options(layer: Any, source: Shape) -> dict[str, Any]:
    rank = len(source) - 1
    if any(n != 1 for n in _sizes(layer.dilation_rate, rank)) or int(getattr(layer, "groups", 1)) != 1:
        raise unsupported(layer, "dilation or groups")
    return _window(layer, source, _sizes(layer.kernel_size, rank), _sizes(layer.strides, rank))


def _conv(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    kernel, bias = _kernel_and_bias(layer)
    weights = {"weight": kernel, "bias": np.zeros(kernel.shape[-1]) if bias is None else bias}
    options = _conv_options(layer, draft.layers[sources[0]].shape)
    return draft.add(FloatLayer(layer.name, Kind.CONV, sources, _shape(layer), weights, options))


def _by_channel(layer: Any, kernel: Floats) -> Floats:
    if kernel.shape[-1] != 1:
        raise unsupported(layer, f"depth multiplier {kernel.shape[-1]}; 1 alone has hardware")
    return kernel[..., 0]


def _depthwise(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    name = "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"
    kernel, bias = _kernel_and_bias(layer, name)
    weight = _by_channel(layer, kernel)
    weights = {"weight": weight, "bias": np.zeros(weight.shape[-1]) if bias is None else bias}
    options = _conv_options(layer, draft.layers[sources[0]].shape)
    return draft.add(FloatLayer(layer.name, Kind.DEPTHWISE, sources, _shape(layer), weights, options))


def _separable(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    weight, bias = _by_channel(layer, _array(layer.depthwise_kernel)), _kernel_and_bias(layer, "pointwise_kernel")[1]
    point, shape, source = _array(layer.pointwise_kernel), _shape(layer), draft.layers[sources[0]].shape
    first = draft.add(FloatLayer(
        f"{layer.name}_depthwise", Kind.DEPTHWISE, sources, (*shape[:-1], source[-1]),
        {"weight": weight, "bias": np.zeros(source[-1])}, _conv_options(layer, source),
    ))  # fmt: skip
    rank = len(source) - 1
    return draft.add(FloatLayer(
        layer.name, Kind.CONV, (first.name,), shape,
        {"weight": point, "bias": np.zeros(point.shape[-1]) if bias is None else bias},
        {"stride": (1,) * rank, "padding": (0,) * (2 * rank)},
    ))  # fmt: skip


# --- normalization -----------------------------------------------------------------------------


def _scale(layer: Any, sources: tuple[str, ...], draft: _Draft, scale: Floats, bias: Floats) -> FloatLayer:
    channels = draft.layers[sources[0]].shape[-1]
    weights = {"scale": np.resize(scale, channels), "bias": np.resize(bias, channels)}
    return draft.add(FloatLayer(layer.name, Kind.SCALE, sources, _shape(layer), weights))


def _batch_norm(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    if int(axis) not in (-1, len(_shape(layer))):
        raise unsupported(layer, f"normalization along axis {axis}")
    mean, variance = _array(layer.moving_mean), _array(layer.moving_variance)
    gamma = np.ones_like(mean) if layer.gamma is None else _array(layer.gamma)
    beta = np.zeros_like(mean) if layer.beta is None else _array(layer.beta)
    scale = gamma / np.sqrt(variance + float(layer.epsilon))
    return _scale(layer, sources, draft, scale, beta - mean * scale)


EPSILON = 1e-7
"""What Keras' Normalization puts below a standard deviation (``backend.epsilon()``)."""


def _normalization(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    if getattr(layer, "invert", False):
        raise unsupported(layer, "an inverted normalization")
    mean, variance = _array(layer.mean).reshape(-1), _array(layer.variance).reshape(-1)
    channels = draft.layers[sources[0]].shape[-1]
    if mean.size not in (1, channels):
        raise unsupported(layer, f"normalization by {mean.size} means of {channels} channels")
    scale = 1 / np.maximum(np.sqrt(variance), EPSILON)
    return _scale(layer, sources, draft, scale, -mean * scale)


# --- the rest ----------------------------------------------------------------------------------


def _pool(kind: Kind) -> Callable[[Any, tuple[str, ...], _Draft], FloatLayer]:
    def handler(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
        source = draft.layers[sources[0]].shape
        rank = len(source) - 1
        if "Global" in type(layer).__name__:
            if layer.data_format != "channels_last":
                raise unsupported(layer, "data format channels_first")
            options = {"kernel": source[:-1], "stride": source[:-1], "padding": (0,) * (2 * rank)}
        else:
            kernel = _sizes(layer.pool_size, rank)
            options = {"kernel": kernel} | _window(layer, source, kernel, _sizes(layer.strides, rank))
        return draft.add(FloatLayer(layer.name, kind, sources, _shape(layer), {}, options))

    return handler


def _zero_pad(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    sides = np.asarray(layer.padding).reshape(-1)
    options = {"padding": tuple(int(n) for n in sides)}
    return draft.add(FloatLayer(layer.name, Kind.ZERO_PAD, sources, _shape(layer), {}, options))


def _reshape(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    return draft.add(FloatLayer(layer.name, Kind.RESHAPE, sources, _shape(layer)))


def _add_tensors(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    shapes = {draft.layers[source].shape for source in sources}
    if len(sources) != 2 or len(shapes) != 1:
        raise unsupported(layer, f"a sum of {len(sources)} tensors of shapes {sorted(shapes)}; two of one shape can be")
    return draft.add(FloatLayer(layer.name, Kind.ADD, sources, _shape(layer)))


def _concat(layer: Any, sources: tuple[str, ...], draft: _Draft) -> FloatLayer:
    rank = len(_shape(layer))
    axis = int(layer.axis) - 1 if int(layer.axis) > 0 else int(layer.axis) + rank
    if len(sources) != 2 or not 0 <= axis < rank:
        raise unsupported(layer, f"a concatenation of {len(sources)} tensors along axis {layer.axis}; two can be")
    return draft.add(FloatLayer(layer.name, Kind.CONCAT, sources, _shape(layer), {}, {"axis": axis}))


_HANDLERS: dict[str, Callable[[Any, tuple[str, ...], _Draft], FloatLayer]] = {
    "Dense": _dense, "QDense": _dense,
    "Conv1D": _conv, "Conv2D": _conv, "QConv1D": _conv, "QConv2D": _conv,
    "DepthwiseConv1D": _depthwise, "DepthwiseConv2D": _depthwise, "QDepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable, "SeparableConv2D": _separable,
    "QSeparableConv1D": _separable, "QSeparableConv2D": _separable,
    "BatchNormalization": _batch_norm, "QBatchNormalization": _batch_norm, "Normalization": _normalization,
    "Activation": _act, "QActivation": _act, "ReLU": _relu, "LeakyReLU": _leaky, "Softmax": _softmax,
    "MaxPooling1D": _pool(Kind.MAX_POOL), "MaxPooling2D": _pool(Kind.MAX_POOL),
    "GlobalMaxPooling1D": _pool(Kind.MAX_POOL), "GlobalMaxPooling2D": _pool(Kind.MAX_POOL),
    "AveragePooling1D": _pool(Kind.AVERAGE_POOL), "AveragePooling2D": _pool(Kind.AVERAGE_POOL),
    "GlobalAveragePooling1D": _pool(Kind.AVERAGE_POOL), "GlobalAveragePooling2D": _pool(Kind.AVERAGE_POOL),
    "ZeroPadding1D": _zero_pad, "ZeroPadding2D": _zero_pad,
    "Flatten": _reshape, "Reshape": _reshape, "Add": _add_tensors, "Concatenate": _concat,
}  # fmt: skip

__all__ = ["read"]
