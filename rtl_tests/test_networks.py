"""Whole small networks: emitted, simulated, and equal to the reference; and proof that a wrong bit is seen."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from networks import combined, every_kind, random_network, vectors

from bitwright.config import load_target
from bitwright.files import write_arrays
from bitwright.network import Network
from bitwright.network.reference import Reference
from bitwright.report.records import Status
from bitwright.rtl.bundle import Bundle, emit
from bitwright.sim import verilator
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.diagnose import diagnose_rtl
from bitwright.stages.verify import CHECKS

pytestmark = pytest.mark.simulator

TARGET = load_target(Path(__file__).parent.parent / "flows" / "targets" / "vu13p_5ns.yaml")


def emitted(network: Network, folder: Path) -> Bundle:
    root = folder / "bundle"
    root.mkdir(parents=True)
    return emit(network, TARGET, root)


def simulated(bundle: Bundle, folder: Path) -> verilator.SimBuild:
    sim = folder / "sim"
    sim.mkdir()
    return verilator.build(bundle, folder / "bundle", sim)


def bench(built: verilator.SimBuild, folder: Path, x: np.ndarray, y: np.ndarray) -> dict[str, Status]:
    write_arrays(folder / "bench.npz", {"x": x, "y": y, "seed": np.array(1)})
    (folder / "bundle.json").write_text(built.bundle.model_dump_json())
    checks = run_bench(built.executable, built.bundle.shell.module, "bitwright.sim.bench", folder)
    return {check.name: check.status for check in checks}


def test_every_layer_kind_in_hardware(tmp_path: Path) -> None:
    """All kinds in one network, so that one build tries them all: bits, protocol, latency, II."""
    network = combined("everything", every_kind())
    x = vectors(network, rows=2000)
    y = Reference(network).outputs(x)
    built = simulated(emitted(network, tmp_path), tmp_path)
    assert np.array_equal(verilator.Bulk(built).outputs(x), y)
    assert bench(built, tmp_path, x[:400], y[:400]) == dict.fromkeys(CHECKS, Status.PASSED)


def check_random(seeds: range, folder: Path) -> None:
    networks = [random_network(random.Random(seed), f"random_{seed}") for seed in seeds]
    network = combined("randoms", networks)
    x = vectors(network, rows=3000, seed=seeds.start)
    built = simulated(emitted(network, folder), folder)
    assert np.array_equal(verilator.Bulk(built).outputs(x), Reference(network).outputs(x))


def test_random_networks_in_hardware(tmp_path: Path) -> None:
    check_random(range(8), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 500, 20))
def test_more_random_networks_in_hardware(first: int, tmp_path: Path) -> None:
    check_random(range(first, first + 20), tmp_path)


def small() -> Network:
    return next(network for network in every_kind() if network.name == "mlp")


def test_a_wrong_operator_is_found_and_named(tmp_path: Path) -> None:
    """One plus made a minus: the bulk comparison differs, and the diagnosis names the layer, with a waveform."""
    network = small()
    bundle = emitted(network, tmp_path)
    module = next(m for m in bundle.modules)
    path = tmp_path / "bundle" / module.file
    text = path.read_text()
    assert " + " in text
    path.write_text(text.replace(" + ", " - ", 1))
    built = simulated(bundle, tmp_path)
    x = vectors(network, rows=500)
    reference = Reference(network)
    rtl = verilator.Bulk(built).outputs(x)
    assert not np.array_equal(rtl, reference.outputs(x))
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    first = diagnose_rtl(bundle, tmp_path / "bundle", reference, x, rtl, evidence)
    assert first is not None
    assert first.layer in module.layers
    assert first.expected_bits != first.actual_bits
    assert (evidence / str(first.waveform)).stat().st_size > 1000


def test_a_dropped_register_is_found(tmp_path: Path) -> None:
    """The valid bit one clock early: the bench's latency check, or its bits, must fail."""
    network = small()
    bundle = emitted(network, tmp_path)
    top = tmp_path / "bundle" / "rtl" / f"{bundle.kernel.module}.sv"
    last = bundle.kernel.latency - 1
    text = top.read_text()
    assert f"out_valid = valid_q[{last}]" in text
    wrong = text.replace(f"out_valid = valid_q[{last}]", f"out_valid = valid_q[{last - 1}]")
    top.write_text(wrong.replace("endmodule", f"  wire unused_last = &{{1'b0, valid_q[{last}]}};\nendmodule"))
    built = simulated(bundle, tmp_path)
    x = vectors(network, rows=200)
    statuses = bench(built, tmp_path, x, Reference(network).outputs(x))
    assert statuses["back_to_back"] is Status.FAILED
    shutil.rmtree(tmp_path / "sim")
