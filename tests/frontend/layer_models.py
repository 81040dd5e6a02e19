"""Small Keras models, one for each sort of layer, with random types, lowered and written as HLS projects.

``python layer_models.py FOLDER CASE:IO:SEED ...`` makes ``FOLDER/CASE_IO_SEED`` with the network, vectors and the
project of each; one process, because TensorFlow takes seconds to load.  A case is a function of this file.
"""

from __future__ import annotations

import json
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from random_models import any_type, set_weights

from bitwright.errors import BitwrightError
from bitwright.files import write_arrays
from bitwright.frontend import worker
from bitwright.network import save
from bitwright.network.vectors import draw

Tensors = list[Any]
Case = Callable[[Any, random.Random], tuple[Tensors, Tensors]]
CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    """Make the function known by its name."""
    CASES[make.__name__] = make
    return make


@case
def conv1d(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Convolutions over a sequence: strides, paddings, one tap, an activation of its own, several axes for a Dense."""
    x = layers.Input((rng.randint(5, 8), rng.randint(1, 3)), name="in_1")
    y, z = layers.Input((6, 2), name="in_2"), layers.Input((rng.randint(4, 5), 1), name="in_3")
    outs = [
        layers.Conv1D(2, 3, strides=rng.randint(1, 3), padding="same", name="a")(y),
        layers.Conv1D(3, rng.randint(1, 4), padding="valid", activation="relu", name="b")(x),
        layers.Conv1D(2, 2, padding="causal", use_bias=False, name="c")(z),
        layers.Conv1D(2, 1, strides=rng.randint(1, 2), name="d")(x),
        layers.Dense(3, name="e")(x),
    ]
    return [x, y, z], outs


@case
def conv2d(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Convolutions over an image."""
    x = layers.Input((rng.randint(4, 6), rng.randint(3, 5), rng.randint(1, 3)), name="in_1")
    outs = [
        layers.Conv2D(2, (3, 2), strides=(rng.randint(1, 2), 1), padding="same", name="a")(x),
        layers.Conv2D(3, (2, 3), strides=2, activation="relu", name="b")(x),
        layers.Conv2D(2, 1, name="c")(x),
        layers.Dense(2, name="d")(layers.Conv2D(2, (1, 3), padding="same", name="e")(x)),
    ]
    return [x], outs


@case
def separable1d(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Depthwise and separable convolutions over a sequence."""
    x = layers.Input((rng.randint(4, 7), rng.randint(2, 3)), name="in_1")
    outs = [
        layers.DepthwiseConv1D(2, padding="same", name="a")(x),
        layers.SeparableConv1D(3, 3, strides=rng.randint(1, 2), name="b")(x),
    ]
    return [x], outs


@case
def separable2d(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Depthwise and separable convolutions over an image."""
    x = layers.Input((4, rng.randint(3, 5), rng.randint(2, 3)), name="in_1")
    outs = [
        layers.DepthwiseConv2D((2, 3), padding="same", name="a")(x),
        layers.SeparableConv2D(2, 3, padding="same", strides=rng.randint(1, 2), name="b")(x),
    ]
    return [x], outs


@case
def pool(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Pooling that streams can do too: windows side by side, no padding."""
    x = layers.Input((rng.randint(4, 7), 2), name="in_1")
    y = layers.Input((4, rng.randint(4, 6), 2), name="in_2")
    outs = [
        layers.MaxPooling1D(2, name="a")(x),
        layers.AveragePooling1D(rng.randint(2, 4), name="b")(x),
        layers.GlobalMaxPooling1D(name="c")(x),
        layers.GlobalAveragePooling1D(name="d")(x),
        layers.MaxPooling2D(2, name="e")(y),
        layers.AveragePooling2D((2, rng.randint(2, 3)), name="f")(y),
        layers.GlobalMaxPooling2D(name="g")(y),
        layers.GlobalAveragePooling2D(name="h")(y),
    ]
    return [x, y], outs


@case
def pool_padded(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Pooling with padding and overlapping windows."""
    x = layers.Input((rng.randint(4, 7), 2), name="in_1")
    y = layers.Input((rng.randint(3, 5), 5, 1), name="in_2")
    outs = [
        layers.MaxPooling1D(3, strides=rng.randint(1, 2), padding="same", name="a")(x),
        layers.AveragePooling1D(3, strides=rng.randint(1, 2), padding="same", name="b")(x),
        layers.MaxPooling2D((2, 3), strides=rng.randint(1, 2), padding="same", name="c")(y),
        layers.AveragePooling2D(3, strides=2, padding="same", name="d")(y),
    ]
    return [x, y], outs


@case
def places(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Padding, cropping, up-sampling, transposition, and a sequence made flat."""
    x = layers.Input((rng.randint(3, 5), 2), name="in_1")
    y = layers.Input((3, rng.randint(3, 4), 2), name="in_2")
    outs = [
        layers.ZeroPadding1D((1, 2), name="a")(x),
        layers.Cropping1D((1, 0), name="b")(x),
        layers.UpSampling1D(rng.randint(2, 3), name="c")(x),
        layers.Permute((2, 1), name="d")(x),
        layers.Dense(2, name="e")(layers.Flatten(name="f")(x)),
        layers.ZeroPadding2D(((1, 0), (0, 2)), name="g")(y),
        layers.Cropping2D(((0, 1), (1, 1)), name="h")(y),
        layers.UpSampling2D((2, rng.randint(1, 3)), name="i")(y),
        layers.Permute((3, 1, 2), name="j")(y),
    ]
    return [x, y], outs


@case
def cnn(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """A small network of convolutions, norms, pooling and a classifier."""
    x = layers.Input((8, 6, 1), name="in_1")
    y = layers.Conv2D(3, 3, padding="same", name="c1")(x)
    y = layers.Activation("relu", name="r1")(layers.BatchNormalization(name="n1")(y))
    skip = layers.Conv2D(3, 1, name="c2")(y)
    y = layers.Add(name="sum")([layers.Conv2D(3, 3, padding="same", activation="relu", name="c3")(y), skip])
    y = layers.Flatten(name="flat")(layers.MaxPooling2D(2, name="p1")(y))
    return [x], [layers.Dense(4, name="out")(y)]


def types(config: dict[str, Any], rng: random.Random) -> None:
    """Random types for some of what may be chosen; constants have no modes of their own."""
    for name, layer in config["LayerName"].items():
        chosen = {key: any_type(rng) for key in layer.get("Precision", {}) if rng.random() < 0.4}
        for key in set(chosen) & {"weight", "bias", "scale", "depthwise", "pointwise", "recurrent_weight"}:
            chosen[key] = f"fixed<{rng.randint(3, 8)},{rng.randint(1, 3)}>"
        if name.startswith("in_"):
            chosen["result"] = f"fixed<{rng.randint(3, 8)},{rng.randint(1, 4)}>"
        layer.get("Precision", {}).update(chosen)
        if "Strategy" in layer or "ReuseFactor" in layer:
            resource = rng.random() < 0.3
            layer["Strategy"] = "Resource" if resource else "Latency"
            layer["ReuseFactor"] = rng.choice([1, 2, 3]) if resource else 1


def make(folder: Path, name: str, io_type: str, seed: int) -> None:
    """One case: model, lowered network, vectors, project."""
    import tf_keras

    from bitwright.frontend import convert, lower

    rng = random.Random(f"{name} {io_type} {seed}")
    inputs, outputs = CASES[name](tf_keras.layers, rng)
    model = tf_keras.Model(inputs, outputs, name="net")
    set_weights(model, seed)
    config = convert.make_config(model, None, None)
    types(config, rng)
    graph = convert.convert(
        model, config, "net", {"io_type": io_type, "part": "xcvu13p-flga2577-2-e", "clock_period": 5}
    )
    network = lower.lower(graph, "net", "model")
    (folder / "import").mkdir()
    save(network, folder / "import" / "network.json")
    vectors = draw(network, None, 0, 300, seed)
    write_arrays(folder / "import" / "vectors.npz", {"x": vectors.x})
    convert.write_project(graph, folder / "import", f"{name} {seed}")


def main(argv: list[str]) -> int:
    """Make every case; what goes wrong is left in its folder."""
    worker.prepare_keras2()
    for word in argv[2:]:
        name, io_type, seed = word.split(":")
        folder = Path(argv[1]) / word.replace(":", "_")
        folder.mkdir(parents=True)
        try:
            make(folder, name, io_type, int(seed))
        except BitwrightError as error:
            (folder / "error.json").write_text(json.dumps(error.to_dict()), encoding="utf-8")
        except Exception:
            (folder / "crash.txt").write_text(traceback.format_exc(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
