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
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitwright.eda.process import Stop, ToolRun, failure, run, side_by_side
from bitwright.eda.tools import YosysTool, find_yosys, wheel_is_prepared
from bitwright.errors import ConfigError, ToolFailedError, nearest
from bitwright.files import digest, read_json, to_json, whole_folder, write_json

TEMPLATES: dict[str, str] = {"xcup": "xilinx", "xcu": "xilinx", "xc7": "xilinx", "ecp5": "ecp5"}
READMEM = re.compile(r"\$readmem[bh]\s*\(\s*(?:\"([^\"]*)\")?")
WARNING = re.compile(r"^(?:\S+:\d+: )?Warning: .*")
UNSAFE = re.compile(r"[^A-Za-z0-9_.]")
MODULE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OUTPUTS = ("stat.json", "netlist.json", "netlist.v")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ModuleJob:
    """One module to synthesize by itself, flattened.

    Attributes:
        name: names the output folder and log.
        sources: Verilog files with ``top`` and what it instantiates.
        top: the module to synthesize.
        memory_files: files that ``$readmemh`` / ``$readmemb`` load, found by their base names.
        blackboxes: Verilog files of which only the ports are read: their modules stay black boxes (Yosys opens
            their memory files all the same).
    """

    name: str
    sources: tuple[Path, ...]
    top: str
    memory_files: tuple[Path, ...] = ()
    blackboxes: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class SynthOptions:
    """How to synthesize.

    Attributes:
        recipe: ``adders`` keeps an optimized adder graph as it is (one carry chain per adder) and maps logic
            for area; ``stock`` is Yosys' own ``synth_xilinx`` script.  ECP5 knows only the stock script.
        dsp: multiplications may use DSP blocks.
        bram: memories may use block RAM.
    """

    recipe: Literal["adders", "stock"] = "adders"
    dsp: bool = True
    bram: bool = True


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


@dataclass(frozen=True, slots=True)
class _Plan:
    """A job with its texts and the names that its files get in the work folder."""

    job: ModuleJob
    files: Mapping[str, Path]
    script: str
    texts: Mapping[str, str]
    tool: YosysTool

    def inputs(self) -> dict[str, Any]:
        """Everything that the result depends on."""
        files = {name: digest(path) for name, path in self.files.items()}
        return {"tool": self.tool.version, "script": self.script, "texts": dict(self.texts), "files": files}


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
) -> tuple[ModuleResult, ...]:
    """Synthesize every module in its own Yosys process, the longest first, ``workers`` side by side.

    A module whose sources, script and tool did not change since the last call is not synthesized again.

    Args:
        modules: what to synthesize; results come in the same order.
        family: ``xcup``, ``xcu``, ``xc7`` or ``ecp5``.
        out: gets a folder ``<name>`` and a log ``<name>.log`` per module.
        tool: from :func:`bitwright.eda.tools.find_yosys` by default.
        options: recipe and blocks allowed.
        workers: processes at a time.
        timeout_s: seconds for one module.
        progress: called with a text, the number of finished modules, and the number of modules.

    Raises:
        ConfigError: unknown family.
        ToolNotFoundError: no Yosys.
        ToolFailedError: a source or memory file is missing, Yosys failed, or the netlist is not sane.
    """
    tool = tool or find_yosys()
    plans = [plan(job, family, options or SynthOptions(), tool) for job in modules]
    counter = _Counter(progress, len(plans))
    if tool.wheel and not wheel_is_prepared():
        _compile_wheel(tool, out, timeout_s, counter)
    longest_first = sorted(range(len(plans)), key=lambda index: -_source_bytes(plans[index]))
    tasks = [partial(_synthesize_one, plans[index], out, timeout_s, counter) for index in longest_first]
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


def _source_bytes(planned: _Plan) -> int:
    return sum(path.stat().st_size for path in planned.job.sources)


def _compile_wheel(tool: YosysTool, out: Path, timeout_s: float, counter: _Counter) -> None:
    """Start the wheel once alone: it compiles itself, and two at once would both do so."""
    counter.say("preparing Yosys for this machine (first use only, up to a minute)")
    out.mkdir(parents=True, exist_ok=True)
    argv = (*tool.argv_prefix, "-V")
    log = out / "prepare.log"
    run(argv, cwd=out, log=log, timeout_s=timeout_s, tool="Yosys", version=tool.version, what="its first start")


def plan(job: ModuleJob, family: str, options: SynthOptions, tool: YosysTool) -> _Plan:
    """Check a job's files and write its script; nothing is touched yet.

    Raises:
        ConfigError: unknown family, or a top that is no module name.
        ToolFailedError: a file is missing or empty, or a ``$readmemh`` names a file that is not given.
    """
    if family not in TEMPLATES:
        raise ConfigError(
            f"Yosys cannot synthesize for the family '{family}'",
            hint=f"{nearest(family, TEMPLATES)} known: {', '.join(TEMPLATES)}".strip(),
        )
    if not MODULE_NAME.fullmatch(job.top):
        raise ConfigError(f"'{job.top}' is not a module name", where=job.name)
    for path in (*job.sources, *job.memory_files, *job.blackboxes):
        _demand_file(path, job.name)
    sources = _copy_names(job.sources, "src")
    blackboxes = _copy_names(job.blackboxes, "ports")
    files = {**sources, **blackboxes, **_memory_names(job)}
    text = script(job.top, family, tuple(sources), tuple(blackboxes), options)
    return _Plan(job, files, text, {"add_to_alu.v": _render("add_to_alu.v.j2")}, tool)


