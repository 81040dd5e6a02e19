"""The rules of a Network: names, order, shapes, constants within their formats."""

from __future__ import annotations

from math import prod
from typing import assert_never

import numpy as np

from bitwright.errors import NetworkError
from bitwright.fixed import FixedFormat
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Constant,
    Dense,
    HardMax,
    Input,
    Layer,
    Lookup,
    Merge,
    Network,
    Quantize,
    Relu,
    Reshape,
    ScaleBias,
    Shape,
    Softmax,
    SoftmaxKind,
    Table,
)

INDEX_BITS = 30
"""A table's index in C++ is an ``int``; half the table is added to it."""


def check(network: Network) -> None:
    """Raise :class:`NetworkError` naming the first layer that breaks a rule."""
    shapes: dict[str, Shape] = {}
    formats: dict[str, FixedFormat] = {}
    for layer in network.layers:
        where = f"{network.name}.{layer.name}"
        _require(bool(layer.name) and layer.name not in shapes, where, "the name is empty or used twice")
        missing = [source for source in layer.sources if source not in shapes]
        _require(not missing, where, f"sources {missing} do not come before it")
        _require(all(n > 0 for n in layer.shape) and bool(layer.shape), where, f"shape {layer.shape} is empty")
        _check_layer(layer, [shapes[source] for source in layer.sources], where)
        _check_addresses(layer, [formats[source] for source in layer.sources], where)
        shapes[layer.name], formats[layer.name] = layer.shape, layer.result
    _require(bool(network.inputs), network.name, "there is no input")
    _require(bool(network.outputs), network.name, "there is no output")
    unknown = [name for name in network.outputs if name not in shapes]
    _require(not unknown, network.name, f"outputs {unknown} are not layers")


def _require(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise NetworkError(what, where=where)


def _check_layer(layer: Layer, sources: list[Shape], where: str) -> None:
    expected = _source_count(layer)
    _require(len(sources) == expected, where, f"{len(sources)} sources instead of {expected}")
    match layer:
        case Input():
            pass
        case Dense():
            _require(layer.weight.raw.shape == (prod(sources[0]), layer.size), where, "weights do not fit the shapes")
            _require(layer.bias.raw.shape == (layer.size,), where, "bias does not fit the shape")
            _check_constants(where, layer.weight, layer.bias)
        case ScaleBias():
            _same_size(layer, sources[0], where)
            _require(layer.size % layer.scale.raw.size == 0, where, "scale does not divide the elements")
            _require(layer.bias.raw.shape == layer.scale.raw.shape, where, "scale and bias differ in shape")
            _check_constants(where, layer.scale, layer.bias)
        case Relu() | Cast() | Reshape() | HardMax():
            _same_size(layer, sources[0], where)
        case Quantize():
            _same_size(layer, sources[0], where)
            _require(len(layer.formats) == layer.size, where, f"{len(layer.formats)} formats, {layer.size} elements")
        case Table() | Lookup():
            _same_size(layer, sources[0], where)
            _power_of_two(where, layer.table)
        case Softmax():
            _same_size(layer, sources[0], where)
            _power_of_two(where, layer.exp_table, layer.inverse_table)
        case Argmax():
            _require(layer.size == 1, where, "argmax gives one number")
        case Merge():
            longest = max(prod(source) for source in sources)
            fits = all(longest % prod(source) == 0 for source in sources)
            _require(fits and layer.size == longest, where, "the shapes do not repeat into each other")
        case Concat():
            _require(layer.size == sum(prod(source) for source in sources), where, "elements are lost or made")
            _require(0 <= layer.axis < len(layer.shape), where, f"axis {layer.axis} does not exist")
        case _:
            assert_never(layer)


def _check_addresses(layer: Layer, sources: list[FixedFormat], where: str) -> None:
    """Where hls4ml's C++ reads bits that its address does not have, or overflows its ``int`` index."""
    if isinstance(layer, Table):
        scale = layer.table.raw.size.bit_length() - (2 * layer.function.half_range).bit_length()
        bits = sources[0].integer - sources[0].signed + scale
        _require(bits <= INDEX_BITS, where, f"values of {sources[0]} overflow the 32-bit table index")
    if isinstance(layer, Lookup):
        entries = layer.table.raw.size
        _require(1 << sources[0].width <= entries, where, f"{entries} entries for all patterns of {sources[0]}")
    if isinstance(layer, Softmax):
        stable = layer.implementation is SoftmaxKind.STABLE
        _enough_bits(where, layer.exp_table, layer.difference if stable else sources[0])
        _enough_bits(where, layer.inverse_table, layer.inverse_input)


def _enough_bits(where: str, table: Constant, address: FixedFormat) -> None:
    entries = table.raw.size
    _require(entries <= 1 << address.width, where, f"{address} has too few bits to address {entries} entries")


def _source_count(layer: Layer) -> int:
    if isinstance(layer, Input):
        return 0
    return 2 if isinstance(layer, Merge | Concat) else 1


def _same_size(layer: Layer, source: Shape, where: str) -> None:
    _require(layer.size == prod(source), where, f"{prod(source)} elements come in, {layer.size} go out")


def _check_constants(where: str, *constants: Constant) -> None:
    for constant in constants:
        raw, fmt = constant.raw, constant.format
        fits = bool(np.all((raw >= fmt.min) & (raw <= fmt.max)))
        _require(fits, where, f"a constant does not fit {fmt}")


def _power_of_two(where: str, *tables: Constant) -> None:
    for table in tables:
        size = table.raw.size
        _require(size >= 2 and size & (size - 1) == 0, where, f"a table of {size} entries")
    _check_constants(where, *tables)
