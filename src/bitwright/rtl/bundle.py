"""The RTL bundle: files, ports, latency and initiation interval, so that nobody downstream guesses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bitwright.errors import BitwrightError, ToolFailedError
from bitwright.files import digest, read_json


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
    """A data port: the elements of one beat from the lowest bits up; ``width`` includes padding."""

    name: str
    width: int
    beats: int = Field(default=1, description="beats of one inference: pixels, in row-major order")
    elements: tuple[ElementInfo, ...]

    @property
    def columns(self) -> tuple[tuple[int, int], ...]:
        """For each element its column in rows of whole tensors: in the first beat, and the step from beat to beat."""
        sizes = Counter(element.layer for element in self.elements)
        starts, start = {}, 0
        for layer, size in sizes.items():
            starts[layer] = start
            start += size * self.beats
        return tuple((starts[element.layer] + element.index, sizes[element.layer]) for element in self.elements)


class TopInfo(_Data):
    """One top module and its timing in clocks."""

    module: str
    latency: int = Field(description="clock edges from an accepted input to its output")
    ii: int
    input: PortInfo
    output: PortInfo
    includes: str


class ModuleInfo(_Data):
    """One module that is synthesized by itself; layers, stages and estimate only where it computes some."""

    name: str
    file: str
    layers: tuple[str, ...] = ()
    first_stage: int = 0
    last_stage: int = 0
    estimated_lut: float = Field(default=0.0, description="alkaid's for adder graphs, by formula for engines")
    dsp: bool = Field(default=True, description="whether its products go to DSP blocks")
    whole: bool = Field(default=False, description="whether its children are parts of its layer")
    registers: int = Field(default=0, description="bits of its widest registers, about")
    library: tuple[str, ...] = Field(default=(), description="files of modules that are synthesized with it")
    children: tuple[str, ...] = Field(default=(), description="other modules of this list that it instantiates")
    memory: str | None = Field(default=None, description="the file that its memory is loaded from")


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

    schema_version: int = 2
    name: str
    part: str
    clock_ns: float
    kernel: TopInfo = Field(description="what area is quoted for; the shell itself where blocks are streams")
    shell: TopInfo
    capacity: int = Field(description="inferences that the shell takes while nothing is taken from it")
    files: tuple[str, ...] = Field(description="SystemVerilog, in compile order")
    modules: tuple[ModuleInfo, ...] = Field(description="children first, the shell last")
    probes: dict[str, tuple[ProbeInfo, ...]] = Field(description="of a lone kernel")
    streams: tuple[PortInfo, ...] = Field(default=(), description="between blocks: <name>_valid, _ready, _data")
    queues: dict[str, int] = Field(default={}, description="words of each branch's queue")
    options: dict[str, str | float | int]
    digests: dict[str, str] = Field(description="SHA-256 of every other file of the bundle")

    @property
    def memory_files(self) -> tuple[str, ...]:
        """Files that memories are loaded from."""
        return tuple(module.memory for module in self.modules if module.memory)

    def inside(self, top: str) -> list[str]:
        """A module and all that it holds, each once."""
        children = {module.name: module.children for module in self.modules}
        found = [top]
        for name in found:
            found += children[name]
        return found

    def demand_files(self, root: Path) -> None:
        """Every file is there, and memories hold what was emitted.

        A simulator only warns of a memory file that is missing or short, and computes with zeros.

        Raises:
            ToolFailedError: names the first file that is missing or changed.
        """
        for file in (*self.files, *self.memory_files):
            path = root / file
            state = "" if path.is_file() else "is missing"
            if not state and file in self.memory_files and digest(path) != self.digests[file]:
                state = "was changed"
            if state:
                raise ToolFailedError(f"a file of the bundle {state}", where=str(path), hint="run the emit stage again")


def load_bundle(path: Path) -> Bundle:
    """Read a bundle.json."""
    try:
        return Bundle.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"not a bundle of this version ({'.'.join(map(str, first['loc']))}: {first['msg']})"
        raise BitwrightError(what, where=str(path), hint="run the emit stage again") from error
