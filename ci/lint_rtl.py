"""Lint without waivers: every hand-written SystemVerilog block, bundles of every layer kind and of folded networks."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bitwright.config import load_target
from bitwright.eda import process
from bitwright.eda.tools import verilator_binary
from bitwright.errors import BitwrightError
from bitwright.network import Network
from bitwright.network.layers import Dense, Layer, MergeOp
from bitwright.rtl.emit import emit
from bitwright.rtl.engine_dense import valid_reuse_factors
from bitwright.rtl.lint import diagnostics
from bitwright.sim.verilator import environment

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from networks import Draft, every_kind


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


def folded(network: Network) -> Network:
    """Each of its Dense layers with a reuse factor: engines, and streams between them."""
    return replace(network, name=f"{network.name}_folded", layers=tuple(map(_folded, network.layers)))


def _folded(layer: Layer) -> Layer:
    if not isinstance(layer, Dense):
        return layer
    valid = valid_reuse_factors(*layer.weight.raw.shape)
    return replace(layer, strategy="resource", reuse_factor=valid[len(valid) // 2])


def _branches() -> Network:
    """Two engines beside each other behind one input, and what they give added to it: forks, joins and queues."""
    draft = Draft("branches")
    x = draft.input(4, "fixed<6,3>")
    slow = draft.dense(x, 4, accum="fixed<16,8>", result="fixed<8,4,RND,SAT>")
    fast = draft.dense(draft.relu(x, "ufixed<5,3>"), 4, accum="fixed<12,6,TRN,SAT>", result="fixed<8,4>")
    both = draft.merge(MergeOp.ADD, slow, fast, "fixed<9,5>")
    draft.merge(MergeOp.ADD, both, x, "fixed<10,6>")
    return draft.network()


def main() -> int:
    found: list[str] = []
    blocks = sorted((ROOT / "src" / "bitwright" / "rtl" / "sv").glob("*.sv"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for file in blocks:
            found += lint(blocks, file.stem, work / "lint.log")
        dense = [network for network in every_kind() if any(isinstance(layer, Dense) for layer in network.layers)]
        for network in [*every_kind(), *map(folded, [*dense, _branches()])]:
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
