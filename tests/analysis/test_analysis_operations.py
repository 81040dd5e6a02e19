"""Operations of every layer kind against counting them one by one."""

from __future__ import annotations

import dataclasses
import random

import networks
import numpy as np
import pytest
from counting import counted, digits, steps

from bitwright.analysis.ebops import bias_ebops, ebops
from bitwright.analysis.operations import nonzero_macs, operations, work
from bitwright.analysis.widths import bit_lengths, element_widths, enclosed_bits, needed_bits
from bitwright.fixed import FixedFormat
from bitwright.network import Constant, Network
from bitwright.network.layers import LAYER_KINDS, CastEach, Concat, Conv, Dense, MergeOp, Recurrent, ScaleBias, Shape

EVERY = networks.every_kind()
RANDOM = [networks.random_images(random.Random(seed), f"images_{seed}") for seed in range(6)]


@pytest.mark.parametrize("network", [*EVERY, *RANDOM], ids=lambda network: network.name)
def test_every_layer_is_counted_as_one_by_one(network: Network) -> None:
    found, layers = work(network), network.by_name
    for layer in network.layers:
        assert dataclasses.asdict(found[layer.name]) == counted(layer, [layers[n] for n in layer.sources]), layer.name


def test_every_kind_is_in_these_networks() -> None:
    assert {type(layer).__name__ for network in EVERY for layer in network.layers} == set(LAYER_KINDS)


def test_a_dense_layer_by_hand() -> None:
    draft = networks.Draft("by_hand")
    x = draft.input(3, "fixed<6,3>")
    draft.dense(x, 2, weight="fixed<5,2>", bias="fixed<7,2>", raw_bias=[1, 0], accum="fixed<18,9>", result="fixed<8,4>")
    found = work(draft.network())["dense1"]
    assert (found.macs, found.flops) == (6, 6 * 2 + 2)
    assert found.bitops == 6 * 6 * 5 + 2 * 7


def test_a_bias_of_zero_is_none() -> None:
    draft = networks.Draft("without_bias")
    draft.dense(draft.input(3, "fixed<6,3>"), 2, raw_bias=[0, 0], accum="fixed<18,9>", result="fixed<8,4>")
    assert work(draft.network())["dense1"].bias == 0


def test_macs_with_a_weight() -> None:
    for network in EVERY:
        for layer in network.layers:
            if isinstance(layer, Dense | Conv):
                uses = len(list(np.ndindex(*layer.shape[:-1]))) if isinstance(layer, Conv) else 1
                assert nonzero_macs(layer) == uses * sum(raw != 0 for raw in layer.weight.raw.ravel().tolist())


# --- effective bits ------------------------------------------------------------------------------


def test_enclosed_bits_are_the_digits_between_ones() -> None:
    edges = [2**k + d for k in range(63) for d in (-1, 0, 1)] + [-(2**63), 2**63 - 1, 0, -40, 40, 5, 2**54 - 1]
    raw = np.array([v for v in edges if -(2**63) <= v < 2**63], dtype=np.int64)
    found = enclosed_bits(Constant(raw, FixedFormat(64, 10)))
    assert found.tolist() == [digits(v) for v in raw.tolist()]


def test_bit_lengths_are_exact_beyond_a_double() -> None:
    numbers = [0, 1, 2**32 - 1, 2**32, 2**53 + 1, 2**54 - 1, 2**63, 2**64 - 1]
    assert bit_lengths(np.array(numbers, dtype=np.uint64)).tolist() == [n.bit_length() for n in numbers]


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 0, 0), (0, 7, 3), (-8, 7, 4), (-1, 0, 1), (-9, 3, 5), (-8, 8, 5)]
)
def test_needed_bits(low: int, high: int, bits: int) -> None:
    assert needed_bits(low, high) == bits


def padded(widths: list[int], shape: Shape, position: tuple[int, ...], channel: int) -> int:
    """Bits of an element of an image; none outside of it."""
    place = 0
    for at, size in zip(position, shape, strict=False):
        if not 0 <= at < size:
            return 0
        place = place * size + at
    return widths[place * shape[-1] + channel]


def conv_ebops(layer: Conv, shape: Shape, widths: list[int]) -> int:
    total = 0
    for at in np.ndindex(*layer.shape):
        for tap in np.ndindex(*layer.kernel):
            spot = tuple(
                p * s + t - layer.padding[2 * axis]
                for axis, (p, s, t) in enumerate(zip(at, layer.stride, tap, strict=False))
            )
            for channel in [at[-1]] if layer.depthwise else range(shape[-1]):
                weight = layer.weight.raw[(*tap, channel) if layer.depthwise else (*tap, channel, at[-1])]
                total += padded(widths, shape, spot, channel) * digits(int(weight))
    return total


