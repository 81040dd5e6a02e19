"""Latency, II and clock of Intel HLS and oneAPI: estimates by loop, Quartus results, simulation results."""

from __future__ import annotations

import re
from typing import Any

from bitwright.report.parsers.documents import Data
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.values import Number, count, is_nothing, number

_WORST = "the worst block of all; blocks run one after the other, so this is no latency from end to end"


def _number(value: Any) -> Number | None:
    """``"480.00"``, ``1``, ``"~1"``; None for ``n/a`` and what is no number."""
    text = str(value).strip().removeprefix("~").removeprefix(">=").strip()
    if isinstance(value, bool) or is_nothing(text):
        return None
    try:
        return number(text)
    except ValueError:
        return None


# --- estimates by loop -------------------------------------------------------------------------


def _worst(rows: list[tuple[int, str, Any, Any, Any]], sheet: Sheet, line: int) -> None:
    """State the lowest clock, the highest II and the longest latency of rows (line, name, fmax, ii, latency)."""
    damaged = False
    for at, name, fmax, ii, latency in rows:
        values = {"FMAX_MHZ": _number(fmax), "II_MAX_CYCLES": _number(ii), "LATENCY_MAX_CYCLES": _number(latency)}
        missing = [key for key, raw in zip(values, (fmax, ii, latency), strict=True) if raw is None or raw == ""]
        if missing:
            sheet.warn(at, f"'{name}' does not state {', '.join(missing)}: the worst of all is not known")
            damaged = True
        elif values["FMAX_MHZ"] is not None and not 1 <= values["FMAX_MHZ"] <= 5000:
            sheet.warn(at, f"'{name}': {fmax} MHz is no clock of an FPGA")
            damaged = True
        sheet.module(name, name, values, at, "block")
    if damaged or not rows:
        return
    for metric, column, choose in (("FMAX_MHZ", 2, min), ("II_MAX_CYCLES", 3, max), ("LATENCY_MAX_CYCLES", 4, max)):
        known = [(value, row[0]) for row in rows if (value := _number(row[column])) is not None]
        if known:
            value, at = choose(known, key=lambda pair: float(pair[0]))
            sheet.add(metric, value, at, note=_WORST)
    sheet.expect(("FMAX_MHZ", "II_MAX_CYCLES", "LATENCY_MAX_CYCLES"), line, "the report")


def parse_blocks(data: Data, sheet: Sheet) -> Parsed:
    """``fmax_ii.json`` of Intel HLS."""
    rows = []
    for name, block in data.value["basicblocks"].items():
        if isinstance(block, dict):
            line = data.line("basicblocks", name)
            rows.append((line, name, block.get("achieved_fmax"), block.get("achieved_ii"), block.get("latency")))
    functions = list(data.value.get("functions") or {})
    sheet.design = functions[0] if len(functions) == 1 else None
    _every_block(data, rows, sheet)
    return sheet.done()


def _every_block(data: Data, rows: list[tuple[int, str, Any, Any, Any]], sheet: Sheet) -> None:
    named: set[str] = set()
    for function in (data.value.get("functions") or {}).values():
        loops = function.get("loop_hierachy", function.get("loop_hierarchy")) if isinstance(function, dict) else None
        named.update(block for blocks in (loops or {}).values() for block in blocks)
    lost = named - {name for _, name, *_ in rows}
    if lost:
        sheet.warn(data.line("functions"), f"blocks that are named and not described: {', '.join(sorted(lost)[:4])}")
        return
    _worst(rows, sheet, data.line("basicblocks"))


def parse_loops(lines: list[tuple[int, Any]], sheet: Sheet) -> Parsed:
    """``loop_attr.ndjson`` of oneAPI."""
    rows = [
        (line, str(row.get("name")), row.get("af"), row.get("ii"), row.get("lt"))
        for line, row in lines
        if row.get("type") in ("bb", "loop") or {"af", "ii", "lt"} & set(row)
    ]
    named = {child for _, row in lines for child in row.get("children") or ()}
    named |= {node for _, row in lines for node in row.get("nodes") or ()}
    lost = named - {row.get("id") for _, row in lines}
    if lost:
        sheet.warn(lines[0][0], f"{len(lost)} nodes are named and missing: the worst of all is not known")
        return sheet.done()
    if not named:
        sheet.warn(lines[0][0], "no line names the loops: it is not known whether all are there")
        return sheet.done()
    kernels = [row for _, row in lines if row.get("type") == "kernel"]
    sheet.design = str(kernels[0]["name"]) if len(kernels) == 1 and "name" in kernels[0] else None
    _worst(rows, sheet, lines[0][0])
    return sheet.done()


# --- Quartus -----------------------------------------------------------------------------------

_FIT = {"alm": "ALM", "alut": "ALUT", "reg": "FF", "dsp": "DSP", "ram": "RAM", "mlab": "MLAB"}


def parse_quartus(data: Data, parts: list[Any]) -> Parsed:
    """``quartus.json``, ``quartus.ndjson``, ``quartus_data.js``: what the fitter made of it, if it ran."""
    sheet = Sheet(data.source, "Quartus fitter", Stage.POST_ROUTE)
    value = next(part for part in parts if isinstance(part, dict) and "quartusFitClockSummary" in part)
    clocks = value["quartusFitClockSummary"]
    nodes = clocks.get("nodes") if isinstance(clocks, dict) else None
    node = nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else None
    if node is None or _not_run(node):
        if "Run Quartus compile" in str(clocks) or (node is not None and _not_run(node)):
            sheet.tool = "Intel HLS i++" if node is None else sheet.tool
            sheet.add("TOOL_STATUS", "not_run", data.line("quartusFitClockSummary"), note="Quartus was not run")
        else:
            sheet.warn(data.line("quartusFitClockSummary"), "a form of this report that is not known")
        return sheet.done()
    _fit_clock(node, data, sheet)
    _fit_resources(value.get("quartusFitResourceUsageSummary"), data, sheet)
    return sheet.done()


