"""The training command: what it refuses before it loads anything, and one small training to the end."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from bitwright.config import TrainConfig
from bitwright.datasets import TraceGenerator, load
from bitwright.datasets.blocktrace import trace_lines
from bitwright.errors import DatasetError, ModelError
from bitwright.frontend import training
from bitwright.frontend.train_model import load_network
from bitwright.frontend.train_options import Options
from bitwright.frontend.train_rows import with_moved_copies

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path):
    """A folder of the zoo without its weights, small enough to train in seconds."""
    folder = tmp_path / "m"
    folder.mkdir()
    for name in ("model.yaml", "network.py", "generator.npz"):
        shutil.copy(ROOT / "models" / "jsc_tiny" / name, folder)
    return folder


def refused(capsys, *arguments):
    code = training.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "epochs"], "write --set KEY=VALUE"),
        (["--set", "epochs=none"], "epochs"),
        (["--set", "epochs=0"], "greater than or equal to 1"),
        (["--set", "zero_wieghts=0.5"], "did you mean 'zero_weights'?"),
        (["--set", "zero_weights=1"], "zero_weights must be 0 to below 1"),
        (["--set", "l1=abc"], "not a number"),
        (["--set", "copies=-1"], "copies must be not negative"),
        (["--set", "patience=1.5"], "patience must be 1 or more, a whole number"),
        (["--set", "epoch=3"], "did you mean 'epochs'?"),
        (["--set", "beta_last=1e-5"], "'beta_last' is an option of flavour hgq2"),
        (["--set", "flavour=keras9"], "flavour"),
        (["--start", "missing.h5"], "no such file"),
        (["--tensorboard"], "add --record FOLDER"),
        (["--data", "missing.npz"], "no such file"),
        (["--data", "notes.txt"], "no such file"),
        (["--teacher", "missing.json", "--teacher-weights", "w.h5"], "no such teacher"),
        (["--teacher", "missing.json"], "add --teacher-weights"),
    ],
)
def test_bad_arguments_are_refused_with_code_2(capsys, model, arguments, message):
    code, said = refused(capsys, model, *arguments)
    assert code == 2
    assert message in said
    assert not (model / "model.h5").exists()
    assert "tensorflow" not in said.lower()


def test_a_folder_that_is_no_model(capsys, tmp_path):
    code, said = refused(capsys, tmp_path / "nothing")
    assert code == 2
    assert "no model.yaml in it" in said


def test_a_model_without_a_generator_says_how_to_get_one(capsys, model):
    (model / "generator.npz").unlink()
    code, said = refused(capsys, model)
    assert code == 2
    assert "--fit-generator" in said


def test_no_real_rows_to_fit_a_generator_on(capsys, model, monkeypatch, tmp_path):
    monkeypatch.setenv("BITWRIGHT_CORPUS", str(tmp_path))
    code, said = refused(capsys, model, "--fit-generator")
    assert code == 2
    assert "set BITWRIGHT_CORPUS" in said


def test_a_teacher_that_is_not_there(capsys, model, monkeypatch, tmp_path):
    monkeypatch.setenv("BITWRIGHT_CORPUS", str(tmp_path))
    code, said = refused(capsys, model, "--cross-validate", "--teacher", "corpus")
    assert code == 2
    assert "no such teacher" in said


def test_a_training_that_another_run_holds(capsys, model):
    with training.exclusive(model / ".training"):
        code, said = refused(capsys, model)
    assert code == 2
    assert "another run" in said


@pytest.mark.parametrize(("text", "message"), [("1 / 0", "it does not run"), ("x = 1", "no function build()")])
def test_a_network_program_that_is_wrong(model, text, message):
    (model / "network.py").write_text(text)
    with pytest.raises(ModelError, match=r"network\.py") as caught:
        load_network(model / "network.py")
    assert message in str(caught.value)


def test_options_have_defaults():
    assert Options.of(TrainConfig()) == Options(zero_weights=0.0, l1=0.0, patience=12)


def train(folder, *arguments):
    command = [sys.executable, "-m", "bitwright.frontend.training", str(folder), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "BITWRIGHT_CORPUS": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)


@pytest.mark.hls
def test_a_file_is_trained_on_to_the_end_and_the_same_twice(model, tmp_path):
    rows = load(model / "generator.npz").sample(3000, 9)
    np.savez(tmp_path / "rows.npz", x=rows.x, y=rows.y, classes=np.array(rows.classes))
    options = ["--data", str(tmp_path / "rows.npz"), "--set", "epochs=6", "--set", "batch_size=64"]
    runs = [train(model, "--out", str(tmp_path / out), "--set", "zero_weights=0.5", *options) for out in ("a", "b")]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert (tmp_path / "a" / "model.h5").read_bytes() == (tmp_path / "b" / "model.h5").read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["metrics.json", "model.h5"]
    metrics = json.loads((tmp_path / "a" / "metrics.json").read_text())
    (entry,) = metrics["scores"]
    assert (entry["data"], entry["split"], entry["rows"], entry["synthetic"]) == ("rows", "test", 600, False)
    assert entry["accuracy"] > 0.4
    assert set(entry["auc"]) == {"g", "q", "t", "w", "z"}
    assert metrics["zero_weights"] >= 0.48
    assert "epoch   6 of 6" in runs[0].stdout


# --- images ------------------------------------------------------------------------------------


@pytest.fixture
def digits(tmp_path):
    """The folder of the perceptron without its weights."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for name in ("model.yaml", "network.py", "generator.npz"):
        shutil.copy(ROOT / "models" / "mnist_mlp" / name, folder)
    return folder


