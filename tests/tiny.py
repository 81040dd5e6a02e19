"""A model of a few weights, written as files without TensorFlow, and the `bitwright` command to run on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parent.parent
KERAS_VERSION = "2.21.0"

Weights = Mapping[str, tuple[npt.NDArray[np.float32], ...]]


def layer(kind: str, name: str, source: str | None, **config: Any) -> dict[str, Any]:
    """One layer of a functional Keras 2 model, as JSON has it."""
    nodes = [[[source, 0, 0, {}]]] if source else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def bits(width: int, integer: int) -> dict[str, Any]:
    """A quantizer of QKeras."""
    return {"class_name": "quantized_bits", "config": {"bits": width, "integer": integer, "alpha": 1}}


def dense(name: str, source: str, units: int) -> dict[str, Any]:
    """A QDense with weights and biases of four bits."""
    quantizers = {"kernel_quantizer": bits(4, 0), "bias_quantizer": bits(4, 0)}
    return layer("QDense", name, source, units=units, activation="linear", use_bias=True, **quantizers)


def model(*layers: dict[str, Any], name: str = "tiny") -> dict[str, Any]:
    """The description of a functional model whose first layer is its input and whose last one is its output."""
    ends = {"input_layers": [[layers[0]["name"], 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    config = {"name": name, "layers": list(layers), **ends}
    return {"class_name": "Functional", "config": config, "keras_version": KERAS_VERSION, "backend": "tensorflow"}


def tiny_layers() -> list[dict[str, Any]]:
    """Three inputs of six bits, four neurons with relu, two outputs, softmax."""
    return [
        layer("InputLayer", "features", None, batch_input_shape=[None, 3], dtype="float32"),
        layer("QActivation", "quantize", "features", activation="quantized_bits(6, 2, alpha=1)"),
        dense("dense1", "quantize", 4),
        layer("QActivation", "relu1", "dense1", activation="quantized_relu(4, 1)"),
        dense("logits", "relu1", 2),
        layer("Activation", "softmax", "logits", activation="softmax"),
    ]


def tiny_model() -> dict[str, Any]:
    """The description of the tiny model."""
    return model(*tiny_layers())


def tiny_weights(seed: int = 1) -> dict[str, tuple[npt.NDArray[np.float32], ...]]:
    """Weights of the tiny model: multiples of 1/8, none of them zero."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> npt.NDArray[np.float32]:
        return (rng.choice([-7, -5, -3, -2, -1, 1, 2, 3, 4, 6], size=shape) / 8).astype(np.float32)

    return {"dense1": (draw(3, 4), draw(4)), "logits": (draw(4, 2), draw(2))}


def fill(group: h5py.Group, description: Mapping[str, Any], weights: Weights) -> None:
    """Weights in the layout of Keras 2's HDF5 files."""
    names = [entry["config"]["name"] for entry in description["config"]["layers"]]
    group.attrs["layer_names"] = names
    group.attrs["keras_version"] = KERAS_VERSION
    for name in names:
        inner = group.create_group(name)
        values = weights.get(name, ())
        labels = [f"{name}/{part}:0" for part in ("kernel", "bias", "beta", "moving_mean")][: len(values)]
        inner.attrs["weight_names"] = labels
        for label, value in zip(labels, values, strict=True):
            inner[label] = value


def write_h5(path: Path, description: Any = None, weights: Weights | None = None) -> Path:
    """A whole model as Keras 2's ``model.save(path)`` writes it."""
    description = tiny_model() if description is None else description
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(description)
        file.attrs["keras_version"] = KERAS_VERSION
        fill(file.create_group("model_weights"), description, tiny_weights() if weights is None else weights)
    return path


def write_json(
    path: Path, description: Any = None, weights: Weights | None = None, suffix: str = "_weights.h5"
) -> Path:
    """A model as JSON with its weights beside it."""
    description = tiny_model() if description is None else description
    path.write_text(json.dumps(description), encoding="utf-8")
    with h5py.File(path.with_name(f"{path.stem}{suffix}"), "w") as file:
        fill(file, description, tiny_weights() if weights is None else weights)
    return path


