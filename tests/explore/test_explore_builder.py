"""Candidates of a float model as Networks: widths, pruning, folding, saturation as trained, and fine-tuning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from explore_doubles import rows

from bitwright.errors import UnsupportedLayerError
from bitwright.explore.accuracy import accuracy
from bitwright.explore.builder import FinetunedBuilder, QuantBuilder, pruned, trained_limits, with_trained_weights
from bitwright.explore.finetune import Training, _Trainer, finetuned
from bitwright.explore.space import Candidate, SearchSpace, make_space
from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.network import Constant, Network
from bitwright.network.layers import Dense, Input, Relu
from bitwright.quant.float_model import FloatLayer, FloatModel, Kind, evaluate
from bitwright.quant.lower import proved, to_network
from bitwright.quant.options import Options

OPTIONS = Options(per_channel=False)


def model(seed: int = 3, hidden: int = 12) -> FloatModel:
    rng = np.random.default_rng(seed)

    def dense(name: str, source: str, n_in: int, n_out: int) -> FloatLayer:
        weights = {"weight": rng.normal(size=(n_in, n_out)) / 2, "bias": rng.normal(size=n_out) / 8}
        return FloatLayer(name, Kind.DENSE, (source,), (n_out,), weights)

    layers = (
        FloatLayer("x", Kind.INPUT, (), (4,)),
        FloatLayer("norm", Kind.SCALE, ("x",), (4,), {"scale": np.full(4, 0.75), "bias": np.full(4, 0.25)}),
        dense("hidden", "norm", 4, hidden),
        FloatLayer("relu", Kind.RELU, ("hidden",), (hidden,), {}, {"limit": None}),
        dense("logits", "relu", hidden, 3),
    )
    return FloatModel("small", layers, ("logits",))


def builder(**changed: object) -> QuantBuilder:
    return replace(QuantBuilder(model(), rows(), OPTIONS), **changed)


def candidate(weights: int, activations: int, **changed: object) -> Candidate:
    made = make_space(SearchSpace(), builder().layers)
    chosen = {knob.name: knob.values[0] for knob in made.knobs}
    chosen |= {name: weights for name in chosen if name.endswith(".weights")}
    chosen |= {name: activations for name in chosen if name.endswith(".activations")}
    return Candidate.of({**chosen, **{name.replace("_", "."): value for name, value in changed.items()}})


def test_the_layers_that_have_a_choice() -> None:
    found = {info.name: info for info in builder().layers}
    assert {name for name, info in found.items() if info.weights} == {"hidden", "logits"}
    assert {name for name, info in found.items() if info.activations} >= {"x", "relu"}
    assert found["logits"].reuse == (1, 2, 3, 4, 6, 12, 36)
    assert not found["logits"].activations, "the outputs are as exact as the sums"


def test_widths_are_those_that_were_chosen() -> None:
    network = builder().network(candidate(5, 4, relu_activations=3))
    for name in ("hidden", "logits"):
        layer = network.layer(name)
        assert isinstance(layer, Dense)
        assert layer.weight.format.width == 5
    assert network.layer("relu").result.width == 3


def test_many_bits_are_the_float_model() -> None:
    made, data = builder(), rows()
    exact = evaluate(made.model, data.x, ["logits"])["logits"].argmax(axis=1)
    found = accuracy(made.network(candidate(16, 16)), replace(data, y=exact))
    assert found > 0.995


def test_reuse_factors_reach_the_network() -> None:
    network = builder().network(candidate(5, 5, logits_reuse=3, logits_strategy="resource"))
    logits, hidden = network.layer("logits"), network.layer("hidden")
    assert isinstance(logits, Dense)
    assert isinstance(hidden, Dense)
    assert (logits.strategy, logits.reuse_factor) == ("resource", 3)
    assert (hidden.strategy, hidden.reuse_factor) == ("latency", 1)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_pruning_takes_the_smallest_of_all(share: float) -> None:
    before, after = model(), pruned(model(), share)
    was = np.concatenate([layer.weights["weight"].ravel() for layer in before.layers if layer.kind is Kind.DENSE])
    now = np.concatenate([layer.weights["weight"].ravel() for layer in after.layers if layer.kind is Kind.DENSE])
    assert (now == 0).sum() == round(share * was.size)
    assert (now[now != 0] == was[now != 0]).all()
    assert not share or np.abs(was[now == 0]).max() < np.abs(was[now != 0]).min()
    network = builder().network(candidate(8, 8, pruning=share))
    zeros = sum(int((layer.weight.raw == 0).sum()) for layer in network.layers if isinstance(layer, Dense))
    assert zeros >= round(share * was.size)


def test_layers_saturate_where_they_were_trained_to() -> None:
    """A relu that was trained up to 2 keeps that range, whatever the float model would give."""
    wide = FixedFormat(20, 10)
    grid = FixedFormat(6, 1, False, Rounding.RND_CONV, Overflow.SAT)
    weight = Constant(np.ones((4, 12), dtype=np.int64), FixedFormat(3, 1))
    bias = Constant(np.zeros(12, dtype=np.int64), FixedFormat(3, 1))
    trained = Network(
        "trained",
        (
            Input(name="x", sources=(), shape=(4,), result=FixedFormat(7, 3)),
            Dense(name="hidden", sources=("x",), shape=(12,), result=wide, weight=weight, bias=bias, accum=wide),
            Relu(name="relu", sources=("hidden",), shape=(12,), result=grid),
        ),
        ("relu",),
    )
    limits = trained_limits(trained)
    assert limits == {"relu": (0.0, 63 / 32)}, "the input wraps: it has no limits"
    free, held = builder().network(candidate(8, 5)), builder(limits=limits).network(candidate(8, 5))
    assert free.layer("relu").result.integer > 1
    assert held.layer("relu").result.integer == 1
    clipped = with_trained_weights(model(), trained).by_name["hidden"].weights["weight"]
    assert clipped.max() <= 3 / 4
    assert clipped.min() >= -1
    assert builder().digest != builder(limits=limits).digest


# --- fine-tuning -------------------------------------------------------------------------------


def training(epochs: int = 40) -> Training:
    data = rows(2000)
    return Training(data.x.astype(np.float32), np.eye(3, dtype=np.float32)[data.y], epochs, batch=100, rate=3e-3)


def test_fine_tuning_wins_back_accuracy() -> None:
    made, data = builder(), rows(2000)
    chosen = candidate(3, 4)
    float_model, plan = made.planned(chosen)
    before = accuracy(to_network(float_model, plan), data)
    tuned = finetuned(float_model, plan, training())
    after = accuracy(to_network(tuned, proved(tuned, plan)), data)
    assert after > before + 0.05


def test_the_slopes_are_those_of_the_loss() -> None:
    """Against differences, where the grids are so fine that the loss is smooth."""
    made = builder()
    float_model, plan = made.planned(candidate(16, 16))
    trainer = _Trainer(float_model, plan)
    trainer.values = {name: value.astype(np.float64) for name, value in trainer.values.items()}
    trainer.weights = {name: replace(grid, step=grid.step / 2**20) for name, grid in trainer.weights.items()}
    trainer.tensors = {name: replace(grid, step=grid.step / 2**20) for name, grid in trainer.tensors.items()}
    data = training()
    x, soft = data.x[:50].astype(np.float64), data.soft[:50].astype(np.float64)

    def loss() -> float:
        values = x
        for layer in float_model.layers:
            if layer.kind is Kind.SCALE:
                values = values * 0.75 + 0.25
            if layer.kind is Kind.DENSE:
                values = values @ trainer.values[f"{layer.name}/weight"] + trainer.values[f"{layer.name}/bias"]
            if layer.kind is Kind.RELU:
                values = np.maximum(values, 0)
        return float(-(soft * (values - np.log(np.exp(values).sum(axis=1, keepdims=True)))).sum() / len(x))

    found = trainer._gradients(x, soft)
    for name, gradient in found.items():
        value = trainer.values[name]
        for index in [(0,) * value.ndim, tuple(size - 1 for size in value.shape)]:
            kept, step = value[index], 1e-4
            value[index] = kept + step
            above = loss()
            value[index] = kept - step
            below = loss()
            value[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * step), abs=2e-3)


def weights(network: Network) -> list[np.ndarray]:
    return [layer.weight.raw for layer in network.layers if isinstance(layer, Dense)]


def test_what_was_learned_is_kept(tmp_path: Path) -> None:
    made = FinetunedBuilder(builder(), training(2), tmp_path)
    chosen = candidate(6, 6)
    first = weights(made.network(chosen))
    assert all((a != b).any() for a, b in zip(first, weights(made.plain.network(chosen)), strict=True))
    (file,) = tmp_path.rglob("*.json")
    stamp = file.stat().st_mtime_ns
    again = weights(made.network(chosen))
    assert file.stat().st_mtime_ns == stamp
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_as_many_weights_are_zero_as_before() -> None:
    """Which they are is chosen anew; what the formats round to zero comes on top."""
    float_model, plan = builder().planned(candidate(6, 6, pruning=0.5))
    tuned = finetuned(float_model, plan, training(8))
    before, after = (
        np.concatenate([one.by_name[name].weights["weight"].ravel() for name in ("hidden", "logits")]) == 0
        for one in (float_model, tuned)
    )
    assert before.sum() == after.sum() == before.size // 2
    assert (before != after).any(), "a weight came back"


def test_a_layer_that_is_not_trained_here() -> None:
    made = model()
    layers = tuple(replace(layer, kind=Kind.TANH) if layer.kind is Kind.RELU else layer for layer in made.layers)
    other = builder(model=replace(made, layers=layers))
    with pytest.raises(UnsupportedLayerError, match="does not know tanh"):
        finetuned(*other.planned(candidate(6, 6)), training(1))
