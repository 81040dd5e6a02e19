"""Steps of convolutions: the windows of an image, gathered, then one Dense for all positions."""

from __future__ import annotations

from math import prod

import numpy as np

from bitwright.network.bounds_products import window_interval
from bitwright.network.carrier import Carrier, Step
from bitwright.network.interval import Interval
from bitwright.network.layers import Cast, Conv, Dense, Layer, Relu
from bitwright.network.steps_product import Multiply, fusible, product, product_then
from bitwright.network.window import windows

GATHERED = 1 << 23
"""Elements of windows gathered at once."""


def convolution(layer: Conv, source: Layer, interval: Interval) -> Step:
    """The step of a Conv layer."""
    inside = window_interval(layer, interval)
    run = product(layer.position, source.result, inside, _multiply(layer))
    return _over_windows(layer, source, run)


def fusible_pair(layer: Dense | Conv, reader: Relu | Cast, source: Layer, interval: Interval) -> bool:
    """Whether ``layer`` and the ``reader`` that alone reads it may be one step."""
    if isinstance(layer, Dense):
        return fusible(layer, reader, source.result, interval)
    return fusible(layer.position, reader, source.result, window_interval(layer, interval))


def pair(layer: Dense | Conv, reader: Relu | Cast, source: Layer, interval: Interval) -> Step:
    """The step of ``layer`` and ``reader`` together."""
    if isinstance(layer, Dense):
        return product_then(layer, reader, source.result, interval)
    inside = window_interval(layer, interval)
    run = product_then(layer.position, reader, source.result, inside, _multiply(layer))
    return _over_windows(layer, source, run)


def _over_windows(layer: Conv, source: Layer, run: Step) -> Step:
    """``run`` on the windows of as many images at once as memory allows."""
    depth = prod(layer.kernel) * source.shape[-1]
    images = max(1, GATHERED // (prod(layer.shape[:-1]) * depth))

    def step(x: Carrier) -> Carrier:
        parts = []
        for start in range(0, max(len(x), 1), images):
            rows = x[start : start + images]
            gathered = windows(rows, source.shape, layer.kernel, layer.stride, layer.padding)
            parts.append(run(gathered.reshape(len(gathered), depth)).reshape(len(rows), layer.size))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return step


def _multiply(layer: Conv) -> Multiply:
    return _by_channel if layer.depthwise else np.matmul


def _by_channel(x: Carrier, weight: Carrier) -> Carrier:
    """``x @ weight`` where weight holds one number for each tap and channel and is zero elsewhere."""
    channels = weight.shape[1]
    taps = x.reshape(len(x), len(weight) // channels, channels)
    factors = weight.reshape(-1, channels, channels).diagonal(axis1=1, axis2=2)
    total = taps[:, 0] * factors[0]
    for tap in range(1, len(factors)):
        total += taps[:, tap] * factors[tap]
    return total
