"""Constant matrix products as alkaid variables: Dense, and each position of a convolution."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from alkaid.trace import FVariable, FVArray

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat, Overflow, quantize_number
from bitwright.network.layers import Constant, Dense
from bitwright.rtl.alkaid_exact import NARROWER
from bitwright.rtl.quantizers import EXACT_BITS, assign, inside, is_constant, times

Variables = list[FVariable]

WEIGHT_BITS = 24
"""alkaid's solver takes float32 matrices."""


def value(constant: Constant, index: Any) -> float:
    """One number of a constant, exact in a float; UnsupportedLayerError where it is not."""
    raw = int(constant.raw[index])
    if int(float(raw)) != raw:
        raise UnsupportedLayerError(f"a constant of {constant.format} needs more than 53 bits", hint=NARROWER)
    return raw * 2.0**-constant.format.fraction


def dense(layer: Dense, x: Variables) -> Variables:
    """The outputs of a Dense layer: an exact sum where it provably is one, else product by product."""
    bias = [_held(value(layer.bias, j), layer) for j in range(layer.size)]
    if _sums_are_exact(layer, x):
        sums = [total + b for total, b in zip(_matmul(layer, x), bias, strict=True)]
    else:
        sums = [_sum_by_product(layer, x, j, bias[j]) for j in range(layer.size)]
    return [assign(assign(total, layer.accum), layer.result) for total in sums]


def _held(value: float, layer: Dense) -> float:
    """The bias as the accumulator holds it."""
    return quantize_number(value, layer.accum) * 2.0**-layer.accum.fraction


def _product_ends(v: FVariable, weights: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    a, b = weights * v.low, weights * v.high
    return np.minimum(a, b), np.maximum(a, b)


def _sums_are_exact(layer: Dense, x: Variables) -> bool:
    """No product loses a bit in the accumulator, and no partial sum saturates."""
    accum, weights = layer.accum, layer.weight.value
    for v, row in zip(x, weights, strict=True):
        used = row[row != 0]
        if not is_constant(v) and len(used):
            step = float(v.step) * 2.0 ** min(_trailing(w) for w in used)
            if step < 2.0**-accum.fraction:
                return False
        elif len(used) and v.low and min(abs(v.low * used)) and _trailing_all(v.low * used) < -accum.fraction:
            return False
    if accum.overflow is Overflow.WRAP:
        return True
    ends = [_product_ends(v, row) for v, row in zip(x, weights, strict=True)]
    bias = layer.bias.value
    low = sum(np.minimum(e[0], 0) for e in ends) + np.minimum(bias, 0)
    high = sum(np.maximum(e[1], 0) for e in ends) + np.maximum(bias, 0)
    margin = 1 + (accum.width > EXACT_BITS)  # wider sums are rounded here
    return inside(float(np.min(low)) * margin, float(np.max(high)) * margin, accum)


def _trailing(value: float) -> int:
    """Exponent of the lowest set bit of a number."""
    numerator, denominator = float(value).as_integer_ratio()
    return (numerator & -numerator).bit_length() - 1 - (denominator.bit_length() - 1)


def _trailing_all(values: npt.NDArray[np.float64]) -> int:
    return min(_trailing(v) for v in values if v)


def _matmul(layer: Dense, x: Variables) -> Variables:
    """``x @ W`` by alkaid's constant matrix-vector solver; constant inputs become numbers."""
    weights = layer.weight.value
    live = [i for i, v in enumerate(x) if not is_constant(v)]
    fixed = sum((float(x[i].low) * weights[i] for i in range(len(x)) if i not in set(live)), np.zeros(layer.size))
    if not live:
        hwconf = x[0].hwconf
        return [FVariable.from_const(float(value), hwconf) for value in fixed]
    sources = [x[i] for i in live]
    array = FVArray(np.array(sources, dtype=object), _solver_options(layer, sources), x[0].hwconf)
    zero = FVariable.from_const(0.0, x[0].hwconf)
    products = [_as_variables(array @ part, zero) for part in _float32_parts(layer.weight, live)]
    totals = [reduce(lambda a, b: a + b, column, zero) for column in zip(*products, strict=True)] or [zero] * layer.size
    return [total + float(value) for total, value in zip(totals, fixed, strict=True)]


def _solver_options(layer: Dense, x: Variables) -> dict[str, bool] | None:
    """Without alkaid's tables over single bits where these are signed, or the sums too long for a table."""
    signed_bits = any(v.low < 0 and sum(v.kif) == 1 for v in x)
    return {"binary_lut": False} if signed_bits or layer.weight.format.width > WEIGHT_BITS - 3 else None


def _as_variables(values: Any, zero: FVariable) -> Variables:
    return [v if isinstance(v, FVariable) else zero + float(v) for v in np.asarray(values).ravel()]


def _float32_parts(weight: Constant, rows: list[int]) -> list[npt.NDArray[np.float64]]:
    """The matrix as a sum of matrices that float32 holds exactly."""
    raw, scale, parts = weight.raw[rows], 2.0**-weight.format.fraction, []
    digit = WEIGHT_BITS - 1
    while np.any(raw):
        low = raw
        if int(np.abs(raw).max()).bit_length() > WEIGHT_BITS:
            half = 1 << (digit - 1)
            low = ((raw + half) & ((1 << digit) - 1)) - half
        parts.append(low.astype(np.float64) * scale)
        raw, scale = (raw - low) >> digit, scale * 2.0**digit
    return parts


def _sum_by_product(layer: Dense, x: Variables, j: int, bias: float) -> FVariable:
    """Each product cast to the accumulator and added in the order of the C++."""
    total = FVariable.from_const(bias, x[0].hwconf)
    for i in layer.order:
        weight = value(layer.weight, (i, j))
        if weight:
            total = limit_to_accum(total + assign(times(x[i], weight), layer.accum), layer.accum)
    return total


def limit_to_accum(v: FVariable, accum: FixedFormat) -> FVariable:
    """One addition in the accumulator; a wrapping one may wrap once, at the end."""
    return v if accum.overflow is Overflow.WRAP else assign(v, accum)
