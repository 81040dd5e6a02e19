"""Stage 7, route: the synthesized design placed and routed, where the target names a tool that can."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bitwright.eda.nextpnr import PACKAGE, Harness, RouteTool, find_nextpnr, place_and_route
from bitwright.eda.tools import find_yosys
from bitwright.errors import ToolFailedError
from bitwright.files import write_json
from bitwright.report.parsers.collect import parse_file
from bitwright.report.records import FigureStage, Measurement, Status
from bitwright.rtl.bundle import Bundle, load_bundle
from bitwright.stages.job import Job
from bitwright.stages.runner import Say


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Place and route into ``out``; where that is not possible, say why.

    Raises:
        ToolFailedError: Yosys or nextpnr failed; the design does not fit.
    """
    bundle = load_bundle(job.stage("emit") / "bundle.json")
    tool, reason = _tool(job)
    if tool is None:
        say(f"NOT RUN: {reason}")
        write_json(out / "route.json", {"status": Status.NOT_RUN, "reason": reason, "measurements": []})
        return {}
    harness = harness_of(bundle)
    started = time.perf_counter()
    routed = place_and_route(
        [job.stage("synth") / name / "netlist.v" for name in bundle.inside(bundle.shell.module)],
        _source(bundle, job.stage("emit")), harness,
        part=job.target.part, clock_ns=job.target.clock_ns, folder=out, yosys=find_yosys(), tool=tool, say=say,
    )  # fmt: skip
    figures = _figures(routed.report, harness, bundle.part, tool.version)
    data = {
        "status": Status.PASSED,
        "reason": "",
        "tool": "nextpnr-ecp5",
        "version": tool.version,
        "measurements": [figure.model_dump(mode="json") for figure in figures],
    }
    write_json(out / "route.json", data)
    for figure in figures:
        if figure.metric in ("FMAX_MHZ", "WNS_NS"):
            say(f"{figure.metric} {figure.value:+.3f}" if figure.metric == "WNS_NS" else f"Fmax {figure.value:.1f} MHz")
    seconds = {run.tool: round(run.seconds, 2) for run in routed.runs}
    return {"seconds": seconds | {"all of route": round(time.perf_counter() - started, 2)}}


def _tool(job: Job) -> tuple[RouteTool | None, str]:
    """What routes for the target of a job, or why nothing does."""
    if job.target.route is None:
        return None, f"the target {job.target.name} names no tool that places and routes"
    tool = find_nextpnr()
    return tool, "" if tool else f"nextpnr-ecp5 is not installed; pip install {PACKAGE}"


def harness_of(bundle: Bundle) -> Harness:
    """The harness around the stream shell of a bundle."""
    shell = bundle.shell
    return Harness(
        f"{bundle.name}_harness", shell.module, shell.input.name.removesuffix("tdata"),
        shell.output.name.removesuffix("tdata"), shell.input.width, shell.output.width,
    )  # fmt: skip


def _source(bundle: Bundle, root: Path) -> Path:
    return next(root / module.file for module in bundle.modules if module.name == bundle.shell.module)


KEPT = {"LUT", "FF", "DSP", "EBR", "FMAX_MHZ", "WNS_NS"}


def _figures(report: Path, harness: Harness, part: str, version: str) -> list[Measurement]:
    """What nextpnr says of the design in its harness.

    Raises:
        ToolFailedError: something in its report is not understood: figures of half a report are no figures.
    """
    parsed = parse_file(report, f"route/{report.name}")
    if parsed.problems:
        first = parsed.problems[0]
        raise ToolFailedError(
            f"nextpnr's report is not as expected: {first.message}", where=f"{report}:{first.line}",
            hint="install the version of nextpnr that pyproject.toml asks for",
        )  # fmt: skip
    note = f"{harness.dut} and {_registers(harness)} registers of the harness around it"
    return [
        Measurement(
            metric=figure.metric, value=figure.value, unit=figure.unit, stage=FigureStage(figure.stage.value),
            tool="nextpnr-ecp5", tool_version=version, part=part, design=harness.name, source=figure.source,
            line=figure.line, note=note,
        )
        for figure in parsed.figures
        if figure.metric in KEPT and not isinstance(figure.value, str)
    ]  # fmt: skip


def _registers(harness: Harness) -> int:
    """Data, and one each for valid and ready on both sides."""
    return harness.in_width + harness.out_width + 4
