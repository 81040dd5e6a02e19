"""make bench: speed measured, not asserted.  Prints Markdown; with --write puts it into docs/performance.md.

Every ratio compares two things measured in this one run.  Numbers of another machine differ.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from alkaid.types import CombLogic

from bitwright import __version__
from bitwright.config import load_target
from bitwright.files import read_json
from bitwright.network import load
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, random_rows
from bitwright.rtl.bundle import load_bundle
from bitwright.rtl.kernel import build
from bitwright.sim.emulation import Compiled, Emulation
from bitwright.sim.verilator import Bulk, SimBuild

ROOT = Path(__file__).parent.parent
JOB = ROOT / "build" / "jet3" / "vu13p_5ns"
PAGE = ROOT / "docs" / "performance.md"
START, END = "<!-- bench: start -->", "<!-- bench: end -->"


def timed(function: Callable[[], object], runs: int = 3) -> float:
    """Median seconds of a few runs after a warm-up."""
    function()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[len(seconds) // 2]


def command(*argv: str, env: dict[str, str] | None = None) -> tuple[float, float]:
    """Wall seconds and peak MB (largest process) of a command, by the operating system's account."""
    started = time.perf_counter()
    pid = os.posix_spawnp(argv[0], list(argv), {**os.environ, **(env or {})}, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ])  # fmt: skip
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"bench: {' '.join(argv)} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def flow_rows() -> list[tuple[str, str, str]]:
    """make fpga from an empty build folder, then again with nothing to do."""
    shutil.rmtree(JOB, ignore_errors=True)
    first, _ = command("make", "-C", str(ROOT), "fpga", "MODEL=jet3")
    again, _ = command("make", "-C", str(ROOT), "fpga", "MODEL=jet3")
    stages = {name: read_json(JOB / name / "stage.json") for name in
              ("import", "emulate", "reference", "emit", "verify", "synth", "report")}  # fmt: skip
    tools = stages["emulate"]["detail"]["seconds"]["g++"] + stages["verify"]["detail"]["seconds"]["build"]
    tools += stages["synth"]["detail"]["seconds"]["all of yosys"]
    total = sum(stage["seconds"] for stage in stages.values())
    peak = max(stage["peak_mb"] for stage in stages.values())
    rows = [
        ("make fpga MODEL=jet3, empty build folder", f"{first:.1f} s", "150 s or less"),
        (
            "  everything but g++, Verilator and Yosys (sum over stages)",
            f"{max(total - tools, 0):.1f} s",
            "20 s or less",
        ),
        ("make fpga MODEL=jet3, nothing to do", f"{again:.2f} s", "3 s or less"),
        ("peak memory of one process", f"{peak:,.0f} MB", "3,000 MB or less"),
    ]
    return rows + [(f"  stage {name}", f"{stage['seconds']:.2f} s", "") for name, stage in stages.items()]


def import_rows() -> list[tuple[str, str, str]]:
    """Package import, without TensorFlow."""
    python = str(ROOT / ".venv" / "bin" / "python")
    seconds = [command(python, "-c", "import bitwright.cli")[0] for _ in range(6)][1:]
    bare = [command(python, "-c", "pass")[0] for _ in range(6)][1:]
    return [
        (
            "import bitwright.cli (interpreter's own start taken off)",
            f"{min(seconds) - min(bare):.3f} s",
            "0.3 s or less",
        )
    ]


def vector_rows() -> list[tuple[str, str, str]]:
    """Vectors per second of each oracle on the same random jet3 vectors."""
    network = load(JOB / "import" / "network.json")
    x = random_rows(input_formats(network), 2_000_000, np.random.default_rng(5))
    reference = Reference(network)
    ref = len(x) / timed(lambda: reference.outputs(x))
    ints = len(x) / timed(lambda: Reference(network, threads=1).outputs(x))
    sim = JOB / "verify" / "sim"
    bundle = load_bundle(JOB / "emit" / "bundle.json")
    bulk = Bulk(SimBuild(sim, bundle, sim / bundle.shell.module, sim / "libbulk.so", 0.0))
    rtl = 500_000 / timed(lambda: bulk.outputs(x[:500_000]))
    emulator = Emulation(Compiled(JOB / "emulate" / f"{network.name}.so", JOB, network.name, 0.0), network)
    emulation = 10_000 / timed(lambda: emulator.outputs(x[:10_000]))
    alkaid = alkaid_rate(x[:200_000])
    rows = [("Python reference, 2 threads", ref, "2,000,000 or more"), ("Python reference, 1 thread", ints, ""),
            ("RTL in bulk (Verilator through ctypes), 2 threads", rtl, "100,000 or more"),
            ("alkaid's interpreter of the same kernel, 2 threads", alkaid, ""),
            ("hls4ml's C++ through ctypes", emulation, "")]  # fmt: skip
    return [(name, f"{rate:,.0f} /s ({rate / emulation:.1f} x hls4ml's C++)", bound) for name, rate, bound in rows]


def alkaid_rate(x: np.ndarray) -> float:
    """alkaid's own interpreter on the modules of the kernel, the first of which takes the inputs."""
    kernel = build(
        load(JOB / "import" / "network.json"), load_target(ROOT / "flows/targets/vu13p_5ns.yaml").depth_per_stage
    )
    seconds = 0.0
    rng = np.random.default_rng(1)
    for module in kernel.modules:
        logic: CombLogic = module.logic
        low, high, step = np.array(logic.inp_qint).T
        data = low + step * rng.integers(0, ((high - low) / step).astype(np.int64) + 1, size=(len(x), logic.shape[0]))
        seconds += timed(lambda data=data, logic=logic: logic.predict(data, n_threads=2), runs=1)
    return len(x) / seconds


def table(rows: list[tuple[str, str, str]]) -> list[str]:
    return ["| what | measured | must reach |", "|---|---|---|", *(f"| {a.strip()} | {b} | {c} |" for a, b, c in rows)]


def main() -> None:
    rows = import_rows() + flow_rows() + vector_rows()
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    machine = f"{os.cpu_count()} cores ({processor}), Python {platform.python_version()}"
    head = f"Measured by `make bench` with Bitwright {__version__}: {machine}."
    text = "\n".join([head, "", *table(rows)])
    print(text)
    if "--write" in sys.argv:
        page = PAGE.read_text()
        before, after = page.split(START)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
