"""A Keras 2, Keras 3, QKeras or qkeras-v3 model to a FloatModel, in a process that :mod:`prepare` made ready.

Quantizers are dropped: weights are those that training moves, ``quantized_relu`` is a relu, and ``quantized_bits``
marks a place of quantization.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitwright.frontend import float_layers as layers
from bitwright.frontend.float_draft import Draft, activated, leaky, relu, softmax, standalone, unsupported
from bitwright.frontend.floatfile import FloatLayer, FloatModel, Kind
from bitwright.frontend.kerasmodel import inbound

IDENTITIES = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"}
)
"""Classes that do nothing but in training."""


def read(model: Any, name: str) -> FloatModel:
    """The FloatModel of a Keras model.

    Raises:
        UnsupportedLayerError: a layer, or an option of one, that has no place here.
    """
    draft = Draft()
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


def _add_input(tensor: Any, draft: Draft) -> None:
    layer = _owner(tensor)
    if any(n is None for n in tensor.shape[1:]):
        raise unsupported(layer, f"an input of the open shape {tuple(tensor.shape)}")
    shape = tuple(int(n) for n in tensor.shape[1:])
    draft.calls[layer.name] = tensor._keras_history[1]
    draft.held[layer.name] = draft.add(FloatLayer(layer.name, Kind.INPUT, (), shape)).name


def _add(tensor: Any, draft: Draft) -> None:
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
    draft.held[layer.name] = activated(layer, made, draft).name


_HANDLERS: dict[str, Callable[[Any, tuple[str, ...], Draft], FloatLayer]] = {
    "Dense": layers.dense, "QDense": layers.dense,
    "Conv1D": layers.conv, "Conv2D": layers.conv, "QConv1D": layers.conv, "QConv2D": layers.conv,
    "DepthwiseConv1D": layers.depthwise, "DepthwiseConv2D": layers.depthwise, "QDepthwiseConv2D": layers.depthwise,
    "SeparableConv1D": layers.separable, "SeparableConv2D": layers.separable,
    "QSeparableConv1D": layers.separable, "QSeparableConv2D": layers.separable,
    "BatchNormalization": layers.batch_norm, "QBatchNormalization": layers.batch_norm,
    "Normalization": layers.normalization,
    "Activation": standalone, "QActivation": standalone, "ReLU": relu, "LeakyReLU": leaky, "Softmax": softmax,
    "MaxPooling1D": layers.pool(Kind.MAX_POOL), "MaxPooling2D": layers.pool(Kind.MAX_POOL),
    "GlobalMaxPooling1D": layers.pool(Kind.MAX_POOL), "GlobalMaxPooling2D": layers.pool(Kind.MAX_POOL),
    "AveragePooling1D": layers.pool(Kind.AVERAGE_POOL), "AveragePooling2D": layers.pool(Kind.AVERAGE_POOL),
    "GlobalAveragePooling1D": layers.pool(Kind.AVERAGE_POOL), "GlobalAveragePooling2D": layers.pool(Kind.AVERAGE_POOL),
    "ZeroPadding1D": layers.zero_pad, "ZeroPadding2D": layers.zero_pad,
    "Flatten": layers.reshape, "Reshape": layers.reshape, "Add": layers.add_tensors, "Concatenate": layers.concat,
}  # fmt: skip

__all__ = ["read"]
