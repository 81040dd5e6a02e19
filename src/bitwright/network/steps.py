"""One evaluation step per layer kind, in the fastest arithmetic that its bounds prove exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import assert_never

import numpy as np

from bitwright.fixed import FixedFormat, Rounding, quantize
from bitwright.fixed.quantize import magnitude_bits, round_shift
from bitwright.network.bounds import merge_bounds, relu_bounds, scale_bias_bounds
from bitwright.network.carrier import (
    SPARE_BITS,
    Carrier,
    Step,
    as_type,
    assign,
    carrier_type,
    fits_in,
    needed_bits,
    scale,
)
from bitwright.network.interval import Interval
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
    Pool,
    Rearrange,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
)
from bitwright.network.rearrange import source_index
from bitwright.network.steps_conv import convolution
from bitwright.network.steps_pool import pooling, tree_sum
from bitwright.network.steps_product import product

Bounds = Mapping[str, Interval]


def step_of(layer: Layer, sources: Sequence[Layer], bounds: Bounds) -> Step:
    """The step that computes ``layer`` from the carriers of its sources."""
    match layer:
        case Input():
            dtype = carrier_type(layer.result.width)
            return lambda x: as_type(x, dtype)
        case Dense():
            return product(layer, sources[0].result, bounds[sources[0].name])
        case Conv():
            return convolution(layer, sources[0], bounds[sources[0].name])
        case Pool():
            return pooling(layer, sources[0], bounds[sources[0].name])
        case Rearrange():
            return _rearrange(layer, sources[0], bounds[sources[0].name])
        case ScaleBias():
            return _scale_bias(layer, sources[0], bounds)
        case Relu():
            return _relu(layer, sources[0].result, bounds[sources[0].name])
        case Cast():
            return _cast(sources[0].result, layer.result, bounds[sources[0].name])
        case Table():
            return _table(layer, sources[0].result)
        case Softmax():
            return _softmax(layer, sources[0].result)
        case HardMax():
            return _hard_max(layer)
        case Argmax():
            return lambda x: np.argmax(x, axis=1)[:, None]
        case Merge():
            return _merge(layer, sources, bounds)
        case Concat():
            return _concat(layer, sources, bounds)
        case Reshape():
            return lambda x: x
    assert_never(layer)


def _cast(source: FixedFormat, fmt: FixedFormat, interval: Interval) -> Step:
    dtype = carrier_type(needed_bits(interval, source.fraction, fmt))
    fits = fits_in(interval, source.fraction, fmt)
    return lambda x: assign(as_type(x, dtype), source.fraction, fmt, fits=fits)


def _rearrange(layer: Rearrange, source: Layer, interval: Interval) -> Step:
    cast = _cast(source.result, layer.result, interval)
    index = source_index(layer, source.shape)
    outside = index < 0

    def run(x: Carrier) -> Carrier:
        y = cast(x)[:, index]
        y[:, outside] = 0
        return y

    return run


# --- element-wise -----------------------------------------------------------------------------


def _scale_bias(layer: ScaleBias, source: Layer, bounds: Bounds) -> Step:
    interval, fraction = scale_bias_bounds(layer, bounds[source.name], source.result.fraction)
    product_fraction = source.result.fraction + layer.scale.format.fraction
    product_bits = bounds[source.name].bits + layer.scale.format.width + fraction - product_fraction
    bits = max(product_bits, needed_bits(interval, fraction, layer.result)) + SPARE_BITS
    dtype = carrier_type(bits)
    factor = np.resize(layer.scale.raw.astype(object), layer.size) * (1 << (fraction - product_fraction))
    offset = np.resize(layer.bias.raw.astype(object), layer.size) * (1 << (fraction - layer.bias.format.fraction))
    factor, offset = factor.astype(dtype), offset.astype(dtype)
    fits = fits_in(interval, fraction, layer.result)
    return lambda x: assign(as_type(x, dtype) * factor + offset, fraction, layer.result, fits=fits)


def _relu(layer: Relu, source: FixedFormat, interval: Interval) -> Step:
    positive, fraction = relu_bounds(layer, interval, source)
    limit = None if layer.limit is None else layer.limit << fraction
    widest = max(needed_bits(positive, fraction, layer.result), interval.bits + fraction - source.fraction + SPARE_BITS)
    dtype = carrier_type(widest)
    fits = fits_in(positive, fraction, layer.result)

    def run(x: Carrier) -> Carrier:
        x = np.maximum(scale(as_type(x, dtype), fraction - source.fraction), 0)
        if limit is not None:
            x = np.minimum(x, limit)
        return assign(x, fraction, layer.result, fits=fits)

    return run


def _merge(layer: Merge, sources: Sequence[Layer], bounds: Bounds) -> Step:
    formats = (sources[0].result, sources[1].result)
    fractions = (formats[0].fraction, formats[1].fraction)
    intervals = (bounds[sources[0].name], bounds[sources[1].name])
    interval, fraction = merge_bounds(layer, *intervals, fractions)
    common = max(fractions)
    aligned = max(i.bits + common - f for i, f in zip(intervals, fractions, strict=True))
    dtype = carrier_type(max(needed_bits(interval, fraction, layer.result), aligned) + SPARE_BITS)
    shifts = (0, 0) if layer.op is MergeOp.MULTIPLY else (common - fractions[0], common - fractions[1])
    fits = fits_in(interval, fraction, layer.result)

    def run(a: Carrier, b: Carrier) -> Carrier:
        left = scale(_repeated(as_type(a, dtype), layer.size), shifts[0])
        right = scale(_repeated(as_type(b, dtype), layer.size), shifts[1])
        return assign(_combine(layer.op, left, right), fraction, layer.result, fits=fits)

    return run


def _repeated(values: Carrier, size: int) -> Carrier:
    return values if values.shape[1] == size else np.tile(values, (1, size // values.shape[1]))


def _combine(op: MergeOp, a: Carrier, b: Carrier) -> Carrier:
    match op:
        case MergeOp.ADD | MergeOp.AVERAGE:
            return a + b
        case MergeOp.SUBTRACT:
            return a - b
        case MergeOp.MULTIPLY:
            return a * b
        case MergeOp.MAXIMUM:
            return np.maximum(a, b)
        case MergeOp.MINIMUM:
            return np.minimum(a, b)
    assert_never(op)


def _concat(layer: Concat, sources: Sequence[Layer], bounds: Bounds) -> Step:
    casts = [_cast(source.result, layer.result, bounds[source.name]) for source in sources]
    shapes = [source.shape for source in sources]

    def run(a: Carrier, b: Carrier) -> Carrier:
        parts = [
            as_type(cast(values), np.dtype(object if layer.result.width > 62 else np.int64)).reshape(len(a), *shape)
            for cast, values, shape in zip(casts, (a, b), shapes, strict=True)
        ]
        return np.concatenate(parts, axis=layer.axis + 1).reshape(len(a), prod(layer.shape))

    return run


# --- tables -----------------------------------------------------------------------------------


def _integers(values: Carrier, width: int) -> Carrier:
    return as_type(values, np.dtype(object if width > 62 else np.int64))


def table_index(raw: Carrier, fraction: int, entries: int, half_range: int) -> Carrier:
    """``clip(trunc(x * n / (2 r)) + n / 2, 0, n - 1)`` for raw integers ``x * 2**fraction``."""
    shift = fraction - (entries.bit_length() - (2 * half_range).bit_length())
    towards_zero = raw << -shift if shift <= 0 else round_shift(raw, shift, Rounding.TRN_ZERO)
    return np.clip(towards_zero + entries // 2, 0, entries - 1).astype(np.int64)


def _table(layer: Table, source: FixedFormat) -> Step:
    entries = quantize(layer.table.raw, layer.table.format.fraction, layer.result)
    half_range = layer.function.half_range
    return lambda x: entries[table_index(_integers(x, source.width + 16), source.fraction, len(entries), half_range)]


def top_bits(raw: Carrier, width: int, bits: int) -> Carrier:
    """The top ``bits`` of a ``width``-bit pattern, as an unsigned number (softmax_idx_from_real_val)."""
    return ((raw & ((1 << width) - 1)) >> (width - bits)).astype(np.int64)


def _softmax(layer: Softmax, source: FixedFormat) -> Step:
    exp_bits = (layer.exp_table.raw.size - 1).bit_length()
    inverse_bits = (layer.inverse_table.raw.size - 1).bit_length()
    exps = quantize(layer.exp_table.raw, layer.exp_table.format.fraction, layer.accum)
    inverses = layer.inverse_table.raw
    address = layer.difference if layer.implementation is SoftmaxKind.STABLE else source
    product_fraction = layer.accum.fraction + layer.inverse_table.format.fraction

    def run(x: Carrier) -> Carrier:
        x = _integers(x, source.width + 2)
        if layer.implementation is SoftmaxKind.STABLE:
            x = quantize(x.max(axis=1, keepdims=True) - x, source.fraction, layer.difference)
        exp = exps[top_bits(x, address.width, exp_bits)]
        total = quantize(tree_sum(exp, layer.accum)[:, None], layer.accum.fraction, layer.inverse_input)
        inverse = inverses[top_bits(total, layer.inverse_input.width, inverse_bits)]
        wide = magnitude_bits(layer.accum.min, layer.accum.max) + layer.inverse_table.format.width > 62
        product = (exp.astype(object) if wide else exp) * inverse
        return quantize(product, product_fraction, layer.result)

    return run


def _hard_max(layer: HardMax) -> Step:
    one = int(quantize(np.array([1], dtype=np.int64), 0, layer.result)[0])

    def run(x: Carrier) -> Carrier:
        out = np.zeros(x.shape, dtype=np.int64)
        np.put_along_axis(out, np.argmax(x, axis=1)[:, None], one, axis=1)
        return out

    return run
