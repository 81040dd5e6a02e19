"""Stage csynth: hls4ml's project through the vendor's HLS, where the target asks for it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bitwright.eda import vendor
from bitwright.files import read_json, write_json
from bitwright.report.records import Status
from bitwright.rtl.bundle import load_bundle
from bitwright.stages.job import Job
from bitwright.stages.routing import TIMEOUT_S
from bitwright.stages.runner import Say
from bitwright.stages.tool_reports import read_reports

STEPS = ("reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt")
"""Switches of hls4ml's build_prj.tcl."""
METRICS = {
    "LUT", "FF", "DSP", "BRAM18", "URAM", "LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES", "II_MIN_CYCLES", "II_MAX_CYCLES",
    "CLOCK_ESTIMATED_NS",
}  # fmt: skip


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """C synthesis, and what else the target's ``hls_steps`` name, in a copy of the project.

    Raises:
        ToolFailedError: the tool failed, or made no report.
    """
    reason = "" if job.target.hls else f"the target {job.target.name} asks for no HLS"
    tool = vendor.find_vendor("vitis_hls") if job.target.hls else None
    if tool is None:
        reason = reason or vendor.missing("vitis_hls")
        say(f"NOT RUN: {reason}")
        write_json(out / "csynth.json", {"status": Status.NOT_RUN, "reason": reason, "measurements": []})
        return {}
    name = read_json(job.stage("import") / "network.json")["name"]
    project = out / "hls"
    shutil.copytree(job.stage("import") / "hls", project)
    (project / "build_opt.tcl").write_text(options(job.target.hls_steps), encoding="utf-8")
    say(f"{tool.title} {tool.version}: {', '.join(job.target.hls_steps)}")
    report = project / f"{name}_prj" / "solution1" / "syn" / "report" / f"{name}_csynth.xml"
    run = vendor.run_batch(
        tool, arguments(tool), cwd=project, log=out / "vitis_hls.log", what=f"C synthesis of {name}", makes=[report],
        timeout_s=TIMEOUT_S,
    )  # fmt: skip
    bundle = load_bundle(job.stage("emit") / "bundle.json")
    figures, warnings = read_reports(
        [report], out, tool=tool.title, version=tool.version, part=bundle.part, design=bundle.kernel.module,
        metrics=METRICS, note="hls4ml's C++, not this RTL",
    )  # fmt: skip
    rows = [m.model_copy(update={"source": f"csynth/{m.source}"}).model_dump(mode="json") for m in figures]
    data = {"status": Status.PASSED, "reason": "", "tool": tool.title, "version": tool.version, "measurements": rows}
    write_json(out / "csynth.json", data | {"warnings": warnings})
    return {"seconds": {tool.title: round(run.seconds, 2)}}


def options(steps: tuple[str, ...]) -> str:
    """hls4ml's build_opt.tcl with these switches on."""
    switches = "\n".join(f"    {step:<10} {int(step == 'reset' or step in steps)}" for step in STEPS)
    return f"array set opt {{\n{switches}\n}}\n"


def arguments(tool: vendor.VendorTool) -> tuple[str, ...]:
    """Of the program that runs a Tcl script: vitis-run since 2024.2, vitis_hls and vivado_hls before."""
    if Path(tool.program).name == "vitis-run":
        return ("--mode", "hls", "--tcl", "build_prj.tcl")
    return ("-f", "build_prj.tcl")
