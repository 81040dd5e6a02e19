"""Stage 1, import: the model to a Network, an HLS project, test vectors and Keras outputs.

The work is done by a process of its own, the only one that loads TensorFlow; it looks at the file before
that, so that most errors come within a second.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from bitwright.eda import process
from bitwright.errors import BitwrightError, ModelError, error_from_dict
from bitwright.files import digest, read_arrays, read_json, write_arrays, write_json
from bitwright.frontend.request import ImportRequest, TraceRequest
from bitwright.network import Network
from bitwright.stages.job import Job
from bitwright.stages.runner import Say

TIMEOUT_S = 1800.0

Floats = npt.NDArray[np.float64]


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Import the model into ``out``."""
    data = {key: value for key, value in job.request("import").items() if key != "digests"}
    request = ImportRequest.model_validate({**data, "out": str(out.resolve())})
    say(f"{request.model.name}: looking at it, then loading TensorFlow")
    run_worker("worker", request, request.model, out)
    write_json(out / "project.json", tree_digest(out / "hls"))
    summary: dict[str, Any] = read_json(out / "import.json")
    say(f"{summary['flavour']} {summary['keras_version']}; {summary['vectors']} vectors, {summary['real']} real")
    return {"seconds": summary["seconds"]}


def keras_layers(job: Job, network: Network, x: npt.NDArray[np.int64], folder: Path) -> dict[str, Floats]:
    """What Keras gives in each layer that it knows, (rows, elements) by layer, for raw vectors ``x``."""
    asked = job.request("import")
    write_arrays(folder / "x.npz", {"x": x})
    request = TraceRequest(
        model=asked["model"], weights=asked["weights"], whole=asked["head"] == "model",
        network=(job.stage("import") / "network.json").resolve(), vectors=(folder / "x.npz").resolve(),
        out=folder.resolve(),
    )  # fmt: skip
    run_worker("trace", request, request.model, folder)
    found = read_arrays(folder / "keras_layers.npz")
    return {layer.name: found[layer.name] for layer in network.layers if layer.name in found}


def layer_coverage() -> list[dict[str, Any]]:
    """The rows of :mod:`bitwright.frontend.coverage`, made in a process that loads hls4ml.

    Raises:
        ToolFailedError: that process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "coverage.log"
        process.run(
            [sys.executable, "-m", "bitwright.frontend.coverage", str(Path(folder) / "rows.json")], cwd=Path(folder),
            log=log, timeout_s=TIMEOUT_S, tool="hls4ml", version="", what="listing its layers",
        )  # fmt: skip
        rows: list[dict[str, Any]] = read_json(Path(folder) / "rows.json")
    return rows


def run_worker(module: str, asked: BaseModel, model: Path, out: Path) -> None:
    """Run the module of ``frontend/`` that is asked for in a process of its own, the only sort that loads TensorFlow.

    Args:
        module: its name.
        asked: the request, which it finds as a file.
        model: what it reads, for messages.
        out: the folder that it writes into; its log is ``import.log`` there.

    Raises:
        BitwrightError: what the worker says was wrong, or that it died.
    """
    request = out.resolve() / "request.json"
    request.write_text(asked.model_dump_json(), encoding="utf-8")
    env = {**os.environ, "PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = process.run(
        [sys.executable, "-m", f"bitwright.frontend.{module}", str(request)], cwd=out, log=out / "import.log",
        timeout_s=TIMEOUT_S, env=env, tool="import worker", version="", what="importing the model", check=False,
    )  # fmt: skip
    request.unlink()
    error = out / "error.json"
    if error.is_file():
        raise error_from_dict(read_json(error))
    if run.exit_code == -signal.SIGALRM:
        raise ModelError("damaged: reading it does not end", where=str(model), hint="copy it again")
    if run.exit_code < 0:
        raise process.failure(run, "importing the model")
    if run.exit_code != 0:
        raise BitwrightError(
            f"the import worker ended with code {run.exit_code}; its log ends with:\n{process.tail(run.log)}",
            where=str(run.log),
            hint="this is a fault of bitwright; please report it with that log",
        )


def tree_digest(folder: Path) -> dict[str, str]:
    """One digest for the sources of the HLS project (weights and C++; headers of hls4ml included)."""
    sha = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".h", ".cpp", ".txt"):
            sha.update(str(path.relative_to(folder)).encode() + digest(path).encode())
    return {"hls": sha.hexdigest()}
