"""The rules of a Network: names, order, shapes, constants within their formats."""

from __future__ import annotations

from math import prod
from typing import assert_never

import numpy as np

from bitwright.errors import NetworkError
from bitwright.fixed import MAX_WIDTH, FixedFormat
from bitwright.network.check_attention import Attention, broken_rule, constants_of
from bitwright.network.layers import (
    Argmax,
    Cast,
    CastEach,
    Concat,
    Constant,
    Conv,
    Dense,
    Dot,
    Einsum,
    Embedding,
    ExpLinear,
    GateFunction,
    HardMax,
    HardSigmoid,
    Input,
    Layer,
    LayerNorm,
    Leaky,
    Levels,
    Lookup,
    Merge,
    Network,
    Pool,
    PoolForm,
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Shape,
    Softmax,
    SoftmaxKind,
    Table,
    Threshold,
)
from bitwright.network.rearrange import rearranged_shape
from bitwright.network.window import positions

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
        case Conv():
            _check_conv(layer, sources[0], where)
        case Pool():
            _check_pool(layer, sources[0], where)
        case Rearrange():
            shape = rearranged_shape(layer, sources[0])
            _require(layer.shape == shape, where, f"{layer.op.value} of {sources[0]} does not give {layer.shape}")
        case ScaleBias():
            _same_size(layer, sources[0], where)
            _require(layer.size % layer.scale.raw.size == 0, where, "scale does not divide the elements")
            _require(layer.bias.raw.shape == layer.scale.raw.shape, where, "scale and bias differ in shape")
            _check_constants(where, layer.scale, layer.bias)
        case Relu() | Cast() | Reshape():
            _same_size(layer, sources[0], where)
        case Table():
            _same_size(layer, sources[0], where)
            _power_of_two(where, layer.table)
        case Softmax() | HardMax():
            _same_size(layer, sources[0], where)
            _check_slices(layer, where)
        case Leaky() | Threshold() | HardSigmoid() | ExpLinear() | Levels() | Lookup() | CastEach():
            _same_size(layer, sources[0], where)
            _check_activation(layer, where)
        case Recurrent():
            _check_recurrent(layer, sources[0], where)
        case Embedding() | LayerNorm() | Einsum():
            _check_attention(layer, sources, where)
        case Dot():
            _require(sources[0] == sources[1] and len(sources[0]) == 1, where, "a dot product of other than vectors")
            _require(layer.size == 1, where, "a dot product gives one number")
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


def _check_attention(layer: Attention, sources: list[Shape], where: str) -> None:
    broken = broken_rule(layer, sources)
    _require(not broken, where, broken)
    _check_constants(where, *constants_of(layer))


def _check_recurrent(layer: Recurrent, source: Shape, where: str) -> None:
    _require(len(source) == 2, where, f"a sequence of shape {source} instead of (steps, features)")
    units, gates = layer.units, layer.cell.gates * layer.units
    shape = (source[0], units) if layer.sequences else (units,)
    _require(layer.shape == shape, where, f"its states have shape {shape}, not {layer.shape}")
    shapes = ((source[1], gates), (units, gates), (gates,), (gates,))
    constants = (layer.weight, layer.recurrent_weight, layer.bias, layer.recurrent_bias)
    fits = all(c.raw.shape == s for c, s in zip(constants, shapes, strict=True))
    _require(fits, where, "weights do not fit the shapes")
    _check_constants(where, *constants)
    for function, table in ((layer.function, layer.table), (layer.gate, layer.gate_table)):
        if function is not GateFunction.RELU:
            _power_of_two(where, table)


def _check_slices(layer: Softmax | HardMax, where: str) -> None:
    fits = min(layer.slices) > 0 and prod(layer.slices) == layer.size
    _require(fits, where, f"{layer.size} elements do not divide into {layer.outer} times {layer.inner} groups")
    if isinstance(layer, Softmax):
        _power_of_two(where, layer.exp_table, layer.inverse_table)


Activations = Leaky | Threshold | HardSigmoid | ExpLinear | Levels | Lookup | CastEach


