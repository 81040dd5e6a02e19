"""Keras models of every sort of layer, read as float models and evaluated by both.

``python read_many.py FLAVOUR FOLDER CASE...`` leaves ``CASE.json``: the largest difference between Keras' float32 and
our float64 beside the largest output, the layers' kinds, or the error; one process, as TensorFlow takes seconds.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import BitwrightError
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare, reader_of
from bitwright.quant.float_model import evaluate, load, save

CASES: dict[str, Callable[[Any], Any]] = {}


def case(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    CASES[make.__name__] = make
    return make


@case
def dense(k: Any) -> Any:
    """Activations of their own and built in, dropout, normalization, a sequential model with softmax."""
    kl = k.layers
    return k.Sequential([
        kl.Input((7,), name="features"), kl.BatchNormalization(name="norm"), kl.Dense(6, activation="relu", name="fc1"),
        kl.Dropout(0.5), kl.Dense(5, name="fc2", use_bias=False), kl.BatchNormalization(name="norm2", scale=False),
        kl.LeakyReLU(name="leaky"), kl.Dense(4, activation="tanh", name="fc3"), kl.Dense(3, activation="softmax"),
    ])  # fmt: skip


@case
def normalization(k: Any) -> Any:
    layer = k.layers.Normalization(name="norm")
    layer.adapt(np.random.default_rng(1).normal(3, [1.0, 50.0, 0.01], (200, 3)).astype("float32"))
    return k.Sequential([k.layers.Input((3,)), layer, k.layers.Dense(2, activation="sigmoid", name="fc")])


@case
def images(k: Any) -> Any:
    """Strides, paddings, depthwise, separable, pooling, branches."""
    kl = k.layers
    x = kl.Input((9, 8, 3), name="image")
    a = kl.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv")(x)
    b = kl.BatchNormalization(name="norm")(kl.DepthwiseConv2D(3, padding="same", name="deep")(a))
    c = kl.SeparableConv2D(4, (2, 3), padding="same", name="separable")(kl.Activation("relu", name="act")(b))
    d = kl.Add(name="sum")([a, c])
    e = kl.Concatenate(name="both")([kl.MaxPooling2D(2, name="max")(d), kl.AveragePooling2D(2, name="average")(d)])
    f = kl.Conv2D(3, (1, 2), name="point")(kl.ZeroPadding2D(((1, 0), (0, 2)), name="pad")(e))
    return k.Model(x, [kl.Dense(2, name="out")(kl.Flatten()(f)), kl.GlobalAveragePooling2D(name="mean")(d)])


@case
def sequences(k: Any) -> Any:
    kl = k.layers
    x = kl.Input((10, 3), name="steps")
    a = kl.Conv1D(4, 3, padding="causal", activation="relu", name="conv")(x)
    b = kl.SeparableConv1D(4, 3, strides=2, padding="same", name="separable")(a)
    c = kl.Dense(5, activation="relu", name="each")(kl.ReLU(max_value=6, name="six")(b))
    d = kl.MaxPooling1D(2, padding="same", name="max")(c)
    e = kl.DepthwiseConv1D(2, name="deep")(kl.ZeroPadding1D(1, name="pad")(d))
    return k.Model(
        x,
        [
            kl.GlobalMaxPooling1D(name="top")(e),
            kl.Dense(2, name="fc")(kl.Reshape((-1,), name="flat")(e)),
        ],
    )


@case
def quantized(k: Any) -> Any:
    """QKeras: latent weights, quantizers dropped; the float model is this one without quantizers."""
    from qkeras import QActivation, QBatchNormalization, QConv2D, QDense, quantized_bits, quantized_relu

    x = k.layers.Input((6, 6, 1), name="image")
    a = QConv2D(3, 3, kernel_quantizer=quantized_bits(4, 0, alpha=1), bias_quantizer=quantized_bits(4, 0), name="conv")
    y = QActivation(quantized_bits(6, 2, alpha=1), name="grid")(x)
    y = QBatchNormalization(name="norm")(a(y))
    y = k.layers.Flatten(name="flat")(QActivation(quantized_relu(4, 1), name="relu")(y))
    fc = QDense(2, kernel_quantizer=quantized_bits(4, 0, alpha=1), activation=quantized_relu(5, 2), name="fc")
    return k.Model(x, fc(y))


def without_quantizers(model: Any) -> None:
    """Make Keras compute the float model: quantizers become what they stand for."""
    import tf_keras

    for layer in model.layers:
        for name in [name for name in vars(layer) if name.endswith("_quantizer_internal")]:
            setattr(layer, name, lambda w: w)
        kind = type(getattr(layer, "activation", None)).__name__
        if kind.startswith("quantized"):
            layer.activation = layer.quantizer = tf_keras.activations.get("relu" if "relu" in kind else "linear")


@case
def shared(k: Any) -> Any:
    layer, x = k.layers.Dense(3, name="twice"), k.layers.Input((3,))
    return k.Model(x, layer(layer(x)))


@case
def recurrent(k: Any) -> Any:
    return k.Sequential([k.layers.Input((4, 2)), k.layers.LSTM(3, name="lstm"), k.layers.Dense(1)])


@case
def dilated(k: Any) -> Any:
    return k.Sequential([k.layers.Input((8, 2)), k.layers.Conv1D(2, 2, dilation_rate=2, name="wide")])


@case
def swish(k: Any) -> Any:
    return k.Sequential([k.layers.Input((8,)), k.layers.Dense(2, activation="swish", name="fc")])


def stir(model: Any) -> None:
    """Random weights, also where Keras begins with ones and zeros."""
    rng = np.random.default_rng(7)
    for layer in model.layers:
        if type(layer).__name__ != "Normalization":
            weights = [rng.normal(0, 0.4, w.shape) for w in layer.get_weights()]
            if "BatchNormalization" in type(layer).__name__:
                weights[-1] = np.abs(weights[-1]) + 0.2
            layer.set_weights(weights)


def run(flavour: Flavour, folder: Path, name: str) -> dict[str, Any]:
    """Build, save, load, read and evaluate one case."""
    import keras

    from bitwright.frontend import floatreader

    built = CASES[name](keras)
    stir(built)
    path = folder / f"{name}.{'h5' if flavour is Flavour.KERAS2 else 'keras'}"
    built.save(str(path))
    reader = reader_of(flavour)
    model = reader.load(path, None)
    save(floatreader.read(model, name), folder / f"{name}_float.json")
    ours = load(folder / f"{name}_float.json")
    if name == "quantized":
        without_quantizers(model)
    x = np.random.default_rng(3).normal(0, 1, (40, sum(layer.size for layer in ours.inputs))).astype(np.float32)
    keras_out = reader.predict(model, [x])
    values = evaluate(ours, x, ours.outputs)
    found = np.concatenate([values[out].reshape(len(x), -1) for out in ours.outputs], axis=1)
    kinds = {layer.name: layer.kind.value for layer in ours.layers}
    return {"error": float(np.abs(found - keras_out).max()), "top": float(np.abs(keras_out).max()), "kinds": kinds}


def main(argv: list[str]) -> int:
    flavour, folder = Flavour(argv[1]), Path(argv[2])
    prepare(flavour)
    for name in argv[3:]:
        try:
            result = run(flavour, folder, name)
        except BitwrightError as error:
            result = {"refused": str(error)}
        except Exception:
            result = {"crash": traceback.format_exc()}
        (folder / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
