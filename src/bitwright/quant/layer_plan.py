"""The plan of a quantization: a format, a scale and a zero point for every tensor, weight, bias and sum.

A *tensor* stands for numbers ``scale * (raw * 2**-fraction - zero)``.  Powers of two are in the format alone (scale 1,
zero 0); real scales have formats of whole numbers.  A layer's arithmetic is exact, and behind it stands at most one
quantizer: the relu, or a cast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.quant.float_model import Floats
from bitwright.quant.options import MOST_BITS, Bits, Options
from bitwright.quant.ranges import Clipped, power_of_two


@dataclass(frozen=True, slots=True)
class Tensor:
    """How the numbers of a tensor are held: ``scale * (raw * 2**-format.fraction - zero)``."""

    format: FixedFormat
    scale: float = 1.0
    zero: int = 0

    @property
    def step(self) -> float:
        """The difference of two neighbours."""
        return self.scale * 2.0**-self.format.fraction

    @property
    def low(self) -> float:
        """The smallest number."""
        return self.step * self.format.lower - self.scale * self.zero

    @property
    def high(self) -> float:
        """The largest number."""
        return self.step * self.format.max - self.scale * self.zero


@dataclass(frozen=True, slots=True)
class Weights:
    """How weights are held: channel ``c`` as codes of ``bits`` bits times ``scales[c] * 2**-fractions[c]``.

    ``format`` holds the codes of all channels on one grid; one entry stands for all channels.
    """

    bits: int
    format: FixedFormat
    fractions: tuple[int, ...]
    scales: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rescale:
    """A fixed-point multiplier per channel (or one), and what is added behind it: ``x * multipliers[c] + offset``."""

    multipliers: tuple[float, ...]
    format: FixedFormat
    offset: int = 0


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What becomes of one layer of a FloatModel.

    Attributes:
        name: the layer's.
        bits: what was asked for.
        tensor: what its readers see.
        quantized: whether a quantizer makes ``tensor``; else it is what the arithmetic gives, or what the layer reads.
        weight: its weights (products).
        scale: constants of a SCALE in fixed point.
        bias: format of its biases, at the products' scale.
        accum: format of its sums: proved to hold every one of them.
        exact: format of its exact result, before the quantizer.
        rescale: the multiplier between them, for real scales.
        raw: format of an input before its multiplier.
        clipped: values of the calibration data that the quantizer limits by more than a step.
    """

    name: str
    bits: Bits
    tensor: Tensor
    quantized: bool
    weight: Weights | None = None
    scale: FixedFormat | None = None
    bias: FixedFormat | None = None
    accum: FixedFormat | None = None
    exact: FixedFormat | None = None
    rescale: Rescale | None = None
    raw: FixedFormat | None = None
    clipped: Clipped | None = None


@dataclass(frozen=True, slots=True)
class QuantPlan:
    """A LayerPlan for every layer of a FloatModel, by name."""

    layers: Mapping[str, LayerPlan]
    options: Options

    def __getitem__(self, name: str) -> LayerPlan:
        """The plan of one layer."""
        return self.layers[name]


def code_format(bits: int, *, signed: bool) -> FixedFormat:
    """Whole numbers of ``bits`` bits."""
    return FixedFormat(bits, bits, signed, Rounding.RND_CONV, Overflow.SAT)


def fixed_tensor(step: float, bits: int, *, signed: bool) -> Tensor:
    """A tensor of ``bits`` bits whose step is a power of two.

    QKeras has no quantizer whose range is below one: a tensor of tiny numbers gets the bits up to there on top, as
    long as that is no more than MOST_BITS; then its step is coarser.
    """
    fraction = min(1 - int(np.frexp(power_of_two(step))[1]), max(MOST_BITS, bits) - signed)
    width = max(bits, fraction + signed)
    return Tensor(FixedFormat(width, width - fraction, signed, Rounding.RND_CONV, Overflow.SAT))


def joined(*formats: FixedFormat) -> FixedFormat:
    """The narrowest format that holds what each of the formats holds."""
    fraction = max(fmt.fraction for fmt in formats)
    signed = any(fmt.signed for fmt in formats)
    integer = max(fmt.integer + (signed and not fmt.signed) for fmt in formats)
    return FixedFormat(integer + fraction, integer, signed, Rounding.RND_CONV, Overflow.SAT)


def covering(low: float, high: float, fraction: int, most: int = 32) -> FixedFormat:
    """The narrowest format for ``low`` to ``high`` with ``fraction`` bits; fewer where ``most`` bits are full."""
    signed = low < 0
    largest = max(high, -low, 2.0**-fraction)
    integer = int(np.frexp(largest)[1]) + signed
    width = min(max(integer + fraction, 2), most)
    return FixedFormat(width, integer, signed, Rounding.RND_CONV, Overflow.SAT)


def multipliers(numbers: Floats, bits: int, offset: int = 0, most: int = 32) -> Rescale:
    """Numbers rounded to ``bits`` significant bits, and the narrowest format that holds them all.

    Those far below the largest lose bits, so that the format stays within ``most``.
    """
    mantissa, power = np.frexp(numbers)
    rounded = np.ldexp(np.rint(mantissa * 2**bits), power - bits)
    integer = int(np.frexp(np.abs(rounded).max())[1]) + 1 if rounded.any() else 1
    exponents = [int(p) - bits for p, r in zip(power, rounded, strict=True) if r]
    fraction = min(max((-e for e in exponents), default=0), most - integer)
    rounded = np.ldexp(np.rint(np.ldexp(rounded, fraction)), -fraction)
    return Rescale(tuple(float(n) for n in rounded), FixedFormat(max(integer + fraction, 2), integer), offset)
