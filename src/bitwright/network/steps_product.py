"""Matrix products: Dense, and each position of a convolution, in the fastest arithmetic that is provably exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitwright.fixed import FixedFormat, quantize
from bitwright.network.bounds_products import DenseBounds, dense_bounds, unit_weights
from bitwright.network.carrier import (
    SPARE_BITS,
    Carrier,
    Step,
    as_type,
    assign,
    bring_in_range,
    carrier_type,
    fits_in,
    needed_bits,
    round_float,
    scale,
)
from bitwright.network.interval import Interval
from bitwright.network.layers import Cast, Dense, Relu

Multiply = Callable[[Carrier, Carrier], Carrier]
"""Rows of inputs and a weight matrix to rows of sums."""


def product(layer: Dense, source: FixedFormat, interval: Interval, multiply: Multiply = np.matmul) -> Step:
    """The step of a Dense layer over rows of ``source`` within ``interval``."""
    inner = dense_bounds(layer, interval, source.fraction)
    if not inner.exact:
        return _by_product(layer, source, inner)
    held = inner.total if inner.total.fits(layer.accum) else None
    bits = max(
        inner.partial.bits,
        layer.accum.width,
        layer.weight.format.width + max(-inner.drop, 0),
        needed_bits(inner.total, layer.accum.fraction, layer.result),
    )
    dtype = carrier_type(bits + SPARE_BITS)
    weight, bias = unit_weights(layer, inner.drop).astype(dtype), inner.bias.astype(dtype)
    fits = held is not None and fits_in(held, layer.accum.fraction, layer.result)

    def run(x: Carrier) -> Carrier:
        total = multiply(as_type(x, dtype), weight) + bias
        if held is None:
            total = bring_in_range(total, layer.accum)
        return assign(total, layer.accum.fraction, layer.result, fits=fits)

    return run


def _by_product(layer: Dense, source: FixedFormat, inner: DenseBounds) -> Step:
    """Each product cast to the accumulator, added in the order of the C++; for lossy accumulators."""
    product_fraction = source.fraction + layer.weight.format.fraction
    bits = source.width + layer.weight.format.width
    integer = np.dtype(np.int64) if bits <= 60 and layer.accum.width <= 60 else np.dtype(object)
    weight, bias = layer.weight.raw.astype(integer), inner.bias.astype(integer)
    used = [np.flatnonzero(row) for row in layer.weight.raw]

    def run(x: Carrier) -> Carrier:
        x = as_type(x, integer)
        total = np.broadcast_to(bias, (len(x), len(bias))).copy()
        for i in layer.order:
            if not len(used[i]):
                continue
            columns = used[i] if len(used[i]) < len(bias) else slice(None)
            one = quantize(x[:, i : i + 1] * weight[i, columns], product_fraction, layer.accum, bits)
            total[:, columns] = bring_in_range(total[:, columns] + one.astype(integer), layer.accum)
        return quantize(total, layer.accum.fraction, layer.result, layer.accum.width)

    return run


def fusible(layer: Dense, reader: Relu | Cast, source: FixedFormat, interval: Interval) -> bool:
    """Whether the Dense result is provably the exact sum, and floats hold the whole pair of layers."""
    if isinstance(reader, Relu) and reader.limit is not None:
        return False
    inner = dense_bounds(layer, interval, source.fraction)
    lossless = inner.exact and inner.total.fits(layer.accum) and layer.accum.fraction <= layer.result.fraction
    if not lossless or not fits_in(inner.total, layer.accum.fraction, layer.result):
        return False
    return carrier_type(_fused_bits(layer, reader, inner)).kind == "f"


def _fused_bits(layer: Dense, reader: Relu | Cast, inner: DenseBounds) -> int:
    up = max(reader.result.fraction - layer.accum.fraction, 0)
    return (
        max(inner.partial.bits + up, layer.weight.format.width + max(-inner.drop, 0) + up, reader.result.width)
        + SPARE_BITS
    )


def product_then(
    layer: Dense, reader: Relu | Cast, source: FixedFormat, interval: Interval, multiply: Multiply = np.matmul
) -> Step:
    """Dense and the Relu or Cast that alone reads it, in units of the reader's last bit, in place.

    Sums may carry binary fractions (a power-of-two scale of integers that fit the mantissa), so the
    reader's rounding is one operation; ``round(max(x, 0)) == max(round(x), 0)`` for every mode.
    """
    inner = dense_bounds(layer, interval, source.fraction)
    dtype = carrier_type(_fused_bits(layer, reader, inner))
    shift = reader.result.fraction - layer.accum.fraction
    constants = (unit_weights(layer, inner.drop), inner.bias)
    weight, bias = (scale(constant.astype(dtype), shift) for constant in constants)
    fmt, relu = reader.result, isinstance(reader, Relu)
    fits = fits_in(inner.total, layer.accum.fraction, fmt) or (
        relu and fits_in(positive(inner.total), layer.accum.fraction, fmt)
    )

    def run(x: Carrier) -> Carrier:
        total = multiply(as_type(x, dtype), weight)
        total += bias
        if shift < 0:
            total = round_float(total, fmt.rounding)
        if relu and fmt.overflow.value.startswith("SAT") and fmt.overflow.value != "SAT_ZERO":
            return np.clip(total, 0, fmt.max, out=total)
        if relu:
            np.maximum(total, 0, out=total)
        return total if fits else bring_in_range(total, fmt)

    return run


def positive(interval: Interval) -> Interval:
    """The interval of ``max(x, 0)``."""
    return Interval(np.maximum(interval.low, 0), np.maximum(interval.high, 0))
