"""A simulation that outlives a stage: built once for ``predict``, and taken over by the verify stage."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from bitwright.eda.tools import verilator_version
from bitwright.files import digest, to_json, whole_folder
from bitwright.rtl.bundle import Bundle, load_bundle
from bitwright.sim import verilator
from bitwright.stages.job import Job
from bitwright.stages.runner import Say, program_digest

LIBRARY = "libbulk.so"


def keep_simulation(job: Job, say: Say) -> verilator.SimBuild:
    """The Verilated RTL of the job's bundle, in the job's folder ``sim``; built unless it is there.

    Each bundle has a folder of its own: a process keeps the first library that it loaded from a path.
    """
    bundle, folder = load_bundle(job.stage("emit") / "bundle.json"), _folder(job)
    if not (folder / LIBRARY).is_file():
        shutil.rmtree(folder.parent, ignore_errors=True)
        say("building the simulation with Verilator")
        with whole_folder(folder) as out:
            built = verilator.build(bundle, job.stage("emit"), out)
            shutil.rmtree(out / "obj")
        say(f"built in {built.seconds:.1f} s")
    return _at(folder, bundle)


def kept_simulation(job: Job, bundle: Bundle, folder: Path) -> verilator.SimBuild | None:
    """A copy, in the new ``folder``, of what :func:`keep_simulation` built of this very bundle; None without one."""
    if not (_folder(job) / LIBRARY).is_file():
        return None
    shutil.copytree(_folder(job), folder)
    return _at(folder, bundle)


def _folder(job: Job) -> Path:
    bundle = digest(job.stage("emit") / "bundle.json")
    parts = {"bundle": bundle, "program": program_digest(), "verilator": verilator_version()}
    return job.folder / "sim" / hashlib.sha256(to_json(parts).encode()).hexdigest()[:16]


def _at(folder: Path, bundle: Bundle) -> verilator.SimBuild:
    return verilator.SimBuild(folder, bundle, folder / bundle.shell.module, folder / LIBRARY, 0.0)
