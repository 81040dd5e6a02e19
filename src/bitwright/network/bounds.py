"""Proved ranges: for each layer and element the smallest and largest raw value that can occur.

Interval arithmetic over exact integers, from the input formats forward.  The reference chooses its
arithmetic by these bounds and passes narrow formats by them, so they must never be too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Overflow, quantize
from bitwright.fixed.quantize import round_shift
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
    Network,
    Quantize,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
)

Ints = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Inclusive bounds per element, flat, as Python integers (object arrays)."""

    low: Ints
    high: Ints

    @property
    def bits(self) -> int:
        """Bits of the largest magnitude."""
        if not self.low.size:
            return 0
        return max(abs(int(self.low.min())), abs(int(self.high.max()))).bit_length()

    def fits(self, fmt: FixedFormat) -> bool:
        """Whether quantization to ``fmt`` can never overflow."""
        return bool(self.low.min() >= fmt.lower and self.high.max() <= fmt.max)

    def scaled(self, shift: int) -> Interval:
        """Both ends times ``2**shift``, shift not negative."""
        return Interval(self.low * (1 << shift), self.high * (1 << shift))


def whole_range(fmt: FixedFormat, size: int) -> Interval:
    """Everything that the format holds."""
    return Interval(np.full(size, fmt.lower, dtype=object), np.full(size, fmt.max, dtype=object))


def cast(interval: Interval, fraction: int, fmt: FixedFormat) -> Interval:
    """Bounds after an assignment to ``fmt``: rounding is monotone; a possible wrap gives everything."""
    drop = fraction - fmt.fraction
    rounded = (
        interval.scaled(-drop)
        if drop <= 0
        else Interval(round_shift(interval.low, drop, fmt.rounding), round_shift(interval.high, drop, fmt.rounding))
    )
    inside = (rounded.low >= fmt.lower) & (rounded.high <= fmt.max)
    match fmt.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            low, high = np.clip(rounded.low, fmt.lower, fmt.max), np.clip(rounded.high, fmt.lower, fmt.max)
        case Overflow.WRAP:
            low, high = np.where(inside, rounded.low, fmt.min), np.where(inside, rounded.high, fmt.max)
        case Overflow.SAT_ZERO:
            low = np.where(inside, rounded.low, np.maximum(np.minimum(rounded.low, 0), fmt.min))
            high = np.where(inside, rounded.high, np.minimum(np.maximum(rounded.high, 0), fmt.max))
        case _:
            assert_never(fmt.overflow)
    return Interval(low.astype(object), high.astype(object))


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


def dense_bounds(layer: Dense, source: Interval, source_fraction: int) -> DenseBounds:
    """Bounds of products, partial sums and the sum of ``layer`` for inputs within ``source``."""
    accum, weight = layer.accum, layer.weight.raw.astype(object)
    drop = source_fraction + layer.weight.format.fraction - accum.fraction
    rounds = drop > 0 and bool(np.any(weight & ((1 << drop) - 1)))
    a, b = source.low[:, None] * weight, source.high[:, None] * weight
    product = _shift(Interval(np.minimum(a, b), np.maximum(a, b)), drop, accum)
    bias = quantize(layer.bias.raw, layer.bias.format.fraction, accum).astype(object)
    partial = Interval(
        np.minimum(product.low, 0).sum(axis=0) + np.minimum(bias, 0),
        np.maximum(product.high, 0).sum(axis=0) + np.maximum(bias, 0),
    )
    total = Interval(product.low.sum(axis=0) + bias, product.high.sum(axis=0) + bias)
    saturates = accum.overflow is not Overflow.WRAP and not (partial.fits(accum) and product.fits(accum))
    return DenseBounds(drop, bias, rounds, saturates, partial, total)


def _shift(interval: Interval, drop: int, fmt: FixedFormat) -> Interval:
    if drop <= 0:
        return interval.scaled(-drop)
    return Interval(round_shift(interval.low, drop, fmt.rounding), round_shift(interval.high, drop, fmt.rounding))


def merge_bounds(layer: Merge, a: Interval, b: Interval, fractions: tuple[int, int]) -> tuple[Interval, int]:
    """Bounds of the exact element-wise result and its fraction."""
    size = layer.size
    a, b = _repeat(a, size), _repeat(b, size)
    if layer.op is MergeOp.MULTIPLY:
        ends = [p * q for p in (a.low, a.high) for q in (b.low, b.high)]
        return Interval(np.minimum.reduce(ends), np.maximum.reduce(ends)), sum(fractions)
    common = max(fractions)
    a, b = a.scaled(common - fractions[0]), b.scaled(common - fractions[1])
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


