"""Yosys: modules synthesized side by side, each with its script, log, cell counts and netlist."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bitwright.eda.process import Stop, ToolRun, failure, run, side_by_side
from bitwright.eda.tools import YosysTool, find_yosys, wheel_is_prepared
from bitwright.eda.yosys_script import ModuleJob, Needs, Plan, SynthOptions, needs, plan, script, uses_memory_files
from bitwright.errors import ToolFailedError
from bitwright.files import read_json, to_json, whole_folder, write_json

__all__ = ["ModuleJob", "ModuleResult", "Needs", "SynthOptions", "needs", "plan", "script", "synthesize"]

WARNING = re.compile(r"^(?:\S+:\d+: )?Warning: .*")
OUTPUTS = ("stat.json", "netlist.json", "netlist.v")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ModuleResult:
    """What Yosys made of one module; all paths lie in ``folder`` but the log beside it.

    Attributes:
        name: name of the job.
        top: the module.
        cells: number of cells by type, black boxes included.
        stat: Yosys' statistics, JSON.
        netlist: the mapped netlist, Yosys JSON.
        verilog: the mapped netlist, Verilog.
        script: the Yosys script; with the folder's copies of the sources it can be run again by hand.
        warnings: Yosys' warnings, each once.
        run: the process; of an earlier call where ``reused``.
        reused: whether nothing had changed since that call.
    """

    name: str
    top: str
    folder: Path
    cells: Mapping[str, int]
    stat: Path
    netlist: Path
    verilog: Path
    script: Path
    warnings: tuple[str, ...]
    run: ToolRun
    reused: bool


def synthesize(
    modules: Sequence[ModuleJob],
    *,
    family: str,
    out: Path,
    tool: YosysTool | None = None,
    options: SynthOptions | None = None,
    workers: int = 2,
    timeout_s: float = 3600.0,
    progress: Progress | None = None,
    logs: Path | None = None,
) -> tuple[ModuleResult, ...]:
    """Synthesize every module in its own Yosys process, the longest first, ``workers`` side by side.

    A module whose sources, script and tool did not change since the last call is not synthesized again.

    Args:
        modules: what to synthesize; results come in the same order.
        family: ``xcup``, ``xcu``, ``xc7``, ``ecp5``, ``ice40`` or ``gowin``.
        out: gets a folder ``<name>`` per module.
        tool: from :func:`bitwright.eda.tools.find_yosys` by default.
        options: recipe and blocks allowed.
        workers: processes at a time.
        timeout_s: seconds for one module.
        progress: called with a text, the number of finished modules, and the number of modules.
        logs: gets a log ``<name>.log`` per module, also of a failed one; ``out`` by default.

    Raises:
        ConfigError: unknown family.
        ToolNotFoundError: no Yosys.
        ToolFailedError: a source or memory file is missing, Yosys failed, or the netlist is not sane.
    """
    tool = tool or find_yosys()
    places = _Places(out, logs or out, timeout_s)
    plans = [plan(job, family, options or SynthOptions(), tool) for job in modules]
    counter = _Counter(progress, len(plans))
    if tool.wheel and not wheel_is_prepared():
        _compile_wheel(tool, places.logs, timeout_s, counter)
    longest_first = sorted(range(len(plans)), key=lambda index: -_expected_work(plans[index]))
    tasks = [partial(_synthesize_one, plans[index], places, counter) for index in longest_first]
    done = dict(zip(longest_first, side_by_side(tasks, workers), strict=True))
    return tuple(done[index] for index in range(len(plans)))


class _Counter:
    """Counts finished modules for the progress callback, from several threads."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._guard = threading.Lock()

    def say(self, text: str, *, finished: bool = False) -> None:
        with self._guard:
            self._done += finished
            if self._progress is not None:
                self._progress(text, self._done, self._total)


