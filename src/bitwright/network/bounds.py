"""Proved ranges: for each layer and element the smallest and largest raw value that can occur.

Interval arithmetic over exact integers, from the input formats forward.  The reference chooses its
arithmetic by these bounds and passes narrow formats by them, so they must never be too small.
"""

from __future__ import annotations

from math import prod
from typing import assert_never

import numpy as np

from bitwright.fixed import FixedFormat
from bitwright.network.bounds_products import held_bounds, window_interval
from bitwright.network.interval import Interval, cast, channel_interval, held, same, whole_range
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
    HardMax,
    HardSigmoid,
    Input,
    Layer,
    LayerNorm,
    Leaky,
    Levels,
    Lookup,
    Merge,
    MergeOp,
    Network,
    Pool,
    PoolOp,
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Shape,
    Softmax,
    Table,
    Threshold,
)
from bitwright.network.rearrange import source_index


def merge_bounds(layer: Merge, a: Interval, b: Interval, fractions: tuple[int, int]) -> tuple[Interval, int]:
    """Bounds of the exact element-wise result and its fraction."""
    a, b = a.repeated(layer.size // a.low.size), b.repeated(layer.size // b.low.size)
    if layer.op is MergeOp.MULTIPLY:
        a, b = a.within(a.bits + b.bits), b.within(a.bits + b.bits)
        ends = [p * q for p in (a.low, a.high) for q in (b.low, b.high)]
        return Interval(np.minimum.reduce(ends), np.maximum.reduce(ends)), sum(fractions)
    common = max(fractions)
    a, b = a.scaled(common - fractions[0]), b.scaled(common - fractions[1])
    bits = max(a.bits, b.bits) + 1
    a, b = a.within(bits), b.within(bits)
    match layer.op:
        case MergeOp.ADD:
            return Interval(a.low + b.low, a.high + b.high), common
        case MergeOp.AVERAGE:
            return Interval(a.low + b.low, a.high + b.high), common + 1
        case MergeOp.SUBTRACT:
            return Interval(a.low - b.high, a.high - b.low), common
        case MergeOp.MAXIMUM:
            return Interval(np.maximum(a.low, b.low), np.maximum(a.high, b.high)), common
        case MergeOp.MINIMUM:
            return Interval(np.minimum(a.low, b.low), np.minimum(a.high, b.high)), common
    assert_never(layer.op)


def scale_bias_bounds(layer: ScaleBias, source: Interval, source_fraction: int) -> tuple[Interval, int]:
    """Bounds of the exact ``x * scale + bias`` and its fraction."""
    product_fraction = source_fraction + layer.scale.format.fraction
    fraction = max(product_fraction, layer.bias.format.fraction)
    up, bias_up = fraction - product_fraction, fraction - layer.bias.format.fraction
    bits = max(source.bits + layer.scale.format.width + up, layer.bias.format.width + bias_up) + 1
    scale = np.resize(held(layer.scale.raw, bits) * (1 << up), layer.size)
    bias = np.resize(held(layer.bias.raw, bits) * (1 << bias_up), layer.size)
    source = source.within(bits)
    a, b = source.low * scale, source.high * scale
    return Interval(np.minimum(a, b) + bias, np.maximum(a, b) + bias), fraction


def pad_value(fmt: FixedFormat) -> int:
    """What stands outside of an image for its maximum: the pattern of the top bit alone (pad_val)."""
    return fmt.min if fmt.signed else 1 << (fmt.width - 1)


def pool_bounds(layer: Pool, source: Interval, fmt: FixedFormat) -> Interval:
    """Bounds of each channel in the accumulator; an average lies among what it is made of, or next to zero."""
    channels = layer.shape[-1]
    inside = channel_interval(source, channels, layer.padding)
    if layer.op is PoolOp.MAX:
        if any(layer.padding):
            outside = same(pad_value(fmt), pad_value(fmt), channels)
            inside = inside.within(fmt.width).joined(outside.within(fmt.width))
        return cast(inside, fmt.fraction, layer.accum)
    each = cast(inside, fmt.fraction, layer.accum).joined(same(0, 0, channels).within(layer.accum.width))
    number = prod(layer.kernel)
    total = each.within(each.bits + number.bit_length())
    total = Interval(total.low * number, total.high * number)
    return (
        each
        if total.fits(layer.accum)
        else whole_range(layer.accum, channels).joined(same(0, 0, channels).within(layer.accum.width))
    )


def _rearranged(layer: Rearrange, source: tuple[Interval, FixedFormat], shape: Shape) -> Interval:
    index = source_index(layer, shape)
    low, high = (np.where(index < 0, 0, end[index]) for end in (source[0].low, source[0].high))
    return cast(Interval(low, high), source[1].fraction, layer.result)


def layer_bounds(layer: Layer, sources: list[tuple[Interval, FixedFormat]], shapes: list[Shape]) -> Interval:
    """Bounds of one layer's raw output, from the bounds, formats and shapes of its sources."""
    fmt = layer.result
    match layer:
        case Input():  # a port takes every pattern, also the one that SAT_SYM never gives
            return same(fmt.min, fmt.max, layer.size)
        case Dense():
            return held_bounds(layer, sources[0][0], sources[0][1].fraction)
        case Conv():
            one = held_bounds(layer.position, window_interval(layer, sources[0][0]), sources[0][1].fraction)
            return one.repeated(prod(layer.shape[:-1]))
        case Pool():
            one = cast(pool_bounds(layer, *sources[0]), layer.accum.fraction, fmt)
            return one.repeated(layer.size // one.low.size)
        case Rearrange():
            return _rearranged(layer, sources[0], shapes[0])
        case ScaleBias():
            return cast(*scale_bias_bounds(layer, sources[0][0], sources[0][1].fraction), fmt)
        case Relu():
            return cast(*relu_bounds(layer, *sources[0]), fmt)
        case Cast():
            return cast(sources[0][0], sources[0][1].fraction, fmt)
        case Table():
            ends = same(int(layer.table.raw.min()), int(layer.table.raw.max()), layer.size)
            return cast(ends, layer.table.format.fraction, fmt)
        case Merge():
            fractions = (sources[0][1].fraction, sources[1][1].fraction)
            return cast(*merge_bounds(layer, sources[0][0], sources[1][0], fractions), fmt)
        case Reshape():
            return sources[0][0]
        case Concat():
            return whole_range(fmt, layer.size)
        case Softmax() | HardMax() | Argmax() | Dot() | Einsum() | Recurrent() | LayerNorm():
            return whole_range(fmt, layer.size)
        case Leaky():
            return cast(*_leaky_bounds(layer, *sources[0]), fmt)
        case Threshold():
            return cast(sources[0][0].joined(same(0, 0, layer.size)), sources[0][1].fraction, fmt)
        case HardSigmoid():
            return cast(same(-1 if layer.tanh else 0, 1, layer.size), 0, fmt)
        case ExpLinear():
            return _exp_linear_bounds(layer, *sources[0])
        case Levels():
            return same(min(layer.levels), max(layer.levels), layer.size)
        case Lookup() | Embedding():
            ends = same(int(layer.table.raw.min()), int(layer.table.raw.max()), layer.size)
            return cast(ends, layer.table.format.fraction, fmt)
        case CastEach():
            return _each_bounds(layer, *sources[0])
    assert_never(layer)


def relu_bounds(layer: Relu, source: Interval, fmt: FixedFormat) -> tuple[Interval, int]:
    """Bounds before the cast and their fraction; a limit may lie between the steps of a coarse source."""
    fraction = max(fmt.fraction, 0)
    source = source.scaled(fraction - fmt.fraction)
    low, high = np.maximum(source.low, 0), np.maximum(source.high, 0)
    if layer.limit is None:
        return Interval(low, high), fraction
    limit = layer.limit << fraction
    wide = Interval(low, high).within(max(source.bits, limit.bit_length()))
    low, high = wide.low, wide.high
    return Interval(np.minimum(low, limit), np.minimum(high, limit)), fraction


def scaled_by(interval: Interval, constant: Constant, size: int) -> Interval:
    """Bounds of the exact products with a constant whose elements repeat."""
    bits = interval.bits + constant.format.width
    factor, interval = np.resize(held(constant.raw, bits), size), interval.within(bits)
    a, b = interval.low * factor, interval.high * factor
    return Interval(np.minimum(a, b), np.maximum(a, b))


def _split(source: Interval) -> tuple[Interval, Interval]:
    """What is above and what is below zero, zero with both."""
    above = Interval(np.maximum(source.low, 0), np.maximum(source.high, 0))
    return above, Interval(np.minimum(source.low, 0), np.minimum(source.high, 0))


def _leaky_bounds(layer: Leaky, source: Interval, fmt: FixedFormat) -> tuple[Interval, int]:
    above, below = _split(source)
    fraction = max(layer.slope.format.fraction, 0)
    product = scaled_by(below, layer.slope, layer.size).scaled(fraction - layer.slope.format.fraction)
    above = above.scaled(fraction)
    bits = max(above.bits, product.bits)
    return above.within(bits).joined(product.within(bits)), fmt.fraction + fraction


def _exp_linear_bounds(layer: ExpLinear, source: Interval, fmt: FixedFormat) -> Interval:
    above, _ = _split(source)
    up = cast(scaled_by(above, layer.gain, layer.size), fmt.fraction + layer.gain.format.fraction, layer.result)
    entries = same(int(layer.table.raw.min()), int(layer.table.raw.max()), layer.size)
    fraction = layer.table.format.fraction + layer.alpha.format.fraction
    return up.joined(cast(scaled_by(entries, layer.alpha, layer.size), fraction, layer.result))


def _each_bounds(layer: CastEach, source: Interval, fmt: FixedFormat) -> Interval:
    low, high = np.zeros(layer.size, dtype=object), np.zeros(layer.size, dtype=object)
    formats = layer.formats()
    for kind in {kind for kind in formats if kind is not None}:
        which = np.array([i for i, other in enumerate(formats) if other == kind])
        first = cast(Interval(source.low[which], source.high[which]), fmt.fraction, kind)
        both = cast(first, kind.fraction, layer.result)
        low[which], high[which] = both.low, both.high
    return Interval(low, high).within(layer.result.width)


def network_bounds(network: Network) -> dict[str, Interval]:
    """Bounds of every layer's raw output, by layer name."""
    bounds: dict[str, Interval] = {}
    layers = network.by_name
    for layer in network.layers:
        sources = [layers[name] for name in layer.sources]
        inside = [(bounds[source.name], source.result) for source in sources]
        bounds[layer.name] = layer_bounds(layer, inside, [source.shape for source in sources])
    return bounds
