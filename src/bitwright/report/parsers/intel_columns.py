"""The columns of Intel's estimates: read by name, checked by order, share and device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitwright.report.parsers.documents import Data
from bitwright.report.parsers.model import Sheet, Stage
from bitwright.report.parsers.values import Number, count

HLS = "Intel HLS i++"
ONEAPI = "oneAPI dpcpp"
OPENCL = "Intel OpenCL aoc"
NAMES: Mapping[str, str] = {
    "ALUTs": "ALUT", "FFs": "FF", "RAMs": "RAM", "DSPs": "DSP", "MLABs": "MLAB", "Frac. DSPs": "FRAC_DSP",
}  # fmt: skip
EVERY = ("ALUT", "FF", "RAM", "DSP")


def metrics_of(columns: Any) -> list[str] | None:
    """The metrics in the order of their columns, without the name before and the details after.

    None where a column is not known, or not in the order in which every version writes them: then header and
    values cannot be told apart.
    """
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        return None
    names = [name.strip() for name in columns[1:] if name.strip() != "Details"]
    known = [name for name in NAMES if name in names]
    metrics = [NAMES[name] for name in names] if names == known else []
    return metrics if tuple(metrics[: len(EVERY)]) == EVERY else None


def numbers(values: Any, expected: int) -> list[Number | None] | None:
    """Counts, printed as numbers or as strings; None where there are fewer than expected."""
    if not isinstance(values, list) or len(values) < expected:
        return None
    found: list[Number | None] = []
    for value in values:
        try:
            found.append(count(str(value)) if isinstance(value, (int, float, str)) else None)
        except ValueError:
            found.append(None)
    return found


def state(metrics: Sequence[str], used: Any, offered: Any, sheet: Sheet, lines: tuple[int, int]) -> dict[str, Number]:
    """State the figures of the whole design and of the device; the device offers the first ones only."""
    stated: dict[str, Number] = {}
    totals = numbers(used, len(metrics))
    if totals is None or len(totals) != len(metrics):
        sheet.warn(lines[0], f"the totals do not fit the {len(metrics)} columns")
        return stated
    sizes = numbers(offered, len(EVERY)) or []
    if not all(sizes[:4]) or not sizes:
        sheet.warn(lines[1], "what the device offers is withheld: it does not fit the columns")
        sizes = []
    for i, metric in enumerate(metrics):
        total = totals[i]
        if total is None:
            sheet.warn(lines[0], f"{metric}: no number")
            continue
        stated[metric] = total
        sheet.add(metric, total, lines[0])
        size = sizes[i] if i < len(sizes) and metric != "FRAC_DSP" else None  # of which the tool prints 0
        if size or (size == 0 and total == 0 and metric != "FRAC_DSP"):
            sheet.add(f"AVAILABLE_{metric}", size, lines[1])
        elif size == 0 and total:
            sheet.info(lines[1], f"AVAILABLE_{metric}: 0, of which {total:,} are used")
    _exchanged(sheet, lines[1])
    return stated


def _exchanged(sheet: Sheet, line: int) -> None:
    """Every device has at least as many registers as ALUTs, and about one MLAB for 20 of them: else columns are
    exchanged.
    """
    luts, flops = sheet.value("AVAILABLE_ALUT"), sheet.value("AVAILABLE_FF")
    mlabs = sheet.value("AVAILABLE_MLAB")
    if luts and flops and flops < luts:
        names = [*NAMES.values(), *(f"AVAILABLE_{name}" for name in NAMES.values())]
        sheet.withhold(names, line, "a device with fewer registers than ALUTs: columns are exchanged")
    elif luts and mlabs and not 0.2 <= 20 * mlabs / luts <= 5:
        names = [f"AVAILABLE_{name}" for name in NAMES.values()]
        sheet.withhold(names, line, f"{mlabs:,} MLABs beside {luts:,} ALUTs: columns are exchanged")


def fits_shares(used: Sequence[Number | None], sizes: Any, shares: Any, *, needed: bool = False) -> bool:
    """Whether ``total_percent`` of a function is that of its figures: ALUTs and FFs together, then each in turn."""
    if not isinstance(shares, list) or not isinstance(sizes, list):
        return not needed
    for part, size, share in zip(used, sizes, shares[1:], strict=False):
        if part is None or not isinstance(share, (int, float)) or not isinstance(size, (int, float)):
            return False
        if size and abs(100 * part / size - share) > max(1e-3 * abs(share), 1e-4):
            return False
    return True


def check_shares(sheet: Sheet, shares: Any, order: Sequence[str], line: int) -> None:
    """Compare used and available with shares in percent, in a known order; if one differs, all are withheld."""
    if not isinstance(shares, list) or len(shares) < len(order):
        sheet.warn(line, "no shares to compare the totals with")
        return
    every = [*NAMES.values(), *(f"AVAILABLE_{metric}" for metric in NAMES.values())]
    for metric, share in zip(order, shares[-len(order) :] if len(shares) > 4 else shares, strict=False):
        used, size = sheet.value(metric), sheet.value(f"AVAILABLE_{metric}")
        if used is None or not size or not isinstance(share, (int, float)):
            continue
        if abs(100 * used / size - share) > max(1e-3 * abs(share), 1e-4):
            sheet.withhold(every, line, f"{metric}: {used:,} of {size:,} is not {share:g} %")
            return


def new_sheet(data: Data, tool: str) -> Sheet:
    """A sheet for the estimates of a compiler."""
    return Sheet(data.source, tool, Stage.HLS_ESTIMATE)


def lines_of_json(value: Any) -> list[tuple[int, Any]]:
    """The objects of an ``.ndjson`` with their line numbers; nothing for another value."""
    rows = value.get("lines") if isinstance(value, dict) else None
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for _, row in rows) else []
