"""A Network that breaks a rule is named, with the layer and the rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import networks
import numpy as np
import pytest
from networks import Draft

from bitwright.errors import FormatError, NetworkError
from bitwright.fixed import parse_format
from bitwright.network import Constant, Network, check
from bitwright.network.layers import MergeOp, SoftmaxKind, TableFunction
from bitwright.network.tables import inverse_table

BY_NAME = {network.name: network for network in networks.every_kind()}


@pytest.mark.parametrize("network", BY_NAME.values(), ids=lambda network: network.name)
def test_good_networks(network: Network) -> None:
    check(network)


def changed(name: str, layer: int, /, **fields: Any) -> Network:
    """A good network with some fields of one layer replaced."""
    network = BY_NAME[name]
    layers = list(network.layers)
    layers[layer] = dataclasses.replace(layers[layer], **fields)
    return dataclasses.replace(network, layers=tuple(layers))


def replaced(name: str, /, **fields: Any) -> Network:
    return dataclasses.replace(BY_NAME[name], **fields)


def raw(shape: tuple[int, ...], text: str, fill: int = 0) -> Constant:
    return Constant(np.full(shape, fill, dtype=np.int64), parse_format(text))


def softmax_with(**fields: Any) -> Network:
    return changed("softmax_latency", 1, **fields)


BROKEN: list[tuple[str, Callable[[], Network]]] = [
    ("mlp.cast1: the name is empty or used twice", lambda: changed("mlp", 2, name="cast1")),
    ("mlp.: the name is empty or used twice", lambda: changed("mlp", 1, name="")),
    ("mlp.cast1: sources ['nothing'] do not come before it", lambda: changed("mlp", 1, sources=("nothing",))),
    ("mlp.cast1: sources ['dense4'] do not come before it", lambda: changed("mlp", 1, sources=("dense4",))),
    ("mlp.cast1: sources ['cast1'] do not come before it", lambda: changed("mlp", 1, sources=("cast1",))),
    ("mlp.x0: shape (0,) is empty", lambda: changed("mlp", 0, shape=(0,))),
    ("mlp.x0: shape () is empty", lambda: changed("mlp", 0, shape=())),
    ("concats.x1: 1 sources instead of 0", lambda: changed("concats", 1, sources=("x0",))),
    ("mlp.cast1: 2 sources instead of 1", lambda: changed("mlp", 1, sources=("x0", "x0"))),
    ("merges.add4: 1 sources instead of 2", lambda: changed("merges", 4, sources=("x0",))),
    ("mlp.dense2: weights do not fit the shapes", lambda: changed("mlp", 2, weight=raw((5, 6), "fixed<6,1>"))),
    ("mlp.dense2: bias does not fit the shape", lambda: changed("mlp", 2, bias=raw((1,), "fixed<6,1>"))),
    ("mlp.dense2: a constant does not fit fixed<3,1>", lambda: changed("mlp", 2, weight=raw((6, 5), "fixed<3,1>", 4))),
    ("mlp.dense2: a constant does not fit ufixed<3,1>", lambda: changed("mlp", 2, bias=raw((5,), "ufixed<3,1>", -1))),
    ("mlp.relu3: 5 elements come in, 4 go out", lambda: changed("mlp", 3, shape=(4,))),
    ("scale_bias.scale1: scale does not divide", lambda: changed("scale_bias", 1, scale=raw((4,), "fixed<6,2>"))),
    ("scale_bias.scale1: scale and bias differ", lambda: changed("scale_bias", 1, bias=raw((3,), "fixed<6,2>"))),
    ("sigmoid.sigmoid1: a table of 3 entries", lambda: changed("sigmoid", 1, table=raw((3,), "fixed<10,2>"))),
    ("sigmoid.sigmoid1: a table of 1 entries", lambda: changed("sigmoid", 1, table=raw((1,), "fixed<10,2>"))),
    ("softmax1: a table of 48 entries", lambda: softmax_with(exp_table=raw((48,), "fixed<12,6>"))),
    ("softmax1: a constant does not fit", lambda: softmax_with(inverse_table=raw((8,), "fixed<3,1>", 9))),
    ("argmax15: argmax gives one number", lambda: changed("choices", -1, shape=(2,))),
    ("merges.add4: the shapes do not repeat", lambda: changed("merges", 4, shape=(5,))),
    ("concats.concat5: elements are lost or made", lambda: changed("concats", 5, shape=(2, 3))),
    ("concats.concat5: axis 2 does not exist", lambda: changed("concats", 5, axis=2)),
    ("concats.concat5: axis -1 does not exist", lambda: changed("concats", 5, axis=-1)),
    ("embeddings.embed4: its rows give shape (3, 3), not (9,)", lambda: changed("embeddings", 4, shape=(9,))),
    ("embeddings.embed4: the table has no rows", lambda: changed("embeddings", 4, table=raw((3,), "fixed<6,2>"))),
    ("embeddings.embed4: a constant does not", lambda: changed("embeddings", 4, table=raw((2, 3), "fixed<3,1>", 9))),
    ("norm2: scale and bias do not fit", lambda: changed("layer_norms", 2, scale=raw((2,), "fixed<6,2>"))),
    ("norm2: a table without entries", lambda: changed("layer_norms", 2, table=raw((0,), "fixed<6,2>"))),
    (
        "norm2: a variance of fixed<40,24> overflows the 32-bit table index",
        lambda: changed("layer_norms", 2, accum=parse_format("fixed<40,24>")),
    ),
    ("einsum3: matrices of (2, 1, 3) and (2, 2, 3)", lambda: changed("einsums", 3, shape=(2, 2, 1))),
    ("mlp: there is no output", lambda: replaced("mlp", outputs=())),
    ("mlp: outputs ['y'] are not layers", lambda: replaced("mlp", outputs=("y",))),
    ("mlp: there is no input", lambda: replaced("mlp", layers=(), outputs=("x0",))),
]


@pytest.mark.parametrize(("message", "make"), BROKEN, ids=[text for text, _ in BROKEN])
def test_broken_rules(message: str, make: Callable[[], Network]) -> None:
    network = make()
    with pytest.raises(NetworkError) as error:
        check(network)
    assert message in str(error.value)


def test_shapes_that_do_not_repeat_into_each_other() -> None:
    draft = Draft("uneven")
    a, b = draft.input(4, "fixed<3,1>"), draft.input(3, "fixed<3,1>")
    draft.merge(MergeOp.ADD, a, b, "fixed<4,2>")
    with pytest.raises(NetworkError, match="do not repeat into each other"):
        draft.network()


def test_a_table_index_that_would_overflow_in_the_c_code() -> None:
    """hls4ml's index is an int: beyond it the C++ wraps to the wrong end of the table."""
    draft = Draft("far")
    draft.table(draft.input(1, "fixed<40,26>"), TableFunction.SIGMOID, 1024, "fixed<10,2>", "fixed<10,2>")
    with pytest.raises(NetworkError, match=r"values of fixed<40,26> overflow the 32-bit table index"):
        draft.network()
    near = Draft("near")
    near.table(near.input(1, "fixed<40,25>"), TableFunction.SIGMOID, 1024, "fixed<10,2>", "fixed<10,2>")
    near.network()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"exp_table": raw((128,), "fixed<12,6>")}, "fixed<6,3> has too few bits to address 128 entries"),
        ({"inverse_table": raw((2048,), "fixed<12,6>")}, "has too few bits to address 2048 entries"),
        (
            {"implementation": SoftmaxKind.STABLE, "difference": parse_format("ufixed<4,2>")},
            "ufixed<4,2> has too few bits to address 32 entries",
        ),
    ],
)
def test_a_softmax_table_of_more_entries_than_addresses(fields: dict[str, Any], message: str) -> None:
    """The C++ would slice bits below the last one."""
    with pytest.raises(NetworkError, match=message):
        check(softmax_with(**fields))


def test_making_such_a_table_is_an_error_too() -> None:
    with pytest.raises(FormatError, match=r"fixed<3,2> has too few bits to address a table of 16 entries"):
        inverse_table(parse_format("fixed<3,2>"), 16, parse_format("fixed<8,4>"))
