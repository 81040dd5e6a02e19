"""Proved ranges: for each layer and element the smallest and largest raw value that can occur.

Interval arithmetic over exact integers, from the input formats forward.  The reference chooses its
arithmetic by these bounds and passes narrow formats by them, so they must never be too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import assert_never

import numpy as np

from bitwright.fixed import FixedFormat, Overflow, quantize
from bitwright.fixed.quantize import shift_left
from bitwright.network.interval import Interval, Ints, cast, channel_interval, held, same, whole_range
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Conv,
    Dense,
    HardMax,
    Input,
    Layer,
    Merge,
    MergeOp,
    Network,
    Pool,
    PoolOp,
    Rearrange,
    Relu,
    Reshape,
    ScaleBias,
    Shape,
    Softmax,
    Table,
)
from bitwright.network.rearrange import source_index


@dataclass(frozen=True, slots=True, eq=False)
class DenseBounds:
    """Bounds inside a Dense layer, in units of the accumulator's last bit.

    Attributes:
        drop: fraction bits of a product that the accumulator does not have (negative: it has more).
        bias: the bias as the accumulator holds it.
        rounds: some product loses fraction bits when it is cast to the accumulator.
        saturates: some product or partial sum could meet a saturating accumulator's limit.
        partial: any sum of some products and the bias, in any order.
        total: the whole sum, before a wrap.
    """

    drop: int
    bias: Ints
    rounds: bool
    saturates: bool
    partial: Interval
    total: Interval

    @property
    def exact(self) -> bool:
        """The layer is an exact integer matrix product, at most wrapped at the end."""
        return not (self.rounds or self.saturates)


def unit_weights(layer: Dense, drop: int) -> Ints:
    """Weights in units of the accumulator for inputs as raw integers; exact where no product loses a bit."""
    raw = layer.weight.raw
    return raw >> drop if drop > 0 else shift_left(raw, -drop, layer.weight.format.width)


def dense_bounds(layer: Dense, source: Interval, source_fraction: int) -> DenseBounds:
    """Bounds of products, partial sums and the sum of ``layer`` for inputs within ``source``."""
    accum, raw = layer.accum, layer.weight.raw
    drop = source_fraction + layer.weight.format.fraction - accum.fraction
    rounds = drop > 0 and bool(np.any(raw & ((1 << min(drop, 63)) - 1)))
    bias = quantize(layer.bias.raw, layer.bias.format.fraction, accum)
    sums = _rounded_sums(layer, source, drop) if rounds else _exact_sums(unit_weights(layer, drop), source)
    bits = max(sums.total.bits, sums.positive.bits, accum.width) + 1
    bias = held(bias, bits)
    parts, total = sums.positive.within(bits), sums.total.within(bits)
    partial = Interval(parts.low + np.minimum(bias, 0), parts.high + np.maximum(bias, 0))
    total = Interval(total.low + bias, total.high + bias)
    saturates = accum.overflow is not Overflow.WRAP and not (partial.fits(accum) and sums.product.fits(accum))
    return DenseBounds(drop, bias, rounds, saturates, partial, total)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over the inputs, per output: of all products, and of those of one sign; and the extreme products."""

    total: Interval
    positive: Interval
    product: Interval


def _exact_sums(weight: Ints, source: Interval) -> _Sums:
    """Vector-matrix products instead of a matrix of all products."""
    n_in = max(len(weight), 1)
    bits = source.bits + int(np.abs(weight).max(initial=0)).bit_length() + n_in.bit_length()
    source, weight = source.within(bits), held(weight, bits)
    up, down = np.maximum(weight, 0), np.minimum(weight, 0)
    low, high = np.minimum(source.low, 0), np.maximum(source.high, 0)
    ends = [end * w.T for end in (source.low, source.high) for w in (up.max(axis=1), down.min(axis=1))]
    return _Sums(
        Interval(source.low @ up + source.high @ down, source.high @ up + source.low @ down),
        Interval(low @ up + high @ down, high @ up + low @ down),
        Interval(np.minimum.reduce(ends), np.maximum.reduce(ends)),
    )


def _rounded_sums(layer: Dense, source: Interval, drop: int) -> _Sums:
    """Each product is rounded by itself."""
    bits = source.bits + layer.weight.format.width + len(layer.weight.raw).bit_length()
    source, weight = source.within(bits), held(layer.weight.raw, bits)
    a, b = source.low[:, None] * weight, source.high[:, None] * weight
    product = Interval(np.minimum(a, b), np.maximum(a, b)).rounded(drop, layer.accum).within(bits)
    positive = Interval(np.minimum(product.low, 0).sum(axis=0), np.maximum(product.high, 0).sum(axis=0))
    return _Sums(Interval(product.low.sum(axis=0), product.high.sum(axis=0)), positive, product)


def held_bounds(layer: Dense, source: Interval, source_fraction: int) -> Interval:
    """Bounds of a Dense layer's raw result."""
    inner = dense_bounds(layer, source, source_fraction)
    total = whole_range(layer.accum, layer.size)
    if not inner.saturates:
        total = cast(inner.total, layer.accum.fraction, layer.accum)
    return cast(total, layer.accum.fraction, layer.result)


def window_interval(layer: Conv, source: Interval) -> Interval:
    """Bounds of what any window of the convolution holds, in the order of its Dense."""
    channels = layer.weight.raw.shape[len(layer.stride)]
    return channel_interval(source, channels, layer.padding).repeated(prod(layer.kernel))


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
        case Softmax() | HardMax() | Argmax():
            return whole_range(fmt, layer.size)
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


def network_bounds(network: Network) -> dict[str, Interval]:
    """Bounds of every layer's raw output, by layer name."""
    bounds: dict[str, Interval] = {}
    layers = network.by_name
    for layer in network.layers:
        sources = [layers[name] for name in layer.sources]
        inside = [(bounds[source.name], source.result) for source in sources]
        bounds[layer.name] = layer_bounds(layer, inside, [source.shape for source in sources])
    return bounds
