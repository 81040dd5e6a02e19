"""Whole networks under Verilator: reference == RTL, and latency and II as bundle.json says.

Many networks go side by side into one, so that one build tests them all.
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import hardware
import networks
import pytest

from bitwright.config import TargetConfig
from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.report.records import Status
from bitwright.rtl.kernel import build

pytestmark = pytest.mark.simulator

CHECKS = {
    "back_to_back", "single_words", "valid_gaps", "backpressure", "gaps_and_backpressure", "long_stall",
    "reset_in_mid_stream",
}  # fmt: skip


def random_ones(first: int, count: int, width: int = 8, layers: int = 5) -> list[Network]:
    """Random networks that hardware does not refuse."""
    found: list[Network] = []
    seed = first
    while len(found) < count:
        network = networks.random_network(random.Random(seed), f"random_{seed}", layers, width)
        seed += 1
        try:
            build(network, 5.0)
        except UnsupportedLayerError:
            continue
        found.append(network)
    return found


def assert_equal(made: hardware.Hardware, rows: int, seed: int = 1) -> None:
    pair = made.bulk(networks.vectors(made.network, rows, seed))
    assert pair.status is Status.PASSED, f"{pair.mismatches} of {pair.vectors} vectors differ, first {pair.first}"
    assert pair.vectors >= rows


@pytest.fixture(scope="module")
def every(target: TargetConfig, tmp_path_factory: pytest.TempPathFactory) -> hardware.Hardware:
    """Every layer kind and twenty random networks."""
    together = networks.combined("every", [*networks.every_kind(), *random_ones(0, 20)])
    return hardware.make(together, target, tmp_path_factory.mktemp("every"))


def test_every_kind_and_random_networks(every: hardware.Hardware) -> None:
    assert_equal(every, 20_000)


def test_their_protocol_latency_and_ii(every: hardware.Hardware) -> None:
    checks = every.bench(networks.vectors(every.network, 120))
    assert set(checks) == CHECKS
    assert hardware.failed(checks) == {}
    assert every.measured()["latency"] == every.bundle.shell.latency
    assert every.measured()["ii"] == every.bundle.shell.ii > 1, "some of its layers are engines"
    assert every.measured()["vectors"] == 129


def test_wide_random_networks(target: TargetConfig, tmp_path: Path) -> None:
    """Values of up to 52 bits inside, ports beyond one machine word."""
    wide = [*random_ones(500, 8, width=16), *random_ones(600, 4, width=24), *random_ones(700, 3, width=34)]
    assert_equal(hardware.make(networks.combined("wide", wide), target, tmp_path), 5_000)


@pytest.mark.parametrize("depth", [1.0, 60.0])
def test_the_pipeline_deep_and_flat(depth: float, target: TargetConfig, tmp_path: Path) -> None:
    """Registers after every operation, and none but at the ports: the same bits, the latency that is promised."""
    network = next(n for n in networks.every_kind() if n.name == "mlp")
    made = hardware.make(network, target.model_copy(update={"depth_per_stage": depth}), tmp_path)
    assert_equal(made, 5_000)
    checks = made.bench(networks.vectors(network, 30))
    assert hardware.failed(checks) == {}
    assert made.measured()["latency"] == made.bundle.shell.latency
    assert (made.bundle.kernel.latency == 2) == (depth > 50)
    assert made.bundle.kernel.latency > 10 or depth > 50


@pytest.mark.parametrize("name", ["dense_exact", "several_outputs"])
def test_every_input_of_a_small_network(name: str, target: TargetConfig, tmp_path: Path) -> None:
    """Exhaustive where that is possible: 65,536 and 1,048,576 vectors."""
    network = next(n for n in networks.every_kind() if n.name == name)
    narrow = tuple(
        dataclasses.replace(layer, result=networks.fmt("fixed<4,2>")) if not layer.sources else layer
        for layer in network.layers
    )
    small = dataclasses.replace(network, layers=narrow)
    formats = [layer.result for layer in small.inputs for _ in range(layer.size)]
    x = networks.every_input(formats)
    made = hardware.make(small, target, tmp_path)
    assert made.bulk(x).status is Status.PASSED
    assert len(x) == 1 << (4 * len(formats))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 2000, 100))
def test_many_random_networks(first: int, target: TargetConfig, tmp_path: Path) -> None:
    many = [*random_ones(first, 40, layers=8), *random_ones(first + 50, 15, 12), *random_ones(first + 80, 10, 20)]
    assert_equal(hardware.make(networks.combined("many", many), target, tmp_path), 20_000, first)
