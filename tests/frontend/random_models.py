"""Small random Keras and QKeras models with random hls configs, imported many at a time.

``python random_models.py FOLDER HEAD:SEED ...`` builds each model, saves it, and runs the import worker on it into
``FOLDER/HEAD_SEED``: one process, because TensorFlow takes seconds to load.  The head ``plain`` stands for a model
without quantizers under types so fine that Keras itself is a judge of what the layers mean.
"""

from __future__ import annotations

import json
import random
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bitwright.errors import BitwrightError
from bitwright.frontend import worker
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare
from bitwright.frontend.request import ImportRequest
from bitwright.rtl.engine_dense import valid_reuse_factors

ROUNDINGS = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
STEPS = ("dense", "dense", "activation", "activation", "norm", "merge", "merge", "reshape", "drop")
OVERFLOWS = ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")


def any_type(rng: random.Random, low: int = 3, high: int = 12) -> str:
    """A random type, lossy more often than not."""
    width = rng.randint(low, high)
    integer = rng.randint(0, min(width, 6))
    prefix = "u" if rng.random() < 0.15 else ""
    return f"{prefix}fixed<{width},{integer},{rng.choice(ROUNDINGS)},{rng.choice(OVERFLOWS)}>"


class Draft:
    """A model while it grows: tensors of one axis, and layers drawn at random."""

    def __init__(self, rng: random.Random, *, plain: bool) -> None:
        import tf_keras.layers

        self.rng = rng
        self.plain = plain
        self.layers = tf_keras.layers
        self.count = 0

    def name(self, kind: str) -> str:
        """A new name."""
        self.count += 1
        return f"{kind}_{self.count}"

    def quantizer(self) -> Any:
        """Weights of a few bits; with a scale of their own (alpha) hls4ml adds a layer that applies it."""
        from qkeras import quantized_bits, ternary

        match self.rng.choice(["bits", "bits", "bits", "auto", "ternary"]):
            case "ternary":
                return ternary(alpha=1, threshold=0.4)
            case "auto":
                return quantized_bits(self.rng.randint(3, 6), 0, alpha="auto")
        return quantized_bits(self.rng.randint(3, 6), self.rng.randint(0, 1), alpha=1)

    def dense(self, x: Any, units: int | None = None, activation: str | None = None) -> Any:
        """A Dense or QDense layer, sometimes with an activation of its own."""
        from qkeras import QDense

        units = units or self.rng.randint(1, 5)
        activation = activation or self.rng.choice([None, None, "relu", "tanh", "sigmoid"])
        common = {"use_bias": self.rng.random() < 0.8, "activation": activation, "name": self.name("dense")}
        if self.rng.random() < 0.6 and not self.plain:
            if activation == "relu":
                common["activation"] = "quantized_relu(4,1)"
            return QDense(
                units, kernel_quantizer=self.quantizer(), bias_quantizer=self.quantizer(), **common
            )(x)  # fmt: skip
        return self.layers.Dense(units, **common)(x)

    def activation(self, x: Any) -> Any:
        """One of the activations."""
        from qkeras import QActivation

        integer = self.rng.randint(0, 2)
        bits = self.rng.randint(2, 5) + integer
        quantized = [] if self.plain else ["qrelu", "qbits"]
        choice = self.rng.choice(["relu", "relu6", "tanh", "sigmoid", "linear", "ReLU", *quantized])
        match choice:
            case "qrelu":
                return QActivation(f"quantized_relu({bits},{integer})", name=self.name("qrelu"))(x)
            case "qbits":
                return QActivation(f"quantized_bits({bits},{integer},alpha=1)", name=self.name("qbits"))(x)
            case "ReLU":
                return self.layers.ReLU(name=self.name("relu"))(x)
        return self.layers.Activation(choice, name=self.name(choice))(x)

    def norm(self, x: Any) -> Any:
        """A batch norm, plain or quantized."""
        from qkeras import QBatchNormalization

        quantized = self.rng.random() < 0.3 and not self.plain
        kind = QBatchNormalization if quantized else self.layers.BatchNormalization
        return kind(name=self.name("norm"))(x)

    def merge(self, a: Any, b: Any) -> Any:
        """Two tensors of the same size, or a concatenation of any two."""
        if a.shape[-1] != b.shape[-1]:
            return self.layers.Concatenate(name=self.name("concat"))([a, b])
        kinds = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
        kind = self.rng.choice(kinds)
        return getattr(self.layers, kind)(name=self.name(kind.lower()))([a, b])

    def reshape(self, x: Any) -> Any:
        """Another shape and back."""
        size = int(x.shape[-1])
        rows = self.rng.choice([n for n in range(1, size + 1) if size % n == 0])
        x = self.layers.Reshape((rows, size // rows), name=self.name("reshape"))(x)
        return self.layers.Flatten(name=self.name("flatten"))(x)

    def step(self, tensors: list[Any]) -> Any:
        """One more layer on one or two of the tensors, the newest ones rather."""
        x = tensors[-1] if self.rng.random() < 0.7 else self.rng.choice(tensors)
        match self.rng.choice(STEPS):
            case "dense":
                return self.dense(x)
            case "activation":
                return self.activation(x)
            case "norm":
                return self.norm(x)
            case "merge" if len(tensors) > 1:
                return self.merge(x, self.rng.choice(tensors))
            case "reshape":
                return self.reshape(x)
            case "drop":
                return self.layers.Dropout(0.5, name=self.name("drop"))(x)
        return self.dense(x)


def build(rng: random.Random, head: str) -> Any:
    """A model of one or two inputs, about six layers, one or two outputs; softmax at the end for a head."""
    import tf_keras

    draft = Draft(rng, plain=head == "plain")
    inputs = [draft.layers.Input((rng.randint(2, 5),), name=draft.name("in")) for _ in range(rng.choice([1, 1, 2]))]
    tensors = list(inputs)
    for _ in range(rng.randint(3, 7)):
        tensors.append(draft.step(tensors))
    if len(inputs) == 2:
        tensors.append(draft.merge(tensors[-1], draft.dense(inputs[1])))
    outputs = [draft.dense(tensors[-1], rng.randint(2, 5), "linear")]
    if head == "several":
        outputs.append(draft.activation(draft.dense(rng.choice(tensors), activation="linear")))
    elif rng.random() < 0.8 and not draft.plain:
        layer = draft.layers.Softmax(name="softmax") if rng.random() < 0.5 else draft.layers.Activation("softmax")
        outputs = [layer(outputs[0])]
    return tf_keras.Model(inputs, outputs, name="net")


def set_weights(model: Any, seed: int) -> None:
    """Random weights, and statistics of batch norms that are not those of a new layer."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = [
            np.abs(rng.normal(1, 0.5, w.shape)) + 0.2 if "variance" in v.name else rng.normal(0, 0.7, w.shape)
            for v, w in zip(layer.weights, layer.get_weights(), strict=True)
        ]
        layer.set_weights(values)


def reuse_factor(model: Any, name: str, most: int) -> int:
    """The largest one up to ``most`` that the layer can have."""
    valid = valid_reuse_factors(*model.get_layer(name).get_weights()[0].shape)
    return max(factor for factor in valid if factor <= most)


def override(model: Any, rng: random.Random) -> dict[str, Any]:
    """Random types for some of what the model's config lets one choose, and softmax's implementation."""
    from hls4ml.utils import config_from_keras_model

    layers: dict[str, Any] = {}
    for name, config in config_from_keras_model(model, granularity="name", backend="Vitis")["LayerName"].items():
        chosen = {key: any_type(rng) for key in config.get("Precision", {}) if rng.random() < 0.35}
        for key in set(chosen) & {"weight", "bias", "scale"}:  # constants have no modes of their own
            chosen[key] = f"fixed<{rng.randint(3, 8)},{rng.randint(1, 3)}>"
        if "input" in name or name.startswith("in_"):
            chosen["result"] = f"fixed<{rng.randint(3, 8)},{rng.randint(1, 4)}>"
        more = {"Implementation": rng.choice(["latency", "stable", "argmax"])} if "Implementation" in config else {}
        if "TableSize" in config and rng.random() < 0.5:
            more["TableSize"] = 2 ** rng.randint(4, 9)
        if "weight" in config.get("Precision", {}) and rng.random() < 0.25:
            more |= {"Strategy": "Resource", "ReuseFactor": reuse_factor(model, name, rng.choice([1, 2, 3, 4, 6]))}
        if chosen or more:
            layers[name] = {"Precision": chosen, **more} if chosen else more
    return {"LayerName": layers}


def fine(model: Any) -> dict[str, Any]:
    """Types and tables so fine that rounding hardly shows."""
    from hls4ml.utils import config_from_keras_model

    types = {"weight": "fixed<28,10>", "bias": "fixed<28,10>", "scale": "fixed<28,10>", "table": "fixed<24,4>"}
    layers = {}
    for name, config in config_from_keras_model(model, granularity="name", backend="Vitis")["LayerName"].items():
        layers[name] = {"Precision": {key: types.get(key, "fixed<40,18>") for key in config["Precision"]}}
        if name.startswith("in_"):
            layers[name]["Precision"]["result"] = "fixed<12,3>"
        if "TableSize" in config:
            layers[name]["TableSize"] = 2**14
    return {"LayerName": layers}


def make(folder: Path, head: str, seed: int) -> None:
    """One case: model, hls config, import."""
    rng = random.Random(f"{head} {seed}")
    folder.mkdir(parents=True)
    model = build(rng, head)
    set_weights(model, seed)
    model.save(folder / "net.h5")
    config = fine(model) if head == "plain" else override(model, rng)
    (folder / "hls.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    out = folder / "import"
    out.mkdir()
    request = ImportRequest(
        name="net", model=folder / "net.h5", hls_config=folder / "hls.yaml", random=400, seed=seed,
        head=head if head in ("logits", "argmax") else "model", part="xcvu13p-flga2577-2-e", clock_ns=5, out=out,
    )  # fmt: skip
    worker.run(request)


def main(argv: list[str]) -> int:
    """Make every case; what goes wrong is left in its folder as error.json."""
    prepare(Flavour.KERAS2)
    for word in argv[2:]:
        head, _, seed = word.partition(":")
        folder = Path(argv[1]) / f"{head}_{seed}"
        try:
            make(folder, head, int(seed))
        except BitwrightError as error:
            (folder / "error.json").write_text(json.dumps(error.to_dict()), encoding="utf-8")
        except Exception:
            (folder / "crash.txt").write_text(traceback.format_exc(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
