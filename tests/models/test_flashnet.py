"""What the classifiers of slow I/Os ship, looked at without TensorFlow."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from bitwright.config import load_model
from bitwright.datasets import TraceGenerator, corpus_folder, load, load_dataset
from bitwright.datasets.blocktrace import CLASSES, feature_names, features, read_trace, trace_files
from bitwright.datasets.sources import CORPUS_TRACES
from bitwright.files import digest

ROOT = Path(__file__).resolve().parents[2]
HISTORY = {"flashnet": 4, "flashnet_transformer": 6}
LEAST_AUC = {"flashnet": 0.80, "flashnet_transformer": 0.75}

pytestmark = pytest.mark.parametrize("name", HISTORY)


def metrics(name):
    return json.loads((ROOT / "models" / name / "metrics.json").read_text())


def test_model_yaml_loads_and_names_what_is_there(name):
    config = load_model(ROOT / "models" / name / "model.yaml")
    assert (config.name, config.head) == (name, "logits")
    assert config.data is not None
    assert config.data.synthetic
    assert config.data.classes == CLASSES


def test_weights_are_the_ones_of_the_metrics(name):
    config = load_model(ROOT / "models" / name / "model.yaml")
    assert digest(config.source) == metrics(name)["weights_sha256"]


def test_shipped_rows_and_trace_are_the_generators_own(name):
    folder = ROOT / "models" / name
    generator, data = load(folder / "generator.npz"), load_dataset(folder / "data" / "test.npz")
    assert isinstance(generator, TraceGenerator)
    assert generator.history == HISTORY[name]
    assert data.feature_names == feature_names(HISTORY[name])
    again = generator.sample(data.rows, 20_001, "test")
    assert data.rows == 4000
    assert (data.x == again.x).mean() > 0.99
    trace = read_trace(folder / "data" / "generated.trace.gz")
    assert len(trace.latency) == 4000
    assert features(trace, HISTORY[name])[0].shape[1] == data.x.shape[1]


@pytest.mark.corpus
def test_nothing_of_a_recorded_trace_is_shipped(name):
    folder = corpus_folder() / CORPUS_TRACES
    if not folder.is_dir():
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    ours = read_trace(ROOT / "models" / name / "data" / "generated.trace.gz")
    for path in trace_files(folder):
        theirs = {tuple(row) for row in np.stack([read_trace(path).submitted, read_trace(path).latency], 1).tolist()}
        shared = theirs & {tuple(row) for row in np.stack([ours.submitted, ours.latency], 1).tolist()}
        assert len(shared) < 3


def test_every_figure_names_its_rows_and_is_good_enough(name):
    real, made = metrics(name)["scores"]
    assert (real["rows"], real["synthetic"]) == (29_933 if name == "flashnet" else 29_924, False)
    assert real["split"] == "the last 20% of 3 traces"
    assert made["synthetic"]
    for entry in (real, made):
        assert entry["rows"] == sum(map(sum, entry["confusion"]))
        assert entry["auc"]["slow"] > LEAST_AUC[name] - (0.0 if entry is real else 0.1)


def test_the_card_states_the_figures_of_the_files(name):
    card = (ROOT / "models" / name / "README.md").read_text()
    found = metrics(name)
    plain = found.get("float_scores", [None, None])
    for entry, unquantized in zip(found["scores"], plain, strict=True):
        auc = rf"{entry['auc']['slow']:.4f} \| {entry['auc']['slow']:.4f}"  # quantized, and the same bits in RTL
        before = rf"{unquantized['auc']['slow']:.4f} \| " if unquantized else ""
        line = rf"\|[^\n]* {entry['rows']:,} \|[^\n]*\| {before}{auc} \|[^\n]*{entry['accuracy'] * 100:.2f} %"
        assert re.search(line, card), line
    baseline = json.loads((ROOT / "reports" / "baselines" / name / "vu13p_5ns.json").read_text())
    figures = baseline["headline"]["figures"]
    assert f"{figures['lut']:,.0f} LUT" in card
    assert f"{figures['ff']:,.0f} FF" in card
    assert figures["accuracy"] == pytest.approx(found["scores"][1]["accuracy"], abs=1e-6)


def test_the_float_network_is_shipped_with_its_normalization(name):
    if name != "flashnet":
        pytest.skip("only flashnet has a float network")
    path = load_model(ROOT / "models" / name / "model.yaml").float_model
    assert path is not None
    with h5py.File(path) as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    kinds = [(layer["class_name"], layer["config"].get("activation")) for layer in layers]
    assert kinds[1][0] == "BatchNormalization"
    assert kinds[-1] == ("Dense", "sigmoid")


def test_the_hls_config_gives_the_input_the_grid_of_the_features(name):
    path = ROOT / "hls" / f"{name}.yaml"
    if path.is_file():
        config = yaml.safe_load(path.read_text())["LayerName"]
        assert config["features"]["Precision"]["result"] == "fixed<9,5,RND_CONV,SAT>"
