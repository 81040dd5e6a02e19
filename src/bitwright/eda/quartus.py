"""Quartus: a design synthesized, fitted and timed by itself, every port but the clock a virtual pin.

Yosys cannot map to Intel's newer families, so Quartus takes the SystemVerilog itself.  Both editions run the same
script; the part decides which one has to be installed.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.eda.process import ToolRun
from bitwright.eda.vendor import VendorTool, run_batch
from bitwright.eda.yosys_script import render

SCRIPT = "quartus.tcl"
OUTPUTS = "output_files"
REPORTS = ("fit.rpt", "sta.rpt")


@dataclass(frozen=True, slots=True)
class Project:
    """What Quartus is given.

    Attributes:
        name: of the project and its reports.
        top: the module.
        part: Intel's ordering code.
        root: the folder to which the files are relative.
        sources: SystemVerilog.
        memory_files: what ``$readmemh`` loads, found by base name.
        sdc: the constraints.
    """

    name: str
    top: str
    part: str
    root: Path
    sources: tuple[str, ...]
    memory_files: tuple[str, ...]
    sdc: str

    def reports(self, folder: Path) -> tuple[Path, ...]:
        """Where the fitter's and the timing analyser's reports will be."""
        return tuple(folder / OUTPUTS / f"{self.name}.{suffix}" for suffix in REPORTS)


def script(project: Project) -> str:
    """The Tcl script; file names are relative to the folder that it runs in."""
    return render(
        "quartus.tcl.j2", name=project.name, top=project.top, part=project.part, sources=project.sources,
        sdc=project.sdc,
    )  # fmt: skip


def compile_project(
    project: Project, tool: VendorTool, folder: Path, *, log: Path, timeout_s: float
) -> tuple[ToolRun, tuple[Path, ...]]:
    """Run the whole flow in ``folder``, which is made; the run and the reports.

    Raises:
        ToolFailedError: no licence, a crash, a full disk, an error of Quartus' own, a hang, or no reports.
    """
    folder.mkdir()
    _place(project, folder)
    reports = project.reports(folder)
    done = run_batch(
        tool, ("-t", SCRIPT), cwd=folder, log=log, what=f"compilation of {project.top}", makes=reports,
        timeout_s=timeout_s,
    )  # fmt: skip
    return done, reports


def _place(project: Project, folder: Path) -> None:
    (folder / SCRIPT).write_text(script(project), encoding="utf-8")
    for name in (*project.sources, project.sdc):
        _copy(project.root / name, folder / name)
    for name in project.memory_files:
        for place in _places(name):
            _copy(project.root / name, folder / place)


def _places(name: str) -> Sequence[str]:
    """Quartus looks beside the project and beside the source: a memory file lies at both."""
    return tuple(dict.fromkeys((name, Path(name).name)))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
