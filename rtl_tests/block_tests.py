"""One simulation for all tests of a block: its instances, and mutants that must be found, in a generated wrapper.

A port ``p`` of the instance ``i`` is the port ``i_p`` of the wrapper; all share ``clk``.  The bench of the block
runs each of its checks on each instance by itself (``block_bench.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pyslang
from pyslang import ast, syntax

from bitwright.report.records import ProtocolCheck, Status
from bitwright.rtl.verilog import FOOTER, HEADER
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.rtl_coverage import Coverage, read_coverage
from bitwright.sim.verilator import build_block

HERE = Path(__file__).parent
SOURCES = Path(str(resources.files("bitwright.rtl") / "sv"))

Parameters = Mapping[str, int]


@dataclass(frozen=True)
class Mutant:
    """A wrong block: one edit of its source, and the check and the words that report it."""

    old: str
    new: str
    seen_by: str
    says: str
    parameters: Parameters


@dataclass(frozen=True)
class Simulated:
    """What the bench said of each instance, by the names of its checks, and what it reached."""

    checks: dict[str, dict[str, ProtocolCheck]]
    coverage: Coverage

    def passes(self, instance: str, names: set[str]) -> None:
        """Fail unless every check passed, and no other ran."""
        checks = self.checks[instance]
        assert set(checks) == names
        assert {n: check.detail for n, check in checks.items() if check.status is not Status.PASSED} == {}

    def finds(self, name: str, mutant: Mutant) -> None:
        """Fail unless the check that should see this mutant saw it."""
        check = self.checks[name][mutant.seen_by]
        assert check.status is Status.FAILED, f"{mutant.seen_by} passes a block with '{mutant.new}'"
        assert mutant.says in check.detail, f"{mutant.seen_by} says: {check.detail}"


def simulate(
    block: str,
    instances: Mapping[str, Parameters],
    folder: Path,
    mutants: Mapping[str, Mutant] | None = None,
    more: object = None,
) -> Simulated:
    """Build the wrapper with coverage and run ``bench_<block>.py``; ``more`` goes to the bench as it is."""
    mutants = mutants or {}
    modules = dict.fromkeys(instances, block) | {name: f"{block}_{name}" for name in mutants}
    values = {**instances, **{name: mutant.parameters for name, mutant in mutants.items()}}
    files = sorted(SOURCES.glob("*.sv")) + [_mutate(block, name, mutant, folder) for name, mutant in mutants.items()]
    top = folder / f"{block}_bench.sv"
    top.write_text(wrapper(block, modules, values, sorted(SOURCES.glob("*.sv"))))
    return run(block, [*files, top], folder, {"instances": values, "more": more})


def run(block: str, files: Sequence[Path], folder: Path, data: object) -> Simulated:
    """Build the module ``<block>_bench`` and run the bench on it; ``data`` is what the bench reads."""
    (folder / "bench.json").write_text(json.dumps(data))
    executable = build_block(f"{block}_bench", files, folder, coverage=True)
    checks: dict[str, dict[str, ProtocolCheck]] = {}
    for check in run_bench(executable, f"{block}_bench", f"bench_{block}", folder, python_path=HERE / block):
        name, _, instance = check.name.partition("/instance=")
        checks.setdefault(instance, {})[name] = check
    return Simulated(checks, read_coverage(folder / "coverage.dat", f"{block}.sv"))


def _mutate(block: str, name: str, mutant: Mutant, folder: Path) -> Path:
    text = (SOURCES / f"{block}.sv").read_text()
    assert text.count(mutant.old) == 1, f"{block}.sv holds '{mutant.old}' {text.count(mutant.old)} times"
    path = folder / f"{block}_{name}.sv"
    path.write_text(re.sub(rf"\b{block}\b", path.stem, text.replace(mutant.old, mutant.new)))
    return path


def wrapper(block: str, modules: Mapping[str, str], values: Mapping[str, Parameters], files: Sequence[Path]) -> str:
    """A module with an instance of each of ``modules``, which have the ports of the block."""
    ports, bodies, clocked = [], [], False
    for name, found in _ports(block, values, files).items():
        own = [port for port in found if port.name != "clk"]
        clocked |= len(own) < len(found)
        for port in own:
            word = "input" if port.direction is ast.ArgumentDirection.In else "output"
            ports.append(f"  {word} wire [{port.type.bitWidth - 1}:0] {name}_{port.name}")
        pins = ["    .clk(clk)"] * (len(own) < len(found)) + [f"    .{port.name}({name}_{port.name})" for port in own]
        bodies.append(f"  {modules[name]} {_overrides(values[name])} {name} (\n" + ",\n".join(pins) + "\n  );\n")
    ports = ["  input wire clk"] * clocked + ports
    return f"{HEADER}module {block}_bench (\n" + ",\n".join(ports) + "\n);\n" + "".join(bodies) + f"endmodule\n{FOOTER}"


def _overrides(parameters: Parameters) -> str:
    return "#(" + ", ".join(f".{name}({value})" for name, value in parameters.items()) + ")" if parameters else ""


def _ports(block: str, values: Mapping[str, Parameters], files: Sequence[Path]) -> dict[str, Sequence[ast.PortSymbol]]:
    """The ports of each instance with their widths, as pyslang elaborates them."""
    options = ast.CompilationOptions()
    options.topModules = {"probe"}
    bag = pyslang.Bag()
    bag.compilationOptions = options
    compilation = ast.Compilation(bag)
    bodies = "".join(f"{block} {_overrides(parameters)} {name} ();" for name, parameters in values.items())
    for file in files:
        compilation.addSyntaxTree(syntax.SyntaxTree.fromFile(str(file)))
    compilation.addSyntaxTree(syntax.SyntaxTree.fromText(f"module probe; {bodies} endmodule"))
    (top,) = compilation.getRoot().topInstances
    return {member.name: list(member.body.portList) for member in top.body if isinstance(member, ast.InstanceSymbol)}