def _check_activation(layer: Activations, where: str) -> None:
    match layer:
        case Leaky():
            _check_constants(where, layer.slope)
            _repeats(layer, layer.slope, where)
        case Threshold():
            _single(where, layer.theta)
        case HardSigmoid():
            _single(where, layer.slope, layer.shift)
        case ExpLinear():
            _single(where, layer.gain, layer.alpha)
            _power_of_two(where, layer.table)
        case Levels():
            _check_constants(where, layer.up, layer.down)
            _repeats(layer, layer.up, where)
            _require(layer.up.raw.shape == layer.down.raw.shape, where, "upper and lower limits differ in number")
            _require(layer.up.format == layer.down.format, where, "upper and lower limits differ in type")
            fits = len(layer.levels) == 3 and all(layer.result.min <= n <= layer.result.max for n in layer.levels)
            _require(fits, where, f"levels {layer.levels} are not three values of {layer.result}")
        case Lookup():
            _check_constants(where, layer.table)
        case CastEach():
            _require(layer.bits.raw.shape == (3, layer.size), where, "there is not a type for each element")
            widths = layer.bits.raw[1]
            _require(bool(np.all((widths >= 0) & (widths <= MAX_WIDTH))), where, f"a type wider than {MAX_WIDTH} bits")
        case _:
            assert_never(layer)


def _repeats(layer: Layer, constant: Constant, where: str) -> None:
    fits = constant.raw.ndim == 1 and constant.raw.size > 0 and layer.size % constant.raw.size == 0
    _require(fits, where, f"{constant.raw.size} constants do not divide {layer.size} elements")


def _single(where: str, *constants: Constant) -> None:
    _require(all(constant.raw.shape == (1,) for constant in constants), where, "a constant is not one number")
    _check_constants(where, *constants)


def _check_conv(layer: Conv, source: Shape, where: str) -> None:
    rank, raw = len(layer.stride), layer.weight.raw
    _require(rank in (1, 2) and len(source) == rank + 1, where, f"a window of rank {rank} over shape {source}")
    _require(raw.ndim == rank + 2 - layer.depthwise, where, "weights do not fit the shapes")
    _require(raw.shape[rank] == source[-1], where, f"weights for {raw.shape[rank]} channels, {source[-1]} come in")
    _check_window(layer.kernel, layer.stride, layer.padding, where)
    shape = (*positions(source, layer.kernel, layer.stride, layer.padding), raw.shape[-1])
    _require(layer.shape == shape, where, f"its windows give shape {shape}, not {layer.shape}")
    _require(layer.bias.raw.shape == (raw.shape[-1],), where, "bias does not fit the shape")
    _check_constants(where, layer.weight, layer.bias)


def _check_pool(layer: Pool, source: Shape, where: str) -> None:
    _require(len(source) == len(layer.stride) + 1, where, f"a window of rank {len(layer.stride)} over shape {source}")
    _check_window(layer.kernel, layer.stride, layer.padding, where)
    _require(
        layer.form is PoolForm.PARALLEL or not any(layer.padding), where, "hls4ml's streams pool without padding only"
    )
    shape = (*positions(source, layer.kernel, layer.stride, layer.padding), source[-1])
    flat = shape[-1:] if prod(shape[:-1]) == 1 else shape
    _require(layer.shape in (shape, flat), where, f"its windows give shape {shape}, not {layer.shape}")


def _check_window(kernel: Shape, stride: Shape, padding: Shape, where: str) -> None:
    _require(len(padding) == 2 * len(stride) and len(kernel) == len(stride), where, "stride and padding do not fit")
    _require(min(stride) > 0 and min(padding) >= 0 and min(kernel) > 0, where, "a stride or padding below its least")


def _check_addresses(layer: Layer, sources: list[FixedFormat], where: str) -> None:
    """Where hls4ml's C++ reads bits that its address does not have, or overflows its ``int`` index."""
    if isinstance(layer, Table):
        scale = layer.table.raw.size.bit_length() - (2 * layer.function.half_range).bit_length()
        bits = sources[0].integer - sources[0].signed + scale
        _require(bits <= INDEX_BITS, where, f"values of {sources[0]} overflow the 32-bit table index")
    if isinstance(layer, ExpLinear):
        bits = sources[0].integer - sources[0].signed + layer.table.raw.size.bit_length() - 3
        _require(bits <= INDEX_BITS, where, f"values of {sources[0]} overflow the 32-bit table index")
    if isinstance(layer, LayerNorm):
        bits = layer.accum.integer - layer.accum.signed + layer.table.raw.size.bit_length() + layer.range_power
        _require(bits <= INDEX_BITS, where, f"a variance of {layer.accum} overflows the 32-bit table index")
    if isinstance(layer, Embedding):
        bits = sources[0].integer - sources[0].signed + layer.table.raw.shape[1].bit_length()
        _require(bits <= INDEX_BITS, where, f"values of {sources[0]} overflow the 32-bit table index")
    if isinstance(layer, Lookup):
        entries, width = layer.table.raw.size, sources[0].width
        _require(1 << width <= entries, where, f"{entries} entries for all patterns of {sources[0]}")
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
    return 2 if isinstance(layer, Merge | Concat | Dot | Einsum) else 1


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
