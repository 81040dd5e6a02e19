"""What readers of single Keras layers share: the draft of a FloatModel, errors, and activations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bitwright.errors import UnsupportedLayerError
from bitwright.frontend.floatfile import FloatLayer, Floats, Kind, Shape

SUPPORTED = (
    "Dense, Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D and their QKeras forms, "
    "BatchNormalization, Normalization, relu, relu6, LeakyReLU, sigmoid, tanh, softmax, linear, QActivation of "
    "quantized_relu and quantized_bits, max, average and global pooling, ZeroPadding, Flatten, Reshape, Add, "
    "Concatenate, Dropout"
)


def unsupported(layer: Any, what: str) -> UnsupportedLayerError:
    """The error that names the layer, its class and what is supported."""
    where = f"layer '{layer.name}' ({type(layer).__name__})"
    return UnsupportedLayerError(what, where=where, hint=f"supported: {SUPPORTED}")


@dataclass(slots=True)
class Draft:
    """The layers so far; for each Keras layer the one that holds its values, and by which of its calls."""

    layers: dict[str, FloatLayer] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, made: FloatLayer) -> FloatLayer:
        """Keep a layer, and give it back."""
        self.layers[made.name] = made
        return made


def shape_of(layer: Any) -> Shape:
    """A layer's output shape, without the batch."""
    return tuple(int(n) for n in layer.output.shape[1:])


def array(value: Any) -> Floats:
    """Weights as float64."""
    return np.asarray(value, dtype=np.float64)


# --- activations -------------------------------------------------------------------------------


def activated(layer: Any, made: FloatLayer, draft: Draft) -> FloatLayer:
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
    if kind is Kind.SOFTMAX and len(shape_of(layer)) != 1:
        raise unsupported(layer, f"a softmax over shape {shape_of(layer)}")
    return kind, options


def _quantizer(function: Any) -> Any:
    if isinstance(function, str):
        from qkeras.quantizers import get_quantizer

        return get_quantizer(function)
    return function


def standalone(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Activation, QActivation."""
    kind, options = _activation(layer, layer.activation)
    return draft.add(FloatLayer(layer.name, kind, sources, shape_of(layer), {}, options))


def relu(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """ReLU, with a slope or a limit."""
    slope, limit = float(layer.negative_slope or 0), layer.max_value
    if float(layer.threshold or 0) or (slope and limit is not None):
        raise unsupported(layer, "a relu with a threshold, or with a slope and a limit")
    if slope:
        return draft.add(FloatLayer(layer.name, Kind.LEAKY, sources, shape_of(layer), {}, {"slope": slope}))
    options = {"limit": None if limit is None else float(limit)}
    return draft.add(FloatLayer(layer.name, Kind.RELU, sources, shape_of(layer), {}, options))


def leaky(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """LeakyReLU."""
    slope = float(np.asarray(layer.alpha if hasattr(layer, "alpha") else layer.negative_slope))
    return draft.add(FloatLayer(layer.name, Kind.LEAKY, sources, shape_of(layer), {}, {"slope": slope}))


def softmax(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Softmax."""
    if len(shape_of(layer)) != 1:
        raise unsupported(layer, f"a softmax over shape {shape_of(layer)}")
    return draft.add(FloatLayer(layer.name, Kind.SOFTMAX, sources, shape_of(layer)))
