"""The corpus of real reports against ``truth.json``: what was read by eye, compared with what the parsers say.

An entry's null, and a figure that its kind of report cannot have, must be absent.  Names of tools, parts and versions
that a file itself does not state (they were known to whoever wrote the truth) are counted as ``elsewhere``.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitwright.report.parsers.collect import parse_paths
from bitwright.report.parsers.model import Figure, Parsed, Stage
from bitwright.report.parsers.values import normalise_part

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared")) / "reports"
ROOT_FIXTURES = Path(__file__).parents[2] / "reports" / "fixtures"

METRICS = {
    "clock_target_ns": "CLOCK_TARGET_NS", "clock_uncertainty_ns": "CLOCK_UNCERTAINTY_NS",
    "clock_estimated_ns": "CLOCK_ESTIMATED_NS", "latency_min": "LATENCY_MIN_CYCLES",
    "latency_max": "LATENCY_MAX_CYCLES", "interval_min": "II_MIN_CYCLES", "interval_max": "II_MAX_CYCLES",
    "BRAM_18K": "BRAM18", "BRAM_tile_36K": "BRAM36", "DSP": "DSP", "FF": "FF", "LUT": "LUT", "LUT4": "LUT",
    "URAM": "URAM", "SRL": "SRL", "CLB": "CLB", "wns_ns": "WNS_NS", "tns_ns": "TNS_NS", "whs_ns": "WHS_NS",
    "worst_setup_slack_ns": "WNS_NS", "slack_ns": "WNS_NS", "setup_failing_endpoints": "SETUP_FAILING_ENDPOINTS",
    "fmax_mhz": "FMAX_MHZ", "estimated_fmax_mhz": "FMAX_MHZ", "ALM": "ALM", "ALUT": "ALUT", "RAM": "RAM",
    "MLAB": "MLAB", "frac_DSP": "FRAC_DSP", "memory_bits": "MEMORY_BITS", "M10K": "M10K", "M20K": "M20K", "LE": "LE",
    "combinational": "LUT", "mult9": "MULT9", "cells": "CELLS", "CCU2C": "CARRY", "CARRY4": "CARRY",
    "SB_CARRY": "CARRY", "II": "II_MAX_CYCLES", "latency": "LATENCY_MAX_CYCLES", "invocations": "COSIM_TRANSACTIONS",
    "ALM_available": "AVAILABLE_ALM", "DSP_available": "AVAILABLE_DSP", "M10K_available": "AVAILABLE_M10K",
    "LE_available": "AVAILABLE_LE",
}  # fmt: skip
AVAILABLE = {"BRAM_18K": "BRAM18", "BRAM_tile_36K": "BRAM36", "TRELLIS_COMB": "LUT", "TRELLIS_FF": "FF",
             "MULT18X18D": "DSP"}  # fmt: skip
STATES = {"Synthesized": Stage.POST_SYNTH, "Fully Placed": Stage.POST_PLACE, "Routed": Stage.POST_ROUTE,
          "Physopt postRoute": Stage.POST_ROUTE, "Post-Synthesis": Stage.POST_SYNTH,
          "Post-Implementation": Stage.POST_ROUTE}  # fmt: skip
JUDGED = frozenset((
    *METRICS, "available", "BRAM", "LUT_as_memory", "PFUMX", "L6MUX21", "clock_constraint_mhz", "timing_met",
    "cosim_verilog", "design_state", "stage", "status", "clock_post_synth_ns", "clock_post_impl_ns", "tool",
    "tool_version", "device", "top", "design", "file", "kind",
))  # fmt: skip
NO_FIGURES = frozenset(("notes", "pipeline_type", "cosim_vhdl"))
"""Words of an entry that the parsers have no metric for."""


@dataclass(frozen=True)
class Verdict:
    """One comparison: right, wrong, missing, invented or elsewhere."""

    file: str
    tool: str
    name: str
    word: str
    detail: str = ""


def truth() -> list[dict[str, Any]]:
    """The entries of ``truth.json``."""
    entries: list[dict[str, Any]] = json.loads((CORPUS / "truth.json").read_text(encoding="utf-8"))
    return entries


def not_judged() -> list[str]:
    """What entries state and :func:`judge` does not look at."""
    return sorted({key for entry in truth() for key in entry} - JUDGED - NO_FIGURES)


def same(found: Any, wanted: Any) -> bool:
    """Equal numbers, to the digits that were printed."""
    if isinstance(found, str) or isinstance(wanted, str):
        return str(found) == str(wanted)
    return abs(float(found) - float(wanted)) <= 1e-6 * max(1.0, abs(float(wanted)))


def relevant(entry: dict[str, Any], parsed: Parsed) -> list[Figure]:
    """The figures of the report that the entry is about (a file may hold several)."""
    if entry["kind"].startswith(("csynth", "hls4ml_report_concat")):
        return [figure for figure in parsed.figures if figure.stage is Stage.HLS_ESTIMATE]
    if entry["kind"] == "hls_export.rpt":
        return [f for f in parsed.figures if f.metric != "CLOCK_ESTIMATED_NS"]
    return list(parsed.figures)


def judge(entry: dict[str, Any], parsed: Parsed) -> list[Verdict]:
    """Every statement of an entry against the parsed figures."""
    figures = relevant(entry, parsed)
    values: dict[str, list[Figure]] = {}
    for figure in figures:
        values.setdefault(figure.metric, []).append(figure)
    found: list[Verdict] = []

    def tell(name: str, actual: Any, wanted: Any) -> None:
        if wanted is None:
            word = "right" if actual is None else "invented"
        else:
            word = "missing" if actual is None else "right" if same(actual, wanted) else "wrong"
        found.append(Verdict(entry["file"], entry["tool"], name, word, f"{actual!r} for {wanted!r}"))

    def value(metric: str) -> Any:
        got = {figure.value for figure in values.get(metric, [])}
        return None if not got else got.pop() if len(got) == 1 else f"several: {sorted(map(str, got))}"

    for key, wanted in entry.items():
        if key in METRICS:
            tell(METRICS[key], value(METRICS[key]), wanted)
    for key, wanted in (entry.get("available") or {}).items():
        metric = f"AVAILABLE_{AVAILABLE.get(key, key)}"
        tell(metric, value(metric), wanted)
    _special(entry, values, value, tell)
    for clock, stage in (("clock_post_synth_ns", Stage.POST_SYNTH), ("clock_post_impl_ns", Stage.POST_ROUTE)):
        if clock in entry:
            got = [f.value for f in parsed.figures if f.metric == "CLOCK_ESTIMATED_NS" and f.stage is stage]
            tell(f"CLOCK_ESTIMATED_NS {stage.value}", got[0] if got else None, entry[clock])
    found += _identity(entry, figures)
    return found


def _special(entry: dict[str, Any], values: dict[str, list[Figure]], value: Any, tell: Any) -> None:
    if "BRAM" in entry:
        tell("EBR or BRAM36", value("EBR") if value("EBR") is not None else value("BRAM36"), entry["BRAM"])
    if "LUT_as_memory" in entry:
        memory = value("MEMORY_LUT")
        parts = [value(name) for name in ("LUTRAM", "SRL")]
        tell("MEMORY_LUT", memory if memory is not None else sum(parts) if None not in parts else None,
             entry["LUT_as_memory"])  # fmt: skip
    if "PFUMX" in entry:
        tell("MUXF", value("MUXF"), entry["PFUMX"] + entry["L6MUX21"])
    if "clock_constraint_mhz" in entry:
        period = value("CLOCK_TARGET_NS")
        tell("CLOCK_TARGET_NS", None if period is None else round(1000 / period, 6), entry["clock_constraint_mhz"])
    if "timing_met" in entry:
        slack = value("WNS_NS")
        tell("WNS_NS sign", None if slack is None else str(slack >= 0), str(entry["timing_met"]))
    if "cosim_verilog" in entry:
        status = values.get("COSIM_STATUS", [])
        tell("COSIM_STATUS", status[0].value if status else None, entry["cosim_verilog"].lower())
    state = entry.get("design_state") or entry.get("stage")
    if state in STATES:
        stages = {figure.stage for figures in values.values() for figure in figures}
        tell("stage", ", ".join(sorted(stages)), STATES[state].value)
    _status(entry, value, tell)


def _status(entry: dict[str, Any], value: Any, tell: Any) -> None:
    """How the run ended, where the report says it."""
    if entry["kind"] in ("log", "nextpnr log", "intel hls quartus.json"):
        words = {"ok": "ok", "failed": "failed", "incomplete": "truncated", "not run": "not_run", "violated": "ok"}
        tell("TOOL_STATUS", value("TOOL_STATUS"), words[entry["status"]])


def _identity(entry: dict[str, Any], figures: list[Figure]) -> list[Verdict]:
    """Version, part, design and tool; what the file does not state is known from elsewhere."""
    text = (CORPUS / entry["file"]).read_bytes().decode("utf-8", "replace")
    first = figures[0] if figures else None
    found = []
    for name, wanted, actual in (
        ("tool_version", entry["tool_version"], first and first.tool_version),
        ("part", entry.get("device"), first and first.part),
        ("design", entry.get("top") or entry.get("design"), first and first.design),
    ):
        if wanted is None:
            continue
        word = "missing" if actual is None else "right" if _same_name(name, actual, wanted) else "wrong"
        if word == "missing" and wanted.split()[0] not in text:
            word = "elsewhere"
        found.append(Verdict(entry["file"], entry["tool"], name, word, f"{actual!r} for {wanted!r}"))
    if first is not None:
        good = set(entry["tool"].lower().split()) <= set(first.tool.lower().replace("-", " ").split()) or (
            entry["tool"].lower() == first.tool.lower())  # fmt: skip
        found.append(Verdict(entry["file"], entry["tool"], "tool", "right" if good else "wrong", first.tool))
    return found


def _same_name(name: str, actual: str, wanted: str) -> bool:
    if name == "part":
        return actual == wanted and normalise_part(actual) == normalise_part(wanted)
    return actual == wanted or actual.startswith(f"{wanted} ")


def score() -> list[Verdict]:
    """All verdicts of all entries."""
    found: list[Verdict] = []
    for entry in truth():
        found += judge(entry, parse_paths([CORPUS / entry["file"]]))
    return found


def table(verdicts: list[Verdict]) -> str:
    """Per tool and metric: right, wrong, missing, invented."""
    words = ("right", "wrong", "missing", "invented", "elsewhere")
    counts: dict[tuple[str, str], Counter[str]] = {}
    for verdict in verdicts:
        counts.setdefault((verdict.tool, verdict.name), Counter())[verdict.word] += 1
    head = f"{'tool':<28} {'metric':<28} " + " ".join(f"{word:>9}" for word in words)
    rows = [f"{tool:<28} {name:<28} " + " ".join(f"{count[word]:>9}" for word in words)
            for (tool, name), count in sorted(counts.items())]  # fmt: skip
    total = Counter(verdict.word for verdict in verdicts)
    return "\n".join([head, *rows, f"{'all':<57} " + " ".join(f"{total[word]:>9}" for word in words)])
