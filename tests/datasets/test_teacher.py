import json

import h5py
import numpy as np
import pytest

from bitwright.datasets import Labeller, corpus_rows, corpus_teacher, load_teacher
from bitwright.errors import DatasetError

ORDER = ("g", "q", "w", "z", "t")


def write_teacher(folder, activations=("relu", "softmax"), kind="Dense", outputs=5):
    random = np.random.default_rng(1)
    layers = [{"class_name": "InputLayer", "config": {"name": "in"}}]
    widths = [16, 8, outputs]
    with h5py.File(folder / "w.h5", "w") as file:
        for i, activation in enumerate(activations):
            layers.append({"class_name": kind, "config": {"name": f"d{i}", "activation": activation}})
            group = file.create_group(f"d{i}/d{i}")
            group["kernel:0"] = random.standard_normal((widths[i], widths[i + 1])).astype(np.float32)
            group["bias:0"] = random.standard_normal(widths[i + 1]).astype(np.float32)
    (folder / "c.json").write_text(json.dumps({"config": {"layers": layers}}))
    return folder / "c.json", folder / "w.h5"


def test_outputs_come_in_our_class_order(tmp_path):
    config, weights = write_teacher(tmp_path)
    theirs = load_teacher(config, weights, ("g", "q", "t", "w", "z"))
    ours = load_teacher(config, weights, ORDER)
    x = np.random.default_rng(2).standard_normal((20, 16)).astype(np.float32)
    assert np.allclose(ours.probabilities(x), theirs.probabilities(x)[:, [0, 1, 4, 2, 3]], atol=1e-6)
    assert np.allclose(ours.probabilities(x).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activations": ("tanh", "softmax")}, "only a chain of Dense"),
        ({"kind": "Lambda"}, "only a chain of Dense"),
        ({"outputs": 4}, "4 outputs for 5 classes"),
    ],
)
def test_another_network_cannot_teach(tmp_path, options, message):
    config, weights = write_teacher(tmp_path, **options)
    with pytest.raises(DatasetError, match=message):
        load_teacher(config, weights, ORDER)


def test_missing_damaged_or_other_classes(tmp_path):
    config, weights = write_teacher(tmp_path)
    with pytest.raises(DatasetError, match="no such teacher"):
        load_teacher(tmp_path / "none.json", weights, ORDER)
    with pytest.raises(DatasetError, match="classes are a, b"):
        load_teacher(config, weights, ("a", "b"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(DatasetError, match="no usable weights"):
        load_teacher(config, weights, ORDER)
    config.write_text("{")
    with pytest.raises(DatasetError, match="not a Keras model"):
        load_teacher(config, weights, ORDER)


def test_layers_that_do_not_chain_are_refused():
    with pytest.raises(DatasetError, match="do not fit together"):
        Labeller(((np.zeros((16, 8)), np.zeros(8)), (np.zeros((9, 5)), np.zeros(5))), "a test")


@pytest.mark.corpus
def test_the_real_teacher_knows_the_real_rows():
    rows = corpus_rows()
    if rows is None:
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    said = corpus_teacher().probabilities(rows.x).argmax(axis=1)
    assert (said == rows.y).mean() == pytest.approx(0.79, abs=0.002)
