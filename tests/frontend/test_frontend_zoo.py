"""The zoo's folded and streamed networks: Keras, hls4ml's C++ and the reference give the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from emulated import call, emulate_all

from bitwright.config import load_model
from bitwright.files import read_arrays
from bitwright.network.layers import Dense
from bitwright.network.reference import Reference
from bitwright.sim.compare import output_formats, to_raw

pytestmark = [pytest.mark.hls, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("mnist_mlp", "mnist_cnn")
FOLDED = {"mnist_mlp": {"dense1": 784, "logits": 128}, "mnist_cnn": {"logits": 144}}


def request(name: str, folder: Path) -> dict[str, object]:
    config = load_model(ROOT / "models" / name / "model.yaml")
    assert config.data is not None
    return {
        "name": name, "model": str(config.source), "hls_config": str(config.hls), "rows": str(config.data.file),
        "classes": 10, "io_type": config.io_type, "real": 300, "random": 300, "part": "xcvu13p-flga2577-2-e",
        "clock_ns": 5, "out": str(folder / "import"),
    }  # fmt: skip


def test_keras_the_cpp_and_the_reference_agree(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in MODELS]
    requests = [request(name, folder) for name, folder in zip(MODELS, folders, strict=True)]
    (tmp_path / "requests.json").write_text(json.dumps(requests), encoding="utf-8")
    call("import_many.py", tmp_path / "requests.json")
    for name, folder, case in zip(MODELS, folders, emulate_all(folders), strict=True):
        assert not case.problem, name
        x = read_arrays(folder / "import" / "vectors.npz")["x"]
        keras = read_arrays(folder / "import" / "keras.npz")["y"]
        columns = output_formats(case.network, case.network.outputs)
        assert np.array_equal(to_raw(keras, columns), Reference(case.network).outputs(x)), name
        assert len(x) > 600
        folded = {layer.name: layer.reuse_factor for layer in case.network.layers if isinstance(layer, Dense)}
        assert folded == FOLDED[name]
