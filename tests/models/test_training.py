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

from bitwright.datasets import load
from bitwright.errors import DatasetError
from bitwright.frontend import training
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
        (["--set", "copies=-1"], "copies and shift not negative"),
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
    with pytest.raises(training.ModelError, match=r"network\.py") as caught:
        training.load_network(model / "network.py")
    assert message in str(caught.value)


def test_options_have_defaults():
    assert Options.of(training.TrainConfig()) == Options(zero_weights=0.0, l1=0.0, patience=12)


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
