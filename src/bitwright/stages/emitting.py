"""Stage 4, emit: the Network to an RTL bundle, checked by pyslang before it counts as written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitwright.network import load
from bitwright.rtl.emit import emit
from bitwright.rtl.lint import lint
from bitwright.stages.job import Job
from bitwright.stages.runner import Say


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Emit the bundle into ``out``."""
    network = load(job.stage("import") / "network.json")
    bundle = emit(network, job.target, out)
    lint([out / file for file in bundle.files], bundle.shell.module)
    clocks, ii = bundle.kernel.latency, bundle.kernel.ii
    say(f"{len(bundle.files)} files, latency {clocks} clocks ({clocks * bundle.clock_ns:g} ns), II {ii}")
    return {"latency": clocks, "ii": ii}
