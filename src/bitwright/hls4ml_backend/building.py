"""``build``: the stages of ``bitwright run`` in the graph's output folder, and the report that they leave."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

from bitwright.errors import BitwrightError, MismatchError
from bitwright.files import exclusive, whole_folder
from bitwright.hls4ml_backend.project import Talk, job_of, write
from bitwright.hls4ml_backend.report import BuildReport
from bitwright.report.write import write_report
from bitwright.stages.job import Job
from bitwright.stages.reporting import build_report, write_failed
from bitwright.stages.runner import Say, is_current, printer, run_stage
from bitwright.stages.table import BY_NAME

LOG = "build_stdout.log"
"""hls4ml's name of it."""


def build(graph: Any, *, synth: bool, reset: bool, log_to_stdout: bool) -> BuildReport:
    """See :meth:`bitwright.hls4ml_backend.backend.BitwrightBackend.build`."""
    talk = printer if log_to_stdout else _logger(job_of(graph).folder / LOG)
    job = write(graph, talk, hls=True)
    with exclusive(job.folder):
        for name in ("emulate", "reference", "verify", *(["synth"] if synth else [])):
            _run(name, job, talk(name), force=reset)
        if not is_current(BY_NAME["synth"], job):
            shutil.rmtree(job.stage("synth"), ignore_errors=True)  # of an earlier network
        report = build_report(job)
        with whole_folder(job.stage("report")) as out:
            write_report(report, out)
    return BuildReport.model_validate(report.model_dump())


def _run(name: str, job: Job, say: Say, *, force: bool) -> None:
    try:
        run_stage(BY_NAME[name], job, say, force=force)
    except MismatchError:
        with contextlib.suppress(BitwrightError, OSError):  # the mismatch is what counts
            write_failed(job)
        raise


def _logger(path: Path) -> Talk:
    """Progress lines at the end of a file, in the form of :func:`bitwright.stages.runner.printer`."""

    def talk(stage: str) -> Say:
        started = time.perf_counter()

        def say(message: str) -> None:
            with path.open("a", encoding="utf-8") as log:
                log.write(f"[{time.perf_counter() - started:6.1f} s] {stage:<9} {message}\n")

        return say

    return talk
