"""A fast gate: pyslang parses and elaborates SystemVerilog, and any diagnostic is an error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyslang
from pyslang import ast, syntax

from bitwright.errors import BitwrightError


def diagnostics(files: Sequence[Path], top: str | None = None) -> list[str]:
    """What pyslang says of these files together, one text per diagnostic."""
    options = ast.CompilationOptions()
    if top is not None:
        options.topModules = {top}
    bag = pyslang.Bag()
    bag.compilationOptions = options
    compilation = ast.Compilation(bag)
    manager = pyslang.SourceManager()
    for file in files:
        compilation.addSyntaxTree(syntax.SyntaxTree.fromFile(str(file), manager))
    engine = pyslang.DiagnosticEngine(manager)
    client = pyslang.TextDiagnosticClient()
    engine.addClient(client)
    found = list(compilation.getAllDiagnostics())
    for diagnostic in found:
        engine.issue(diagnostic)
    return [line for line in client.getString().strip().splitlines() if line] if found else []


def lint(files: Sequence[Path], top: str | None = None) -> None:
    """Raise an error with the first diagnostics, if there is any."""
    found = diagnostics(files, top)
    if found:
        shown = "\n".join(found[:6])
        raise BitwrightError(f"the emitted SystemVerilog is not clean:\n{shown}", where=str(files[-1].parent))
