"""Fake quantization: the planned model in float64, on dequantized numbers.

The integers of :class:`~bitwright.network.reference.Reference` and these floats are two ways to the same numbers:
``S_x S_w`` times an integer sum is the float sum of ``S_x q_x`` times ``S_w q_w``, as long as a float64 holds it
(:func:`inexact` says where it does not).  Neither is made from the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.network.layers import TableFunction
from bitwright.network.tables import activation_table
from bitwright.quant.constants import (
    bias_fraction,
    folded_zero,
    normalization,
    product_bias,
    product_scales,
    rescale_constants,
    weight_values,
)
from bitwright.quant.float_model import FloatLayer, FloatModel, Floats, Kind, forward, pooled_counts, product, walk
from bitwright.quant.layer_plan import QuantPlan, Tensor, multipliers
from bitwright.quant.lower_layers import SLOPE_BITS, TABLE_ENTRIES, TABLE_FORMAT

FLOAT64_BITS = 53


def fake_quantized(
    model: FloatModel, plan: QuantPlan, x: npt.NDArray[Any], names: Collection[str] | None = None
) -> dict[str, Floats]:
    """Every layer's numbers (rows, *shape) behind its quantizer, or those of ``names``; see :func:`evaluate`."""

    def step(layer: FloatLayer, sources: list[Floats]) -> Floats:
        return _step(layer, sources, plan)

    return walk(model, x, step, names)


def inexact(model: FloatModel, plan: QuantPlan) -> tuple[str, ...]:
    """The layers whose numbers a float64 may not hold: there only the integers count."""
    wide = []
    for layer in model.layers:
        own = plan[layer.name]
        widths = [fmt.width for fmt in (own.accum, own.exact) if fmt is not None]
        if max(widths, default=0) + (0 if own.tensor.scale == 1 else 8) > FLOAT64_BITS:
            wide.append(layer.name)
    return tuple(wide)


def on_tensor(values: Floats, tensor: Tensor) -> Floats:
    """The nearest numbers that a tensor holds: ``r' = S (clip(round(r / S) + z) - z)``, ties to even."""
    codes = np.rint(values / tensor.step) + tensor.zero
    return (np.clip(codes, tensor.format.lower, tensor.format.max) - tensor.zero) * tensor.step


def _step(layer: FloatLayer, sources: list[Floats], plan: QuantPlan) -> Floats:
    own = plan[layer.name]
    exact = _exact(layer, sources, plan)
    if own.rescale is not None:
        return _rescaled(exact, layer, plan)
    return on_tensor(exact, own.tensor) if own.quantized else exact


def _rescaled(exact: Floats, layer: FloatLayer, plan: QuantPlan) -> Floats:
    """A product or an input times its multiplier, brought to the tensor; the division by ``S_x S_w`` is exact."""
    own = plan[layer.name]
    assert own.rescale is not None
    one = np.ones(1)
    units = product_scales(own.weight, plan[layer.sources[0]].tensor) if own.weight is not None else one
    scaled = exact / units * rescale_constants(own.rescale)[0].value + own.rescale.offset
    if not own.quantized:
        return scaled * own.tensor.scale
    fmt = own.tensor.format
    codes = np.clip(np.rint(np.ldexp(scaled, fmt.fraction)), fmt.lower, fmt.max)
    return (codes - np.ldexp(own.tensor.zero, fmt.fraction)) * own.tensor.step


def _exact(layer: FloatLayer, sources: list[Floats], plan: QuantPlan) -> Floats:
    own, x = plan[layer.name], sources[0]
    match layer.kind:
        case Kind.INPUT:
            return on_tensor(x, Tensor(own.raw)) if own.raw else x
        case Kind.DENSE | Kind.CONV | Kind.DEPTHWISE:
            assert own.weight is not None
            source = plan[layer.sources[0]].tensor
            units = product_scales(own.weight, source) * 2.0 ** -bias_fraction(own, source)
            bias = (product_bias(layer, own, source) + folded_zero(layer, own, source)) * units
            return product(layer, x, weight_values(layer, own.weight)) + bias
        case Kind.SCALE:
            scale, shift, fraction = normalization(layer, plan, plan[layer.sources[0]].tensor)
            return x * scale.value + np.ldexp(shift.astype(np.float64), -fraction)
        case Kind.LEAKY:
            slope = multipliers(np.array([layer.options["slope"]]), SLOPE_BITS).multipliers[0]
            return np.where(x > 0, x, x * slope)
        case Kind.SIGMOID | Kind.TANH:
            return _looked_up(layer, x)
        case Kind.AVERAGE_POOL:
            return _truncated_average(layer, x, plan)
        case (
            Kind.RELU | Kind.LINEAR | Kind.MAX_POOL | Kind.ZERO_PAD | Kind.RESHAPE | Kind.ADD | Kind.CONCAT
            | Kind.SOFTMAX
        ):  # fmt: skip
            return forward(layer, sources)
    assert_never(layer.kind)


def _looked_up(layer: FloatLayer, x: Floats) -> Floats:
    function = TableFunction(layer.kind.value)
    table = activation_table(function, TABLE_ENTRIES, TABLE_FORMAT).value
    place = np.trunc(x * (TABLE_ENTRIES / (2 * function.half_range))) + TABLE_ENTRIES // 2
    return table[np.clip(place, 0, TABLE_ENTRIES - 1).astype(np.int64)]


def _truncated_average(layer: FloatLayer, x: Floats, plan: QuantPlan) -> Floats:
    exact = plan[layer.name].exact
    assert exact is not None
    counts = pooled_counts(layer, x.shape[1:])[..., None]
    sums = np.rint(np.ldexp(forward(layer, [x]) * counts, exact.fraction))
    return np.ldexp(np.trunc(sums / counts), -exact.fraction)
