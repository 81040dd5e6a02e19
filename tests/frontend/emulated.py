"""Imported models against hls4ml's C++: compiled, run on all vectors, compared with the reference bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import interpret
import numpy as np

from bitwright.files import read_arrays
from bitwright.network import load
from bitwright.network.layers import Network
from bitwright.network.reference import Reference
from bitwright.rtl.kernel import build
from bitwright.sim.compare import output_formats, to_raw
from bitwright.sim.diagnose import diagnose_emulation
from bitwright.sim.emulation import Emulation, compile_project


@dataclass(frozen=True)
class Case:
    """One imported model; ``problem`` says how its C++ differs from the reference, empty if it does not."""

    network: Network
    problem: str
    bits: int


def call(script: str, *words: str | Path) -> None:
    """Run a script of this folder in a process of its own: it loads TensorFlow."""
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]  # networks.py and its like
    env = {**os.environ, "PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(paths)}
    argv = [sys.executable, str(Path(__file__).parent / script), *map(str, words)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def import_files(folder: Path, files: Sequence[Path], vectors: int) -> list[Path]:
    """Model files through the import worker, in one process; a folder for each, for :func:`emulate`."""
    folders = [folder / f"model{number}" for number in range(len(files))]
    common = {"name": "net", "part": "xcvu13p-flga2577-2-e", "clock_ns": 5, "random": vectors}
    requests = [
        {**common, "model": str(path), "out": str(own / "import")} for path, own in zip(files, folders, strict=True)
    ]
    (folder / "requests.json").write_text(json.dumps(requests), encoding="utf-8")
    call("import_many.py", folder / "requests.json")
    return folders


def emulate(folder: Path) -> Case:
    """Compile the import in ``folder``/import and compare it with the reference."""
    for name in ("error.json", "crash.txt"):
        if (folder / name).is_file():
            return Case(Network("none", (), ()), (folder / name).read_text(), 0)
    network = load(folder / "import" / "network.json")
    x = read_arrays(folder / "import" / "vectors.npz")["x"]
    compiled = compile_project((folder / "import" / "hls").resolve(), network.name, folder.resolve())
    model, evaluator = Emulation(compiled, network), Reference(network)
    expected = evaluator.layers(x, list(model.outputs_of))
    joined = np.concatenate([expected[name] for name in model.outputs_of], axis=1)
    columns = output_formats(network, model.outputs_of)
    outputs = model.outputs(x)
    wrong = int((joined != to_raw(outputs, columns)).any(axis=1).sum())
    first = diagnose_emulation(evaluator, compiled.library, x, outputs) if wrong else None
    problem = f"{wrong} of {len(x)} vectors differ; first: {first}" if wrong else ""
    return Case(network, problem, len(x) * sum(fmt.width for _, _, fmt in columns))


def emulate_all(folders: Sequence[Path]) -> list[Case]:
    """Several at once, two compilers side by side."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(emulate, folders))


def kernel_differs(folder: Path, depth: float = 5.0) -> int:
    """On how many of the first 200 vectors of ``folder`` the parallel kernel gives other bits than the reference."""
    network = load(folder / "import" / "network.json")
    x = read_arrays(folder / "import" / "vectors.npz")["x"][:200]
    return int((interpret.outputs(build(network, depth), x) != Reference(network).outputs(x)).any(axis=1).sum())
