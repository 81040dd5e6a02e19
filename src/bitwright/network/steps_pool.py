"""Steps of pooling: the largest element or the average of each window."""

from __future__ import annotations

from math import prod

import numpy as np

from bitwright.fixed import FixedFormat, quantize
from bitwright.network.bounds import pad_value
from bitwright.network.carrier import (
    INT64_BITS,
    SPARE_BITS,
    Carrier,
    Step,
    as_type,
    assign,
    carrier_type,
    fits_in,
    needed_bits,
)
from bitwright.network.interval import Interval, cast
from bitwright.network.layers import Layer, Pool, PoolForm, PoolOp
from bitwright.network.window import window_index, windows


def pooling(layer: Pool, source: Layer, interval: Interval) -> Step:
    """The step of a Pool layer."""
    return _largest(layer, source, interval) if layer.op is PoolOp.MAX else _average(layer, source)


def _largest(layer: Pool, source: Layer, interval: Interval) -> Step:
    """The elements are compared before or after the cast to the accumulator, which may wrap."""
    fmt, outside = source.result, pad_value(source.result)
    into = _into(interval.joined(_only(outside)), fmt, layer.accum)
    after = _into(cast(interval.joined(_only(outside)), fmt.fraction, layer.accum), layer.accum, layer.result)
    first = layer.form is not PoolForm.PARALLEL

    def run(x: Carrier) -> Carrier:
        rows = len(x)
        x = _gathered(layer, source, into(x) if first else x, outside).max(axis=1).reshape(rows, layer.size)
        return after(x if first else into(x))

    return run


def _only(value: int) -> Interval:
    return Interval(np.array([value], dtype=object), np.array([value], dtype=object))


def _into(interval: Interval, fmt: FixedFormat, target: FixedFormat) -> Step:
    dtype = carrier_type(needed_bits(interval, fmt.fraction, target))
    fits = fits_in(interval, fmt.fraction, target)
    return lambda x: assign(as_type(x, dtype), fmt.fraction, target, fits=fits)


def _gathered(layer: Pool, source: Layer, x: Carrier, outside: int) -> Carrier:
    return windows(x, source.shape, layer.kernel, layer.stride, layer.padding, outside)


def _average(layer: Pool, source: Layer) -> Step:
    """Sums in the order of the form, then a division that rounds towards zero."""
    accum, fmt = layer.accum, source.result
    common = max(fmt.fraction, accum.fraction)
    bits = max(accum.width + common - accum.fraction, fmt.width + common - fmt.fraction)
    integer = np.dtype(object if bits + SPARE_BITS > INT64_BITS else np.int64)
    index = window_index(source.shape, layer.kernel, layer.stride, layer.padding)
    inside = (index[:, :, :1] >= 0).sum(axis=1)
    number = np.full_like(inside, prod(layer.kernel)) if layer.count_padding else inside
    number = np.full_like(number, layer.count) if layer.count else number
    divisors = np.broadcast_to(number, (len(index), layer.shape[-1])).ravel()

    def run(x: Carrier) -> Carrier:
        taps = _gathered(layer, source, as_type(x, integer), 0)
        total = _sum(layer, taps, fmt).reshape(len(x), layer.size)
        quotient = np.sign(total) * (np.abs(total) // divisors)
        return quantize(quotient, accum.fraction, layer.result)

    return run


def _sum(layer: Pool, taps: Carrier, fmt: FixedFormat) -> Carrier:
    """Sums over the taps in the accumulator; one after another, or by a tree of elements already cast."""
    accum, fraction = layer.accum, fmt.fraction
    if layer.form is not PoolForm.PARALLEL:
        taps, fraction = quantize(taps, fraction, accum), accum.fraction
        if layer.form is PoolForm.STREAM:
            return tree_sum(taps, accum)
    common = max(fraction, accum.fraction)
    total = np.zeros_like(taps[:, 0])
    for tap in range(taps.shape[1]):
        exact = total * (1 << (common - accum.fraction)) + taps[:, tap] * (1 << (common - fraction))
        total = quantize(exact, common, accum).astype(taps.dtype)
    return total


def tree_sum(values: Carrier, accum: FixedFormat) -> Carrier:
    """Sum over axis 1 by hls4ml's balanced tree, each sum held in ``accum`` (nnet_common.h, reduce)."""
    n = values.shape[1]
    if n == 1:
        return values[:, 0]
    if accum.width > INT64_BITS:
        values = values.astype(object)
    left = 1 << ((n - 1).bit_length() - 1)
    total = tree_sum(values[:, :left], accum) + tree_sum(values[:, left:], accum)
    return quantize(total, accum.fraction, accum)
