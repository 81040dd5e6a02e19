"""Folding and equalization keep the function; the repairs that look at data make sums better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from float_models import MODELS, Draft, calibrated, mlp, planned, rows

from bitwright.quant.adapt import adaptive_rounding, corrected_biases, gptq
from bitwright.quant.constants import steps, weight_codes
from bitwright.quant.equalize import equalized
from bitwright.quant.fake import fake_quantized
from bitwright.quant.float_model import FloatModel, Floats, Kind, evaluate
from bitwright.quant.fold import fold
from bitwright.quant.layer_plan import QuantPlan
from bitwright.quant.options import Bits, Options
from bitwright.quant.plan import make_plan, proved


def outputs(model: FloatModel, x: Floats) -> Floats:
    found = evaluate(model, x, model.outputs)
    return np.concatenate([found[name].reshape(len(x), -1) for name in model.outputs], axis=1)


def with_norms() -> FloatModel:
    """Normalization at the input, behind a convolution, behind a depthwise one, before a dense layer."""
    d = Draft(5)
    r = d.rng
    x = d.scale(d.input(5, 5, 3), "norm0", r.normal(1, 0.3, 3), r.normal(0, 1, 3))
    a = d.scale(d.conv(x, 4, (3, 3), "conv"), "norm1", r.normal(1, 0.3, 4), r.normal(0, 1, 4))
    b = d.scale(d.depthwise(d.relu(a, "relu"), (3, 3), "deep"), "norm2", r.normal(1, 0.3, 4), r.normal(0, 1, 4))
    c = d.dense(d.scale(d.flat(b), "norm3", r.normal(1, 0.3, 4), r.normal(0, 1, 4)), 3, "logits")
    return d.model(d.same(Kind.SOFTMAX, c, "softmax"), name="norms")


def test_folding_keeps_the_function() -> None:
    model = with_norms()
    x = rows(model, 50)
    wanted = evaluate(model, x, ["logits"])["logits"]
    kept, folded = fold(model), fold(model, inputs=True)
    assert [layer.name for layer in kept.layers if layer.kind is Kind.SCALE] == ["norm0", "norm3"]
    assert not [layer.name for layer in folded.layers if layer.kind is Kind.SCALE]
    for one in (kept, folded):
        assert one.outputs == ("logits",)
        assert np.abs(outputs(one, x) - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_shift_is_not_folded_where_zeros_of_a_padding_are_seen() -> None:
    d = Draft(6)
    x = d.scale(d.input(4, 4, 2), "norm", np.array([2.0, 3.0]), np.array([0.5, 0.0]))
    model = d.model(d.conv(x, 2, (3, 3), "conv", padding=(1, 1, 1, 1)))
    assert [layer.name for layer in fold(model, inputs=True).layers] == ["x", "norm", "conv"]
    model.by_name["norm"].weights["bias"][:] = 0
    folded = fold(model, inputs=True)
    assert [layer.name for layer in folded.layers] == ["x", "conv"]
    data = rows(model, 20)
    assert np.allclose(outputs(folded, data), outputs(model, data), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_equalization_keeps_the_function_and_brings_ranges_together(name: str) -> None:
    model = MODELS[name]()
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if layer.kind is Kind.DENSE and layer.name == "fc1":
            factor = np.exp(rng.normal(0, 2, layer.shape[-1]))
            layer.weights["weight"][:] *= factor
    x = rows(model, 60)
    even = equalized(model)
    assert np.allclose(outputs(even, x), outputs(model, x), rtol=1e-4, atol=1e-4 * np.abs(outputs(model, x)).max())
    if name in ("mlp", "normalized"):
        first, second = (even.by_name[n].weights["weight"] for n in ("fc1", "fc2"))
        assert np.allclose(np.abs(first).max(axis=0), np.abs(second).max(axis=1), rtol=1e-2)


def sums_error(model: FloatModel, plan: QuantPlan, name: str, wanted: Floats, x: Floats) -> float:
    own = replace(plan[name], quantized=False)
    found = fake_quantized(model, replace(plan, layers={**plan.layers, name: own}), x, [name])[name]
    return float(np.square(found - wanted).mean())


def test_gptq_beats_rounding_to_nearest_and_stays_on_the_grid() -> None:
    rng = np.random.default_rng(2)
    mixing = rng.normal(0, 1, (12, 12))
    x = rng.normal(0, 1, (500, 12)) @ mixing
    weight, step, ends = rng.normal(0, 1, (12, 7)), np.full(7, 0.25), (-8, 7)
    nearest = np.clip(np.rint(weight / step), *ends) * step
    found = gptq(weight, x, step, ends)
    assert np.array_equal(found, np.clip(np.rint(found / step), *ends) * step)
    errors = [np.square(x @ (w - weight)).sum() for w in (found, nearest)]
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.parametrize("name", ["mlp", "cnn", "odd"])
def test_repairs_keep_the_plan_and_make_it_better(name: str) -> None:
    model = fold(MODELS[name]())
    x = rows(model, 300)
    plan = planned(model, 3, 6)
    wanted = evaluate(model, x)
    rounded = adaptive_rounding(model, plan, x)
    for layer in rounded.layers:
        held = plan[layer.name].weight
        if held is not None:
            values = weight_codes(layer.weights["weight"], held) * steps(held)
            assert np.array_equal(values, layer.weights["weight"])
    again = proved(rounded, plan)
    assert {n: own.weight for n, own in again.layers.items()} == {n: own.weight for n, own in plan.layers.items()}
    first = next(layer.name for layer in model.layers if layer.kind in (Kind.DENSE, Kind.CONV))
    assert sums_error(rounded, again, first, wanted[first], x) <= sums_error(model, plan, first, wanted[first], x)
    corrected = corrected_biases(model, plan, x)
    found = fake_quantized(corrected, proved(corrected, plan), x)
    last = model.layers[-1].name
    before = fake_quantized(model, plan, x)
    errors = [np.abs((values[last] - wanted[last]).mean(axis=0)).max() for values in (found, before)]
    assert errors[0] < errors[1]


def test_bias_correction_takes_back_the_mean_of_every_channel() -> None:
    model = mlp()
    x = rows(model, 300)
    plan = make_plan(model, calibrated(model), Bits(3, 12), {}, Options())
    corrected = corrected_biases(model, plan, x)
    found = fake_quantized(corrected, proved(corrected, plan), x, ["fc1"])["fc1"]
    assert np.abs(found.mean(axis=0) - evaluate(model, x, ["fc1"])["fc1"].mean(axis=0)).max() < 1e-3
