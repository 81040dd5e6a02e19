"""The whole way by the real commands: a float file, quantized, then through every stage with all its oracles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import bitwright, layer, model, tiny_weights, write_h5, write_rows

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.synth, pytest.mark.slow]


def float_model() -> dict[str, object]:
    """The tiny model without quantizers, ending in a softmax."""
    return model(
        layer("InputLayer", "features", None, batch_input_shape=[None, 3], dtype="float32"),
        layer("Dense", "dense1", "features", units=4, activation="relu", use_bias=True),
        layer("Dense", "logits", "dense1", units=2, activation="softmax", use_bias=True),
    )


@pytest.mark.parametrize(("scale", "keras"), [("po2", "PASSED"), ("real", "PASSED"), ("affine", None)])
def test_every_pair_of_oracles_agrees(tmp_path: Path, scale: str, keras: str | None) -> None:
    write_h5(tmp_path / "small.h5", float_model(), tiny_weights())
    write_rows(tmp_path / "rows.npz", 400)
    quantized, out = tmp_path / "quantized", tmp_path / "build"
    words = ["--calibrate", tmp_path / "rows.npz", "--bits", "6", "--scale", scale, "--method", "minmax"]
    done = bitwright("quantize", tmp_path / "small.h5", *words, "-o", quantized, timeout=900)
    assert done.returncode == 0, done.stderr
    built = bitwright("build", quantized, "-o", out, "--bulk", "2000", "--no-check", "--json", timeout=900)
    assert built.returncode == 0, built.stderr
    report = json.loads(built.stdout)["report"]
    pairs = report["verification"]["pairs"]
    assert {pair["status"] for pair in pairs} <= {"PASSED", "NOT_RUN"}
    assert sum(pair["status"] == "PASSED" for pair in pairs) >= 4
    assert all(pair["reason"] for pair in pairs if pair["status"] == "NOT_RUN")
    with_keras = {pair["status"] for pair in pairs if "Keras" in (pair["left"], pair["right"])}
    assert keras is None or with_keras == {keras}
    record = json.loads((quantized / "quantization.json").read_text())
    assert report["accuracy"]["accuracy"] == pytest.approx(record["quality"]["integers"])
