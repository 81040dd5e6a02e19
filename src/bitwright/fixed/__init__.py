"""Fixed-point arithmetic: formats, rounding, overflow.  Exact integers only."""

from bitwright.fixed.format import MAX_WIDTH, FixedFormat, Overflow, Rounding, parse_format
from bitwright.fixed.quantize import Raw, integers_of_floats, quantize, quantize_floats, quantize_number, to_float

__all__ = [
    "MAX_WIDTH",
    "FixedFormat",
    "Overflow",
    "Raw",
    "Rounding",
    "integers_of_floats",
    "parse_format",
    "quantize",
    "quantize_floats",
    "quantize_number",
    "to_float",
]
