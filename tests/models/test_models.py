"""What each folder of the zoo ships, looked at without TensorFlow."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from bitwright.config import load_model
from bitwright.datasets import JET_CLASSES, corpus_rows, load, load_dataset
from bitwright.files import digest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("jet3", "jsc_tiny", "jsc_custom")
INPUT = {
    "jet3": "fixed<7,3,RND_CONV,SAT>",
    "jsc_tiny": "fixed<8,4,RND_CONV,SAT>",
    "jsc_custom": "fixed<8,4,RND_CONV,SAT>",
}
LEAST_ACCURACY = {"jet3": 0.68, "jsc_tiny": 0.60, "jsc_custom": 0.68}

pytestmark = pytest.mark.parametrize("name", MODELS)


def metrics(name, file="metrics.json"):
    return json.loads((ROOT / "models" / name / file).read_text())


def test_model_yaml_loads_and_names_what_is_there(name):
    config = load_model(ROOT / "models" / name / "model.yaml")
    assert config.name == name
    assert config.head == "logits"
    assert config.data is not None
    assert config.data.synthetic
    assert config.data.classes == JET_CLASSES
    assert config.hls == ROOT / "hls" / f"{name}.yaml"
    assert config.train is not None


def test_hls_config_gives_the_input_the_grid_of_its_quantizer(name):
    config = yaml.safe_load((ROOT / "hls" / f"{name}.yaml").read_text())
    assert config["LayerName"]["features"]["Precision"]["result"] == INPUT[name]


def test_weights_are_finite_and_are_the_ones_of_the_metrics(name):
    path = ROOT / "models" / name / "model.h5"
    assert digest(path) == metrics(name)["weights_sha256"]
    seen = []
    with h5py.File(path) as file:
        assert "model_config" in file.attrs
        file.visititems(lambda _, item: seen.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    assert len(seen) >= 4
    assert all(np.isfinite(array).all() for array in seen)


def test_shipped_rows_are_the_generators_own(name):
    folder = ROOT / "models" / name
    data = load_dataset(folder / "data" / "test.npz")
    again = load(folder / "generator.npz").sample(data.rows, 20_001, "test")
    assert data.rows == 4000
    assert data.synthetic
    assert data.x.dtype == np.float32
    assert data.scaler is not None
    assert np.allclose(data.x, again.x, atol=1e-4)
    assert (data.y == again.y).mean() > 0.999


@pytest.mark.corpus
def test_no_real_row_is_shipped(name):
    real = corpus_rows()
    if real is None:
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    ours = load_dataset(ROOT / "models" / name / "data" / "test.npz")
    nearest = min(np.abs(ours.x - row).max(axis=1).min() for row in real.x)
    assert nearest > 1e-3
    assert (ROOT / "models" / name / "generator.npz").stat().st_size < 40_000


def test_every_figure_names_its_rows(name):
    for file in ("metrics.json", "cross_validation.json", "cross_validation_untaught.json"):
        for entry in metrics(name, file)["scores"]:
            assert entry["rows"] == sum(map(sum, entry["confusion"]))
            assert entry["synthetic"] == ("(generated)" in entry["data"])
            right = sum(row[i] for i, row in enumerate(entry["confusion"]))
            assert entry["accuracy"] == pytest.approx(right / entry["rows"], abs=1e-6)


def test_held_out_accuracy_is_enough(name):
    (entry,) = metrics(name, "cross_validation.json")["scores"]
    assert (entry["rows"], entry["synthetic"], entry["split"]) == (600, False, "5-fold cross-validation")
    assert entry["accuracy"] >= LEAST_ACCURACY[name]


def test_the_card_states_the_figures_of_the_files(name):
    card = (ROOT / "models" / name / "README.md").read_text()
    assert "hls4ml_lhc_jets_hlf" in card
    assert "CC BY 4.0" in card
    for file in ("metrics.json", "cross_validation.json", "cross_validation_untaught.json"):
        for entry in metrics(name, file)["scores"]:
            auc = "".join(rf"[^|\n]*{entry['auc'][c]:.3f} \|" for c in JET_CLASSES)
            kind = "synthetic" if entry["synthetic"] else "real"
            line = rf"\|[^\n]*{kind}[^\n]*\| {entry['rows']:,} \| {entry['accuracy'] * 100:.2f} % \|{auc}"
            assert re.search(line, card), (file, entry["title"])


def test_batch_norms_are_a_scale_and_a_bias_on_the_grid_of_the_hls_config(name):
    found = {}
    with h5py.File(ROOT / "models" / name / "model.h5") as file:
        visit = lambda path, item: found.update({path: item[()]}) if isinstance(item, h5py.Dataset) else None  # noqa: E731
        file["model_weights"].visititems(visit)
    norms = {path: array for path, array in found.items() if "norm" in path.split("/")[0]}
    config = yaml.safe_load((ROOT / "hls" / f"{name}.yaml").read_text())["LayerName"]
    assert {path.split("/")[0] for path in norms} == set(config) - {"features"}
    for path, array in norms.items():
        kind = path.split("/")[-1].split(":")[0]
        if kind in ("gamma", "beta"):
            assert np.array_equal(array * 64, np.round(array * 64))
            assert np.abs(array).max() < 16
            expected = "scale" if kind == "gamma" else "bias"
            assert config[path.split("/")[0]]["Precision"][expected] == "fixed<11,5>"
        else:
            assert set(array.tolist()) == {0.0 if kind == "moving_mean" else 1 - 2**-10}
