"""nextpnr, all architectures: the log, and the report that ``--report`` writes.

A log prints the clock twice, after placement and after routing: the last one counts, and it needs the routing to be
complete.  Neither names part or version.  A clock that missed its constraint has a slack below zero; the tool calls
that an error, though it ends normally.  Halves of LUTs (SLICE_LUTX of Xilinx, CPE_LT of GateMate) are no LUTs and are
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bitwright.report.parsers.documents import Data, DataFormat, Line, LogFormat
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.values import Number, agrees, percent

_CELLS: Mapping[str, str] = {
    "TRELLIS_SLICE": "SLICE", "TRELLIS_COMB": "LUT", "TRELLIS_FF": "FF", "MULT18X18D": "DSP", "DP16KD": "EBR",
    "TRELLIS_RAMW": "RAMW",
    "ICESTORM_LC": "LC", "ICESTORM_RAM": "EBR", "ICESTORM_DSP": "DSP", "ICESTORM_SPRAM": "SPRAM",
    "OXIDE_COMB": "LUT", "OXIDE_FF": "FF", "OXIDE_EBR": "EBR", "MULT18_CORE": "DSP",
    "LUT4": "LUT", "DFF": "FF", "ALU": "CARRY", "BSRAM": "EBR", "RAM16SDP4": "LUTRAM", "MISTRAL_COMB": "ALUT",
    "MISTRAL_FF": "FF", "MISTRAL_M10K": "M10K", "SLICE_FFX": "FF", "DSP48E1": "DSP", "CPE_FF": "FF",
}  # fmt: skip
_FAMILY = (("TRELLIS_", "nextpnr-ecp5"), ("ICESTORM_", "nextpnr-ice40"), ("OXIDE_", "nextpnr-nexus"),
           ("MISTRAL_", "nextpnr-mistral"), ("SLICE_LUTX", "nextpnr-xilinx"), ("CPE_", "nextpnr-himbaechel"),
           ("LUT4", "nextpnr-gowin"))  # fmt: skip
_ALWAYS = {"nextpnr-ecp5": ("LUT", "FF", "DSP", "EBR"), "nextpnr-ice40": ("LC", "EBR"),
           "nextpnr-mistral": ("ALUT", "FF"), "nextpnr-xilinx": ("FF",), "nextpnr-himbaechel": ("FF",)}  # fmt: skip
_MAYBE = {"nextpnr-ice40": ("DSP", "SPRAM"), "nextpnr-gowin": ("CARRY", "EBR", "LUTRAM"), "nextpnr-ecp5": ("RAMW",),
          "nextpnr-nexus": ("DSP", "EBR"), "nextpnr-mistral": ("M10K",)}  # fmt: skip


def _tool(names: Any) -> str:
    return next((tool for start, tool in _FAMILY if any(str(name).startswith(start) for name in names)), "nextpnr")


def _always(sheet: Sheet) -> tuple[str, ...]:
    """What a report of the architecture states; before 2023 ECP5 counted slices, not their parts."""
    return ("SLICE", "DSP", "EBR") if sheet.has("SLICE") else _ALWAYS.get(sheet.tool, ("LUT", "FF"))


def _expect(sheet: Sheet, line: int, where: str) -> None:
    sheet.expect(_always(sheet), line, where)
    absent = [name for name in _MAYBE.get(sheet.tool, ()) if not sheet.has(name)]
    if absent:
        sheet.info(line, f"{where} does not state {', '.join(absent)}: not every device has it")


# --- report ------------------------------------------------------------------------------------


def is_report(value: Any) -> bool:
    """Whether a value is a report of nextpnr."""
    return isinstance(value, dict) and isinstance(value.get("utilization"), dict) and "fmax" in value


def parse_report(data: Data) -> Parsed:
    """``--report``: utilization, and the clocks after routing."""
    usage = data.value["utilization"]
    sheet = Sheet(data.source, _tool(usage), Stage.POST_ROUTE)
    for cell, entry in usage.items():
        metric = _CELLS.get(cell)
        if metric is None:
            continue
        line = data.line("utilization", cell)
        used = entry.get("used") if isinstance(entry, dict) else None
        offered = entry.get("available") if isinstance(entry, dict) else None
        for name, value in ((metric, used), (f"AVAILABLE_{metric}", offered)):
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                sheet.add(name, value, line)
            else:
                sheet.warn(line, f"{name}: {value!r} is no count")
    _expect(sheet, data.line("utilization"), "the report")
    clocks = {}
    for name, entry in data.value["fmax"].items() if isinstance(data.value["fmax"], dict) else ():
        reached, wanted = (entry.get(k) if isinstance(entry, dict) else None for k in ("achieved", "constraint"))
        clocks[name] = (_positive(reached), _positive(wanted), data.line("fmax", name))
    _clocks(clocks, sheet, data.line("fmax"))
    return sheet.done()


def _positive(value: Any) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0.01 <= value <= 5000
    return float(value) if good else None


def _clocks(clocks: dict[str, tuple[float | None, float | None, int]], sheet: Sheet, line: int) -> None:
    """The clock with the worst slack; of several, each in a row of its own."""
    worst: tuple[float, float, float, int, str] | None = None
    for name, (reached, wanted, at) in clocks.items():
        if reached is None or wanted is None:
            sheet.warn(at, f"clock '{name}': no clock that was reached, or no constraint: the clocks are withheld")
            return
        slack = 1000 / wanted - 1000 / reached
        period = round(1000 / wanted, 9)
        sheet.module(f"clock:{name}", name, {"FMAX_MHZ": reached, "CLOCK_TARGET_NS": period}, at, "clock")
        if worst is None or slack < worst[0]:
            worst = (slack, reached, period, at, name)
    if worst is None:
        sheet.warn(line, "no clock: nothing is clocked, or the run did not come that far")
        return
    note = f"clock {worst[4]}"
    sheet.add("FMAX_MHZ", worst[1], worst[3], note=note)
    sheet.add("CLOCK_TARGET_NS", worst[2], worst[3], derived=True, note="1000 / constraint in MHz")
    sheet.add("WNS_NS", round(worst[0], 6), worst[3], derived=True, note="required less achieved clock period")


# --- log ---------------------------------------------------------------------------------------

OPENS = (
    r"Info: (?:Logic utilisation before packing:|Packing \w+(?: carries|s)?\.\.|Device utilisation:|Importing module "
    r"|Checksum: 0x|Constrain|constraining|Creating initial|Rule checker|Using .*(?:device|chipdb)|Annotating ports)"
    r"|Warning: No (?:PCF|CST|LPF) file specified|\"nextpnr-\w+\" -- Next Generation"
)
_USAGE = re.compile(r"Info:\s+([A-Za-z0-9_]+):\s*(\d+)/\s*(\d+)\s+(\d+%)\s*$")
_CLOCK = re.compile(
    r"(?:Info|Warning|ERROR): Max frequency for clock\s+'([^']*)':\s+"
    r"([\d.]+) (\w+) \((PASS|FAIL) at ([\d.]+) (\w+)\)\s*$"
)
_ROUTED = re.compile(r"Info: (?:Routing complete|Router[12] time|Critical path report)")
_SCALE = {"Hz": 1e-6, "kHz": 1e-3, "MHz": 1.0, "GHz": 1e3}


@dataclass(slots=True)
class _Log:
    usage: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    section: int | None = None
    closed: bool = False
    clocks: dict[str, tuple[float | None, float | None, int]] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)
    routed: bool = False
    errors: list[tuple[int, str]] = field(default_factory=list)
    missed: int | None = None
    told: int | None = None
    ended: int | None = None
    faults: list[tuple[int, str]] = field(default_factory=list)
    last: int = 1


def read(source: str, lines: Iterator[Line]) -> Parsed:
    """A log, to its end."""
    log = _Log()
    for line in lines:
        log.last = line.number
        if line.whole or line.text.startswith("Info: Program finished"):
            _see(line, log)
    sheet = Sheet(source, _tool(log.usage), Stage.POST_ROUTE if log.routed else Stage.POST_PLACE)
    for number, what in log.faults:
        sheet.warn(number, what)
    _status(log, sheet)
    _usage(log, sheet)
    _final_clocks(log, sheet)
    return sheet.done()


def _see(line: Line, log: _Log) -> None:
    text = line.text
    if text.startswith("Info: Device utilisation:"):
        log.section = line.number
    elif log.section is not None and not log.closed:
        _usage_line(line, log)
    if found := _CLOCK.match(text):
        _clock_line(found, line.number, log)
    elif "Max frequency for clock" in text:
        log.faults.append((line.number, f"a clock that is not understood: '{text.strip()[:80]}'"))
    elif text.startswith("ERROR: ") and len(log.errors) < 20:
        log.errors.append((line.number, text.strip()[:300]))
    elif _ROUTED.match(text) and not log.routed:
        log.routed = True
        log.before, log.clocks = set(log.clocks), {}
    elif text.startswith("Info: Program finished normally."):
        log.ended = line.number
    elif (found := re.match(r"\d+ warnings?, (\d+) errors?\s*$", text)) and found[1] != "0":
        log.told = line.number


def _usage_line(line: Line, log: _Log) -> None:
    found = _USAGE.match(line.text)
    if found is None:
        if not line.text.strip():
            log.closed = True
        else:
            log.faults.append((line.number, f"no line of the utilisation: '{line.text.strip()[:60]}'"))
            log.closed = not line.text.startswith("Info: \t")
        return
    used, offered = int(found[2]), int(found[3])
    if agrees(used, offered, percent(found[4])):
        log.usage[found[1]] = (used, offered, line.number)
    else:
        log.faults.append((line.number, f"{found[1]} withheld: {used} of {offered} is not {found[4]}"))


def _clock_line(found: re.Match[str], number: int, log: _Log) -> None:
    scales = [_SCALE.get(found[3]), _SCALE.get(found[6])]
    reached = float(found[2]) * scales[0] if scales[0] else None
    wanted = float(found[5]) * scales[1] if scales[1] else None
    verdict = found[4] == "PASS"
    good = reached is not None and wanted is not None and (reached >= wanted - 0.005) == verdict
    if not good or found[3] != found[6] or (reached or 0) < 1:
        log.faults.append(
            (number, f"clock '{found[1]}' withheld: {found[2]} {found[3]} and {found[4]} at {found[5]} {found[6]}")
        )
        reached = None
    if not verdict:
        log.missed = number
    log.clocks[found[1]] = (_positive(reached), _positive(wanted), number)


def _status(log: _Log, sheet: Sheet) -> None:
    for number, text in log.errors:
        sheet.warn(number, f"the tool says: {text}")
    if log.errors or (log.told is not None and log.missed is None):
        number, text = log.errors[0] if log.errors else (log.told or log.last, "the tool counts errors")
        sheet.add("TOOL_STATUS", "failed", number, note=text)
    elif log.ended is not None:
        note = "a clock missed its constraint" if log.missed is not None else ""
        sheet.add("TOOL_STATUS", "ok", log.ended, note=note)
    else:
        sheet.warn(log.last, "the log stops before the tool ended")
        sheet.add("TOOL_STATUS", "truncated", log.last)


def _usage(log: _Log, sheet: Sheet) -> None:
    for cell, (used, offered, number) in log.usage.items():
        if cell in _CELLS:
            values: tuple[tuple[str, Number], ...] = ((_CELLS[cell], used), (f"AVAILABLE_{_CELLS[cell]}", offered))
            for metric, value in values:
                sheet.add(metric, value, number)
    if log.section is None:
        sheet.warn(log.last, "no 'Device utilisation'")
    else:
        _expect(sheet, log.section, "the utilisation")


def _final_clocks(log: _Log, sheet: Sheet) -> None:
    if not log.routed:
        if log.clocks:
            sheet.info(log.last, "clocks before routing are not stated: the design was not routed")
        return
    lost = log.before - set(log.clocks)
    if lost or log.ended is None:
        sheet.warn(log.last, f"the clocks after routing are missing or may be incomplete {', '.join(sorted(lost))}")
        return
    _clocks(log.clocks, sheet, log.last)


LOGS = {"nextpnr_log": LogFormat(OPENS, read)}
DATA = (DataFormat(is_report, parse_report),)
