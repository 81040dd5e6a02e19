"""Intel HLS, Intel OpenCL (aoc) and oneAPI (dpcpp, icpx): ``area``, ``summary``, ``info``, ``fmax_ii``, ``quartus`` and
the loops, as ``.json``, ``.ndjson`` or in ``report_data.js``, ``quartus_data.js`` and ``verification_data.js``.

A script holds several of them; each part is read, and what two parts state differently is withheld.  Only ``info``
names part and version: for the files beside it they are added from there (collect.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bitwright.report.parsers.documents import Data, DataFormat
from bitwright.report.parsers.intel_area import area, area_lines, is_area, is_area_lines, parse_area, parse_area_lines
from bitwright.report.parsers.intel_columns import (
    EVERY,
    HLS,
    ONEAPI,
    OPENCL,
    check_shares,
    lines_of_json,
    metrics_of,
    new_sheet,
    numbers,
    state,
)
from bitwright.report.parsers.intel_loops import parse_blocks, parse_loops, parse_quartus, parse_verification
from bitwright.report.parsers.jsondata import loads
from bitwright.report.parsers.model import Parsed, Sheet

LARGEST_INFO = 1 << 20
MOST_SIBLINGS = 60


# --- summary -----------------------------------------------------------------------------------


def is_summary(value: Any) -> bool:
    """``summary.json``."""
    return isinstance(value, dict) and isinstance(value.get("estimatedResources"), dict)


def summary(data: Data, value: dict[str, Any], sheet: Sheet) -> None:
    """The table of estimated resources."""
    table = value["estimatedResources"]
    rows = [(data.line("estimatedResources", str(row.get("name"))), row) for row in table.get("children") or ()]
    _summary_rows(table, rows, data.line("estimatedResources"), sheet)


def _summary_rows(table: Any, rows: list[tuple[int, Any]], line: int, sheet: Sheet) -> None:
    metrics = metrics_of(table.get("columns"))
    if metrics is None:
        sheet.warn(line, "the columns are not ALUTs, FFs, RAMs, DSPs, ... in the tool's order")
        return
    named = {str(row.get("name")): (at, row) for at, row in rows if isinstance(row, dict)}
    total, offered = named.get("Total"), named.get("Available")
    if total is None:
        sheet.warn(line, "no row 'Total'")
        return
    if offered is None:
        sheet.warn(line, "no row 'Available'")
    size = offered[1].get("data") if offered else None
    state(metrics, total[1].get("data"), size, sheet, (total[0], offered[0] if offered else total[0]))
    check_shares(sheet, total[1].get("data_percent"), EVERY, total[0])
    sheet.expect(EVERY, total[0], "the row 'Total'")
    kernels = [(at, row) for name, (at, row) in named.items() if name not in ("Total", "Available")]
    real = [str(row["name"]) for _, row in kernels
            if row.get("name") and "summary-highlight" not in (row.get("classes") or ())]  # fmt: skip
    sheet.design = sheet.design or (real[0] if len(real) == 1 else None)
    parts = [numbers(row.get("data"), len(metrics)) for _, row in kernels if "Subtotal" not in str(row.get("name"))]
    added = [sum(part[i] or 0 for part in parts if part is not None) for i in range(len(metrics))]
    if added != numbers(total[1].get("data"), len(metrics)):
        sheet.warn(total[0], "the rows of kernels are withheld: they do not add up to the total")
        return
    for at, row in kernels:
        found = numbers(row.get("data"), len(metrics))
        if found is not None and "Subtotal" not in str(row.get("name")):
            values = dict(zip(metrics, found, strict=False))
            sheet.module(str(row.get("name")), str(row.get("name")), values, at, "kernel")


def parse_summary(data: Data) -> Parsed:
    """``summary.json``."""
    sheet = new_sheet(data, HLS)
    summary(data, data.value, sheet)
    return sheet.done()


def is_summary_lines(value: Any) -> bool:
    """``summary.ndjson``."""
    return any(row.get("summary_type") == "estimatedResources" for _, row in lines_of_json(value))


def parse_summary_lines(data: Data) -> Parsed:
    """``summary.ndjson``."""
    sheet = new_sheet(data, ONEAPI)
    summary_lines(lines_of_json(data.value), sheet)
    return sheet.done()


def summary_lines(rows: list[tuple[int, Any]], sheet: Sheet) -> None:
    """The table of estimated resources, of which each row is a line."""
    line, table = next((line, row) for line, row in rows if row.get("summary_type") == "estimatedResources")
    _summary_rows(table, [(at, row) for at, row in rows if row.get("parent") == "estimatedResources"], line, sheet)


# --- info --------------------------------------------------------------------------------------


def is_info(value: Any) -> bool:
    """``info.json``: name, part, version and command of a run."""
    if not isinstance(value, dict):
        return False
    return (value.get("name") == "Info" and isinstance(value.get("rows"), list)) or _compile_node(value) is not None


def _compile_node(value: dict[str, Any]) -> dict[str, Any] | None:
    """The node of ``info.ndjson``."""
    told = value.get("compileInfo")
    nodes = told.get("nodes") if isinstance(told, dict) else None
    return nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else None


def info(value: dict[str, Any]) -> dict[str, str]:
    """Tool, version and part, as far as they are named."""
    node = _compile_node(value)
    if node is not None:
        part = str(node.get("family", "")).rpartition(",")[2].strip()
        stated = {"part": part, "version": str(node.get("version", "")), "tool": ONEAPI}
        return {name: text for name, text in stated.items() if text}
    rows = {str(row.get("name")): str((row.get("data") or [""])[0]) for row in value["rows"] if isinstance(row, dict)}
    found: dict[str, str] = {}
    for label, text in rows.items():
        if label.startswith("Target Family"):
            found["part"] = text.rpartition(",")[2].strip()
        named = re.fullmatch(r"(i\+\+|AOC|aoc|dpcpp|icpx|Compiler) Version", label)
        if named:
            found["version"] = text
            found["tool"] = {"i++": HLS, "aoc": OPENCL, "AOC": OPENCL}.get(named[1], ONEAPI)
    return found


def apply_info(value: dict[str, Any], sheet: Sheet) -> None:
    """Put what a run's info names on the sheet."""
    found = info(value)
    sheet.part = found.get("part") or sheet.part
    sheet.tool_version = found.get("version") or sheet.tool_version
    sheet.tool = found.get("tool", sheet.tool)


