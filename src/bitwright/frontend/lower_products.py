"""Weights that are not plain numbers: binary, ternary and powers of two, as layers that compute the same bits.

hls4ml has another C++ product for some pairs of types (``nnet_mult.h``; which one, ``product_type`` of its FPGA
backend says).  A binary value is one unsigned bit that stands for -1 or 1.
"""

from __future__ import annotations

import dataclasses
from math import prod
from typing import Any

import numpy as np

from bitwright.fixed import FixedFormat, Overflow, quantize
from bitwright.frontend.lower_types import constant, is_bit, named, unsupported
from bitwright.network.layers import Cast, Constant, Conv, Dense, Layer, Rearrange, RearrangeOp, Reshape, ScaleBias
from bitwright.network.rearrange import nearest

SIGNS = FixedFormat(2, 2)
XNOR = "XnorPrecisionType"


def _types(node: Any, which: str) -> tuple[Any, Any]:
    return node.get_input_variable().type.precision, node.get_weights(which).type.precision


def factor(node: Any, which: str, source: Layer) -> Constant:
    """Constants that multiply, as the numbers by which the C++'s product multiplies."""
    data, kind = _types(node, which)
    if named(kind, "ExponentPrecisionType"):
        return _powers(node, which, source.result)
    made = constant(node, which)
    if named(data, XNOR):
        return made
    if named(kind, XNOR):
        return Constant(2 * made.raw - 1, SIGNS)
    if named(kind, "IntegerPrecisionType") and (made.format.width, made.format.signed) == (2, True):
        return Constant(np.where(made.raw == -2, 1, made.raw), made.format)  # weight_ternary: what is not 0 or -1 is 1
    return made


def _exponents(node: Any, which: str) -> Any:
    """Signs and exponents of weights that are powers of two."""
    values = np.asarray(node.get_weights(which).data, dtype=np.float64)
    if not np.all(values):
        raise unsupported(node, f"a {which} of zero among powers of two")
    return np.where(values < 0, -1, 1).astype(np.int64), np.log2(np.abs(values)).astype(np.int64)


def _powers(node: Any, which: str, data: FixedFormat) -> Constant:
    """Plus or minus powers of two."""
    signs, exponents = _exponents(node, which)
    low, high = min(int(exponents.min()), 0), max(int(exponents.max()), 0)
    side = _side(node, which, data)
    if data.fraction > side or data.integer + (not data.signed) + high > side:
        raise unsupported(node, f"powers of two up to 2**{high} of {data}, of which the C++'s product loses bits")
    fmt = FixedFormat(high - low + 2, high + 2)
    return Constant(signs << (exponents + fmt.fraction), fmt)


def _side(node: Any, which: str, data: FixedFormat) -> int:
    """Bits on each side of the point of weight_exponential's product."""
    return int(node.get_weights(which).type.precision.width) + data.width


