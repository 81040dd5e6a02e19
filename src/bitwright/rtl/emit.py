"""Network to RTL bundle: a lone parallel kernel in a stream shell, or a design of blocks."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from bitwright.config import TargetConfig
from bitwright.config.names import identifier
from bitwright.errors import UnsupportedLayerError
from bitwright.files import digest, write_json
from bitwright.network import Network
from bitwright.rtl.blocks import STREAM_LIBRARY, Unit, kernel_units, make_block, render
from bitwright.rtl.bundle import Bundle, ElementInfo, ModuleInfo, PortInfo, ProbeInfo, TopInfo
from bitwright.rtl.compose import Design, compose, stream_name, top_unit, whole_bytes
from bitwright.rtl.kernel import Kernel, build
from bitwright.rtl.memory import check_memory
from bitwright.rtl.partition import partition
from bitwright.rtl.partition_stream import partition_stream
from bitwright.rtl.parts import KernelCore
from bitwright.rtl.ports import Tensor, port_elements, port_width, tensors
from bitwright.rtl.top import nets_read

SHELL_EXTRA_LATENCY = 1
"""The FIFO of the stream shell adds one clock."""


def emit(network: Network, target: TargetConfig, out: Path) -> Bundle:
    """Write the whole bundle into the existing folder ``out``; the same inputs give the same bytes.

    Raises:
        UnsupportedLayerError: a layer has no hardware, a reuse factor does not divide its products, or the
            device has no room for the weights.
    """
    streamed = network.io_type == "io_stream"
    parts = partition_stream(network) if streamed else partition(network)
    check_memory(parts, target.available, target.part)
    if len(parts) == 1 and isinstance(parts[0].core, KernelCore) and parts[0].beats == 1:
        kernel = build(network, target.depth_per_stage)
        units = (*kernel_units(kernel), _shell_unit(kernel))
        described = _describe_kernel(kernel, units, target)
    else:
        blocks = [make_block(part, target.depth_per_stage) for part in parts]
        design = compose(network, blocks, streamed=streamed)
        units = (*(unit for block in design.blocks for unit in block.units), top_unit(design))
        described = _describe_design(network, design, units, target)
    _write(units, out)
    _write_scripts(described, target, out)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    bundle = described.model_copy(update={"digests": {str(path.relative_to(out)): digest(path) for path in files}})
    write_json(out / "bundle.json", bundle.model_dump(mode="json"))
    return bundle


def _texts(units: Sequence[Unit]) -> Iterator[Unit]:
    """All that is written, children first."""
    for unit in units:
        yield from unit.parts
        yield unit


def _library(units: Sequence[Unit]) -> list[str]:
    return sorted({name for unit in _texts(units) for name in unit.library})


def _write(units: Sequence[Unit], out: Path) -> None:
    rtl = out / "rtl"
    rtl.mkdir()
    texts = list(_texts(units))
    names = [name.lower() for name in (*(unit.name for unit in texts), *(Path(n).stem for n in _library(units)))]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnsupportedLayerError(
            f"two modules would be called '{twice[0]}'", where=units[-1].name, hint="rename a layer of the model"
        )
    source = resources.files("bitwright.rtl").joinpath("sv")
    for name in _library(units):
        with resources.as_file(source.joinpath(name)) as file:
            shutil.copyfile(file, rtl / name)
    for unit in texts:
        (rtl / f"{unit.name}.sv").write_text(unit.text, encoding="utf-8")
        if unit.memory:
            (rtl / f"{unit.name}.mem").write_text("\n".join(unit.memory) + "\n", encoding="ascii")


def _write_scripts(bundle: Bundle, target: TargetConfig, out: Path) -> None:
    values = {
        "name": bundle.name,
        "top": bundle.kernel.module,
        "part": bundle.part,
        "files": bundle.files,
        "memory_files": bundle.memory_files,
        "clock_ns": target.clock_ns,
        "uncertainty_ns": round(target.clock_ns * target.clock_uncertainty, 4),
        "io_max_ns": round(target.clock_ns * 0.4, 4),
        "io_min_ns": round(target.clock_ns * 0.2, 4),
    }
    for template, name in (
        ("constraints.xdc.j2", f"{bundle.name}.xdc"),
        ("constraints.sdc.j2", f"{bundle.name}.sdc"),
        ("vivado.tcl.j2", "vivado.tcl"),
    ):
        (out / name).write_text(render(template, **values), encoding="utf-8")


# --- a lone kernel -----------------------------------------------------------------------------


def _shell_depth(kernel: Kernel) -> int:
    """Places in the shell's FIFO: all that can be in the pipeline, and the round trip of a credit."""
    return 1 << max((kernel.latency + 3 - 1).bit_length(), 1)


def _kernel_ports(kernel: Kernel) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    network = kernel.network
    return tensors(network, [layer.name for layer in network.inputs]), tensors(network, network.outputs)


