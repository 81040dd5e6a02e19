"""Blocks of a design: a core (parallel kernel or engine), its credit counter and output FIFO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitwright.config.names import identifier
from bitwright.network.layers import Dense
from bitwright.rtl import engine_dense
from bitwright.rtl.kernel import Kernel, build, cost
from bitwright.rtl.partition import Part
from bitwright.rtl.ports import port_elements, port_width
from bitwright.rtl.schedule import Node
from bitwright.rtl.top import kernel_texts

STREAM_LIBRARY = ("stream_credit.sv", "stream_fifo.sv")


@dataclass(frozen=True, slots=True)
class Unit:
    """One module that is written and synthesized by itself.

    Attributes:
        name: of the module and of its file.
        text: SystemVerilog.
        layers: what it computes.
        library: hand-written modules that belong to it, by file name.
        children: other units that it instantiates.
        memory: the lines of its memory file ``<name>.mem``.
        parts: other units that are synthesized as a part of it.
        dsp: whether its products go to DSP blocks.
        stages: first and last pipeline stage.
        estimated_lut: before synthesis; 0 for plumbing.
    """

    name: str
    text: str
    layers: tuple[str, ...] = ()
    library: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    parts: tuple[Unit, ...] = ()
    dsp: bool = True
    stages: tuple[int, int] = (0, 0)
    estimated_lut: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One part of a network as hardware: the modules inside, and the block around them."""

    part: Part
    node: Node
    units: tuple[Unit, ...]
    wrapper: Unit


def make_block(part: Part, depth_per_stage: float) -> Block:
    """The hardware of a part.

    Raises:
        UnsupportedLayerError: a layer has no such hardware.
    """
    if part.engine is None:
        return _kernel_block(part, depth_per_stage)
    return _dense_block(part, part.engine, depth_per_stage)


def _module(part: Part, suffix: str = "") -> str:
    return f"{identifier(part.network.name)}_{identifier(part.name)}{suffix}"


def _kernel_block(part: Part, depth_per_stage: float) -> Block:
    top = _module(part, "_kernel")
    kernel = build(part.network, depth_per_stage, top)
    units = kernel_units(kernel)
    node = Node(part.name, kernel.latency, 1, 1 << max((kernel.latency + 2).bit_length(), 1))
    width = port_width(port_elements(part.network, part.writes))
    return Block(part, node, units, _wrapper(part, node, units[-1], None, core_width=width, has_ready=False))


def kernel_units(kernel: Kernel) -> tuple[Unit, ...]:
    """The modules of a kernel, and last its top."""
    texts = kernel_texts(kernel)
    units = []
    for module in kernel.modules:
        stages = [kernel.stage_of(time) for time in module.times] or [0]
        units.append(
            Unit(
                module.name, texts[module.name], module.layers, stages=(min(stages), max(stages)),
                estimated_lut=round(cost(module), 1),
            )
        )  # fmt: skip
    return (*units, Unit(kernel.top, texts[kernel.top], children=tuple(unit.name for unit in units)))


def _dense_block(part: Part, layer: Dense, depth_per_stage: float) -> Block:
    times = engine_dense.timing(layer)
    units = list(_dense_units(part, layer, times.latency))
    core, latency, tail = units[-1], times.latency, None
    if part.tail is not None:
        kernel = build(part.tail, depth_per_stage, _module(part, "_tail"))
        units += kernel_units(kernel)
        tail, latency = units[-1], latency + kernel.latency
    words = -(-(latency + 2) // times.interval)
    node = Node(part.name, latency, times.interval, 1 << max((words - 1).bit_length(), 1))
    width = layer.size * layer.result.width
    return Block(part, node, tuple(units), _wrapper(part, node, core, tail, core_width=width, has_ready=True))


def _dense_units(part: Part, layer: Dense, latency: int) -> Iterator[Unit]:
    core, source = _module(part), part.network.inputs[0].result
    memory = tuple(engine_dense.memory_words(layer))
    yield Unit(f"{core}_rom", engine_dense.rom_text(f"{core}_rom", layer), memory=memory)
    yield Unit(
        core, engine_dense.engine_text(core, layer, source), (layer.name,), engine_dense.LIBRARY, (f"{core}_rom",),
        dsp=engine_dense.uses_dsp(layer, source), stages=(0, latency),
        estimated_lut=engine_dense.estimated_lut(layer, source),
    )  # fmt: skip


def _wrapper(part: Part, node: Node, core: Unit, tail: Unit | None, *, core_width: int, has_ready: bool) -> Unit:
    name = _module(part, "_block")
    inputs, outputs = port_elements(part.network, part.reads), port_elements(part.network, part.writes)
    values: dict[str, Any] = {
        "name": name,
        "core": core.name,
        "tail": tail.name if tail else "",
        "what": ", ".join(layer.name for layer in part.network.layers if layer.sources),
        "in_width": port_width(inputs),
        "core_width": core_width,
        "out_width": port_width(outputs),
        "latency": node.latency,
        "interval": node.interval,
        "depth": node.depth,
        "address": node.depth.bit_length() - 1,
        "has_ready": has_ready,
    }
    children = (core.name, *((tail.name,) if tail else ()))
    return Unit(name, render("block.sv.j2", **values), library=STREAM_LIBRARY, children=children)


def render(template: str, **values: Any) -> str:
    """A template of this package; an unknown name in it is an error."""
    environment = Environment(
        loader=PackageLoader("bitwright.rtl"), undefined=StrictUndefined, trim_blocks=True, autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(template).render(**values)
