"""What "width" and "integer" mean by source.  Every conversion into :class:`FixedFormat` lives here.

=========================================  ==========================================================
source                                     meaning
=========================================  ==========================================================
ap_fixed<W,I>, hls4ml FixedPrecisionType   W and I both count the sign bit
hls4ml FixedPointQuantizer.mask_kbi        (k, B, I): B = k + i + f, I = k + i, sign counted
HGQ2, alkaid kif                           (k, i, f): i without the sign, W = k + i + f
HGQ2 kbi (k0, b0, i0)                      b and i without the sign
QKeras quantized_bits(bits, integer, k)    bits with the sign, integer without; rounds to even, clips
module ``qkeras`` of the HGQ2 wheel        quantized_bits(4, 0) has 5 bits: both without the sign
=========================================  ==========================================================
"""

from __future__ import annotations

from bitwright.fixed.format import FixedFormat, Overflow, Rounding


def from_mask_kbi(keep_negative: int, bits: int, integer: int) -> FixedFormat:
    """hls4ml ``FixedPointQuantizer.mask_kbi``: sign counted in both."""
    return FixedFormat(bits, integer, bool(keep_negative))


def from_kif(keep_negative: int, integer: int, fraction: int) -> FixedFormat:
    """HGQ2 and alkaid ``kif``: ``integer`` without the sign."""
    return FixedFormat(keep_negative + integer + fraction, keep_negative + integer, bool(keep_negative))


def to_kif(fmt: FixedFormat) -> tuple[int, int, int]:
    """The HGQ2 and alkaid ``kif`` of a format."""
    return int(fmt.signed), fmt.integer - fmt.signed, fmt.fraction


def from_kbi(keep_negative: int, bits: int, integer: int) -> FixedFormat:
    """HGQ2 ``kbi`` (k0, b0, i0): bits and integer both without the sign."""
    return FixedFormat(bits + keep_negative, integer + keep_negative, bool(keep_negative))


def from_qkeras_bits(bits: int, integer: int, keep_negative: int = 1) -> FixedFormat:
    """QKeras ``quantized_bits``: bits with the sign, integer without; tf.round is half to even."""
    return FixedFormat(bits, integer + keep_negative, bool(keep_negative), Rounding.RND_CONV, Overflow.SAT)


def from_hgq_qkeras_bits(bits: int, integer: int, keep_negative: int = 1) -> FixedFormat:
    """``quantized_bits`` of the module ``qkeras`` that the HGQ2 wheel installs: sign extra in both."""
    return FixedFormat(
        bits + keep_negative, integer + keep_negative, bool(keep_negative), Rounding.RND_CONV, Overflow.SAT
    )
