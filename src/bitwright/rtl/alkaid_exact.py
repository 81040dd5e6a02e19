"""Makes alkaid 0.8.2's tracer exact for constants of more than 24 bits.

Its ``get_lsb_loc`` converts to float32 first, so the lowest bit of a long constant, and with it the step of
everything that the constant is added to, comes out wrong.  The tracer's modules get a float64 version.
"""

from __future__ import annotations

from math import frexp

from alkaid.trace import affine_interval, fixed_variable, tracer
from alkaid.trace.passes import canon

LOWEST_OF_ZERO = 127


def lowest_bit(value: float) -> int:
    """Exponent of the lowest set bit of a number; 127 for zero, as alkaid has it."""
    mantissa, exponent = frexp(value)
    digits = int(mantissa * 2.0**53)
    return (digits & -digits).bit_length() - 54 + exponent if digits else LOWEST_OF_ZERO


def install() -> None:
    """Replace the function where the tracer uses it; doing it again changes nothing."""
    for module in (affine_interval, fixed_variable, tracer, canon):
        module.get_lsb_loc = lowest_bit


install()