@pytest.fixture
def idx_folder(tmp_path):
    """2,600 generated images as MNIST's test files."""
    rows = load(ROOT / "models" / "mnist_mlp" / "generator.npz").sample(2600, 9)
    folder = tmp_path / "idx"
    folder.mkdir()
    images = np.round(rows.x * 256).astype(np.uint8).reshape(-1, 28, 28)
    for kind, array in (("images-idx3", images), ("labels-idx1", rows.y.astype(np.uint8))):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / f"t10k-{kind}-ubyte").write_bytes(header + array.tobytes())
    return folder


def test_openml_has_no_images(capsys, digits):
    code, said = refused(capsys, digits, "--data", "openml")
    assert code == 2
    assert "openml is hls4ml_lhc_jets_hlf, not MNIST" in said


def test_an_idx_folder_that_is_empty(capsys, digits, tmp_path):
    code, said = refused(capsys, digits, "--data", tmp_path / "digits")
    assert code == 2
    assert "no t10k-images-idx3-ubyte" in said


def test_images_have_no_teacher(capsys, model, idx_folder, monkeypatch):
    monkeypatch.setattr(training, "_teacher", lambda _: object())
    code, said = refused(capsys, model, "--data", idx_folder, "--fit-generator", "--teacher", "corpus")
    assert code == 2
    assert "images have no teacher" in said


