"""Makes alkaid 0.8.2's tracer exact for long constants, or say that it is not.

Its ``get_lsb_loc`` converts to float32 first, so the lowest bit of a constant of more than 24 bits, and with
it the step of everything that the constant is added to, comes out wrong: the tracer's modules get a float64
version.  An addition keeps its constant in 32 bits and cuts a longer one without a word: now an error.
"""

from __future__ import annotations

from math import frexp
from typing import Any

from alkaid.trace import FVariable, affine_interval, fixed_variable, fixed_variable_array, tracer
from alkaid.trace.passes import canon

from bitwright.errors import UnsupportedLayerError

LOWEST_OF_ZERO = 127

CONSTANT_BITS = 31
"""Bits of the constant of an addition, beside its sign."""

NARROWER = "choose narrower types for this layer in the hls4ml config"

_add_constant = FVariable._const_add


def lowest_bit(value: float) -> int:
    """Exponent of the lowest set bit of a number; 127 for zero, as alkaid has it."""
    mantissa, exponent = frexp(value)
    digits = int(mantissa * 2.0**53)
    return (digits & -digits).bit_length() - 54 + exponent if digits else LOWEST_OF_ZERO


def _checked_add(self: Any, other: float | None) -> Any:
    if other and self.opr != "cadd":  # on a sum with a constant, alkaid comes here again with both constants' sum
        value = float(other) / self._factor
        if abs(value * 2.0 ** -lowest_bit(value)) >= 1 << CONSTANT_BITS:
            raise UnsupportedLayerError(f"a constant needs more than {CONSTANT_BITS} bits", hint=NARROWER)
    return _add_constant(self, other)


def install() -> None:
    """Replace both functions where the tracer uses them; doing it again changes nothing."""
    for module in (affine_interval, fixed_variable, fixed_variable_array, tracer, canon):
        module.get_lsb_loc = lowest_bit
    FVariable._const_add = _checked_add


install()