def _shifted(node: Any, layer: Dense | Conv | ScaleBias, source: Layer, which: str) -> tuple[Layer, ...] | None:
    """Where weight_exponential's product drops bits: the input shifted by each exponent, weights of plus or minus one.

    The shift rounds towards minus infinity, the sign comes after it: no product of two numbers does that.
    """
    data, side = source.result, _side(node, which, source.result)
    signs, exponents = _exponents(node, which)
    low, high = int(exponents.min()), int(exponents.max())
    if data.fraction - min(low, 0) <= side:
        return None
    if not isinstance(layer, Dense) or (layer.accum.overflow is not Overflow.WRAP and layer.strategy != "latency"):
        raise unsupported(node, f"powers of two down to 2**{low} of {data}, of which the C++'s product loses bits")
    signs, exponents = (n.reshape(layer.weight.raw.shape) for n in _turned(node, signs, exponents))
    shifts = np.arange(low, high + 1)
    n_in, count = len(signs), len(shifts)
    if not np.array_equal(nearest(n_in, n_in * count), np.arange(n_in * count) // count):
        raise unsupported(node, f"{n_in} inputs of {count} powers of two each")
    integer = max(data.integer + (not data.signed) + max(high, 0), 1 - side)
    product = FixedFormat(side + integer, integer)
    weight = np.where(exponents[:, None, :] == shifts[None, :, None], signs[:, None, :], 0).reshape(n_in * count, -1)
    scale = FixedFormat(high - low + 2, high + 2)
    powers = Constant(np.int64(1) << (shifts + scale.fraction), scale)
    zeros = Constant(np.zeros(count, dtype=np.int64), scale)
    name, tall = layer.name, (n_in * count, 1)
    return (
        Reshape(name=f"{name}_column", sources=(source.name,), shape=(n_in, 1), result=data),
        Rearrange(name=f"{name}_copies", sources=(f"{name}_column",), shape=tall, result=data, op=RearrangeOp.RESIZE),
        ScaleBias(
            name=f"{name}_shifts", sources=(f"{name}_copies",), shape=tall, result=product, scale=powers, bias=zeros
        ),
        dataclasses.replace(layer, sources=(f"{name}_shifts",), weight=Constant(weight, SIGNS)),
    )


def _turned(node: Any, *arrays: Any) -> tuple[Any, ...]:
    return tuple(a.T if node.get_attr("_weights_transposed") else a for a in arrays)


def finished(node: Any, layer: Dense | Conv | ScaleBias, source: Layer, which: str) -> Layer | tuple[Layer, ...]:
    """The layer, or several where its data or its weights are binary."""
    data, kind = _types(node, which)
    if named(kind, "ExponentPrecisionType") and (made := _shifted(node, layer, source, which)):
        return made
    before: list[Layer] = []
    if named(data, XNOR) and not named(kind, XNOR):
        before = _signs(layer, source)
        layer = dataclasses.replace(layer, sources=(before[-1].name,))
        if isinstance(layer, Conv):
            layer = dataclasses.replace(layer, padding=(0,) * len(layer.padding))
    if isinstance(layer, ScaleBias):
        if named(data, XNOR) and named(kind, XNOR):
            raise unsupported(node, "binary scales of binary data")
        return (*before, layer)
    if not (is_bit(data) and is_bit(kind)):
        return (*before, layer)
    return (*before, *_counted(node, layer, matches=named(data, XNOR) and named(kind, XNOR)))


def _signs(layer: Dense | Conv | ScaleBias, source: Layer) -> list[Layer]:
    """Minus one and one for the bits of ``source``; a bit outside of an image is 0, thus minus one."""
    made: list[Layer] = []
    shape, name = source.shape, source.name
    if isinstance(layer, Conv) and any(layer.padding):
        pads = layer.padding
        shape = (*(n + pads[2 * i] + pads[2 * i + 1] for i, n in enumerate(shape[:-1])), shape[-1])
        name = f"{layer.name}_padded"
        pad = RearrangeOp.ZERO_PAD
        made.append(
            Rearrange(name=name, sources=(source.name,), shape=shape, result=source.result, op=pad, parameters=pads)
        )
    made.append(_twice(f"{layer.name}_signs", name, shape, SIGNS, -1))
    return made


def _twice(name: str, source: str, shape: tuple[int, ...], result: FixedFormat, offset: int) -> ScaleBias:
    """``2 x + offset``."""
    wide = FixedFormat(max(abs(offset), 2).bit_length() + 1, max(abs(offset), 2).bit_length() + 1)
    two, more = (Constant(np.array([n], dtype=np.int64), wide) for n in (2, offset))
    return ScaleBias(name=name, sources=(source,), shape=shape, result=result, scale=two, bias=more)


def _counted(node: Any, layer: Dense | Conv, *, matches: bool) -> tuple[Layer, ...]:
    """``cast_T(ap_int(2 acc - n))``: with bits for data and weights the C++ counts, and turns the count into a sum.

    A match of two bits, ``a == w``, is ``a`` for a weight of 1 and ``1 - a`` for one of 0.
    """
    position = layer if isinstance(layer, Dense) else layer.position
    n_in = prod(position.weight.raw.shape[:1])
    bias = quantize(layer.bias.raw, layer.bias.format.fraction, layer.accum)
    weight = layer.weight
    if matches:
        zeros = (weight.raw == 0).reshape(-1, layer.shape[-1]).sum(axis=0)
        _check_count(node, layer, bias, n_in)
        bias = bias + (zeros << layer.accum.fraction)
        weight = Constant(2 * weight.raw - 1, SIGNS)
    count = dataclasses.replace(
        layer, name=f"{layer.name}_count", weight=weight, bias=Constant(bias, layer.accum), result=layer.accum
    )
    bits = _ceil_log2(_n_in(node, n_in)) + 2
    total = _twice(f"{layer.name}_sum", count.name, layer.shape, FixedFormat(bits, bits), -_n_in(node, n_in))
    last = Cast(name=layer.name, sources=(total.name,), shape=layer.shape, result=layer.result)
    return count, total, last


def _check_count(node: Any, layer: Dense | Conv, bias: Any, n_in: int) -> None:
    """The sum is taken in another order than the C++'s; that is the same where nothing is lost on the way."""
    accum = layer.accum
    most = int(bias.max(initial=0)) + (n_in << max(accum.fraction, 0))
    if isinstance(layer, Conv) and layer.depthwise:
        raise unsupported(node, "a binary depthwise convolution")
    if accum.fraction < 0 or (accum.overflow is not Overflow.WRAP and most > accum.max) or most > accum.max:
        raise unsupported(node, f"an accumulator {accum} that does not hold {n_in} binary products")


def _n_in(node: Any, n_in: int) -> int:
    """``n_in`` of the C++'s configuration: of a pointwise convolution in one piece, all of the image's."""
    whole = "PointwiseConv1D" in type(node).__name__ and int(node.get_attr("n_partitions", 0) or 0) == 1
    latency = str(node.get_attr("strategy", "latency")).lower() == "latency"
    return n_in * int(node.get_attr("in_width")) if whole and latency else n_in


def _ceil_log2(x: int) -> int:
    """``nnet::ceillog2``, which is 1 up to 2."""
    return 1 if x <= 2 else 1 + _ceil_log2((x + 1) // 2)
