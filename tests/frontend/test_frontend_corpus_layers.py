"""Models of the public corpus beyond dense ones: hls4ml's C++ and the reference give the same bits, and in seconds."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from emulated import Case, call, emulate_all

from bitwright.network import load
from bitwright.network.reference import Reference
from bitwright.network.vectors import draw

pytestmark = [pytest.mark.hls, pytest.mark.corpus]

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared")) / "models"
KERAS = CORPUS / "example-models" / "keras"
TOY_CAR = "hls4ml-finn-mlperftiny+AnomalyDetection/model/model_config/ad03/model_ToyCar.h5"

FEW = ("KERAS_conv1d_small io_parallel", "qkeras_mnist_dense io_parallel", "KERAS_3layer_binary_smaller io_parallel")
MANY = (
    "KERAS_conv1d io_stream", "KERAS_conv2d_model io_stream", "jetTagger_Conv2D_Small io_stream",
    "jetTagger_Conv2D_Small_NoBatchNorm io_stream", "qkeras_mnist_cnn io_stream", f"{TOY_CAR} io_parallel",
    "KERAS_3layer_ternary_small io_parallel", "KERAS_3layer_binarydense_relu_max io_parallel", "keras_bnn io_parallel",
)  # fmt: skip
MILLION = "KERAS_dense_16x500x500x500x500x500x5"


def entry(word: str, out: Path) -> dict[str, object]:
    name, io_type = word.split()
    weights = "" if name.endswith(".h5") else str(KERAS / f"{name}_weights.h5")
    model = CORPUS / name if name.endswith(".h5") else KERAS / f"{name}.json"
    return {"model": str(model), "weights": weights, "io_type": io_type, "vectors": 50, "out": str(out)}


def made(folder: Path, words: tuple[str, ...]) -> list[Path]:
    """Networks and projects of some models, made in one process."""
    if not KERAS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
    folders = [folder / str(i) for i in range(len(words))]
    entries = [entry(word, out) for word, out in zip(words, folders, strict=True)]
    (folder / "list.json").write_text(json.dumps(entries), encoding="utf-8")
    call("import_corpus.py", folder / "list.json")
    return folders


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return dict(zip(FEW, emulate_all(made(tmp_path_factory.mktemp("few"), FEW)), strict=True))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return dict(zip(MANY, emulate_all(made(tmp_path_factory.mktemp("many"), MANY)), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("word", FEW)
def test_a_few(few: dict[str, Case], word: str) -> None:
    assert not few[word].problem
    assert few[word].bits > 1000


@pytest.mark.slow
@pytest.mark.parametrize("word", MANY)
def test_many(many: dict[str, Case], word: str) -> None:
    assert not many[word].problem


def test_a_million_weights_in_seconds(tmp_path: Path) -> None:
    """Lowered, bounded and evaluated on a thousand vectors; each of these once took minutes."""
    folder = made(tmp_path, (f"{MILLION} io_parallel",))[0]
    assert float((folder / "seconds.txt").read_text(encoding="utf-8")) < 30
    network = load(folder / "import" / "network.json")
    started = time.perf_counter()
    y = Reference(network).outputs(draw(network, None, 0, 1000, 1).x)
    assert y.shape[1] == 5
    assert time.perf_counter() - started < 30