def _shell_unit(kernel: Kernel) -> Unit:
    name, depth = identifier(kernel.network.name), _shell_depth(kernel)
    inputs, outputs = map(port_width, _kernel_ports(kernel))
    text = render(
        "stream_top.sv.j2", name=name, module=f"{name}_stream", kernel=kernel.top, in_width=inputs, out_width=outputs,
        in_bytes=whole_bytes(inputs) // 8, out_bytes=whole_bytes(outputs) // 8, depth=depth,
        address=depth.bit_length() - 1,
    )  # fmt: skip
    return Unit(f"{name}_stream", text, library=STREAM_LIBRARY, children=(kernel.top,))


def _describe_kernel(kernel: Kernel, units: Sequence[Unit], target: TargetConfig) -> Bundle:
    inputs, outputs = _kernel_ports(kernel)
    depth = _shell_depth(kernel)
    bare = TopInfo(
        module=kernel.top, latency=kernel.latency, ii=1, input=_port("in_data", inputs, 1),
        output=_port("out_data", outputs, 1), includes="input register, all layers, output registers",
    )  # fmt: skip
    shell = TopInfo(
        module=units[-1].name, latency=kernel.latency + SHELL_EXTRA_LATENCY, ii=1,
        input=_port("s_axis_tdata", inputs, 8), output=_port("m_axis_tdata", outputs, 8),
        includes=f"the kernel, credit counter, output FIFO of {depth} words",
    )  # fmt: skip
    return _bundle(kernel.network, units, target, kernel=bare, shell=shell, capacity=depth, probes=_probes(kernel))


def _probes(kernel: Kernel) -> dict[str, tuple[ProbeInfo, ...]]:
    """Elements that exist as nets of the kernel top, by layer."""
    alive = {wire.net for module in kernel.modules for wire in module.outputs}
    alive |= nets_read(kernel) & {wire.net for layer in kernel.network.inputs for wire in kernel.values[layer.name]}
    probes = {}
    for layer, wires in kernel.values.items():
        probes[layer] = tuple(
            ProbeInfo(
                net=wire.net if wire.width and wire.net in alive else None, stage=kernel.stage_of(wire.time),
                signed=bool(wire.kif[0]), width=wire.width, fraction=wire.kif[2], constant=wire.constant,
            )
            for wire in wires
        )  # fmt: skip
    return probes


# --- a design of blocks ------------------------------------------------------------------------


def _describe_design(network: Network, design: Design, units: Sequence[Unit], target: TargetConfig) -> Bundle:
    times = design.schedule
    shell = TopInfo(
        module=units[-1].name, latency=times.latency, ii=times.interval,
        input=_port("s_axis_tdata", design.inputs, 8, design.beats[0]),
        output=_port("m_axis_tdata", design.outputs, 8, design.beats[1]),
        includes=f"{len(design.blocks)} blocks, each with its output FIFO, and the streams between them",
    )  # fmt: skip
    streams = tuple(_port(stream_name(block.part.name), block.part.writes, 1) for block in design.blocks)
    queues = {f"{edge.source} to {edge.target}": edge.depth for edge in design.edges if edge.depth}
    return _bundle(
        network, units, target, kernel=shell, shell=shell, capacity=times.capacity, streams=streams, queues=queues
    )


# --- both --------------------------------------------------------------------------------------


def _bundle(network: Network, units: Sequence[Unit], target: TargetConfig, **values: object) -> Bundle:
    files = (*(f"rtl/{name}" for name in _library(units)), *(f"rtl/{unit.name}.sv" for unit in _texts(units)))
    return Bundle.model_validate(
        {
            "name": identifier(network.name),
            "part": target.part,
            "clock_ns": target.clock_ns,
            "files": files,
            "modules": tuple(map(_module, units)),
            "probes": {},
            "digests": {},
            "options": {"alkaid": importlib.metadata.version("alkaid"), "depth_per_stage": target.depth_per_stage},
            **values,
        }
    )


def _module(unit: Unit) -> ModuleInfo:
    return ModuleInfo(
        name=unit.name, file=f"rtl/{unit.name}.sv", layers=unit.layers, first_stage=unit.stages[0],
        last_stage=unit.stages[1], estimated_lut=unit.estimated_lut, dsp=unit.dsp, whole=unit.whole,
        registers=unit.registers, library=_belonging(unit), children=unit.children,
        memory=f"rtl/{unit.name}.mem" if unit.memory else None,
    )  # fmt: skip


def _belonging(unit: Unit) -> tuple[str, ...]:
    """Files that are synthesized together with a unit."""
    return (*(f"rtl/{name}" for name in _library([unit])), *(f"rtl/{part.name}.sv" for part in unit.parts))


def _port(name: str, packed: Sequence[Tensor], multiple: int, beats: int = 1) -> PortInfo:
    rows = tuple(
        ElementInfo(
            layer=e.layer, index=e.index, lsb=e.lsb, width=e.format.width, signed=e.format.signed, format=str(e.format)
        )
        for e in port_elements(packed)
    )
    return PortInfo(name=name, width=-(-port_width(packed) // multiple) * multiple, beats=beats, elements=rows)
