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
from bitwright.frontend.lower_powers import loses_bits, powers, shifted
from bitwright.frontend.lower_types import constant, is_bit, named, unsupported
from bitwright.network.layers import Cast, Constant, Conv, Dense, Layer, Rearrange, RearrangeOp, ScaleBias

SIGNS = FixedFormat(2, 2)
XNOR = "XnorPrecisionType"


def _types(node: Any, which: str) -> tuple[Any, Any]:
    return node.get_input_variable().type.precision, node.get_weights(which).type.precision


def factor(node: Any, which: str, source: Layer) -> Constant:
    """Constants that multiply, as the numbers by which the C++'s product multiplies."""
    data, kind = _types(node, which)
    if named(kind, "ExponentPrecisionType"):
        return powers(node, which, source.result)
    made = constant(node, which)
    if named(data, XNOR):
        return made
    if named(kind, XNOR):
        return Constant(2 * made.raw - 1, SIGNS)
    if named(kind, "IntegerPrecisionType") and (made.format.width, made.format.signed) == (2, True):
        return Constant(np.where(made.raw == -2, 1, made.raw), made.format)  # weight_ternary: what is not 0 or -1 is 1
    return made


def finished(node: Any, layer: Dense | Conv | ScaleBias, source: Layer, which: str) -> Layer | tuple[Layer, ...]:
    """The layer, or several where its data or its weights are binary."""
    data, kind = _types(node, which)
    if named(kind, "ExponentPrecisionType") and loses_bits(node, which, source.result):
        return shifted(node, layer, source, which)
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
