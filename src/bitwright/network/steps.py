"""One evaluation step per layer kind, in the fastest arithmetic that its bounds prove exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import assert_never

import numpy as np

from bitwright.fixed import FixedFormat, Rounding, quantize
from bitwright.fixed.quantize import magnitude_bits, round_shift
from bitwright.network.bounds import (
    DenseBounds,
    Interval,
    cast,
    dense_bounds,
    groups,
    merge_bounds,
    scale_bias_bounds,
)
from bitwright.network.carrier import (
    INT64_BITS,
    Carrier,
    as_type,
    assign,
    bring_in_range,
    carrier_type,
    round_float,
    scale,
)
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Dense,
    HardMax,
    Input,
    Layer,
    Lookup,
    Merge,
    MergeOp,
    Quantize,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
)

Step = Callable[..., Carrier]
Bounds = Mapping[str, Interval]

SPARE_BITS = 2
"""Room for a rounding constant and a sign on top of the largest value of a step."""


def step_of(layer: Layer, sources: Sequence[Layer], bounds: Bounds) -> Step:
    """The step that computes ``layer`` from the carriers of its sources."""
    match layer:
        case Input():
            dtype = carrier_type(layer.result.width)
            return lambda x: as_type(x, dtype)
        case Dense():
            return _dense(layer, sources[0], bounds)
        case ScaleBias():
            return _scale_bias(layer, sources[0], bounds)
        case Relu():
            return _relu(layer, sources[0].result, bounds[sources[0].name])
        case Cast():
            return _cast(sources[0].result, layer.result, bounds[sources[0].name])
        case Quantize():
            return _quantize(layer, sources[0].result, bounds[sources[0].name])
        case Table():
            return _table(layer, sources[0].result)
        case Lookup():
            return _lookup(layer, sources[0].result)
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


def _fits(interval: Interval, fraction: int, fmt: FixedFormat) -> bool:
    """Whether rounding ``interval`` to ``fmt`` provably stays inside the format."""
    drop = fraction - fmt.fraction
    if drop <= 0:
        return interval.scaled(-drop).fits(fmt)
    return Interval(interval.low >> drop, (interval.high >> drop) + 1).fits(fmt)


def _needed_bits(interval: Interval, fraction: int, fmt: FixedFormat) -> int:
    """Bits that hold every value on the way from ``interval`` into ``fmt``."""
    return max(interval.bits + max(fmt.fraction - fraction, 0), fmt.width) + SPARE_BITS


def _cast(source: FixedFormat, fmt: FixedFormat, interval: Interval) -> Step:
    dtype = carrier_type(_needed_bits(interval, source.fraction, fmt))
    fits = _fits(interval, source.fraction, fmt)
    return lambda x: assign(as_type(x, dtype), source.fraction, fmt, fits=fits)


def _quantize(layer: Quantize, source: FixedFormat, interval: Interval) -> Step:
    """Two casts for each group of elements of one format; elements without bits stay zero."""
    steps = []
    for fmt, columns in groups(layer.formats):
        if fmt is not None:
            within = Interval(interval.low[columns], interval.high[columns])
            first = _cast(source, fmt, within)
            second = _cast(fmt, layer.result, cast(within, source.fraction, fmt))
            steps.append((columns, first, second))
    dtype = carrier_type(layer.result.width)

    def run(x: Carrier) -> Carrier:
        out = np.zeros(x.shape, dtype=dtype)
        for columns, first, second in steps:
            out[:, columns] = as_type(second(first(x[:, columns])), dtype)
        return out

    return run


# --- dense ------------------------------------------------------------------------------------


def _dense(layer: Dense, source: Layer, bounds: Bounds) -> Step:
    inner = dense_bounds(layer, bounds[source.name], source.result.fraction)
    if not inner.exact:
        return _dense_by_product(layer, source, inner)
    held = inner.total if inner.total.fits(layer.accum) else None
    bits = max(
        inner.partial.bits,
        layer.accum.width,
        layer.weight.format.width + max(-inner.drop, 0),
        _needed_bits(inner.total, layer.accum.fraction, layer.result),
    )
    dtype = carrier_type(bits + SPARE_BITS)
    weight, bias = _dense_constants(layer, inner, dtype)
    fits = held is not None and _fits(held, layer.accum.fraction, layer.result)

    def run(x: Carrier) -> Carrier:
        total = as_type(x, dtype) @ weight + bias
        if held is None:
            total = bring_in_range(total, layer.accum)
        return assign(total, layer.accum.fraction, layer.result, fits=fits)

    return run


def _dense_constants(layer: Dense, inner: DenseBounds, dtype: np.dtype[np.generic]) -> tuple[Carrier, Carrier]:
    """Weights and bias in units of the accumulator; exact, since no product loses a bit."""
    raw = layer.weight.raw
    weight = raw >> inner.drop if inner.drop > 0 else raw.astype(object) * (1 << -inner.drop)
    return weight.astype(dtype), inner.bias.astype(dtype)


def _dense_by_product(layer: Dense, source: Layer, inner: DenseBounds) -> Step:
    """Each product cast to the accumulator, added in the order of the C++; for lossy accumulators."""
    product_fraction = source.result.fraction + layer.weight.format.fraction
    bits = source.result.width + layer.weight.format.width
    integer = np.dtype(np.int64) if bits <= 60 and layer.accum.width <= 60 else np.dtype(object)
    weight, bias = layer.weight.raw.astype(integer), inner.bias.astype(integer)

    def run(x: Carrier) -> Carrier:
        x = as_type(x, integer)
        total = np.broadcast_to(bias, (len(x), len(bias))).copy()
        for i in layer.order:
            product = quantize(x[:, i : i + 1] * weight[i], product_fraction, layer.accum, bits)
            total = bring_in_range(total + product.astype(integer), layer.accum)
        return quantize(total, layer.accum.fraction, layer.result, layer.accum.width)

    return run


def fusible(dense: Dense, reader: Relu | Cast, source: Layer, bounds: Bounds) -> bool:
    """Whether the Dense result is provably the exact sum, and floats hold the whole pair of layers."""
    if isinstance(reader, Relu) and reader.limit is not None:
        return False
    inner = dense_bounds(dense, bounds[source.name], source.result.fraction)
    lossless = inner.exact and inner.total.fits(dense.accum) and dense.accum.fraction <= dense.result.fraction
    if not lossless or not _fits(inner.total, dense.accum.fraction, dense.result):
        return False
    return carrier_type(_fused_bits(dense, reader, inner)).kind == "f"


def _fused_bits(dense: Dense, reader: Relu | Cast, inner: DenseBounds) -> int:
    up = max(reader.result.fraction - dense.accum.fraction, 0)
    return (
        max(inner.partial.bits + up, dense.weight.format.width + max(-inner.drop, 0) + up, reader.result.width)
        + SPARE_BITS
    )


def dense_then(dense: Dense, reader: Relu | Cast, source: Layer, bounds: Bounds) -> Step:
    """Dense and the Relu or Cast that alone reads it, in units of the reader's last bit, in place.

    Sums may carry binary fractions (a power-of-two scale of integers that fit the mantissa), so the
    reader's rounding is one operation; ``round(max(x, 0)) == max(round(x), 0)`` for every mode.
    """
    inner = dense_bounds(dense, bounds[source.name], source.result.fraction)
    dtype = carrier_type(_fused_bits(dense, reader, inner))
    shift = reader.result.fraction - dense.accum.fraction
    weight, bias = (scale(constant, shift) for constant in _dense_constants(dense, inner, dtype))
    fmt, relu = reader.result, isinstance(reader, Relu)
    fits = _fits(inner.total, dense.accum.fraction, fmt) or (
        relu and _fits(_positive(inner.total), dense.accum.fraction, fmt)
    )

    def run(x: Carrier) -> Carrier:
        total = as_type(x, dtype) @ weight
        total += bias
        if shift < 0:
            total = round_float(total, fmt.rounding)
        if relu and fmt.overflow.value.startswith("SAT") and fmt.overflow.value != "SAT_ZERO":
            return np.clip(total, 0, fmt.max, out=total)
        if relu:
            np.maximum(total, 0, out=total)
        return total if fits else bring_in_range(total, fmt)

    return run


def _positive(interval: Interval) -> Interval:
    return Interval(np.maximum(interval.low, 0), np.maximum(interval.high, 0))


# --- element-wise -----------------------------------------------------------------------------


def _scale_bias(layer: ScaleBias, source: Layer, bounds: Bounds) -> Step:
    interval, fraction = scale_bias_bounds(layer, bounds[source.name], source.result.fraction)
    product_fraction = source.result.fraction + layer.scale.format.fraction
    product_bits = bounds[source.name].bits + layer.scale.format.width + fraction - product_fraction
    bits = max(product_bits, _needed_bits(interval, fraction, layer.result)) + SPARE_BITS
    dtype = carrier_type(bits)
    factor = np.resize(layer.scale.raw.astype(object), layer.size) * (1 << (fraction - product_fraction))
    offset = np.resize(layer.bias.raw.astype(object), layer.size) * (1 << (fraction - layer.bias.format.fraction))
    factor, offset = factor.astype(dtype), offset.astype(dtype)
    fits = _fits(interval, fraction, layer.result)
    return lambda x: assign(as_type(x, dtype) * factor + offset, fraction, layer.result, fits=fits)


def _relu(layer: Relu, source: FixedFormat, interval: Interval) -> Step:
    fraction = max(source.fraction, 0)
    positive = _positive(interval).scaled(fraction - source.fraction)
    limit = None if layer.limit is None else layer.limit << fraction
    if limit is not None:
        positive = Interval(np.minimum(positive.low, limit), np.minimum(positive.high, limit))
    widest = max(
        _needed_bits(positive, fraction, layer.result), interval.bits + fraction - source.fraction + SPARE_BITS
    )
    dtype = carrier_type(widest)
    fits = _fits(positive, fraction, layer.result)

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
    dtype = carrier_type(max(_needed_bits(interval, fraction, layer.result), aligned) + SPARE_BITS)
    shifts = (0, 0) if layer.op is MergeOp.MULTIPLY else (common - fractions[0], common - fractions[1])
    fits = _fits(interval, fraction, layer.result)

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


def _lookup(layer: Lookup, source: FixedFormat) -> Step:
    entries = quantize(layer.table.raw, layer.table.format.fraction, layer.result)
    return lambda x: entries[top_bits(_integers(x, source.width), source.width, source.width)]


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
        total = quantize(_tree_sum(exp, layer.accum), layer.accum.fraction, layer.inverse_input)
        inverse = inverses[top_bits(total, layer.inverse_input.width, inverse_bits)]
        wide = magnitude_bits(layer.accum.min, layer.accum.max) + layer.inverse_table.format.width > 62
        product = (exp.astype(object) if wide else exp) * inverse
        return quantize(product, product_fraction, layer.result)

    return run


def _tree_sum(values: Carrier, accum: FixedFormat) -> Carrier:
    """Sum over axis 1 by hls4ml's balanced tree, each sum held in ``accum`` (nnet_common.h, reduce)."""
    n = values.shape[1]
    if n == 1:
        return values
    if accum.width > INT64_BITS:
        values = values.astype(object)
    left = 1 << ((n - 1).bit_length() - 1)
    total = _tree_sum(values[:, :left], accum) + _tree_sum(values[:, left:], accum)
    return quantize(total, accum.fraction, accum)


def _hard_max(layer: HardMax) -> Step:
    one = int(quantize(np.array([1], dtype=np.int64), 0, layer.result)[0])

    def run(x: Carrier) -> Carrier:
        out = np.zeros(x.shape, dtype=np.int64)
        np.put_along_axis(out, np.argmax(x, axis=1)[:, None], one, axis=1)
        return out

    return run
