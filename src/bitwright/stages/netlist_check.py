"""The fifth oracle: the mapped netlist of a design, simulated on vectors, against the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bitwright.eda.yosys import ModuleResult
from bitwright.files import read_arrays
from bitwright.network import load
from bitwright.report.records import OraclePair
from bitwright.rtl.bundle import Bundle, PortInfo, TopInfo
from bitwright.sim.compare import compare, not_run, output_formats
from bitwright.sim.netlist import Netlist, link, simulate
from bitwright.sim.netlist_cells import UnsupportedCellError
from bitwright.sim.netlist_clocked import StreamNetlist
from bitwright.sim.netlist_program import LANES
from bitwright.stages.job import Job

VECTORS = 20_000
"""At most."""

STREAM_STEPS = 1_000_000_000
"""Steps of the clocked simulator, a few seconds, beyond which fewer vectors are taken; one per lane at least."""

PATIENCE = 1000
"""Clocks without a beat, beside four times latency and interval, after which a design hangs."""

PAUSES = 3
"""Clocks that a beat takes at most, on average, where source and sink pause at random half of the time."""

Array = np.ndarray[Any, Any]


def check_netlist(job: Job, bundle: Bundle, results: Sequence[ModuleResult]) -> OraclePair:
    """The netlists of all modules, linked and simulated on the first vectors, against the reference.

    A bare kernel takes a vector per clock; a design of blocks is simulated clock by clock behind its streams, with
    sources and sinks of which some pause.

    Raises:
        MismatchError: the netlist of a design of blocks hangs.
    """
    x = read_arrays(job.stage("import") / "vectors.npz")["x"]
    y = read_arrays(job.stage("reference") / "reference.npz")["y"]
    network = load(job.stage("import") / "network.json")
    netlists = {result.top: Netlist.from_json(result.netlist) for result in results}
    try:
        expected, actual = (_stream if bundle.streams else _kernel)(bundle, netlists, x, y)
    except UnsupportedCellError as error:
        return not_run("reference", "netlist", error.what)
    columns = output_formats(network, network.outputs)
    return compare("reference", "netlist", expected, actual, columns, what="output")


# --- a design of blocks ------------------------------------------------------------------------


def _stream(bundle: Bundle, netlists: dict[str, Netlist], x: Array, y: Array) -> tuple[Array, Array]:
    """Expected and actual outputs of as many vectors as the time allows."""
    shell = bundle.shell
    design = StreamNetlist(link(netlists.pop(shell.module), netlists), shell.input, shell.output)
    count = stream_vectors(shell, design.size)
    return y[:count], design.outputs(x[:count], PATIENCE + 4 * (shell.latency + shell.ii))


def stream_vectors(shell: TopInfo, steps: int) -> int:
    """How many vectors to simulate of a design that takes so many steps per clock: whole rounds of all lanes."""
    clocks = STREAM_STEPS // max(steps, 1) - shell.latency
    rounds = clocks // (PAUSES * max(shell.ii, shell.input.beats, shell.output.beats))
    return LANES * min(max(rounds, 1), VECTORS // LANES)


# --- a bare kernel -----------------------------------------------------------------------------


def _kernel(bundle: Bundle, netlists: dict[str, Netlist], x: Array, y: Array) -> tuple[Array, Array]:
    """Expected and actual outputs, one vector per clock."""
    x, y = x[:VECTORS], y[:VECTORS]
    top = netlists.pop(bundle.kernel.module)
    netlists.pop(bundle.shell.module)
    cycles = len(x) + bundle.kernel.latency + 1
    inputs = {
        "rst": np.zeros(cycles, dtype=np.uint8),
        "in_valid": (np.arange(cycles) < len(x)).astype(np.uint8),
        "in_data": _bits(x, bundle.kernel.input, cycles),
    }
    outputs = simulate(link(top, netlists), inputs, cycles)
    valid = np.asarray(outputs["out_valid"]).ravel().astype(bool)
    return y, _numbers(np.asarray(outputs["out_data"]), bundle.kernel.output)[valid]


def _bits(x: Array, port: PortInfo, cycles: int) -> Array:
    """Raw rows as bits (cycles, width), the lowest first."""
    bits = np.zeros((cycles, port.width), dtype=np.uint8)
    for column, element in enumerate(port.elements):
        shifts = np.arange(element.width, dtype=np.int64)
        bits[: len(x), element.lsb : element.lsb + element.width] = (x[:, column, None] >> shifts) & 1
    return bits


def _numbers(bits: Array, port: PortInfo) -> Array:
    """Bits (cycles, width) as raw rows."""
    columns = []
    for element in port.elements:
        part = bits[:, element.lsb : element.lsb + element.width].astype(np.int64)
        value = part @ (1 << np.arange(element.width, dtype=np.int64))
        negative = element.signed & (part[:, -1] == 1)
        columns.append(np.where(negative, value - (1 << element.width), value))
    return np.stack(columns, axis=1)
