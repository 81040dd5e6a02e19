"""From a Network to simulated hardware in one folder: emit, break on purpose, build, run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from networks import Ints

from bitwright.config import TargetConfig
from bitwright.files import write_arrays
from bitwright.network import Network
from bitwright.network.reference import Reference
from bitwright.report.records import OraclePair, ProtocolCheck, Status
from bitwright.rtl.bundle import Bundle
from bitwright.rtl.emit import emit
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.compare import compare, output_formats
from bitwright.sim.verilator import Bulk, SimBuild, build

Change = Callable[[str], str]


@dataclass(frozen=True)
class Hardware:
    """One network emitted and built under ``folder``."""

    network: Network
    bundle: Bundle
    built: SimBuild
    folder: Path

    def bulk(self, x: Ints) -> OraclePair:
        """Reference and RTL compared as the verify stage does."""
        columns = output_formats(self.network, self.network.outputs)
        return compare("reference", "RTL", Reference(self.network).outputs(x), Bulk(self.built).outputs(x), columns)

    def bench(self, x: Ints, y: Ints | None = None) -> dict[str, ProtocolCheck]:
        """The cocotb bench of the verify stage, by the names of its checks."""
        expected = Reference(self.network).outputs(x) if y is None else y
        write_arrays(self.folder / "bench.npz", {"x": x, "y": expected, "seed": np.array(1)})
        (self.folder / "bundle.json").write_text(self.bundle.model_dump_json())
        top = self.bundle.shell.module
        checks = run_bench(self.built.executable, top, "bitwright.sim.bench", self.folder)
        return {check.name: check for check in checks}

    def measured(self) -> dict[str, Any]:
        """Latency and initiation interval as the bench saw them."""
        values: dict[str, Any] = json.loads((self.folder / "measured.json").read_text())
        return values


def make(network: Network, target: TargetConfig, folder: Path, changes: dict[str, Change] | None = None) -> Hardware:
    """Emit and build; ``changes`` edit emitted files by module name before the build.

    Raises:
        AssertionError: a change changes nothing, so the test that makes it would prove nothing.
    """
    out, sim = folder / "bundle", folder / "sim"
    out.mkdir(parents=True)
    sim.mkdir()
    bundle = emit(network, target, out)
    for module, change in (changes or {}).items():
        path = out / "rtl" / f"{module}.sv"
        text = path.read_text()
        changed = change(text)
        assert changed != text, f"{module}.sv is not changed"
        path.write_text(changed)
    return Hardware(network, bundle, build(bundle, out, sim), folder)


def failed(checks: dict[str, ProtocolCheck]) -> dict[str, str]:
    """Details of the checks that failed; none may be skipped."""
    assert all(check.status in (Status.PASSED, Status.FAILED) for check in checks.values())
    return {name: check.detail for name, check in checks.items() if check.status is Status.FAILED}
