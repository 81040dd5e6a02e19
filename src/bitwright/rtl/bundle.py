"""The RTL bundle: files, ports, latency and initiation interval, so that nobody downstream guesses."""

from __future__ import annotations

import importlib.metadata
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bitwright.config import TargetConfig
from bitwright.errors import BitwrightError
from bitwright.files import digest, read_json, write_json
from bitwright.network import Network
from bitwright.rtl.kernel import Kernel, Module, build, cost, identifier
from bitwright.rtl.top import Element, kernel_texts, nets_read, port_elements, port_width

SHELL_EXTRA_LATENCY = 1
"""The FIFO of the stream shell adds one clock."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ElementInfo(_Data):
    """One tensor element inside a port."""

    layer: str
    index: int
    lsb: int
    width: int
    signed: bool
    format: str


class PortInfo(_Data):
    """A data port: its elements from the lowest bits up; ``width`` includes padding."""

    name: str
    width: int
    elements: tuple[ElementInfo, ...]


class TopInfo(_Data):
    """One top module and its timing in clocks."""

    module: str
    latency: int = Field(description="clock edges from an accepted input to its output")
    ii: int
    input: PortInfo
    output: PortInfo
    includes: str


class ModuleInfo(_Data):
    """One module: the layers it computes and the pipeline stages that it spans."""

    name: str
    file: str
    layers: tuple[str, ...]
    first_stage: int
    last_stage: int
    estimated_lut: float = Field(description="alkaid's estimate")


class ProbeInfo(_Data):
    """Where an element of a layer can be seen: net of the kernel top, and the stage it belongs to."""

    net: str | None
    stage: int
    signed: bool
    width: int
    fraction: int
    constant: float | None = None


class Bundle(_Data):
    """bundle.json."""

    schema_version: int = 1
    name: str
    part: str
    clock_ns: float
    kernel: TopInfo
    shell: TopInfo
    fifo_depth: int
    stages: int
    files: tuple[str, ...] = Field(description="SystemVerilog, in compile order")
    memory_files: tuple[str, ...] = ()
    modules: tuple[ModuleInfo, ...]
    probes: dict[str, tuple[ProbeInfo, ...]]
    options: dict[str, str | float | int]
    digests: dict[str, str] = Field(description="SHA-256 of every other file of the bundle")


def emit(network: Network, target: TargetConfig, out: Path) -> Bundle:
    """Write the whole bundle into the existing folder ``out``; the same inputs give the same bytes.

    Raises:
        UnsupportedLayerError: a layer has no parallel hardware.
    """
    kernel = build(network, target.depth_per_stage)
    rtl = out / "rtl"
    rtl.mkdir()
    texts = kernel_texts(kernel)
    for name, text in texts.items():
        (rtl / f"{name}.sv").write_text(text, encoding="utf-8")
    library = _copy_library(rtl)
    described = _describe(kernel, target, library + [f"rtl/{name}.sv" for name in texts])
    _write_templates(described, target, out)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    digests = {str(path.relative_to(out)): digest(path) for path in files}
    bundle = described.model_copy(update={"digests": digests})
    write_json(out / "bundle.json", bundle.model_dump(mode="json"))
    return bundle


def load_bundle(path: Path) -> Bundle:
    """Read a bundle.json."""
    try:
        return Bundle.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"not a bundle of this version ({'.'.join(map(str, first['loc']))}: {first['msg']})"
        raise BitwrightError(what, where=str(path), hint="run the emit stage again") from error


def _copy_library(folder: Path) -> list[str]:
    names = []
    for file in sorted(resources.files("bitwright.rtl").joinpath("sv").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sv"):
            with resources.as_file(file) as source:
                shutil.copyfile(source, folder / file.name)
            names.append(f"rtl/{file.name}")
    return names


def _describe(kernel: Kernel, target: TargetConfig, files: list[str]) -> Bundle:
    name = identifier(kernel.network.name)
    inputs = port_elements(kernel, [layer.name for layer in kernel.network.inputs])
    outputs = port_elements(kernel, kernel.network.outputs)
    address = max((kernel.latency + 3 - 1).bit_length(), 1)
    bare = TopInfo(
        module=name, latency=kernel.latency, ii=1, input=_port("in_data", inputs, 1),
        output=_port("out_data", outputs, 1), includes="input register, all layers, output registers",
    )  # fmt: skip
    shell = TopInfo(
        module=f"{name}_stream", latency=kernel.latency + SHELL_EXTRA_LATENCY, ii=1,
        input=_port("s_axis_tdata", inputs, 8), output=_port("m_axis_tdata", outputs, 8),
        includes=f"the kernel, credit counter, output FIFO of {1 << address} words",
    )  # fmt: skip
    return Bundle(
        name=name,
        part=target.part,
        clock_ns=target.clock_ns,
        kernel=bare,
        shell=shell,
        fifo_depth=1 << address,
        stages=kernel.stages,
        files=(*files, f"rtl/{name}_stream.sv"),
        modules=tuple(_module(kernel, module) for module in kernel.modules),
        probes=_probes(kernel),
        digests={},
        options={"alkaid": importlib.metadata.version("alkaid"), "depth_per_stage": target.depth_per_stage},
    )


def _port(name: str, elements: tuple[Element, ...], multiple: int) -> PortInfo:
    rows = tuple(
        ElementInfo(
            layer=e.layer, index=e.index, lsb=e.lsb, width=e.format.width, signed=e.format.signed, format=str(e.format)
        )
        for e in elements
    )
    width = -(-port_width(elements) // multiple) * multiple
    return PortInfo(name=name, width=width, elements=rows)


def _module(kernel: Kernel, module: Module) -> ModuleInfo:
    stages = [kernel.stage_of(time) for time in module.times] or [0]
    return ModuleInfo(
        name=module.name, file=f"rtl/{module.name}.sv", layers=module.layers,
        first_stage=min(stages), last_stage=max(stages), estimated_lut=round(cost(module), 1),
    )  # fmt: skip


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


def _write_templates(bundle: Bundle, target: TargetConfig, out: Path) -> None:
    environment = Environment(
        loader=PackageLoader("bitwright.rtl"), undefined=StrictUndefined, trim_blocks=True, autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )  # fmt: skip
    values: dict[str, Any] = {
        "name": bundle.name,
        "module": bundle.shell.module,
        "kernel": bundle.kernel.module,
        "top": bundle.kernel.module,
        "in_width": bundle.kernel.input.width,
        "out_width": bundle.kernel.output.width,
        "in_bytes": bundle.shell.input.width // 8,
        "out_bytes": bundle.shell.output.width // 8,
        "depth": bundle.fifo_depth,
        "address": bundle.fifo_depth.bit_length() - 1,
        "part": bundle.part,
        "files": bundle.files,
        "clock_ns": target.clock_ns,
        "uncertainty_ns": round(target.clock_ns * target.clock_uncertainty, 4),
        "io_max_ns": round(target.clock_ns * 0.4, 4),
        "io_min_ns": round(target.clock_ns * 0.2, 4),
    }
    for template, name in (
        ("stream_top.sv.j2", f"rtl/{bundle.shell.module}.sv"),
        ("constraints.xdc.j2", f"{bundle.name}.xdc"),
        ("constraints.sdc.j2", f"{bundle.name}.sdc"),
        ("vivado.tcl.j2", "vivado.tcl"),
    ):
        (out / name).write_text(environment.get_template(template).render(values), encoding="utf-8")
