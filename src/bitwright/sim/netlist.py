"""The fifth oracle: a simulator of synthesized feed-forward netlists (Yosys JSON, Xilinx cells).

Every net is a waveform over all cycles, every cell is evaluated once, in the order of its dependencies;
a flip-flop is a delay.  Nothing is compiled, and nothing is shared with the RTL simulators.

    top = Netlist.from_json(Path("kernel/netlist.json"))
    whole = link(top, {"dense_1": Netlist.from_json(Path("dense_1/netlist.json"))})
    outputs = simulate(whole, {"data": ints_to_bits(vectors, widths)})
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import UsageError, nearest
from bitwright.sim.netlist_cells import (
    CELLS,
    CLOCK_PINS,
    OUTPUT_PINS,
    NetlistError,
    UnsupportedCellError,
)
from bitwright.sim.netlist_model import Cell, Net, Netlist, Port, link
from bitwright.sim.netlist_waves import Bits, Span, Wave, bits_to_ints, ints_to_bits

__all__ = [
    "Cell",
    "Netlist",
    "NetlistError",
    "Port",
    "UnsupportedCellError",
    "bits_to_ints",
    "ints_to_bits",
    "link",
    "simulate",
]

CLOCK_BUFFERS = frozenset({"BUF", "BUFG", "IBUF"})
SHOWN = 8


def simulate(
    netlist: Netlist, inputs: Mapping[str, npt.ArrayLike], cycles: int | None = None
) -> dict[str, npt.NDArray[np.uint8]]:
    """Run a netlist from its initial state.

    The inputs of cycle t are the values just before the clock edge that ends it; the outputs of cycle t are the
    values at that moment.  A registered copy of an input thus shows the value of cycle t - 1.

    Args:
        netlist: linked; only primitives that :data:`bitwright.sim.netlist_cells.CELLS` knows.
        inputs: for every input port but the clock: bits of shape (cycles, width), least significant first (see
            :func:`ints_to_bits`); or integers of shape (cycles,) for at most 64 bits; or one integer for always.
        cycles: number of cycles; that of the arrays by default.

    Returns:
        Bits of shape (cycles, width) of every output port; :func:`bits_to_ints` makes integers of them.

    Raises:
        UsageError: inputs that are missing, unknown or of a wrong shape.
        UnsupportedCellError: a primitive that is not known.
        NetlistError: a combinational loop, feedback through registers, several clocks, or an undriven net.
    """
    for cell in netlist.cells:
        if cell.kind not in CELLS:
            raise cell.settings.unsupported("is not a cell of feed-forward logic")
    drivers = _drivers(netlist)
    clock = _clock(netlist, drivers)
    span = Span(_cycles(inputs, cycles))
    waves = _input_waves(netlist, inputs, clock.port, span)
    uses = _uses(netlist)
    for index in _order(netlist, drivers):
        if index not in clock.buffers:
            _evaluate(netlist.cells[index], waves, uses, span)
    outputs = [port for port in netlist.ports if not port.is_input]
    return {port.name: span.unpack([_read(waves, net, port.name, span) for net in port.nets]) for port in outputs}


def _cycles(inputs: Mapping[str, npt.ArrayLike], cycles: int | None) -> int:
    lengths = {len(array) for array in map(np.asarray, inputs.values()) if array.ndim}
    if cycles is not None:
        lengths.add(cycles)
    if len(lengths) != 1:
        raise UsageError(
            f"the inputs of a simulation last {sorted(lengths) or 'no'} cycles",
            hint="give every port the same number of cycles, at least one",
        )
    return lengths.pop()


def _input_waves(
    netlist: Netlist, inputs: Mapping[str, npt.ArrayLike], clock: str | None, span: Span
) -> list[Wave | None]:
    wanted = {port.name: port for port in netlist.ports if port.is_input and port.name != clock}
    for name in inputs:
        if name not in wanted:
            reason = "is the clock" if name == clock else "is no input"
            raise UsageError(f"'{name}' {reason} of {netlist.name}", hint=nearest(name, wanted))
    waves: list[Wave | None] = [None] * netlist.nets
    for name, port in wanted.items():
        if name not in inputs:
            raise UsageError(f"the input '{name}' of {netlist.name} gets no values")
        bits = _input_bits(name, np.asarray(inputs[name]), len(port.nets), span)
        for net, wave in zip(port.nets, span.pack(bits), strict=True):
            if isinstance(net, int):
                waves[net] = wave
    return waves


def _input_bits(name: str, values: npt.NDArray[Any], width: int, span: Span) -> Bits:
    if values.ndim == 2:
        if values.shape[1] != width:
            raise UsageError(f"the input '{name}' has {width} bits, its values have {values.shape[1]}")
        return values.astype(np.uint8, copy=False)
    if width > 64:
        raise UsageError(f"the input '{name}' has {width} bits: give it an array of bits, not of integers")
    return ints_to_bits(np.broadcast_to(values, (span.cycles,))[:, None].astype(np.int64), (width,))


def _drivers(netlist: Netlist) -> dict[Net, int]:
    """Index of the cell that drives each net."""
    drivers: dict[Net, int] = {}
    for index, cell in enumerate(netlist.cells):
        for pin in OUTPUT_PINS[cell.kind]:
            for net in cell.pins.get(pin, ()):
                if net in drivers:
                    other = netlist.cells[drivers[net]].name
                    raise NetlistError(f"a net is driven by both {other} and {cell.name}", where=netlist.name)
                if isinstance(net, int):
                    drivers[net] = index
    return drivers


@dataclass(frozen=True, slots=True)
class _Clock:
    """The input port that clocks every sequential cell (None in combinational logic), and the buffers behind it."""

    port: str | None
    buffers: frozenset[int]


def _clock(netlist: Netlist, drivers: Mapping[Net, int]) -> _Clock:
    edges: dict[tuple[Net, int], str] = {}
    buffers: set[int] = set()
    for cell in netlist.cells:
        pin = CLOCK_PINS.get(cell.kind)
        if pin is not None:
            source = _through_buffers(netlist, drivers, cell.pins[pin][0], buffers)
            edges.setdefault((source, cell.settings.number(f"IS_{pin}_INVERTED")), cell.name)
    if len(edges) > 1:
        raise NetlistError(
            f"not all cells have the same clock edge: see {' and '.join(list(edges.values())[:2])}", where=netlist.name
        )
    return _Clock(next((_clock_port(netlist, net, name) for (net, _), name in edges.items()), None), frozenset(buffers))


def _clock_port(netlist: Netlist, net: Net, reader: str) -> str:
    for port in netlist.ports:
        if port.is_input and net in port.nets:
            return port.name
    raise NetlistError(f"the clock of {reader} is no input port", where=netlist.name)


def _through_buffers(netlist: Netlist, drivers: Mapping[Net, int], net: Net, buffers: set[int]) -> Net:
    """The net before all clock buffers; those are added to ``buffers``."""
    while net in drivers and netlist.cells[drivers[net]].kind in CLOCK_BUFFERS:
        buffers.add(drivers[net])
        net = netlist.cells[drivers[net]].pins["I"][0]
    return net


def _data_nets(cell: Cell) -> Iterable[int]:
    """Nets that the cell's outputs depend on, clocks apart."""
    ignored = {CLOCK_PINS.get(cell.kind), *OUTPUT_PINS[cell.kind]}
    for pin, nets in cell.pins.items():
        if pin not in ignored:
            yield from (net for net in nets if isinstance(net, int))


