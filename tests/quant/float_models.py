"""Small float models with random weights, and rows for them; no TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitwright.network.window import positions
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.float_model import FloatLayer, FloatModel, Floats, Kind
from bitwright.quant.options import Options
from bitwright.quant.plan import Bits, QuantPlan, make_plan


class Draft:
    """Builds a model layer by layer; every method gives the new layer's name."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers: dict[str, FloatLayer] = {}

    def add(
        self, name: str, kind: Kind, sources: tuple[str, ...], shape: Any, weights: Any = None, **options: Any
    ) -> str:
        self.layers[name] = FloatLayer(name, kind, sources, tuple(shape), weights or {}, options)
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        return self.layers[name].shape

    def input(self, *shape: int, name: str = "x") -> str:
        return self.add(name, Kind.INPUT, (), shape)

    def normal(self, *shape: int, scale: float = 1.0) -> Floats:
        return self.rng.normal(0, scale, shape).astype(np.float32).astype(np.float64)

    def dense(self, source: str, units: int, name: str, scale: float = 1.0) -> str:
        n = int(np.prod(self.shape(source)))
        weights = {
            "weight": self.normal(n, units, scale=scale / np.sqrt(n)),
            "bias": self.normal(units, scale=scale / 4),
        }
        return self.add(name, Kind.DENSE, (source,), (units,), weights)

    def conv(
        self, source: str, filters: int, kernel: tuple[int, ...], name: str, padding: Any = None, stride: int = 1
    ) -> str:
        shape, rank = self.shape(source), len(kernel)
        padding, strides = padding or (0,) * (2 * rank), (stride,) * rank
        weight = self.normal(*kernel, shape[-1], filters, scale=1 / np.sqrt(np.prod(kernel) * shape[-1]))
        out = (*positions(shape, kernel, strides, padding), filters)
        weights = {"weight": weight, "bias": self.normal(filters, scale=0.25)}
        return self.add(name, Kind.CONV, (source,), out, weights, stride=strides, padding=padding)

    def depthwise(self, source: str, kernel: tuple[int, ...], name: str, padding: Any = None) -> str:
        shape, rank = self.shape(source), len(kernel)
        padding = padding or (0,) * (2 * rank)
        out = (*positions(shape, kernel, (1,) * rank, padding), shape[-1])
        weights = {"weight": self.normal(*kernel, shape[-1], scale=0.5), "bias": self.normal(shape[-1], scale=0.25)}
        return self.add(name, Kind.DEPTHWISE, (source,), out, weights, stride=(1,) * rank, padding=padding)

    def scale(self, source: str, name: str, scale: Floats, bias: Floats) -> str:
        return self.add(name, Kind.SCALE, (source,), self.shape(source), {"scale": scale, "bias": bias})

    def relu(self, source: str, name: str, limit: float | None = None) -> str:
        return self.add(name, Kind.RELU, (source,), self.shape(source), limit=limit)

    def same(self, kind: Kind, source: str, name: str, **options: Any) -> str:
        return self.add(name, kind, (source,), self.shape(source), **options)

    def pool(self, kind: Kind, source: str, size: int, name: str) -> str:
        shape = self.shape(source)
        kernel = (size,) * (len(shape) - 1)
        padding = (0,) * (2 * len(kernel))
        out = (*positions(shape, kernel, kernel, padding), shape[-1])
        return self.add(name, kind, (source,), out, kernel=kernel, stride=kernel, padding=padding)

    def flat(self, source: str, name: str = "flat") -> str:
        return self.add(name, Kind.RESHAPE, (source,), (int(np.prod(self.shape(source))),))

    def model(self, *outputs: str, name: str = "small") -> FloatModel:
        return FloatModel(name, tuple(self.layers.values()), outputs)


def mlp(seed: int = 1, features: int = 6, hidden: int = 10, outputs: int = 3, scale: float = 1.0) -> FloatModel:
    """Two dense layers and a relu."""
    d = Draft(seed)
    h = d.relu(d.dense(d.input(features), hidden, "fc1", scale), "relu1")
    return d.model(d.dense(h, outputs, "fc2", scale), name="mlp")


def normalized(seed: int = 2) -> FloatModel:
    """Raw features of very different sizes, normalized first."""
    d = Draft(seed)
    x = d.input(4)
    n = d.scale(x, "norm", np.array([1.0, 1e-3, 0.5, 2e-5]), np.array([0.0, -2.0, 1.0, -0.5]))
    h = d.relu(d.dense(n, 8, "fc1"), "relu1")
    return d.model(d.same(Kind.SIGMOID, d.dense(h, 1, "fc2"), "probability"), name="normalized")


def cnn(seed: int = 3) -> FloatModel:
    """Convolutions of every sort, pooling, a branch, relu6."""
    d = Draft(seed)
    x = d.input(6, 6, 2)
    a = d.relu(d.conv(x, 4, (3, 3), "conv1", padding=(1, 1, 1, 1)), "relu1")
    b = d.relu(d.depthwise(a, (3, 3), "depthwise", padding=(1, 1, 1, 1)), "relu2", limit=6.0)
    c = d.conv(b, 4, (1, 1), "pointwise")
    s = d.relu(d.add("sum", Kind.ADD, (a, c), d.shape(a)), "relu3")
    p = d.pool(Kind.MAX_POOL, s, 2, "max")
    q = d.pool(Kind.AVERAGE_POOL, s, 2, "average")
    j = d.add("joined", Kind.CONCAT, (p, q), (3, 3, 8), axis=2)
    g = d.pool(Kind.AVERAGE_POOL, j, 3, "global")
    return d.model(d.dense(d.flat(g), 3, "logits"), name="cnn")


