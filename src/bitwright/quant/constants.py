"""Weights, biases and multipliers as integers, from the float weights and the formats of a plan.

Every number is one that a float32 holds, as Keras files do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat
from bitwright.network.layers import Constant
from bitwright.quant.float_model import FloatLayer, Floats
from bitwright.quant.layer_plan import LayerPlan, QuantPlan, Rescale, Tensor, Weights, multipliers
from bitwright.quant.ranges import codes

BIAS_FRACTION = 24
"""Fraction bits that the bias of a normalization has at most."""


def weight_codes(weight: Floats, held: Weights) -> npt.NDArray[np.int64]:
    """The code of each weight in ``bits`` bits: ``round(w / S)``, ties to even, limited."""
    return np.clip(np.rint(weight / steps(held)), *codes(held.bits, signed=True)).astype(np.int64)


def steps(held: Weights) -> Floats:
    """The step S of each channel's weights (or one for all)."""
    return np.array(held.scales) * 2.0 ** -np.array(held.fractions, dtype=np.float64)


def weight_constant(layer: FloatLayer, held: Weights) -> Constant:
    """The codes of all channels on the grid of ``held.format``."""
    shift = held.format.fraction - np.array(held.fractions)
    return Constant(weight_codes(layer.weights["weight"], held) << shift, held.format)


def weight_values(layer: FloatLayer, held: Weights) -> Floats:
    """The numbers that the codes stand for."""
    return weight_codes(layer.weights["weight"], held) * steps(held)


def product_scales(held: Weights, source: Tensor) -> Floats:
    """What one unit of the integer sums stands for, per channel (or one for all)."""
    return np.array(held.scales) * source.scale


def bias_fraction(plan: LayerPlan, source: Tensor) -> int:
    """Fraction bits of a product's sums, and of its biases."""
    assert plan.weight is not None
    return plan.weight.format.fraction + source.format.fraction


def product_bias(layer: FloatLayer, plan: LayerPlan, source: Tensor) -> npt.NDArray[np.int64]:
    """Biases at the products' scale, with the zero point of the source folded in: ``b / (S_x S_w) - z_x sum_i q_i``."""
    assert plan.weight is not None
    units = layer.weights["bias"] / product_scales(plan.weight, source) * 2.0 ** bias_fraction(plan, source)
    return float32_integers(units - folded_zero(layer, plan, source))


def folded_zero(layer: FloatLayer, plan: LayerPlan, source: Tensor) -> npt.NDArray[np.int64]:
    """``z_x sum_i q_i``: what the zero point of the source adds to the integer sums."""
    assert plan.weight is not None
    weight = weight_constant(layer, plan.weight).raw
    return source.zero * weight.reshape(-1, weight.shape[-1]).sum(axis=0)


def float32_integers(numbers: Floats) -> npt.NDArray[np.int64]:
    """Numbers rounded to integers that a float32 holds: beyond 24 bits the lowest ones are zero."""
    return np.rint(np.rint(numbers).astype(np.float32)).astype(np.int64)


def normalization(layer: FloatLayer, plan: QuantPlan, source: Tensor) -> tuple[Constant, npt.NDArray[np.int64], int]:
    """Scale and bias of a SCALE in fixed point: the scales, the raw biases and their fraction."""
    own = plan[layer.name].scale
    assert own is not None
    numbers = multipliers(layer.weights["scale"], plan.options.multiplier_bits).multipliers
    scale = Constant(on_grid(np.array(numbers), own), own)
    fraction = min(source.format.fraction + own.fraction, BIAS_FRACTION)
    return scale, float32_integers(layer.weights["bias"] * 2.0**fraction), fraction


def on_grid(numbers: Floats, fmt: FixedFormat) -> npt.NDArray[np.int64]:
    """Numbers as raw values, rounded to nearest and limited."""
    return np.clip(np.rint(np.ldexp(numbers, fmt.fraction)), fmt.min, fmt.max).astype(np.int64)


def rescale_constants(rescale: Rescale) -> tuple[Constant, Constant]:
    """Multipliers and offset as constants of a ScaleBias."""
    scale = Constant(on_grid(np.array(rescale.multipliers), rescale.format), rescale.format)
    bits = max(rescale.offset.bit_length() + 1, 2)
    return scale, Constant(np.full(scale.raw.shape, rescale.offset, dtype=np.int64), FixedFormat(bits, bits))
