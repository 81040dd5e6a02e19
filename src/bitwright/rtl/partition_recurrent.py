"""Recurrent layers as engines: a step per beat; under io_parallel the sequence is split, and its states collected."""

from __future__ import annotations

from collections.abc import Iterator

from bitwright.network import Network
from bitwright.network.layers import Recurrent
from bitwright.rtl.engine_dense import is_folded
from bitwright.rtl.parts import Part, RecurrentCore
from bitwright.rtl.ports import Tensor
from bitwright.rtl.stream_cores import collect, split
from bitwright.rtl.symbolic_recurrent import unrolled_products

MOST_UNROLLED = 4096
"""Multiplications by constants, all steps together, up to which a layer is unrolled: a kernel of minutes otherwise."""


def is_recurrent_engine(network: Network, layer: Recurrent) -> bool:
    """Whether a layer does its steps one after another: it is folded, or unrolled it would be too large."""
    steps = network.layer(layer.sources[0]).shape[0]
    return any(map(is_folded, layer.products())) or unrolled_products(layer, steps) > MOST_UNROLLED


def recurrent_core(network: Network, layer: Recurrent) -> RecurrentCore:
    """What the engine of a layer is made from."""
    source = network.layer(layer.sources[0])
    steps, features = source.shape
    return RecurrentCore(layer, source.result, features, steps)


def recurrent_parts(network: Network, layer: Recurrent) -> Iterator[Part]:
    """The engine between two words: the sequence and its states, or the last of them."""
    name, core = layer.name, recurrent_core(network, layer)
    word = Tensor(layer.sources[0], core.steps * core.features, core.source)
    step, state = word, Tensor(name, layer.units, layer.result)
    if core.steps > 1:
        step = Tensor(f"{name}_step", core.features, core.source)
        beats = split(step.width, core.steps, reverse=layer.backward)
        yield Part(network.name, step.name, (), (word,), (step,), beats)
    if core.steps > 1 and layer.sequences:
        state = Tensor(f"{name}_state", layer.units, layer.result)
    yield Part(network.name, name, (name,), (step,), (state,), core, core.steps)
    if state.name != name:
        together = collect(state.width, core.steps, reverse=layer.backward)
        states = Tensor(name, layer.size, layer.result)
        yield Part(network.name, f"{name}_states", (), (state,), (states,), together, core.steps)
