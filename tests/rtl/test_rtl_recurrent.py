"""Recurrent engines: what their gates compute, when layers become engines, and their timing."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from networks import Draft, Ints, random_recurrence, recurrent_networks, vectors

from bitwright.config import TargetConfig
from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.network.layers import Cell, Input, Recurrent
from bitwright.network.reference import Reference
from bitwright.rtl.blocks import make_block
from bitwright.rtl.engine_recurrent import gates_network, groups, period, products
from bitwright.rtl.partition import partition, with_reuse
from bitwright.rtl.partition_stream import partition_stream
from bitwright.rtl.parts import KernelCore, RecurrentCore, StepCore

LAYERS = [(network, layer) for network in recurrent_networks() for layer in network.layers[1:]]


def one(cell: Cell = Cell.LSTM, units: int = 4, steps: int = 3, reuse: int = 1, **options: Any) -> Network:
    """A network of one recurrent layer."""
    draft = Draft("one")
    x = draft.input((steps, 2), "fixed<6,3>")
    layer = draft.recurrent(x, cell, units, **{"accum": "fixed<10,4>", "result": "fixed<8,3>", **options})
    return with_reuse(draft.network(layer), {layer.name: reuse})


def products_of(network: Network, layer: Recurrent) -> tuple[Reference, Reference]:
    """References of the two products."""
    formats = (network.layer(layer.sources[0]).result, layer.result)
    found = []
    for product, fmt in zip(products(layer), formats, strict=True):
        reads = Input(name=product.sources[0], sources=(), shape=(len(product.weight.raw),), result=fmt)
        found.append(Reference(Network("product", (reads, product), (product.name,))))
    return found[0], found[1]


def in_groups(x: npt.NDArray[np.int64], layer: Recurrent, group: int) -> npt.NDArray[np.int64]:
    """Of each gate (or of the state) what belongs to a group of units."""
    lanes = layer.units // groups(layer)
    rows = x.reshape(len(x), -1, layer.units)[:, :, group * lanes : (group + 1) * lanes]
    return rows.reshape(len(x), -1)


def step_by_step(network: Network, layer: Recurrent, x: Ints) -> Ints:
    """As recurrent_steps.sv does it."""
    of_features, of_state = products_of(network, layer)
    gates, (steps, features) = Reference(gates_network(layer, "g")), network.layer(layer.sources[0]).shape
    h = np.zeros((len(x), layer.units), dtype=np.int64)
    s, out = h, dict[int, Ints]()
    for t in reversed(range(steps)) if layer.backward else range(steps):
        new = of_features.outputs(x.reshape(len(x), steps, features)[:, t])
        old = of_state.outputs(h)
        parts = []
        for group in range(groups(layer)):
            kept = s if layer.cell is Cell.LSTM else h
            word = np.concatenate([in_groups(values, layer, group) for values in (new, old, kept)], axis=1)
            made = gates.outputs(word)
            parts.append(made.reshape(len(x), -1, layer.units // groups(layer)))
        both = np.concatenate(parts, axis=2)
        h, s = both[:, 0], both[:, -1]
        out[t] = h
    return np.concatenate([out[t] for t in range(steps)], axis=1) if layer.sequences else h


@pytest.mark.parametrize(("network", "layer"), LAYERS, ids=[f"{n.name}-{layer.name}" for n, layer in LAYERS])
def test_step_by_step_is_the_layer(network: Network, layer: Recurrent) -> None:
    x = vectors(network, 200)
    alone = dataclasses.replace(network, layers=(network.layers[0], layer), outputs=(layer.name,))
    assert np.array_equal(step_by_step(network, layer, x), Reference(alone).outputs(x))


@pytest.mark.parametrize("seed", range(30))
def test_random_layers_step_by_step(seed: int) -> None:
    """The gates' network against the reference, in all roundings and overflows."""
    network = random_recurrence(random.Random(seed), "random")
    layer, x = network.layers[-1], vectors(network, 100, seed)
    assert isinstance(layer, Recurrent)
    assert np.array_equal(step_by_step(network, layer, x), Reference(network).outputs(x))


@pytest.mark.parametrize(("units", "reuse", "expected"), [(4, 1, 1), (4, 4, 4), (6, 4, 3), (5, 4, 1), (4, 32, 4)])
def test_groups_divide_the_units(units: int, reuse: int, expected: int) -> None:
    layer = one(units=units, reuse=reuse).layers[-1]
    assert isinstance(layer, Recurrent)
    assert groups(layer) == expected
    assert groups(dataclasses.replace(layer, recurrent_reuse_factor=1)) == 1, "a product that is not held"


def test_small_layers_are_unrolled() -> None:
    (part,) = partition(one())
    assert isinstance(part.core, KernelCore)


@pytest.mark.parametrize("network", [one(reuse=4), one(units=10, steps=12)], ids=["folded", "large"])
def test_folded_and_large_layers_are_engines(network: Network) -> None:
    split, engine, collect = (part.core for part in partition(network))
    assert isinstance(engine, RecurrentCore)
    assert [core.module for core in (split, collect) if isinstance(core, StepCore)] == [
        "stream_split",
        "stream_collect",
    ]


def test_one_step_is_no_sequence_to_split() -> None:
    (part,) = partition(one(reuse=4, steps=1))
    assert isinstance(part.core, RecurrentCore)
    assert (part.core.steps, part.beats) == (1, 1)


def test_backward_is_the_other_way_round() -> None:
    split, _, collect = (part.core for part in partition(one(reuse=4, backward=True)))
    assert isinstance(split, StepCore)
    assert isinstance(collect, StepCore)
    assert split.parameters["REVERSE"] == collect.parameters["REVERSE"] == 1


def test_a_stream_is_taken_step_by_step() -> None:
    (part,) = partition_stream(dataclasses.replace(one(sequences=False), io_type="io_stream"))
    assert isinstance(part.core, RecurrentCore)
    assert part.beats == part.core.steps == 3
    assert [tensor.size for tensor in (*part.reads, *part.writes)] == [2, 4]


@pytest.mark.parametrize("cell", Cell)
def test_latency_of_the_block(cell: Cell, target: TargetConfig) -> None:
    """Interval and latency as the counters of recurrent_steps.sv have them."""
    (part,) = partition_stream(dataclasses.replace(one(cell, reuse=4), io_type="io_stream"))
    block = make_block(part, target.depth_per_stage)
    product = 4 + 5  # a word of dense_folded with four clocks per word, its sum in one clock
    gates = block.node.interval - product - 4
    assert block.node.interval == period(product, gates, 4)
    assert block.node.latency == block.node.interval + 1
    assert 2 <= gates < 12


def test_a_factor_that_does_not_divide(target: TargetConfig) -> None:
    network = one(reuse=3)
    for parts in (partition, partition_stream):
        with pytest.raises(UnsupportedLayerError, match="reuse factor 3 does not divide 2 x 16 products") as caught:
            parts(network)
        assert caught.value.where == "layer 'lstm1'"


def test_products_too_wide_for_hardware(target: TargetConfig) -> None:
    network = one(reuse=4, accum="fixed<27,8>", result="fixed<27,8>")
    with pytest.raises(UnsupportedLayerError, match="need 54 bits; hardware holds at most 52") as caught:
        [make_block(part, target.depth_per_stage) for part in partition(network)]
    assert caught.value.where == "layer 'lstm1'"
    assert "narrower accum" in caught.value.hint
