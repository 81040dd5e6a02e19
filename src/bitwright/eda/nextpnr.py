"""nextpnr: place and route of a whole design, with its Fmax, its use of the device, and a bitstream.

The modules' netlists are linked by Yosys into one, inside a harness that feeds data bit by bit: a device has a few
hundred pins, a design may have thousands of bits.  nextpnr's own JSON report is kept as it is.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitwright.eda.process import ToolRun, failure, run, tail
from bitwright.eda.routers import PINS, Router, RouteTool, answer_options, device_options, pack_options
from bitwright.eda.tools import YosysTool
from bitwright.eda.yosys import ModuleJob, SynthOptions, synthesize
from bitwright.eda.yosys_script import render
from bitwright.errors import ToolFailedError

UNPLACED = re.compile(r"ERROR: (Unable to place cell .*implement cell type '(\w+)'|.*[Ff]ailed to (?:place|route).*)")
REPORT, NETLIST = "nextpnr.json", "linked.json"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Harness:
    """What stands around the design: its top, its ports' prefixes and their widths in bits."""

    name: str
    dut: str
    input: str
    output: str
    in_width: int
    out_width: int
    clk: str = "clk"
    rst: str = "rst"


@dataclass(frozen=True, slots=True)
class Routed:
    """A design on a device; all files in the folder that was given."""

    report: Path
    bitstream: Path | None
    runs: tuple[ToolRun, ...]


def harness_text(harness: Harness) -> str:
    """The SystemVerilog of a harness."""
    given = {name: getattr(harness, name) for name in Harness.__slots__}
    parts = {"in_parts": _parts(harness.in_width), "out_parts": _parts(harness.out_width)}
    return render("harness.sv.j2", **given, **parts)


LONGEST_CHAIN = 256
"""Registers in one module: Yosys goes along a chain by recursion, and its stack has ended at 3,136 (mnist_mlp)."""


def _parts(width: int) -> list[tuple[int, int]]:
    """Lowest bit and width of each piece of a word."""
    return [(low, min(LONGEST_CHAIN, width - low)) for low in range(0, width, LONGEST_CHAIN)]


def place_and_route(
    netlists: Sequence[Path],
    ports: Path,
    harness: Harness,
    *,
    part: str,
    clock_ns: float,
    folder: Path,
    yosys: YosysTool,
    tool: RouteTool,
    timeout_s: float = 3600.0,
    say: Say = lambda _: None,
) -> Routed:
    """Link, place, route and pack into ``folder``.  A clock that is missed is no failure: the report says so.

    Args:
        netlists: every module of the design, mapped: Yosys' JSON, or Verilog, which takes it longer to read.
        ports: the source of the design's top.
        harness: around the design's top.
        part: the maker's part number.
        clock_ns: the wanted clock period.
        folder: an existing folder, which gets all files and logs.
        yosys: the program that links.
        tool: the program that routes.
        timeout_s: seconds for each program.
        say: progress.

    Raises:
        ConfigError: unknown part.
        ToolFailedError: a program failed or hung; the design does not fit the device.
    """
    router = tool.router
    options = (*device_options(router, part), *answer_options(router), *router.always)
    common: dict[str, Any] = {"cwd": folder, "timeout_s": timeout_s}
    say("linking the modules' netlists")
    around = _synthesized(harness, ports, router.family, folder, yosys, timeout_s)
    linked = _link((*netlists, around), harness, yosys, router, common)
    if router.pins:
        (folder / PINS).write_text(_pin_text(router, harness), encoding="utf-8")
    say(f"place and route for {part} at {1000 / clock_ns:g} MHz")
    routed = _route(options, clock_ns, tool, harness, common)
    runs, bitstream = [linked, routed], None
    if tool.pack is not None:
        runs.append(run((*tool.pack, *pack_options(router)), log=folder / "pack.log", tool=router.programs[1],
                        version=tool.version, what=f"the bitstream of {harness.dut}", **common))  # fmt: skip
        bitstream = folder / router.bitstream
    for file in (REPORT, *([router.bitstream] if bitstream else [])):
        if not (folder / file).is_file() or (folder / file).stat().st_size == 0:
            raise ToolFailedError(f"nextpnr ended well but wrote no {file}", where=str(routed.log), hint="run it again")
    return Routed(folder / REPORT, bitstream, tuple(runs))


PORTS = ("scan", "scan_in", "in_valid", "in_ready", "out_valid", "out_ready", "capture", "scan_out")
"""Of the harness, beside clock and reset."""


def _pin_text(router: Router, harness: Harness) -> str:
    """A pin for each port of the harness."""
    ports = (harness.clk, harness.rst, *PORTS)
    return "".join(f'IO_LOC "{port}" {pin};\n' for port, pin in zip(ports, router.pins, strict=True))


def _synthesized(harness: Harness, ports: Path, family: str, folder: Path, yosys: YosysTool, timeout_s: float) -> Path:
    """The harness as a netlist; its design is a black box in it."""
    source = folder / f"{harness.name}.sv"
    source.write_text(harness_text(harness), encoding="utf-8")
    job = ModuleJob(harness.name, (source,), harness.name, blackboxes=(ports,))
    options = SynthOptions(flatten=False)
    (made,) = synthesize([job], family=family, out=folder, tool=yosys, options=options, timeout_s=timeout_s)
    return made.verilog


def _link(
    netlists: Sequence[Path], harness: Harness, yosys: YosysTool, router: Router, common: dict[str, Any]
) -> ToolRun:
    names = [f"{number}{path.suffix}" for number, path in enumerate(netlists)]
    for name, path in zip(names, netlists, strict=True):
        shutil.copyfile(path, common["cwd"] / name)
    script = render(
        "link.ys.j2", netlists=names, top=harness.name, out=NETLIST, cells=router.cells, pads=bool(router.pins)
    )
    (common["cwd"] / "link.ys").write_text(script, encoding="utf-8")
    return run((*yosys.argv_prefix, "-s", "link.ys"), log=common["cwd"] / "link.log", tool="Yosys",
               version=yosys.version, what=f"linking {harness.dut}", **common)  # fmt: skip


def _route(
    options: Sequence[str], clock_ns: float, tool: RouteTool, harness: Harness, common: dict[str, Any]
) -> ToolRun:
    """Run nextpnr with a clock to reach, so that it tries, and allowed to miss it."""
    argv = (
        *tool.argv, *options, "--json", NETLIST, "--report", REPORT, "--freq", f"{1000 / clock_ns:g}",
        "--timing-allow-fail", "--seed", "1",
    )  # fmt: skip
    done = run(argv, log=common["cwd"] / "nextpnr.log", tool=tool.router.name, version=tool.version,
               what=f"place and route of {harness.dut}", check=False, **common)  # fmt: skip
    if done.exit_code == 0:
        return done
    found = UNPLACED.search(tail(done.log, 200))
    if found is None:
        raise failure(done, f"place and route of {harness.dut}")
    what = f"no {found[2]} is left" if found[2] else found[1]
    raise ToolFailedError(
        f"{harness.dut} does not fit the device: {what}",
        where=str(done.log),
        hint="take a larger part, fewer bits or a larger reuse factor ('bitwright plan' proposes some)",
    )
