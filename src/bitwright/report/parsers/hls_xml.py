"""``csynth.xml`` and ``*_csynth.xml`` of Vivado HLS and Vitis HLS: a function, and with the former all its modules.

Tags, not their order, name the figures; the order of the resources changes between versions.  Times are compared
with cycles and clock as in the text report, shares (``UTIL_LUT``) with used and available.
"""

from __future__ import annotations

from collections.abc import Iterator

from bitwright.report.parsers.hls_head import EVERY_PART_HAS, RESOURCES, check_device, check_order
from bitwright.report.parsers.hls_report import check_time
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.values import Number, agrees, count, nanoseconds, percent, sane_period, whole
from bitwright.report.parsers.xmltree import Node

_LATENCY = "PerformanceEstimates/SummaryOfOverallLatency"
_CYCLES = {
    "Best-caseLatency": "LATENCY_MIN_CYCLES", "Worst-caseLatency": "LATENCY_MAX_CYCLES",
    "Interval-min": "II_MIN_CYCLES", "Interval-max": "II_MAX_CYCLES",
}  # fmt: skip
_TIMES = {"Best-caseRealTimeLatency": "LATENCY_MIN_NS", "Worst-caseRealTimeLatency": "LATENCY_MAX_NS"}


def matches(root: Node) -> bool:
    """Whether a tree is a report of C synthesis."""
    return root.tag == "profile" and root.find("PerformanceEstimates") is not None and root.find("RunData") is None


def parse(source: str, root: Node) -> Parsed:
    """Read the report of a function, and of the modules below it where they are listed."""
    version = root.text_of("ReportVersion/Version")
    vitis = root.find("UserAssignments/FlowTarget") is not None or (version or "0") >= "2020.2"
    sheet = Sheet(source, "Vitis HLS" if vitis else "Vivado HLS", Stage.HLS_ESTIMATE)
    sheet.tool_version = version
    sheet.part = root.text_of("UserAssignments/Part")
    sheet.design = root.text_of("UserAssignments/TopModelName")
    sheet.expect_head(root.line)
    _clock(root, sheet)
    _latency(root, sheet)
    _resources(root, sheet)
    _modules(root, sheet)
    return sheet.done()


def _clock(root: Node, sheet: Sheet) -> None:
    assignments = root.find("UserAssignments")
    timing = root.find("PerformanceEstimates/SummaryOfTimingAnalysis")
    if assignments is None or timing is None:
        sheet.warn(root.line, "no part UserAssignments or no SummaryOfTimingAnalysis: no clock")
        return
    unit = assignments.text_of("unit")
    names = ("CLOCK_TARGET_NS", "CLOCK_UNCERTAINTY_NS", "CLOCK_ESTIMATED_NS")
    if unit is None or unit != timing.text_of("unit"):
        sheet.withhold(names, assignments.line, f"units differ or are missing: '{unit}', '{timing.text_of('unit')}'")
        return
    places = ((assignments, "TargetClockPeriod"), (assignments, "ClockUncertainty"), (timing, "EstimatedClockPeriod"))
    for metric, (node, tag) in zip(names, places, strict=True):
        read(node.find(tag), metric, sheet, lambda text: nanoseconds(text, unit))
    target, uncertainty = sheet.value(names[0]), sheet.value(names[1])
    if target is not None and not sane_period(float(target)):
        sheet.withhold(names, assignments.line, f"{target:g} ns is no clock period of an FPGA")
    elif target is not None and uncertainty is not None and uncertainty > 10 * target:
        sheet.withhold(names, assignments.line, "an uncertainty far above the clock period")
    sheet.expect(names, assignments.line, "the report")


def read(node: Node | None, metric: str, sheet: Sheet, reader: object) -> Number | None:
    """State the text of a node; what is not understood is a problem."""
    assert callable(reader)
    if node is None:
        return None
    try:
        value: Number | None = reader(node.text)
    except ValueError as error:
        sheet.warn(node.line, f"{metric}: {error}")
        return None
    if value is None:
        known = node.text in ("undef", "?")
        (sheet.info if known else sheet.warn)(node.line, f"{metric}: <{node.tag}> says '{node.text}'")
    sheet.add(metric, value, node.line)
    return value


