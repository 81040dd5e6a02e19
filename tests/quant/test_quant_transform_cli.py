"""`bitwright transform` from files to files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from float_models import mlp
from tiny import bitwright, write_rows, write_zoo

from bitwright.cli import main
from bitwright.config import TargetConfig, load_model
from bitwright.files import read_arrays
from bitwright.network import Network, load
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, quantize_rows
from bitwright.quant import transform_folder, transform_run
from bitwright.quant.float_model import evaluate
from bitwright.stages.job import prepare
from bitwright.stages.runner import run_stage
from bitwright.stages.table import BY_NAME

CONFIG = """
by = "type"
[default]
data = {width = 8, fraction = 4}
weight = {width = 6}
[dense]
bias = {width = 7}
"""


class Zoo:
    """A folder with models/tiny whose float model is made by hand, and whose QKeras file is not written."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.out = root, root / "out"
        self.networks: list[Network] = []
        write_rows(root / "rows.npz", features=6, classes=3)
        data = {"file": "../../rows.npz", "name": "random rows", "classes": ["a", "b", "c"]}
        write_zoo(root / "models" / "tiny", data=data, head="argmax", target="vu13p_5ns")
        (root / "config.toml").write_text(CONFIG, encoding="utf-8")
        monkeypatch.setattr(transform_run, "read_model", lambda _path, name, _weights: replace(mlp(), name=name))
        monkeypatch.setattr(transform_folder, "write_model", self._write)

    def _write(self, network: Network, out: Path) -> None:
        self.networks.append(network)
        (out / "model.h5").write_bytes(b"a model")
        (out / "hls.yaml").write_text("{}", encoding="utf-8")

    def run(self, *words: str | Path) -> Result:
        argv = ["transform", "--config", self.root / "config.toml", "tiny", "-o", self.out, "--root", self.root, *words]
        return CliRunner().invoke(main, [str(word) for word in argv])


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    return Zoo(tmp_path, monkeypatch)


def test_what_is_written(zoo: Zoo) -> None:
    done = zoo.run()
    assert done.exit_code == 0, done.output
    for words in (
        "tiny by type: ops",
        "fixed<8,4,RND_CONV,SAT>",
        "weight SQNR",
        f"tiny: usable; go on with 'bitwright run {zoo.out}'",
    ):
        assert words in done.stdout
    assert sorted(str(p.relative_to(zoo.out)) for p in zoo.out.rglob("*") if p.is_file()) == [
        "data/rows.npz", "hls.yaml", "model.h5", "model.yaml", "transform.json",
    ]  # fmt: skip
    model = load_model(zoo.out / "model.yaml")
    assert (model.name, model.head, model.target) == ("tiny_q", "argmax", "vu13p_5ns")
    assert model.data is not None
    assert (model.data.name, model.data.classes) == ("random rows", ("a", "b", "c"))
    assert model.vectors == load_model(zoo.root / "models" / "tiny" / "model.yaml").vectors
    assert zoo.networks[0].name == "tiny_q"


def test_json(zoo: Zoo) -> None:
    record = json.loads(zoo.run("--json").stdout)
    assert record == json.loads((zoo.out / "transform.json").read_text())
    assert (record["rows"], record["by"], record["config"]) == (120, "type", "config.toml")
    assert {op["type"]: op["changed"] for op in record["ops"]} == {"input": 1, "dense": 2, "relu": 1}


def test_what_is_not_usable_is_said(zoo: Zoo) -> None:
    """A format that leaves nothing of the inputs: written all the same, exit code 6."""
    text = CONFIG + "[input]\ndata = {width = 2, fraction = -6}\n"
    (zoo.root / "config.toml").write_text(text, encoding="utf-8")
    done = zoo.run()
    assert done.exit_code == 6
    assert "not usable" in done.stderr
    assert "NOT USABLE" in done.stdout
    record = json.loads((zoo.out / "transform.json").read_text())
    assert not record["usable"]
    assert any(found["severity"] == "fatal" for found in record["findings"])


