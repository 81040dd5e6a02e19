"""Small Keras 3 and qkeras-v3 models: ``python keras3_models.py FLAVOUR FOLDER NAME ...`` imports them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from making import make_each

from bitwright.frontend.flavours import Flavour

FINE = "fixed<26,18>"
"""So coarse and so wide that float32 holds nearly all sums, and Keras is a judge of every bit."""


def on_grid(model: Any, seed: int) -> None:
    """Weights that are multiples of 1/2, so that Keras and hls4ml compute with the same ones."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights([rng.integers(-3, 4, weight.shape) / 2 for weight in layer.get_weights()])
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean, np.full_like(variance, 1 - layer.epsilon)])


def mlp(x: Any) -> Any:
    """Dense, batch norm, activations given in each of the ways Keras has."""
    from keras import layers as k

    x = k.Dense(7, activation="relu", name="a")(x)
    x = k.BatchNormalization(epsilon=2.0**-10, name="norm")(x)
    x = k.Activation("relu", name="act")(k.Dense(6, use_bias=False, name="b")(x))
    x = k.ReLU(name="last")(k.Dense(5, name="d")(x))
    return k.Activation("softmax", name="soft")(k.Dense(3, name="c")(k.Dropout(0.1)(x)))


def branches(x: Any) -> Any:
    """Merges, reshapes, concatenation, EinsumDense, and a softmax inside of a Dense layer."""
    from keras import layers as k

    a, b = k.Dense(6, name="a")(x), k.Dense(6, activation="relu", name="b")(x)
    both = k.Subtract(name="less")([k.Add(name="sum")([a, b]), k.Maximum(name="max")([a, b])])
    rows = k.EinsumDense("bij,jk->bik", (2, 4), bias_axes="k", activation="relu", name="rows")(k.Reshape((2, 3))(both))
    return k.Dense(4, activation="softmax", name="out")(k.Concatenate(name="all")([k.Flatten()(rows), b]))


def images(x: Any) -> Any:
    """Layers over a small image; hls4ml 1.3.0 has a converter for separable convolutions that fails."""
    from keras import layers as k

    y = k.ZeroPadding2D(1, name="pad")(k.Reshape((3, 2, 1), name="image")(x))
    y = k.Conv2D(2, (2, 2), padding="same", activation="relu", name="a")(y)
    y = k.MaxPooling2D(2, name="max")(k.DepthwiseConv2D((2, 1), name="b")(y))
    return k.Flatten(name="flat")(k.Conv2D(2, 1, name="c")(k.UpSampling2D(2, name="up")(y)))


def steps(x: Any) -> Any:
    """Layers over a short sequence."""
    from keras import layers as k

    y = k.Conv1D(2, 3, padding="causal", name="d")(k.Reshape((6, 1), name="row")(x))
    y = k.DepthwiseConv1D(2, padding="same", name="e")(k.AveragePooling1D(2, name="f")(k.SpatialDropout1D(0.1)(y)))
    return k.GlobalAveragePooling1D(name="mean")(k.Permute((2, 1), name="turn")(k.Cropping1D((0, 1), name="crop")(y)))


def sequences(x: Any) -> Any:
    """Layer normalization, softmax over an axis, and activations that Keras 3 has a converter for."""
    from keras import layers as k

    rows = k.LayerNormalization(axis=[2], name="norm")(k.Reshape((2, 3), name="shape")(x))
    acted = k.PReLU(name="p")(k.LeakyReLU(0.25, name="l")(k.ELU(name="u")(rows)))
    soft = k.Softmax(axis=1, name="s")(k.GaussianDropout(0.1)(rows))
    both = k.Concatenate(name="join")([k.Activation("hard_sigmoid", name="h")(acted), soft])
    return k.Dense(3, name="b")(k.Flatten()(both))


def functions(x: Any) -> Any:
    """Sigmoid and tanh, which hls4ml computes by tables."""
    from keras import layers as k

    x = k.Dense(5, activation="tanh", name="a")(x)
    return k.Dense(3, name="b")(k.Activation("sigmoid", name="s")(k.Dense(5, name="c")(x)))


def recurrences(x: Any) -> Any:
    """Both cells, with and without a bias, and both directions of each; hls4ml computes them by tables."""
    from keras import layers as k

    x = k.Reshape((3, 2))(k.Dense(6, name="a")(x))
    x = k.LSTM(3, return_sequences=True, use_bias=False, name="b")(x)
    x = k.Bidirectional(k.GRU(2, return_sequences=True, use_bias=False), name="c")(x)
    return k.Concatenate(name="all")([k.Bidirectional(k.LSTM(2), name="d")(x), k.GRU(2, use_bias=False, name="e")(x)])


def quantized(x: Any) -> Any:
    """QKeras as Keras 3 has it: quantizers of weights, quantized activations, a ternary layer."""
    import qkeras as q

    bits = q.quantized_bits(4, 0, alpha=1)
    x = q.QActivation(q.quantized_bits(6, 2, alpha=1), name="grid")(x)
    x = q.QDense(7, kernel_quantizer=bits, bias_quantizer=bits, name="first")(x)
    x = q.QActivation("quantized_relu(4,1)", name="relu")(x)
    x = q.QDense(6, kernel_quantizer=q.ternary(alpha=1, threshold=0.3), bias_quantizer=bits, name="second")(x)
    x = q.QActivation(q.quantized_bits(7, 3, alpha=1), name="again")(x)
    return q.QDense(3, kernel_quantizer=bits, bias_quantizer=bits, name="last")(x)


BUILDERS = {
    builder.__name__: builder
    for builder in (mlp, branches, images, steps, sequences, functions, recurrences, quantized)
}


def run(folder: Path, name: str) -> None:
    """Build, save and import the model ``name`` (KIND_SUFFIX)."""
    import keras

    from bitwright.frontend import worker
    from bitwright.frontend.request import ImportRequest

    keras.backend.clear_session()
    kind, suffix = name.split("_")
    x = keras.Input((6,), name="x")
    model = keras.Model(x, BUILDERS[kind](x), name=kind)
    keras.utils.set_random_seed(3)
    if kind == "quantized":
        model.set_weights([np.random.default_rng(3).normal(size=weight.shape) for weight in model.get_weights()])
    else:
        on_grid(model, len(name))
    (folder / "import").mkdir(parents=True)
    path = folder / f"model.{suffix}"
    if suffix == "json":
        path.write_text(model.to_json(), encoding="utf-8")
        model.save_weights(folder / "model.weights.h5")
    else:
        model.save(path)
    precision = "\n".join(
        f"  {layer}: {{Precision: {{result: '{FINE}'" + ("}}" if layer == "norm" else f", accum: '{FINE}'}}}}")
        for layer in ("a", "b", "c", "d", "e", "rows", "out", "norm")
        if any(own.name == layer for own in model.layers)
    )
    model_line = "" if kind == "quantized" else f"Model: {{Precision: {{default: '{FINE}'}}}}\n"
    hls = model_line + "LayerName:\n  x: {Precision: {result: 'fixed<6,4>'}}\n"
    (folder / "hls.yaml").write_text(hls + precision, encoding="utf-8")
    request = ImportRequest(
        name=f"net_{kind}", model=path, part="xcvu13p-flga2577-2-e", clock_ns=5, random=1000, out=folder / "import",
        weights=folder / "model.weights.h5" if suffix == "json" else None, hls_config=folder / "hls.yaml",
    )  # fmt: skip
    worker.run(request)


def main(argv: list[str]) -> int:
    """Import each; what goes wrong is left in its folder."""
    return make_each(Flavour(argv[1]), argv[2], argv[3:], run)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
