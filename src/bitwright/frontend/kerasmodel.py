"""What Keras 2 and Keras 3 models have in common, in a process that :mod:`prepare` made ready.

``keras`` is then the Keras of the model, whichever version it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import ModelError, UnsupportedLayerError

Floats = npt.NDArray[np.float64]


def load_weights(model: Any, weights: Path) -> None:
    """Load a model's weights from another file.

    Raises:
        ModelError: they are another model's.
    """
    try:
        model.load_weights(str(weights))
    except Exception as error:
        text = " ".join(str(error).split())
        raise ModelError(
            f"the weights do not fit the model: {text[:300]}",
            where=str(weights),
            hint="give the weights of this very model",
        ) from error


def explain(error: Exception, path: Path, version: str, known: str) -> ModelError:
    """Why Keras would not load a file, in one sentence; ``known`` says which classes are read."""
    text = " ".join(str(error).split())
    unknown = re.search(r"(?:Unknown \w+: |Could not locate class )'?([\w>]+)'?", text)
    if unknown:
        return UnsupportedLayerError(f"unknown class '{unknown[1]}'", where=str(path), hint=known)
    return ModelError(
        f"{version} cannot load it: {text[:300]}", where=str(path), hint="save the model and its weights again"
    )


def without_softmax(model: Any) -> tuple[Any, str | None]:
    """The model cut before a final softmax, and that layer's name; the model itself where there is none.

    A Dense layer with a built-in softmax activation is copied with a linear one.  HGQ2's QSoftmax stays: it is a
    layer with formats of its own.
    """
    import keras

    last = model.layers[-1]
    config = last.get_config()
    activation = config.get("activation")
    if type(last).__name__ in ("Activation", "Softmax") and (
        activation == "softmax" or type(last).__name__ == "Softmax"
    ):
        return keras.Model(model.inputs, last.input), last.name
    if activation == "softmax":
        linear = type(last).from_config({**config, "activation": "linear"})
        output = linear(last.input)
        linear.set_weights(last.get_weights())
        return keras.Model(model.inputs, output), last.name
    return model, None


def predict(model: Any, inputs: list[Floats]) -> Floats:
    """Outputs (rows, elements), flattened and joined; the arithmetic is TensorFlow's float32."""
    return np.concatenate(_predict(model, inputs), axis=1)


def layer_values(model: Any, inputs: list[Floats]) -> dict[str, Floats]:
    """What each layer with one output tensor gives, (rows, elements), by its name."""
    import keras

    layers = [layer for layer in model.layers if len(inbound(layer)) == 1 and hasattr(layer.output, "shape")]
    traced = keras.Model(model.inputs, [layer.output for layer in layers])
    return dict(zip([layer.name for layer in layers], _predict(traced, inputs), strict=True))


def inbound(layer: Any) -> list[Any]:
    """The calls of a layer; Keras 3 keeps them under another name."""
    return list(layer.inbound_nodes if hasattr(layer, "inbound_nodes") else layer._inbound_nodes)


def readers(layer: Any) -> list[Any]:
    """The layers that read a layer."""
    nodes = layer.outbound_nodes if hasattr(layer, "outbound_nodes") else layer._outbound_nodes
    return [node.layer if hasattr(node, "layer") else node.operation for node in nodes]


def _predict(model: Any, inputs: list[Floats]) -> list[Floats]:
    shaped = [
        part.astype(np.float32).reshape(len(part), *[int(n) for n in tensor.shape[1:]])
        for part, tensor in zip(inputs, model.inputs, strict=True)
    ]
    out = model.predict(shaped if len(shaped) > 1 else shaped[0], batch_size=4096, verbose=0)
    outs = out if isinstance(out, list) else [out]
    return [np.asarray(o, dtype=np.float64).reshape(len(o), -1) for o in outs]


def quantized_weights(layer: Any) -> list[Floats]:
    """A layer's weights after the quantizers that QKeras gives it."""
    weights = layer.get_weights()
    quantizers = layer.get_quantizers() if hasattr(layer, "get_quantizers") else []
    return [
        np.asarray(quantizer(weight) if quantizer is not None else weight, dtype=np.float64)
        for weight, quantizer in zip(weights, [*quantizers, *[None] * len(weights)], strict=False)
    ]


def folded(layer: Any) -> list[Floats]:
    """Scale and bias of a batch norm, in the float32 arithmetic of hls4ml's BatchNormalization layer."""
    mean, variance = (np.asarray(v, dtype=np.float32) for v in (layer.moving_mean, layer.moving_variance))
    gamma = np.float32(1) if layer.gamma is None else np.asarray(layer.gamma, dtype=np.float32)
    beta = np.float32(0) if layer.beta is None else np.asarray(layer.beta, dtype=np.float32)
    scale = gamma / np.sqrt(variance + np.float32(layer.epsilon))
    return [scale.astype(np.float64), (beta - scale * mean).astype(np.float64)]
