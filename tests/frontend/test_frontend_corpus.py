"""Every dense model of the public corpus that hls4ml converts: C++ and reference give the same bits."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from emulated import Case, call, emulate_all

pytestmark = [pytest.mark.hls, pytest.mark.corpus]

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared"))
MODELS = CORPUS / "models" / "example-models" / "keras"

CASES: dict[str, tuple[str, str, str]] = {
    "qkeras_3layer logits": ("qkeras_3layer", "qkeras_3layer_weights", "logits"),
    "qkeras_3layer model": ("qkeras_3layer", "qkeras_3layer_weights", "model"),
    "KERAS_3layer logits": ("KERAS_3layer", "KERAS_3layer_weights", "logits"),
    "KERAS_3layer model": ("KERAS_3layer", "KERAS_3layer_weights", "model"),
    "KERAS_3layer 70 % pruned": ("KERAS_3layer", "KERAS_3layer_70pruned_retrained_weights", "logits"),
    "KERAS_3layer 95 % pruned": ("KERAS_3layer", "KERAS_3layer_95pruned_retrained_weights", "model"),
    "KERAS_3layer_batch_norm": ("KERAS_3layer_batch_norm", "KERAS_3layer_batch_norm_weights", "model"),
    "KERAS_1layer logits": ("KERAS_1layer", "KERAS_1layer_weights", "logits"),
    "KERAS_1layer model": ("KERAS_1layer", "KERAS_1layer_weights", "model"),
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    if not MODELS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
    root = tmp_path_factory.mktemp("corpus")
    folders = [root / name.replace(" ", "_").replace("%", "") for name in CASES]
    common = {"part": "xcvu13p-flga2577-2-e", "clock_ns": 5, "random": 500}
    requests = [
        common | {
            "name": model.lower(), "model": str(MODELS / f"{model}.json"), "weights": str(MODELS / f"{weights}.h5"),
            "head": head, "out": str(folder / "import"),
        }
        for folder, (model, weights, head) in zip(folders, CASES.values(), strict=True)
    ]  # fmt: skip
    (root / "requests.json").write_text(json.dumps(requests), encoding="utf-8")
    call("import_many.py", root / "requests.json")
    return dict(zip(CASES, emulate_all(folders), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_cpp_and_the_reference_agree(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    assert not case.problem
    assert case.bits > 10_000
    kinds = {type(layer).__name__ for layer in case.network.layers}
    assert ("Softmax" in kinds) == (CASES[name][2] == "model" and "1layer" not in name)  # that one ends in a sigmoid
