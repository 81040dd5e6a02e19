"""Blocks of a design: a core (parallel kernel, engine, line buffer), its credit counter and output FIFO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitwright.config.names import identifier
from bitwright.rtl import engine_dense
from bitwright.rtl.estimate import folded
from bitwright.rtl.kernel import Kernel, build, cost
from bitwright.rtl.parts import FoldedCore, KernelCore, Part, StepCore
from bitwright.rtl.ports import port_width, tensors
from bitwright.rtl.schedule import Node
from bitwright.rtl.top import kernel_texts

STREAM_LIBRARY = ("stream_credit.sv", "stream_fifo.sv")
LIBRARIES = {"stream_total": ("fixed_cast.sv",)}
"""What the hand-written blocks instantiate."""


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
        registers: bits of the widest registers, about; some synthesis passes take their square.
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
    registers: int = 0


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
    core = part.core
    match core:
        case KernelCore():
            return _kernel_block(part, core, depth_per_stage)
        case FoldedCore():
            return _folded_block(part, core, depth_per_stage)
        case StepCore():
            return _step_block(part, core, depth_per_stage)
    assert_never(core)


def _module(part: Part, suffix: str = "") -> str:
    return f"{identifier(part.prefix)}_{identifier(part.name)}{suffix}"


def _depth(words: int) -> int:
    """Places of a FIFO: a power of two, at least two."""
    return 1 << max((words - 1).bit_length(), 1)


# --- kernels -----------------------------------------------------------------------------------


def _kernel_block(part: Part, core: KernelCore, depth_per_stage: float) -> Block:
    kernel = build(core.network, depth_per_stage, _module(part, "_kernel"))
    units = kernel_units(kernel)
    node = Node(part.name, kernel.latency, depth=_depth(kernel.latency + 3), beats=part.beats)
    return Block(part, node, units, _wrapper(part, node, {"core": units[-1].name}))


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
    network = kernel.network
    bits = port_width(tensors(network, [*(layer.name for layer in network.inputs), *network.outputs]))
    top = Unit(kernel.top, texts[kernel.top], children=tuple(unit.name for unit in units), registers=bits)
    return (*units, top)


def _tail(part: Part, core: FoldedCore | StepCore, depth_per_stage: float) -> tuple[tuple[Unit, ...], int]:
    """The kernel behind an engine or a line buffer, and its latency."""
    if core.tail is None:
        return (), 0
    kernel = build(core.tail, depth_per_stage, _module(part, "_tail"))
    return kernel_units(kernel), kernel.latency


# --- engines and line buffers ------------------------------------------------------------------


def _folded_block(part: Part, core: FoldedCore, depth_per_stage: float) -> Block:
    times = engine_dense.timing(core.layer)
    engine = tuple(_engine_units(part, core, times.latency))
    tail, latency = _tail(part, core, depth_per_stage)
    latency += times.latency
    depth = _depth(-(-(latency + 2) // times.interval))
    node = Node(part.name, latency, depth=depth, interval=times.interval, beats=part.beats)
    names = {"core": engine[-1].name, "tail": tail[-1].name if tail else ""}
    width = core.layer.size * core.layer.result.width
    return Block(part, node, (*engine, *tail), _wrapper(part, node, names, core_width=width, has_ready=True))


def _engine_units(part: Part, core: FoldedCore, latency: int) -> Iterator[Unit]:
    name, layer = _module(part), core.layer
    memory = tuple(engine_dense.memory_words(layer))
    yield Unit(f"{name}_rom", engine_dense.rom_text(f"{name}_rom", layer), memory=memory)
    yield Unit(
        name, engine_dense.engine_text(name, layer, core.source), (layer.name,), engine_dense.LIBRARY, (f"{name}_rom",),
        dsp=engine_dense.uses_dsp(layer, core.source), stages=(0, latency),
        registers=port_width(part.reads) + layer.size * (layer.accum.width + layer.result.width),
        estimated_lut=folded(layer, core.source, layer.reuse_factor).lut,
    )  # fmt: skip


def _step_block(part: Part, core: StepCore, depth_per_stage: float) -> Block:
    tail, latency = _tail(part, core, depth_per_stage)
    node = Node(part.name, latency + 1, depth=_depth(latency + 4), steps=core.steps, beats=part.beats)
    names = {"core": core.module, "tail": tail[-1].name if tail else ""}
    library = (f"{core.module}.sv", *LIBRARIES.get(core.module, ()))
    wrapper = _wrapper(part, node, names, parameters=core.parameters, core_width=core.width, library=library)
    return Block(part, node, tail, wrapper)


# --- the block around a core -------------------------------------------------------------------


def _wrapper(
    part: Part, node: Node, names: dict[str, str], *, core_width: int = 0, has_ready: bool = False,
    parameters: dict[str, int] | None = None, library: tuple[str, ...] = (),
) -> Unit:  # fmt: skip
    """The module with valid/ready on both sides; a core with ``parameters`` is hand-written and claims places."""
    values: dict[str, Any] = {
        "name": _module(part, "_block"),
        "tail": "",
        **names,
        "what": ", ".join(part.layers) or part.name,
        "parameters": parameters or {},
        "in_width": port_width(part.reads),
        "core_width": core_width or port_width(part.writes),
        "out_width": port_width(part.writes),
        "latency": node.latency,
        "interval": node.interval,
        "depth": node.depth,
        "address": node.depth.bit_length() - 1,
        "has_ready": has_ready,
        "claims": bool(parameters),
    }
    children = tuple(name for name in (values["core"], values["tail"]) if name and f"{name}.sv" not in library)
    return Unit(
        values["name"], render("block.sv.j2", **values), library=STREAM_LIBRARY + library, children=children,
        registers=values["core_width"] if parameters else 0,
    )  # fmt: skip


def render(template: str, **values: Any) -> str:
    """A template of this package; an unknown name in it is an error."""
    environment = Environment(
        loader=PackageLoader("bitwright.rtl"), undefined=StrictUndefined, trim_blocks=True, autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(template).render(**values)
