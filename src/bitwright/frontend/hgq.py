"""Proxy models of HGQ 0.2.6 (Keras 2), in a process that :mod:`prepare` made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.frontend import keras2
from bitwright.frontend.kerasmodel import Floats, folded, layer_values, predict, without_softmax


def load(path: Path, weights: Path | None) -> Any:
    """As :func:`keras2.load`, with the layers of HGQ's proxies."""
    from HGQ.proxy import FixedPointQuantizer, UnaryLUT

    return keras2.load_with(path, weights, {"FixedPointQuantizer": FixedPointQuantizer, "UnaryLUT": UnaryLUT})


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """The weights that each layer computes with, by layer name; a proxy's lie on their grids already."""
    return {
        layer.name: folded(layer)
        if type(layer).__name__ == "BatchNormalization"
        else [np.asarray(weight, dtype=np.float64) for weight in layer.get_weights()]
        for layer in model.layers
    }


__all__ = ["layer_values", "load", "predict", "weight_values", "without_softmax"]
