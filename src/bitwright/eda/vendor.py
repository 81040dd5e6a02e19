"""Vivado, Vitis HLS and Quartus: found, run as a batch, and their ways to fail said in one sentence.

None of them comes with this project.  What is not installed is no error here: stages say NOT RUN.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.eda.process import Stop, ToolRun, failure, run
from bitwright.eda.tools import program_version
from bitwright.errors import ToolFailedError, ToolNotFoundError

LICENCE = re.compile(
    r"\[Common 17-345\]|[Vv]alid license was not found|[Ff]ailed to get (?:the|a) license|[Ll]icense checkout failed"
    r"|Error \(292\d{3}\)|\[HLS 200-1(?:05|36)\].*license|FLEXlm error|FLEXnet Licensing error"
)
CRASH = re.compile(r"Abnormal program termination|[Ss]egmentation fault|Internal Error: Sub-system|\*\*\* Fatal Error")
DISK = re.compile(r"[Nn]o space left on device|disk (?:is )?full|[Dd]isk quota exceeded")
ERROR = re.compile(r"(?:ERROR:? ?\[|ERROR:|Error \(\d+\):|Error:|@E \[).*")
LONGEST = 300
"""Characters of a tool's error line that a message quotes."""


@dataclass(frozen=True, slots=True)
class _Known:
    title: str
    programs: tuple[str, ...]
    version_argument: str
    variable: str


KNOWN: Mapping[str, _Known] = {
    "vivado": _Known("Vivado", ("vivado",), "-version", "BITWRIGHT_VIVADO"),
    "vitis_hls": _Known("Vitis HLS", ("vitis-run", "vitis_hls", "vivado_hls"), "-version", "BITWRIGHT_VITIS_HLS"),
    "quartus": _Known("Quartus", ("quartus_sh",), "--version", "BITWRIGHT_QUARTUS"),
}


@dataclass(frozen=True, slots=True)
class VendorTool:
    """One that can be run: its name in :data:`KNOWN`, its program and its version."""

    name: str
    program: str
    version: str

    @property
    def title(self) -> str:
        """As people call it."""
        return KNOWN[self.name].title


def find_vendor(name: str) -> VendorTool | None:
    """A tool on PATH, or the one that its environment variable names; None if it is not installed.

    Raises:
        ToolNotFoundError: the variable names a program that is not there.
    """
    known = KNOWN[name]
    wanted = os.environ.get(known.variable, "")
    path = shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, known.programs)), None)
    if wanted and path is None:
        raise ToolNotFoundError(
            f"{known.variable} names {wanted}, which is not there", hint=f"unset it to look for {known.title} on PATH"
        )
    if path is None:
        return None
    return VendorTool(name, path, program_version(path, known.version_argument, timeout_s=60) or "unknown")


def missing(name: str) -> str:
    """Why a tool's stage does not run."""
    known = KNOWN[name]
    return f"{known.title} is not installed: none of {', '.join(known.programs)} on PATH, and {known.variable} not set"


def run_batch(
    tool: VendorTool,
    arguments: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    what: str,
    makes: Sequence[Path],
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    stop: Stop | None = None,
) -> ToolRun:
    """Run a tool to its end, and believe it only with its results in hand.

    Args:
        tool: from :func:`find_vendor`.
        arguments: after the program.
        cwd: an existing folder.
        log: gets all that the tool prints.
        what: for messages, such as ``place and route of jet3``.
        makes: files that must be there afterwards, not empty and newer than the start.
        timeout_s: seconds until the whole process group is killed.
        env: more variables.
        stop: see :func:`bitwright.eda.process.run`.

    Raises:
        ToolFailedError: no licence, a crash, a full disk, an error of the tool's own, a hang, or nothing made.
    """
    for file in makes:
        file.unlink(missing_ok=True)
    done = run(
        (tool.program, *arguments), cwd=cwd, log=log, timeout_s=timeout_s, tool=tool.title, version=tool.version,
        what=what, env=env, check=False, stop=stop,
    )  # fmt: skip
    if done.exit_code != 0:
        raise _failed(done, what)
    absent = [file.name for file in makes if not file.is_file() or file.stat().st_size == 0]
    if absent:
        raise _silent(done, what, absent)
    return done


def _failed(done: ToolRun, what: str) -> ToolFailedError:
    reason, hint = _reason(done.log)
    if not reason:
        return failure(done, what)
    return ToolFailedError(f"{done.tool} {done.version} {reason}, in {what}", where=str(done.log), hint=hint)


def _silent(done: ToolRun, what: str, absent: Sequence[str]) -> ToolFailedError:
    """It said that all went well; its log may know better."""
    reason, hint = _reason(done.log)
    ended = f"ended {what} with exit code 0 and without {', '.join(absent)}"
    return ToolFailedError(
        f"{done.tool} {done.version} {ended}{'; it ' + reason if reason else ''}",
        where=str(done.log),
        hint=hint or "read the log; a report that is not there is never taken for zero",
    )


def _reason(log: Path) -> tuple[str, str]:
    """What a log says of a failure, and what to do; empty where it says nothing that is known."""
    first = ""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip()[:LONGEST]
            if LICENCE.search(text):
                hint = "set XILINXD_LICENSE_FILE or LM_LICENSE_FILE, or take a part that needs none"
                return f"has no licence ({text})", hint
            if DISK.search(text):
                return f"found the disk full ({text})", "free some space and run again: finished stages are kept"
            if CRASH.search(text):
                return f"crashed ({text})", "run again; if it crashes again, its version and its log are for the vendor"
            if not first and ERROR.match(text):
                first = text
    return (f"stopped with: {first}", "mend what it names, then run again") if first else ("", "")
