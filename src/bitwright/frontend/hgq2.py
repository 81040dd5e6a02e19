"""Keras 3 models with HGQ2 0.2.0, in a process that :mod:`prepare` made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.frontend import keras3
from bitwright.frontend.kerasmodel import Floats, layer_values, predict, without_softmax


def load(path: Path, weights: Path | None) -> Any:
    """As :func:`keras3.load`; HGQ2 registers its classes with Keras when it is imported."""
    import hgq.layers

    assert hgq.layers
    return keras3.load(path, weights)


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """The weights that each layer computes with, by layer name: HGQ2's after their quantizers."""
    quantized = {layer.name: _quantized(layer) for layer in model.layers}
    return keras3.weight_values(model) | {name: values for name, values in quantized.items() if values}


def _quantized(layer: Any) -> list[Floats]:
    found: list[Any] = []
    if hasattr(layer, "qkernel"):
        found = [layer.qkernel] if layer.qbias is None else [layer.qkernel, layer.qbias]
    elif hasattr(layer, "qscaler_and_qoffset"):
        found = list(layer.qscaler_and_qoffset)
    return [np.asarray(value, dtype=np.float64) for value in found]


__all__ = ["layer_values", "load", "predict", "weight_values", "without_softmax"]
