"""Netlists as plain values: read from Yosys' JSON, linked from separately synthesized modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bitwright.errors import UsageError, nearest
from bitwright.files import read_json
from bitwright.sim.netlist_cells import NetlistError, Settings
from bitwright.sim.netlist_foreign import translate

Net = int | str


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a module: its nets, least significant first (``"0"``, ``"1"``, ``"x"`` are constants)."""

    name: str
    is_input: bool
    nets: tuple[Net, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A primitive or an instance of another module."""

    settings: Settings
    pins: Mapping[str, tuple[Net, ...]]

    @property
    def name(self) -> str:
        """The instance's name."""
        return self.settings.name

    @property
    def kind(self) -> str:
        """The primitive's or module's name."""
        return self.settings.kind


@dataclass(frozen=True, slots=True)
class Netlist:
    """One module: ports, cells, and one more than its highest net number."""

    name: str
    ports: tuple[Port, ...]
    cells: tuple[Cell, ...]
    nets: int

    @staticmethod
    def from_json(path: Path, top: str | None = None) -> Netlist:
        """Read a file of Yosys' ``write_json``.

        Args:
            path: the file.
            top: the module; the one marked as top, or the only one, by default.

        Raises:
            NetlistError: the file holds no such module.
        """
        data = read_json(path)
        try:
            name, module = _choose(data["modules"], top)
            return _module(name, module)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            wanted = f"the module '{top}'" if top else "a top module"
            raise NetlistError(
                f"no netlist of Yosys with {wanted}", where=str(path), hint="remove it and run the synth stage again"
            ) from error

    def port(self, name: str) -> Port:
        """A port by its name.

        Raises:
            UsageError: there is none of that name.
        """
        for port in self.ports:
            if port.name == name:
                return port
        names = [port.name for port in self.ports]
        raise UsageError(f"{self.name} has no port '{name}'", hint=nearest(name, names) or f"it has {', '.join(names)}")


def _choose(modules: dict[str, Any], top: str | None) -> tuple[str, dict[str, Any]]:
    if top is None:
        marked = [name for name, module in modules.items() if int(module["attributes"].get("top", "0"), 2)]
        top = marked[0] if marked else next(iter(modules)) if len(modules) == 1 else None
    if top is None:
        raise KeyError("top")
    return top, modules[top]


def _module(name: str, data: dict[str, Any]) -> Netlist:
    ports = []
    for port, entry in data["ports"].items():
        if entry["direction"] not in {"input", "output"}:
            raise NetlistError(f"the port '{port}' is neither an input nor an output", where=name)
        ports.append(Port(port, entry["direction"] == "input", tuple(entry["bits"])))
    parts = [
        (
            Settings(cell, entry["type"], {key: str(value) for key, value in entry["parameters"].items()}),
            {pin: tuple(bits) for pin, bits in entry["connections"].items()},
        )
        for cell, entry in data["cells"].items()
    ]
    nets = [net for port in ports for net in port.nets] + [
        n for _, pins in parts for bits in pins.values() for n in bits
    ]
    highest = max((net for net in nets if isinstance(net, int)), default=-1)
    cells, count = translate(parts, highest + 1)
    return Netlist(name, tuple(ports), tuple(Cell(settings, pins) for settings, pins in cells), count)


# ---------------------------------------------------------------- hierarchy


def link(top: Netlist, parts: Mapping[str, Netlist]) -> Netlist:
    """Replace instances of separately synthesized modules by their netlists, at every depth.

    Args:
        top: a netlist in which those modules are black boxes.
        parts: netlist by module name.

    Raises:
        NetlistError: an instance does not fit its module: other ports or widths, parameters, or a module
            that contains itself.
    """
    return _link(top, parts, (top.name,))


def _link(top: Netlist, parts: Mapping[str, Netlist], path: tuple[str, ...]) -> Netlist:
    cells: list[Cell] = []
    nets = top.nets
    for cell in top.cells:
        if cell.kind not in parts:
            cells.append(cell)
            continue
        if cell.kind in path:
            raise NetlistError(f"the module {cell.kind} contains itself", where=" > ".join(path))
        part = _link(parts[cell.kind], parts, (*path, cell.kind))
        cells.extend(_instance(cell, part, nets))
        nets += part.nets
    return replace(top, cells=tuple(cells), nets=nets)


def _instance(cell: Cell, part: Netlist, offset: int) -> list[Cell]:
    """The cells of a part under an instance's name, its nets renumbered, its ports connected."""
    _demand_fit(cell, part)
    inputs: dict[Net, Net] = {}
    for port in part.ports:
        if port.is_input:
            inputs.update(zip(port.nets, cell.pins[port.name], strict=True))

    def renumber(net: Net) -> Net:
        if net in inputs:
            return inputs[net]
        return net + offset if isinstance(net, int) else net

    inside = [
        Cell(
            replace(inner.settings, name=f"{cell.name}.{inner.name}"),
            {pin: tuple(map(renumber, nets)) for pin, nets in inner.pins.items()},
        )
        for inner in part.cells
    ]
    return inside + _output_buffers(cell, part, [renumber(net) for port in _outputs(part) for net in port.nets])


def _outputs(netlist: Netlist) -> list[Port]:
    return [port for port in netlist.ports if not port.is_input]


def _output_buffers(cell: Cell, part: Netlist, sources: Sequence[Net]) -> list[Cell]:
    targets = [net for port in _outputs(part) for net in cell.pins.get(port.name, ("x",) * len(port.nets))]
    return [
        Cell(Settings(f"{cell.name}.output{index}", "BUF", {}), {"I": (source,), "O": (target,)})
        for index, (source, target) in enumerate(zip(sources, targets, strict=True))
        if isinstance(target, int)
    ]


def _demand_fit(cell: Cell, part: Netlist) -> None:
    def fail(what: str) -> NetlistError:
        return NetlistError(
            f"the instance of {cell.kind} does not fit the netlist of {part.name}: {what}",
            where=cell.name,
            hint="synthesize both from the same sources",
        )

    if cell.settings.parameters:
        raise fail(f"it sets {', '.join(cell.settings.parameters)}, the netlist has no parameters")
    known = {port.name: len(port.nets) for port in part.ports}
    for pin, nets in cell.pins.items():
        if known.get(pin) != len(nets):
            raise fail(f"its port '{pin}' has {len(nets)} bits, the netlist's has {known.get(pin, 'none')}")
    for port in part.ports:
        if port.is_input and port.name not in cell.pins:
            raise fail(f"its input '{port.name}' is not connected")