def parse_info(data: Data) -> Parsed:
    """``info.json`` alone holds no figure: a note."""
    sheet = new_sheet(data, HLS)
    apply_info(data.value, sheet)
    sheet.info(1, f"names the run only: {sheet.tool} {sheet.tool_version or '?'}, part {sheet.part or '?'}")
    return sheet.done()


def info_beside(path: Path) -> dict[str, str]:
    """What the ``info`` of the same run names, with its ``source``: in the folder, in ``json`` below it or above it."""
    for folder in (path.parent, path.parent / "json", path.parent.parent):
        for file in sorted(folder.glob("*.*js*"))[:MOST_SIBLINGS] if folder.is_dir() else ():
            found = _info_of(file) if file != path else {}
            if found:
                return {**found, "source": str(file)}
    return {}


def _info_of(file: Path) -> dict[str, str]:
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > LARGEST_INFO:
            return {}
        text = file.read_text(encoding="utf-8")
        value = loads(text) if re.search('"(Info|compileInfo)"', text) and text.lstrip()[:1] == "{" else None
    except (OSError, ValueError):
        return {}
    return info(value) if value is not None and is_info(value) else {}


# --- scripts -----------------------------------------------------------------------------------

_PARTS: tuple[tuple[Callable[[Any], bool], Callable[[Data, Any, Sheet], None]], ...] = (
    (is_area, area),
    (is_summary, summary),
    (is_area_lines, lambda data, value, sheet: area_lines(data, lines_of_json(value), sheet)),
    (is_summary_lines, lambda _, value, sheet: summary_lines(lines_of_json(value), sheet)),
)


def _variables(value: Any) -> dict[str, Any]:
    """The variables of a script; a list of objects stands for the lines of an ``.ndjson``."""
    found = value.get("script") if isinstance(value, dict) else None
    parts = found if isinstance(found, dict) else {}
    return {name: _as_lines(part) for name, part in parts.items()}


def _as_lines(part: Any) -> Any:
    rows = isinstance(part, list) and part and all(isinstance(row, dict) for row in part)
    return {"lines": [(1, row) for row in part]} if rows else part


def is_script(value: Any) -> bool:
    """``report_data.js``: variables that are the files above."""
    return any(matches(part) for part in _variables(value).values() for matches, _ in _PARTS)


def parse_script(data: Data) -> Parsed:
    """``report_data.js``."""
    lists = any(lines_of_json(part) for part in _variables(data.value).values())
    sheet = new_sheet(data, ONEAPI if lists else HLS)
    for part in _each(data.value):
        if is_info(part):
            apply_info(part, sheet)
    for part in _variables(data.value).values():
        for matches, read in _PARTS:
            if matches(part):
                read(data, part, sheet)
    return sheet.done()


def _holds(kind: str) -> Callable[[Any], bool]:
    """Whether a value, or one variable of a script, has a key."""

    def matches(value: Any) -> bool:
        return any(isinstance(part, dict) and kind in part for part in _each(value))

    return matches


def _each(value: Any) -> Iterator[Any]:
    """A value, the variables of a script, and the lines of each."""
    yield value
    for part in _variables(value).values():
        yield part
        yield from (row for _, row in lines_of_json(part))


def _is_verification(value: Any) -> bool:
    return any(
        isinstance(part, dict) and "functions" in part and "Invocations" in (part.get("columns") or ())
        for part in _each(value)
    )


def _is_loops(value: Any) -> bool:
    return any({"af", "ii", "lt"} <= set(row) for _, row in lines_of_json(value))


def _is_blocks(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("basicblocks"), dict)


FORMATS = (
    DataFormat(is_area, parse_area),
    DataFormat(is_summary, parse_summary),
    DataFormat(is_info, parse_info),
    DataFormat(_is_blocks, lambda data: parse_blocks(data, new_sheet(data, HLS))),
    DataFormat(is_area_lines, parse_area_lines),
    DataFormat(is_summary_lines, parse_summary_lines),
    DataFormat(_is_loops, lambda data: parse_loops(lines_of_json(data.value), new_sheet(data, ONEAPI))),
    DataFormat(is_script, parse_script),
    DataFormat(_holds("quartusFitClockSummary"), lambda data: parse_quartus(data, list(_each(data.value)))),
    DataFormat(_is_verification, lambda data: parse_verification(data, list(_each(data.value)))),
)
