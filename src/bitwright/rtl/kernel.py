"""Layers to scheduled hardware modules: adder graphs by alkaid, pipeline stages by one global clock budget.

Each *module* is a Dense (or other) layer with the element-wise layers that alone read it.  A module is
traced with the proved ranges and arrival times of its inputs; then all modules share one pipeline:
operation ``op`` belongs to the stage in which its result is ready, and a value that is needed in a
later stage is carried by registers.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod
from typing import Any

import numpy as np
from alkaid.trace import FVariable, HWConfig, trace
from alkaid.trace.passes import add_surrogate, common_subexpr_elimin, dead_code_elimin, null_quant_elimin
from alkaid.trace.passes.canon import canonicalize_outputs, const_propagation
from alkaid.trace.passes.order import topo_bandwidth_sort
from alkaid.types import CombLogic, QInterval

from bitwright.config.names import identifier
from bitwright.errors import UnsupportedLayerError
from bitwright.network.layers import (
    Cast,
    CastEach,
    Conv,
    Dense,
    Einsum,
    ExpLinear,
    HardSigmoid,
    Input,
    Layer,
    Leaky,
    Levels,
    Lookup,
    Network,
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Table,
    Threshold,
)
from bitwright.rtl import symbolic
from bitwright.rtl.alkaid_exact import NARROWER
from bitwright.rtl.quantizers import EXACT_BITS
from bitwright.rtl.symbolic_recurrent import unrolled_products

HARDWARE = HWConfig(1, 1, -1)
"""Delay model: one adder of w bits costs 1.09 + 0.025 (w - 1) units (alkaid, passes/surrogate.py)."""

MOST_PRODUCTS = 200_000
"""Multiplications that one parallel kernel may have; more would take hours and no device holds them."""

ELEMENT_WISE = (
    Relu, Cast, CastEach, ScaleBias, Table, Lookup, Leaky, Threshold, HardSigmoid, ExpLinear, Levels,
)  # fmt: skip
"""Layers of one source that work on each element by itself."""

FUSED = (*ELEMENT_WISE, Reshape, Rearrange)
"""Layers that join the module of the layer they read, if nothing else reads it."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One element between modules: a net with a proved range that is ready at ``time``; or a constant."""

    net: str
    range: QInterval
    time: float

    @property
    def constant(self) -> float | None:
        """The value, where only one can occur."""
        return self.range.min if self.range.min == self.range.max else None

    @property
    def kif(self) -> tuple[int, int, int]:
        """Keep-negative, integer and fraction bits of the narrowest format."""
        k, i, f = self.range.kif
        return int(k), int(i), int(f)

    @property
    def width(self) -> int:
        """Bits of the net; 0 for constants."""
        return 0 if self.constant is not None else sum(self.kif)


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """One hardware module before scheduling."""

    name: str
    layers: tuple[str, ...]
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    logic: CombLogic
    times: tuple[float, ...]
    """When each operation's result is ready, from the network's input, in delay units."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """All modules, and the pipeline they share."""

    network: Network
    top: str
    modules: tuple[Module, ...]
    values: Mapping[str, tuple[Wire, ...]]
    stages: int
    stage_time: float

    @property
    def latency(self) -> int:
        """Clock edges from an accepted input to its output: an input register, then one per stage."""
        return 1 + self.stages

    def stage_of(self, time: float) -> int:
        """The pipeline stage in which something ready at ``time`` is computed."""
        if time <= 0:
            return 0
        return min(self.stages, ceil(time / self.stage_time - 1e-9)) - 1


def build(network: Network, depth_per_stage: float, top: str | None = None) -> Kernel:
    """Trace every module of ``network`` and share the delay among pipeline stages.

    Args:
        network: what to build.
        depth_per_stage: delay units between two registers (about one adder each).
        top: name of the module that holds all others; that of the network by default.

    Raises:
        UnsupportedLayerError: a value needs more bits than the tracer computes exactly, or two layers'
            names differ only in letters' case and signs.
    """
    _check_names(network)
    _check_size(network)
    values: dict[str, tuple[Wire, ...]] = {}
    modules: list[Module] = []
    for group in groups(network):
        if isinstance(group[0], Input):
            values[group[0].name] = _input_wires(group[0])
            continue
        module = _trace_group(network, group, values)
        modules.append(module)
        values[group[-1].name] = module.outputs
    modules = _without_dead_outputs(modules, values, network.outputs)
    total = max((max(module.times, default=0.0) for module in modules), default=0.0)
    stages = max(1, ceil(total / depth_per_stage - 1e-9))
    return Kernel(network, top or identifier(network.name), tuple(modules), values, stages, max(total, 1e-6) / stages)


def _check_names(network: Network) -> None:
    seen: dict[str, str] = {}
    for layer in network.layers:
        other = seen.setdefault(identifier(layer.name), layer.name)
        if other != layer.name:
            what = f"layers '{other}' and '{layer.name}' have one name in hardware, {identifier(layer.name)}"
            raise UnsupportedLayerError(what, where=network.name, hint="rename one of them in the model")


def _check_size(network: Network) -> None:
    sizes = {layer.name: _products(network, layer) for layer in network.layers}
    total, largest = sum(sizes.values()), max(sizes, key=lambda name: sizes[name])
    if total > MOST_PRODUCTS:
        raise UnsupportedLayerError(
            f"{total} multiplications, {sizes[largest]} of them in '{largest}'; fully parallel hardware"
            f" holds at most {MOST_PRODUCTS}",
            where=network.name,
            hint="fold it: Strategy: Resource with a ReuseFactor, or a smaller or sparser model",
        )


def _products(network: Network, layer: Layer) -> int:
    """Weights that are not zero, once for each position or step that has them; all products of two tensors."""
    if isinstance(layer, Einsum):
        return layer.size * network.layer(layer.sources[0]).shape[-1]
    if isinstance(layer, Recurrent):
        return unrolled_products(layer, network.layer(layer.sources[0]).shape[0])
    if not isinstance(layer, Dense | Conv):
        return 0
    return int(np.count_nonzero(layer.weight.raw)) * (prod(layer.shape[:-1]) if isinstance(layer, Conv) else 1)


def groups(network: Network) -> Iterator[tuple[Layer, ...]]:
    """The layers, in order, each with the element-wise layers that alone read it."""
    readers: dict[str, list[Layer]] = {layer.name: [] for layer in network.layers}
    for layer in network.layers:
        for source in layer.sources:
            readers[source].append(layer)
    done: set[str] = set()
    for layer in network.layers:
        if layer.name in done:
            continue
        group = [layer]
        while not isinstance(group[-1], Input) and group[-1].name not in network.outputs:
            following = readers[group[-1].name]
            if len(following) != 1 or not isinstance(following[0], FUSED):
                break
            group.append(following[0])
        done.update(member.name for member in group)
        yield tuple(group)


def _without_dead_outputs(
    modules: list[Module], values: dict[str, tuple[Wire, ...]], outputs: Sequence[str]
) -> list[Module]:
    """Remove, from the last module back, every output that nothing reads, and the logic behind it."""
    needed = {wire.net for name in outputs for wire in values[name]}
    kept: list[Module] = []
    for module in reversed(modules):
        alive = [i for i, wire in enumerate(module.outputs) if wire.net in needed and wire.width]
        if alive:
            module = _restricted(module, alive)  # noqa: PLW2901
            kept.append(module)
            read = {op.data[0] for op in module.logic.ops if op.opcode == -1}
            needed |= {module.inputs[i].net for i in read}
    return kept[::-1]


def _restricted(module: Module, alive: list[int]) -> Module:
    logic = module.logic
    logic = logic._replace(
        shape=(logic.shape[0], len(alive)),
        out_idxs=[logic.out_idxs[i] for i in alive],
        out_shifts=[logic.out_shifts[i] for i in alive],
        out_negs=[logic.out_negs[i] for i in alive],
    )
    logic = dead_code_elimin(logic)
    outputs = tuple(module.outputs[i] for i in alive)
    return replace(module, outputs=outputs, logic=logic, times=_times(logic, module.inputs))


def _input_wires(layer: Input) -> tuple[Wire, ...]:
    fmt = layer.result
    step = 2.0**-fmt.fraction
    span = QInterval(fmt.min * step, fmt.max * step, step)
    return tuple(Wire(f"{identifier(layer.name)}_{i}", span, 0.0) for i in range(layer.size))


def _trace_group(network: Network, group: tuple[Layer, ...], values: Mapping[str, tuple[Wire, ...]]) -> Module:
    name = f"{identifier(network.name)}_{identifier(group[0].name)}"
    wires = [values[source] for source in group[0].sources]
    live, sources = _variables(wires)
    inputs = list({wire.net: wire for row in wires for wire in row if wire.constant is None}.values())
    try:
        outputs = _apply_group(network, group, sources)
    except UnsupportedLayerError as error:
        raise UnsupportedLayerError(error.what, where=f"layer '{group[0].name}'", hint=error.hint) from error
    logic = _trace(live, outputs)
    _check_exact(logic, group)
    times = _times(logic, inputs)
    net = identifier(group[0].name)
    ends = _output_wires(logic, times, net)
    return Module(name, tuple(layer.name for layer in group), tuple(inputs), ends, logic, times)


def _variables(wires: Sequence[Sequence[Wire]]) -> tuple[list[FVariable], list[list[FVariable]]]:
    """Fresh symbolic variables for the wires: those that are live, each net once, and all of them by source."""
    live: dict[str, FVariable] = {}
    sources: list[list[FVariable]] = []
    for group in wires:
        row = []
        for wire in group:
            if wire.constant is not None:
                row.append(FVariable.from_const(wire.constant, HARDWARE))
                continue
            if wire.net not in live:
                live[wire.net] = FVariable(*wire.range, latency=wire.time, hwconf=HARDWARE)
            row.append(live[wire.net])
        sources.append(row)
    return list(live.values()), sources


def _apply_group(network: Network, group: tuple[Layer, ...], sources: list[list[FVariable]]) -> list[FVariable]:
    layers = network.by_name
    first = group[0]
    current = symbolic.apply(first, sources, [layers[source] for source in first.sources])
    for before, layer in pairwise(group):
        current = symbolic.apply(layer, [current], [before])
    return current


def _trace(inputs: list[FVariable], outputs: list[FVariable]) -> CombLogic:
    """Alkaid's operation list, optimized; a module of constants only has no operation.

    Of alkaid's own ``optimize`` two parts of 0.8.2 are left out: ``canonicalize_msb_wraps`` takes some single
    bits from the wrong place, and retracing forgets the inputs' proved ranges.
    """
    if not inputs:
        inputs = [FVariable(0.0, 1.0, 1.0, hwconf=HARDWARE)]
    with contextlib.redirect_stdout(io.StringIO()):
        logic = trace(inputs, outputs, optimize=False)
        logic = dead_code_elimin(canonicalize_outputs(const_propagation(logic)))
        logic = dead_code_elimin(common_subexpr_elimin(logic))
        logic = dead_code_elimin(null_quant_elimin(logic))
        return add_surrogate(topo_bandwidth_sort(logic))


def _check_exact(logic: CombLogic, group: tuple[Layer, ...]) -> None:
    for op in logic.ops:
        largest = max(abs(op.qint.min), abs(op.qint.max), op.qint.max - op.qint.min)
        steps = largest / op.qint.step if op.qint.step else 0.0
        if steps >= 2.0**EXACT_BITS:
            raise UnsupportedLayerError(
                f"a value needs {int(np.log2(steps)) + 1} bits; parallel hardware holds at most {EXACT_BITS}",
                where=f"layer '{group[0].name}'",
                hint=NARROWER,
            )


def _times(logic: CombLogic, inputs: Sequence[Wire]) -> tuple[float, ...]:
    """When each result is ready: alkaid's delay of the operation after its latest operand."""
    times: list[float] = []
    for op in logic.ops:
        if op.opcode == -1:
            times.append(inputs[op.data[0]].time if inputs else 0.0)
            continue
        started = max((logic.ops[i].latency for i in op.addr), default=0.0)
        ready = max((times[i] for i in op.addr), default=0.0)
        times.append(ready + max(op.latency - started, 0.0))
    return tuple(times)


def _output_wires(logic: CombLogic, times: tuple[float, ...], net: str) -> tuple[Wire, ...]:
    wires = []
    for i, (index, shift) in enumerate(zip(logic.out_idxs, logic.out_shifts, strict=True)):
        if index < 0:
            wires.append(Wire(f"{net}_{i}", QInterval(0.0, 0.0, 1.0), 0.0))
            continue
        span, factor = logic.ops[index].qint, 2.0**shift
        scaled = QInterval(span.min * factor, span.max * factor, span.step * factor)
        wires.append(Wire(f"{net}_{i}", scaled, times[index]))
    return tuple(wires)


def rescheduled(kernel: Kernel, stages: int) -> Kernel:
    """The same logic in another number of stages."""
    total = kernel.stage_time * kernel.stages
    return replace(kernel, stages=stages, stage_time=total / stages)


def cost(module: Module) -> float:
    """Alkaid's estimate of the module's LUTs."""
    return float(sum(op.cost for op in module.logic.ops))


__all__ = ["Any", "Kernel", "Module", "Wire", "build", "cost", "groups", "identifier", "rescheduled"]
