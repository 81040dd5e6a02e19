"""Comparison of oracles: every difference is counted, and the first one is named with its bits."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.fixed import FixedFormat, parse_format
from bitwright.network.layers import Cast, Input, Network
from bitwright.report.records import Status
from bitwright.sim.compare import (
    compare,
    describe,
    first_differing_layer,
    not_run,
    output_formats,
    pattern,
    to_raw,
)

A = parse_format("fixed<4,2>")
B = parse_format("ufixed<3,0>")
COLUMNS = [("a", 0, A), ("a", 1, A), ("b", 0, B)]
ROWS = np.array([[-8, 7, 0], [1, 2, 3], [-1, 0, 7]])


@pytest.mark.parametrize(
    ("raw", "fmt", "bits"),
    [(0, A, "0000"), (7, A, "0111"), (-8, A, "1000"), (-1, A, "1111"), (7, B, "111"), (1, FixedFormat(1, 1), "1")],
)
def test_pattern(raw: int, fmt: FixedFormat, bits: str) -> None:
    assert pattern(raw, fmt) == bits


def test_equal_rows_pass_and_count_their_bits() -> None:
    pair = compare("x", "y", ROWS, ROWS.astype(float), COLUMNS, seed=3, what="outputs")
    assert (pair.status, pair.vectors, pair.bits, pair.mismatches) == (Status.PASSED, 3, 3 * 11, 0)
    assert (pair.left, pair.right, pair.seed, pair.what, pair.first) == ("x", "y", 3, "outputs", None)


def test_every_differing_vector_is_counted_and_the_first_is_named() -> None:
    other = ROWS.copy()
    other[1, 2] = 4
    other[2] = 0
    pair = compare("x", "y", ROWS, other, COLUMNS)
    assert (pair.status, pair.mismatches) == (Status.FAILED, 2)
    first = pair.first
    assert first is not None
    assert (first.layer, first.element, first.vector) == ("b", 0, 1)
    assert (first.expected_bits, first.actual_bits, first.expected, first.actual) == ("011", "100", 0.375, 0.5)
    assert first.format == "ufixed<3,0>"


def test_a_value_off_the_grid_differs_and_is_shown_as_a_number() -> None:
    other = ROWS.astype(float)
    other[0, 1] = 7.25
    first = compare("x", "y", ROWS, other, COLUMNS).first
    assert first is not None
    assert (first.expected_bits, first.actual_bits) == ("0111", "1.8125 (not on the grid)")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_differs(value: float) -> None:
    other = ROWS.astype(float)
    other[0, 0] = value
    pair = compare("x", "y", ROWS, other, COLUMNS)
    assert pair.mismatches == 1
    assert pair.first is not None
    assert "not on the grid" in pair.first.actual_bits


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (0, 3), (3, 4)])
def test_other_shapes_are_a_mismatch_of_every_vector(shape: tuple[int, int]) -> None:
    pair = compare("x", "y", ROWS, np.zeros(shape, dtype=int), COLUMNS)
    assert (pair.status, pair.mismatches, pair.bits) == (Status.FAILED, 3, 0)
    assert pair.reason == f"x gave (3, 3), y gave {shape}"


def test_no_vectors_is_no_success() -> None:
    pair = compare("x", "y", ROWS[:0], ROWS[:0], COLUMNS)
    assert (pair.status, pair.reason) == (Status.FAILED, "there was no vector to compare")


def test_not_run_is_its_own_word() -> None:
    pair = not_run("x", "y", "because")
    assert (pair.status, pair.vectors, pair.bits, pair.mismatches, pair.reason) == (Status.NOT_RUN, 0, 0, 0, "because")


def test_to_raw_takes_each_columns_own_grid() -> None:
    raw = to_raw(np.array([[-2.0, 1.75, 0.875]]), COLUMNS)
    assert raw.tolist() == [[-8.0, 7.0, 7.0]]


def network() -> Network:
    layers = (
        Input(name="in", sources=(), shape=(2,), result=A),
        Cast(name="mid", sources=("in",), shape=(2,), result=A),
        Cast(name="out", sources=("mid",), shape=(2,), result=A),
    )
    return Network("n", layers, ("out",))


def test_output_formats_name_each_column() -> None:
    assert output_formats(network(), ("mid", "out")) == [(n, i, A) for n in ("mid", "out") for i in (0, 1)]


def test_the_first_layer_in_the_networks_order() -> None:
    right = {name: np.array([1, 2]) for name in ("in", "mid", "out")}
    wrong = {"out": np.array([0, 2]), "mid": np.array([1, 5]), "in": np.array([1, 2])}
    found = first_differing_layer(network(), 9, right, wrong)
    assert found is not None
    assert (found.layer, found.element, found.vector, found.expected_bits, found.actual_bits) == (
        "mid", 1, 9, "0010", "0101",
    )  # fmt: skip
    del wrong["mid"]  # a layer that cannot be seen is passed over
    found = first_differing_layer(network(), 9, right, wrong)
    assert found is not None
    assert (found.layer, found.element) == ("out", 0)
    assert first_differing_layer(network(), 9, right, right) is None


def test_describe_negative_fractions() -> None:
    wide = FixedFormat(4, 6)
    first = describe("x", 0, 0, 3, -2, wide)
    assert (first.expected, first.actual, first.actual_bits) == (12.0, -8.0, "1110")