def _not_run(node: dict[str, Any]) -> bool:
    return any(str(node.get(name)) == "TBD" for name in ("clock", "clock fmax", "kernel clock", "kernel clock fmax"))


def _fit_clock(node: dict[str, Any], data: Data, sheet: Sheet) -> None:
    line = data.line("quartusFitClockSummary", "clock")
    names = ("clock fmax", "kernel clock fmax", "clock", "kernel clock", "clock1x")
    name = next((name for name in names if name in node), "clock")
    value = _number(node.get(name))
    unit = re.search(r"\((\w+)\)", str(node.get("name")))
    if value is None or not 1 <= value <= 5000 or (unit and unit[1] != "MHz"):
        sheet.warn(line, f"FMAX_MHZ withheld: '{node.get(name)}' of '{node.get('name')}'")
        return
    details = " ".join(str(detail.get("text")) for detail in node.get("details") or () if isinstance(detail, dict))
    told = re.search(r"maximum frequency for the clock is ([\d.]+) MHz", details)
    if details and not told and "fmax" not in name:
        sheet.warn(line, f"FMAX_MHZ withheld: '{name}' without the sentence that tells the maximum frequency")
        return
    if told and abs(float(told[1]) - float(value)) > 0.01:
        sheet.warn(line, f"FMAX_MHZ withheld: {value:g} MHz, but the text says {told[1]}")
        return
    sheet.add("FMAX_MHZ", value, line)


def _fit_resources(part: Any, data: Data, sheet: Sheet) -> None:
    nodes = part.get("nodes") if isinstance(part, dict) else None
    line = data.line("quartusFitResourceUsageSummary")
    system = [node for node in nodes or () if isinstance(node, dict) and node.get("type") == "system"]
    system.sort(key=lambda node: not re.search("Device Image|Entire System|Full Design", str(node.get("name"))))
    if not system:
        sheet.warn(line, "no node of the whole device image")
        return
    smaller: set[str] = set()
    for node in nodes or ():
        values = {metric: _count(node.get(key)) for key, metric in _FIT.items()}
        if node is system[0]:
            for metric, value in values.items():
                sheet.add(metric, value, line)
        else:
            sheet.module(str(node.get("name")), str(node.get("name")), values, line, str(node.get("type")))
            whole = {metric: _count(system[0].get(key)) for key, metric in _FIT.items()}
            smaller |= {name for name, value in values.items() if (value or 0) > (whole[name] or 0)}
    if smaller:
        sheet.withhold(sorted(smaller), line, "a kernel has more than the whole device image")
        sheet.drop_modules()
    sheet.expect(_FIT.values(), line, "the fitter")


def _count(value: Any) -> Number | None:
    try:
        return count(str(value)) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


# --- simulation --------------------------------------------------------------------------------


def parse_verification(data: Data, parts: list[Any]) -> Parsed:
    """``verification_data.js`` of Intel HLS: latency and II measured by invocation."""
    sheet = Sheet(data.source, "Intel HLS i++ simulation", Stage.SIMULATION)
    value = next(part for part in parts if isinstance(part, dict) and "functions" in part and "columns" in part)
    columns, functions = value["columns"], value["functions"]
    line = data.line("functions")
    first = functions[0] if isinstance(functions, list) and functions else {}
    cells = first.get("data") if isinstance(first, dict) else None
    if not isinstance(cells, list) or len(cells) != len(columns):
        sheet.warn(line, "the row does not fit the columns")
        return sheet.done()
    sheet.design = str(first.get("name")) if isinstance(first.get("name"), str) else None
    rows = [_measured(str(column), str(cell), line, sheet) for column, cell in zip(columns, cells, strict=True)]
    if _exchanged(rows):
        sheet.warn(line, "the row is withheld: an interval longer than the latency: columns are exchanged")
        return sheet.done()
    for stated in rows if None not in rows else ():
        for metric, number_ in (stated or {}).items():
            sheet.add(metric, number_, line)
    sheet.expect(("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES", "COSIM_TRANSACTIONS"), line, "the report")
    return sheet.done()


def _exchanged(rows: list[dict[str, Number] | None]) -> bool:
    """A call that starts later than the one before it ended: not what a component that is kept busy does."""
    every = {metric: value for row in rows for metric, value in (row or {}).items()}
    return every.get("II_MIN_CYCLES", 0) > every.get("LATENCY_MAX_CYCLES", float("inf")) + 2


def _measured(column: str, cell: str, line: int, sheet: Sheet) -> dict[str, Number] | None:
    """What a cell states; None where it contradicts itself, so that the row cannot be trusted."""
    name, _, order = column.partition("\n")
    prefix = {"Latency": "LATENCY", "II": "II"}.get(name.strip())
    if name.strip() == "Invocations":
        calls = _count(cell)
        return {"COSIM_TRANSACTIONS": calls} if calls is not None else None
    values = [_number(part) for part in cell.split(",")]
    if prefix is None or order.strip() != "(min,max,avg)" or len(values) != 3:
        sheet.warn(line, f"a column that is not known: '{column}'")
        return None
    low, high, mean = values
    if low is None or high is None or mean is None:
        sheet.info(line, f"{name}: not measured ('{cell}')")
        return {}
    if not low <= mean <= high:
        sheet.warn(line, f"the row is withheld: '{cell}' is no minimum, maximum and average")
        return None
    return {f"{prefix}_MIN_CYCLES": low, f"{prefix}_MAX_CYCLES": high}
