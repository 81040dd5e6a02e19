"""The verbs analyse and transform through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import networks
import numpy as np
import pytest
from click.testing import CliRunner, Result
from tiny import bitwright, write_rows, write_zoo

from bitwright.cli import main
from bitwright.files import write_arrays, write_json
from bitwright.network import save
from bitwright.network.vectors import draw
from bitwright.stages import runner


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["analyse", *(str(word) for word in words)])


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build folder whose import is made by hand."""
    network = next(network for network in networks.every_kind() if network.name == "mlp")
    folder = tmp_path / "build"
    save(network, folder / "import" / "network.json")
    rows = np.random.default_rng(1).normal(size=(50, 6))
    vectors = draw(network, rows, 50, 20, 1)
    write_arrays(folder / "import" / "vectors.npz", {"x": vectors.x, "real": np.array(vectors.real)})
    write_json(folder / "requests" / "import.json", {})
    monkeypatch.setattr(runner, "run_stage", lambda *_args, **_more: False)
    return folder


def record(*words: str | Path) -> dict[str, Any]:
    done = invoke(*words, "--json", "-")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_tables_and_files(build: Path, tmp_path: Path) -> None:
    done = invoke(build, "--json", tmp_path / "a.json", "--plots", tmp_path / "plots")
    assert done.exit_code == 0, done.output
    for words in ("work of one inference", "dense2", "all layers", "50 rows, the model's own data", "bitops.svg"):
        assert words in done.stdout
    assert json.loads((tmp_path / "a.json").read_text()) == record(build)
    assert len(list((tmp_path / "plots").iterdir())) == 10


def test_the_rows_that_are_asked_for(build: Path, tmp_path: Path) -> None:
    assert record(build)["data"] == {"source": "the model's own data", "rows": 50, "random": False}
    assert record(build, "--rows", "7")["data"]["rows"] == 7
    x = np.array([[0.5] * 6, [-0.5] * 6])
    np.savez(tmp_path / "own.npz", x=x)
    found = record(build, "--data", tmp_path / "own.npz")
    assert found["data"] == {"source": "own.npz", "rows": 2, "random": False}
    seen = found["layers"][0]["statistics"][0]
    assert (seen["minimum"], seen["maximum"], seen["mean"], seen["variance"]) == (-0.5, 0.5, 0.0, 0.25)


def test_random_vectors_are_called_so(build: Path) -> None:
    path = build / "import" / "vectors.npz"
    with np.load(path) as arrays:
        x = arrays["x"]
    write_arrays(path, {"x": x, "real": np.array(0)})
    assert record(build)["data"] == {
        "source": "no data given: random vectors on the input grid", "rows": len(x), "random": True,
    }  # fmt: skip


def test_filters(build: Path) -> None:
    assert [row["name"] for row in record(build, "--layer", "dense*", "--kind", "dense")["layers"]] == [
        "dense2", "dense4", "dense6",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layer", "dens2"], "did you mean 'dense2'?"),
        (["--kind", "Conv"], "no layer is of kind 'Conv'"),
        (["--head", "model"], "a build folder says its own head"),
        (["--build", "elsewhere"], "a build folder says its own build"),
        (["--rows", "0"], "--rows"),
    ],
)
def test_what_makes_no_sense(build: Path, words: list[str], said: str) -> None:
    done = invoke(build, *words)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.zeros(3)}, "has no 'x', only y"),
        ({"x": np.zeros((3, 5))}, "rows of 5 features, the model takes 6"),
        ({"x": np.zeros((0, 6))}, "x has shape (0, 6)"),
        ({"x": np.zeros(6)}, "x has shape (6,)"),
        ({"x": np.full((3, 6), np.nan)}, "row 0 holds NaN or infinity"),
        ({"x": np.full((3, 6), "a")}, "x has shape (3, 6) and type <U1"),
    ],
)
def test_rows_that_are_none(build: Path, tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    done = invoke(build, "--data", tmp_path / "bad.npz", "--json", tmp_path / "a.json")
    assert done.exit_code == 2
    assert said in done.stderr
    assert "bad.npz: " in done.stderr
    assert not (tmp_path / "a.json").exists()


def test_no_such_model() -> None:
    done = invoke("no_such_model")
    assert done.exit_code == 2
    assert "there is no model 'no_such_model'" in done.stderr


def test_an_error_is_words_or_json_as_the_result_would_be() -> None:
    words = bitwright("analyse", "no_such_model", "--json", "a.json")
    assert (words.returncode, words.stdout) == (2, "")
    assert "error: there is no model 'no_such_model'" in words.stderr
    data = bitwright("analyse", "no_such_model", "--json", "-")
    assert (data.returncode, data.stderr) == (2, "")
    assert json.loads(data.stdout)["what"] == "there is no model 'no_such_model'"


@pytest.mark.hls
def test_a_model_is_imported_once(tmp_path: Path) -> None:
    """Keras' own number of parameters; the second look, at the build folder, loads nothing of Keras."""
    write_rows(tmp_path / "rows.npz")
    model = write_zoo(tmp_path / "tiny", data={"file": "../rows.npz", "name": "random rows", "classes": ["a", "b"]})
    done = bitwright("analyse", model, "--build", tmp_path / "build", "--json", tmp_path / "a.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "a.json").read_text())
    with h5py.File(model.parent / "tiny.h5") as file:
        sizes: list[int] = []
        file["model_weights"].visititems(lambda _, o: sizes.append(o.size) if isinstance(o, h5py.Dataset) else None)
    assert found["total"]["parameters"] == sum(sizes)
    assert found["data"]["rows"] == 100
    again = bitwright("analyse", tmp_path / "build", "--json", tmp_path / "b.json")
    assert again.returncode == 0, again.stderr
    assert "nothing changed" in again.stdout + again.stderr
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()
