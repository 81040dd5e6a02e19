"""One evaluation step per layer kind, in the fastest arithmetic that its bounds prove exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import assert_never

import numpy as np

from bitwright.fixed import quantize
from bitwright.network.bounds import merge_bounds
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
    scale,
)
from bitwright.network.interval import Interval
from bitwright.network.layers import (
    Argmax,
    Cast,
    CastEach,
    Concat,
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
    Pool,
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    Threshold,
)
from bitwright.network.rearrange import source_index
from bitwright.network.steps_attention import einsum, embedding, layer_norm
from bitwright.network.steps_conv import convolution
from bitwright.network.steps_elements import (
    cast_each,
    cast_step,
    hard_sigmoid,
    leaky,
    levels,
    relu,
    scale_bias,
    threshold,
)
from bitwright.network.steps_pool import pooling
from bitwright.network.steps_product import product
from bitwright.network.steps_recurrent import recurrent
from bitwright.network.steps_tables import exp_linear, hard_max, lookup, softmax, table

Bounds = Mapping[str, Interval]


def step_of(layer: Layer, sources: Sequence[Layer], bounds: Bounds) -> Step:
    """The step that computes ``layer`` from the carriers of its sources."""
    match layer:
        case Input():
            dtype = carrier_type(layer.result.width)
            return lambda x: as_type(x, dtype)
        case Merge():
            return _merge(layer, sources, bounds)
        case Concat():
            return _concat(layer, sources, bounds)
        case Dot():
            return _dot(layer, sources)
        case Einsum():
            return einsum(layer, sources)
        case _:
            return _step_of_one(layer, sources[0], bounds[sources[0].name])


def _step_of_one(layer: Layer, source: Layer, inside: Interval) -> Step:
    """The step of a layer that reads one other, whose values are ``inside``."""
    fmt = source.result
    match layer:
        case Dense():
            return product(layer, fmt, inside)
        case Conv():
            return convolution(layer, source, inside)
        case Pool():
            return pooling(layer, source, inside)
        case Rearrange():
            return _rearrange(layer, source, inside)
        case ScaleBias():
            return scale_bias(layer, source, inside)
        case Relu():
            return relu(layer, fmt, inside)
        case Cast():
            return cast_step(fmt, layer.result, inside)
        case Table():
            return table(layer, fmt)
        case Softmax():
            return softmax(layer, fmt)
        case HardMax():
            return hard_max(layer)
        case Leaky():
            return leaky(layer, fmt)
        case Threshold():
            return threshold(layer, fmt)
        case HardSigmoid():
            return hard_sigmoid(layer, fmt)
        case ExpLinear():
            return exp_linear(layer, fmt)
        case Levels():
            return levels(layer, fmt)
        case Lookup():
            return lookup(layer, fmt)
        case CastEach():
            return cast_each(layer, fmt)
        case Embedding():
            return embedding(layer, fmt)
        case LayerNorm():
            return layer_norm(layer, fmt)
        case Recurrent():
            return recurrent(layer, source, inside)
        case Argmax():
            return lambda x: np.argmax(x, axis=1)[:, None]
        case Reshape():
            return lambda x: x
        case Input() | Merge() | Concat() | Dot() | Einsum():
            raise AssertionError("not a layer of one source")
    assert_never(layer)


def _rearrange(layer: Rearrange, source: Layer, interval: Interval) -> Step:
    cast = cast_step(source.result, layer.result, interval)
    index = source_index(layer, source.shape)
    outside = index < 0

    def run(x: Carrier) -> Carrier:
        y = cast(x)[:, index]
        y[:, outside] = 0
        return y

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
    casts = [cast_step(source.result, layer.result, bounds[source.name]) for source in sources]
    shapes = [source.shape for source in sources]

    def run(a: Carrier, b: Carrier) -> Carrier:
        parts = [
            as_type(cast(values), np.dtype(object if layer.result.width > 62 else np.int64)).reshape(len(a), *shape)
            for cast, values, shape in zip(casts, (a, b), shapes, strict=True)
        ]
        return np.concatenate(parts, axis=layer.axis + 1).reshape(len(a), prod(layer.shape))

    return run


def _dot(layer: Dot, sources: Sequence[Layer]) -> Step:
    """Each product cast to the accumulator, added one after another."""
    fractions, accum = sum(source.result.fraction for source in sources), layer.accum
    wide = max(sum(source.result.width for source in sources), accum.width + 1) > INT64_BITS
    integer = np.dtype(object if wide else np.int64)

    def run(a: Carrier, b: Carrier) -> Carrier:
        products = quantize(as_type(a, integer) * as_type(b, integer), fractions, accum).astype(integer)
        total = np.zeros_like(products[:, 0])
        for column in products.T:
            total = quantize(total + column, accum.fraction, accum).astype(integer)
        return quantize(total, accum.fraction, layer.result)[:, None]

    return run
