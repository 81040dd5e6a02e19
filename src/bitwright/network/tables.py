"""The tables of hls4ml's activations, filled as its C++ fills them (nnet_activation.h), to the bit.

The C++ computes in ``float`` with the C library's ``expf`` and ``tanh``; calling the same library
through ctypes avoids the last-bit differences of other implementations.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from functools import cache

import numpy as np

from bitwright.errors import FormatError
from bitwright.fixed import FixedFormat, quantize_number
from bitwright.network.layers import Constant, TableFunction


@cache
def _libm(name: str, ctype: type) -> Callable[[float], float]:
    library = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
    function = getattr(library, name)
    function.restype, function.argtypes = ctype, [ctype]
    return function


def _expf(x: np.float32) -> np.float32:
    return np.float32(_libm("expf", ctypes.c_float)(float(x)))


def _sigmoid(x: np.float32) -> float:
    """``float(1.0 / (1 + std::exp(-input)))``: the sum is float, the quotient double, the result float."""
    return float(np.float32(1.0 / float(np.float32(1) + _expf(-x))))


def _tanh(x: np.float32) -> float:
    return float(_libm("tanhf", ctypes.c_float)(float(x)))


def _exp_minus_one(x: np.float32) -> float:
    """``std::exp(input) - 1.``: the exponential is float, the difference double."""
    return float(_expf(x)) - 1.0


def _softplus(x: np.float32) -> float:
    """``std::log(std::exp(input) + 1.)``: the exponential is float, the rest double, the result float."""
    return float(np.float32(_libm("log", ctypes.c_double)(float(_expf(x)) + 1.0)))


def _softsign(x: np.float32) -> float:
    """``input / (std::abs(input) + 1.)`` in double, the result float."""
    return float(np.float32(float(x) / (abs(float(x)) + 1.0)))


EVALUATE = {
    TableFunction.SIGMOID: _sigmoid,
    TableFunction.TANH: _tanh,
    TableFunction.SOFTPLUS: _softplus,
    TableFunction.SOFTSIGN: _softsign,
}


def elu_table(entries: int, fmt: FixedFormat) -> Constant:
    """``init_elu_table``: entry i stands for ``-8 i / n``."""
    return _constant([float(np.float32(_exp_minus_one(x))) for x in _points_below(entries)], fmt)


def selu_table(entries: int, fmt: FixedFormat) -> Constant:
    """``init_selu_table``: entry i stands for ``-8 i / n``."""
    return _constant(
        [float(np.float32(SELU_SCALE * (SELU_ALPHA * _exp_minus_one(x)))) for x in _points_below(entries)], fmt
    )


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _points_below(entries: int) -> list[np.float32]:
    return [np.float32(-8.0 * i / float(np.float32(entries))) for i in range(entries)]


def activation_table(function: TableFunction, entries: int, fmt: FixedFormat) -> Constant:
    """``init_sigmoid_table`` and its like: entry i stands for ``2 r (i - n/2) / n``."""
    evaluate = EVALUATE[function]
    span = 2 * function.half_range
    points = [np.float32(span * float(np.float32(i) - np.float32(entries / 2)) / entries) for i in range(entries)]
    return _constant([evaluate(x) for x in points], fmt)


def _constant(values: list[float], fmt: FixedFormat) -> Constant:
    return Constant(np.array([_assign(value, fmt) for value in values], dtype=np.int64), fmt)


def _assign(value: float, fmt: FixedFormat) -> int:
    """``ap_fixed = float``; the C++ gives an infinity (1 / 0) the format's limit or zero."""
    if np.isinf(value):
        return _assign_infinity(value > 0, fmt)
    return quantize_number(value, fmt)


def _assign_infinity(positive: bool, fmt: FixedFormat) -> int:
    """What ``ap_fixed`` makes of an infinite float: mantissa 1.0 times 2**1024 (float: 2**128)."""
    return quantize_number((1 if positive else -1) * (1 << 128), fmt)


def inverse_root_table(entries: int, fmt: FixedFormat, epsilon_power: int, range_power: int) -> Constant:
    """``init_invert_sqr_table``: entry i stands for a variance of ``10**-epsilon_power + i 2**-range_power / n``."""
    least, step = np.float32(10.0**-epsilon_power), np.float32(2.0**-range_power) / np.float32(entries)
    values = [least + step * np.float32(i) for i in range(entries)]
    return _constant([1.0 / float(np.sqrt(value)) for value in values], fmt)


def _address_values(address: FixedFormat, entries: int) -> list[float]:
    """The number that each table index stands for: the index as the top bits of ``address``."""
    bits = (entries - 1).bit_length()
    if bits > address.width:
        raise FormatError(
            f"{address} has too few bits to address a table of {entries} entries",
            hint="choose a smaller table_size, or a wider input of this softmax, in the hls4ml config",
        )
    indices = np.arange(entries, dtype=object) * (1 << (address.width - bits))
    if address.signed:
        indices = np.where(indices > address.max, indices - (1 << address.width), indices)
    return [float(np.float32(float(i) * 2.0**-address.fraction)) for i in indices]


def exp_table(address: FixedFormat, entries: int, fmt: FixedFormat, exp_scale: float, negative: bool) -> Constant:
    """``init_exp_table``: exp of each address, of its negative for the stable softmax."""
    sign = -1 if negative else 1
    points = [np.float32(sign) * (np.float32(x) * np.float32(exp_scale)) for x in _address_values(address, entries)]
    return _constant([float(_expf(np.float32(x))) for x in points], fmt)


def inverse_table(address: FixedFormat, entries: int, fmt: FixedFormat) -> Constant:
    """``init_invert_table``: the reciprocal of each address."""
    with np.errstate(divide="ignore"):
        values = [float(np.float32(1) / np.float32(x)) for x in _address_values(address, entries)]
    return _constant(values, fmt)
