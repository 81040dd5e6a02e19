"""What primitives of a netlist count as: those of bitwright.report.parsers.yosys, and of families beside them."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping

from bitwright.report.parsers.values import Number
from bitwright.report.parsers.yosys import LUT_KINDS, classify

Cells = Counter[str]

_MORE: tuple[tuple[str, str], ...] = (  # Intel, Lattice Nexus, Gowin's DSP and pads: beside the table of parsers.yosys
    ("FF", r"MISTRAL_FF|FD1P3[A-Z]{2}|DL[NP]?[A-Z]{0,2}"),
    ("ALUT", r"MISTRAL_ALUT[2-6]|MISTRAL_ALUT_ARITH|MISTRAL_NOT|MISTRAL_BUF"),
    ("CARRY", r"MISTRAL_ALUT_CARRY|CCU2D"),
    ("MUXF", r"WIDEFN9"),
    ("EBR", r"MISTRAL_M[0-9]+K|PDP16K|PDPSC16K|DP16K"),
    ("DSP", r"MULT(?:9X9|18X18|36X36|ALU18X18|ALU36X18|ADDALU18X18)|MISTRAL_MUL\w+|PREADD9\w*|MULT9\w*"),
    ("MLAB", r"MISTRAL_MLAB"),
    ("", r"GSR|OSC\w*|rPLL|PLL\w*|TBUF|TLVDS\w*|ELVDS\w*|VLO|VHI|IB|OB|BB|DCC"),
)
_WIDE: Mapping[str, int] = {"DPR16X4": 6}


@functools.cache
def kind_of(cell: str) -> tuple[str, int] | None:
    """Metric and weight of a primitive; the metric is empty where it costs nothing; None if unknown."""
    if cell in _WIDE:
        return "LUTRAM", _WIDE[cell]
    known = classify(cell)
    if known is not None:
        return known
    return next(((metric, 1) for metric, pattern in _MORE if re.fullmatch(pattern, cell)), None)


def figures_of(cells: Cells, *, xilinx: bool) -> dict[str, Number | None]:
    """The figures of a set of primitives; a kind that is missing is a true zero."""
    counts: Counter[str] = Counter()
    for cell, number in cells.items():
        metric, weight = kind_of(cell) or ("", 0)
        counts[metric] += number * weight
    del counts[""]
    if counts["ALUT"]:
        return {name: counts[name] for name in ("ALUT", "FF", "DSP", "EBR", "MLAB", "CARRY")}
    values: dict[str, Number | None] = {name: number for name, number in counts.items() if number}
    values["LUT"] = sum(counts[kind] for kind in LUT_KINDS)
    values.setdefault("FF", 0)
    values.setdefault("DSP", 0)
    if xilinx:
        values["BRAM18"] = counts["BRAM18"] + 2 * counts["BRAM36"]
        values["BRAM36"] = counts["BRAM36"] + counts["BRAM18"] / 2
    else:
        values.setdefault("EBR", 0)
    return values


def is_xilinx(cells: Cells) -> bool:
    """Xilinx primitives, and none of a family with other block memories."""
    other = re.compile(r"TRELLIS|SB_|CCU2|PFUMX|L6MUX|DFF[A-Z]{0,3}$|MUX2_LUT|FD1P3")
    return not any(other.match(cell) for cell in cells)
