"""One symbolic function per layer kind: numbers in, numbers out, as alkaid variables.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt
from alkaid.trace import FVariable

from bitwright.fixed import FixedFormat, quantize
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
    SoftmaxKind,
    Table,
    Threshold,
)
from bitwright.rtl.quantizers import (
    assign,
    fraction_bits,
    times,
    truncate,
    wrapped,
)
from bitwright.rtl.symbolic_activations import activation, lookup, relu, table
from bitwright.rtl.symbolic_attention import einsum, embedding, layer_norm
from bitwright.rtl.symbolic_dense import Variables, dense, value
from bitwright.rtl.symbolic_images import conv, pool, rearrange, tree_sum
from bitwright.rtl.symbolic_recurrent import recurrent


def apply(layer: Layer, sources: Sequence[Variables], read: Sequence[Layer]) -> Variables:
    """The output elements of ``layer`` in row-major order.

    Args:
        layer: the layer.
        sources: the elements of each source.
        read: the sources themselves: their shapes, and their formats, whose bit patterns address tables.
    """
    match layer:
        case Dense():
            return dense(layer, sources[0])
        case Conv():
            return conv(layer, sources[0], read[0].shape)
        case Pool():
            return pool(layer, sources[0], read[0])
        case Rearrange():
            return rearrange(layer, sources[0], read[0].shape)
        case ScaleBias():
            return _scale_bias(layer, sources[0])
        case Relu():
            return [relu(v, layer) for v in sources[0]]
        case Cast():
            return [assign(v, layer.result) for v in sources[0]]
        case Table():
            return [table(layer, v) for v in sources[0]]
        case Softmax():
            return _by_slices(layer, sources[0], lambda x: _softmax(layer, x, read[0].result))
        case HardMax():
            return _by_slices(layer, sources[0], lambda x: _hard_max(layer, x))
        case Leaky() | Threshold() | HardSigmoid() | Levels() | ExpLinear() | Lookup() | CastEach():
            return [activation(layer, v, i, read[0].result) for i, v in enumerate(sources[0])]
        case Embedding():
            return embedding(layer, sources[0])
        case LayerNorm():
            return layer_norm(layer, sources[0])
        case Recurrent():
            return recurrent(layer, sources[0], read[0].shape)
        case Dot():
            return [_dot(layer, sources[0], sources[1])]
        case Einsum():
            return einsum(layer, sources[0], sources[1])
        case Argmax():
            return [_argmax(sources[0])]
        case Merge():
            return _merge(layer, sources[0], sources[1])
        case Concat():
            return _concat(layer, sources, [source.shape for source in read])
        case Reshape():
            return list(sources[0])
        case Input():
            raise AssertionError("an input is not computed")
    assert_never(layer)


def _concat(layer: Concat, sources: Sequence[Variables], shapes: Sequence[tuple[int, ...]]) -> Variables:
    """Both sources cast to the result and joined along the layer's axis."""
    parts = []
    for variables, shape in zip(sources, shapes, strict=True):
        part = np.empty(len(variables), dtype=object)
        part[:] = [assign(v, layer.result) for v in variables]
        parts.append(part.reshape(shape))
    return list(np.concatenate(parts, axis=layer.axis).ravel())


def _scale_bias(layer: ScaleBias, x: Variables) -> Variables:
    n = layer.scale.raw.size
    return [
        assign(times(v, value(layer.scale, i % n)) + value(layer.bias, i % n), layer.result) for i, v in enumerate(x)
    ]


# --- tables ------------------------------------------------------------------------------------


def _top_bits(v: FVariable, fmt: FixedFormat, bits: int) -> FVariable:
    """The top ``bits`` of the pattern of ``v`` in ``fmt``, still at their weight."""
    return truncate(v, fmt.fraction - (fmt.width - bits))


def _pattern_index(v: FVariable, fmt: FixedFormat, bits: int) -> Callable[[int], int]:
    """Raw integer of ``v``'s step to the table index: the top bits of its pattern in ``fmt``."""
    up = fmt.fraction - fraction_bits(v)

    def index(raw: int) -> int:
        pattern = (raw << up if up >= 0 else raw >> -up) & ((1 << fmt.width) - 1)
        return pattern >> (fmt.width - bits)

    return index


