"""Overlays: packages that cannot be installed beside the others, each in a folder of its own.

The pins are in ``pins/NAME.txt``; a folder holds exactly those packages, without what they depend on (that is
installed).  ``python -m bitwright.frontend.overlays [NAME ... | --all]`` installs them, as ``make`` does on first use.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.eda import process
from bitwright.eda.tools import ToolStatus
from bitwright.errors import BitwrightError, ToolNotFoundError, UsageError, nearest

VARIABLE = "BITWRIGHT_OVERLAYS"
"""Environment variable: the folder that holds the overlays; otherwise ``overlays`` in the virtual environment."""

_USES = {
    "da4ml": "layers with strategy distributed_arithmetic",
    "hgq": "HGQ models",
    "hgq2": "HGQ2 models",
    "onnx": "ONNX and QONNX models",
    "qkeras-v3": "qkeras-v3 models",
}

ON_REQUEST = frozenset({"da4ml"})
"""Those that are large and that few models need: installed by their name, or with ``--all``."""

PINS = Path(__file__).parent / "pins"
TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Overlay:
    """A named set of pinned packages: ``pins`` maps each to its version."""

    name: str
    pins: dict[str, str]

    @property
    def place(self) -> Path:
        """Where it is, or would be."""
        return Path(os.environ.get(VARIABLE) or Path(sys.prefix) / "overlays") / self.name

    @property
    def installed(self) -> bool:
        """Whether every package is there in its pinned version."""
        have = {_plain(path.name.removesuffix(".dist-info")) for path in self.place.glob("*.dist-info")}
        return all(_plain(f"{package}-{version}") in have for package, version in self.pins.items())

    def folder(self) -> Path:
        """The folder to put before the installed packages.

        Raises:
            ToolNotFoundError: it is not installed, or in other versions than the pinned ones.
        """
        if not self.installed:
            raise ToolNotFoundError(
                f"{self.title} {self.version} is not installed; this model needs it",
                where=str(self.place),
                hint=self.hint,
            )
        return self.place

    def use(self, *, first: bool = True) -> None:
        """Put the folder before the installed packages, or behind them, in this process.

        Raises:
            ToolNotFoundError: it is not installed.
        """
        folder = str(self.folder())
        if folder not in sys.path:
            sys.path.insert(0 if first else len(sys.path), folder)

    @property
    def title(self) -> str:
        """Its first package, which the others only serve."""
        return next(iter(self.pins))

    @property
    def version(self) -> str:
        """The version of that package."""
        return self.pins[self.title]

    @property
    def hint(self) -> str:
        """What to run."""
        return f"run `python -m bitwright.frontend.overlays {self.name}` with the Python that runs bitwright"

    def install(self) -> None:
        """Install it with pip, from the index that pip is configured for; whole or not at all.

        Raises:
            ToolFailedError: pip failed.
        """
        fresh = self.place.with_name(f".{self.name}.part")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps")
        process.run(
            [*pip, "--target", str(fresh), "--requirement", str(PINS / f"{self.name}.txt")],
            cwd=fresh.parent, log=fresh.with_suffix(".log"), timeout_s=TIMEOUT_S, tool="pip", version="",
            what=f"installing {self.title} {self.version}",
        )  # fmt: skip
        shutil.rmtree(self.place, ignore_errors=True)
        fresh.rename(self.place)


def _plain(name: str) -> str:
    """A distribution's name and version as the names of installed folders have it."""
    return re.sub(r"[-_.]+", "_", name).lower()


def _read(path: Path) -> Overlay:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return Overlay(path.stem, dict(pairs))


def overlays() -> tuple[Overlay, ...]:
    """Every overlay that this version knows."""
    return tuple(_read(path) for path in sorted(PINS.glob("*.txt")))


def overlay(name: str) -> Overlay:
    """The overlay of that name.

    Raises:
        UsageError: there is none.
    """
    known = {each.name: each for each in overlays()}
    if name not in known:
        raise UsageError(f"unknown overlay '{name}'", hint=nearest(name, known) or f"one of: {', '.join(known)}")
    return known[name]


def overlay_status() -> tuple[ToolStatus, ...]:
    """Each overlay as ``bitwright doctor`` lists it."""
    return tuple(
        ToolStatus(
            name=f"{each.title} (overlay)", needed_for=(_USES[each.name],), found=each.installed,
            version=each.version if each.installed else None, where=str(each.place) if each.installed else "",
            hint="" if each.installed else each.hint,
        )
        for each in overlays()
    )  # fmt: skip


def main(names: Sequence[str]) -> int:
    """Install the named overlays, or those that are not on request, unless they are there."""
    try:
        chosen = [overlay(name) for name in names if name != "--all"]
        for each in chosen or [each for each in overlays() if names or each.name not in ON_REQUEST]:
            if not each.installed:
                print(f"installing {each.title} {each.version} into {each.place}", flush=True)
                each.install()
    except BitwrightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
