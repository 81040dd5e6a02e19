"""Weights that are plus or minus powers of two (``weight_exponential`` of ``nnet_mult.h``).

The C++ shifts within as many bits on each side of the point as weight and data have together, and then takes the
sign.  Where the shift drops bits, no product of two numbers does that: each input comes once for each exponent,
shifted and rounded, and the weights are the signs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Overflow
from bitwright.frontend.lower_types import unsupported
from bitwright.network.layers import (
    Cast,
    Concat,
    Constant,
    Conv,
    Dense,
    Layer,
    Rearrange,
    RearrangeOp,
    Reshape,
    ScaleBias,
)
from bitwright.network.rearrange import nearest

Ints = npt.NDArray[np.int64]
SIGN = FixedFormat(2, 2)


def _exponents(node: Any, which: str) -> tuple[Ints, Ints]:
    """Signs and exponents of weights that are powers of two."""
    values = np.asarray(node.get_weights(which).data, dtype=np.float64)
    if not np.all(values):
        raise unsupported(node, f"a {which} of zero among powers of two")
    return np.where(values < 0, -1, 1).astype(np.int64), np.log2(np.abs(values)).astype(np.int64)


def powers(node: Any, which: str, data: FixedFormat) -> Constant:
    """Plus or minus powers of two, in the order in which hls4ml holds the weights."""
    signs, exponents = _exponents(node, which)
    low, high = min(int(exponents.min()), 0), max(int(exponents.max()), 0)
    side = _side(node, which, data)
    if data.integer + (not data.signed) + high > side:
        raise unsupported(node, f"powers of two up to 2**{high} of {data}, of which the C++'s product loses bits")
    fmt = FixedFormat(high - low + 2, high + 2)
    return Constant(signs << (exponents + fmt.fraction), fmt)


def _side(node: Any, which: str, data: FixedFormat) -> int:
    """Bits on each side of the point of weight_exponential's product."""
    return int(node.get_weights(which).type.precision.width) + data.width


def loses_bits(node: Any, which: str, data: FixedFormat) -> bool:
    """Whether the smallest power shifts bits of the data beyond the product's last one."""
    _, exponents = _exponents(node, which)
    return data.fraction - min(int(exponents.min()), 0) > _side(node, which, data)


@dataclasses.dataclass(frozen=True)
class _Shifts:
    """The exponents that occur, from ``low`` to ``high``, and the type of the shifted data."""

    low: int
    high: int
    product: FixedFormat

    @property
    def count(self) -> int:
        return self.high - self.low + 1

    @property
    def format(self) -> FixedFormat:
        """A type that holds all of the powers."""
        return FixedFormat(self.high - self.low + 2, self.high + 2)

    def power(self, exponents: Ints) -> Constant:
        return Constant(np.int64(1) << (exponents + self.format.fraction), self.format)


def shifted(node: Any, layer: Dense | Conv | ScaleBias, source: Layer, which: str) -> tuple[Layer, ...]:
    """The layers that shift and round before ``layer``, whose weights become plus and minus one."""
    signs, exponents = _exponents(node, which)
    data, side, high = source.result, _side(node, which, source.result), int(exponents.max())
    integer = max(data.integer + (not data.signed) + max(high, 0), 1 - side)
    shifts = _Shifts(int(exponents.min()), high, FixedFormat(side + integer, integer))
    if data.fraction > side:  # the C++ cuts the data before it shifts
        cut = Cast(name=f"{layer.name}_cut", sources=(source.name,), shape=source.shape, result=shifts.product)
        return cut, *_shifted(node, layer, cut, shifts, (signs, exponents))
    return _shifted(node, layer, source, shifts, (signs, exponents))


