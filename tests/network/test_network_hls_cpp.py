"""hls4ml's own C++ against the reference and the tables: no TensorFlow, only headers and g++."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import hlscpp
import networks
import pytest
from hlscpp import TableCase

from bitwright.fixed import FixedFormat, Overflow, Rounding, parse_format
from bitwright.network import Constant, Network
from bitwright.network.layers import TableFunction
from bitwright.network.reference import Reference
from bitwright.network.tables import (
    activation_table,
    elu_table,
    exp_table,
    inverse_root_table,
    inverse_table,
    selu_table,
)

pytestmark = pytest.mark.hls

EVERY = [network for network in networks.every_kind() if hlscpp.covers(network)]
RANDOM = [networks.random_network(random.Random(seed), f"random_{seed}", 6) for seed in range(20)]
RANDOM += [networks.random_images(random.Random(seed), f"images_{seed}") for seed in range(12)]

RESULTS = [
    parse_format(t) for t in ("fixed<18,8>", "ufixed<8,0,RND,SAT>", "fixed<10,2,RND_CONV,SAT_SYM>", "fixed<5,2>")
]
ADDRESSES = [parse_format(t) for t in ("fixed<12,5>", "ufixed<9,3>", "fixed<6,8>", "ufixed<16,-2>")]
LIMITS = [FixedFormat(n, 3, s, Rounding.RND, o) for n, s, o in itertools.product((9, 1), (True, False), Overflow)]
FILLED = ("sigmoid", "tanh", "softplus", "softsign", "elu", "selu")
TABLES = [
    *(TableCase(kind, n, fmt) for kind in FILLED for n in (8, 256, 1024) for fmt in RESULTS),
    *(TableCase(kind, 64, fmt, a) for kind in ("exp", "negexp", "inverse") for fmt in RESULTS for a in ADDRESSES),
    *(TableCase("inverse", 8, fmt, parse_format("fixed<8,4>")) for fmt in LIMITS),
    *(
        TableCase("root", n, fmt, epsilon=epsilon, range_power=power)
        for fmt in RESULTS
        for n in (1, 48, 4096)
        for epsilon, power in ((3, 0), (5, 2), (1, 7))
    ),
    TableCase("root", 4096, parse_format("ufixed<8,5,RND_CONV,SAT>")),
    TableCase("exp", 1024, parse_format("fixed<18,8,RND,SAT>"), parse_format("fixed<16,6>"), 0.5),
    TableCase("negexp", 128, parse_format("fixed<32,8>"), parse_format("ufixed<7,3>"), 0.125),
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> hlscpp.Compiled:
    return hlscpp.build(tmp_path_factory.mktemp("hls"), [*EVERY, *RANDOM], TABLES)


def assert_equal(compiled: hlscpp.Compiled, number: int, rows: int) -> None:
    network = compiled.networks[number]
    x = networks.vectors(network, rows)
    want, got = compiled.outputs(number, x), Reference(network).outputs(x)
    wrong = (want != got).any(axis=1)
    first = int(wrong.argmax())
    assert not wrong.any(), f"{x[first].tolist()}: C++ {want[first].tolist()}, ours {got[first].tolist()}"


@pytest.mark.parametrize("number", range(len(EVERY)), ids=[network.name for network in EVERY])
def test_every_kind(compiled: hlscpp.Compiled, number: int) -> None:
    assert_equal(compiled, number, 2000)


@pytest.mark.parametrize("number", range(len(RANDOM)))
def test_random_networks(compiled: hlscpp.Compiled, number: int) -> None:
    assert_equal(compiled, len(EVERY) + number, 500)


def ours(case: TableCase) -> Constant:
    match case.kind:
        case "elu":
            return elu_table(case.entries, case.result)
        case "selu":
            return selu_table(case.entries, case.result)
        case "sigmoid" | "tanh" | "softplus" | "softsign":
            return activation_table(TableFunction(case.kind), case.entries, case.result)
        case "root":
            return inverse_root_table(case.entries, case.result, case.epsilon, case.range_power)
        case "inverse":
            return inverse_table(case.address, case.entries, case.result)
    return exp_table(case.address, case.entries, case.result, case.scale, case.kind == "negexp")


@pytest.mark.parametrize("number", range(len(TABLES)), ids=[f"{t.kind}-{t.entries}-{t.result}" for t in TABLES])
def test_tables(compiled: hlscpp.Compiled, number: int) -> None:
    """To the bit, with infinities: the reciprocal of zero and the exponential of much."""
    assert ours(TABLES[number]).raw.tolist() == compiled.table(number).tolist()


@pytest.mark.slow
def test_many_random_networks(tmp_path: Path) -> None:
    many: list[Network] = [networks.random_network(random.Random(seed), f"many_{seed}", 8) for seed in range(100, 300)]
    many += [networks.random_images(random.Random(seed), f"images_{seed}") for seed in range(100, 200)]
    library = hlscpp.build(tmp_path, many)
    for number in range(len(many)):
        assert_equal(library, number, 200)
