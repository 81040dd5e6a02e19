"""Start the workflow, and training, as processes whose output goes straight to the terminal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from pathlib import Path

from bitwright.eda import process
from bitwright.errors import BitwrightError, UsageError, error_from_dict, nearest
from bitwright.files import read_json
from bitwright.stages.job import Job
from bitwright.stages.runner import error_file, is_current
from bitwright.stages.table import STAGES, in_order

IN_WORKFLOW = "BITWRIGHT_IN_WORKFLOW"


def find_profile(text: str, root: Path) -> Path:
    """The folder of a Snakemake profile: a name in flows/profiles/, or a path.

    Raises:
        UsageError: there is none; lists what exists and the nearest.
    """
    shelf = root.resolve() / "flows" / "profiles"
    known = sorted(path.parent.name for path in shelf.glob("*/config.yaml"))
    if text in known:
        return shelf / text
    if (Path(text) / "config.yaml").is_file():
        return Path(text).resolve()
    hint = f"{nearest(text, known)} profiles: {', '.join(known)}; or a folder with a config.yaml".strip()
    raise UsageError(f"there is no profile '{text}'", hint=hint)


def run_workflow(job: Job, root: Path, cores: int, *, quiet: bool, profile: Path | None = None) -> list[str]:
    """Run flows/Snakefile for a job; the names of the stages that ran.

    What is stale is decided here, by contents; Snakemake, which knows times alone, is told.  A stage behind
    a stale one is started too, and does nothing if what it reads came out the same.

    Raises:
        BitwrightError: of the stage that failed, as it said it.
    """
    snakefile = root / "flows" / "Snakefile"
    if not snakefile.is_file():
        raise UsageError(
            "no flows/Snakefile here", where=str(root), hint="go to the repository, or use 'bitwright build'"
        )
    stale = [stage.name for stage in STAGES if not is_current(stage, job)]
    if not stale:
        return []
    for stage in STAGES:
        error_file(stage.name, job).unlink(missing_ok=True)
    before = _folders(job)
    argv = [
        sys.executable, "-m", "snakemake", "--snakefile", str(snakefile.resolve()), "--directory", str(job.folder),
        *resources(cores, profile), "--quiet", "all", "--forcerun", *stale, "--config", f"quiet={int(quiet)}",
    ]  # fmt: skip
    code = process.attached(argv, cwd=root, tool="snakemake", env=environment(profile))
    if code != 0:
        raise _stage_error(job, code)
    after = _folders(job)
    return [stage.name for stage in in_order() if after.get(stage.name) != before.get(stage.name)]


def resources(cores: int, profile: Path | None) -> list[str]:
    """What a profile says itself, if there is one."""
    if profile is not None:
        return ["--profile", str(profile)]
    return ["--cores", str(cores), "--nolock", "--rerun-incomplete"]


def environment(profile: Path | None) -> dict[str, str]:
    """Stages of ours end with this process, by its number; on another machine that number is somebody else's."""
    if profile is not None:
        return {IN_WORKFLOW: "profile", "BITWRIGHT_PROFILE": str(profile)}
    return {IN_WORKFLOW: str(os.getpid())}


def _folders(job: Job) -> dict[str, int]:
    """The inode of each stage's folder: a stage that ran has a new one."""
    folders = {stage.name: job.stage(stage.name) for stage in STAGES}
    return {name: folder.stat().st_ino for name, folder in folders.items() if folder.is_dir()}


def _stage_error(job: Job, code: int) -> BitwrightError:
    for stage in STAGES:
        path = error_file(stage.name, job)
        if path.is_file():
            return error_from_dict({k: v for k, v in read_json(path).items() if k != "stage"})
    return BitwrightError(
        f"the workflow ended with code {code}",
        where=str(job.folder),
        hint="its messages stand above; run again to go on",
    )


def end_with_workflow() -> None:
    """Inside the workflow: end too when the command that started it is killed."""

    def watch(command: int) -> None:
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(command)
            select.select([descriptor], [], [])
            os.kill(os.getpid(), signal.SIGTERM)

    if os.environ.get(IN_WORKFLOW, "").isdigit():
        threading.Thread(target=watch, args=(int(os.environ[IN_WORKFLOW]),), daemon=True).start()
