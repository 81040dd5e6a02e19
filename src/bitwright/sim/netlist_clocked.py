"""The fifth oracle for designs with state: their synthesized netlist, clock by clock, 64 lanes at a time.

The netlist becomes a flat program (netlist_lower.py) that a small interpreter in C++ runs (netlist_clocked.cpp,
compiled once per machine).  Each lane is a design of its own with its own sequence of inputs: 64 cost what one costs.

    design = StreamNetlist(link(top, parts), bundle.shell.input, bundle.shell.output)
    outputs = design.outputs(vectors, patience=10_000)
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.eda import process
from bitwright.errors import MismatchError, ToolNotFoundError, UsageError
from bitwright.files import cache_folder, whole_file
from bitwright.rtl.bundle import PortInfo
from bitwright.sim.library import load_library
from bitwright.sim.netlist_lower import lower
from bitwright.sim.netlist_model import Netlist
from bitwright.sim.netlist_program import LANES, Program, Words
from bitwright.sim.netlist_waves import bits_to_ints, ints_to_bits

FLAGS = ("-O3", "-fPIC", "-shared", "-std=c++17")
SOURCE = "netlist_clocked.cpp"

GAPS = 0xAAAA_AAAA_AAAA_AAAA
"""Lanes whose source pauses at random: every second one."""
STALLS = 0xCCCC_CCCC_CCCC_CCCC
"""Lanes whose sink pauses at random: two of every four, so that all four combinations occur."""
SEED = 0x9E37_79B9_7F4A_7C15

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]


class _Machine(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("steps", "registers", "writes", "operands", "slots", "memory")),
        *((name, ctypes.c_int64) for name in ("step_count", "register_count", "write_count")),
    )


class _Stream(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("in_data", "out_data", "inputs", "outputs")),
        *((name, ctypes.c_void_p) for name in ("to_send", "to_receive", "received")),
        *((name, ctypes.c_int64) for name in ("in_beats", "out_beats")),
        *((name, ctypes.c_uint64) for name in ("gaps", "stalls", "seed")),
        ("patience", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("reset", "in_valid", "in_ready", "out_valid", "out_ready")),
        *((name, ctypes.c_int32) for name in ("in_width", "out_width")),
    )


def trace(netlist: Netlist, inputs: Mapping[str, Words], clocks: int) -> dict[str, Words]:
    """Run a netlist from its initial state with given inputs.

    Args:
        netlist: linked.
        inputs: for every input port but the clock: words of shape (clocks, width), bit l of a word for lane l.
        clocks: clock edges.

    Returns:
        Words of every output port of shape (clocks, width), as they are just before the edge that ends each clock.

    Raises:
        UsageError: inputs that are missing or of a wrong shape.
        UnsupportedCellError, NetlistError: as :func:`bitwright.sim.netlist_lower.lower`.
    """
    for name, words in inputs.items():
        if words.shape != (clocks, len(netlist.port(name).nets)):
            raise UsageError(f"the input '{name}' of {netlist.name} got words of shape {words.shape}")
    program, slots = lower(netlist, inputs)
    outputs = [port for port in netlist.ports if not port.is_input]
    stimulus = np.concatenate([np.zeros((clocks, 0), np.uint64), *inputs.values()], axis=1).astype(np.uint64)
    places = np.array([slot for name in inputs for slot in slots[name]], dtype=np.int32)
    seen = np.array([slot for port in outputs for slot in slots[port.name]], dtype=np.int32)
    record = np.zeros((clocks, len(seen)), dtype=np.uint64)
    machine, _keep = _machine(program)
    _library().netlist_trace(
        ctypes.byref(machine), ctypes.c_int64(clocks), _at(places), ctypes.c_int64(len(places)), _at(stimulus),
        _at(seen), ctypes.c_int64(len(seen)), _at(record),
    )  # fmt: skip
    edges = np.cumsum([len(port.nets) for port in outputs])[:-1]
    return dict(zip((port.name for port in outputs), np.split(record, edges, axis=1), strict=True))


class StreamNetlist:
    """A linked netlist with AXI4-Stream ports ``s_axis`` and ``m_axis``, ready to run.

    Raises:
        UnsupportedCellError, NetlistError: as :func:`bitwright.sim.netlist_lower.lower`.
    """

    def __init__(self, netlist: Netlist, source: PortInfo, sink: PortInfo) -> None:
        self._name, self._source, self._sink = netlist.name, source, sink
        self._program, self._slots = lower(netlist, ("rst", "s_axis_tvalid", "m_axis_tready", source.name))

    @property
    def size(self) -> int:
        """Steps that one clock takes, for all lanes together."""
        return self._program.size

    def outputs(self, x: Ints, patience: int) -> Ints:
        """Raw outputs (rows, elements) for raw inputs (rows, elements), the rows dealt out to the lanes.

        A lane sends its inferences back to back; some sources and sinks pause at random (see :data:`GAPS`).

        Args:
            x: raw inputs, elements of whole tensors.
            patience: clocks without any beat after which the netlist hangs.

        Raises:
            MismatchError: it hangs, or gives more than it was asked.
        """
        rows = np.array([len(x[lane::LANES]) for lane in range(LANES)], dtype=np.int64)
        deep = int(rows.max(initial=0))
        sent = _beats(x, self._source, deep)
        came = np.zeros((LANES, deep * self._sink.beats, self._sink.width), dtype=np.uint8)
        received = np.zeros(LANES, dtype=np.int64)
        expected = rows * self._sink.beats
        clocks = self._run(sent, came, rows * self._source.beats, expected, received, patience)
        if clocks < 0 or (received > expected).any():
            lane = int(np.argmax(received != expected))
            what = "stopped giving outputs" if clocks < 0 else "gives more outputs than it got inputs"
            raise MismatchError(
                f"the simulated netlist {what}: {received[lane]} of {expected[lane]} beats came for the vectors "
                f"{lane}, {lane + LANES} ...",
                where=self._name, hint="compare the netlist with the RTL that the verify stage simulates",
            )  # fmt: skip
        return _rows(came, self._sink)[: len(x)]

    def _run(self, sent: Bits, came: Bits, to_send: Ints, expected: Ints, received: Ints, patience: int) -> int:
        machine, _keep = _machine(self._program)
        single = {
            name: self._slots[port][0]
            for name, port in (
                ("reset", "rst"), ("in_valid", "s_axis_tvalid"), ("in_ready", "s_axis_tready"),
                ("out_valid", "m_axis_tvalid"), ("out_ready", "m_axis_tready"),
            )
        }  # fmt: skip
        ports = [np.array(self._slots[port.name], dtype=np.int32) for port in (self._source, self._sink)]
        arrays: list[npt.NDArray[Any]] = [*ports, sent, came, to_send, expected, received]
        stream = _Stream(
            *map(_at, arrays), in_beats=sent.shape[1], out_beats=came.shape[1], gaps=GAPS, stalls=STALLS, seed=SEED,
            patience=patience, in_width=sent.shape[2], out_width=came.shape[2], **single,
        )  # fmt: skip
        return int(_library().netlist_stream(ctypes.byref(machine), ctypes.byref(stream)))


# --- vectors and beats -------------------------------------------------------------------------


def _order(port: PortInfo) -> npt.NDArray[np.int64]:
    """Columns of whole tensors by beat and element, (beats, elements)."""
    columns = np.array(port.columns, dtype=np.int64)
    return columns[:, 0] + np.arange(port.beats)[:, None] * columns[:, 1]


def _beats(x: Ints, port: PortInfo, deep: int) -> Bits:
    """Rows as bits (lanes, beats, width): row r is number ``r // LANES`` of lane ``r % LANES``."""
    whole = np.zeros((deep * LANES, x.shape[1]), dtype=np.int64)
    whole[: len(x)] = x
    values = whole[:, _order(port)].reshape(deep * LANES * port.beats, len(port.elements))
    bits = np.zeros((len(values), port.width), dtype=np.uint8)
    bits[:, _places(port)] = ints_to_bits(values, [element.width for element in port.elements])
    by_lane = bits.reshape(deep, LANES, port.beats, port.width).swapaxes(0, 1)
    return np.ascontiguousarray(by_lane).reshape(LANES, deep * port.beats, port.width)


