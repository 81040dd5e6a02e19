"""Small HGQ proxies, made without training: ``python hgq_models.py FOLDER NAME ...`` imports them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from making import make_each

from bitwright.frontend.flavours import Flavour


def formats(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Sign, bits and integer bits (sign counted) of each element, some without bits."""
    import tensorflow as tf

    sign = rng.integers(0, 2, shape)
    bits = np.where(rng.random(shape) < 0.2, 0, sign + rng.integers(1, 7, shape))
    integers = rng.integers(0, 5, shape)
    return tuple(tf.constant(values, dtype="int8") for values in (sign, bits, integers))


def build(name: str) -> Any:
    """Two layers between quantizers, in the modes that ``name`` says, or around a table."""
    import tensorflow as tf
    from HGQ.proxy import FixedPointQuantizer, UnaryLUT
    from tf_keras import Input, Model
    from tf_keras.layers import Activation, Dense

    rng = np.random.default_rng(len(name))
    modes = {"wrap": ("TRN", "WRAP"), "round": ("RND", "SAT"), "table": ("RND", "WRAP")}[name]

    def quantizer(shape: tuple[int, ...]) -> Any:
        return FixedPointQuantizer(*formats(rng, shape), *modes)

    whole = [tf.constant([n], dtype="int8") for n in (1, 6, 3)]
    inner = x = Input((6,), name="x")
    inner = Dense(7, name="first")(quantizer((1, 6))(inner))
    inner = FixedPointQuantizer(*whole, *modes)(inner)
    if name == "table":
        inner = UnaryLUT.from_activation(tf.math.tanh, kif_in=(1, 2, 3), kifRS_out=(1, 0, 5, *modes))(inner)
    else:
        inner = Activation("relu", name="relu")(inner)
    inner = Dense(4, name="second")(quantizer((1, 7))(inner))
    model = Model(x, quantizer((1, 4))(inner), name=name)
    for layer in model.layers:
        if isinstance(layer, Dense):
            layer.set_weights([rng.integers(-12, 13, weight.shape) / 8 for weight in layer.get_weights()])
    return model


def run(folder: Path, name: str) -> None:
    """Build, save and import the model ``name``."""
    from bitwright.frontend import worker
    from bitwright.frontend.request import ImportRequest

    (folder / "import").mkdir(parents=True)
    build(name).save(folder / "model.h5")
    request = ImportRequest(
        name=f"net_{name}", model=folder / "model.h5", part="xcvu13p-flga2577-2-e", clock_ns=5, random=1000,
        out=folder / "import",
    )  # fmt: skip
    worker.run(request)


def main(argv: list[str]) -> int:
    """Import each; what goes wrong is left in its folder."""
    return make_each(Flavour.HGQ, argv[1], argv[2:], run)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
