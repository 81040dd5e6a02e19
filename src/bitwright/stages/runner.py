"""Run one stage: skip it when nothing changed, otherwise make its folder whole, or leave it as it was.

A stage's key is the digest of everything that decides its result: its inputs' contents, its request,
this program's source, and the versions of the tools that it names.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bitwright.errors import BitwrightError
from bitwright.files import digest, read_json, to_json, whole_folder, write_json
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
        if path.is_file() and path.suffix in (".py", ".sv", ".cpp", ".j2", ".css"):
            sha.update(str(path.relative_to(root)).encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()


def stage_key(stage: Stage, job: Job) -> str:
    """The digest of everything that decides the stage's result.

    Raises:
        BitwrightError: an input is missing.
    """
    parts = {"program": program_digest(), "stage": stage.name}
    for name in stage.reads:
        path = job.folder / name
        if not path.is_file():
            raise BitwrightError(
                f"{stage.name} needs {name}", where=str(job.folder), hint=f"run the stage '{name.split('/')[0]}' first"
            )
        parts[name] = digest(path)
    return hashlib.sha256(to_json(parts).encode()).hexdigest()


def is_current(stage: Stage, job: Job) -> bool:
    """Whether the stage's results on disk are those of its present inputs."""
    record = job.folder / stage.record
    try:
        if not record.is_file() or read_json(record).get("key") != stage_key(stage, job):
            return False
    except BitwrightError:
        return False
    return all((job.folder / name).is_file() for name in stage.writes)


def run_stage(stage: Stage, job: Job, say: Say, *, force: bool = False) -> bool:
    """Run a stage unless it is current; True if it ran.

    A failing stage leaves earlier results as they were and writes ``<stage>.error.json``.
    """
    key = stage_key(stage, job)
    error_file = job.folder / f"{stage.name}.error.json"
    if not force and is_current(stage, job):
        for name in (*stage.writes, stage.record):
            (job.folder / name).touch()
        say("nothing changed")
        return False
    error_file.unlink(missing_ok=True)
    started = time.perf_counter()
    try:
        with whole_folder(job.stage(stage.name)) as out:
            details = stage.work(job, out, say)
            write_json(out / "stage.json", _record(stage, key, time.perf_counter() - started, details))
    except BitwrightError as error:
        write_json(error_file, {**error.to_dict(), "stage": stage.name})
        raise
    say(f"done in {time.perf_counter() - started:.1f} s")
    return True


def _record(stage: Stage, key: str, seconds: float, details: dict[str, Any]) -> dict[str, Any]:
    kilobytes = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "stage": stage.name,
        "key": key,
        "seconds": round(seconds, 3),
        "peak_mb": round(kilobytes / 1024, 1),
        "detail": details,
    }


def printer(stage: str, *, quiet: bool = False) -> Say:
    """Progress lines on standard error: seconds since the stage began, stage, message."""
    started = time.perf_counter()

    def say(message: str) -> None:
        if not quiet:
            print(f"[{time.perf_counter() - started:6.1f} s] {stage:<9} {message}", file=sys.stderr, flush=True)

    return say
