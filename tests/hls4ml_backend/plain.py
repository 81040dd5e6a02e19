"""A plain Keras 3 model of two inputs through the backend and through Vitis' C++; answers go to results.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import hls4ml
import keras
import numpy as np
from hls4ml.model.graph import to_multi_model_graph
from hls4ml.utils import config_from_keras_model
from hls4ml.utils.serialization import deserialize_model

RESULTS: dict[str, Any] = {"keras": keras.__version__}


def build() -> Any:
    """Dense, relu, batch norm, concatenation, softmax; weights that hls4ml must round."""
    layers = keras.layers
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    x = layers.BatchNormalization(name="norm")(layers.Dense(4, activation="relu", name="first")(a))
    x = layers.Dense(3, name="second")(layers.Concatenate(name="both")([x, b]))
    model = keras.Model([a, b], layers.Activation("softmax", name="class")(x))
    rng = np.random.default_rng(2)
    for layer in model.layers:
        layer.set_weights([np.abs(rng.normal(0, 0.7, w.shape)) + 0.1 for w in layer.get_weights()])
    return model


def convert(model: Any, backend: str, folder: str, granularity: str = "name", **options: Any) -> Any:
    """A conversion with an integer input ``b`` and every layer traced."""
    config = config_from_keras_model(model, granularity=granularity, backend=backend)
    for layer in config.get("LayerName", {}).values():
        layer["Trace"] = True
    if granularity == "name":
        config["LayerName"]["b"]["Precision"]["result"] = "int<6>"
    return hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, backend=backend, output_dir=folder, **options
    )


def several_inputs(model: Any, ours: Any, cpp: Any, rows: list[Any]) -> None:
    """predict and trace, and what is no list of two inputs."""
    first = [part[:1] for part in rows]
    RESULTS["equal"] = bool(np.array_equal(ours.predict(rows), cpp.predict(rows)))
    RESULTS["one row"] = bool(np.array_equal(ours.predict(first), cpp.predict(first)))
    theirs = cpp.trace(rows)[1]
    mine = ours.trace(rows)[1]
    RESULTS["trace"] = {name: bool(np.array_equal(mine[name], values)) for name, values in theirs.items()}
    wrong = {
        "array": rows[0], "short": [rows[0], rows[1][:5]], "dtypes": [rows[0], rows[1].astype(np.float32)],
    }  # fmt: skip
    RESULTS["errors"] = {name: said(lambda x=x: ours.predict(x)) for name, x in wrong.items()}


def said(function: Any) -> str:
    """The error that a call ends in."""
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def other_ways(model: Any, ours: Any, rows: list[Any]) -> None:
    """Other granularities, heads, saved and split graphs; two designs side by side in one process."""
    before = ours.predict(rows)
    argmax = convert(model, "Bitwright", "argmax", head="argmax", part="xc7z020-clg400-1", clock_period=10)
    argmax.compile()
    logits = convert(model, "Bitwright", "logits", head="logits")
    logits.compile()
    largest = np.argmax(logits.predict(rows), axis=1)
    RESULTS["argmax"] = bool(np.array_equal(argmax.predict(rows)[:, 0], largest)) and len(set(largest)) > 1
    RESULTS["layers without softmax"] = [node.name for node in logits.get_layers()]
    for granularity in ("model", "type"):
        convert(model, "Bitwright", granularity, granularity).write()
    RESULTS["granularities"] = [Path(name, "emit", "bundle.json").is_file() for name in ("model", "type")]
    ours.save("saved.fml")
    saved = deserialize_model("saved.fml", output_dir=".")
    saved.config.config["OutputDir"] = "saved"
    saved.compile()
    RESULTS["saved"] = bool(np.array_equal(saved.predict(rows), before))
    RESULTS["still the same"] = bool(np.array_equal(ours.predict(rows), before))
    parts = {
        "Backend": "Bitwright",
        "KerasModel": model,
        "OutputDir": "parts",
        "ProjectName": "net",
        "IOType": "io_parallel",
    }
    hls = {"Model": {"Precision": "fixed<12,5>", "ReuseFactor": 1}}
    hls4ml.converters.convert_from_config({**parts, "ClockPeriod": 8, "HLSConfig": hls}).write()
    RESULTS["clock of convert_from_config"] = json.loads(Path("parts/emit/bundle.json").read_text())["clock_ns"]
    np.save("rows.npy", np.concatenate(rows, axis=1)[:50])
    convert(model, "Bitwright", "rows", input_data_tb="rows.npy", vectors=200).write()
    with np.load("rows/import/vectors.npz") as vectors:
        RESULTS["rows"] = [int(vectors["real"]), *vectors["x"].shape]
        grid = np.clip(np.floor(rows[0][:50] * 1024 + 0.5), -(2**15), 2**15 - 1)  # fixed<16,6>, as a host rounds
        RESULTS["rows lead"] = bool(np.array_equal(vectors["x"][:50, :3], grid))
    RESULTS["split"] = said(to_multi_model_graph(ours, ["second"]).compile)


def same_graph(model: Any) -> None:
    """The Network is that of Vitis' own graph, also where a pass of hls4ml asks for the backend's name."""
    from bitwright.frontend.lower import lower
    from bitwright.network.text import identity

    for strategy, factor in (("Latency", 1), ("Resource", 3), ("resource_unrolled", 3)):
        graphs = []
        for backend in ("Bitwright", "Vitis"):
            config = config_from_keras_model(model, granularity="name", backend=backend)
            config["LayerName"]["second"].update(Strategy=strategy, ReuseFactor=factor)
            graphs.append(
                hls4ml.converters.convert_from_keras_model(model, hls_config=config, backend=backend, output_dir="g")
            )
        networks = [lower(graph, "net", "model") for graph in graphs]
        kinds = [[type(node).__name__ for node in graph.get_layers()] for graph in graphs]
        RESULTS.setdefault("same graph", {})[strategy] = (
            identity(networks[0]) == identity(networks[1])
            and kinds[0] == kinds[1]
            and networks[0].layer("second").strategy == strategy.lower()
            and [graph.config.config["Backend"] for graph in graphs] == ["Bitwright", "Vitis"]
        )


def streamed() -> None:
    """A convolution and a folded dense layer under io_stream, with shapes in and out as hls4ml has them."""
    layers = keras.layers
    image = layers.Input((6, 5, 2), name="image")
    x = layers.Conv2D(3, (3, 2), padding="same", activation="relu", name="conv")(image)
    x = layers.MaxPooling2D((2, 2), name="pool")(x)
    model = keras.Model(image, layers.Dense(4, name="out")(layers.Flatten(name="flat")(x)))
    found = []
    rows = np.random.default_rng(3).normal(0, 2, (200, 6, 5, 2))
    for backend in ("Bitwright", "Vitis"):
        config = config_from_keras_model(model, granularity="name", backend=backend)
        config["LayerName"]["out"].update(Strategy="Resource", ReuseFactor=6)
        options = {"hls_config": config, "backend": backend, "io_type": "io_stream", "output_dir": f"stream_{backend}"}
        converted = hls4ml.converters.convert_from_keras_model(model, **options)
        converted.compile()
        found.append(converted.predict(rows))
    RESULTS["streamed"] = bool(np.array_equal(*found)) and len(np.unique(found[0])) > 100


def main() -> None:
    """Convert with both backends, ask, write the answers."""
    model = build()
    ours, cpp = (convert(model, backend, backend) for backend in ("Bitwright", "Vitis"))
    ours.compile()
    cpp.compile()
    rng = np.random.default_rng(5)
    rows = [rng.normal(0, 2, (300, 3)), rng.normal(0, 8, (300, 2))]
    several_inputs(model, ours, cpp, rows)
    other_ways(model, ours, rows)
    same_graph(model)
    streamed()
    Path("results.json").write_text(json.dumps(RESULTS))


main()
