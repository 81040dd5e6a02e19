"""``area`` of Intel HLS, OpenCL and oneAPI: totals, device, and the tree of functions and blocks.

Shares witness the totals, and no total is less than the sum of its parts.
"""

from __future__ import annotations

from typing import Any

from bitwright.report.parsers.documents import Data
from bitwright.report.parsers.intel_columns import (
    EVERY,
    HLS,
    ONEAPI,
    check_shares,
    fits_shares,
    lines_of_json,
    metrics_of,
    new_sheet,
    numbers,
    state,
)
from bitwright.report.parsers.model import Parsed, Sheet
from bitwright.report.parsers.values import Number


def is_area(value: Any) -> bool:
    """``area.json``: the tree of a system, with its totals."""
    return isinstance(value, dict) and "max_resources" in value and "columns" in value


def area(data: Data, value: dict[str, Any], sheet: Sheet) -> None:
    """Totals, device and tree."""
    line = data.line("total")
    metrics = metrics_of(value.get("columns"))
    if metrics is None:
        sheet.warn(data.line("columns"), "the columns are not ALUTs, FFs, RAMs, DSPs, ... in the tool's order")
        return
    state(metrics, value.get("total"), value.get("max_resources"), sheet, (line, data.line("max_resources")))
    check_shares(sheet, value.get("total_percent"), EVERY[1:], data.line("total_percent"))
    sheet.expect(EVERY, line, "the report")
    children = value.get("children")
    names = [str(child["name"]) for child in children or () if child.get("type") == "function" and child.get("name")]
    sheet.design = sheet.design or (names[0] if len(names) == 1 else None)
    if not _adds_up(_parts(value, metrics), metrics, sheet, line):
        return
    for child in children or ():
        _tree(child, str(value.get("name") or ""), metrics, sheet, data, sizes=value.get("max_resources"))


def _tree(node: Any, above: str, metrics: list[str], sheet: Sheet, data: Data, *, sizes: Any, depth: int = 0) -> None:
    """Functions, basic blocks and what is in them, as deep as people read; what does not add up is left out."""
    if not isinstance(node, dict) or depth > 3:
        return
    path = f"{above}/{node.get('name')}".strip("/")
    found = _used(node, metrics)
    if found is not None:
        line = data.line(str(node.get("name")))
        below = _parts(node, metrics)
        if (below is not None and below != found) or not fits_shares(found, sizes, node.get("total_percent")):
            sheet.info(line, f"'{path}' is left out with its parts: they do not add up, or are not the shares printed")
            return
        values: dict[str, Number | None] = dict(zip(metrics, found, strict=False))
        sheet.module(path, str(node.get("name")), values, line, str(node.get("type")))
    for child in node.get("children") or ():
        _tree(child, path, metrics, sheet, data, sizes=sizes, depth=depth + 1)


def _adds_up(parts: list[Number | None] | None, metrics: list[str], sheet: Sheet, line: int) -> bool:
    """Whether no total is less than its parts; if one is, all that differ are withheld: columns are exchanged."""
    totals = [sheet.value(metric) for metric in metrics]
    pairs = [
        (m, part or 0, whole) for m, part, whole in zip(metrics, parts or (), totals, strict=False) if whole is not None
    ]
    if not any(part > whole for _, part, whole in pairs):
        return True
    sheet.withhold([m for m, part, whole in pairs if part != whole], line, "the parts are more than the total")
    return False


def _used(node: dict[str, Any], metrics: list[str]) -> list[Number | None] | None:
    used = node.get("total_kernel_resources", node.get("total_resources", node.get("data")))
    return numbers(used, len(metrics))


def _parts(node: dict[str, Any], metrics: list[str]) -> list[Number | None] | None:
    """The sum of the nearest nodes below that state figures; None where there is none."""
    total: list[Number | None] | None = None
    for child in node.get("children") or ():
        if not isinstance(child, dict):
            continue
        part = _used(child, metrics) or _parts(child, metrics)
        if part is not None:
            total = part if total is None else [(a or 0) + (b or 0) for a, b in zip(total, part, strict=False)]
    return total


def parse_area(data: Data) -> Parsed:
    """``area.json``."""
    sheet = new_sheet(data, HLS)
    area(data, data.value, sheet)
    return sheet.done()


def is_area_lines(value: Any) -> bool:
    """``area.ndjson``: the first line is the system, the others its nodes."""
    rows = lines_of_json(value)
    return bool(rows) and is_area(rows[0][1])


def parse_area_lines(data: Data) -> Parsed:
    """``area.ndjson``."""
    sheet = new_sheet(data, ONEAPI)
    area_lines(data, lines_of_json(data.value), sheet)
    return sheet.done()


def area_lines(data: Data, rows: list[tuple[int, Any]], sheet: Sheet) -> None:
    """Totals, device and functions, of which each is a line."""
    area(data, rows[0][1], sheet)
    metrics = metrics_of(rows[0][1].get("columns")) or []
    if not _adds_up(_sum_of_lines([row for _, row in rows[1:]], metrics), metrics, sheet, 1):
        return
    paths: dict[Any, str] = {}
    for line, row in rows:
        paths[row.get("id")] = f"{paths.get(row.get('parent'), '')}/{row.get('name')}".strip("/")
        found = numbers(row.get("total_kernel_resources"), len(metrics))
        if found is None or row.get("type") != "function":
            continue
        if fits_shares(found, rows[0][1].get("max_resources"), row.get("total_percent"), needed=True):
            values = dict(zip(metrics, found, strict=False))
            sheet.module(paths[row.get("id")], str(row.get("name")), values, line, "function")
        else:
            sheet.info(line, f"'{row.get('name')}' is left out: its figures are not the shares printed")


def _sum_of_lines(rows: list[Any], metrics: list[str]) -> list[Number | None]:
    """All functions, and the resources that are in none."""
    above = {row.get("id"): row for row in rows}
    total: list[Number | None] = [0] * len(metrics)
    for row in rows:
        inside = _in_function(row, above)
        part = numbers(row.get("total_kernel_resources", row.get("data")), len(metrics))
        if part is not None and not inside:
            total = [(a or 0) + (b or 0) for a, b in zip(total, part, strict=False)]
    return total


def _in_function(row: Any, above: dict[Any, Any]) -> bool:
    """Whether a node is below a function."""
    for _ in range(len(above)):
        row = above.get(row.get("parent"))
        if row is None:
            return False
        if row.get("type") == "function":
            return True
    return True
