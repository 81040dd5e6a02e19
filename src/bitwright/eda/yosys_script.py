"""What Yosys is told: the checked plan of one module's synthesis and the script from the templates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitwright.eda.tools import YosysTool
from bitwright.errors import ConfigError, ToolFailedError, nearest
from bitwright.files import digest

TEMPLATES: dict[str, str] = {
    "xcup": "xilinx",
    "xcu": "xilinx",
    "xc7": "xilinx",
    "ecp5": "ecp5",
    "ice40": "ice40",
    "gowin": "gowin",
}
READMEM = re.compile(r"\$readmem[bh]\s*\(\s*(?:\"([^\"]*)\")?")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
MEMORY = re.compile(r"\]\s*\w+\s*\[|\b(?:reg|logic|bit|wire)\s+\w+\s*\[|\$readmem|\bcase[xz]?\b")
NO_PRODUCT = re.compile(r"@\s*\(?\s*\*\s*\)?|\(\*|\*\)")
UNSAFE = re.compile(r"[^A-Za-z0-9_.]")
MODULE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ModuleJob:
    """One module to synthesize by itself, flattened.

    Attributes:
        name: names the output folder and log.
        sources: Verilog files with ``top`` and what it instantiates.
        top: the module to synthesize.
        memory_files: files that ``$readmemh`` / ``$readmemb`` load, found by their base names.
        blackboxes: Verilog files of which only the ports are read: their modules stay black boxes (Yosys opens
            their memory files all the same).
        dsp: whether products may use DSP blocks, other than the options say.
        bram: whether memories may use block RAM, other than the options say.
        srl: whether shift registers become SRLs; to look for them among many registers takes minutes.
    """

    name: str
    sources: tuple[Path, ...]
    top: str
    memory_files: tuple[Path, ...] = ()
    blackboxes: tuple[Path, ...] = ()
    dsp: bool | None = None
    bram: bool | None = None
    srl: bool = True


@dataclass(frozen=True, slots=True)
class SynthOptions:
    """How to synthesize.

    Attributes:
        recipe: ``adders`` keeps an optimized adder graph as it is (one carry chain per adder) and maps logic
            for area; ``stock`` is Yosys' own ``synth_xilinx`` script.  ECP5 knows only the stock script.
        dsp: multiplications may use DSP blocks.
        bram: memories may use block RAM.
        srl: shift registers become SRLs.
        flatten: what a module instantiates becomes part of it (Xilinx parts: always).
    """

    recipe: Literal["adders", "stock"] = "adders"
    dsp: bool = True
    bram: bool = True
    srl: bool = True
    flatten: bool = True


@dataclass(frozen=True, slots=True)
class Needs:
    """What the sources hold besides logic and registers; what they do not hold costs no time.

    Reading and mapping Yosys' libraries of memories and DSP blocks takes longer than a small module itself.

    Attributes:
        memories: arrays or ``case`` tables.
        multipliers: products.
    """

    memories: bool = True
    multipliers: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A job with its texts and the names that its files get in the work folder."""

    job: ModuleJob
    files: Mapping[str, Path]
    script: str
    texts: Mapping[str, str]
    tool: YosysTool

    def inputs(self) -> dict[str, Any]:
        """Everything that the result depends on."""
        files = {name: digest(path) for name, path in self.files.items()}
        return {"tool": self.tool.version, "script": self.script, "texts": dict(self.texts), "files": files}


def plan(job: ModuleJob, family: str, options: SynthOptions, tool: YosysTool) -> Plan:
    """Check a job's files and write its script; nothing is touched yet.

    Raises:
        ConfigError: unknown family, or a top that is no module name.
        ToolFailedError: a file is missing or empty, or a ``$readmemh`` names a file that is not given.
    """
    if family not in TEMPLATES:
        raise ConfigError(
            f"Yosys cannot synthesize for the family '{family}'",
            hint=f"{nearest(family, TEMPLATES)} known: {', '.join(TEMPLATES)}".strip(),
        )
    if not MODULE_NAME.fullmatch(job.top):
        raise ConfigError(f"'{job.top}' is not a module name", where=job.name)
    for path in (*job.sources, *job.memory_files, *job.blackboxes):
        _demand_file(path, job.name)
    sources = _copy_names(job.sources, "src")
    blackboxes = _copy_names(job.blackboxes, "ports")
    files = {**sources, **blackboxes, **_memory_names(job)}
    settled, found = _options(job, options), needs(job)
    text = script(job.top, family, tuple(sources), tuple(blackboxes), settled, found)
    return Plan(job, files, text, _texts(found, settled), tool)


