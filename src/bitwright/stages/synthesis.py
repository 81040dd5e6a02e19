"""Stage 6, synth: Yosys for the target, module by module, then the netlist simulated on vectors."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitwright.eda.tools import find_yosys
from bitwright.eda.yosys import ModuleJob, ModuleResult, SynthOptions, synthesize
from bitwright.errors import MismatchError
from bitwright.files import write_json
from bitwright.report.parsers.yosys import parse_yosys_stat
from bitwright.report.records import FigureStage, Measurement, OraclePair, Status
from bitwright.rtl.bundle import Bundle, load_bundle
from bitwright.sim.compare import not_run
from bitwright.stages.job import Job
from bitwright.stages.netlist_check import check_netlist
from bitwright.stages.runner import Say

MOST_SRL_BITS = 4000
"""Register bits up to which shift registers are looked for: Yosys' xilinx_srl takes their square (163 s for 20,000)."""

MODULES = "synth_modules"
"""Kept beside the stage's folder: a module that did not change is not synthesized again, and logs survive."""


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Synthesize into ``out`` and check the netlist.

    Raises:
        ToolFailedError: Yosys failed.  MismatchError: the netlist computes other bits than the reference.
    """
    if job.target.family == "intel":
        return _left_out(out, say)
    root = job.stage("emit")
    bundle = load_bundle(root / "bundle.json")
    tool = find_yosys()
    jobs = module_jobs(bundle, root)
    started = time.perf_counter()
    results = synthesize(
        jobs, family=job.target.family, out=job.folder / MODULES, tool=tool, options=synth_options(job.target.family),
        progress=lambda text, done, total: say(f"{text} ({done}/{total} modules done)"),
    )  # fmt: skip
    seconds = {"all of yosys": round(time.perf_counter() - started, 2)}
    _keep(results, out)
    measurements = _measure(bundle, results, tool.version, job.target.family)
    say("simulating the synthesized netlist")
    started = time.perf_counter()
    pair = check_netlist(job, bundle, results)
    seconds |= {f"yosys {result.name}": round(result.run.seconds, 2) for result in results}
    seconds["netlist"] = round(time.perf_counter() - started, 2)
    data = {
        "tool": "Yosys",
        "version": tool.version,
        "measurements": [m.model_dump(mode="json") for m in measurements],
        "netlist": pair.model_dump(mode="json"),
        "warnings": sorted({warning for result in results for warning in result.warnings}),
    }
    write_json(out / "synth.json", data)
    if pair.status is Status.FAILED:
        raise MismatchError(_message(pair), where="netlist", hint=f"netlists of each module: {out}")
    said = f"equals the reference on {pair.vectors} vectors" if pair.vectors else f"NOT RUN: {pair.reason}"
    say(f"netlist {said}")
    return {"seconds": seconds}


LEFT_TO_QUARTUS = "Yosys does not map to this family; Quartus synthesizes the SystemVerilog itself (stage route)"


def _left_out(out: Path, say: Say) -> dict[str, Any]:
    """NOT RUN, with the netlist that nobody made."""
    say(f"NOT RUN: {LEFT_TO_QUARTUS}")
    netlist = not_run("reference", "netlist", LEFT_TO_QUARTUS).model_dump(mode="json")
    data = {"status": Status.NOT_RUN, "reason": LEFT_TO_QUARTUS, "measurements": [], "warnings": [], "netlist": netlist}
    write_json(out / "synth.json", data)
    return {}


def synth_options(family: str) -> SynthOptions:
    """No block RAM, and on 7 series no DSP: the netlist simulators do not know those cells' registers."""
    return SynthOptions(bram=False, dsp=family != "xc7")


CARRY_LUTS = {"ecp5": "two LUT4", "gowin": "one LUT4"}
"""What each carry cell takes beside the LUTs that are counted; an iCE40's shares the cell of a LUT that is."""


def _keep(results: Sequence[ModuleResult], out: Path) -> None:
    """Copy what figures refer to and what people look at into the stage's own folder."""
    for result in results:
        folder = out / result.name
        folder.mkdir()
        for file in (result.stat, result.netlist, result.verilog, result.script):
            shutil.copyfile(file, folder / file.name)


def module_jobs(bundle: Bundle, root: Path) -> list[ModuleJob]:
    """One synthesis per module, those that it instantiates as black boxes."""
    files = {module.name: root / module.file for module in bundle.modules}
    memories = {module.name: (root / module.memory,) if module.memory else () for module in bundle.modules}
    return [
        ModuleJob(
            module.name,
            (files[module.name], *(root / name for name in module.library)),
            module.name,
            memory_files=tuple(file for name in (module.name, *module.children) for file in memories[name]),
            blackboxes=tuple(files[child] for child in module.children),
            dsp=None if module.dsp else False,
            srl=module.registers <= MOST_SRL_BITS,
            bram=True if module.memory else None,  # a ROM stands alone: no netlist with registers depends on it
        )
        for module in bundle.modules
    ]


# --- figures -----------------------------------------------------------------------------------


def _measure(bundle: Bundle, results: Sequence[ModuleResult], version: str, family: str) -> list[Measurement]:
    """Figures of each module as parsed, and of kernel and shell as sums over what they contain."""
    own: dict[str, list[Measurement]] = {}
    names = tuple(result.top for result in results)
    for result in results:
        parsed = parse_yosys_stat(
            result.stat.read_text(encoding="utf-8"), f"synth/{result.name}/stat.json", part=bundle.part,
            tool_version=version, stage=FigureStage.POST_SYNTH, black_boxes=tuple(n for n in names if n != result.top),
        )  # fmt: skip
        own[result.top] = [m for m in parsed if m.design == result.top]
    rows = [m for module in bundle.modules if module.layers and not module.whole for m in own[module.name]]
    whole = (module.name for module in bundle.modules if module.whole)
    tops = dict.fromkeys((*whole, bundle.kernel.module, bundle.shell.module))
    return rows + [m for top in tops for m in _total(top, [own[name] for name in bundle.inside(top)], family)]


def _total(design: str, parts: Sequence[Sequence[Measurement]], family: str) -> list[Measurement]:
    """Sums of each metric over disjoint parts of a design."""
    totals: dict[str, Measurement] = {}
    for measurement in (m for part in parts for m in part):
        before = totals.get(measurement.metric)
        value = measurement.value + (before.value if before else 0)
        note = f"sum over {len(parts)} separately synthesized modules"
        totals[measurement.metric] = measurement.model_copy(
            update={
                "value": value,
                "design": design,
                "layer": None,
                "source": "synth/synth.json",
                "line": None,
                "note": note,
            }
        )
    if family in CARRY_LUTS and "CARRY" in totals:
        carry = totals["CARRY"].value
        note = f"not counted: {CARRY_LUTS[family]} in each of {carry:,} carry cells; {totals['LUT'].note}"
        totals["LUT"] = totals["LUT"].model_copy(update={"note": note})
    return list(totals.values())


def _message(pair: OraclePair) -> str:
    first = pair.first
    where = f"; {pair.reason}"
    if first:
        bits = f"expected {first.expected_bits}, got {first.actual_bits}, {first.format}"
        where = f"; first: layer '{first.layer}', element {first.element}, vector {first.vector}: {bits}"
    return f"the synthesized netlist differs from the reference on {pair.mismatches} of {pair.vectors} vectors{where}"
