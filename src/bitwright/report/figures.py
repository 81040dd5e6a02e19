"""Which measurement a view shows, and where it comes from; figures of two stages are never mixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.report.numbers import count, nanoseconds
from bitwright.report.records import DesignRow, FigureStage, LayerRow, Measurement, Report, Status

RESOURCES = ("LUT", "FF", "DSP", "BRAM", "URAM")
_ORDER = (FigureStage.POST_ROUTE, FigureStage.POST_PLACE, FigureStage.POST_SYNTH, FigureStage.HLS_ESTIMATE)
_CORE = ("LUT", "ALM", "FF", "DSP")


@dataclass(frozen=True, slots=True)
class Origin:
    """The stage and the tool that all resource figures of a view share."""

    stage: FigureStage
    tool: str
    tool_version: str

    def __str__(self) -> str:
        """``POST_SYNTH, yosys 0.70``."""
        return f"{self.stage.value}, {self.tool} {self.tool_version}"

    def has(self, figure: Measurement) -> bool:
        """Whether a figure is of this stage and tool."""
        return (figure.stage, figure.tool, figure.tool_version) == (self.stage, self.tool, self.tool_version)


@dataclass(frozen=True, slots=True)
class Figure:
    """One resource of one design; BRAM is derived, so it may rest on two measurements."""

    name: str
    value: float
    measurements: tuple[Measurement, ...]
    note: str = ""

    @property
    def source(self) -> str:
        """The files that state it, with lines."""
        return ", ".join(dict.fromkeys(place(m) for m in self.measurements))


@dataclass(frozen=True, slots=True)
class Block:
    """Layers that share one module (or one layer alone), what they cost, and what was expected before synthesis."""

    layers: tuple[LayerRow, ...]
    figures: dict[str, Figure]
    estimated_lut: Measurement | None = None

    @property
    def name(self) -> str:
        """The layers' names."""
        return " + ".join(layer.name for layer in self.layers)


def place(figure: Measurement) -> str:
    """``synth/stat.json:12``."""
    return figure.source if figure.line is None else f"{figure.source}:{figure.line}"


def resource_origin(report: Report) -> Origin | None:
    """The stage and tool nearest to the device that counted LUT, FF or DSP of a design itself; None if no tool did.

    What was routed inside a harness is another design (:mod:`bitwright.report.stage_columns`).
    """
    designs = {design.name for design in report.designs}
    for stage in _ORDER:
        for figure in report.measurements:
            if figure.stage is stage and figure.metric in _CORE and figure.design in designs:
                return Origin(stage, figure.tool, figure.tool_version)
    return None


def layer_origin(report: Report) -> Origin | None:
    """The stage and tool nearest to the device that counted a layer by itself: place and route may not keep layers."""
    modules = {layer.module for layer in report.layers} - {design.name for design in report.designs}
    for stage in _ORDER:
        for m in report.measurements:
            if m.stage is stage and m.metric in _CORE and (m.layer is not None or m.design in modules):
                return Origin(stage, m.tool, m.tool_version)
    return resource_origin(report)


def quoted_design(report: Report) -> DesignRow | None:
    """The design whose area is quoted: the bare kernel if it was counted, else the first that was."""
    origin = resource_origin(report)
    counted = {m.design for m in report.measurements if origin and origin.has(m) and m.metric in _CORE}
    known = [design for design in report.designs if design.name in counted]
    return next((design for design in known if design.role == "kernel"), known[0] if known else None)


def latency_design(report: Report) -> DesignRow | None:
    """The design whose latency is quoted: the one whose area is, else the kernel, else the first."""
    kernel = next((design for design in report.designs if design.role == "kernel"), None)
    return quoted_design(report) or kernel or (report.designs[0] if report.designs else None)


def resources(report: Report, design: str) -> dict[str, Figure]:
    """Every resource of one design at the report's resource origin; what no tool stated is absent."""
    origin = resource_origin(report)
    if origin is None:
        return {}
    return figures_of(m for m in report.measurements if origin.has(m) and m.design == design and m.layer is None)


