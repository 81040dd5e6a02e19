"""Keras 3 models, in a process that :mod:`prepare` made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import ModelError
from bitwright.frontend.handlers3 import register
from bitwright.frontend.kerasmodel import Floats, explain, folded, layer_values, load_weights, predict, without_softmax


def load(path: Path, weights: Path | None) -> Any:
    """The Keras model of a file that :func:`bitwright.frontend.modelfile.inspect` accepted.

    Raises:
        ModelError: the weights do not fit, or the file names classes that are not known.
    """
    import keras

    register()
    try:
        if path.suffix.lower() == ".json":
            model = keras.models.model_from_json(path.read_text(encoding="utf-8"))
        else:
            model = keras.models.load_model(str(path), compile=False, safe_mode=True)
    except Exception as error:  # Keras says no in many ways
        raise explain(error, path, "Keras 3", "use layers of Keras 3, or of HGQ2 0.2") from error
    if path.suffix.lower() == ".json":
        load_weights(model, Path(str(weights)))
    if not model.built or any(None in tensor.shape[1:] for tensor in model.inputs):
        raise ModelError("the model has no input shape", where=str(path), hint="save it after it was built")
    return model


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """The weights that each layer computes with, by layer name."""
    return {layer.name: [np.asarray(value, dtype=np.float64) for value in _values(layer)] for layer in model.layers}


def _values(layer: Any) -> list[Any]:
    if type(layer).__name__ == "BatchNormalization":
        return list(folded(layer))
    return list(layer.get_weights())


__all__ = ["layer_values", "load", "predict", "weight_values", "without_softmax"]