@pytest.mark.parametrize("network", [*EVERY, *RANDOM], ids=lambda network: network.name)
def test_ebops_of_weights_one_by_one(network: Network) -> None:
    found, widths, layers = ebops(network), element_widths(network), network.by_name
    for layer in network.layers:
        if isinstance(layer, Dense):
            bits = widths[layer.sources[0]].tolist()
            one_by_one = [bits[i] * digits(int(layer.weight.raw[i, j])) for i, j in np.ndindex(layer.weight.raw.shape)]
            assert found[layer.name] == sum(one_by_one)
            assert bias_ebops(layer) == sum(digits(raw) for raw in layer.bias.raw.tolist())
        elif isinstance(layer, Conv):
            bits = widths[layer.sources[0]].tolist()
            assert found[layer.name] == conv_ebops(layer, layers[layer.sources[0]].shape, bits)
        elif isinstance(layer, ScaleBias):
            scale = layer.scale.raw.tolist()
            bits = widths[layer.sources[0]].tolist()
            assert found[layer.name] == sum(b * digits(scale[i % len(scale)]) for i, b in enumerate(bits))


@pytest.mark.parametrize("network", EVERY, ids=lambda network: network.name)
def test_ebops_are_bitops_of_products_where_all_digits_count(network: Network) -> None:
    """Where every constant has all its digits and no element has a type of its own, the two costs are the same."""
    full = dataclasses.replace(network, layers=tuple(all_digits(layer) for layer in network.layers))
    found, layers = ebops(full), full.by_name
    plain = not any(isinstance(layer, CastEach | Concat | Conv) for layer in full.layers)
    for layer in full.layers:
        expected = sum(cost for what, cost in steps(layer, [layers[n] for n in layer.sources]) if what[0] == "m")
        assert found[layer.name] == expected if plain else found[layer.name] <= expected


def all_digits(layer: networks.Layer) -> networks.Layer:
    """The layer with 2**W - 1 in every constant that is a factor, which no format of W bits holds: W digits."""
    names = {"weight", "recurrent_weight", "scale", "slope", "gain", "alpha"}
    if type(layer).__name__ == "LayerNorm":
        return layer
    made = {}
    for field in dataclasses.fields(layer):
        value = getattr(layer, field.name)
        if isinstance(value, Constant) and field.name in names:
            made[field.name] = Constant(np.full_like(value.raw, 2**value.format.width - 1), value.format)
    return dataclasses.replace(layer, **made) if made else layer


def test_two_tensors_element_by_element() -> None:
    draft = networks.Draft("pairs")
    x, y = draft.input(4, "fixed<9,4>"), draft.input(2, "ufixed<7,3>")
    a = draft.cast_each(x, "fixed<9,4>", ["fixed<3,2>", None, "ufixed<5,1>", "fixed<8,3>"])
    b = draft.cast_each(y, "fixed<8,4>", ["fixed<4,2>", "ufixed<2,1>"])
    times = draft.merge(MergeOp.MULTIPLY, a, b, "fixed<12,6>")
    square = draft.dot(a, a, "fixed<20,9>", "fixed<20,9>")
    i, j = draft.reshape(a, (1, 2, 2)), draft.reshape(b, (1, 1, 2))
    product = draft.einsum(i, j, "fixed<20,9>", "fixed<20,9>")
    found = ebops(draft.network(times, square, product))
    assert found[times.name] == 3 * 4 + 0 * 2 + 5 * 4 + 8 * 2
    assert found[square.name] == 3 * 3 + 5 * 5 + 8 * 8
    assert found[product.name] == (3 * 4 + 0 * 2) + (5 * 4 + 8 * 2)


def test_types_of_elements_go_with_them() -> None:
    draft = networks.Draft("moved")
    x = draft.input((2, 2), "fixed<9,4>")
    a = draft.cast_each(x, "fixed<9,4>", ["fixed<3,2>", None, "ufixed<5,1>", "fixed<8,3>"])
    turned = draft.rearrange(a, networks.RearrangeOp.TRANSPOSE, (2, 2), (1, 0), "fixed<9,4>")
    padded = draft.rearrange(a, networks.RearrangeOp.ZERO_PAD, (4, 2), (1, 1), "fixed<9,4>")
    joined = draft.concat(a, x, "fixed<9,4>", axis=1)
    found = element_widths(draft.network(turned, padded, joined))
    assert found[turned.name].tolist() == [3, 5, 0, 8]
    assert found[padded.name].tolist() == [0, 0, 3, 0, 5, 8, 0, 0]
    assert found[joined.name].tolist() == [3, 0, 9, 9, 5, 8, 9, 9]


def test_a_recurrent_layer_multiplies_at_every_step() -> None:
    for network in networks.recurrent_networks():
        found, layers = ebops(network), network.by_name
        for layer in network.layers:
            if isinstance(layer, Recurrent):
                source = layers[layer.sources[0]]
                x = source.result.width * sum(digits(raw) for raw in layer.weight.raw.ravel().tolist())
                h = layer.result.width * sum(digits(raw) for raw in layer.recurrent_weight.raw.ravel().tolist())
                inner = [o for o in operations(layer, [source]) if o.part.value == "products"][2:]
                assert found[layer.name] == source.shape[0] * (x + h) + sum(o.count * o.bits for o in inner)
