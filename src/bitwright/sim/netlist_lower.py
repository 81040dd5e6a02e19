"""A linked netlist as a program: its cells in the order of their dependencies within a clock."""

from __future__ import annotations

from collections.abc import Iterable

from bitwright.sim import netlist_parts, netlist_parts_memory
from bitwright.sim.netlist_model import Netlist
from bitwright.sim.netlist_order import combinational_order, find_clock, find_drivers
from bitwright.sim.netlist_program import Draft, Program

PARTS = {**netlist_parts.PARTS, **netlist_parts_memory.PARTS}
"""What is known, by the name of the primitive."""


def lower(netlist: Netlist, inputs: Iterable[str]) -> tuple[Program, dict[str, list[int]]]:
    """Translate a linked netlist.

    Args:
        netlist: one clock, primitives only.
        inputs: the input ports that will be driven; every other one but the clock must not be read.

    Returns:
        The program, and the slots of each driven input and of each output port, least significant first.

    Raises:
        UnsupportedCellError: a primitive, or a use of one, that is not known.
        NetlistError: a combinational loop, several clocks, or an undriven net that is read.
    """
    for cell in netlist.cells:
        if cell.kind not in PARTS:
            raise cell.settings.unsupported("is not known")
    drivers = find_drivers(netlist)
    clock = find_clock(netlist, drivers)
    draft = Draft([None] * netlist.nets)
    slots = {name: [draft.slot() for _ in netlist.port(name).nets] for name in inputs if name != clock.port}
    for name, ports in slots.items():
        for net, slot in zip(netlist.port(name).nets, ports, strict=True):
            draft.drive(net, slot)
    parts = [PARTS[cell.kind](cell, draft) for cell in netlist.cells]
    for index in combinational_order(netlist, drivers, [part.feeds() for part in parts]):
        if index not in clock.buffers:
            parts[index].combine()
    for part in parts:
        part.clock()
    outputs = (port for port in netlist.ports if not port.is_input)
    slots |= {port.name: [draft.read(net, port.name) for net in port.nets] for port in outputs}
    return draft.finish(), slots
