"""hls4ml handlers for Keras 3 layers that hls4ml 1.3.0 lacks or mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from bitwright.errors import UnsupportedLayerError

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
    for now, before in MOVED.items():
        layer_handlers[now] = _unmasked(layer_handlers[before])
    for name, own in list(layer_handlers.items()):
        if name.startswith("hgq.layers.ops."):
            layer_handlers[name] = _of_different_tensors(own)


Handler = Callable[[Any, Sequence[Any], Sequence[Any]], Configs]

MOVED = {
    "hgq.layers.attn.mha.QMultiHeadAttention": "hgq.layers.multi_head_attention.QMultiHeadAttention",
    "hgq.layers.attn.linformer.QLinformerAttention": "hgq.layers.linformer_attention.QLinformerAttention",
}
"""Where HGQ2 0.2.0 has its attention layers, and where hls4ml 1.3.0 looks for them."""


def _unmasked(theirs: Handler) -> Handler:
    """hls4ml's handler of an attention layer, which drops a causal mask silently."""

    def handle(layer: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Configs:
        if any(node.arguments.kwargs.get("use_causal_mask") for node in layer._inbound_nodes):
            raise UnsupportedLayerError(
                "a causal mask, which hls4ml leaves out",
                where=f"layer '{layer.name}'",
                hint="train the model without the mask",
            )
        return theirs(layer, inputs, outputs)

    return handle


def _of_different_tensors(theirs: Handler) -> Handler:
    """hls4ml's handler of a layer of several inputs, which quantizes one tensor as both of them like the second."""

    def handle(layer: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Configs:
        if layer.enable_iq and len({tensor.name for tensor in inputs}) < len(inputs):
            raise UnsupportedLayerError(
                "one tensor as two inputs, for which hls4ml 1.3.0 takes the quantizer of the second",
                where=f"layer '{layer.name}'",
                hint="put a layer before one of the inputs, or quantize the tensor once, with enable_iq=False",
            )
        return theirs(layer, inputs, outputs)

    return handle


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
