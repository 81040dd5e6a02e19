"""Reports of this project and of hls4ml: ``report.json``, and the dictionary that hls4ml's parser writes as JSON.

hls4ml's dictionary has no part, version or design, and mixes stages; its keys tell which.
"""

from __future__ import annotations

from typing import Any

from bitwright.report.parsers.documents import Data, DataFormat
from bitwright.report.parsers.model import Figure, Parsed, Problem, Severity, Sheet, Stage
from bitwright.report.parsers.values import count, number


def is_own(value: Any) -> bool:
    """Whether a value is our report."""
    return isinstance(value, dict) and "bitwright_version" in value and isinstance(value.get("measurements"), list)


def parse_own(data: Data) -> Parsed:
    """The measurements of ``report.json``, each with its own tool, stage and place."""
    figures, problems = [], []
    stages = {stage.value: stage for stage in Stage}
    for entry in data.value["measurements"]:
        try:
            figures.append(_figure(entry, stages, data))
        except (KeyError, TypeError) as error:
            problems.append(
                Problem(data.source, data.line("measurements"), Severity.WARNING, f"a measurement: {error}")
            )
    return Parsed(tuple(figures), (), tuple(problems))


def _figure(entry: dict[str, Any], stages: dict[str, Stage], data: Data) -> Figure:
    value = entry["value"]
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{entry['metric']} is {value!r}")
    note = " ".join(filter(None, [entry.get("note", ""), f"from {entry['source']}:{entry.get('line') or 1}"]))
    return Figure(
        metric=str(entry["metric"]), value=value, unit=str(entry["unit"]),
        stage=stages.get(str(entry["stage"]), Stage.UNKNOWN), tool=str(entry["tool"]),
        tool_version=entry.get("tool_version"), part=entry.get("part"), design=entry.get("design"),
        source=data.source, line=data.line("measurements"), note=note,
    )  # fmt: skip


_SYNTHESIS = {
    "TargetClockPeriod": "CLOCK_TARGET_NS", "EstimatedClockPeriod": "CLOCK_ESTIMATED_NS",
    "BestLatency": "LATENCY_MIN_CYCLES", "WorstLatency": "LATENCY_MAX_CYCLES", "IntervalMin": "II_MIN_CYCLES",
    "IntervalMax": "II_MAX_CYCLES", "BRAM_18K": "BRAM18", "DSP": "DSP", "DSP48E": "DSP", "FF": "FF", "LUT": "LUT",
    "URAM": "URAM",
}  # fmt: skip


def is_hls4ml(value: Any) -> bool:
    """Whether a value is what hls4ml's ``parse_vivado_report`` returns."""
    return isinstance(value, dict) and isinstance(value.get("CSynthesisReport"), dict)


def parse_hls4ml(data: Data) -> Parsed:
    """The part of C synthesis; the other parts mix units (BRAM tiles as BRAM_18K) and are left alone."""
    sheet = Sheet(data.source, "hls4ml", Stage.HLS_ESTIMATE)
    for key, value in data.value["CSynthesisReport"].items():
        name = key.removeprefix("Available")
        metric = _SYNTHESIS.get(name)
        line = data.line("CSynthesisReport", key)
        if metric is None or isinstance(value, (dict, list, bool)):
            continue
        try:
            read = number if metric.startswith("CLOCK") else count
            sheet.add(("AVAILABLE_" if name != key else "") + metric, read(str(value)), line)
        except ValueError as error:
            sheet.warn(line, f"{key}: {error}")
    line = data.line("CSynthesisReport")
    resources = ("BRAM18", "DSP", "FF", "LUT", "URAM")
    sheet.expect([*dict.fromkeys(_SYNTHESIS.values())], line, "CSynthesisReport")
    sheet.expect([f"AVAILABLE_{name}" for name in resources], line, "CSynthesisReport")
    others = [key for key in data.value if key.endswith("Report") and key != "CSynthesisReport"]
    if others:
        sheet.info(1, f"not read, their units are mixed: {', '.join(others)}")
    return sheet.done()


DATA = (DataFormat(is_own, parse_own), DataFormat(is_hls4ml, parse_hls4ml))
