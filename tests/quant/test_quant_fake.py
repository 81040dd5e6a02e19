"""Fake quantization in floats and true integer execution give the same numbers, bit for bit."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from float_models import MODELS, mlp, planned, random_model, rows

from bitwright.network.bounds import network_bounds
from bitwright.network.bounds_products import dense_bounds
from bitwright.network.layers import Dense, Network
from bitwright.network.reference import Reference
from bitwright.network.vectors import corners, input_formats, quantize_rows
from bitwright.quant.calibrate import calibrate
from bitwright.quant.constants import product_bias, weight_codes
from bitwright.quant.fake import fake_quantized, inexact
from bitwright.quant.float_model import FloatModel, Floats, evaluate
from bitwright.quant.lower import to_network
from bitwright.quant.options import Bits, Form, Method, Options, ScaleKind
from bitwright.quant.plan import QuantPlan, make_plan


def last_layers(model: FloatModel, network: Network) -> dict[str, str]:
    """The Network layer that holds the values of each layer of the model."""
    names = {layer.name for layer in network.layers}
    found = {}
    for layer in model.layers:
        held = [f"{layer.name}{tail}" for tail in ("_quantized", "_scale", "") if f"{layer.name}{tail}" in names]
        if held:
            found[layer.name] = held[0]
    return found


def integers(model: FloatModel, plan: QuantPlan, x: Floats) -> dict[str, Floats]:
    """What the integers of the Network stand for, by layer of the model."""
    network = to_network(model, plan)
    held = last_layers(model, network)
    raw = Reference(network).layers(quantize_rows(x, input_formats(network)), set(held.values()))
    found = {}
    for name, last in held.items():
        tensor = plan[name].tensor
        numbers = np.ldexp(raw[last].astype(np.float64), -network.layer(last).result.fraction)
        found[name] = (numbers - tensor.zero) * tensor.scale
    return found


WIDTHS = [(2, 2), (4, 6), (8, 8), (12, 16)]


@pytest.mark.parametrize(("name", "scale"), list(itertools.product(MODELS, ScaleKind)))
def test_floats_and_integers_are_equal(name: str, scale: ScaleKind) -> None:
    model = MODELS[name]()
    x = rows(model, 300)
    for (weight, activation), form, per_channel in zip(WIDTHS, itertools.cycle(Form), (True, True, False, True)):
        plan = planned(model, weight, activation, scale=scale, form=form, per_channel=per_channel)
        assert not inexact(model, plan)
        floats, exact = fake_quantized(model, plan, x), integers(model, plan, x)
        for layer, numbers in exact.items():
            assert np.array_equal(floats[layer].reshape(len(x), -1), numbers), (layer, weight)


@pytest.mark.parametrize("seed", range(40))
def test_floats_and_integers_of_random_models_are_equal(seed: int) -> None:
    model, rng = random_model(seed), np.random.default_rng(seed)
    x = rows(model, 200, seed) * float(np.exp(rng.normal(0, 2)))
    plan = make_plan(
        model, calibrate(model, [x[:50], x[50:]]), Bits(int(rng.integers(2, 11)), int(rng.integers(2, 11))), {},
        Options(
            method=list(Method)[int(rng.integers(4))], weight_method=list(Method)[int(rng.integers(3))],
            percentile=float(rng.uniform(90, 100)), per_channel=bool(rng.integers(2)),
            scale=list(ScaleKind)[int(rng.integers(3))], form=list(Form)[int(rng.integers(2))],
            output_bits=None if rng.random() < 0.7 else int(rng.integers(2, 17)),
        ),
    )  # fmt: skip
    assert not inexact(model, plan)
    fresh = rows(model, 100, seed + 1) * 3
    floats = fake_quantized(model, plan, fresh)
    for layer, numbers in integers(model, plan, fresh).items():
        assert np.array_equal(floats[layer].reshape(len(fresh), -1), numbers), layer


@pytest.mark.parametrize("scale", list(ScaleKind))
def test_at_sixteen_bits_a_model_is_nearly_the_float_one(scale: ScaleKind) -> None:
    for make in MODELS.values():
        model = make()
        x = rows(model, 200)
        plan = planned(model, 16, 16, scale=scale, method=Method.MINMAX)
        floats, exact = evaluate(model, x), integers(model, plan, x)
        for output in model.outputs:
            wanted = floats[output].reshape(len(x), -1)
            loose = 0.02 if model.name == "normalized" or model.name == "odd" else 0.003  # tables of 1024 entries
            assert np.abs(exact[output] - wanted).max() < loose * max(1, np.abs(wanted).max()), model.name


def exact_mlp(model: FloatModel, plan: QuantPlan, x: Floats) -> list[list[Fraction]]:
    """The mlp by the formulas of docs/quantization.md, in rational numbers, from the scales alone."""

    def rounded(number: Fraction, low: int, high: int) -> int:
        return min(max(round(number), low), high)  # Python rounds ties to even

    outputs = []
    layers, one = model.by_name, plan["x"].tensor
    step = Fraction(one.step)
    for row in x:
        codes = [rounded(Fraction(v) / step, one.format.lower, one.format.max) for v in row]
        numbers = [code * step for code in codes]
        for name in ("fc1", "fc2"):
            held, bits = plan[name].weight, plan[name].bits.weight
            assert held is not None
            fractions = held.fractions * (len(layers[name].weights["bias"]) // len(held.fractions))
            source = plan["x" if name == "fc1" else "relu1"].tensor
            grid = Fraction(2) ** -(held.format.fraction + source.format.fraction)
            sums = []
            for j, fraction in enumerate(fractions):
                s = Fraction(2) ** -fraction
                w = [
                    rounded(Fraction(v) / s, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * s
                    for v in layers[name].weights["weight"][:, j]
                ]
                b = round(Fraction(layers[name].weights["bias"][j]) / grid) * grid
                sums.append(sum((a * c for a, c in zip(w, numbers, strict=True)), b))
            if name == "fc1":
                out = plan["relu1"].tensor
                step1 = Fraction(out.step)
                numbers = [rounded(max(v, Fraction(0)) / step1, 0, out.format.max) * step1 for v in sums]
        outputs.append(sums)
    return outputs


@pytest.mark.parametrize(("weight", "activation"), [(3, 4), (8, 8), (10, 7)])
def test_the_integers_are_the_formulas_in_rationals(weight: int, activation: int) -> None:
    model = mlp()
    plan = planned(model, weight, activation)
    x = rows(model, 25)
    found = integers(model, plan, x)["fc2"]
    assert [[Fraction(v) for v in row] for row in found] == exact_mlp(model, plan, x)


@pytest.mark.parametrize("scale", list(ScaleKind))
def test_sums_are_proved_and_no_input_breaks_them(scale: ScaleKind) -> None:
    for make in MODELS.values():
        model = make()
        network = to_network(model, planned(model, 5, 6, scale=scale))
        bounds, layers = network_bounds(network), network.by_name
        for layer in network.layers:
            if isinstance(layer, Dense):
                source = layers[layer.sources[0]]
                partial = dense_bounds(layer, bounds[source.name], source.result.fraction).partial
                assert partial.fits(layer.accum), layer.name
                assert layer.accum.width <= partial.bits + 3, "not much wider than needed"
        wide = corners(input_formats(network))
        assert len(Reference(network).outputs(wide)) == len(wide)


def test_a_huge_bias_keeps_the_integer_path() -> None:
    """Biases of 1e6 beside weights of 1e-6, and channels that are zero: formats hold them all."""
    model = mlp()
    fc1 = model.by_name["fc1"]
    fc1.weights["weight"][:, 0] *= 1e-6
    fc1.weights["weight"][:, 1] = 0
    fc1.weights["bias"][:2] = 1e6
    x = rows(model)
    for scale in ScaleKind:
        plan = planned(model, 8, 8, scale=scale)
        held = plan["fc1"].weight
        assert held is not None
        assert np.abs(weight_codes(fc1.weights["weight"], held)).max() > 60
        bias = product_bias(fc1, plan["fc1"], plan["x"].tensor)
        assert plan["fc1"].bias is not None
        assert bias.max() <= plan["fc1"].bias.max
        exact = integers(model, plan, x)["fc1"]
        wanted = evaluate(model, x)["fc1"]
        assert np.abs(exact[:, 0] / wanted[:, 0] - 1).max() < 0.01
        assert np.abs(exact[:, 2:] - wanted[:, 2:]).max() < 0.2
