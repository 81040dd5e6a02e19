"""The fast reference against the naive interpreter: every layer kind, random networks, and the edges of floats."""

from __future__ import annotations

import random
from typing import Any

import naive
import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Draft

from bitwright.errors import UsageError
from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.network import Network
from bitwright.network.bounds import network_bounds
from bitwright.network.layers import MergeOp
from bitwright.network.reference import BLOCK, Reference, evaluate
from bitwright.network.vectors import corners, input_formats, random_rows

EVERY = networks.every_kind()


def assert_equal(network: Network, x: networks.Ints) -> None:
    """``outputs`` (fused, fast) and ``layers`` (every layer) equal the naive interpreter."""
    reference = Reference(network)
    want = [naive.evaluate(network, row) for row in x.tolist()]
    layers = reference.layers(x)
    assert list(layers) == [layer.name for layer in network.layers]
    for name, got in layers.items():
        assert got.tolist() == [row[name] for row in want], f"{network.name}.{name}"
    joined = [[value for name in network.outputs for value in row[name]] for row in want]
    assert reference.outputs(x).tolist() == joined, f"{network.name}: fused plan"


@pytest.mark.parametrize("network", EVERY, ids=lambda network: network.name)
def test_every_kind(network: Network) -> None:
    assert_equal(network, networks.vectors(network, 60))


@given(networks.random_networks(), st.integers(0, 1000))
@settings(max_examples=150)
def test_random_networks(network: Network, seed: int) -> None:
    assert_equal(network, networks.vectors(network, 16, seed))


@given(st.randoms(use_true_random=False), st.integers(0, 1000))
@settings(max_examples=60)
def test_random_images(rng: random.Random, seed: int) -> None:
    network = networks.random_images(rng)
    assert_equal(network, networks.vectors(network, 8, seed))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 3000, 500))
def test_many_random_networks(start: int) -> None:
    for seed in range(start, start + 500):
        network = networks.random_network(random.Random(seed), layers=8)
        assert_equal(network, networks.vectors(network, 8, seed))


def test_the_fused_plan_is_shorter_and_equal() -> None:
    """The mlp's Dense layers disappear into their readers, so both plans are really tested."""
    network = next(n for n in EVERY if n.name == "mlp")
    reference = Reference(network)
    assert len(reference._fast) < len(reference._all) == len(network.layers)


# --- the edges where a too narrow type would lose bits ------------------------------------------

EDGES = sorted({b + d for b in (24, 53, 60, 62) for d in (-3, -2, -1, 0, 1, 2)})


def extremes(network: Network) -> networks.Ints:
    rng = np.random.default_rng(5)
    formats = input_formats(network)
    near = [np.clip(np.array([f.max for f in formats]) - rng.integers(0, 3, len(formats)), 0, None) for _ in range(4)]
    return np.concatenate([corners(formats), np.array(near), random_rows(formats, 8, rng)])


def wide(bits: int, integer: int = 4, **modes: Any) -> FixedFormat:
    return FixedFormat(min(bits, 64), integer, **modes)


@pytest.mark.parametrize("bits", EDGES)
@pytest.mark.parametrize("overflow", ["WRAP", "SAT"])
def test_dense_sums_at_the_edges(bits: int, overflow: str) -> None:
    """Eight products whose sum needs ``bits`` bits, read exactly, rounded, and wrapped."""
    draft = Draft(f"edge{bits}")
    width = bits // 2
    x = draft.input(8, FixedFormat(bits - width - 2, 3))
    accum = FixedFormat(min(bits, 64), 6, True, Rounding.TRN, Overflow(overflow))
    dense = draft.dense(x, 3, weight=FixedFormat(width, 2), bias=FixedFormat(width, 2), accum=accum, result=accum)
    draft.cast(dense, FixedFormat(12, 5, True, Rounding.RND_CONV, Overflow.SAT))
    draft.relu(dense, FixedFormat(min(bits, 60), 5, False, Rounding.RND, Overflow.SAT))
    network = draft.network(*draft.layers[-2:])
    assert_equal(network, extremes(network))
    only = Network("chain", (*network.layers[:2], network.layers[2]), (network.layers[2].name,))
    assert_equal(only, extremes(only))


