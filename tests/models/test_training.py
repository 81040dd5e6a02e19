"""The training command: what it refuses before it loads anything, and one small training to the end."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bitwright.datasets import load
from bitwright.frontend import training
from bitwright.frontend.train_options import Options

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
