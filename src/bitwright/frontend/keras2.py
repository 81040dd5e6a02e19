"""Keras 2 and QKeras 0.9.0 models, also binary and ternary ones, in a process that :mod:`prepare` made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitwright.errors import ModelError
from bitwright.frontend.kerasmodel import (
    Floats,
    explain,
    folded,
    layer_values,
    load_weights,
    predict,
    quantized_weights,
    without_softmax,
)


def load(path: Path, weights: Path | None) -> Any:
    """The Keras model of a file that :func:`bitwright.frontend.modelfile.inspect` accepted.

    Raises:
        ModelError: the weights do not fit, or the file names classes that are not known.
    """
    from hls4ml.contrib.garnet import GarNet, GarNetStack
    from qkeras.utils import _add_supported_quantized_objects

    from bitwright.frontend.binary import OBJECTS

    objects: dict[str, Any] = {**OBJECTS, "GarNet": GarNet, "GarNetStack": GarNetStack}
    _add_supported_quantized_objects(objects)
    return load_with(path, weights, objects)


def load_with(path: Path, weights: Path | None, objects: dict[str, Any]) -> Any:
    """As :func:`load`, with classes of one's own by name."""
    import tf_keras

    try:
        if path.suffix.lower() == ".json":
            model = tf_keras.models.model_from_json(path.read_text(encoding="utf-8"), custom_objects=objects)
        else:
            model = tf_keras.models.load_model(str(path), custom_objects=objects, compile=False)
    except Exception as error:  # Keras says no in many ways
        raise explain(error, path, "Keras 2", "only Keras 2 and QKeras 0.9 classes are read") from error
    if path.suffix.lower() == ".json":
        load_weights(model, Path(str(weights)))
    if not model.built:
        raise ModelError("the model has no input shape", where=str(path), hint="save it after it was built")
    return model


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """The weights that each layer computes with, by layer name; QKeras ones after their quantizers."""
    values: dict[str, list[Floats]] = {}
    for layer in model.layers:
        if type(layer).__name__ in ("BatchNormalization", "QBatchNormalization"):
            values[layer.name] = folded(layer)
            continue
        values[layer.name] = quantized_weights(layer)
    return values


__all__ = ["layer_values", "load", "load_with", "predict", "weight_values", "without_softmax"]