def test_copies_of_images_are_moved_over_blank_paper_and_stay_beside_them():
    rows = load(ROOT / "models" / "mnist_mlp" / "generator.npz").sample(30, 4)
    more = with_moved_copies(rows, 3, 2, seed=1)
    assert more.rows == 120
    assert np.array_equal(more.x[::4], rows.x)
    assert np.array_equal(more.y, np.repeat(rows.y, 4))
    assert "3 moved copies of each" in more.title
    moves = set()
    for number, image in enumerate(more.x.reshape(-1, 28, 28)):
        wide = np.pad(rows.x[number // 4].reshape(28, 28), 2)
        places = [(r, c) for r in range(5) for c in range(5) if np.array_equal(wide[r : r + 28, c : c + 28], image)]
        assert places, number
        moves.update(places)
    assert len(moves) > 20


def test_copies_of_rows_that_are_no_images(model):
    rows = load(model / "generator.npz").sample(30, 4)
    with pytest.raises(DatasetError, match="no images"):
        with_moved_copies(rows, 1, 2, seed=1)


@pytest.mark.hls
def test_images_are_trained_on_to_the_end_with_weights_on_their_grid(digits, idx_folder, tmp_path):
    options = ["--set", "epochs=3", "--set", "copies=1", "--set", "batch_size=32"]
    run = train(digits, "--data", str(idx_folder), "--out", str(tmp_path / "out"), *options)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    real, made = metrics["scores"]
    assert (real["rows"], real["data"], made["rows"], made["synthetic"]) == (2000, "MNIST", 300, True)
    assert real["accuracy"] > 0.6
    assert abs(metrics["float_scores"][0]["accuracy"] - real["accuracy"]) < 0.1
    assert metrics["trained_on"]["title"] == "MNIST, 600 of the 2600 test images, 1 moved copies of each, 1200 rows"
    with h5py.File(tmp_path / "out" / "model.h5") as file:
        kernel = file["model_weights/dense1/dense1/kernel:0"][()]
    assert np.array_equal(kernel * 32, np.round(kernel * 32))
    assert np.abs(kernel).max() > 1 / 32


# --- the course of a training, and what begins with another's weights ---------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A small training with a record, event files and all; its folder."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("model.yaml", "network.py", "generator.npz"):
        shutil.copy(ROOT / "models" / "jsc_tiny" / name, folder)
    options = ["--set", "epochs=3", "--set", "rows=3000", "--set", "batch_size=64"]
    run = train(folder, "--record", str(folder / "record"), "--tensorboard", *options)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.hls
def test_the_course_of_a_training_is_recorded(course):
    run = json.loads((course / "record" / "run.json").read_text())
    assert [entry["epoch"] for entry in run["epochs"]] == [1, 2, 3]
    for entry in run["epochs"]:
        assert {"loss", "val_loss", "val_accuracy", "val_precision", "val_auc"} <= set(entry)
        assert 0 < entry["val_accuracy"] < 1
    assert run["results"][0]["classes"][0]["roc"][-1] == [1, 1]
    metrics = json.loads((course / "metrics.json").read_text())
    assert {key: run[key] for key in metrics} == metrics
    # jsc_tiny: 16 features of 6 bits, 5 outputs, weights of 6 bits
    assert metrics["bitops"] == round(80 * (1 - metrics["zero_weights"])) * 6 * 6
    assert list((course / "record" / "tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.hls
def test_a_fine_tuning_prunes_before_its_first_step(course, tmp_path):
    options = ["--set", "epochs=1", "--set", "rows=3000", "--set", "zero_weights=0.5", "--set", "gradual=0"]
    start = str(course / "record" / "trained.weights.h5")
    run = train(course, "--out", str(tmp_path), "--start", start, *options)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["zero_weights"] >= 0.5
    assert "gradual" in metrics["train"]["options"]


@pytest.mark.hls
def test_a_classifier_of_slow_ios_is_trained_on_a_folder_of_traces(tmp_path):
    folder, traces = tmp_path / "m", tmp_path / "traces"
    folder.mkdir()
    traces.mkdir()
    for name in ("model.yaml", "network.py", "generator.npz"):
        shutil.copy(ROOT / "models" / "flashnet" / name, folder)
    (traces / "a.trace").write_text(trace_lines(TraceGenerator().trace(6000, 3)))
    run = train(folder, "--data", str(traces), "--set", "epochs=4", "--set", "batch_size=64")
    assert run.returncode == 0, run.stderr
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["trained_on"]["title"].startswith("flashnet, the first 80% of 1 traces")
    real, made = metrics["scores"]
    assert (real["split"], made["synthetic"]) == ("the last 20% of 1 traces", True)
    assert set(real["auc"]) == {"fast", "slow"}
    assert real["auc"]["slow"] > 0.6
    assert abs(metrics["float_scores"][0]["auc"]["slow"] - real["auc"]["slow"]) < 0.1
    assert (folder / "float.h5").is_file()


def test_rows_without_a_generator_of_traces_are_refused(capsys, model, tmp_path):
    (tmp_path / "a.trace").write_text(trace_lines(TraceGenerator().trace(200, 3)))
    code, said = refused(capsys, model, "--data", tmp_path)
    assert code == 2
    assert "does not learn from block traces" in said
