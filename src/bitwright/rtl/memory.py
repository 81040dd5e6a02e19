"""Whether the weights that lie in memories fit the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bitwright.errors import UnsupportedLayerError
from bitwright.network.layers import Dense
from bitwright.rtl.engine_dense import is_folded
from bitwright.rtl.parts import FoldedCore, Part, RecurrentCore

BITS = {"BRAM36": 36 * 1024, "EBR": 18 * 1024, "LUT": 64}
"""Bits of ROM in one of each (UG573, UG574, FPGA-DS-02012); UltraRAM holds no initial values (UG573)."""


def check_memory(parts: Sequence[Part], available: Mapping[str, int], part: str) -> None:
    """Every weight that an engine reads has a place; a target that does not state its size is believed.

    Raises:
        UnsupportedLayerError: names the layer with the most weights, and weights narrow enough.
    """
    capacity = sum(available.get(name, 0) * bits for name, bits in BITS.items())
    layers = [layer for part_ in parts for layer in _in_memory(part_)]
    total = sum(map(_bits, layers))
    if not capacity or total <= capacity:
        return
    largest = max(layers, key=_bits)
    fitting = largest.weight.format.width * capacity // total
    raise UnsupportedLayerError(
        f"the weights take {total:,} bits of memory, {part} has {capacity:,}",
        where=f"layer '{largest.name}', {_bits(largest):,} bits",
        hint=(f"weights of {fitting} bits would fit, or take" if fitting else "take") + " a larger device with TARGET=",
    )


def _in_memory(part: Part) -> Iterator[Dense]:
    match part.core:
        case FoldedCore(layer=layer):
            yield layer
        case RecurrentCore(layer=layer):
            yield from filter(is_folded, layer.products())


def _bits(layer: Dense) -> int:
    return layer.weight.raw.size * layer.weight.format.width
