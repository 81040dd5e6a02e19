"""Rows that are said to be exact in float32 are exact, summed in any order; and most rows are."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Draft

from bitwright.fixed import FixedFormat, to_float
from bitwright.network import Network
from bitwright.network.float32 import float32_exact
from bitwright.network.layers import MergeOp, TableFunction
from bitwright.network.reference import Reference


def exact_rows(network: Network, x: networks.Ints) -> tuple[np.ndarray, str]:
    return float32_exact(network, Reference(network).layers(x))


def one_dense(x_bits: int, w_bits: int, bias: FixedFormat, n: int = 5) -> Network:
    draft = Draft(f"f32_{x_bits}_{w_bits}_{bias.width}")
    x = draft.input(n, FixedFormat(x_bits, 3))
    wide = FixedFormat(60, 20)
    return draft.network(draft.dense(x, 4, weight=FixedFormat(w_bits, 2), bias=bias, accum=wide, result=wide))


@given(st.integers(3, 14), st.integers(3, 14), st.integers(3, 20), st.integers(0, 99))
@settings(max_examples=60)
def test_a_dense_sum_said_to_be_exact_is_exact(x_bits: int, w_bits: int, bias_bits: int, seed: int) -> None:
    network = one_dense(x_bits, w_bits, FixedFormat(bias_bits, 2))
    dense = network.layers[-1]
    x = networks.vectors(network, 40, seed)
    exact, _ = exact_rows(network, x)
    floats = to_float(x, network.inputs[0].result.fraction).astype(np.float32)
    weight, bias = dense.weight.value.astype(np.float32), dense.bias.value.astype(np.float32)  # type: ignore[union-attr]
    want = to_float(Reference(network).outputs(x), dense.result.fraction)
    for order in np.random.default_rng(seed).permuted(np.tile(np.arange(x.shape[1]), (3, 1)), axis=1):
        total = np.zeros((len(x), 4), dtype=np.float32)
        for i in order:
            total += floats[:, i : i + 1] * weight[i]
        total += bias
        assert (total[exact] == want[exact]).all()


def test_a_fine_bias_counts() -> None:
    """A bias with a finer grid than the products needs more bits than either."""
    network = one_dense(8, 8, FixedFormat(24, 2))
    exact, reason = exact_rows(network, networks.vectors(network, 40))
    assert not exact[1], "all maximum"
    assert "left out" in reason
    assert exact_rows(one_dense(8, 8, FixedFormat(8, 2)), networks.vectors(network, 40))[0].all()


@pytest.mark.parametrize("kind", ["dot", "einsum"])
def test_a_sum_of_products_of_two_tensors_counts(kind: str) -> None:
    """Each result is small again, what float32 adds on the way is not."""
    draft = Draft(kind)
    shape = (5,) if kind == "dot" else (1, 1, 5)
    a, b = draft.input(shape, "fixed<12,2>"), draft.input(shape, "fixed<12,2>")
    made = draft.dot if kind == "dot" else draft.einsum
    network = draft.network(made(a, b, "fixed<30,10>", "fixed<6,4>"))
    x = np.array([[2047] * 10, [-2047, 2047] * 5, [2047] * 4 + [0] * 6, [100] * 10])
    assert exact_rows(network, x)[0].tolist() == [False, False, True, True]


@pytest.mark.parametrize("op", [MergeOp.ADD, MergeOp.SUBTRACT, MergeOp.AVERAGE])
def test_a_sum_of_different_grids_counts(op: MergeOp) -> None:
    draft = Draft("grids")
    a, b = draft.input(1, "fixed<20,2>"), draft.input(1, "fixed<20,20>")
    network = draft.network(draft.merge(op, a, b, "fixed<8,8,RND,SAT>"))
    x = np.array([[1, 1], [1, 1 << 4], [1 << 17, 1 << 18], [0, 0]], dtype=np.int64)
    assert exact_rows(network, x)[0].tolist() == [True, True, False, True]


def test_tables_are_left_out_and_said_so() -> None:
    draft = Draft("table")
    draft.table(draft.input(1, "fixed<5,3>"), TableFunction.TANH, 16, "fixed<8,2>", "fixed<8,2>")
    exact, reason = exact_rows(draft.network(), np.array([[1], [2]]))
    assert not exact.any()
    assert reason == "'tanh1' is a table here and a float function in Keras"


def test_a_small_network_is_exact_everywhere() -> None:
    network = next(n for n in networks.every_kind() if n.name == "mlp")
    exact, reason = exact_rows(network, networks.vectors(network, 200))
    assert exact.all()
    assert reason == ""
