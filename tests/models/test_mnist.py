"""What the two networks of handwritten digits ship, looked at without TensorFlow."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from bitwright.config import load_model
from bitwright.datasets import CORPUS_IMAGES, PixelGenerator, corpus_folder, idx_splits, load, load_dataset
from bitwright.files import digest

ROOT = Path(__file__).resolve().parents[2]
LEAST_ACCURACY = {"mnist_mlp": 0.94, "mnist_cnn": 0.965}
"""On the 2,000 unseen rows: what these networks were made to reach."""

PARAMETERS = {"mnist_mlp": 784 * 128 + 128 + 128 * 10 + 10, "mnist_cnn": 9 * 8 + 8 + 72 * 16 + 16 + 144 * 10 + 10}

pytestmark = pytest.mark.parametrize("name", ["mnist_mlp", "mnist_cnn"])


def metrics(name):
    return json.loads((ROOT / "models" / name / "metrics.json").read_text())


def scores(name, kind="scores"):
    """The figures on unseen real rows, and on generated ones."""
    real, made = metrics(name)[kind]
    assert (real["synthetic"], made["synthetic"]) == (False, True)
    return real, made


def weights(name):
    found = {}
    with h5py.File(ROOT / "models" / name / "model.h5") as file:
        assert "model_config" in file.attrs
        visit = lambda path, item: found.update({path: item[()]}) if isinstance(item, h5py.Dataset) else None  # noqa: E731
        file["model_weights"].visititems(visit)
    return found


def test_model_yaml_loads_and_names_what_is_there(name):
    config = load_model(ROOT / "models" / name / "model.yaml")
    assert config.name == name
    assert config.data is not None
    assert config.data.synthetic
    assert config.data.classes == tuple("0123456789")
    assert config.hls == ROOT / "hls" / f"{name}.yaml"
    assert config.train is not None
    assert (config.vectors.real, config.vectors.random) == (300, 700)


def test_hls_config_gives_the_input_the_grid_of_its_quantizer(name):
    config = yaml.safe_load((ROOT / "hls" / f"{name}.yaml").read_text())
    assert config["LayerName"]["pixels"]["Precision"]["result"] == "ufixed<4,0,RND_CONV,SAT>"


def test_weights_lie_on_the_grid_of_their_quantizers_and_are_the_ones_of_the_metrics(name):
    found = weights(name)
    assert digest(ROOT / "models" / name / "model.h5") == metrics(name)["weights_sha256"]
    assert sum(array.size for array in found.values()) == PARAMETERS[name]
    for path, array in found.items():
        assert array.dtype == np.float32, path
        assert np.array_equal(array * 32, np.round(array * 32)), path
        assert array.min() >= -1, path
        assert array.max() <= 31 / 32, path
        assert np.unique(array).size > 4, path


def test_quantizers_are_six_bits_with_a_scale_of_one(name):
    with h5py.File(ROOT / "models" / name / "model.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    quantizers = [layer["config"][f"{kind}_quantizer"]["config"] for layer in layers for kind in ("kernel", "bias")
                  if f"{kind}_quantizer" in layer["config"]]  # fmt: skip
    assert len(quantizers) == {"mnist_mlp": 4, "mnist_cnn": 6}[name]
    for quantizer in quantizers:
        assert (quantizer["bits"], quantizer["integer"], quantizer["alpha"]) == (6, 0, 1)


def test_shipped_rows_are_the_generators_own(name):
    folder = ROOT / "models" / name
    data = load_dataset(folder / "data" / "test.npz")
    generator = load(folder / "generator.npz")
    assert isinstance(generator, PixelGenerator)
    assert generator.fitted_rows == 8000
    again = generator.sample(data.rows, 20_001, "test")
    assert (data.rows, data.image, data.synthetic) == (300, (28, 28), True)
    assert np.abs(data.x - again.x).max() <= 1 / 256 + 24 / 256  # another BLAS may round a pixel across the threshold
    assert (data.x == again.x).mean() > 0.999
    assert np.array_equal(data.y, again.y)


def test_both_networks_ship_the_same_generator_and_little(name):
    folder = ROOT / "models" / name
    other = ROOT / "models" / ("mnist_cnn" if name == "mnist_mlp" else "mnist_mlp")
    assert digest(folder / "generator.npz") == digest(other / "generator.npz")
    assert (folder / "generator.npz").stat().st_size < 160_000
    assert (folder / "data" / "test.npz").stat().st_size < 120_000


@pytest.mark.corpus
def test_no_real_row_is_shipped(name):
    folder = corpus_folder() / CORPUS_IMAGES
    if not folder.is_dir():
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    ours = load_dataset(ROOT / "models" / name / "data" / "test.npz").x.astype(np.float64)
    for real in idx_splits(folder, seed=1):
        wide = real.x.astype(np.float64)
        squared = (ours**2).sum(1)[:, None] + (wide**2).sum(1) - 2 * ours @ wide.T
        assert np.sqrt(squared.min()) > 1.9  # in black pixels; one in twenty unseen rows is nearer to a training row
        assert not {row.tobytes() for row in ours} & {row.tobytes() for row in wide}


def test_every_figure_names_its_rows(name):
    for kind in ("scores", "float_scores"):
        real, made = scores(name, kind)
        assert (real["rows"], real["data"]) == (2000, "MNIST")
        assert "unseen" in real["split"]
        assert (made["rows"], made["data"]) == (300, "MNIST (generated)")
        for entry in (real, made):
            assert entry["rows"] == sum(map(sum, entry["confusion"]))
            right = sum(row[i] for i, row in enumerate(entry["confusion"]))
            assert entry["accuracy"] == pytest.approx(right / entry["rows"], abs=1e-6)


def test_accuracy_on_unseen_rows_is_enough(name):
    assert scores(name)[0]["accuracy"] >= LEAST_ACCURACY[name]
    assert "8000 of the 10000" in metrics(name)["trained_on"]["title"]
    assert not metrics(name)["trained_on"]["synthetic"]


def test_the_card_states_the_figures_of_the_files(name):
    card = (ROOT / "models" / name / "README.md").read_text()
    for entry, plain in zip(scores(name), scores(name, "float_scores"), strict=True):
        kind = "synthetic" if entry["synthetic"] else "real"
        error = np.sqrt(entry["accuracy"] * (1 - entry["accuracy"]) / entry["rows"])
        line = (
            rf"\|[^\n]*{kind}[^\n]*\| {entry['rows']:,} \| {entry['accuracy'] * 100:.2f} % ± {error * 100:.2f} "
            rf"\| {plain['accuracy'] * 100:.2f} % \|"
        )
        assert re.search(line, card), line
    assert f"{PARAMETERS[name]:,} parameters" in card
    assert "MNIST" in card
    assert "8,000" in card


def test_reuse_factors_of_the_card_are_those_of_the_hls_config(name):
    layers = yaml.safe_load((ROOT / "hls" / f"{name}.yaml").read_text())["LayerName"]
    card = (ROOT / "models" / name / "README.md").read_text()
    for layer, settings in layers.items():
        if "ReuseFactor" in settings:
            assert re.search(rf"\| {layer} \| [^\n]*\| {settings['ReuseFactor']} \|", card), layer
