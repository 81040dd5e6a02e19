"""The health check: what it says of sick models, and the failure that collapses elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from float_models import Draft, mlp, rows

from bitwright.files import write_json
from bitwright.quant.calibrate import calibrate
from bitwright.quant.data import Data
from bitwright.quant.float_model import FloatModel, Floats, Kind, evaluate
from bitwright.quant.health import Severity, check_health
from bitwright.quant.options import Bits, Method, Options, ScaleKind
from bitwright.quant.pipeline import Recipe, Repair, quantize
from bitwright.quant.plan import make_plan, proved
from bitwright.quant.plots import plots
from bitwright.quant.quality import quality
from bitwright.quant.record import to_data, to_markdown


def slow_io(seed: int = 1, count: int = 6000, tail: float = 1.0) -> tuple[FloatModel, Data]:
    """A small binary classifier of slow requests on raw features, as storage systems have it.

    Sizes in bytes, queue lengths, latencies in microseconds: from 1 to some 10^6, so that folding the normalization
    gives the first layer weights from 10^-6 to 10.  The first layer is random, the last one fitted by ridge regression.
    """
    rng = np.random.default_rng(seed)
    size = 4096 * 2.0 ** rng.integers(0, 8, count)
    queue = rng.poisson(3, count).astype(float)
    past = np.rint(np.exp(rng.normal(6.5, tail, (count, 3))))
    x = np.column_stack([size, queue, past])
    score = 0.8 * np.log(size) + 0.7 * queue + 1.2 * np.log(past).mean(axis=1) + rng.normal(0, 0.7, count)
    y = (score > np.quantile(score, 0.7)).astype(np.int64)
    d = Draft(seed)
    scale = 1 / x.std(axis=0)
    h = d.relu(d.dense(d.scale(d.input(5), "norm", scale, -x.mean(axis=0) * scale), 24, "fc1", 2.0), "relu1")
    d.same(Kind.SIGMOID, d.dense(h, 1, "fc2"), "probability")
    model = d.model("probability", name="slow_io")
    hidden = np.column_stack([evaluate(model, x, ["relu1"])["relu1"], np.ones(count)])
    fit = np.linalg.solve(hidden.T @ hidden + 1e-2 * count * np.eye(25), hidden.T @ (8 * y - 4.0))
    model.by_name["fc2"].weights["weight"][:, 0] = fit[:-1].astype(np.float32)
    model.by_name["fc2"].weights["bias"][:] = np.float32(fit[-1])
    return model, Data(Path("slow_io.npz"), x, y)


def test_the_known_failure_is_seen_and_does_not_happen_to_us() -> None:
    """8 bits: with the normalization folded into the weights all outputs become one constant; we keep the AUC."""
    model, data = slow_io()
    ours = quantize(model, data, Recipe(Bits(8, 8)))
    assert ours.quality is not None
    assert ours.quality.metric == "AUC"
    assert ours.quality.floats > 0.85
    assert abs(ours.quality.loss) < 0.005
    assert ours.usable
    options = Options(method=Method.MINMAX, weight_method=Method.MINMAX, per_channel=False)
    folded = quantize(model, data, Recipe(Bits(8, 8), options=options, fold_inputs=True))
    assert folded.quality is not None
    assert folded.quality.integers == pytest.approx(0.5, abs=0.01)
    assert not folded.usable
    assert {finding.layer for finding in folded.findings} & {"x", "fc1", "probability", "outputs"}
    assert all(finding.cure for finding in folded.findings)


def test_heavy_tails_are_named_with_a_cure_that_works() -> None:
    model, data = slow_io(2, tail=1.6)
    plain = quantize(model, data, Recipe(Bits(8, 8)))
    assert any("99 % of its values" in finding.what for finding in plain.findings)
    options = Options(method=Method.PERCENTILE, percentile=99.9)
    cured = quantize(model, data, Recipe(Bits(8, 8), options=options))
    assert plain.quality is not None
    assert cured.quality is not None
    assert abs(cured.quality.loss) < 0.005 < plain.quality.loss


@pytest.mark.parametrize("scale", list(ScaleKind))
@pytest.mark.parametrize("repairs", [(), tuple(Repair)])
@pytest.mark.parametrize("logits", [True, False])
def test_every_scale_keeps_the_auc(scale: ScaleKind, repairs: tuple[Repair, ...], logits: bool) -> None:
    model, data = slow_io(2)
    recipe = Recipe(Bits(8, 8), options=Options(scale=scale), repairs=repairs, logits=logits)
    found = quantize(model, data, recipe)
    assert found.model.outputs == (("fc2",) if logits else ("probability",))
    assert found.quality is not None
    assert abs(found.quality.loss) < 0.005
    assert found.usable


def sick(change: Callable[[FloatModel], object], **tensor: float) -> list[tuple[str, str, str]]:
    """Findings of an mlp whose weights were changed after its scales were chosen."""
    model = mlp()
    x = rows(model, 300)
    plan = make_plan(model, calibrate(model, [x]), Bits(8, 8), {}, Options())
    for name, factor in tensor.items():
        own = plan[name]
        weight = own.weight and replace(own.weight, fractions=tuple(f + int(factor) for f in own.weight.fractions))
        assert weight is not None
        fmt = replace(weight.format, integer=weight.format.integer - int(factor))
        layers = {**plan.layers, name: replace(own, weight=replace(weight, format=fmt))}
        plan = proved(model, replace(plan, layers=layers))
    change(model)
    plan = proved(model, plan)
    return [(f.layer, f.severity.value, f.what) for f in check_health(model, plan, [x[:120], x[120:]]).findings]


def grow(model: FloatModel, name: str, key: str, factor: float) -> None:
    model.by_name[name].weights[key][:] *= factor


def test_a_healthy_model_has_no_findings() -> None:
    assert sick(lambda _: None) == []


def test_vanished_weights_are_named() -> None:
    found = sick(lambda model: grow(model, "fc2", "weight", 1), fc2=-12)
    assert ("fc2", "fatal", "100% of its weights round to zero") in found
    assert ("fc2", "fatal", "no output varies any more") in found


def test_exploded_weights_are_named() -> None:
    found = sick(lambda _: None, fc2=16)
    assert any(layer == "fc2" and grade == "fatal" and "at the limits" in what for layer, grade, what in found)


def test_a_bias_that_drowns_the_product_is_named() -> None:
    def drown(model: FloatModel) -> None:
        model.by_name["fc2"].weights["bias"][0] = 5e3

    assert ("fc2", "warning", "the bias of 1 outputs is over 64 times their sums") in sick(drown)


def test_saturation_is_named() -> None:
    found = sick(lambda model: (grow(model, "fc1", "weight", 8), grow(model, "fc1", "bias", 8)))
    assert any(layer == "relu1" and "beyond its range" in what for layer, _, what in found)


def test_outputs_of_noise_are_not_usable() -> None:
    model = mlp(seed=3)
    x = rows(model, 300)
    data = Data(Path("x.npz"), x, evaluate(model, x)["fc2"].argmax(axis=1))
    found = quantize(model, data, Recipe(Bits(2, 2), options=Options(per_channel=False, method=Method.MINMAX)))
    assert found.quality is not None
    assert found.quality.floats == 1
    lost = any(f.layer == "outputs" and f.severity is Severity.FATAL for f in found.findings)
    assert lost == (found.quality.loss > 0.5 * (1 - found.quality.chance))
    assert any(f.layer == "outputs" for f in found.findings)


def test_quality_is_none_without_labels_of_a_classifier() -> None:
    values: Floats = np.zeros((4, 2))
    assert quality(values, values, np.array([0, 1, 2, 0])) is None
    assert quality(values[:, :1], values[:, :1], np.array([0, 0, 0, 0])) is None
    found = quality(values[:, :1], values[:, :1], np.array([0, 1, 1, 0]))
    assert found is not None
    assert (found.metric, found.floats) == ("AUC", 0.5)


def test_the_record_and_the_plots_say_everything(tmp_path: Path) -> None:
    model, data = slow_io(3, 500)
    recipe = Recipe(Bits(6, 8), {"fc1": Bits(4, 7)}, Options(method=Method.PERCENTILE, percentile=99), (Repair.BIAS,))
    found = quantize(model, data, recipe)
    record = to_data(found, recipe, {"m.h5": "0"})
    write_json(tmp_path / "quantization.json", record)
    again = json.loads((tmp_path / "quantization.json").read_text())
    assert again["quantizers"]["inputs"][0]["layer"] == "x"
    assert [again["quantizers"][end][0]["shape"] for end in ("inputs", "outputs")] == [[1, 5], [1, 1]]
    assert again["quantizers"]["outputs"][0]["layer"] == "fc2"
    layers = {layer["name"]: layer for layer in again["layers"]}
    assert layers["fc1"]["weight"]["bits"] == 4
    assert layers["relu1"]["clipped"]["farthest"]
    text = to_markdown(found, recipe)
    assert "stripped" in text
    assert "AUC" in text
    for name, drawing in plots(found.calibration, found.plan, found.health.layers).items():
        assert drawing.startswith("<svg"), name
        assert "fc1" in drawing or "relu1" in drawing