def _demand_file(path: Path, module: str) -> None:
    if not path.is_file() or path.stat().st_size == 0:
        state = "is empty" if path.is_file() else "does not exist"
        raise ToolFailedError(
            f"a file that the synthesis of {module} needs {state}",
            where=str(path),
            hint="run the emit stage again: it writes the sources and their memory files",
        )


def _copy_names(paths: Sequence[Path], folder: str) -> dict[str, Path]:
    """Safe and distinct names for copies: Yosys sees no odd character and no path of this machine."""
    names: dict[str, Path] = {}
    for path in paths:
        stem, suffix = UNSAFE.sub("_", path.stem), UNSAFE.sub("_", path.suffix)
        name, number = f"{folder}/{stem}{suffix}", 1
        while name in names:
            number += 1
            name = f"{folder}/{stem}_{number}{suffix}"
        names[name] = path
    return names


def _memory_names(job: ModuleJob) -> dict[str, Path]:
    """Where the sources expect the memory files: at the name in ``$readmemh``, and at their base names."""
    by_name = {path.name: path for path in job.memory_files}
    names = dict(by_name)
    for source in (*job.sources, *job.blackboxes):
        for literal in filter(None, READMEM.findall(source.read_text(encoding="utf-8", errors="replace"))):
            wanted = Path(literal)
            if wanted.name not in by_name or wanted.is_absolute() or ".." in wanted.parts:
                raise ToolFailedError(
                    f"{source.name} loads the memory file '{literal}', which the synthesis of {job.name} is not given",
                    where=str(source),
                    hint="name it in memory_files; the path must be relative",
                )
            names[literal] = by_name[wanted.name]
    return names


def _uses_memory_files(job: ModuleJob) -> bool:
    return any(READMEM.search(path.read_text(encoding="utf-8", errors="replace")) for path in job.sources)


def _render(template: str, **values: Any) -> str:
    loader = PackageLoader("bitwright.eda", "templates")
    # Scripts are no HTML: escaping would change them.
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{2,}", "\n", text).lstrip("\n") if template.endswith(".ys.j2") else text


def script(top: str, family: str, sources: Sequence[str], blackboxes: Sequence[str], options: SynthOptions) -> str:
    """The Yosys script for one module; file names are relative to the folder it runs in."""
    values = {"top": top, "family": family, "sources": sources, "blackboxes": blackboxes}
    choices = {"recipe": options.recipe, "dsp": options.dsp, "bram": options.bram}
    return _render(f"{TEMPLATES[family]}.ys.j2", **values, **choices)


def _synthesize_one(planned: _Plan, out: Path, timeout_s: float, counter: _Counter, stop: Stop) -> ModuleResult:
    name, folder = planned.job.name, out / planned.job.name
    inputs = json.loads(to_json(planned.inputs()))
    if _unchanged(folder, inputs):
        counter.say(f"{name}: unchanged", finished=True)
        return _result(planned.job, folder, reused=True)
    counter.say(f"{name}: synthesis")
    with whole_folder(folder) as work:
        _place(planned, work)
        done = _run_yosys(planned, work, out / f"{name}.log", timeout_s, stop)
        _demand_sane(planned.job, work, done)
        write_json(work / "run.json", {**done.to_dict(), "warnings": warnings(done.log)})
        write_json(work / "inputs.json", inputs)
    counter.say(f"{name}: {done.seconds:.0f} s", finished=True)
    return _result(planned.job, folder, reused=False)


def _unchanged(folder: Path, inputs: dict[str, Any]) -> bool:
    expected = (*OUTPUTS, "run.json", "inputs.json")
    return all((folder / name).is_file() for name in expected) and bool(read_json(folder / "inputs.json") == inputs)


def _place(planned: _Plan, work: Path) -> None:
    for name, path in planned.files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, work / name)
    for name, text in {**planned.texts, "synth.ys": planned.script}.items():
        (work / name).write_text(text, encoding="utf-8")


def _run_yosys(planned: _Plan, work: Path, log: Path, timeout_s: float, stop: Stop) -> ToolRun:
    temporary = work / "tmp"
    temporary.mkdir()
    what = f"synthesis of {planned.job.name}"
    done = run(
        (*planned.tool.argv_prefix, "-s", "synth.ys"),
        cwd=work,
        log=log,
        timeout_s=timeout_s,
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
    if _uses_memory_files(job) and not any(map(_holds_a_table, cells)):
        raise ToolFailedError(
            f"the netlist of {job.name} has no memory and no LUT although its sources load memory files",
            where=str(done.log),
            hint="the memory contents were lost: check the files that $readmemh names",
        )


def _holds_a_table(kind: str) -> bool:
    return kind.startswith(("LUT", "RAM", "URAM", "ROM", "TRELLIS_DPR", "DP16", "PDP"))


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


def _result(job: ModuleJob, folder: Path, *, reused: bool) -> ModuleResult:
    data = read_json(folder / "run.json")
    log = folder.parent / str(data.pop("log"))
    found = tuple(data.pop("warnings"))
    past = ToolRun(**{**data, "argv": tuple(data["argv"]), "log": log})
    stat, netlist, verilog = (folder / name for name in OUTPUTS)
    cells = cell_counts(stat, job.top)
    return ModuleResult(
        job.name, job.top, folder, cells, stat, netlist, verilog, folder / "synth.ys", found, past, reused
    )