@pytest.mark.parametrize("bits", EDGES)
def test_scale_and_bias_at_the_edges(bits: int) -> None:
    draft = Draft(f"scale{bits}")
    x = draft.input(3, FixedFormat(bits // 2, 3))
    out = draft.scale_bias(
        x, FixedFormat(bits - bits // 2, 2), FixedFormat(bits // 2, 9), FixedFormat(min(bits, 63), 6)
    )
    network = draft.network(out, draft.scale_bias(out, "fixed<3,2>", "fixed<3,1>", "fixed<20,8,RND_INF,SAT>"))
    assert_equal(network, extremes(network))


@pytest.mark.parametrize("bits", EDGES)
def test_merges_at_the_edges(bits: int) -> None:
    """Operands of different binary points: aligning them is what grows."""
    draft = Draft(f"merge{bits}")
    a, b = draft.input(2, FixedFormat(bits // 2, 2)), draft.input(2, FixedFormat(bits - bits // 2, bits - bits // 2))
    c, d = draft.input(2, FixedFormat(min(bits, 63), 2)), draft.input(2, FixedFormat(min(bits, 63), 2, signed=False))
    result = FixedFormat(min(bits, 63), 8, True, Rounding.RND_ZERO, Overflow.SAT)
    both = [draft.merge(op, p, q, result) for op in MergeOp for p, q in ((a, b), (c, d))]
    network = draft.network(*both)
    assert_equal(network, extremes(network))


@pytest.mark.parametrize("bits", EDGES)
@pytest.mark.parametrize("rounding", list(Rounding))
def test_casts_and_relus_at_the_edges(bits: int, rounding: Rounding) -> None:
    """A value one bit below a tie, in the widest type that still holds it."""
    draft = Draft(f"cast{bits}{rounding.value}")
    x = draft.input(2, FixedFormat(min(bits, 64), 4))
    outs = [draft.cast(x, FixedFormat(n, 4, True, rounding, Overflow.SAT)) for n in (3, bits // 2, bits - 3)]
    outs += [draft.relu(x, FixedFormat(n, 4, False, rounding, Overflow.WRAP)) for n in (3, bits // 2, bits - 3)]  # type: ignore[misc]
    up = draft.cast(x, FixedFormat(64, 4 + 64 - min(64, bits + 5), True, rounding, Overflow.SAT_ZERO))
    network = draft.network(*outs, up)
    x_rows = extremes(network)
    half = np.array([[1 << (bits - 4), (1 << (bits - 4)) - 1], [-(1 << (bits - 4)), 1 - (1 << (bits - 4))]])
    assert_equal(network, np.concatenate([x_rows, half.astype(np.int64)]))


@pytest.mark.parametrize(("bits", "kind"), [(24, "f"), (25, "f"), (53, "f"), (54, "i"), (62, "i"), (64, "O")])
def test_the_arithmetic_is_chosen_by_the_bound(bits: int, kind: str) -> None:
    """A dense sum that needs ``bits`` bits with its spare ones: floats, int64, then Python integers."""
    from bitwright.network.steps import SPARE_BITS, step_of

    draft = Draft("chosen")
    width = bits - 2 * SPARE_BITS
    x = draft.input(1, FixedFormat(width, width))
    dense = draft.dense(x, 1, raw=[1], raw_bias=[0], weight="fixed<2,2>", accum=x.result, result=x.result)
    network = draft.network(dense)
    step = step_of(dense, [x], network_bounds(network))
    got = step(np.array([[x.result.max]], dtype=np.int64))
    assert got.dtype.kind == kind, got.dtype
    if kind == "f":
        assert got.dtype.itemsize == (4 if bits <= 24 else 8)
    assert int(got[0, 0]) == x.result.max


def test_sixty_four_unsigned_bits() -> None:
    """The widest format of all does not fit int64: an exact answer or an error, never a wrong number."""
    draft = Draft("u64")
    x = draft.input(1, "ufixed<63,63>")
    wide_sum = draft.merge(MergeOp.ADD, x, x, "ufixed<64,64>")
    network = draft.network(wide_sum)
    rows = np.array([[(1 << 63) - 1], [5]], dtype=np.int64)
    assert Reference(network).outputs(rows).tolist() == [[(1 << 64) - 2], [10]]


# --- the interface -------------------------------------------------------------------------------


def test_many_rows_in_blocks_and_threads() -> None:
    network = next(n for n in EVERY if n.name == "mlp")
    x = networks.vectors(network, 3 * BLOCK + 17)
    one, four = Reference(network, threads=1), Reference(network, threads=4)
    y = one.outputs(x)
    assert (y == four.outputs(x)).all()
    assert (y[BLOCK - 3 : BLOCK + 3] == evaluate(network, x[BLOCK - 3 : BLOCK + 3])).all()
    assert {name: v.tolist() for name, v in four.layers(x[:50], ["cast1"]).items()} == {
        "cast1": one.layers(x[:50])["cast1"].tolist()
    }


def test_no_rows() -> None:
    network = next(n for n in EVERY if n.name == "several_outputs")
    reference = Reference(network)
    assert reference.outputs(np.empty((0, reference.input_size), dtype=np.int64)).shape == (0, 9)


@pytest.mark.parametrize("shape", [(3,), (3, 3), (3, 5), (1, 2, 2)])
def test_vectors_of_a_wrong_shape(shape: tuple[int, ...]) -> None:
    reference = Reference(next(n for n in EVERY if n.name == "dense_exact"))
    with pytest.raises(UsageError, match=r"dense_exact: vectors of shape .* the network takes \(rows, 4\)"):
        reference.outputs(np.zeros(shape, dtype=np.int64))


def test_values_outside_the_input_format() -> None:
    reference = Reference(next(n for n in EVERY if n.name == "dense_exact"))
    with pytest.raises(UsageError, match=r"a value is outside fixed<6,3>"):
        reference.outputs(np.array([[0, 0, 32, 0]]))