def _shifted(
    node: Any, layer: Dense | Conv | ScaleBias, source: Layer, shifts: _Shifts, found: tuple[Ints, Ints]
) -> tuple[Layer, ...]:
    signs, exponents = found
    if isinstance(layer, ScaleBias):
        return _scaled(layer, source, shifts, signs.ravel(), exponents.ravel())
    if layer.accum.overflow is not Overflow.WRAP and (isinstance(layer, Conv) or layer.strategy != "latency"):
        raise unsupported(node, f"powers of two down to 2**{shifts.low} of {source.result} in a saturating sum")
    held = layer.weight.raw  # of the same order as the powers: ``factor`` made them, the layer turned them
    exponents = np.log2(np.abs(held.astype(np.float64))).astype(np.int64) - layer.weight.format.fraction
    signs = np.sign(held)
    if isinstance(layer, Conv):
        return _windows(layer, source, shifts, signs, exponents)
    return _columns(node, layer, source, shifts, signs, exponents)


def _scaled(layer: ScaleBias, source: Layer, shifts: _Shifts, signs: Ints, exponents: Ints) -> tuple[Layer, ...]:
    """Each element has one exponent."""
    shift = _shift(f"{layer.name}_shifts", source, shifts, exponents)
    signed = Constant(np.ascontiguousarray(signs), SIGN)
    return shift, dataclasses.replace(layer, sources=(shift.name,), scale=signed)


def _shift(name: str, source: Layer, shifts: _Shifts, exponents: Ints) -> ScaleBias:
    zeros = Constant(np.zeros(len(exponents), dtype=np.int64), shifts.format)
    return ScaleBias(
        name=name, sources=(source.name,), shape=source.shape, result=shifts.product, scale=shifts.power(exponents),
        bias=zeros,
    )  # fmt: skip


def _windows(layer: Conv, source: Layer, shifts: _Shifts, signs: Ints, exponents: Ints) -> tuple[Layer, ...]:
    """The channels, all of them for the smallest exponent, then for the next one; sums that wrap know no order."""
    if layer.depthwise:
        alone = np.eye(signs.shape[-1], dtype=np.int64)
        signs, exponents = signs[..., None] * alone, np.broadcast_to(exponents[..., None], (*signs.shape, len(alone)))
    made: list[Layer] = []
    for number, exponent in enumerate(range(shifts.low, shifts.high + 1)):
        copy = _shift(f"{layer.name}_shift{number}", source, shifts, np.array([exponent]))
        last = made[-1].name if made else copy.name
        made.append(copy)
        if number:
            shape = (*source.shape[:-1], source.shape[-1] * (number + 1))
            made.append(
                Concat(
                    name=f"{layer.name}_shifts{number}", sources=(last, copy.name), shape=shape, result=shifts.product,
                    axis=len(shape) - 1,
                )
            )  # fmt: skip
    parts = [np.where(exponents == e, signs, 0) for e in range(shifts.low, shifts.high + 1)]
    weight = Constant(np.ascontiguousarray(np.concatenate(parts, axis=-2)), SIGN)
    return *made, dataclasses.replace(layer, sources=(made[-1].name,), weight=weight, depthwise=False)


def _columns(
    node: Any, layer: Dense, source: Layer, shifts: _Shifts, signs: Ints, exponents: Ints
) -> tuple[Layer, ...]:
    """Each input once for each exponent, one after another, so that the order of a saturating sum stays."""
    n_in, count, name = len(signs), shifts.count, layer.name
    if not np.array_equal(nearest(n_in, n_in * count), np.arange(n_in * count) // count):
        raise unsupported(node, f"{n_in} inputs of {count} powers of two each")
    each = np.arange(shifts.low, shifts.high + 1)
    weight = np.where(exponents[:, None, :] == each[None, :, None], signs[:, None, :], 0).reshape(n_in * count, -1)
    column = Reshape(name=f"{name}_column", sources=(source.name,), shape=(n_in, 1), result=source.result)
    copies = Rearrange(
        name=f"{name}_copies", sources=(column.name,), shape=(n_in * count, 1), result=source.result,
        op=RearrangeOp.RESIZE,
    )  # fmt: skip
    shift = _shift(f"{name}_shifts", copies, shifts, each)
    return column, copies, shift, dataclasses.replace(layer, sources=(shift.name,), weight=Constant(weight, SIGN))
