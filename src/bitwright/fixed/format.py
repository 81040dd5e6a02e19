"""Fixed-point formats with the exact meaning of ``ap_fixed<W, I, Q, O>`` (Xilinx UG1399).

A value is ``raw * 2**-fraction`` with ``raw`` an integer of ``width`` bits, two's complement when
signed.  ``integer`` counts the sign bit, as ap_fixed and hls4ml do, and may be negative or larger
than ``width``.  Other sources count differently: see :mod:`bitwright.fixed.conventions`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from bitwright.errors import FormatError

MAX_WIDTH = 64


class Rounding(Enum):
    """What happens to bits below the last one (UG1399, quantization modes)."""

    TRN = "TRN"
    TRN_ZERO = "TRN_ZERO"
    RND = "RND"
    RND_ZERO = "RND_ZERO"
    RND_INF = "RND_INF"
    RND_MIN_INF = "RND_MIN_INF"
    RND_CONV = "RND_CONV"


class Overflow(Enum):
    """What happens to a value outside the range (UG1399, overflow modes)."""

    WRAP = "WRAP"
    SAT = "SAT"
    SAT_ZERO = "SAT_ZERO"
    SAT_SYM = "SAT_SYM"


@dataclass(frozen=True, slots=True)
class FixedFormat:
    """One ``ap_[u]fixed`` type: ``width`` bits, ``integer`` of them (sign included) left of the point.

    Raises:
        FormatError: width outside 1..64.
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise FormatError(
                f"a width of {self.width} bits is outside 1..{MAX_WIDTH}",
                where=str(self),
                hint="choose a narrower precision for this layer in the hls4ml config",
            )

    @property
    def fraction(self) -> int:
        """Number of bits right of the binary point; negative when the step is larger than 1."""
        return self.width - self.integer

    @property
    def min(self) -> int:
        """Smallest raw value that the bits can hold."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest raw value that the bits can hold."""
        return (1 << (self.width - self.signed)) - 1

    @property
    def lower(self) -> int:
        """Smallest raw value that quantization gives.

        SAT_SYM leaves out the most negative one, except where there is one bit (as ap_fixed_base.h does).
        """
        symmetric = self.signed and self.overflow is Overflow.SAT_SYM and self.width > 1
        return -self.max if symmetric else self.min

    def __str__(self) -> str:
        name = "fixed" if self.signed else "ufixed"
        modes = (self.rounding, self.overflow)
        tail = "" if modes == (Rounding.TRN, Overflow.WRAP) else f",{modes[0].value},{modes[1].value}"
        return f"{name}<{self.width},{self.integer}{tail}>"


_SYNTAX = re.compile(
    r"(?:ap_)?(?P<u>u?)(?P<kind>fixed|int)\s*<\s*(?P<width>\d+)\s*(?:,\s*(?P<integer>-?\d+)\s*)?"
    r"(?:,\s*(?:AP_)?(?P<rounding>\w+)\s*)?(?:,\s*(?:AP_)?(?P<overflow>\w+)\s*)?>"
)


def parse_format(text: str) -> FixedFormat:
    """Read ``fixed<16,6>``, ``ap_ufixed<8,0,AP_RND,AP_SAT>``, ``int<4>`` or ``ap_uint<1>``.

    Raises:
        FormatError: the text is not such a type, or its width is not supported.
    """
    match = _SYNTAX.fullmatch(text.strip())
    is_int = match is not None and match["kind"] == "int"
    if match is None or is_int == (match["integer"] is not None):
        raise FormatError(f"'{text}' is not a fixed-point type", hint="write it as fixed<16,6> or ufixed<8,0,RND,SAT>")
    width = int(match["width"])
    try:
        rounding = Rounding(match["rounding"] or "TRN")
        overflow = Overflow(match["overflow"] or "WRAP")
    except ValueError as error:
        raise FormatError(
            f"'{text}': {error}", hint="the modes are those of ap_fixed, such as RND_CONV and SAT"
        ) from error
    return FixedFormat(width, width if is_int else int(match["integer"]), not match["u"], rounding, overflow)
