"""Stage 7, route: the design placed and routed, where the target names a tool that can."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bitwright.eda import quartus, vendor
from bitwright.eda.nextpnr import Harness, place_and_route
from bitwright.eda.routers import ROUTERS as NEXTPNRS
from bitwright.eda.routers import find_router
from bitwright.eda.tools import find_yosys
from bitwright.files import write_json
from bitwright.report.records import Measurement, Status
from bitwright.rtl.bundle import Bundle, load_bundle
from bitwright.stages.job import Job
from bitwright.stages.runner import Say
from bitwright.stages.tool_reports import read_reports

TIMEOUT_S = 6 * 3600.0
CLOCK = {"FMAX_MHZ", "WNS_NS", "TNS_NS", "WHS_NS"}
NEXTPNR = {"LUT", "FF", "DSP", "EBR", "LC", "CARRY", "LUTRAM"} | CLOCK
XILINX = {"LUT", "LOGIC_LUT", "LUTRAM", "SRL", "FF", "DSP", "BRAM36", "URAM", "CARRY", "POWER_W"} | CLOCK
INTEL = {"ALM", "ALUT", "FF", "DSP", "M20K", "M10K", "MLAB", "MEMORY_BITS"} | CLOCK


@dataclass(frozen=True, slots=True)
class Routed:
    """What came out; ``reason`` why nothing did."""

    tool: str = ""
    version: str = ""
    figures: list[Measurement] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Place and route into ``out``; where that is not possible, say why.

    Raises:
        ToolFailedError: a tool failed; the design does not fit.
    """
    bundle = load_bundle(job.stage("emit") / "bundle.json")
    started = time.perf_counter()
    done = ROUTERS[job.target.route](job, bundle, out, say)
    data = {
        "status": Status.NOT_RUN if done.reason else Status.PASSED,
        "reason": done.reason,
        "tool": done.tool,
        "version": done.version,
        "measurements": [figure.model_dump(mode="json") for figure in done.figures],
        "warnings": done.warnings,
    }
    write_json(out / "route.json", data)
    for line in [f"NOT RUN: {done.reason}"] if done.reason else _clock_lines(done.figures):
        say(line)
    return {"seconds": done.seconds | {"all of route": round(time.perf_counter() - started, 2)}}


def _clock_lines(figures: list[Measurement]) -> list[str]:
    return [f"{m.metric} {m.value:+.3f}" for m in figures if m.metric in ("FMAX_MHZ", "WNS_NS")]


# --- nothing, and nextpnr ----------------------------------------------------------------------


def _nothing(job: Job, _bundle: Bundle, _out: Path, _say: Say) -> Routed:
    return Routed(reason=f"the target {job.target.name} names no tool that places and routes")


def _nextpnr(job: Job, bundle: Bundle, out: Path, say: Say) -> Routed:
    name = str(job.target.route)
    tool = find_router(name)
    if tool is None:
        return Routed(reason=f"{name} is not installed; {NEXTPNRS[name].needs}")
    harness = harness_of(bundle)
    made = place_and_route(
        [job.stage("synth") / name / "netlist.json" for name in bundle.inside(bundle.shell.module)],
        _source(bundle, job.stage("emit")), harness,
        part=job.target.part, clock_ns=job.target.clock_ns, folder=out, yosys=find_yosys(), tool=tool, say=say,
    )  # fmt: skip
    figures, warnings = read_reports(
        [made.report], out, tool=name, version=tool.version, part=bundle.part, design=harness.name,
        metrics=NEXTPNR, note=f"{harness.dut} and {_registers(harness)} registers of the harness around it",
    )  # fmt: skip
    seconds = {run.tool: round(run.seconds, 2) for run in made.runs}
    return Routed(name, tool.version, _below("route", figures), warnings, seconds)


def harness_of(bundle: Bundle) -> Harness:
    """The harness around the stream shell of a bundle."""
    shell = bundle.shell
    return Harness(
        f"{bundle.name}_harness", shell.module, shell.input.name.removesuffix("tdata"),
        shell.output.name.removesuffix("tdata"), shell.input.width, shell.output.width,
    )  # fmt: skip


