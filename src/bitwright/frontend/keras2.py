"""Keras 2 and QKeras 0.9.0 models, in a process whose environment :mod:`worker` has prepared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import ModelError, UnsupportedLayerError


def load(path: Path, weights: Path | None) -> Any:
    """The Keras model of a file that :func:`bitwright.frontend.modelfile.inspect` accepted.

    Raises:
        ModelError: the weights do not fit, or the file names classes that are not known.
    """
    import tf_keras
    from qkeras.utils import _add_supported_quantized_objects

    objects: dict[str, Any] = {}
    _add_supported_quantized_objects(objects)
    try:
        if path.suffix.lower() == ".json":
            model = tf_keras.models.model_from_json(path.read_text(encoding="utf-8"), custom_objects=objects)
        else:
            model = tf_keras.models.load_model(str(path), custom_objects=objects, compile=False)
    except Exception as error:  # Keras says no in many ways
        raise _explain(error, path) from error
    if path.suffix.lower() == ".json":
        _load_weights(model, Path(str(weights)))
    if not model.built:
        raise ModelError("the model has no input shape", where=str(path), hint="save it after it was built")
    return model


def _load_weights(model: Any, weights: Path) -> None:
    try:
        model.load_weights(str(weights))
    except Exception as error:
        text = " ".join(str(error).split())
        raise ModelError(
            f"the weights do not fit the model: {text[:300]}",
            where=str(weights),
            hint="give the weights of this very model",
        ) from error


def _explain(error: Exception, path: Path) -> ModelError:
    text = " ".join(str(error).split())
    unknown = re.search(r"Unknown \w+: '?([\w>]+)'?", text)
    if unknown:
        return UnsupportedLayerError(
            f"unknown class '{unknown[1]}'", where=str(path), hint="only Keras 2 and QKeras 0.9 classes are read"
        )
    return ModelError(
        f"Keras 2 cannot load it: {text[:300]}", where=str(path), hint="save the model and its weights again"
    )


def without_softmax(model: Any) -> tuple[Any, str | None]:
    """The model cut before a final softmax, and that layer's name; the model itself where there is none.

    A Dense layer with a built-in softmax activation is copied with a linear one.
    """
    import tf_keras

    last = model.layers[-1]
    config = last.get_config()
    activation = config.get("activation")
    if type(last).__name__ in ("Activation", "Softmax") and (
        activation == "softmax" or type(last).__name__ == "Softmax"
    ):
        return tf_keras.Model(model.inputs, last.input), last.name
    if activation == "softmax":
        linear = type(last).from_config({**config, "activation": "linear"})
        output = linear(last.input)
        linear.set_weights(last.get_weights())
        return tf_keras.Model(model.inputs, output), last.name
    return model, None


def predict(model: Any, inputs: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Outputs (rows, elements), flattened and joined; the arithmetic is TensorFlow's float32."""
    return np.concatenate(_predict(model, inputs), axis=1)


def layer_values(model: Any, inputs: list[npt.NDArray[np.float64]]) -> dict[str, npt.NDArray[np.float64]]:
    """What each layer with one output tensor gives, (rows, elements), by its name."""
    import tf_keras

    layers = [layer for layer in model.layers if len(layer.inbound_nodes) == 1 and hasattr(layer.output, "shape")]
    traced = tf_keras.Model(model.inputs, [layer.output for layer in layers])
    return dict(zip([layer.name for layer in layers], _predict(traced, inputs), strict=True))


def _predict(model: Any, inputs: list[npt.NDArray[np.float64]]) -> list[npt.NDArray[np.float64]]:
    shaped = [
        part.astype(np.float32).reshape(len(part), *[int(n) for n in tensor.shape[1:]])
        for part, tensor in zip(inputs, model.inputs, strict=True)
    ]
    out = model.predict(shaped if len(shaped) > 1 else shaped[0], batch_size=4096, verbose=0)
    outs = out if isinstance(out, list) else [out]
    return [np.asarray(o, dtype=np.float64).reshape(len(o), -1) for o in outs]


def weight_values(model: Any) -> dict[str, list[npt.NDArray[np.float64]]]:
    """The weights that each layer computes with, by layer name; QKeras ones after their quantizers."""
    values: dict[str, list[npt.NDArray[np.float64]]] = {}
    for layer in model.layers:
        if type(layer).__name__ in ("BatchNormalization", "QBatchNormalization"):
            values[layer.name] = _folded(layer)
            continue
        weights = layer.get_weights()
        quantizers = layer.get_quantizers() if hasattr(layer, "get_quantizers") else [None] * len(weights)
        values[layer.name] = [
            np.asarray(quantizer(weight) if quantizer is not None else weight, dtype=np.float64)
            for weight, quantizer in zip(weights, [*quantizers, *[None] * len(weights)], strict=False)
        ]
    return values


def _folded(layer: Any) -> list[npt.NDArray[np.float64]]:
    """Scale and bias of a batch norm, in the float32 arithmetic of hls4ml's BatchNormalization layer."""
    mean, variance = (np.asarray(v, dtype=np.float32) for v in (layer.moving_mean, layer.moving_variance))
    gamma = np.float32(1) if layer.gamma is None else np.asarray(layer.gamma, dtype=np.float32)
    beta = np.float32(0) if layer.beta is None else np.asarray(layer.beta, dtype=np.float32)
    scale = gamma / np.sqrt(variance + np.float32(layer.epsilon))
    return [scale.astype(np.float64), (beta - scale * mean).astype(np.float64)]
