"""Against Keras and hls4ml: what is read, and what is written as a QKeras model and imported again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright.files import read_arrays
from bitwright.network import load
from bitwright.network.float32 import float32_exact
from bitwright.network.reference import Reference
from bitwright.sim.compare import output_formats, to_raw
from bitwright.sim.emulation import Emulation, compile_project

pytestmark = pytest.mark.hls
HERE = Path(__file__).parent


def call(script: str, *words: str | Path) -> None:
    """Run a script of this folder in a process of its own: it loads TensorFlow."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(paths)}
    argv = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def results(flavour: str, folder: Path, *names: str) -> dict[str, Any]:
    call("read_many.py", flavour, folder, *names)
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in names}


GOOD = ("dense", "normalization", "images", "sequences")
REFUSED = {"shared": "'twice'", "recurrent": "'lstm'", "dilated": "'wide'", "swish": "'swish'"}


def check_good(found: dict[str, Any], names: Sequence[str]) -> None:
    """Our float64 within float32's rounding of Keras: some 2^-24 for each of some ten layers."""
    for name in names:
        assert "error" in found[name], found[name]
        assert found[name]["error"] <= 2e-6 * max(found[name]["top"], 1), name


def test_keras_2_and_qkeras_models_are_read_as_keras_computes_them(tmp_path: Path) -> None:
    found = results("keras2", tmp_path, *GOOD, "quantized", *REFUSED)
    check_good(found, (*GOOD, "quantized"))
    assert found["quantized"]["kinds"]["grid"] == "linear"
    assert found["quantized"]["kinds"]["fc_relu"] == "relu"
    for name, words in REFUSED.items():
        assert words in found[name]["refused"]


@pytest.mark.slow
def test_keras_3_models_are_read_as_keras_computes_them(tmp_path: Path) -> None:
    found = results("keras3", tmp_path, *GOOD, "shared")
    check_good(found, GOOD)
    assert "'twice'" in found["shared"]["refused"]


def check_case(folder: Path) -> int:
    """The imported Network gives the planned one's outputs, and Keras' where float32 is exact; rows that are."""
    assert not (folder / "crash.txt").is_file(), (folder / "crash.txt").read_text()
    planned, imported = load(folder / "planned.json"), load(folder / "import" / "network.json")
    x = read_arrays(folder / "import" / "vectors.npz")["x"]
    formats = [[str(fmt) for _, _, fmt in output_formats(n, n.outputs)] for n in (planned, imported)]
    assert formats[0] == formats[1]
    assert len(x) > 1400
    assert [str(layer.result) for layer in planned.inputs] == [str(layer.result) for layer in imported.inputs]
    evaluator = Reference(imported)
    y = evaluator.outputs(x)
    assert np.array_equal(Reference(planned).outputs(x), y), folder.name
    assert "keras_inexact" not in imported.origin
    exact, _ = float32_exact(imported, evaluator.layers(x))
    keras = to_raw(read_arrays(folder / "import" / "keras.npz")["y"], output_formats(imported, imported.heads))
    assert np.array_equal(keras[exact], y[exact]), folder.name
    return int(exact.sum())


def test_what_is_written_imports_as_it_was_planned(tmp_path: Path) -> None:
    cases = ("mlp:po2:8:8", "mlp:real:6:6", "cnn:affine:6:6")
    call("emit_many.py", tmp_path, *cases)
    exact = {case: check_case(tmp_path / case) for case in cases}
    assert exact["mlp:po2:8:8"] > 1400
    assert exact["mlp:real:6:6"] > 1400


@pytest.mark.slow
def test_random_models_import_as_planned(tmp_path: Path) -> None:
    scales = ("po2", "real", "affine")
    cases = [f"random{seed}:{scales[seed % 3]}:{3 + seed % 6}:{9 - seed % 5}" for seed in range(15)]
    call("emit_many.py", tmp_path, *cases)
    for case in cases:
        check_case(tmp_path / case)


@pytest.mark.slow
def test_every_model_and_scale_imports_as_planned_and_the_cpp_agrees(tmp_path: Path) -> None:
    cases = [
        f"{name}:{scale}:{bits}"
        for name in ("mlp", "normalized", "cnn", "odd", "sequence")
        for scale, bits in (("po2", "3:5"), ("real", "8:8"), ("affine", "5:6"), ("po2", "12:14"))
    ]
    call("emit_many.py", tmp_path, *cases)
    for case in cases:
        check_case(tmp_path / case)
        network = load(tmp_path / case / "import" / "network.json")
        project = tmp_path / case / "import" / "hls"
        (tmp_path / case / "emulate").mkdir()
        compiled = compile_project(project.resolve(), network.name, (tmp_path / case / "emulate").resolve())
        x = read_arrays(tmp_path / case / "import" / "vectors.npz")["x"]
        raw = to_raw(Emulation(compiled, network).outputs(x), output_formats(network, network.heads))
        assert np.array_equal(raw, Reference(network).outputs(x)), case