def _rows(bits: Bits, port: PortInfo) -> Ints:
    """Inverse of :func:`_beats`."""
    deep = bits.shape[1] // port.beats
    by_row = bits.reshape(LANES, deep, port.beats, port.width).swapaxes(0, 1)
    used = by_row.reshape(-1, port.width)[:, _places(port)]
    signs = [element.signed for element in port.elements]
    values = bits_to_ints(used, [element.width for element in port.elements], signed=signs)
    order = _order(port)
    rows = np.zeros((deep * LANES, order.size), dtype=np.int64)
    rows[:, order] = values.reshape(deep * LANES, port.beats, len(port.elements))
    return rows


def _places(port: PortInfo) -> list[int]:
    """Bits of the port that carry elements, element by element."""
    return [bit for e in port.elements for bit in range(e.lsb, e.lsb + e.width)]


# --- the interpreter ---------------------------------------------------------------------------


def _at(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _machine(program: Program) -> tuple[_Machine, Sequence[npt.NDArray[Any]]]:
    """A machine in its initial state, and what must live as long as it."""
    slots, memory = program.slots.copy(), program.memory.copy()
    arrays: list[npt.NDArray[Any]] = [program.steps, program.registers, program.writes, program.operands, slots, memory]
    counts = (len(program.steps), len(program.registers), len(program.writes))
    return _Machine(*map(_at, arrays), *counts), arrays


@cache
def _library() -> ctypes.CDLL:
    """The interpreter; compiled where this source, compiler and machine have not met before.

    Raises:
        ToolNotFoundError: no g++.  ToolFailedError: it failed.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise ToolNotFoundError("g++ is not installed", hint="install a C++17 compiler, such as Debian's g++")
    source = resources.files("bitwright.sim") / SOURCE
    identity = f"{process.first_line([compiler, '--version'])} {platform.machine()} {FLAGS} {source.read_text()}"
    kept = cache_folder() / "netlist" / f"clocked-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.so"
    with tempfile.TemporaryDirectory() as folder, resources.as_file(source) as file:
        built = Path(folder) / "clocked.so"
        if not kept.is_file():
            process.run(
                [compiler, *FLAGS, str(file), "-o", str(built)], cwd=Path(folder), log=Path(folder) / "gpp.log",
                timeout_s=600, tool="g++", version="", what="compiling the netlist simulator",
            )  # fmt: skip
            with contextlib.suppress(OSError), whole_file(kept) as part:  # a cache: doing without is no fault
                shutil.copyfile(built, part)
        library = load_library(built if built.is_file() else kept, "netlist_stream")
    library.netlist_stream.restype = ctypes.c_int64
    return library