def _pattern_lookup(v: FVariable, fmt: FixedFormat, table: npt.NDArray[Any], fraction: int) -> FVariable:
    bits = (len(table) - 1).bit_length()
    address = _top_bits(v, fmt, bits)
    index = _pattern_index(address, fmt, bits)
    return lookup(address, lambda raw: int(table[index(raw)]), fraction)


def _by_slices(layer: Softmax | HardMax, x: Variables, function: Callable[[Variables], Variables]) -> Variables:
    """``function`` on the elements that belong together, out of (outer, together, inner)."""
    places = np.arange(len(x)).reshape(layer.slices)
    out = dict[int, FVariable]()
    for outer in range(layer.outer):
        for inner in range(layer.inner):
            together = places[outer, :, inner].tolist()
            out.update(zip(together, function([x[i] for i in together]), strict=True))
    return [out[i] for i in range(len(x))]


def _softmax(layer: Softmax, x: Variables, source: FixedFormat) -> Variables:
    accum, address = layer.accum, source
    if layer.implementation is SoftmaxKind.STABLE:
        largest = reduce(lambda a, b: a.max_of(b), x)
        x = [assign(largest - v, layer.difference) for v in x]
        address = layer.difference
    exps = quantize(layer.exp_table.raw, layer.exp_table.format.fraction, accum)
    exp = [_pattern_lookup(v, address, exps, accum.fraction) for v in x]
    total = assign(tree_sum(exp, accum), layer.inverse_input)
    inverse = _pattern_lookup(total, layer.inverse_input, layer.inverse_table.raw, layer.inverse_table.format.fraction)
    return [assign(e * inverse, layer.result) for e in exp]


# --- comparisons -------------------------------------------------------------------------------


def _less(a: FVariable, b: FVariable) -> FVariable:
    """1 where a < b."""
    return (a - b).is_negative()


def _argmax(x: Variables) -> FVariable:
    """A tournament; the earlier of equals wins."""
    field = [(v, FVariable.from_const(float(i), v.hwconf)) for i, v in enumerate(x)]
    while len(field) > 1:
        pairs = [_winner(field[i], field[i + 1]) for i in range(0, len(field) - 1, 2)]
        field = pairs + (field[-1:] if len(field) % 2 else [])
    return field[0][1]


def _winner(a: tuple[FVariable, FVariable], b: tuple[FVariable, FVariable]) -> tuple[FVariable, FVariable]:
    b_wins = _less(a[0], b[0])
    return b_wins.msb_mux(b[0], a[0]), b_wins.msb_mux(b[1], a[1])


def _hard_max(layer: HardMax, x: Variables) -> Variables:
    one = FVariable.from_const(1.0, x[0].hwconf)
    outs = []
    for j, v in enumerate(x):
        wins = [~_less(v, other) if k > j else _less(other, v) for k, other in enumerate(x) if k != j]
        winner = reduce(lambda a, b: a & b, [wrapped(w, 0, 1, 0) for w in wins]) if wins else one
        outs.append(assign(winner, layer.result))
    return outs


def _merge(layer: Merge, a: Variables, b: Variables) -> Variables:
    pairs = [(a[i % len(a)], b[i % len(b)]) for i in range(layer.size)]
    return [assign(_combine(layer.op, p, q), layer.result) for p, q in pairs]


def _combine(op: MergeOp, p: FVariable, q: FVariable) -> FVariable:
    match op:
        case MergeOp.ADD:
            return p + q
        case MergeOp.SUBTRACT:
            return p - q
        case MergeOp.MULTIPLY:
            return p * q
        case MergeOp.AVERAGE:
            return (p + q) * 0.5
        case MergeOp.MAXIMUM:
            return p.max_of(q)
        case MergeOp.MINIMUM:
            return p.min_of(q)
    assert_never(op)


def _dot(layer: Dot, a: Variables, b: Variables) -> FVariable:
    """Each product cast to the accumulator, added one after another."""
    zero = FVariable.from_const(0.0, a[0].hwconf)
    products = [assign(p * q, layer.accum) for p, q in zip(a, b, strict=True)]
    return assign(reduce(lambda p, q: assign(p + q, layer.accum), products, zero), layer.result)