def _repeat(interval: Interval, size: int) -> Interval:
    return Interval(np.resize(interval.low, size), np.resize(interval.high, size))


def scale_bias_bounds(layer: ScaleBias, source: Interval, source_fraction: int) -> tuple[Interval, int]:
    """Bounds of the exact ``x * scale + bias`` and its fraction."""
    product_fraction = source_fraction + layer.scale.format.fraction
    fraction = max(product_fraction, layer.bias.format.fraction)
    scale = np.resize(layer.scale.raw.astype(object), layer.size) * (1 << (fraction - product_fraction))
    bias = np.resize(layer.bias.raw.astype(object), layer.size) * (1 << (fraction - layer.bias.format.fraction))
    a, b = source.low * scale, source.high * scale
    return Interval(np.minimum(a, b) + bias, np.maximum(a, b) + bias), fraction


def layer_bounds(layer: Layer, sources: list[tuple[Interval, FixedFormat]]) -> Interval:
    """Bounds of one layer's raw output."""
    fmt = layer.result
    match layer:
        case Input():  # a port takes every pattern, also the one that SAT_SYM never gives
            return Interval(np.full(layer.size, fmt.min, dtype=object), np.full(layer.size, fmt.max, dtype=object))
        case Dense():
            inner = dense_bounds(layer, sources[0][0], sources[0][1].fraction)
            held = (
                cast(inner.total, layer.accum.fraction, layer.accum)
                if not inner.saturates
                else whole_range(layer.accum, layer.size)
            )
            return cast(held, layer.accum.fraction, fmt)
        case ScaleBias():
            return cast(*scale_bias_bounds(layer, sources[0][0], sources[0][1].fraction), fmt)
        case Relu():
            return cast(*_relu_bounds(layer, *sources[0]), fmt)
        case Cast():
            return cast(sources[0][0], sources[0][1].fraction, fmt)
        case Quantize():
            return _quantize_bounds(layer, *sources[0])
        case Table() | Lookup():
            entries = layer.table.raw.astype(object)
            ends = Interval(np.full(layer.size, entries.min()), np.full(layer.size, entries.max()))
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


def _quantize_bounds(layer: Quantize, source: Interval, fmt: FixedFormat) -> Interval:
    """Each group of elements of one format: first into that format, then into the result."""
    low, high = np.full(layer.size, 0, dtype=object), np.full(layer.size, 0, dtype=object)
    for element, columns in groups(layer.formats):
        if element is not None:
            inner = cast(Interval(source.low[columns], source.high[columns]), fmt.fraction, element)
            ends = cast(inner, element.fraction, layer.result)
            low[columns], high[columns] = ends.low, ends.high
    return Interval(low, high)


def groups(formats: tuple[FixedFormat | None, ...]) -> list[tuple[FixedFormat | None, npt.NDArray[np.int64]]]:
    """The distinct formats and the positions of each."""
    return [
        (fmt, np.array([i for i, other in enumerate(formats) if other == fmt], dtype=np.int64))
        for fmt in dict.fromkeys(formats)
    ]


def _relu_bounds(layer: Relu, source: Interval, fmt: FixedFormat) -> tuple[Interval, int]:
    """Bounds before the cast and their fraction; a limit may lie between the steps of a coarse source."""
    fraction = max(fmt.fraction, 0)
    source = source.scaled(fraction - fmt.fraction)
    low, high = np.maximum(source.low, 0), np.maximum(source.high, 0)
    if layer.limit is None:
        return Interval(low, high), fraction
    limit = layer.limit << fraction
    return Interval(np.minimum(low, limit), np.minimum(high, limit)), fraction


def network_bounds(network: Network) -> dict[str, Interval]:
    """Bounds of every layer's raw output, by layer name."""
    bounds: dict[str, Interval] = {}
    formats: dict[str, FixedFormat] = {}
    for layer in network.layers:
        bounds[layer.name] = layer_bounds(layer, [(bounds[s], formats[s]) for s in layer.sources])
        formats[layer.name] = layer.result
    return bounds
