"""Proved ranges inside of matrix products: of products, partial sums and sums."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from bitwright.fixed import Overflow, quantize
from bitwright.fixed.quantize import shift_left
from bitwright.network.interval import Interval, Ints, cast, channel_interval, held, whole_range
from bitwright.network.layers import Conv, Dense


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
