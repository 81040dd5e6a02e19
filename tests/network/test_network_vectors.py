"""Test vectors lie on the input grid, are the same every time, and real rows are rounded as a host would."""

from __future__ import annotations

from fractions import Fraction

import networks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import Draft
from rationals import assigned

from bitwright.errors import DatasetError
from bitwright.fixed import FixedFormat, Overflow, Rounding, parse_format
from bitwright.network import Network
from bitwright.network.vectors import corners, draw, input_formats, quantize_rows, random_rows

FORMATS = [parse_format(text) for text in ("fixed<4,2>", "ufixed<3,5>", "fixed<1,1>", "fixed<9,-1,RND,SAT_SYM>")]

formats = st.builds(
    FixedFormat, st.integers(1, 63), st.integers(-8, 40), st.booleans(),
    st.sampled_from(list(Rounding)), st.sampled_from(list(Overflow)),
)  # fmt: skip


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5), formats)
def test_rows_are_rounded_exactly(values: list[float], fmt: FixedFormat) -> None:
    """To nearest and saturated where the format says neither; exactly, at every width."""
    plain = fmt.rounding is Rounding.TRN and fmt.overflow is Overflow.WRAP
    rounding = "RND" if plain else fmt.rounding.value
    overflow = "SAT" if fmt.overflow is Overflow.WRAP else fmt.overflow.value
    want = [assigned(Fraction(v), fmt.width, fmt.integer, fmt.signed, rounding, overflow) for v in values]
    got = quantize_rows(np.array(values)[:, None], [fmt])
    assert got[:, 0].tolist() == want
    assert got.dtype == np.int64


def test_a_number_just_below_a_tie_is_not_rounded_twice() -> None:
    below = np.nextafter(0.5, 0)
    assert quantize_rows(np.array([[below], [0.5], [-below], [-0.5]]), [FixedFormat(4, 4)])[:, 0].tolist() == [
        0,
        1,
        0,
        0,
    ]


@pytest.mark.parametrize("rounding", list(Rounding))
def test_numbers_around_every_step_and_tie(rounding: Rounding) -> None:
    fmt = FixedFormat(6, 4, True, rounding, Overflow.SAT_SYM)
    values = [(n + d) / 8 for n in range(-70, 71) for d in (-0.5, -1e-9, 0, 1e-9, 0.25, 0.75)]
    want = [assigned(Fraction(v), 6, 4, True, rounding.value, "SAT_SYM") for v in values]
    assert quantize_rows(np.array(values)[:, None], [fmt])[:, 0].tolist() == want


def test_a_large_number_in_a_wide_format_is_not_cut() -> None:
    assert quantize_rows(np.array([[2.0**57]]), [FixedFormat(60, 60)])[0, 0] == 1 << 57
    assert quantize_rows(np.array([[1e30], [-1e30]]), [FixedFormat(60, 60)])[:, 0].tolist() == [
        (1 << 59) - 1,
        -(1 << 59),
    ]


def test_columns_have_their_own_formats() -> None:
    rows = np.array([[0.3, 40.0, -1.0, 0.1], [9.0, 70.0, 1.0, -5.0]])
    assert quantize_rows(rows, FORMATS).tolist() == [[1, 7, -1, 102], [7, 7, 0, -255]]
    assert quantize_rows(rows.reshape(2, 2, 2), FORMATS).tolist() == quantize_rows(rows, FORMATS).tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite(bad: float) -> None:
    rows = np.zeros((5, 4))
    rows[3, 2] = bad
    with pytest.raises(DatasetError, match="row 3 holds NaN or infinity"):
        quantize_rows(rows, FORMATS)


def test_rows_of_a_wrong_width() -> None:
    with pytest.raises(DatasetError, match="rows of 3 features, the model takes 4"):
        quantize_rows(np.zeros((2, 3)), FORMATS)


