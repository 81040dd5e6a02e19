"""Proved ranges: no value is ever outside, and they are as tight as interval arithmetic allows."""

from __future__ import annotations

import random

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Draft

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize
from bitwright.network import Network
from bitwright.network.bounds import network_bounds
from bitwright.network.bounds_products import dense_bounds
from bitwright.network.interval import Interval, cast
from bitwright.network.layers import MergeOp
from bitwright.network.reference import Reference


def assert_inside(network: Network, x: networks.Ints) -> None:
    bounds = network_bounds(network)
    for name, values in Reference(network).layers(x).items():
        low, high = bounds[name].low.astype(np.int64), bounds[name].high.astype(np.int64)
        assert (values >= low).all(), f"{network.name}.{name} goes below its bound"
        assert (values <= high).all(), f"{network.name}.{name} goes above its bound"
        fmt = network.layer(name).result
        assert low.min() >= fmt.min
        assert high.max() <= fmt.max


@pytest.mark.parametrize("network", networks.every_kind(), ids=lambda network: network.name)
def test_every_kind(network: Network) -> None:
    assert_inside(network, networks.vectors(network, 500))


@given(networks.random_networks(), st.integers(0, 1000))
@settings(max_examples=100)
def test_random_networks(network: Network, seed: int) -> None:
    assert_inside(network, networks.vectors(network, 64, seed))


@given(st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_random_images(rng: random.Random) -> None:
    network = networks.random_images(rng)
    assert_inside(network, networks.vectors(network, 64))


@pytest.mark.slow
def test_many_random_networks() -> None:
    for seed in range(2000):
        network = networks.random_network(random.Random(seed), layers=8)
        assert_inside(network, networks.vectors(network, 64, seed))


def test_a_relu_limit_between_the_steps_of_a_coarse_source() -> None:
    """Once a limit of 6 on a source in steps of 4 was taken for 4, and a later wrap was thought impossible."""
    draft = Draft("coarse_limit")
    relu = draft.relu(draft.input(1, "fixed<3,5>"), "ufixed<6,4>", limit=6)
    network = draft.network(draft.cast(relu, "ufixed<3,3>"))
    assert network_bounds(network)[relu.name].high.tolist() == [24]
    assert Reference(network).outputs(np.array([[2], [1], [-1]])).tolist() == [[6], [4], [0]]


def test_an_input_port_takes_every_pattern() -> None:
    """SAT_SYM never gives the smallest value, but a port can be driven with it."""
    draft = Draft("symmetric")
    x = draft.input(1, FixedFormat(4, 4, True, Rounding.RND, Overflow.SAT_SYM))
    network = draft.network(draft.merge(MergeOp.SUBTRACT, x, x, "fixed<5,5>"), draft.cast(x, "fixed<5,5>"))
    assert network_bounds(network)[x.name].low.tolist() == [-8]
    assert Reference(network).outputs(np.array([[-8]])).tolist() == [[0, -8]]


formats = st.builds(
    FixedFormat, st.integers(1, 5), st.integers(-1, 6), st.booleans(),
    st.sampled_from(list(Rounding)), st.sampled_from(list(Overflow)),
)  # fmt: skip


@given(st.integers(-40, 40), st.integers(0, 40), st.integers(-2, 5), formats)
@settings(max_examples=400)
def test_a_cast_of_an_interval_holds_the_cast_of_every_value(
    low: int, size: int, fraction: int, fmt: FixedFormat
) -> None:
    values = np.arange(low, low + size + 1, dtype=np.int64)
    bound = cast(Interval(values[:1].astype(object), values[-1:].astype(object)), fraction, fmt)
    got = quantize(values, fraction, fmt)
    assert bound.low[0] <= got.min()
    assert bound.high[0] >= got.max()
    if fmt.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        assert (bound.low[0], bound.high[0]) == (got.min(), got.max()), "saturation and rounding are monotone: exact"


def test_dense_bounds_are_reached() -> None:
    """The extreme inputs by the signs of the weights reach the ends of the sum."""
    draft = Draft("ends")
    x = draft.input(3, "fixed<4,2>")
    dense = draft.dense(x, 1, raw=[3, -5, 0], raw_bias=[2], accum="fixed<16,8>", result="fixed<16,8>")
    bounds = network_bounds(draft.network(dense))
    low, high = bounds[dense.name].low[0], bounds[dense.name].high[0]
    ends = Reference(draft.network(dense)).outputs(np.array([[-8, 7, 0], [7, -8, 3]]))[:, 0]
    assert ends.tolist() == [low, high]
    inner = dense_bounds(dense, bounds[x.name], x.result.fraction)
    assert inner.exact
    assert not inner.partial.low[0] > low


def test_bits_of_an_interval() -> None:
    assert Interval(np.array([-8], dtype=object), np.array([7], dtype=object)).bits == 4
    assert Interval(np.array([0], dtype=object), np.array([0], dtype=object)).bits == 0
    assert Interval(np.array([], dtype=object), np.array([], dtype=object)).bits == 0
    assert Interval(np.array([-3, 5], dtype=object), np.array([-1, 1 << 70], dtype=object)).bits == 71
