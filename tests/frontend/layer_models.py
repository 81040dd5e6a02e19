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
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare
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


@case
def activations(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Every activation of Keras that hls4ml has."""
    x = layers.Input((rng.randint(2, 5),), name="in_1")
    made = [
        layers.LeakyReLU(rng.choice([0.1, 0.3, 0.75]), name="a"),
        layers.ThresholdedReLU(rng.choice([0.5, 1.0, 0.3]), name="b"),
        layers.ELU(rng.choice([1.0, 0.7]), name="c"),
        layers.PReLU(name="d"),
        *(layers.Activation(name, name=name) for name in ACTIVATIONS),
    ]
    y = layers.Input((3,), name="in_2")
    return [x, y], [layer(y if i % 2 else x) for i, layer in enumerate(made)]


ACTIVATIONS = ("elu", "selu", "softplus", "softsign", "hard_sigmoid", "sigmoid", "tanh")


@case
def quantized(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Every activation of QKeras that hls4ml has."""
    from qkeras import QActivation

    x = layers.Input((rng.randint(2, 5),), name="in_1")
    names = (
        "quantized_tanh(4)", "quantized_sigmoid(5)", "quantized_sigmoid(4,use_real_sigmoid=1)", "binary(alpha=1)",
        "quantized_tanh(5,use_real_tanh=1)", "quantized_relu(4,1,negative_slope=0.25)", "ternary(alpha=1)",
    )  # fmt: skip
    return [x], [QActivation(name, name=f"q{i}")(x) for i, name in enumerate(names)]


@case
def ternary(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """A ternary activation whose threshold needs no batch norm before it."""
    from qkeras import QActivation

    x = layers.Input((3,), name="in_1")
    return [x], [QActivation("ternary(alpha=1,threshold=0.5)", name="a")(x)]


@case
def merges(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Dot products, and merges in which one tensor repeats."""
    x, y = layers.Input((4,), name="in_1"), layers.Input((4,), name="in_2")
    z, row = layers.Input((2, 3, 4), name="in_3"), layers.Input((1, 1, 4), name="in_4")
    outs = [layers.Dot(1, name="prod")([x, y]), layers.Add(name="b")([z, row]), layers.Multiply(name="c")([row, z])]
    return [x, y, z, row], outs


@case
def embedding(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Rows of a table; another sequence of layers behind it."""
    tokens = layers.Input((rng.randint(2, 4),), name="in_1")
    x = layers.Embedding(rng.randint(5, 13), rng.randint(2, 3), name="a")(tokens)
    other = layers.Input((3,), name="in_2")
    return [tokens, other], [layers.Activation("relu", name="b")(x), layers.Embedding(4, 1, name="c")(other)]


@case
def embedding_beyond(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Indices that are not an input's, and may lie behind the table."""
    x = layers.Input((3,), name="in_1")
    return [x], [layers.Embedding(4, 2, name="b")(layers.Activation("relu", name="r")(x))]


@case
def embedding_of_rows(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Indices in two axes, of which hls4ml's C++ sees one."""
    x = layers.Input((3, 2), name="in_1")
    return [x], [layers.Embedding(4, 2, name="b")(x)]


@case
def norms(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Layer normalization, whose table and accumulator have types of their own."""
    x = layers.Input((rng.randint(2, 3), rng.randint(2, 4)), name="in_1")
    y = layers.Activation("relu", name="r")(x)
    return [x], [
        layers.LayerNormalization(name="a")(x),
        layers.LayerNormalization(epsilon=1e-5, name="b")(y),
    ]


@case
def recurrent(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Both cells, all states and the last one."""
    x = layers.Input((rng.randint(2, 4), rng.randint(1, 3)), name="in_1")
    return [x], [
        layers.LSTM(2, return_sequences=True, name="lstm_a")(x),
        layers.GRU(3, return_sequences=True, name="b")(x),
        layers.LSTM(rng.randint(1, 3), activation="relu", name="lstm_c")(x),
        layers.GRU(2, recurrent_activation="relu", activation="sigmoid", name="d")(x),
    ]


@case
def bidirectional(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Both directions, all states and the last ones."""
    x = layers.Input((rng.randint(2, 4), 2), name="in_1")
    return [x], [
        layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="a")(x),
        layers.Bidirectional(layers.GRU(2), name="b")(x),
    ]


@case
def recurrent_folded(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Both cells with a reuse factor, the numbers in their names."""
    x = layers.Input((3, 2), name="in_1")
    return [x], [
        layers.LSTM(2, return_sequences=True, name="lstm_fold4")(x),
        layers.GRU(3, name="b_fold18")(x),
        layers.GRU(2, return_sequences=True, name="c_fold2")(x),
    ]


@case
def recurrent_odd(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """The nearest factor of the state's product is one for which hls4ml would need other C++."""
    x = layers.Input((3, 2), name="in_1")
    return [x], [layers.GRU(3, name="b_fold6")(x)]


@case
def bidirectional_folded(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Both directions with a reuse factor."""
    x = layers.Input((3, 2), name="in_1")
    return [x], [
        layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="a_fold4")(x),
        layers.Bidirectional(layers.GRU(2), name="b_fold6")(x),
    ]


@case
def bidirectional_odd(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """A reuse factor that divides the products of a GRU, of which hls4ml thinks, but not those of an LSTM."""
    x = layers.Input((3, 2), name="in_1")
    return [x], [layers.Bidirectional(layers.LSTM(2), name="a_fold12")(x)]


@case
def distributed(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """A layer for each step of a sequence, and another behind it."""
    x, y = layers.Input((rng.randint(2, 4), 3), name="in_1"), layers.Input((2, 3), name="in_2")
    z = layers.TimeDistributed(layers.Dense(2, name="a"), name="td_a")(x)
    z = layers.Dense(2, name="c")(layers.Flatten(name="flat")(z))
    return [x, y], [z, layers.TimeDistributed(layers.BatchNormalization(name="b"), name="td_b")(y)]


@case
def distributed_conv(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """hls4ml 1.3.0 counts the steps of a wrapped convolution wrongly."""
    x = layers.Input((rng.randint(4, 5), 4, 2), name="in_1")
    return [x], [layers.TimeDistributed(layers.Conv1D(2, 2, name="b"), name="td_a")(x)]


@case
def binary(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Binary and ternary weights on plain, binary and ternary data, with norms that become thresholds."""
    from qkeras import QActivation, QConv2D, QDense

    one, three = "binary(alpha=1)", "ternary(alpha=1,threshold=0.4)"

    def dense(n: int, kernel: str, name: str) -> Any:
        return QDense(n, kernel_quantizer=kernel, bias_quantizer=kernel, use_bias=rng.random() < 0.5, name=name)

    x, image = layers.Input((rng.randint(3, 6),), name="in_1"), layers.Input((3, 4, 2), name="in_2")
    a = layers.BatchNormalization(name="n1")(dense(5, one, "d1")(x))
    a = QActivation(one, name="b1")(a)
    b = QActivation(three, name="t1")(layers.BatchNormalization(name="n2")(dense(4, three, "d2")(x)))
    c = QConv2D(2, (2, 2), kernel_quantizer=one, bias_quantizer=one, padding="same", name="dc1")(image)
    c = QConv2D(2, (2, 2), kernel_quantizer=one, bias_quantizer=one, name="dc2")(QActivation(one, name="b2")(c))
    plain = QDense(2, kernel_quantizer="quantized_bits(4,1,alpha=1)", name="d6")(QActivation(one, name="b3")(x))
    return [x, image], [dense(3, one, "d3")(a), dense(3, three, "d4")(a), dense(3, one, "d5")(b), c, plain]


@case
def powers(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Weights that are powers of two."""
    from qkeras import QDense

    x = layers.Input((rng.randint(3, 6),), name="in_1")
    kernel = f"quantized_po2({rng.randint(3, 4)})"
    return [x], [QDense(4, kernel_quantizer=kernel, bias_quantizer="quantized_bits(5,1,alpha=1)", name="a")(x)]


@case
def shapes(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Other shapes, joined sequences, a softmax, and a convolution with its batch norm in it."""
    from qkeras import QConv2DBatchnorm

    x, y = layers.Input((2, 4), name="in_1"), layers.Input((rng.randint(3, 4),), name="in_2")
    image, plain = layers.Input((3, 3, 1), name="in_3"), "quantized_bits(5,1,alpha=1)"
    turned = layers.Reshape((4, 2), name="a")(x)
    return [x, y, image], [
        layers.Concatenate(name="b")([turned, layers.Activation("relu", name="c")(turned)]),
        layers.Softmax(name="soft")(y),
        QConv2DBatchnorm(2, (2, 2), kernel_quantizer=plain, bias_quantizer=plain, name="f")(image),
    ]


@case
def legacy(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """hls4ml's first softmax."""
    x = layers.Input((rng.randint(2, 4),), name="in_1")
    return [x], [layers.Softmax(name="soft")(x)]


@case
def garnet(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """A graph network and a stack of two, ternary or with float weights; as many vertices as a second input says."""
    from hls4ml.contrib.garnet import GarNet, GarNetStack

    vertices = rng.choice([4, 8])
    x, count = layers.Input((vertices, 3), name="in_1"), layers.Input((1,), dtype="int32", name="in_2_count")
    common = {"simplified": True, "collapse": "mean", "output_activation": None}
    one = GarNet(2, 3, 2, name="g_fold2", **common)([x, count])
    stack = GarNetStack(
        [2, 3], [2, 3], [2, 2], name="gs_fold4", quantize_transforms=True, total_bits=4, int_bits=1, **common
    )
    return [x, count], [layers.Dense(2, name="a")(one), stack([x, count])]


def _one_garnet(layers: Any, vertices: int, count: str, **options: Any) -> tuple[Tensors, Tensors]:
    from hls4ml.contrib.garnet import GarNet

    x, number = layers.Input((vertices, 3), name="in_1"), layers.Input((1,), dtype="int32", name=count)
    return [x, number], [GarNet(2, 3, 2, name="g", simplified=True, output_activation=None, **options)([x, number])]


@case
def garnet_every_vertex(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Without a mean over the vertices, hls4ml's C++ leaves those beyond the number as they are."""
    return _one_garnet(layers, 4, "in_2_count")


@case
def garnet_by_number(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """A mean by the number of vertices."""
    return _one_garnet(layers, 4, "in_2_count", collapse="mean", mean_by_nvert=True)


@case
def garnet_fractions(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """A number of vertices with bits behind the point."""
    return _one_garnet(layers, 4, "in_2", collapse="mean")


@case
def garnet_odd(layers: Any, _rng: random.Random) -> tuple[Tensors, Tensors]:
    """Vertices that are no power of two."""
    return _one_garnet(layers, 6, "in_2_count", collapse="mean")


@case
def power_windows(layers: Any, rng: random.Random) -> tuple[Tensors, Tensors]:
    """Convolutions whose weights are powers of two, and a dense layer whose scales are."""
    from qkeras import QConv1D, QConv2D, QDense, QDepthwiseConv2D

    kernel, bias = f"quantized_po2({rng.randint(3, 4)})", "quantized_bits(5,1,alpha=1)"
    plain = {"kernel_quantizer": kernel, "bias_quantizer": bias}
    x, row = layers.Input((3, rng.randint(3, 4), 2), name="in_1"), layers.Input((rng.randint(3, 5), 2), name="in_2")
    return [x, row], [
        QConv2D(2, (2, 2), padding="same", name="a", **plain)(x),
        QDepthwiseConv2D((2, 2), depthwise_quantizer=kernel, bias_quantizer=bias, name="b")(x),
        QConv1D(2, 2, strides=2, name="c", **plain)(row),
        QDense(3, kernel_quantizer="quantized_bits(4,0,alpha='auto_po2')", name="e")(layers.Flatten(name="f")(row)),
    ]


def types(config: dict[str, Any], rng: random.Random, kind: str) -> None:
    """Random types for some of what may be chosen; constants have no modes of their own."""
    plain = "td_a" in config["LayerName"]  # TimeDistributed compiles where all results are of the default type
    for name, layer in config["LayerName"].items():
        often = 1.0 if name == "prod" else 0.4  # hls4ml 1.3.0 finds no type of its own for a dot product
        chosen = {key: any_type(rng) for key in layer.get("Precision", {}) if rng.random() < often}
        for key in set(chosen) & {"weight", "bias", "scale", "depthwise", "pointwise", "recurrent_weight"}:
            chosen[key] = f"fixed<{rng.randint(3, 8)},{rng.randint(1, 3)}>"
        if name.startswith("lstm") and "accum" in layer["Precision"]:  # hls4ml's C++ compiles for one type only
            chosen["result"] = chosen["accum"] = config["LayerName"]["in_1"]["Precision"]["result"]
        if "accum" in chosen and name.startswith("d"):  # binary products are counted: it must hold the count
            chosen["accum"] = "fixed<16,10>"
        if name.startswith("in_"):
            chosen["result"] = f"fixed<{rng.randint(3, 8)},{rng.randint(1, 4)}>"
        if name.startswith("in_") and kind == "embedding":
            chosen["result"] = rng.choice(["uint<4>", "fixed<6,6>"])
        if kind == "power_windows" and "accum" in chosen and rng.random() < 0.9:  # a saturating one is refused
            chosen["accum"] = f"fixed<{rng.randint(6, 14)},{rng.randint(0, 4)},RND_CONV,WRAP>"
        if name.startswith(("in_", "e")) and kind.startswith("power"):  # so fine that the C++'s shifts drop bits
            chosen["result"] = f"fixed<{rng.randint(3, 6)},{rng.randint(-3, -1)}>"
        if name.endswith("_count"):
            chosen["result"] = "uint<4>"
        if name.startswith("g"):  # sums of graph networks: in any other mode their order counts
            chosen = {"result": f"fixed<{rng.randint(8, 16)},{rng.randint(2, 6)}{rng.choice([',RND,WRAP', ''])}>"}
        if plain:
            chosen = {key: kind for key, kind in chosen.items() if key != "result"} | {"result": "fixed<16,6>"}
        layer.get("Precision", {}).update(chosen)
        if kind == "legacy" and "Implementation" in layer:
            layer["Implementation"] = "legacy"
        if "TableSize" in layer:
            layer["TableSize"] = rng.choice([64, 256, 1024])
        if "Strategy" in layer or "ReuseFactor" in layer:
            resource = rng.random() < 0.3
            layer["Strategy"] = "Resource" if resource else "Latency"
            layer["ReuseFactor"] = rng.choice([1, 2, 3]) if resource else 1
        if "_fold" in name:
            layer["Strategy"], layer["ReuseFactor"] = "Resource", int(name.partition("_fold")[2])


def make(folder: Path, name: str, io_type: str, seed: int) -> None:
    """One case: model, lowered network, vectors, project."""
    import tf_keras

    from bitwright.frontend import convert, lower

    rng = random.Random(f"{name} {io_type} {seed}")
    inputs, outputs = CASES[name](tf_keras.layers, rng)
    model = tf_keras.Model(inputs, outputs, name="net")
    set_weights(model, seed)
    config = convert.make_config(model, None, None)
    types(config, rng, name)
    title = f"net_{name}"
    graph = convert.convert(
        model, config, title, {"io_type": io_type, "part": "xcvu13p-flga2577-2-e", "clock_period": 5}
    )
    network = lower.lower(graph, title, "model")
    (folder / "import").mkdir()
    save(network, folder / "import" / "network.json")
    vectors = draw(network, None, 0, 300, seed)
    write_arrays(folder / "import" / "vectors.npz", {"x": vectors.x})
    convert.write_project(graph, folder / "import", f"{name} {seed}")


def main(argv: list[str]) -> int:
    """Make every case; what goes wrong is left in its folder."""
    prepare(Flavour.KERAS2)
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
