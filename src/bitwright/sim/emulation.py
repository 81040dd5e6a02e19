"""hls4ml's C++ on the CPU (C simulation): compiled once with g++, driven through ctypes.

The project's bridge takes and gives doubles; hls4ml's own trace functions give every layer.
"""

from __future__ import annotations

import ctypes
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.eda import process
from bitwright.errors import ToolNotFoundError
from bitwright.fixed import to_float
from bitwright.network import Network
from bitwright.sim.library import load_library

FLAGS = ("-O1", "-std=c++17", "-fPIC", "-fno-gnu-unique", "-w")
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled HLS project."""

    library: Path
    project: Path
    name: str
    seconds: float


def compile_project(project: Path, name: str, out: Path, timeout_s: float = 1800) -> Compiled:
    """Compile firmware and bridge into one shared library in the existing folder ``out``.

    Raises:
        ToolNotFoundError: no g++.  ToolFailedError: it failed, with the log's tail.
    """
    if shutil.which("g++") is None:
        raise ToolNotFoundError("g++ is not installed", hint="install a C++17 compiler, such as Debian's g++")
    library = out / f"{name}.so"
    weights = project / "firmware" / "weights"
    argv = [
        "g++", *FLAGS, f'-DWEIGHTS_DIR="{weights}"', "-Ifirmware/ap_types/", "-shared",
        f"firmware/{name}.cpp", f"{name}_bridge.cpp", "-o", str(library),
    ]  # fmt: skip
    run = process.run(
        argv,
        cwd=project,
        log=out / "gpp.log",
        timeout_s=timeout_s,
        tool="g++",
        version="",
        what="compiling the HLS C++",
    )
    return Compiled(library, project, name, run.seconds)


class _TraceData(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("data", ctypes.c_void_p))


class Emulation:
    """The C++ of one project, for vectors of raw inputs."""

    def __init__(self, compiled: Compiled, network: Network) -> None:
        self._library = load_library(compiled.library, f"{compiled.name}_double")
        self._function = getattr(self._library, f"{compiled.name}_double")
        self._network = network
        self._heads = network.heads

    @property
    def outputs_of(self) -> tuple[str, ...]:
        """The layers whose values the C++ gives: an argmax head of ours is not in it."""
        return self._heads

    def _inputs(self, x: Ints) -> list[Floats]:
        parts, start = [], 0
        for layer in self._network.inputs:
            parts.append(np.ascontiguousarray(to_float(x[:, start : start + layer.size], layer.result.fraction)))
            start += layer.size
        return parts

    def outputs(self, x: Ints) -> Floats:
        """Numbers (rows, elements) that the C++ computes for raw inputs (rows, elements)."""
        inputs = self._inputs(x)
        outs = [np.zeros((len(x), self._network.layer(name).size)) for name in self._heads]
        arrays = inputs + outs
        strides = [array.strides[0] for array in arrays]
        bases = [array.ctypes.data for array in arrays]
        for row in range(len(x)):
            self._function(*(ctypes.c_void_p(base + row * stride) for base, stride in zip(bases, strides, strict=True)))
        return np.concatenate(outs, axis=1)

    def layers(self, x: Ints) -> dict[str, Floats]:
        """Every traced layer's numbers for ONE vector ``x`` (1, elements), by hls4ml's layer name."""
        names = [layer.name for layer in self._network.layers]
        sizes = {layer.name: layer.size for layer in self._network.layers}
        self._library.allocate_trace_storage(ctypes.c_size_t(ctypes.sizeof(ctypes.c_double)))
        try:
            self.outputs(x[:1])
            records = (_TraceData * (2 * len(names)))()
            self._library.collect_trace_output(records)
            return {name: values for name, values in (_traced(record, sizes) for record in records) if name in sizes}
        finally:
            self._library.free_trace_storage()


def _traced(record: Any, sizes: dict[str, int]) -> tuple[str, Floats]:
    name = record.name.decode() if record.name else ""
    if name not in sizes or not record.data:
        return "", np.zeros(0)
    pointer = ctypes.cast(record.data, ctypes.POINTER(ctypes.c_double))
    return name, np.ctypeslib.as_array(pointer, (sizes[name],)).copy()
