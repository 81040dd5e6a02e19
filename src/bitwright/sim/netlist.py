"""The fifth oracle: a simulator of synthesized feed-forward netlists (Yosys JSON, Xilinx cells and some of others).

Every net is a waveform over all cycles, every cell is evaluated once, in the order of its dependencies;
a flip-flop is a delay.  Nothing is compiled, and nothing is shared with the RTL simulators.
Designs with state that goes round are for :mod:`bitwright.sim.netlist_clocked`.

    top = Netlist.from_json(Path("kernel/netlist.json"))
    whole = link(top, {"dense_1": Netlist.from_json(Path("dense_1/netlist.json"))})
    outputs = simulate(whole, {"data": ints_to_bits(vectors, widths)})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    initial,
    next_state,
)
from bitwright.sim.netlist_model import Cell, Net, Netlist, Port, link
from bitwright.sim.netlist_order import Step, data_nets, find_clock, find_drivers, find_order
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
    drivers = find_drivers(netlist)
    clock = find_clock(netlist, drivers)
    span = Span(_cycles(inputs, cycles))
    waves = _input_waves(netlist, inputs, clock.port, span)
    uses = _uses(netlist)
    for step in find_order(netlist, drivers):
        if clock.buffers.isdisjoint(step.gates):
            _take(step, netlist, waves, span)
            _forget(step, netlist, waves, uses)
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


def _uses(netlist: Netlist) -> list[int]:
    """How often each net is read, so that a wave can be dropped after its last reader."""
    uses = [0] * netlist.nets
    for cell in netlist.cells:
        for net in data_nets(cell):
            uses[net] += 1
    for port in netlist.ports:
        for bit in port.nets:
            if isinstance(bit, int) and not port.is_input:
                uses[bit] += 1
    return uses


def _take(step: Step, netlist: Netlist, waves: list[Wave | None], span: Span) -> None:
    """Compute the outputs of a step's cells."""
    if step.register is not None:
        _settle(step, netlist.cells[step.register], netlist, waves, span)
    for index in step.gates:
        _evaluate(netlist.cells[index], waves, span)


def _settle(step: Step, register: Cell, netlist: Netlist, waves: list[Wave | None], span: Span) -> None:
    """A flip-flop that depends on itself: find what each cycle makes of a 0 and of a 1, then of what it is."""
    (output,) = (net for net in register.pins["Q"] if isinstance(net, int))
    after = []
    for now in (span.zero, span.one):
        waves[output] = now
        for index in step.gates:
            _evaluate(netlist.cells[index], waves, span)
        after.append(next_state(register.settings, _pins(register, waves, span), now, span))
    waves[output] = span.state(after[0], after[1], initial(register.settings))


def _pins(cell: Cell, waves: Sequence[Wave | None], span: Span) -> dict[str, list[Wave]]:
    ignored = {CLOCK_PINS.get(cell.kind), *OUTPUT_PINS[cell.kind]}
    return {
        pin: [_read(waves, net, cell.name, span) for net in nets]
        for pin, nets in cell.pins.items()
        if pin not in ignored
    }


def _evaluate(cell: Cell, waves: list[Wave | None], span: Span) -> None:
    results = CELLS[cell.kind](cell.settings, _pins(cell, waves, span), span)
    for pin in OUTPUT_PINS[cell.kind]:
        for net, wave in zip(cell.pins.get(pin, ()), results[pin], strict=False):
            if isinstance(net, int):
                waves[net] = wave


def _forget(step: Step, netlist: Netlist, waves: list[Wave | None], uses: list[int]) -> None:
    """Drop every wave that nothing reads any more."""
    for index in step.gates if step.register is None else (*step.gates, step.register):
        cell = netlist.cells[index]
        for net in data_nets(cell):
            uses[net] -= 1
        for nets in cell.pins.values():
            for bit in nets:
                if isinstance(bit, int) and not uses[bit]:
                    waves[bit] = None


def _read(waves: Sequence[Wave | None], net: Net, reader: str, span: Span) -> Wave:
    if isinstance(net, int):
        wave = waves[net]
        if wave is not None:
            return wave
        raise NetlistError(f"the net {net} that {reader} reads has no driver, or is the clock", where=reader)
    if net in {"0", "1"}:
        return span.constant(net == "1")
    raise NetlistError(f"{reader} reads a bit that nothing drives ('{net}')", where=reader)
