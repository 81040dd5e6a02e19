"""Run one stage: skip it when nothing changed, otherwise make its folder whole, or leave it as it was.

A stage's key is the digest of everything that decides its result: its inputs' contents, its request
and this program's source.  Its record also holds the digest of every file that it made.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bitwright.eda.memory import own_peak_mb
from bitwright.eda.tools import package_version
from bitwright.errors import BitwrightError
from bitwright.files import digest, exclusive, read_json, remove_parts, system_error, to_json, whole_folder, write_json
from bitwright.stages.job import Job

Say = Callable[[str], None]
Work = Callable[[Job, Path, Say], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: what it reads and writes, relative to the job's folder, and the function that does it.

    ``reads`` and ``writes`` are the only statement of the order of stages: the workflow and
    ``bitwright build`` both derive it from them.
    """

    name: str
    title: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    work: Work
    tools: tuple[str, ...] = ()
    """Packages, programs and (in capitals) environment variables that decide the result too."""

    @property
    def record(self) -> str:
        """The file that says how the stage ended; written last."""
        return f"{self.name}/stage.json"


@cache
def program_digest() -> str:
    """Digest of this program's own source, so that a new version runs every stage again."""
    root = Path(__file__).parent.parent
    sha = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".sv", ".cpp", ".j2", ".css", ".js", ".txt"):
            sha.update(str(path.relative_to(root)).encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()


def stage_key(stage: Stage, job: Job) -> str:
    """The digest of everything that decides the stage's result.

    Raises:
        BitwrightError: an input is missing.
    """
    parts = {"program": program_digest(), "stage": stage.name} | {f"tool {t}": _identity(t) for t in stage.tools}
    for name in stage.reads:
        path, maker = job.folder / name, Path(name).parts[0]
        if not path.is_file() or error_file(maker, job).is_file():
            why = "which failed when it was last made" if path.is_file() else "which is missing"
            raise BitwrightError(
                f"{stage.name} needs {name}, {why}", where=str(job.folder), hint=f"run the stage '{maker}' first"
            )
        parts[name] = digest(path)
    return hashlib.sha256(to_json(parts).encode()).hexdigest()


def _identity(tool: str) -> str:
    """What would change if another version of a tool were used."""
    if tool.isupper():
        return os.environ.get(tool, "")
    program = shutil.which(tool)
    if program is not None and package_version(tool) is None:
        found = Path(program).resolve().stat()
        return f"{found.st_size} {found.st_mtime_ns}"
    return package_version(tool) or "missing"


def error_file(name: str, job: Job) -> Path:
    """Where the stage of that name says how it failed; absent when it did not."""
    return job.folder / f"{name}.error.json"


def is_current(stage: Stage, job: Job) -> bool:
    """Whether the stage's results on disk are whole, and those of its present inputs."""
    try:
        record = read_json(job.folder / stage.record)
        return bool(record["key"] == stage_key(stage, job) and record["files"] == _files(job.stage(stage.name)))
    except (BitwrightError, LookupError, TypeError):
        return False


def _files(folder: Path) -> dict[str, str]:
    """The digest of every file that a stage made."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / "stage.json")
    return {str(path.relative_to(folder)): digest(path) for path in paths}


def run_stage(stage: Stage, job: Job, say: Say, *, force: bool = False) -> bool:
    """Run a stage unless it is current; True if it ran.

    A failing stage leaves earlier results as they were and writes ``<stage>.error.json``.

    Raises:
        BusyError: another process runs the same stage.
        BitwrightError: of the stage, or an input is missing.
    """
    try:
        return _run_alone(stage, job, say, force=force)
    except (BitwrightError, OSError) as error:
        if not error_file(stage.name, job).is_file():
            _leave_word(stage, job, system_error(error) if isinstance(error, OSError) else error)
        raise


def _run_alone(stage: Stage, job: Job, say: Say, *, force: bool) -> bool:
    with exclusive(job.folder, f".{stage.name}.lock"):
        if not force and is_current(stage, job):
            error_file(stage.name, job).unlink(missing_ok=True)
            for name in (*stage.writes, stage.record):
                (job.folder / name).touch()
            say("nothing changed")
            return False
        _make(stage, job, say)
        return True


def _make(stage: Stage, job: Job, say: Say) -> None:
    key, folder = stage_key(stage, job), job.stage(stage.name)
    failed = job.folder / f"{stage.name}_failed"
    error_file(stage.name, job).unlink(missing_ok=True)
    shutil.rmtree(failed, ignore_errors=True)
    remove_parts(folder)
    started = time.perf_counter()
    with whole_folder(folder) as out:
        with _evidence_kept(out, failed):
            details = stage.work(job, out, say)
        record = _record(stage, key, time.perf_counter() - started, details) | {"files": _files(out)}
        write_json(out / "stage.json", record)
    say(f"done in {time.perf_counter() - started:.1f} s")


@contextlib.contextmanager
def _evidence_kept(out: Path, failed: Path) -> Iterator[None]:
    """Where an error points into the unfinished folder (a log, say), that folder stays as ``failed``."""
    try:
        yield
    except BitwrightError as error:
        if str(out) in f"{error}":
            out.rename(failed)
            for part in ("what", "where", "hint"):
                setattr(error, part, getattr(error, part).replace(str(out), str(failed)))
        raise


def _leave_word(stage: Stage, job: Job, error: BitwrightError) -> None:
    """Tell whoever started the workflow; where even that cannot be written, tell the terminal."""
    try:
        write_json(error_file(stage.name, job), {**error.to_dict(), "stage": stage.name})
    except (BitwrightError, OSError):
        print(f"error: {error}", file=sys.stderr, flush=True)


def _record(stage: Stage, key: str, seconds: float, details: dict[str, Any]) -> dict[str, Any]:
    # A child counts what it wore of us before its exec: never more than our own peak, so the maximum is right.
    children_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "stage": stage.name,
        "key": key,
        "seconds": round(seconds, 3),
        "peak_mb": round(max(own_peak_mb(), children_mb), 1),
        "detail": details,
    }


def printer(stage: str, *, quiet: bool = False) -> Say:
    """Progress lines on standard error: seconds since the stage began, stage, message."""
    started = time.perf_counter()

    def say(message: str) -> None:
        if not quiet:
            print(f"[{time.perf_counter() - started:6.1f} s] {stage:<9} {message}", file=sys.stderr, flush=True)

    return say
