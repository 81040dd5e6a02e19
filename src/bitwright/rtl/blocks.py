"""Blocks of a design: a core (parallel kernel, engine, line buffer, recurrence), its credit counter and output FIFO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, assert_never

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitwright.config.names import identifier
from bitwright.fixed import FixedFormat
from bitwright.network import Network
from bitwright.network.layers import Dense, Input
from bitwright.rtl import engine_dense, engine_recurrent
from bitwright.rtl.estimate import choice_lut, folded, gates_lut
from bitwright.rtl.kernel import Kernel, build, cost
from bitwright.rtl.parts import FoldedCore, KernelCore, Part, RecurrentCore, StepCore
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
        whole: whether its figures are the sum over its children too: they are parts of its layer.
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
    whole: bool = False
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
        case RecurrentCore():
            return _recurrent_block(part, core, depth_per_stage)
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
    bits = port_width(part.reads) + core.layer.size * (core.layer.accum.width + core.layer.result.width)
    engine = tuple(_engine_units(_module(part), core.layer, core.source, bits))
    tail, latency = _tail(part, core, depth_per_stage)
    latency += times.latency
    depth = _depth(-(-(latency + 2) // times.interval))
    node = Node(part.name, latency, depth=depth, interval=times.interval, beats=part.beats)
    names = {"core": engine[-1].name, "tail": tail[-1].name if tail else ""}
    width = core.layer.size * core.layer.result.width
    return Block(part, node, (*engine, *tail), _wrapper(part, node, names, core_width=width, has_ready=True))


def _engine_units(name: str, layer: Dense, source: FixedFormat, registers: int) -> Iterator[Unit]:
    """A folded product and its ROM."""
    memory = tuple(engine_dense.memory_words(layer))
    yield Unit(f"{name}_rom", engine_dense.rom_text(f"{name}_rom", layer), memory=memory)
    yield Unit(
        name, engine_dense.engine_text(name, layer, source), (layer.name,), engine_dense.LIBRARY, (f"{name}_rom",),
        dsp=engine_dense.uses_dsp(layer, source), stages=(0, engine_dense.timing(layer).latency),
        registers=registers, estimated_lut=folded(layer, source, layer.reuse_factor).lut,
    )  # fmt: skip


def _recurrent_block(part: Part, core: RecurrentCore, depth_per_stage: float) -> Block:
    layer, name = core.layer, _module(part)
    (of_features, first), (of_state, second) = (
        _product_units(part, product, source, depth_per_stage)
        for product, source in zip(engine_recurrent.products(layer), (core.source, layer.result), strict=True)
    )
    gates = build(engine_recurrent.gates_network(layer, part.prefix), depth_per_stage, f"{name}_gates")
    inner = tuple(replace(unit, layers=()) for unit in (*of_features, *of_state, *kernel_units(gates)))
    count = engine_recurrent.groups(layer)
    period = engine_recurrent.period(max(first, second), gates.latency, count)
    names = (of_features[-1].name, of_state[-1].name, gates.top)
    lut = gates_lut(gates) + choice_lut(layer, count)
    lut += sum(unit.estimated_lut for unit in (*of_features, *of_state))
    text = engine_recurrent.core_text(name, core, names, int(second > first))
    unit = Unit(
        name, text, (layer.name,), engine_recurrent.LIBRARY, names, whole=True, stages=(0, period),
        estimated_lut=round(lut, 1),
    )  # fmt: skip
    steps = ((True, layer.sequences),) * (core.steps - 1) + ((True, True),)
    node = Node(part.name, period + 1, depth=_depth(2), interval=period, steps=steps, beats=part.beats)
    return Block(part, node, (*inner, unit), _wrapper(part, node, {"core": name}, claims=True))


def _product_units(
    part: Part, product: Dense, source: FixedFormat, depth_per_stage: float
) -> tuple[tuple[Unit, ...], int]:
    """A product of a recurrent layer, folded or as a kernel, and its latency."""
    name = f"{identifier(part.prefix)}_{identifier(product.name)}"
    if engine_dense.is_folded(product):
        bits = product.weight.raw.shape[0] * source.width + 2 * product.size * product.accum.width
        return tuple(_engine_units(name, product, source, bits)), engine_dense.timing(product).latency
    reads = Input(name=product.sources[0], sources=(), shape=product.weight.raw.shape[:1], result=source)
    kernel = build(Network(part.prefix, (reads, product), (product.name,)), depth_per_stage, f"{name}_kernel")
    return kernel_units(kernel), kernel.latency


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
    claims: bool = False, parameters: dict[str, int] | None = None, library: tuple[str, ...] = (),
) -> Unit:  # fmt: skip
    """The module with valid/ready on both sides.

    A core that ``claims`` says when it begins a result; one with ``parameters`` is hand-written, and does so too.
    """
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
        "claims": claims or bool(parameters),
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
