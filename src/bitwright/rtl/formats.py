"""The order in which fixed_cast.sv numbers the modes of a format."""

from __future__ import annotations

from bitwright.fixed import Overflow, Rounding

ROUNDINGS = (
    Rounding.TRN, Rounding.TRN_ZERO, Rounding.RND, Rounding.RND_ZERO, Rounding.RND_INF, Rounding.RND_MIN_INF,
    Rounding.RND_CONV,
)  # fmt: skip
OVERFLOWS = (Overflow.WRAP, Overflow.SAT, Overflow.SAT_ZERO, Overflow.SAT_SYM)