def _texts(found: Needs, options: SynthOptions) -> dict[str, str]:
    """Files of ours beside the script: maps, and what Yosys' own maps of block memories include (7 to 1 in time)."""
    names = ["add_to_alu.v", *(["brams_defs.vh"] if found.memories and options.bram else [])]
    return {name: render(f"{name}.j2") for name in names}


def _options(job: ModuleJob, options: SynthOptions) -> SynthOptions:
    """The options with those of the job in their place."""
    dsp, bram = (b if a is None else a for a, b in ((job.dsp, options.dsp), (job.bram, options.bram)))
    return replace(options, dsp=dsp, bram=bram, srl=options.srl and job.srl)


def _demand_file(path: Path, module: str) -> None:
    if not path.is_file() or path.stat().st_size == 0:
        state = "is empty" if path.is_file() else "does not exist"
        raise ToolFailedError(
            f"a file that the synthesis of {module} needs {state}",
            where=str(path),
            hint="run the emit stage again: it writes the sources and their memory files",
        )


def _copy_names(paths: Sequence[Path], folder: str) -> dict[str, Path]:
    """Safe and distinct names for copies: Yosys sees no odd character and no path of this machine."""
    names: dict[str, Path] = {}
    for path in paths:
        stem, suffix = UNSAFE.sub("_", path.stem), UNSAFE.sub("_", path.suffix)
        name, number = f"{folder}/{stem}{suffix}", 1
        while name in names:
            number += 1
            name = f"{folder}/{stem}_{number}{suffix}"
        names[name] = path
    return names


def _memory_names(job: ModuleJob) -> dict[str, Path]:
    """Where the sources expect the memory files: at the name in ``$readmemh``, and at their base names."""
    by_name = {path.name: path for path in job.memory_files}
    names = dict(by_name)
    for source in (*job.sources, *job.blackboxes):
        for literal in filter(None, READMEM.findall(source.read_text(encoding="utf-8", errors="replace"))):
            wanted = Path(literal)
            if wanted.name not in by_name or wanted.is_absolute() or ".." in wanted.parts:
                raise ToolFailedError(
                    f"{source.name} loads the memory file '{literal}', which the synthesis of {job.name} is not given",
                    where=str(source),
                    hint="name it in memory_files; the path must be relative",
                )
            names[literal] = by_name[wanted.name]
    return names


def uses_memory_files(job: ModuleJob) -> bool:
    """Whether the sources load memories from files."""
    return any(READMEM.search(path.read_text(encoding="utf-8", errors="replace")) for path in job.sources)


def render(template: str, **values: Any) -> str:
    """A template of this package; an unknown name in it is an error."""
    loader = PackageLoader("bitwright.eda", "templates")
    # Scripts are no HTML: escaping would change them.
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{2,}", "\n", text).lstrip("\n") if template.endswith(".ys.j2") else text


def needs(job: ModuleJob) -> Needs:
    """Look for memories and multipliers in a job's sources; in doubt they are there."""
    texts = [COMMENT.sub(" ", path.read_text(encoding="utf-8", errors="replace")) for path in job.sources]
    memories = any(MEMORY.search(text) for text in texts)
    return Needs(memories, any("*" in NO_PRODUCT.sub(" ", text) for text in texts))


def script(
    top: str,
    family: str,
    sources: Sequence[str],
    blackboxes: Sequence[str],
    options: SynthOptions,
    found: Needs | None = None,
) -> str:
    """The Yosys script for one module; file names are relative to the folder it runs in."""
    found = found or Needs()
    return render(
        f"{TEMPLATES[family]}.ys.j2",
        top=top,
        family=family,
        sources=sources,
        blackboxes=blackboxes,
        recipe=options.recipe,
        dsp=options.dsp and (found.multipliers or options.recipe == "stock"),
        bram=options.bram,
        srl=options.srl,
        flatten=options.flatten,
        memories=found.memories,
        multipliers=found.multipliers,
    )