def _source(bundle: Bundle, root: Path) -> Path:
    return next(root / module.file for module in bundle.modules if module.name == bundle.shell.module)


def _registers(harness: Harness) -> int:
    """Data, and one each for valid and ready on both sides."""
    return harness.in_width + harness.out_width + 4


def _below(folder: str, figures: list[Measurement]) -> list[Measurement]:
    """Sources relative to the build folder; they were written in an unfinished folder of another name."""
    return [figure.model_copy(update={"source": f"{folder}/{figure.source}"}) for figure in figures]


# --- Vivado ------------------------------------------------------------------------------------

VIVADO_REPORTS = ("route_utilization.rpt", "route_timing.rpt", "route_power.rpt")


def _vivado(job: Job, bundle: Bundle, out: Path, say: Say) -> Routed:
    """The kernel out of context, by the script of the bundle."""
    tool = vendor.find_vendor("vivado")
    if tool is None:
        return Routed(reason=vendor.missing("vivado"))
    say(f"{tool.title} {tool.version}: synthesis, place and route out of context")
    reports = [out / "vivado" / name for name in VIVADO_REPORTS]
    script = job.stage("emit") / "vivado.tcl"
    arguments = ("-mode", "batch", "-nojournal", "-nolog", "-source", str(script), "-tclargs", str(out / "vivado"))
    run = vendor.run_batch(
        tool, arguments, cwd=out, log=out / "vivado.log", what=f"place and route of {bundle.kernel.module}",
        makes=reports, timeout_s=TIMEOUT_S,
    )  # fmt: skip
    figures, warnings = read_reports(
        reports, out, tool=tool.title, version=tool.version, part=bundle.part, design=bundle.kernel.module,
        metrics=XILINX,
    )  # fmt: skip
    figures += _fastest(figures, job.target.clock_ns)
    return Routed(tool.title, tool.version, _below("route", figures), warnings, {tool.title: round(run.seconds, 2)})


def _fastest(figures: list[Measurement], clock_ns: float) -> list[Measurement]:
    """Fmax, which Vivado does not state: the clock at which the slack would be zero."""
    return [
        m.model_copy(update={"metric": "FMAX_MHZ", "value": 1e3 / (clock_ns - m.value), "unit": "MHz",
                             "note": "derived: 1000 / (clock period - WNS)"})
        for m in figures
        if m.metric == "WNS_NS" and m.value < clock_ns
    ]  # fmt: skip


# --- Quartus -----------------------------------------------------------------------------------


def _quartus(job: Job, bundle: Bundle, out: Path, say: Say) -> Routed:
    """The kernel by itself, from its SystemVerilog."""
    tool = vendor.find_vendor("quartus")
    if tool is None:
        return Routed(reason=vendor.missing("quartus"))
    say(f"{tool.title} {tool.version}: synthesis, fit and timing of the kernel")
    run, reports = quartus.compile_project(
        quartus_project(bundle, job.stage("emit"), job.target.part), tool, out / "quartus", log=out / "quartus.log",
        timeout_s=TIMEOUT_S,
    )  # fmt: skip
    figures, warnings = read_reports(
        reports, out, tool=tool.title, version=tool.version, part=bundle.part, design=bundle.kernel.module,
        metrics=INTEL,
    )  # fmt: skip
    return Routed(tool.title, tool.version, _below("route", figures), warnings, {tool.title: round(run.seconds, 2)})


def quartus_project(bundle: Bundle, root: Path, part: str) -> quartus.Project:
    """The kernel of a bundle and everything inside it."""
    inside = set(bundle.inside(bundle.kernel.module))
    modules = [module for module in bundle.modules if module.name in inside]
    sources = dict.fromkeys(file for module in modules for file in (*module.library, module.file))
    memories = dict.fromkeys(module.memory for module in modules if module.memory)
    return quartus.Project(
        bundle.name, bundle.kernel.module, part, root, tuple(sources), tuple(memories), f"{bundle.name}.sdc"
    )


ROUTERS: Mapping[str | None, Callable[[Job, Bundle, Path, Say], Routed]] = {
    None: _nothing,
    **dict.fromkeys(NEXTPNRS, _nextpnr),
    "vivado": _vivado,
    "quartus": _quartus,
}
