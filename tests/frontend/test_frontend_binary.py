"""Binary and ternary Keras layers of old model files: what they compute, and what of them is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bitwright.errors import UnsupportedLayerError
from bitwright.frontend.modelfile import inspect

pytestmark = pytest.mark.hls

LAYERS = (("BinaryDense", "binary_tanh", True), ("TernaryDense", "ternary_tanh", False), ("BinaryDense", "relu1", True))

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare
prepare(Flavour.KERAS2)
from bitwright.frontend import keras2
folder = Path(sys.argv[1])
data = np.load(folder / "data.npz")
model = keras2.load(folder / "net.json", folder / "net_weights.h5")
layers = json.loads(model.to_json())["config"]["layers"]
kinds = [(layer["class_name"], layer["config"].get("activation")) for layer in layers]
weights = keras2.weight_values(model)
np.savez(folder / "out.npz", y=keras2.predict(model, [data["x"]]), first=weights["dense0"][0], kinds=json.dumps(kinds))
"""
"""hls4ml reads what ``to_json`` says: class and activation by name."""


def describe(folder: Path, size: float) -> tuple[Path, list[dict[str, np.ndarray]]]:
    """A model file of six layers, its weights beside it, and the kernels and biases."""
    import h5py

    rng, width, layers, arrays = np.random.default_rng(3), 6, [], []
    with h5py.File(folder / "net_weights.h5", "w") as file:
        names = []
        for index, (kind, activation, bias) in enumerate(LAYERS):
            shared = {"name": f"dense{index}", "units": 5, "use_bias": bias, "H": size, "kernel_lr_multiplier": 2.5}
            first = {} if layers else {"batch_input_shape": [None, width]}
            limits = {"class_name": "Clip", "config": {"min_value": -1, "max_value": 1}}
            layers.append({"class_name": kind, "config": {**shared, **first, "kernel_constraint": limits}})
            layers.append({"class_name": "Activation", "config": {"name": f"act{index}", "activation": activation}})
            kernel = rng.choice([-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75], (width, 5)).astype(np.float32)
            parts = {"kernel:0": kernel, "bias:0": rng.choice([-0.5, 0.25], 5).astype(np.float32)}
            parts = parts if bias else {"kernel:0": kernel}
            arrays.append(parts)
            width = 5
            for layer, content in ((f"dense{index}", parts), (f"act{index}", {})):
                names.append(layer.encode())
                group = file.create_group(layer)
                group.attrs["weight_names"] = [f"{layer}/{name}".encode() for name in content]
                for name, values in content.items():
                    group.create_dataset(f"{layer}/{name}", data=values)
        file.attrs["layer_names"] = names
    path = folder / "net.json"
    model = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}, "keras_version": "2.2.4"}
    path.write_text(json.dumps(model), encoding="utf-8")
    return path, arrays


def expected(x: np.ndarray, arrays: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The model in numpy."""
    for (kind, activation, _), parts in zip(LAYERS, arrays, strict=True):
        kernel = parts["kernel:0"]
        signs = np.where(kernel > 0, 1, -1) if kind == "BinaryDense" else ternary(kernel)
        x = x @ signs + parts.get("bias:0", 0)
        functions = {"binary_tanh": lambda v: np.where(v > 0, 1, -1), "ternary_tanh": ternary}
        x = functions.get(activation, lambda v: np.clip(v, 0, 1))(x)
    return x


def ternary(x: np.ndarray) -> np.ndarray:
    return (x > 0.5).astype(int) - (x <= -0.5)


def test_layers_and_activations_by_their_names(tmp_path: Path) -> None:
    path, arrays = describe(tmp_path, 1)
    assert inspect(path).classes == ("Activation", "BinaryDense", "Clip", "Sequential", "TernaryDense")
    x = np.random.default_rng(1).integers(-8, 9, (200, 6)) / 4
    np.savez(tmp_path / "data.npz", x=x)
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=True, capture_output=True)
    out = np.load(tmp_path / "out.npz")
    assert np.array_equal(out["y"], expected(x, arrays))
    assert len(np.unique(out["y"], axis=0)) > 3
    assert np.array_equal(out["first"], np.where(arrays[0]["kernel:0"] > 0, 1, -1))
    kinds = [tuple(pair) for pair in json.loads(str(out["kinds"]))]
    wanted = [pair for kind, activation, _ in LAYERS for pair in ((kind, "linear"), ("Activation", activation))]
    assert kinds[-len(wanted) :] == wanted


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    """hls4ml 1.3.0 would take them for ones."""
    path, _ = describe(tmp_path, 0.5)
    with pytest.raises(UnsupportedLayerError, match=r"layer 'dense0' \(BinaryDense\) with H=0.5 has no hardware here"):
        inspect(path)
