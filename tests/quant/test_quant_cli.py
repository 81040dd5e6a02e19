"""``bitwright quantize``: its options, its folder, its exit codes, what it refuses; TensorFlow stays away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from float_models import mlp, rows
from test_quant_health import slow_io

from bitwright.cli import main
from bitwright.config import load_model
from bitwright.network import load
from bitwright.network.layers import Network
from bitwright.quant.float_model import FloatModel, evaluate


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command in an empty folder, with what loads TensorFlow replaced: the reader by a model made here."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.h5").write_bytes(b"not read here")

    def command(*words: str, model: FloatModel | None = None) -> Result:
        def read(path: Path, name: str, weights: Path | None) -> FloatModel:
            from dataclasses import replace

            assert path.name == "model.h5"
            assert weights is None
            return replace(model or mlp(), name=name)

        def write(network: Network, out: Path, base: Path | None) -> None:
            assert base is None
            (out / "model.h5").write_bytes(b"QKeras")
            (out / "hls.yaml").write_text("LayerName: {}\n")

        monkeypatch.setattr("bitwright.quant.float_model.read_model", read)
        monkeypatch.setattr("bitwright.quant.folder.write_model", write)
        return CliRunner().invoke(main, ["quantize", "model.h5", *words])

    return command


def save_rows(**more: Any) -> np.ndarray:
    x = rows(mlp(), 300)
    np.savez("rows.npz", x=x, y=evaluate(mlp(), x)["fc2"].argmax(axis=1), **more)
    return x


def test_the_folder_has_everything_and_a_model_yaml_that_loads(run: Any) -> None:
    save_rows()
    done = run("--bits", "8", "--calibrate", "rows.npz", "-o", "q")
    assert done.exit_code == 0, done.output
    assert "usable" in done.output
    names = {str(path.relative_to("q")) for path in Path("q").rglob("*") if path.is_file()}
    plots = {f"plots/{name}.svg" for name in ("sqnr", "ranges", "histograms")}
    assert names == plots | {
        "model.h5", "hls.yaml", "model.yaml", "network.json", "network.npz", "quantization.json", "health.md",
        "data/test.npz",
    }  # fmt: skip
    config = load_model(Path("q/model.yaml"))
    assert config.name == "model_w8a8"
    assert config.data is not None
    assert config.data.classes == ("0", "1", "2")
    record = json.loads(Path("q/quantization.json").read_text())
    assert record["usable"]
    assert record["recipe"]["bits"] == {"weight": 8, "activation": 8}
    assert load(Path("q/network.json")).name == "model_w8a8"


def test_every_option_reaches_the_recipe(run: Any) -> None:
    save_rows()
    done = run(
        "--weight-bits", "5", "--activation-bits", "7", "--layer", "fc2=6,9", "--method", "percentile", "--percentile",
        "99.5", "--weight-method", "minmax", "--per-tensor", "--scale", "affine", "--symmetric-form", "full",
        "--output-bits", "12", "--input-norm", "fold", "--head", "model",
        "--equalize", "--rounding", "gptq", "--bias-correction",
        "--calibrate", "rows.npz", "-o", "q", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "stripped" not in done.output
    recipe = json.loads(done.output.strip().splitlines()[-1])["recipe"]
    assert recipe == {
        "bits": {"weight": 5, "activation": 7}, "layers": {"fc2": {"weight": 6, "activation": 9}},
        "options": {
            "method": "percentile", "weight_method": "minmax", "percentile": 99.5, "per_channel": False,
            "scale": "affine", "form": "full", "output_bits": 12, "multiplier_bits": 12,
        },
        "repairs": ["equalize", "gptq", "bias"], "fold_inputs": True, "logits": False,
    }  # fmt: skip


def test_what_was_stripped_is_said(run: Any) -> None:
    x = save_rows()
    x[7, 2] = 5000.0
    np.savez("far.npz", x=x)
    done = run("--calibrate", "far.npz", "--method", "percentile", "--percentile", "99.9", "-o", "q")
    assert "stripped: x: " in done.output
    assert "5000 (row 7, element 2)" in done.output


def test_a_model_that_is_not_usable_ends_with_6_and_its_folder_says_why(run: Any) -> None:
    model, data = slow_io()
    np.savez("rows.npz", x=data.x, y=data.y)
    words = ["--input-norm", "fold", "--per-tensor", "--method", "minmax", "--weight-method", "minmax"]
    done = run(*words, "--calibrate", "rows.npz", "-o", "q", model=model)
    assert done.exit_code == 6
    assert "not usable" in done.output
    assert "NOT USABLE" in Path("q/health.md").read_text()
    good = run("--calibrate", "rows.npz", "-o", "q", model=model)
    assert good.exit_code == 0, good.output
    assert yaml.safe_load(Path("q/model.yaml").read_text())["data"]["classes"] == ["0", "1"]
    table = run("--calibrate", "rows.npz", "--head", "model", "-o", "q", model=model)
    assert table.exit_code == 0, table.output
    assert "data" not in yaml.safe_load(Path("q/model.yaml").read_text())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--calibrate", "missing.npz"], "no such file"),
        ([], "no data to calibrate with"),
        (["--calibrate", "nan.npz"], "row 3 holds NaN"),
        (["--calibrate", "wide.npz"], "the model takes (6,)"),
        (["--calibrate", "same.npz"], "are the same"),
        (["--calibrate", "rows.npz", "--bits", "1"], "outside 2..32"),
        (["--calibrate", "rows.npz", "--bits", "33"], "outside 2..32"),
        (["--calibrate", "rows.npz", "--bits", "32"], "more than 63 bits"),
        (["--calibrate", "rows.npz", "--layer", "fc3=4"], "did you mean 'fc"),
        (["--calibrate", "rows.npz", "--layer", "fc1"], "write it as NAME=W,A"),
        (["--calibrate", "rows.npz", "--method", "percentile", "--percentile", "3"], "a percentile of 3"),
        (["--calibrate", "rows.npz", "--output-bits", "1"], "1 bits for outputs"),
        (["--calibrate", "jet33"], "there is no model 'jet33'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(run: Any, words: list[str], said: str) -> None:
    x = save_rows()
    np.savez("nan.npz", x=np.where(np.arange(300)[:, None] == 3, np.nan, x))
    np.savez("wide.npz", x=np.ones((5, 9)) * np.arange(5)[:, None])
    np.savez("same.npz", x=np.ones((5, 6)))
    done = run(*words, "-o", "q")
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert not Path("q").exists()


def test_a_folder_with_other_files_is_left_alone(run: Any) -> None:
    save_rows()
    Path("q").mkdir()
    Path("q/thesis.tex").write_text("mine")
    done = run("--calibrate", "rows.npz", "-o", "q")
    assert done.exit_code == 2
    assert "holds other files" in done.output
    assert [path.name for path in Path("q").iterdir()] == ["thesis.tex"]
