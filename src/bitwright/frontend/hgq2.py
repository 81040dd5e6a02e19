"""Keras 3 models with HGQ2 0.2.0, in a process that :mod:`prepare` made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.frontend import keras3, kerasmodel
from bitwright.frontend.kerasmodel import Floats, predict, without_softmax


def load(path: Path, weights: Path | None) -> Any:
    """As :func:`keras3.load`; HGQ2 registers its classes with Keras when it is imported."""
    import hgq.layers

    assert hgq.layers
    return keras3.load(path, weights)


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """The weights that each layer computes with, by layer name: HGQ2's after their quantizers."""
    quantized = {layer.name: _quantized(layer) for layer in model.layers}
    for layer in model.layers:  # hls4ml makes layers of what an attention layer holds
        inner = layer._flatten_layers(include_self=False)
        quantized |= {name: _quantized(i) for i in inner for name in (i.name, f"{layer.name}_{i.name}")}
    return keras3.weight_values(model) | {name: values for name, values in quantized.items() if values}


def layer_values(model: Any, inputs: list[Floats]) -> dict[str, Floats]:
    """What each layer gives, (rows, elements), by its name, and what the quantizer of its one input gives."""
    import keras

    own = [layer for layer in model.layers if getattr(layer, "enable_iq", False) and hasattr(layer.input, "shape")]
    traced = keras.Model(model.inputs, [layer.iq(layer.input) for layer in own])
    joined = predict(traced, inputs)
    edges = np.cumsum([int(np.prod(layer.input.shape[1:])) for layer in own])[:-1]
    quantized = dict(zip([layer.iq.name for layer in own], np.split(joined, edges, axis=1), strict=True))
    return kerasmodel.layer_values(model, inputs) | quantized


def _quantized(layer: Any) -> list[Floats]:
    found: list[Any] = []
    if hasattr(layer, "qkernel"):
        found = [layer.qkernel] if layer.qbias is None else [layer.qkernel, layer.qbias]
    elif hasattr(layer, "qscaler_and_qoffset"):
        found = list(layer.qscaler_and_qoffset)
    return [np.asarray(value, dtype=np.float64) for value in found]


__all__ = ["layer_values", "load", "predict", "weight_values", "without_softmax"]
