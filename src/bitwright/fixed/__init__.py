"""Fixed-point arithmetic: formats, rounding, overflow.  Exact integers only."""

from bitwright.fixed.format import MAX_WIDTH, FixedFormat, Overflow, Rounding, parse_format
from bitwright.fixed.quantize import Raw, quantize, quantize_number, quantize_numbers, to_float

__all__ = [
    "MAX_WIDTH",
    "FixedFormat",
    "Overflow",
    "Raw",
    "Rounding",
    "parse_format",
    "quantize",
    "quantize_number",
    "quantize_numbers",
    "to_float",
]