def odd(seed: int = 4) -> FloatModel:
    """A sequence, leaky, tanh, a zero padding, a linear bottleneck, two outputs."""
    d = Draft(seed)
    x = d.input(8, 2)
    a = d.same(
        Kind.LEAKY,
        d.conv(d.add("pad", Kind.ZERO_PAD, (x,), (9, 2), padding=(1, 0)), 3, (3,), "conv"),
        "leaky",
        slope=0.3,
    )
    b = d.dense(d.flat(a), 4, "bottleneck")
    c = d.dense(d.same(Kind.LINEAR, b, "line"), 5, "fc1")
    t = d.same(Kind.TANH, c, "tanh")
    return d.model(d.dense(t, 2, "out1"), d.relu(d.dense(t, 2, "fc3"), "out2"), name="odd")


def sequence(seed: int = 6) -> FloatModel:
    """Over one axis: causal and strided convolutions, a depthwise one, one tap, pooling of the whole, a branch."""
    d = Draft(seed)
    x = d.input(12, 2)
    a = d.relu(d.conv(x, 4, (3,), "causal", padding=(2, 0)), "relu1")
    b = d.relu(d.depthwise(a, (3,), "deep", padding=(1, 1)), "relu2")
    c = d.add("sum", Kind.ADD, (b, d.conv(a, 4, (1,), "point")), d.shape(a))
    e = d.relu(d.conv(c, 3, (4,), "strided", padding=(1, 1), stride=2), "relu3")
    pool = {"kernel": (6,), "stride": (6,), "padding": (0, 0)}
    top = d.add("top", Kind.MAX_POOL, (e,), (3,), **pool)
    return d.model(d.dense(top, 2, "fc"), name="sequence")


MODELS = {"mlp": mlp, "normalized": normalized, "cnn": cnn, "odd": odd, "sequence": sequence}


def rows(model: FloatModel, count: int = 200, seed: int = 9) -> Floats:
    """Rows as the models want them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, sum(layer.size for layer in model.inputs)))
    if model.name == "normalized":
        x = np.rint(np.abs(x) * np.array([2.0, 2000.0, 3.0, 60000.0]))
    return x


def calibrated(model: FloatModel) -> Calibration:
    """Calibrated on its rows, in batches of odd sizes."""
    x = rows(model)
    return calibrate(model, [x[:7], x[7:100], x[100:]])


def planned(model: FloatModel, weight: int = 8, activation: int = 8, **options: Any) -> QuantPlan:
    """A plan of one width."""
    return make_plan(model, calibrated(model), Bits(weight, activation), {}, Options(**options))


def random_model(seed: int) -> FloatModel:
    """Some five layers of random kinds over a small image, and a dense head; now and then with tiny or huge weights."""
    d = Draft(seed)
    rng = d.rng
    x = d.input(int(rng.integers(3, 6)), int(rng.integers(3, 6)), int(rng.integers(1, 3)))
    if rng.random() < 0.4:
        channels = d.shape(x)[-1]
        x = d.scale(x, "norm", np.exp(rng.normal(0, 3, channels)), rng.normal(0, 2, channels))
    for number in range(int(rng.integers(1, 5))):
        x = _random_layer(d, x, f"l{number}", str(rng.choice(["conv", "depthwise", "pool", "average", "branch"])))
    x = d.dense(d.flat(x), 3, "out", float(np.exp(rng.normal(0, 2))))
    return d.model(x, name="random")


def _random_layer(d: Draft, x: str, name: str, kind: str) -> str:
    shape = d.shape(x)
    same = (1, 1, 1, 1) if d.rng.random() < 0.5 and min(shape[:2]) > 1 else (0, 0, 0, 0)
    size = 3 if min(shape[:2]) >= 3 else 1
    same = same if size == 3 else (0, 0, 0, 0)
    match kind:
        case "conv":
            made = d.conv(x, int(d.rng.integers(1, 5)), (size, size), name, same, int(d.rng.integers(1, 3)))
        case "depthwise":
            made = d.depthwise(x, (size, size), name, same)
        case "pool" if min(shape[:2]) >= 2:
            return d.pool(Kind.MAX_POOL, x, 2, name)
        case "average" if min(shape[:2]) >= 2:
            return d.pool(Kind.AVERAGE_POOL, x, 2, name)
        case _:
            return d.add(name, Kind.ADD, (x, d.conv(x, shape[-1], (1, 1), f"{name}_side")), shape)
    d.layers[made].weights["weight"][:] *= np.exp(d.rng.normal(0, 2))
    tail = str(d.rng.choice(["relu", "relu6", "leaky", "linear", "none"]))
    if tail in ("relu", "relu6"):
        return d.relu(made, f"{name}_act", 6.0 if tail == "relu6" else None)
    if tail == "leaky":
        return d.same(Kind.LEAKY, made, f"{name}_act", slope=float(d.rng.uniform(0.01, 0.9)))
    return d.same(Kind.LINEAR, made, f"{name}_act") if tail == "linear" else made
