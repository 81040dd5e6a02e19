"""Steps that work on each element by itself."""

from __future__ import annotations

import numpy as np

from bitwright.fixed import FixedFormat, quantize
from bitwright.network.bounds import relu_bounds, scale_bias_bounds
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
from bitwright.network.layers import CastEach, HardSigmoid, Layer, Leaky, Levels, Relu, ScaleBias, Threshold


def cast_step(source: FixedFormat, fmt: FixedFormat, interval: Interval) -> Step:
    """An assignment."""
    dtype = carrier_type(needed_bits(interval, source.fraction, fmt))
    fits = fits_in(interval, source.fraction, fmt)
    return lambda x: assign(as_type(x, dtype), source.fraction, fmt, fits=fits)


def scale_bias(layer: ScaleBias, source: Layer, bounds: Interval) -> Step:
    """A product and a sum, one cast."""
    interval, fraction = scale_bias_bounds(layer, bounds, source.result.fraction)
    product_fraction = source.result.fraction + layer.scale.format.fraction
    product_bits = bounds.bits + layer.scale.format.width + fraction - product_fraction
    bits = max(product_bits, needed_bits(interval, fraction, layer.result)) + SPARE_BITS
    dtype = carrier_type(bits)
    factor = np.resize(layer.scale.raw.astype(object), layer.size) * (1 << (fraction - product_fraction))
    offset = np.resize(layer.bias.raw.astype(object), layer.size) * (1 << (fraction - layer.bias.format.fraction))
    factor, offset = factor.astype(dtype), offset.astype(dtype)
    fits = fits_in(interval, fraction, layer.result)
    return lambda x: assign(as_type(x, dtype) * factor + offset, fraction, layer.result, fits=fits)


def relu(layer: Relu, source: FixedFormat, interval: Interval) -> Step:
    """Zero below zero, a limit above."""
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


def _exact(values: Carrier, bits: int) -> Carrier:
    return as_type(values, np.dtype(object if bits > 61 else np.int64))


def leaky(layer: Leaky, source: FixedFormat) -> Step:
    """A factor below zero."""
    slope, fraction = np.resize(layer.slope.raw, layer.size), layer.slope.format.fraction
    bits = source.width + layer.slope.format.width

    def run(x: Carrier) -> Carrier:
        x = _exact(x, bits)
        down = quantize(np.minimum(x, 0) * slope, source.fraction + fraction, layer.result)
        return np.where(x > 0, quantize(x, source.fraction, layer.result), down)

    return run


def threshold(layer: Threshold, source: FixedFormat) -> Step:
    """Zero up to theta."""
    common = max(source.fraction, layer.theta.format.fraction)
    theta = int(layer.theta.raw[0]) << (common - layer.theta.format.fraction)
    bits = max(source.width + common - source.fraction, theta.bit_length())

    def run(x: Carrier) -> Carrier:
        x = _exact(x, bits)
        above = x * (1 << (common - source.fraction)) > theta
        return np.where(above, quantize(x, source.fraction, layer.result), 0)

    return run


def hard_sigmoid(layer: HardSigmoid, source: FixedFormat) -> Step:
    """A line between two limits."""
    product = source.fraction + layer.slope.format.fraction
    fraction = max(product, layer.shift.format.fraction, 0)
    slope = int(layer.slope.raw[0]) << (fraction - product)
    shift, one = int(layer.shift.raw[0]) << (fraction - layer.shift.format.fraction), 1 << fraction
    bits = max(source.width + slope.bit_length(), shift.bit_length(), fraction) + SPARE_BITS

    def run(x: Carrier) -> Carrier:
        line = np.clip(_exact(x, bits) * slope + shift, 0, one)
        return quantize(2 * line - one if layer.tanh else line, fraction, layer.result)

    return run


def levels(layer: Levels, source: FixedFormat) -> Step:
    """One of three values."""
    up, down = (np.resize(limit.raw, layer.size) for limit in (layer.up, layer.down))
    up_fraction, above, middle, below = layer.up.format.fraction, *layer.levels
    common = max(source.fraction, up_fraction)
    bits = max(source.width + common - source.fraction, layer.up.format.width + common - up_fraction) + SPARE_BITS
    up, down = (_exact(limit, bits) * (1 << (common - up_fraction)) for limit in (up, down))

    def run(x: Carrier) -> Carrier:
        x = _exact(x, bits) * (1 << (common - source.fraction))
        return np.where(x >= up, above, np.where(x < down, below, middle)).astype(np.int64)

    return run


def cast_each(layer: CastEach, source: FixedFormat) -> Step:
    """Columns of one type at a time."""
    formats = layer.formats()
    groups = {fmt: np.array([i for i, other in enumerate(formats) if other == fmt]) for fmt in set(formats)}
    kind = np.dtype(object if layer.result.max >= 1 << 63 else np.int64)

    def run(x: Carrier) -> Carrier:
        x = _exact(x, source.width)
        y = np.zeros(x.shape, dtype=kind)
        for fmt, columns in groups.items():
            if fmt is not None:
                y[:, columns] = quantize(quantize(x[:, columns], source.fraction, fmt), fmt.fraction, layer.result)
        return y

    return run