def _latency(root: Node, sheet: Sheet) -> None:
    node = root.find(_LATENCY)
    if node is None:
        sheet.warn(root.line, "no part SummaryOfOverallLatency")
        return
    if node.text_of("unit") != "clock cycles":
        sheet.withhold([*_CYCLES.values(), *_TIMES.values()], node.line, f"the unit is '{node.text_of('unit')}'")
        return
    for tag, metric in _CYCLES.items():
        read(node.find(tag), metric, sheet, whole)
    for low, high in (("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"), ("II_MIN_CYCLES", "II_MAX_CYCLES")):
        check_order(sheet, low, high, node.line)
    for tag, metric in _TIMES.items():
        if read(node.find(tag), metric, sheet, nanoseconds) is not None:
            check_time(sheet, metric, node.line)
    check_order(sheet, "LATENCY_MIN_NS", "LATENCY_MAX_NS", node.line)
    times = [tag for tag in _TIMES if node.find(tag) is not None]
    if len(times) == 1:
        sheet.warn(node.line, f"only {times[0]} of the two absolute latencies")
    if not any(child.text in ("undef", "?") for child in node.children):
        sheet.expect(_CYCLES.values(), node.line, "SummaryOfOverallLatency")
        _average(node, sheet)


def _average(node: Node, sheet: Sheet) -> None:
    """The average case lies between the best and the worst."""
    average = _number(node.text_of("Average-caseLatency"))
    low, high = sheet.value("LATENCY_MIN_CYCLES"), sheet.value("LATENCY_MAX_CYCLES")
    if average is not None and low is not None and high is not None and not low <= average <= high:
        sheet.withhold(("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"), node.line, f"the average is {average:,}")


def _number(text: str | None) -> Number | None:
    try:
        return None if text is None else whole(text)
    except ValueError:
        return None


def _resources(root: Node, sheet: Sheet) -> None:
    area = root.find("AreaEstimates")
    if area is None:
        sheet.warn(root.line, "no part AreaEstimates")
        return
    for part, prefix in (("Resources", ""), ("AvailableResources", "AVAILABLE_")):
        node = area.find(part)
        if node is None:
            sheet.warn(area.line, f"no part {part}")
            continue
        for child in node.children:
            if child.tag in RESOURCES:
                read(child, prefix + RESOURCES[child.tag], sheet, count)
            else:
                sheet.warn(child.line, f"a resource that is not known: <{child.tag}>")
        sheet.expect([prefix + name for name in EVERY_PART_HAS], node.line, part)
    if sheet.has("URAM") != sheet.has("AVAILABLE_URAM"):
        sheet.warn(area.line, "URAM is stated as used or as available, but not as both")
    check_device(sheet, area.line)


def _modules(root: Node, sheet: Sheet) -> None:
    """The modules by their path in the design; one that stands in several places has a row for each."""
    known = {name: node for node in root.findall("ModuleInformation/Module") if (name := node.text_of("Name"))}
    places: dict[str, list[str]] = {}
    top = root.find("RTLDesignHierarchy/TopModule")
    for path, module in _places(top, sheet.design or "") if top is not None else ():
        places.setdefault(module, []).append(path)
    for name, node in known.items():
        if name != sheet.design:
            values = _module_values(node, sheet)
            for path in places.get(name, [f"{sheet.design}/{name}"]):
                sheet.module(path, name, values, node.line, "module")


def _places(node: Node, path: str) -> Iterator[tuple[str, str]]:
    for instance in node.findall("InstancesList/Instance"):
        place = f"{path}/{instance.text_of('InstName') or '?'}"
        yield place, instance.text_of("ModuleName") or ""
        yield from _places(instance, place)


def _module_values(node: Node, sheet: Sheet) -> dict[str, Number | None]:
    latency = node.find(_LATENCY)
    values: dict[str, Number | None] = {}
    if latency is not None:
        for tag, metric in _CYCLES.items():
            values[metric] = _number(latency.text_of(tag))
        interval = latency.text_of("PipelineInitiationInterval")
        low, _, high = (interval or "").partition("~")
        values["II_MIN_CYCLES"] = _number(low.strip()) if interval else None
        values["II_MAX_CYCLES"] = _number((high or low).strip()) if interval else None
    resources = node.find("AreaEstimates/Resources")
    for child in resources.children if resources is not None else ():
        if child.tag in RESOURCES and resources is not None:
            values[RESOURCES[child.tag]] = _checked(child, resources, sheet)
    return values


def _checked(child: Node, resources: Node, sheet: Sheet) -> Number | None:
    """The figure of a module, if its share is right."""
    short = child.tag.removesuffix("_18K")
    try:
        used = count(child.text)
        offered = count(resources.text_of(f"AVAIL_{short}") or "")
        share = percent(resources.text_of(f"UTIL_{short}") or "")
    except ValueError as error:
        sheet.warn(child.line, f"<{child.tag}>: {error}")
        return None
    if used is not None and offered and not agrees(used, offered, share):
        sheet.warn(child.line, f"<{child.tag}> withheld: {used:,} of {offered:,} is not the share that is printed")
        return None
    return used
