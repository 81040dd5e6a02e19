"""The front end is exact: a random Keras model through hls4ml's C++ and through our reference gives the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emulated import Case, call, emulate_all

from bitwright.files import read_arrays
from bitwright.fixed import Overflow, Rounding, to_float
from bitwright.network import load
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Dense,
    HardMax,
    Input,
    Merge,
    MergeOp,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    TableFunction,
)
from bitwright.network.reference import Reference

pytestmark = pytest.mark.hls

KINDS = {Input, Dense, ScaleBias, Relu, Cast, Table, Softmax, HardMax, Argmax, Merge, Concat, Reshape}
"""Those of random models; the others stand in test_frontend_layers.py, those of HGQ in test_frontend_hgq2.py."""

FEW = ("several:6", "argmax:30", "model:6", "several:29", "model:1003", "model:1007", "argmax:6", "logits:3")
PLAIN = tuple(f"plain:{seed}" for seed in range(1, 13))
MANY = tuple(f"{head}:{seed}" for seed in range(1000, 1012) for head in ("logits", "model", "argmax", "several"))


def run(folder: Path, cases: tuple[str, ...]) -> dict[str, Case]:
    call("random_models.py", folder, *cases)
    return dict(zip(cases, emulate_all([folder / case.replace(":", "_") for case in cases]), strict=True))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return run(tmp_path_factory.mktemp("few") / "cases", FEW)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return run(tmp_path_factory.mktemp("many") / "cases", MANY)


@pytest.mark.parametrize("case", FEW)
def test_a_few_random_models(few: dict[str, Case], case: str) -> None:
    assert not few[case].problem
    assert few[case].bits > 0


def test_the_few_have_something_of_everything(few: dict[str, Case]) -> None:
    networks = [case.network for case in few.values()]
    layers = [layer for network in networks for layer in network.layers]
    assert {type(layer) for layer in layers} == KINDS
    assert {layer.result.rounding for layer in layers} == set(Rounding)
    assert {layer.result.overflow for layer in layers} == set(Overflow)
    assert {layer.op for layer in layers if isinstance(layer, Merge)} == set(MergeOp)
    functions = {layer.function for layer in layers if isinstance(layer, Table)}
    assert functions == {TableFunction.SIGMOID, TableFunction.TANH}
    assert {layer.implementation.value for layer in layers if isinstance(layer, Softmax)} == {"latency", "stable"}
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    assert {layer.strategy for layer in dense} == {"latency", "resource"}
    assert {layer.accum.overflow for layer in dense} == set(Overflow)
    assert {len(network.inputs) for network in networks} == {len(network.outputs) for network in networks} == {1, 2}


def distance_from_keras(folder: Path) -> float:
    """The largest difference between the reference and Keras, as a part of Keras' largest output."""
    network = load(folder / "import" / "network.json")
    x = read_arrays(folder / "import" / "vectors.npz")["x"]
    keras = read_arrays(folder / "import" / "keras.npz")["y"]
    layers = Reference(network).layers(x, list(network.outputs))
    ours = [to_float(layers[name], network.layer(name).result.fraction) for name in network.outputs]
    return float(np.abs(np.concatenate(ours, axis=1) - keras).max() / max(1.0, np.abs(keras).max()))


def test_the_layers_mean_what_they_mean_in_keras(tmp_path: Path) -> None:
    """Under fine types Keras is a judge too: of an option that the way through hls4ml would lose, say."""
    call("random_models.py", tmp_path / "cases", *PLAIN)
    far = {case: distance_from_keras(tmp_path / "cases" / case.replace(":", "_")) for case in PLAIN}
    assert max(far.values()) < 0.01, far
    assert min(far.values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("case", MANY)
def test_many_random_models(many: dict[str, Case], case: str) -> None:
    assert not many[case].problem
