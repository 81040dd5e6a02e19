"""Bits that a network keeps: weights, tables, and activations while an inference runs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bitwright.network import Constant, Layer, Network
from bitwright.network.layers import CastEach

TABLES = frozenset({"table", "gate_table", "exp_table", "inverse_table"})
"""Constants that are computed from a function, not trained; Embedding's, which is trained, is named apart."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bits of a layer."""

    weights: int
    tables: int
    activations: int


def constants(layer: Layer) -> dict[str, Constant]:
    """The constants of a layer that are values, by the field's name; empty ones are left out."""
    if isinstance(layer, CastEach):  # its constant says types
        return {}
    fields = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
    return {name: value for name, value in fields.items() if isinstance(value, Constant) and value.raw.size}


def is_table(layer: Layer, name: str) -> bool:
    """Whether the constant is a function's table."""
    return name in TABLES and type(layer).__name__ != "Embedding"


def memory(layer: Layer) -> Memory:
    """What the layer's constants and its result take, each value in the bits of its format."""
    bits = {name: constant.raw.size * constant.format.width for name, constant in constants(layer).items()}
    tables = sum(size for name, size in bits.items() if is_table(layer, name))
    return Memory(sum(bits.values()) - tables, tables, layer.size * layer.result.width)


def peak(network: Network) -> int:
    """The most bits of results that are alive at once, layer after layer: each until its last reader is done.

    What one processor with one memory would need; streamed or pipelined hardware holds other amounts.
    """
    last = {name: k for k, layer in enumerate(network.layers) for name in layer.sources}
    last |= dict.fromkeys(network.outputs, len(network.layers))
    alive: dict[str, int] = {}
    most = 0
    for k, layer in enumerate(network.layers):
        alive[layer.name] = layer.size * layer.result.width
        most = max(most, sum(alive.values()))
        alive = {name: bits for name, bits in alive.items() if last.get(name, -1) > k}
    return most


def in_bytes(bits: int) -> int:
    """Whole bytes that hold so many bits, packed."""
    return -(-bits // 8)