@given(st.lists(formats, min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_drawn_vectors_are_values_that_the_type_can_hold(forms: list[FixedFormat], seed: int) -> None:
    """A value that an assignment never gives (SAT_SYM's smallest) would differ in the C++."""
    drawn = np.concatenate([corners(forms), random_rows(forms, 20, np.random.default_rng(seed))])
    for column, form in zip(drawn.T.tolist(), forms, strict=True):
        assert min(column) >= form.lower
        assert max(column) <= form.max


def test_corners_hold_both_ends_and_zero() -> None:
    rows = corners(FORMATS).tolist()
    low, high = [-8, 0, -1, -255], [7, 7, 0, 255]
    assert low in rows
    assert high in rows
    assert [0, 0, 0, 0] in rows
    assert [1, 1, 0, 1] in rows
    assert [-1, 0, -1, -1] in rows
    assert [-8, 7, -1, 255] in rows
    assert [7, 0, 0, -255] in rows


def test_the_seed_decides_all() -> None:
    network = next(n for n in networks.every_kind() if n.name == "mlp")
    rows = np.random.default_rng(0).normal(size=(30, 6))
    first, again = draw(network, rows, 20, 50, seed=3), draw(network, rows, 20, 50, seed=3)
    other = draw(network, rows, 20, 50, seed=4)
    assert first.x.tobytes() == again.x.tobytes()
    assert first.x.tobytes() != other.x.tobytes()
    assert (first.real, len(first.x)) == (20, 20 + 9 + 50)
    assert first.x[:20].tolist() == quantize_rows(rows[:20], input_formats(network)).tolist()


def test_fewer_rows_than_wanted_and_none() -> None:
    network = next(n for n in networks.every_kind() if n.name == "mlp")
    assert draw(network, np.zeros((3, 6)), 20, 5, seed=1).real == 3
    assert draw(network, np.zeros((3, 6)), 0, 5, seed=1).real == 0
    assert draw(network, None, 20, 5, seed=1).real == 0


def test_several_inputs_are_concatenated() -> None:
    draft = Draft("two")
    a, b = draft.input((1, 2), "fixed<4,2>"), draft.input(1, "ufixed<3,5>")
    network = draft.network(a, b)
    assert [str(fmt) for fmt in input_formats(network)] == ["fixed<4,2>", "fixed<4,2>", "ufixed<3,5>"]


def embedded() -> Network:
    """Tokens of five and of three rows, beside a plain input."""
    draft = Draft("tokens")
    plain, fine, coarse = draft.input(1, "fixed<6,3>"), draft.input(2, "fixed<7,5>"), draft.input(1, "ufixed<3,4>")
    outs = [draft.embedding(fine, rows, 2, "fixed<4,2>", "fixed<4,2>") for rows in (9, 5)]
    return draft.network(*outs, draft.embedding(coarse, 6, 2, "fixed<4,2>", "fixed<4,2>"), plain)


def test_indices_are_whole_numbers_of_the_table() -> None:
    """The C++ reads beyond its array elsewhere."""
    x = draw(embedded(), None, 0, 500, seed=1).x
    assert set(x[:, 1]) == set(x[:, 2]) == {0, 4, 8, 12, 16}
    assert set(x[:, 3]) == {0, 1, 2}, "steps of two in a table of six rows"
    assert x[:, 0].min() == -32


@pytest.mark.parametrize("bad", [5.0, -1.0])
def test_rows_with_an_index_beyond_the_table(bad: float) -> None:
    rows = np.zeros((4, 4))
    rows[2, 1] = bad
    with pytest.raises(DatasetError, match=f"row 2 has index {bad:g} for an embedding of 5 rows"):
        draw(embedded(), rows, 4, 0, seed=1)


def test_large_inputs_get_fewer_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand images of 512 x 512 pixels would take 6 GB."""
    monkeypatch.setattr("bitwright.network.vectors.ELEMENTS", 1000)
    draft = Draft("image")
    network = draft.network(draft.input((8, 8, 3), "fixed<4,2>"))
    assert draw(network, None, 4000, 6000, seed=1).x.shape == (9 + 1000 // 192, 192)