def _order(netlist: Netlist, drivers: Mapping[Net, int]) -> list[int]:
    """Indices of the cells, each after everything they depend on (Kahn's algorithm)."""
    waiting = [0] * len(netlist.cells)
    readers: list[list[int]] = [[] for _ in netlist.cells]
    for index, cell in enumerate(netlist.cells):
        for source in {drivers[net] for net in _data_nets(cell) if net in drivers}:
            waiting[index] += 1
            readers[source].append(index)
    ready = deque(index for index, count in enumerate(waiting) if count == 0)
    order: list[int] = []
    while ready:
        index = ready.popleft()
        order.append(index)
        for reader in readers[index]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    if len(order) < len(netlist.cells):
        raise _loop(netlist, drivers, waiting)
    return order


def _loop(netlist: Netlist, drivers: Mapping[Net, int], waiting: Sequence[int]) -> NetlistError:
    """The error that names the cells of one loop: walk backwards among the cells that never became ready."""
    index = next(index for index, count in enumerate(waiting) if count)
    seen: dict[int, int] = {}
    path: list[int] = []
    while index not in seen:
        seen[index] = len(path)
        path.append(index)
        index = next(drivers[n] for n in _data_nets(netlist.cells[index]) if n in drivers and waiting[drivers[n]])
    cells = [netlist.cells[i] for i in reversed(path[seen[index] :])]
    registers = any(cell.kind in CLOCK_PINS for cell in cells)
    what = "feedback through registers" if registers else "a combinational loop"
    names = " -> ".join(f"{cell.name} ({cell.kind})" for cell in cells[:SHOWN])
    more = f" -> {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    return NetlistError(
        f"the netlist has {what}: {names}{more}",
        where=netlist.name,
        hint="only feed-forward netlists can be simulated so: choose the bare kernel",
    )


def _uses(netlist: Netlist) -> list[int]:
    """How often each net is read, so that a wave can be dropped after its last reader."""
    uses = [0] * netlist.nets
    for cell in netlist.cells:
        for net in _data_nets(cell):
            uses[net] += 1
    for port in netlist.ports:
        for bit in port.nets:
            if isinstance(bit, int) and not port.is_input:
                uses[bit] += 1
    return uses


def _evaluate(cell: Cell, waves: list[Wave | None], uses: list[int], span: Span) -> None:
    outputs = OUTPUT_PINS[cell.kind]
    clock = CLOCK_PINS.get(cell.kind)
    pins = {
        pin: [_read(waves, net, cell.name, span) for net in nets]
        for pin, nets in cell.pins.items()
        if pin not in outputs and pin != clock
    }
    results = CELLS[cell.kind](cell.settings, pins, span)
    for pin in outputs:
        for net, wave in zip(cell.pins.get(pin, ()), results[pin], strict=False):
            if isinstance(net, int) and uses[net]:
                waves[net] = wave
    for used in _data_nets(cell):
        uses[used] -= 1
        if not uses[used]:
            waves[used] = None


def _read(waves: Sequence[Wave | None], net: Net, reader: str, span: Span) -> Wave:
    if isinstance(net, int):
        wave = waves[net]
        if wave is not None:
            return wave
        raise NetlistError(f"the net {net} that {reader} reads has no driver, or is the clock", where=reader)
    if net in {"0", "1"}:
        return span.constant(net == "1")
    raise NetlistError(f"{reader} reads a bit that nothing drives ('{net}')", where=reader)
