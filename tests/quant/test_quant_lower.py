"""The Network's layers, and their Keras layers: what becomes of each kind, and of several outputs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from float_models import Draft, cnn, mlp, normalized, odd, planned

from bitwright.errors import UnsupportedLayerError
from bitwright.network.layers import Cast, Conv, Dense, Leaky, Relu, ScaleBias, Table
from bitwright.network.reference import Reference
from bitwright.quant.emit import hls_config
from bitwright.quant.float_model import FloatModel, Kind
from bitwright.quant.keras_layers import keras_layers
from bitwright.quant.lower import to_network
from bitwright.quant.options import Method, ScaleKind


def kinds(model: FloatModel, **options: object) -> list[str]:
    network = to_network(model, planned(model, 8, 8, **options))
    return [f"{layer.name}:{type(layer).__name__}" for layer in network.layers]


def test_a_quantizer_stands_behind_exact_arithmetic_only_where_it_must() -> None:
    assert kinds(mlp()) == ["x:Input", "fc1:Dense", "relu1:Relu", "fc2:Dense"]
    assert kinds(mlp(), output_bits=9)[-1] == "fc2_quantized:Cast"
    real = ["x:Input", "x_scale:ScaleBias", "x_quantized:Cast", "fc1:Dense", "fc1_scale:ScaleBias", "relu1:Relu"]
    assert kinds(mlp(), scale=ScaleKind.REAL) == [*real, "fc2:Dense", "fc2_scale:ScaleBias"]
    assert kinds(normalized())[:3] == ["x:Input", "norm:ScaleBias", "norm_quantized:Cast"]
    assert "line:Cast" in kinds(odd())


def test_an_output_that_others_read_is_quantized_for_them() -> None:
    d = Draft(8)
    a = d.dense(d.input(4), 3, "a")
    r = d.relu(a, "r")
    alone = d.model(a, r)
    both = d.model(a, d.dense(a, 2, "b"))
    assert kinds(both) == ["x:Input", "a:Dense", "a_quantized:Cast", "r:Relu", "b:Dense"]
    for scale in ScaleKind:
        network = to_network(alone, planned(alone, 8, 8, scale=scale))
        assert all(planned(alone, 8, 8, scale=scale)[name].tensor.scale == 1 for name in alone.outputs)
        assert network.outputs[0] in ("a", "a_scale")


def test_sums_and_weights_have_the_formats_of_the_plan() -> None:
    model = cnn()
    plan = planned(model, 6, 7)
    network = to_network(model, plan)
    for name in ("conv1", "depthwise", "logits"):
        layer, own = network.layer(name), plan[name]
        assert isinstance(layer, Dense | Conv)
        assert own.weight is not None
        assert (layer.weight.format, layer.bias.format, layer.accum) == (own.weight.format, own.bias, own.accum)
        assert layer.bias.format.fraction == layer.accum.fraction
    assert network.layer("relu1").result.width == 7


def test_every_layer_has_a_keras_layer_with_its_types() -> None:
    network = to_network(odd(), planned(odd(), 8, 8, scale=ScaleKind.AFFINE))
    layers = {layer.name: layer for layer in keras_layers(network)}
    config = hls_config(tuple(layers.values()))["LayerName"]
    for layer in network.layers:
        own = layers[layer.name]
        if isinstance(layer, Dense | Conv | ScaleBias | Relu | Cast | Leaky | Table):
            assert config[layer.name]["Precision"]["result"] == str(layer.result)
        if isinstance(layer, Dense):
            assert config[f"{layer.name}_linear"]["Precision"]["result"] == str(layer.result)
            assert (own.weights[0] == layer.weight.value).all()
    assert layers["x_grid"].kind == "QActivation"


def test_strategies_of_the_float_models_config_are_kept(tmp_path: Path) -> None:
    text = "LayerName:\n  fc1:\n    Precision: {result: 'fixed<9,9>'}\n    ReuseFactor: 4\n  gone: {ReuseFactor: 2}\n"
    (tmp_path / "hls.yaml").write_text(text)
    layers = keras_layers(to_network(mlp(), planned(mlp())))
    config = hls_config(layers, tmp_path / "hls.yaml")["LayerName"]
    assert config["fc1"]["ReuseFactor"] == 4
    assert config["fc1"]["Precision"] == hls_config(layers)["LayerName"]["fc1"]["Precision"]
    assert "gone" not in config


def test_a_softmax_in_the_middle_is_refused() -> None:
    d = Draft(9)
    model = d.model(d.dense(d.same(Kind.SOFTMAX, d.dense(d.input(4), 3, "a"), "soft"), 2, "b"))
    with pytest.raises(UnsupportedLayerError, match="not the last") as raised:
        planned(model)
    assert "'soft'" in raised.value.where


@pytest.mark.parametrize("size", [2, 3, 5, 6, 7])
def test_an_average_rounds_as_the_true_quotient_does(size: int) -> None:
    """Windows of 4, 9, 25, 36 and 49 elements, ties among them: in rationals, from the integers that are averaged."""
    d = Draft(size)
    a = d.pool(Kind.AVERAGE_POOL, d.input(size, size, 1), size, "average")
    model = d.model(d.dense(d.flat(a), 2, "fc"))
    plan = planned(model, 8, 6, method=Method.MINMAX)
    network = to_network(model, plan)
    source, result = network.layer("x").result, network.layer("average_quantized").result
    rng = np.random.default_rng(size)
    x = rng.integers(source.min, source.max, (3000, size * size), endpoint=True)
    x[:, 1:] = np.where(rng.random((3000, 1)) < 0.5, x[:, :1], x[:, 1:])  # near a tie, and on one
    x[:, -1] += rng.integers(-1, 2, 3000)
    x = np.clip(x, source.min, source.max)
    found = Reference(network).layers(x, ["average_quantized"])["average_quantized"][:, 0]
    step = Fraction(2) ** (result.fraction - source.fraction)
    wanted = [round(Fraction(int(total), size * size) * step) for total in x.sum(axis=1)]
    assert found.tolist() == np.clip(wanted, result.lower, result.max).tolist()
