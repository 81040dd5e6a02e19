"""Numbers as people read them; one place, so that every view writes a figure alike."""

from __future__ import annotations

import math

from bitwright.report.records import Status

ABSENT = "–"
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: float | None) -> str:
    """``12,345``; halves stay (``1.5`` block memory tiles); a dash where there is no figure."""
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,g}"


def short(value: float) -> str:
    """``81.2 M``: three digits, for small places; the full figure stands in a table."""
    for size, prefix in _PREFIXES:
        if abs(value) >= 0.9995 * size:  # 999,600 is 1 M, not 1,000 k
            return f"{value / size:.3g} {prefix}" if abs(value) < 999.5 * size else f"{value / size:,.0f} {prefix}"
    return f"{value:.3g}"


def percent(share: float, digits: int = 1) -> str:
    """``70.2 %`` of a share from 0 to 1."""
    return f"{100 * share:.{digits}f} %"


def utilisation(share: float) -> str:
    """A share of a device: more digits where it is small, so that it never reads as nothing."""
    return percent(share, 0 if share == 0 else 1 if share >= 0.1 else 2 if share >= 0.001 else 4)


def seconds(value: float | None) -> str:
    """``0.21 s``, ``4.2 s``, ``61 s``, ``12 min 30 s``; a dash where there is no figure."""
    if value is None:
        return ABSENT
    if value >= 600:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"


def cycles(value: int) -> str:
    """``1 cycle``, ``14 cycles``."""
    return f"{value:,} cycle" if value == 1 else f"{value:,} cycles"


def nanoseconds(value: float) -> str:
    """``70 ns``, ``36.3 ns``."""
    return f"{value:,.4g} ns" if value < 10_000 else f"{value:,.0f} ns"


def word(status: Status) -> str:
    """The status as a word of its own: ``NOT RUN`` is neither passed nor failed."""
    return status.value.replace("_", " ")


def plural(number: int, noun: str) -> str:
    """``1 pair``, ``3 pairs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def uncertainty(share: float, rows: int) -> float:
    """Half the width of the Wilson score interval of one standard deviation (Wilson, JASA 22, 1927)."""
    return math.sqrt(share * (1 - share) / rows + 1 / (4 * rows * rows)) / (1 + 1 / rows)