def _expected_work(planned: Plan) -> int:
    """A rough measure of the time: bytes of source; Yosys' libraries take as long as the bytes added here."""
    found = needs(planned.job)
    libraries = 60_000 * found.memories + 20_000 * found.multipliers
    return libraries + sum(path.stat().st_size for path in planned.job.sources)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where results and logs go, and how long one module may take."""

    out: Path
    logs: Path
    timeout_s: float

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def _compile_wheel(tool: YosysTool, logs: Path, timeout_s: float, counter: _Counter) -> None:
    """Start the wheel once alone: it compiles itself, and two at once would both do so."""
    counter.say("preparing Yosys for this machine (first use only, up to a minute)")
    logs.mkdir(parents=True, exist_ok=True)
    argv = (*tool.argv_prefix, "-V")
    log = logs / "prepare.log"
    run(argv, cwd=logs, log=log, timeout_s=timeout_s, tool="Yosys", version=tool.version, what="its first start")


def _synthesize_one(planned: Plan, places: _Places, counter: _Counter, stop: Stop) -> ModuleResult:
    name, folder = planned.job.name, places.out / planned.job.name
    inputs = json.loads(to_json(planned.inputs()))
    if _unchanged(folder, inputs):
        counter.say(f"{name}: unchanged", finished=True)
        return _result(planned.job, folder, places, reused=True)
    counter.say(f"{name}: synthesis")
    with whole_folder(folder) as work:
        _place(planned, work)
        done = _run_yosys(planned, work, places, stop)
        _demand_sane(planned.job, work, done)
        write_json(work / "run.json", {**done.to_dict(), "warnings": warnings(done.log)})
        write_json(work / "inputs.json", inputs)
    counter.say(f"{name}: {done.seconds:.0f} s", finished=True)
    return _result(planned.job, folder, places, reused=False)


def _unchanged(folder: Path, inputs: dict[str, Any]) -> bool:
    expected = (*OUTPUTS, "run.json", "inputs.json")
    return all((folder / name).is_file() for name in expected) and bool(read_json(folder / "inputs.json") == inputs)


def _place(planned: Plan, work: Path) -> None:
    for name, path in planned.files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, work / name)
    for name, text in {**planned.texts, "synth.ys": planned.script}.items():
        (work / name).write_text(text, encoding="utf-8")


def _run_yosys(planned: Plan, work: Path, places: _Places, stop: Stop) -> ToolRun:
    temporary = work / "tmp"
    temporary.mkdir()
    what = f"synthesis of {planned.job.name}"
    done = run(
        (*planned.tool.argv_prefix, "-s", "synth.ys"),
        cwd=work,
        log=places.log(planned.job.name),
        timeout_s=places.timeout_s,
        tool="Yosys",
        version=planned.tool.version,
        what=what,
        env={"TMPDIR": str(temporary)},
        check=False,
        stop=stop,
    )
    shutil.rmtree(temporary, ignore_errors=True)
    if done.exit_code != 0:
        raise _yosys_error(done, what) or failure(done, what)
    return done


def _yosys_error(done: ToolRun, what: str) -> ToolFailedError | None:
    """The error in Yosys' own words, where its log has one."""
    lines = done.log.read_text(encoding="utf-8", errors="replace").splitlines()
    found = next((line for line in lines if line.startswith("ERROR: ") or re.match(r"\S+:\d+: ERROR: ?", line)), None)
    if found is None:
        return None
    hint = "the sources are at fault, or the log names the pass that gave up; the whole log is in that file"
    return ToolFailedError(f"Yosys stopped during {what}: {found}", where=str(done.log), hint=hint)


def warnings(log: Path) -> list[str]:
    """Yosys' warnings in a log, each once, in the order of their first appearance."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return list(dict.fromkeys(line.rstrip() for line in lines if WARNING.match(line)))


def _demand_sane(job: ModuleJob, work: Path, done: ToolRun) -> None:
    missing = [name for name in OUTPUTS if not (work / name).is_file() or (work / name).stat().st_size == 0]
    if missing:
        raise ToolFailedError(
            f"Yosys ended the synthesis of {job.name} without an error but did not write {missing[0]}",
            where=str(done.log),
            hint="read the log; a full disk or a killed process can look like this",
        )
    cells = cell_counts(work / "stat.json", job.top)
    if uses_memory_files(job) and not any(map(_holds_a_table, cells)):
        raise ToolFailedError(
            f"the netlist of {job.name} has no memory, LUT or register although its sources load memory files",
            where=str(done.log),
            hint="the memory contents were lost: check the files that $readmemh names",
        )


def _holds_a_table(kind: str) -> bool:
    """Registers too: Yosys makes a ROM of a few words of their sets and resets; lost contents leave nothing at all."""
    tables = ("LUT", "RAM", "URAM", "ROM", "FD", "TRELLIS_DPR", "TRELLIS_FF", "DP16", "PDP", "SB_LUT", "SB_RAM",
              "SB_DFF", "DFF", "pROM", "SDP", "DPB", "SP")  # fmt: skip
    return kind.startswith(tables)


def cell_counts(stat: Path, top: str) -> dict[str, int]:
    """Cells by type of one module, of Yosys' ``stat -json``.

    Raises:
        ToolFailedError: the file is not such a statistic.
    """
    data = read_json(stat)
    try:
        counts = data["modules"][f"\\{top}"]["num_cells_by_type"]
        return {str(kind): int(number) for kind, number in sorted(counts.items())}
    except (KeyError, TypeError, ValueError) as error:
        raise ToolFailedError(
            f"Yosys' statistics say nothing about the module {top}", where=str(stat), hint="remove it and run again"
        ) from error


def _result(job: ModuleJob, folder: Path, places: _Places, *, reused: bool) -> ModuleResult:
    data = read_json(folder / "run.json")
    del data["log"]
    found = tuple(data.pop("warnings"))
    past = ToolRun(**{**data, "argv": tuple(data["argv"]), "log": places.log(job.name)})
    stat, netlist, verilog = (folder / name for name in OUTPUTS)
    cells = cell_counts(stat, job.top)
    return ModuleResult(
        job.name, job.top, folder, cells, stat, netlist, verilog, folder / "synth.ys", found, past, reused
    )
