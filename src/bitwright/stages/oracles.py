"""Stages 2 and 3: hls4ml's C++ and the Python reference on the test vectors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.files import read_arrays, write_arrays
from bitwright.network import load
from bitwright.network.reference import Reference
from bitwright.sim.emulation import Emulation, compile_project
from bitwright.stages.job import Job
from bitwright.stages.runner import Say


def emulate(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Compile the HLS C++ with g++ and run it on every vector."""
    imported = job.stage("import")
    network = load(imported / "network.json")
    x = read_arrays(imported / "vectors.npz")["x"]
    say("compiling the HLS C++ with g++")
    compiled = compile_project((imported / "hls").resolve(), network.name, out.resolve())
    say(f"compiled in {compiled.seconds:.1f} s; running {len(x)} vectors")
    started = time.perf_counter()
    y = Emulation(compiled, network).outputs(x)
    seconds = time.perf_counter() - started
    write_arrays(out / "emulation.npz", {"y": y})
    return {"seconds": {"g++": round(compiled.seconds, 3), "run": round(seconds, 3)}, "vectors": len(x)}


def reference(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Evaluate the Network on every vector, in exact integers."""
    imported = job.stage("import")
    evaluator = Reference(load(imported / "network.json"))
    x = read_arrays(imported / "vectors.npz")["x"]
    started = time.perf_counter()
    y = evaluator.outputs(x)
    seconds = time.perf_counter() - started
    write_arrays(out / "reference.npz", {"y": y.astype(np.int64)})
    say(f"{len(x)} vectors, {len(x) / max(seconds, 1e-9):,.0f} per second")
    return {"seconds": {"run": round(seconds, 4)}, "vectors": len(x)}
