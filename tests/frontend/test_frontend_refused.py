"""What only Keras or hls4ml can find out: each is refused by name, with what to do, and no file is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulated import call
from tiny import (
    Weights,
    dense,
    layer,
    model,
    tiny_layers,
    tiny_weights,
    write_h5,
    write_json,
    write_keras,
    write_rows,
)

from bitwright.files import read_json

pytestmark = pytest.mark.hls

Make = Callable[[Path], dict[str, Any]]


def dilated() -> dict[str, Any]:
    """hls4ml would drop the dilation silently."""
    fold = layer("Reshape", "fold", "features", target_shape=[3, 1])
    wide = layer("Conv1D", "wide", "fold", filters=2, kernel_size=[2], dilation_rate=[2])
    return model(*tiny_layers()[:1], fold, wide)


def with_quantizer(kind: str, **config: Any) -> dict[str, Any]:
    layers = tiny_layers()
    layers[2] = dense("dense1", "quantize", 4)
    layers[2]["config"]["kernel_quantizer"] = {"class_name": kind, "config": config}
    return model(*layers)


def with_activation(name: str) -> dict[str, Any]:
    return model(*tiny_layers()[:5], layer("Activation", "curve", "logits", activation=name))


def file(write: Any, *words: Any, **more: Any) -> Make:
    """A case that is a model file."""
    suffix = {write_h5: ".h5", write_json: ".json", write_keras: ".keras"}[write]
    return lambda folder: {"model": str(write(folder / f"m{suffix}", *words, **more))}


def hls(text: str) -> Make:
    """A case that is an hls config for a good model."""

    def make(folder: Path) -> dict[str, Any]:
        (folder / "hls.yaml").write_text(text)
        path = write_h5(folder / "m.h5")
        return {"model": str(path), "hls_config": str(folder / "hls.yaml"), "head": "model"}

    return make


def rows(classes: int = 2, **changed: Any) -> Make:
    """A case that is a data set for a good model."""

    def make(folder: Path) -> dict[str, Any]:
        path, data = write_h5(folder / "m.h5"), write_rows(folder / "r.npz", **changed)
        return {"model": str(path), "rows": str(data), "classes": classes}

    return make


WRONG: Weights = {**tiny_weights(), "dense1": (np.zeros((3, 5), np.float32), np.zeros(5, np.float32))}
LESS: Weights = {"logits": tiny_weights()["logits"]}
ONE: Weights = {**tiny_weights(), "dense1": tiny_weights()["dense1"][:1]}
WIDE = """
LayerName:
  relu1: {Precision: {result: "fixed<60,30>"}}
  logits: {Precision: {weight: "fixed<30,10>"}}
"""
MODEL, LAYER, CONFIG, DATA = "ModelError", "UnsupportedLayerError", "ConfigError", "DatasetError"
NO_LOAD, NO_FIT = "Keras 2 cannot load it: ", "the weights do not fit the model: "

CASES: dict[str, tuple[Make, str, str, str]] = {
    "weights of a wrong shape, h5": (file(write_h5, weights=WRONG), MODEL, NO_LOAD, "m.h5"),
    "weights of a wrong shape, keras": (file(write_keras, weights=WRONG), MODEL, NO_LOAD, "m.keras"),
    "weights of a wrong shape, json": (file(write_json, weights=WRONG), MODEL, NO_FIT, "m_weights.h5"),
    "weights of a layer missing, h5": (file(write_h5, weights=LESS), MODEL, NO_LOAD, "m.h5"),
    "weights of a layer missing, keras": (file(write_keras, weights=LESS), MODEL, NO_LOAD, "m.keras"),
    "weights of a layer missing, json": (file(write_json, weights=LESS), MODEL, NO_FIT, "m_weights.h5"),
    "a bias missing": (file(write_h5, weights=ONE), MODEL, NO_LOAD, "m.h5"),
    "an unknown quantizer": (file(write_h5, with_quantizer("my_quantizer")), LAYER, "'my_quantizer'", "m.h5"),
    "a dilated convolution": (file(write_h5, dilated()), LAYER, "dilation_rate=[2]", "layer 'wide'"),
    "an activation without hardware": (file(write_h5, with_activation("swish")), LAYER, "'swish'", "layer 'curve'"),
    "a type that grows too wide": (hls(WIDE), "FormatError", "is wider than 64 bits", "layer 'logits' (Dense)"),
    "an unknown layer in the hls config": (
        hls("LayerName:\n  dense2: {}\n"), CONFIG, "unknown key 'LayerName.dense2'", "hls.yaml:2",
    ),
    "an unknown softmax": (
        hls("LayerName:\n  softmax:\n    Implementation: fancy\n"), CONFIG, "unknown implementation", "hls.yaml:3",
    ),
    "a table of an odd size": (
        hls("LayerName:\n  softmax: {Implementation: latency, TableSize: 1000}\n"), LAYER, "a table of 1000 entries",
        "layer 'softmax' (Softmax)",
    ),
    "rows of other columns": (rows(features=4), DATA, "rows of 4 features, the model takes 3", "r.npz"),
    "rows with other labels": (rows(classes=0, y=np.arange(120) % 3), DATA, "row 2 has label 2", "r.npz"),
    "other classes": (rows(classes=5), DATA, "5 classes are named, the model has 2 outputs", "r.npz"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every case imported by one process."""
    root = tmp_path_factory.mktemp("refused")
    made, requests = {}, []
    for i, (name, (make, *_)) in enumerate(CASES.items()):
        made[name] = root / str(i)
        made[name].mkdir()
        common = {"name": "tiny", "part": "xcvu13p-flga2577-2-e", "clock_ns": 5, "random": 20}
        requests.append({**common, **make(made[name]), "out": str(made[name] / "import")})
    (root / "requests.json").write_text(json.dumps(requests), encoding="utf-8")
    call("import_many.py", root / "requests.json")
    return made


@pytest.mark.parametrize("name", CASES)
def test_refused(folders: dict[str, Path], name: str) -> None:
    _, kind, what, where = CASES[name]
    assert (folders[name] / "error.json").is_file(), "it was accepted"
    error = read_json(folders[name] / "error.json")
    assert (error["error"], error["exit_code"]) == (kind, 2)
    assert what in error["what"]
    assert where in error["where"] + error["what"]
    assert error["hint"]
    assert len(error["what"]) < 400
    assert list((folders[name] / "import").iterdir()) == []