def figures_of(measurements: Iterable[Measurement]) -> dict[str, Figure]:
    """By metric, of one design, stage and tool."""
    first: dict[str, Measurement] = {}
    for m in measurements:
        first.setdefault(m.metric, m)
    found = {name: Figure(name, m.value, (m,), m.note) for name, m in first.items()}
    memory = _memory(first)
    return found | ({"BRAM": memory} if memory else {})


def _memory(first: dict[str, Measurement]) -> Figure | None:
    """Tiles of 36 kbit as Vivado counts them, BRAM36 + BRAM18 / 2; on Lattice parts their own blocks."""
    if "EBR" in first:
        return Figure("BRAM", first["EBR"].value, (first["EBR"],), "embedded block RAM")
    parts = tuple(first[name] for name in ("BRAM36", "BRAM18") if name in first)
    if not parts:
        return None
    tiles = sum(m.value * (1.0 if m.metric == "BRAM36" else 0.5) for m in parts)
    return Figure("BRAM", int(tiles) if tiles == int(tiles) else tiles, parts, "tiles of 36 kbit")


def available(report: Report) -> dict[str, Measurement]:
    """What the device offers, by resource, from the measurements AVAILABLE_LUT and so on."""
    found: dict[str, Measurement] = {}
    for m in report.measurements:
        if m.metric.startswith("AVAILABLE_") and m.value > 0:
            name = m.metric.removeprefix("AVAILABLE_")
            found.setdefault("BRAM" if name in ("BRAM36", "EBR") else name, m)
    return found


def blocks(report: Report) -> tuple[Block, ...]:
    """The layers with their cost; layers that share one module stand together, so nothing counts twice."""
    origin = layer_origin(report)
    counted = [m for m in report.measurements if origin is not None and origin.has(m)]
    groups: dict[tuple[str, str], list[LayerRow]] = {}
    for layer in report.layers:
        own = any(m.layer == layer.name for m in counted)
        alone = own or layer.module is None
        groups.setdefault(("layer", layer.name) if alone else ("module", str(layer.module)), []).append(layer)
    expected = {m.design: m for m in report.measurements if m.metric == "ESTIMATED_LUT"}
    return tuple(
        Block(tuple(group), _block_figures(key, counted), expected.get(group[0].module or ""))
        for key, group in groups.items()
    )


def _block_figures(key: tuple[str, str], counted: list[Measurement]) -> dict[str, Figure]:
    kind, name = key
    return figures_of(m for m in counted if (m.layer if kind == "layer" else m.design) == name)


def span(layer: LayerRow) -> str:
    """``3`` or ``3–7``: the pipeline stages of a layer, empty where they are not known."""
    if layer.first_stage is None or layer.last_stage is None:
        return ""
    return str(layer.first_stage) + (f"–{layer.last_stage}" if layer.last_stage != layer.first_stage else "")


def slack_note(report: Report) -> str:
    """``timing met at 10 ns, WNS +0.120 ns (POST_ROUTE)``; empty where nobody analysed timing."""
    slack = [m for m in report.measurements if m.metric == "WNS_NS"]
    slack = [m for stage in _ORDER for m in slack if m.stage is stage][:1]
    if not slack:
        return ""
    met = "timing met" if slack[0].value >= 0 else "timing NOT met"
    return f"{met}, WNS {slack[0].value:+.3f} ns ({slack[0].stage})"


def clock_note(report: Report) -> str:
    """How far the nanoseconds can be trusted: cycles times the target period, and who closed timing."""
    return f"at the {nanoseconds(report.clock_ns)} target clock; {slack_note(report) or 'timing not analysed'}"


def fmax(report: Report) -> Measurement | None:
    """The highest clock that a tool found, nearest to the device."""
    found = [m for m in report.measurements if m.metric == "FMAX_MHZ"]
    return next((m for stage in _ORDER for m in found if m.stage is stage), None)


def missing_reason(report: Report, stage: str) -> str:
    """Why a stage has no figures, from its own record."""
    run = next((run for run in report.stages if run.name == stage), None)
    if run is None or run.status is Status.PASSED:
        return ""
    return run.reason


def share(figure: Figure, device: dict[str, Measurement]) -> float | None:
    """The part of the device that a figure takes, where the device's size is known."""
    return figure.value / device[figure.name].value if figure.name in device else None


def described(figure: Figure) -> str:
    """``10,400 LUT``."""
    return f"{count(figure.value)} {figure.name}"
