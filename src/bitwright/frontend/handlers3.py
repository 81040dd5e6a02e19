"""hls4ml handlers for Keras 3 layers that hls4ml 1.3.0 lacks or mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

Configs = tuple[dict[str, Any], ...]

RELU = "keras.src.layers.activations.relu.ReLU"


def register() -> None:
    """Put them in hls4ml's table; a second time changes nothing."""
    from hls4ml.converters.keras_v3 import layer_handlers

    if layer_handlers.get("qkeras.qlayers.QActivation") is quantized_activation:
        return
    layer_handlers["qkeras.qlayers.QActivation"] = quantized_activation
    theirs = layer_handlers[RELU]

    def handle(layer: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Configs:
        plain = layer.max_value is None and not layer.negative_slope and not layer.threshold
        return relu(layer, inputs, outputs) if plain else theirs(layer, inputs, outputs)

    layer_handlers[RELU] = handle


def relu(layer: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Configs:
    """A plain ReLU layer, which hls4ml takes for a ThresholdedReLU (keras_v3/core.py, ReLUHandler)."""
    return ({**_common(layer, inputs, outputs), "class_name": "Activation", "activation": "relu"},)


def quantized_activation(layer: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Configs:
    """QActivation of qkeras-v3, by hls4ml's handler for QKeras' own."""
    from hls4ml.converters.keras.qkeras import get_activation_quantizer

    description = {"class_name": "QActivation", "config": layer.get_config()}
    made = get_activation_quantizer(description, [tensor.name for tensor in inputs])
    return ({**made, **_common(layer, inputs, outputs)},)


def _common(layer: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> dict[str, Any]:
    """What hls4ml wants of each layer."""
    return {
        "name": layer.name,
        "module": layer.__module__,
        "n_in": prod(inputs[0].shape[1:]),
        "input_shape": [list(tensor.shape[1:]) for tensor in inputs],
        "input_keras_tensor_names": [tensor.name for tensor in inputs],
        "output_keras_tensor_names": [tensor.name for tensor in outputs],
    }
