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
        failed = {n: check.detail for n, check in checks.items() if check.status is not Status.PASSED}
        assert not failed, failed

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
    *,
    more: object = None,
    plain: Mapping[str, Parameters] | None = None,
) -> Simulated:
    """Build the wrapper and run ``bench_<block>.py``, with the coverage of ``instances``.

    Args:
        block: name of the block.
        instances: parameters by name.
        folder: where everything goes.
        mutants: wrong blocks by name; no coverage.
        more: goes to the bench as it is.
        plain: further instances, without coverage: counters cost ten times the compile time of the hardware.
    """
    mutants, plain = mutants or {}, plain or {}
    modules = dict.fromkeys(instances, block) | dict.fromkeys(plain, f"{block}_plain")
    modules |= {name: f"{block}_{name}" for name in mutants}
    values = {**instances, **plain, **{name: mutant.parameters for name, mutant in mutants.items()}}
    library, top = sorted(SOURCES.glob("*.sv")), folder / f"{block}_bench.sv"
    copies = [copy(block, name, folder, mutant) for name, mutant in mutants.items()]
    copies += [copy(block, "plain", folder)] if plain else []
    top.write_text(wrapper(block, modules, values, library))
    return run(block, [*library, *copies, top], folder, {"instances": values, "more": more}, covered=bool(instances))


def run(block: str, files: Sequence[Path], folder: Path, data: object, *, covered: bool) -> Simulated:
    """Build the module ``<block>_bench`` and run the bench on it; ``data`` is what the bench reads."""
    (folder / "bench.json").write_text(json.dumps(data))
    counted = [SOURCES / f"{block}.sv"] if covered else []
    executable = build_block(f"{block}_bench", files, folder, covered=counted)
    checks: dict[str, dict[str, ProtocolCheck]] = {}
    for check in run_bench(executable, f"{block}_bench", f"bench_{block}", folder, python_path=HERE / block):
        name, _, instance = check.name.partition("/instance=")
        checks.setdefault(instance, {})[name] = check
    found = read_coverage(folder / "coverage.dat", f"{block}.sv") if covered else Coverage({})
    return Simulated(checks, found)


def copy(block: str, name: str, folder: Path, mutant: Mutant | None = None) -> Path:
    """The block as a module ``<block>_<name>`` in a file of its own, with the edit of a mutant."""
    text = (SOURCES / f"{block}.sv").read_text()
    if mutant is not None:
        assert text.count(mutant.old) == 1, f"{block}.sv holds '{mutant.old}' {text.count(mutant.old)} times"
        text = text.replace(mutant.old, mutant.new)
    path = folder / f"{block}_{name}.sv"
    path.write_text(re.sub(rf"\b{block}\b", path.stem, text))
    return path


@dataclass(frozen=True)
class Port:
    """As pyslang elaborates it; a copy, since its own objects die with the compilation."""

    name: str
    word: str
    width: int


def wrapper(block: str, modules: Mapping[str, str], values: Mapping[str, Parameters], files: Sequence[Path]) -> str:
    """A module with an instance of each of ``modules``, which have the ports of the block."""
    ports, bodies = {}, []
    for name, found in _ports(block, values, files).items():
        nets = {port: port.name if port.name == "clk" else f"{name}_{port.name}" for port in found}
        ports.update({net: f"  {port.word} wire [{port.width - 1}:0] {net}" for port, net in nets.items()})
        pins = ",\n".join(f"    .{port.name}({net})" for port, net in nets.items())
        bodies.append(f"  {modules[name]} {_overrides(values[name])} {name} (\n{pins}\n  );\n")
    header = f"module {block}_bench (\n" + ",\n".join(ports.values()) + "\n);\n"
    return HEADER + header + "".join(bodies) + "endmodule\n" + FOOTER


def _overrides(parameters: Parameters) -> str:
    return "#(" + ", ".join(f".{name}({value})" for name, value in parameters.items()) + ")" if parameters else ""


def _ports(block: str, values: Mapping[str, Parameters], files: Sequence[Path]) -> dict[str, list[Port]]:
    """The ports of each instance with their widths."""
    compilation = _elaborated(block, values, files)
    found = {one.name: _copies(one) for one in _instances(compilation)}
    assert list(found) == list(values), f"not a name of SystemVerilog among {list(values)}"
    return found


def constant(block: str, parameters: Parameters, name: str) -> int:
    """A localparam of the block with these parameters."""
    compilation = _elaborated(block, {"u": parameters}, sorted(SOURCES.glob("*.sv")))
    (instance,) = _instances(compilation)
    return int(str(instance.body.find(name).value))


def _elaborated(block: str, values: Mapping[str, Parameters], files: Sequence[Path]) -> ast.Compilation:
    """Instances of a block, by name, in a module ``probe``."""
    options = ast.CompilationOptions()
    options.topModules = {"probe"}
    bag = pyslang.Bag()
    bag.compilationOptions = options
    compilation = ast.Compilation(bag)
    bodies = "".join(f"{block} {_overrides(parameters)} {name} ();" for name, parameters in values.items())
    for file in files:
        compilation.addSyntaxTree(syntax.SyntaxTree.fromFile(str(file)))
    compilation.addSyntaxTree(syntax.SyntaxTree.fromText(f"module probe; {bodies} endmodule"))
    return compilation


def _instances(compilation: ast.Compilation) -> list[ast.InstanceSymbol]:
    (top,) = compilation.getRoot().topInstances
    return [one for one in top.body if isinstance(one, ast.InstanceSymbol)]


def _copies(instance: ast.InstanceSymbol) -> list[Port]:
    inward = ast.ArgumentDirection.In
    ports = instance.body.portList
    return [Port(p.name, "input" if p.direction is inward else "output", p.type.bitWidth) for p in ports]
