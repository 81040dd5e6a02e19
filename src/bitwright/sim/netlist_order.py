"""In which order the cells of a netlist can be evaluated, and what clocks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bitwright.sim.netlist_cells import CLOCK_PINS, OUTPUT_PINS, NetlistError
from bitwright.sim.netlist_model import Cell, Net, Netlist

CLOCK_BUFFERS = frozenset({"BUF", "BUFG", "IBUF"})
OWN_STATE = frozenset({"FDRE", "FDSE"})
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Step:
    """Cells (by index) to evaluate next: one, or the gates around one flip-flop that depends on itself."""

    gates: tuple[int, ...]
    register: int | None = None


def data_nets(cell: Cell) -> Iterable[int]:
    """Nets that the cell's outputs depend on, clocks apart."""
    ignored = {CLOCK_PINS.get(cell.kind), *OUTPUT_PINS[cell.kind]}
    for pin, nets in cell.pins.items():
        if pin not in ignored:
            yield from (net for net in nets if isinstance(net, int))


def find_drivers(netlist: Netlist) -> dict[Net, int]:
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
class Clock:
    """The input port that clocks every sequential cell (None in combinational logic), and the buffers behind it."""

    port: str | None
    buffers: frozenset[int]


def find_clock(netlist: Netlist, drivers: Mapping[Net, int]) -> Clock:
    """The one clock of all sequential cells.

    Raises:
        NetlistError: there are several, or it is made inside the netlist.
    """
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
    return Clock(next((_clock_port(netlist, net, name) for (net, _), name in edges.items()), None), frozenset(buffers))


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


def find_order(netlist: Netlist, drivers: Mapping[Net, int]) -> list[Step]:
    """All cells, each step after everything it depends on.

    A flip-flop whose next value depends on itself through gates (an enable that became a gate) is one step.

    Raises:
        NetlistError: a combinational loop, or feedback through more than one register.
    """
    sources = [sorted({drivers[net] for net in data_nets(cell) if net in drivers}) for cell in netlist.cells]
    return [_step(netlist, sources, group) for group in components(range(len(sources)), sources)]


def combinational_order(netlist: Netlist, drivers: Mapping[Net, int], feeds: Sequence[Iterable[int]]) -> list[int]:
    """All cells (by index), each after those that its outputs depend on within a clock.

    Args:
        netlist: for the names.
        drivers: of :func:`find_drivers`.
        feeds: for each cell, the nets that its outputs depend on at once.

    Raises:
        NetlistError: a combinational loop.
    """
    sources = [sorted({drivers[net] for net in nets if net in drivers}) for nets in feeds]
    order = components(range(len(sources)), sources)
    for group in order:
        if len(group) > 1 or group[0] in sources[group[0]]:
            raise _loop(netlist, sources, group, registers=False)
    return [group[0] for group in order]


def _step(netlist: Netlist, sources: Sequence[Sequence[int]], group: Sequence[int]) -> Step:
    if len(group) == 1 and group[0] not in sources[group[0]]:
        return Step((group[0],))
    registers = [index for index in group if netlist.cells[index].kind in CLOCK_PINS]
    if len(registers) != 1 or netlist.cells[registers[0]].kind not in OWN_STATE:
        raise _loop(netlist, sources, group, registers=bool(registers))
    gates = set(group) - set(registers)
    inside = [[source for source in sources[index] if source in gates] for index in range(len(sources))]
    order = components(sorted(gates), inside)
    for part in order:
        if len(part) > 1 or part[0] in inside[part[0]]:
            raise _loop(netlist, inside, part, registers=False)
    return Step(tuple(part[0] for part in order), registers[0])


def components(nodes: Iterable[int], sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """Strongly connected components, each after those it depends on (Tarjan's algorithm without recursion)."""
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_nodes: list[int] = []
    is_open: set[int] = set()
    found: list[list[int]] = []
    for root in nodes:
        work = [] if root in number else [(root, iter(sources[root]))]
        while work:
            node, pending = work[-1]
            if node not in number:
                number[node] = lowest[node] = len(number)
                open_nodes.append(node)
                is_open.add(node)
            for source in pending:
                if source not in number:
                    work.append((source, iter(sources[source])))
                    break
                if source in is_open:
                    lowest[node] = min(lowest[node], number[source])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    found.append(_close(node, open_nodes, is_open))
    return found


def _close(node: int, open_nodes: list[int], is_open: set[int]) -> list[int]:
    """Take a finished component off the stack."""
    start = next(index for index in range(len(open_nodes) - 1, -1, -1) if open_nodes[index] == node)
    group = open_nodes[start:]
    del open_nodes[start:]
    is_open.difference_update(group)
    return group


def _loop(netlist: Netlist, sources: Sequence[Sequence[int]], group: Sequence[int], *, registers: bool) -> NetlistError:
    """The error that names the cells of one loop: walk backwards inside the component until it closes."""
    members, index = set(group), group[0]
    path: list[int] = []
    while index not in path:
        path.append(index)
        index = next(source for source in sources[index] if source in members)
    cells = [netlist.cells[i] for i in reversed(path[path.index(index) :])]
    what = "feedback through registers" if registers else "a combinational loop"
    hint = "only feed-forward netlists can be simulated so: choose the bare kernel" if registers else ""
    names = " -> ".join(f"{cell.name} ({cell.kind})" for cell in cells[:SHOWN])
    more = f" -> {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    return NetlistError(
        f"the netlist has {what}: {names}{more}",
        where=netlist.name,
        hint=hint,
    )
