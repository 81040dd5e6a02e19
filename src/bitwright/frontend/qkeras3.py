"""Keras 3 models with qkeras-v3 1.2.1, in a process that :mod:`prepare` made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitwright.frontend import keras3
from bitwright.frontend.kerasmodel import Floats, layer_values, predict, quantized_weights, without_softmax


def load(path: Path, weights: Path | None) -> Any:
    """As :func:`keras3.load`; qkeras-v3 registers its classes with Keras when it is imported."""
    import qkeras

    assert qkeras
    return keras3.load(path, weights)


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """The weights that each layer computes with, by layer name: after their quantizers."""
    quantized = {layer.name: quantized_weights(layer) for layer in model.layers if hasattr(layer, "get_quantizers")}
    return keras3.weight_values(model) | quantized


__all__ = ["layer_values", "load", "predict", "weight_values", "without_softmax"]
