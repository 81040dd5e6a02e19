"""Lint without waivers: every hand-written SystemVerilog block, bundles of every layer kind and of folded networks."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bitwright.config import load_target
from bitwright.eda import process
from bitwright.eda.tools import verilator_binary
from bitwright.errors import BitwrightError
from bitwright.rtl.emit import emit
from bitwright.rtl.lint import diagnostics
from bitwright.sim.verilator import environment

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from networks import every_kind, folded_networks


def verilator_lint(files: list[Path], top: str, log: Path) -> list[str]:
    argv = [str(verilator_binary()), "--lint-only", "-Wall", "--top-module", top, *map(str, files)]
    run = process.run(
        argv,
        cwd=log.parent,
        log=log,
        timeout_s=300,
        env=environment(),
        tool="verilator",
        version="",
        what="lint",
        check=False,
    )
    text = log.read_text()
    return text.splitlines() if run.exit_code or "%Warning" in text or "%Error" in text else []


def lint(files: list[Path], top: str, log: Path) -> list[str]:
    return diagnostics(files, top) + verilator_lint(files, top, log)


def main() -> int:
    found: list[str] = []
    blocks = sorted((ROOT / "src" / "bitwright" / "rtl" / "sv").glob("*.sv"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for file in blocks:
            found += lint(blocks, file.stem, work / "lint.log")
        for network in [*every_kind(), *folded_networks()]:
            out = work / network.name
            out.mkdir()
            bundle = emit(network, load_target(ROOT / "flows" / "targets" / "vu13p_5ns.yaml"), out)
            found += lint([out / name for name in bundle.files], bundle.shell.module, work / "lint.log")
    print("\n".join(found) if found else "clean")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitwrightError as error:
        sys.exit(f"error: {error}")