def test_quality_is_of_the_labelled_rows(zoo: Zoo) -> None:
    record = json.loads(zoo.run("--json").stdout)
    with np.load(zoo.root / "rows.npz") as rows:
        x, y = rows["x"].astype(float), rows["y"]
    floats = evaluate(mlp(), x, ["fc2"])["fc2"].argmax(axis=1)
    raw = quantize_rows(x, input_formats(zoo.networks[0]))
    integers = Reference(zoo.networks[0]).outputs(raw).argmax(axis=1)
    assert record["quality"] == {
        "metric": "accuracy", "rows": 120, "floats": np.mean(floats == y), "integers": np.mean(integers == y),
    }  # fmt: skip


def test_own_rows(zoo: Zoo) -> None:
    np.savez(zoo.root / "own.npz", x=np.random.default_rng(1).normal(size=(9, 6)))
    assert json.loads(zoo.run("--json", "--calibrate", zoo.root / "own.npz").stdout)["rows"] == 9


def test_a_folder_of_ours_is_written_again(zoo: Zoo) -> None:
    zoo.run()
    (zoo.out / "old").touch()
    assert zoo.run().exit_code == 0
    assert not (zoo.out / "old").exists()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((0, 6))}, "holds no rows"),
        ({"x": np.ones((5, 6))}, "all 5 rows are the same"),
        ({"x": np.full((5, 6), np.inf)}, "row 0 holds NaN or infinity"),
        ({"x": np.eye(5)}, "rows of shape (5,), 5 values each; the model takes (6,), 6"),
    ],
)
def test_rows_that_do_not_calibrate(zoo: Zoo, arrays: dict[str, Any], said: str) -> None:
    np.savez(zoo.root / "bad.npz", **arrays)
    done = zoo.run("--calibrate", zoo.root / "bad.npz")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not zoo.out.exists()


def test_what_is_refused_before_anything_is_read(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform_run, "read_model", None)
    (zoo.root / "config.toml").write_text('by = "type"\n[relu]\ndta = {width = 3}\n', encoding="utf-8")
    done = zoo.run()
    assert (done.exit_code, "config.toml:3: unknown key 'relu.dta'" in done.stderr) == (2, True)
    zoo.out.mkdir()
    (zoo.out / "thesis.tex").touch()
    done = zoo.run()
    assert (done.exit_code, "this folder holds other files" in done.stderr) == (2, True)


def test_a_key_that_matches_nothing(zoo: Zoo) -> None:
    (zoo.root / "config.toml").write_text('by = "name"\n[fc3]\ndata = {width = 3}\n', encoding="utf-8")
    done = zoo.run()
    assert done.exit_code == 2
    assert "config.toml:2: no layer is named 'fc3'\n  -> did you mean 'fc2'?" in done.stderr
    assert not zoo.out.exists()


@pytest.mark.hls
@pytest.mark.slow
def test_the_folder_goes_through_the_import(tmp_path: Path, target: TargetConfig) -> None:
    """The Network that hls4ml gives of the written model computes the bits of the one that was planned."""
    write_rows(tmp_path / "rows.npz")
    data = {"file": "../rows.npz", "name": "random rows", "classes": ["a", "b"]}
    model = write_zoo(tmp_path / "tiny", data=data)
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    done = bitwright("transform", "--config", tmp_path / "config.toml", model, "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    said = yaml.safe_load((tmp_path / "out" / "hls.yaml").read_text())
    config = load_model(tmp_path / "out" / "model.yaml")
    job = prepare(config, target, tmp_path / "build", [], [])
    run_stage(BY_NAME["import"], job, lambda _words: None)
    imported = load(job.stage("import") / "network.json")
    x = read_arrays(job.stage("import") / "vectors.npz")["x"]
    planned = replanned(model, tmp_path / "config.toml")
    assert np.array_equal(Reference(imported).outputs(x), Reference(planned).outputs(x))
    keras = read_arrays(job.stage("import") / "keras.npz")["y"]
    fraction = imported.layer(imported.outputs[0]).result.fraction
    assert np.array_equal(keras, np.ldexp(Reference(imported).outputs(x).astype(float), -fraction))
    assert set(said) == {"LayerName"}


def replanned(model: Path, config: Path) -> Network:
    """The Network, planned once more in this process."""
    found: list[Network] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transform_run, "write_folder", lambda network, *_: found.append(network))
        loaded = load_model(model)
        transform_run.run(loaded, transform_run.TransformFile(config), None, model.parent / "unused")
    return found[0]
