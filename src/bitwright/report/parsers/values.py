"""Cells as tools print them, turned into numbers in one unit: ``1,632 / 22,320 ( 7 % )``, ``9.452 sec``, ``~0``.

Every reader answers None for a cell that states no number (``-``, ``N/A``, ``?``, ``undef``) and raises
:class:`ValueError` for a cell that it does not understand: the caller turns that into a problem with its line.
"""

from __future__ import annotations

import math
import re

Number = int | float

NOTHING = frozenset({"", "-", "--", "---", "n/a", "na", "?", "undef", "undefined", "unknown", "none", "x", "inf"})
_TIME_NS = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "sec": 1e9, "secs": 1e9, "seconds": 1e9}
_FREQUENCY_MHZ = {"hz": 1e-6, "khz": 1e-3, "mhz": 1.0, "ghz": 1e3}
_POWER_W = {"uw": 1e-6, "mw": 1e-3, "w": 1.0}
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def tidy(value: Number) -> Number:
    """A whole float as an int: 4.0 block memories are 4."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def is_nothing(cell: str) -> bool:
    """Whether a cell says that there is no figure."""
    return cell.strip().lower() in NOTHING


def number(cell: str) -> Number | None:
    """``1,234``, ``-0.5``, ``1e+03``; None for a cell that states nothing.

    Raises:
        ValueError: the cell is no number.
    """
    text = cell.strip()
    if is_nothing(text):
        return None
    if not (_GROUPED.fullmatch(text) or _PLAIN.fullmatch(text)):
        raise ValueError(f"'{text}' is no number")
    value = float(text.replace(",", ""))
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is no finite number")
    whole = re.fullmatch(r"[+-]?[\d,]+", text)
    return int(text.replace(",", "")) if whole else value


def count(cell: str) -> Number | None:
    """A number of things: not negative; halves are allowed (block memory tiles, ALMs).

    Raises:
        ValueError: the cell is no count.
    """
    value = number(cell)
    if value is not None and value < 0:
        raise ValueError(f"'{cell.strip()}' is below zero")
    return None if value is None else tidy(value)


def whole(cell: str) -> int | None:
    """A whole number of clock cycles or endpoints.

    Raises:
        ValueError: the cell is no whole number.
    """
    value = count(cell)
    if value is not None and not isinstance(value, int):
        raise ValueError(f"'{cell.strip()}' is no whole number")
    return value


def percent(cell: str) -> tuple[float, float] | None:
    """The open range that a printed percentage stands for: ``7 %``, ``4.93``, ``<0.01``, ``~0``, ``< 1 %``.

    Both roundings (down, to the nearest) are inside the range.

    Raises:
        ValueError: the cell is no percentage.
    """
    text = cell.strip().removesuffix("%").strip()
    if is_nothing(text):
        return None
    if text.startswith("<"):
        if not 0 < float(text[1:]) <= 1:
            raise ValueError(f"'{cell.strip()}' is no share that a tool prints")
        return 0.0, float(text[1:])
    if text.startswith(">"):
        return float(text[1:]), math.inf
    if text.startswith("~"):
        return float(text[1:]) - 1, float(text[1:]) + 1
    value = number(text)
    assert value is not None
    step = 10.0 ** -len(text.partition(".")[2])
    return float(value) - step, float(value) + step


def agrees(used: Number, available: Number, printed: tuple[float, float] | None) -> bool:
    """Whether a printed share is that of ``used`` in ``available``; true where nothing was printed."""
    if printed is None:
        return True
    share = 100 * used / available if available else 0.0 if not used else math.inf
    slack = 1e-9 * max(1.0, abs(share)) if math.isfinite(share) else 0.0
    return printed[0] - slack <= share <= printed[1] + slack


def _scaled(cell: str, units: dict[str, float], default: str | None) -> float | None:
    text = cell.strip()
    if is_nothing(text):
        return None
    found = re.fullmatch(r"(.*?)\s*([A-Za-z]*)", text)
    assert found is not None
    unit = (found[2] or default or "").lower()
    if unit not in units:
        raise ValueError(f"'{text}' has no unit that is known ({', '.join(units)})")
    value = number(found[1])
    if value is None:
        raise ValueError(f"'{text}' is no number")
    scaled = value * units[unit]
    return float(f"{scaled:.12g}")


def nanoseconds(cell: str, default: str | None = None) -> float | None:
    """``9.452 sec`` is 9.452e9; a bare number has the unit ``default``, which a header printed.

    Raises:
        ValueError: no number, or a unit that is no time.
    """
    return _scaled(cell, _TIME_NS, default)


def megahertz(cell: str, default: str | None = None) -> float | None:
    """``159.95 MHz``; a bare number has the unit ``default``.

    Raises:
        ValueError: no number, or a unit that is no frequency.
    """
    return _scaled(cell, _FREQUENCY_MHZ, default)


def watts(cell: str, default: str | None = None) -> float | None:
    """``81.4 mW``; a bare number has the unit ``default``.

    Raises:
        ValueError: no number, or a unit that is no power.
    """
    return _scaled(cell, _POWER_W, default)


def used_of_available(cell: str) -> tuple[Number | None, Number | None]:
    """``1,632 / 22,320 ( 7 % )`` as (1632, 22320); ``649`` as (649, None); the percentage must fit.

    Raises:
        ValueError: neither form, or a percentage that is not that of the two numbers.
    """
    found = re.fullmatch(r"\s*([^/()]+?)\s*(?:/\s*([^/()]+?)\s*)?(?:\(\s*([^()]*)\)\s*)?", cell)
    if found is None:
        if is_nothing(cell):
            return None, None
        raise ValueError(f"'{cell.strip()}' is not 'used / available'")
    if is_nothing(cell):
        return None, None
    used = count(found[1])
    available = count(found[2]) if found[2] else None
    if used is not None and available is not None and found[3]:
        printed = percent(found[3])
        if not agrees(used, available, printed):
            raise ValueError(f"'{cell.strip()}' is not the share that it prints")
    return used, available


def sane_period(nanoseconds_: float) -> bool:
    """Whether a clock period can be one of an FPGA: 50 ps to 1 us; anything else is a unit misread."""
    return 0.05 <= nanoseconds_ <= 1000.0


_PACKAGE = r"(?:c[lps]|f[a-z]|s[bfv]|ub|r[bsf]|hc|v[fs]|n[bs]|l[sf])[a-z]{0,3}\d{2,4}"
_XILINX = re.compile(rf"(?:x[acq])?(\w+?)-?({_PACKAGE})((?:-\w+)*)")
_BARE_XILINX = re.compile(r"(?:x[acq])?((?:7[akvsz]|[akvz]?u|v[cempuh])\w*\d\w*)((?:-\w+)*)")


def normalise_part(part: str) -> str:
    """One spelling of a part: ``xcvu9pflgb2104-2`` and ``7a35ti-csg324`` as ``xcvu9p-flgb2104-2``, ``xc7a35ti-csg324``.

    Parts of other vendors keep their letters in capitals, with single spaces.
    """
    text = " ".join(part.split())
    low = text.lower()
    for pattern in (_XILINX, _BARE_XILINX):
        found = pattern.fullmatch(low)
        if found and " " not in low and (low.startswith("x") or re.match(r"7[akvsz]", low)):
            head = low[:2] if low[:2] in ("xc", "xa", "xq") else "xc"
            return "-".join(piece for piece in (head + found[1], *found.groups()[1:]) if piece).replace("--", "-")
    return text.upper()


def has_uram(part: str | None) -> bool:
    """Whether a part is of a family with UltraRAM: UltraScale+ and Versal."""
    families = r"x[acq](?:vu\d+p|zu|ku\d+p|u\d|k\d|v[cempuh]\d)"
    return part is not None and re.match(families, normalise_part(part)) is not None
