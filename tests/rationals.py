"""An independent oracle of fixed-point assignment: rational numbers and the words of UG1399.

Written from the tables "Quantization Modes" and "Overflow Modes" of AMD's UG1399 (C++ arbitrary
precision fixed-point types), with none of Bitwright's code.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

ROUNDINGS = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
OVERFLOWS = ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")
HALF = Fraction(1, 2)


def rounded(x: Fraction, mode: str) -> int:
    """``x`` as an integer."""
    below, above = floor(x), ceil(x)
    tie = x - below == HALF
    nearest = below if x - below < HALF else above
    match mode:
        case "TRN":  # truncation towards minus infinity
            return below
        case "TRN_ZERO":  # truncation towards zero
            return below if x >= 0 else above
        case "RND":  # nearest, a tie towards plus infinity
            return above if tie else nearest
        case "RND_MIN_INF":  # nearest, a tie towards minus infinity
            return below if tie else nearest
        case "RND_ZERO":  # nearest, a tie towards zero
            return (below if x >= 0 else above) if tie else nearest
        case "RND_INF":  # nearest, a tie away from zero
            return (above if x >= 0 else below) if tie else nearest
        case "RND_CONV":  # nearest, a tie to the even one
            return (below if below % 2 == 0 else above) if tie else nearest
    raise ValueError(mode)


def limited(n: int, width: int, signed: bool, mode: str) -> int:
    """``n`` brought into ``width`` bits."""
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    inside = low <= n <= high
    match mode:
        case "WRAP":  # the upper bits are thrown away
            n %= 1 << width
            return n - (1 << width) if n > high else n
        case "SAT":  # the nearest of the two limits
            return min(max(n, low), high)
        case "SAT_ZERO":  # zero in case of overflow
            return n if inside else 0
        case "SAT_SYM":  # the limits are maximum and minus maximum (zero if unsigned)
            symmetric = low if width == 1 else -high  # ap_fixed_base.h: one bit keeps both its values
            return min(max(n, symmetric if signed else 0), high)
    raise ValueError(mode)


def assigned(x: Fraction, width: int, integer: int, signed: bool, rounding: str, overflow: str) -> int:
    """The raw value of ``ap_[u]fixed<width, integer, rounding, overflow>`` after ``= x``."""
    return limited(rounded(x * Fraction(2) ** (width - integer), rounding), width, signed, overflow)
