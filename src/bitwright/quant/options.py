"""What a quantization can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.errors import FormatError, UsageError

FEWEST_BITS, MOST_BITS = 2, 32


class Method(Enum):
    """How the range of a tensor is chosen (docs/quantization.md has the formulas)."""

    MINMAX = "minmax"
    """Everything that was seen."""
    PERCENTILE = "percentile"
    """The given share of the values; the others are stripped, and listed."""
    MSE = "mse"
    """The least mean squared error of the quantized values."""
    ENTROPY = "entropy"
    """The least Kullback-Leibler divergence (Migacz, "8-bit Inference with TensorRT", GTC 2017)."""


class ScaleKind(Enum):
    """What a step of a quantized number may be."""

    PO2 = "po2"
    """A power of two: pure fixed point, no multiplier."""
    REAL = "real"
    """Any number; the integer sums are scaled by a fixed-point multiplier per channel."""
    AFFINE = "affine"
    """As REAL, with a zero point for activations, which the bias takes in (Jacob et al., CVPR 2018)."""


class Form(Enum):
    """The two definitions of a symmetric scale of ``b`` bits for numbers up to ``m = max(|r_min|, |r_max|)``."""

    FULL = "full"
    """``S = 2 m / (2^b - 1)``: the whole range of codes is used."""
    RESTRICTED = "restricted"
    """``S = m / (2^(b-1) - 1)``: codes from ``-(2^(b-1) - 1)`` to ``2^(b-1) - 1``."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits of the weights and of the activations of a layer.

    Raises:
        FormatError: outside of 2 to 32.
    """

    weight: int
    activation: int

    def __post_init__(self) -> None:
        for what, bits in (("weights", self.weight), ("activations", self.activation)):
            if not FEWEST_BITS <= bits <= MOST_BITS:
                raise FormatError(
                    f"{bits} bits for {what} is outside {FEWEST_BITS}..{MOST_BITS}",
                    hint=f"choose {FEWEST_BITS} to {MOST_BITS} bits; binary weights need training (QKeras' binary)",
                )


@dataclass(frozen=True, slots=True)
class Options:
    """Everything but the bits.

    Attributes:
        method: how the ranges of activations are chosen.
        weight_method: the same for weights.
        percentile: for Method.PERCENTILE, of all values, in per cent, both ends together.
        per_channel: whether each output channel's weights have a scale of their own.
        scale: what the scales are.
        form: the definition of a symmetric scale.
        output_bits: bits of the outputs; None leaves them as exact as the sums are.
        multiplier_bits: significant bits of the multipliers of real scales, and of normalization kept in fixed point.

    Raises:
        UsageError: a percentile or a number of bits that means nothing.
    """

    method: Method = Method.MSE
    weight_method: Method = Method.MSE
    percentile: float = 99.99
    per_channel: bool = True
    scale: ScaleKind = ScaleKind.PO2
    form: Form = Form.RESTRICTED
    output_bits: int | None = None
    multiplier_bits: int = 12

    def __post_init__(self) -> None:
        if not 50 < self.percentile <= 100:
            raise UsageError(
                f"a percentile of {self.percentile:g}", hint="give one above 50, at most 100, such as 99.99"
            )
        if self.output_bits is not None and not FEWEST_BITS <= self.output_bits <= MOST_BITS:
            raise FormatError(f"{self.output_bits} bits for outputs", hint=f"choose {FEWEST_BITS} to {MOST_BITS}")
        if not 2 <= self.multiplier_bits <= 24:
            raise UsageError(f"multipliers of {self.multiplier_bits} bits", hint="choose 2 to 24")
