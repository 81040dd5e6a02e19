"""Sweeps and pruning: what is trained, what is not repeated, and what is refused before anything is written."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bitwright.cli import main
from bitwright.errors import BitwrightError, ConfigError, UsageError
from bitwright.train import prune as pruning
from bitwright.train import runs, sweep
from bitwright.train.runs import Plan, Run, folder_name, job_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path):
    """A repository with one small model in it, and one of HGQ2."""
    for name in ("jsc_tiny", "jet3_hgq"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        for file in ("model.yaml", "network.py", "generator.npz"):
            shutil.copy(ROOT / "models" / name / file, folder)
    return tmp_path


class Trainer:
    """In the place of the process that trains: leaves what that would leave, and counts."""

    def __init__(self, failing=()):
        self.calls, self.failing = [], failing

    def __call__(self, folder, data, settings, *, record, tensorboard=False, more=()):
        self.calls.append((tuple(settings), tuple(more)))
        if any(setting in self.failing for setting in settings):
            return 2
        start = Path(more[more.index("--start") + 1]) if "--start" in more else None
        job = job_of(Plan(folder, data), Run("", tuple(settings), record, start))
        record.mkdir(parents=True, exist_ok=True)
        (record / "trained.weights.h5").write_bytes(str(settings).encode())
        share = job.train.options.get("zero_weights", 0)
        result = {
            "identity": job.identity, "zero_weights": share, "bitops": 2880 * (1 - share),
            "epochs": [{"epoch": 1, "loss": 1.0, "val_loss": job.train.learning_rate, "val_accuracy": 0.5}],
            "scores": [{"accuracy": 0.7 - job.train.learning_rate, "auc": {"a": 0.9, "b": 0.8}}],
        }  # fmt: skip
        (record / "run.json").write_text(json.dumps(result))
        return 0


@pytest.fixture
def trainer(monkeypatch):
    found = Trainer()
    monkeypatch.setattr(runs, "start_training", found)
    return found


def run_cli(root, *words):
    return CliRunner().invoke(main, ["train", *words, "--root", str(root), "-o", str(root / "out")])


def test_a_grid_is_every_combination():
    assert sweep.grid(["a=1,2", "b=x"]) == [("a=1", "b=x"), ("a=2", "b=x")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a="], "no values"),
        (["a=1,1"], "a value twice"),
        (["a=1", "a=2"], "a key twice"),
        (["a=" + ",".join(map(str, range(1001)))], "1001 trainings"),
    ],
)
def test_a_sweep_that_cannot_be(words, said):
    with pytest.raises(UsageError, match=said):
        sweep.grid(words)


def test_folders_of_settings_are_plain_names():
    assert folder_name(("learning_rate=1e-4", "seed=1")) == "learning_rate=1e-4_seed=1"
    assert "/" not in folder_name(("a=../../b c",))


def test_a_sweep_trains_each_once_and_repeats_nothing(root, trainer):
    words = ["jsc_tiny", "--sweep", "learning_rate=1e-3,1e-1", "--sweep", "batch_size=64,128"]
    first = run_cli(root, *words)
    assert first.exit_code == 0, first.output
    assert len(trainer.calls) == 4
    assert "best: learning_rate=1e-3 batch_size=64" in first.output
    table = json.loads((root / "out" / "sweep" / "sweep.json").read_text())
    assert [row["settings"]["batch_size"] for row in table["runs"]] == ["64", "128", "64", "128"]
    assert table["runs"][0]["accuracy"] == pytest.approx(0.699)
    assert "Sweep of jsc_tiny" in (root / "out" / "sweep" / "sweep.html").read_text()
    again = run_cli(root, *words)
    assert again.exit_code == 0
    assert len(trainer.calls) == 4
    more = run_cli(root, "jsc_tiny", "--sweep", "learning_rate=1e-3,1e-1", "--sweep", "batch_size=64,128,256")
    assert more.exit_code == 0
    assert len(trainer.calls) == 6


def test_a_changed_program_is_trained_again(root, trainer):
    words = ["jsc_tiny", "--sweep", "seed=1"]
    run_cli(root, *words)
    with (root / "models" / "jsc_tiny" / "network.py").open("a") as file:
        file.write("\n# another program\n")
    run_cli(root, *words)
    assert len(trainer.calls) == 2


def test_one_training_that_fails_does_not_end_the_sweep(root, monkeypatch):
    trainer = Trainer(failing=("learning_rate=0.5",))
    monkeypatch.setattr(runs, "start_training", trainer)
    done = run_cli(root, "jsc_tiny", "--sweep", "learning_rate=0.5,0.001")
    assert done.exit_code == 0
    assert "failed" in done.output
    assert "best: learning_rate=0.001" in done.output
    trainer.failing = ("learning_rate=0.5", "learning_rate=0.2")
    done = run_cli(root, "jsc_tiny", "--sweep", "learning_rate=0.5,0.2")
    assert done.exit_code == BitwrightError.exit_code
    assert "no training came to its end" in done.output


def test_a_sweep_that_is_stopped_stays_stopped(root, monkeypatch):
    monkeypatch.setattr(runs, "start_training", lambda *_, **__: runs.STOPPED)
    assert run_cli(root, "jsc_tiny", "--sweep", "seed=1,2").exit_code != 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jsc_tine", "--sweep", "seed=1"], "did you mean 'jsc_tiny'?"),
        (["jsc_tiny", "--sweep", "lerning_rate=1"], "did you mean 'learning_rate'?"),
        (["jsc_tiny", "--sweep", "learning_rate=1e-3,no"], "learning_rate"),
        (["jsc_tiny", "--sweep", "seed=1", "--prune", "0.5"], "exclude each other"),
        (["jsc_tiny", "--prune", "0.5,0.3"], "not growing"),
        (["jsc_tiny", "--prune", "0.5,1.0"], "below 1"),
        (["jsc_tiny", "--prune", "half"], "not numbers"),
        (["jet3_hgq", "--prune", "0.5"], "is of flavour hgq2"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(root, trainer, words, said):
    done = run_cli(root, *words)
    assert done.exit_code == 2
    assert said in done.output
    assert not trainer.calls
    assert not (root / "out").exists()


def test_pruning_goes_on_from_the_weights_of_the_step_before(root, trainer):
    words = ["jsc_tiny", "--prune", "0.3,0.6", "--fine-epochs", "2"]
    done = run_cli(root, *words)
    assert done.exit_code == 0, done.output
    dense, first, second = trainer.calls
    assert "--start" not in dense[1]
    assert first[1][-1].endswith("prune/dense/trained.weights.h5")
    assert second[1][-1].endswith("prune/pruned_0.3/trained.weights.h5")
    assert {"zero_weights=0.6", "gradual=0", "epochs=2"} <= set(second[0])
    steps = json.loads((root / "out" / "prune" / "prune.json").read_text())["steps"]
    assert [step["bitops"] for step in steps] == pytest.approx([2880, 2016, 1152])
    run_cli(root, *words)
    assert len(trainer.calls) == 3


def test_a_step_that_fails_ends_the_pruning(root, monkeypatch):
    monkeypatch.setattr(runs, "start_training", Trainer(failing=("zero_weights=0.3",)))
    with pytest.raises(BitwrightError, match="no training"):
        pruning.prune(Plan(root / "models" / "jsc_tiny"), [0.3], 1, root / "out")


def test_a_flavour_whose_weights_are_not_pruned(root, trainer):
    with pytest.raises(ConfigError, match="flavour"):
        pruning.prune(Plan(root / "models" / "jet3_hgq"), [0.3], 1, root / "out")