def with_modules(node: Any) -> Any:
    """A description as the .keras format wants it: each object with the module that it comes from."""
    if isinstance(node, list):
        return [with_modules(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: with_modules(value) for key, value in node.items()}
    if "class_name" not in node or "module" in node:
        return inner
    kind = node["class_name"]
    own = {"Functional": "tf_keras.src.engine.functional", "quantized_bits": "qkeras.quantizers"}
    module = own.get(kind, "qkeras.qlayers" if kind.startswith("Q") else "keras.layers")
    return {**inner, "module": module, "registered_name": kind if module.startswith("qkeras") else None}


def write_keras(path: Path, description: Any = None, weights: Weights | None = None) -> Path:
    """A model as Keras 2's ``model.save('x.keras')`` writes it."""
    weights = tiny_weights() if weights is None else weights
    stored, names = BytesIO(), {"dense1": "q_dense", "logits": "q_dense_1"}
    with h5py.File(stored, "w") as file:
        for group in ("", *(f"layers/{n}/" for n in ("input_layer", "q_activation", "q_activation_1", "activation"))):
            file.create_group(f"{group}vars")
        for name, values in weights.items():
            for i, value in enumerate(values):
                file[f"layers/{names.get(name, name)}/vars/{i}"] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": KERAS_VERSION}))
        archive.writestr("config.json", json.dumps(with_modules(tiny_model() if description is None else description)))
        archive.writestr("model.weights.h5", stored.getvalue())
    return path


def write_zoo(folder: Path, bulk: int = 2000, hls: str = "fixed<6,3,RND_CONV,SAT>", **more: Any) -> Path:
    """A folder with the tiny model, its hls config and its model.yaml; the path of the last."""
    folder.mkdir(parents=True, exist_ok=True)
    write_h5(folder / "tiny.h5")
    write_hls(folder, hls)
    vectors = {"real": 100, "random": 300, "bulk": bulk}
    keys = {"name": "tiny", "source": "tiny.h5", "hls": "hls.yaml", "vectors": vectors, **more}
    path = folder / "model.yaml"
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()), encoding="utf-8")
    return path


def write_hls(folder: Path, precision: str, **layers: str) -> None:
    """The hls config of the tiny model: the type of its input, and of other layers' results."""
    types = {"features": precision, **layers}
    text = "LayerName:\n" + "".join(f"  {k}:\n    Precision:\n      result: {v}\n" for k, v in types.items())
    (folder / "hls.yaml").write_text(text, encoding="utf-8")


def write_rows(path: Path, rows: int = 120, features: int = 3, classes: int = 2, **changed: Any) -> Path:
    """Labelled rows for the tiny model."""
    rng = np.random.default_rng(5)
    arrays = {"x": rng.normal(size=(rows, features)).astype(np.float32), "y": rng.integers(0, classes, rows)}
    np.savez(path, **{**arrays, **changed})
    return path


# --- the command -------------------------------------------------------------------------------


def start(*words: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Start `bitwright` as a user's shell would: in a process group of its own."""
    argv = [sys.executable, "-m", "bitwright", *map(str, words)]
    return subprocess.Popen(
        argv, cwd=cwd, env={**os.environ, **(env or {})}, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def bitwright(
    *words: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run `bitwright` to its end."""
    process = start(*words, env=env, cwd=cwd)
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def fake_tool(folder: Path, name: str, body: str) -> dict[str, str]:
    """A shell script in place of a program; the environment in which it is found first."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / name
    script.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Wait until ``condition()`` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its content, but for locks, Snakemake's notes and the cache of synth."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {str(path.relative_to(folder)): path for path in files}
    return {name: path.read_bytes() for name, path in named.items() if not name.startswith((".", "synth_modules"))}
