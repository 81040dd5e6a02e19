"""Rounding and overflow against rationals: every mode, every small value, and wide ones at random."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rationals import OVERFLOWS, ROUNDINGS, assigned, limited, rounded

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize, quantize_number, to_float
from bitwright.fixed.quantize import round_shift, shift_left

TARGETS = (
    (1, 1), (1, 0), (1, 3), (2, 1), (2, 5), (3, -1), (3, 2), (4, 2), (4, 4), (5, 1), (6, 3), (7, 9), (9, 5), (12, 4),
)  # fmt: skip
SOURCE = np.arange(-64, 128, dtype=np.int64)
"""Every raw value of 7-bit signed and unsigned sources."""
FRACTIONS = (-2, 0, 1, 3, 6)
MODES = list(itertools.product(ROUNDINGS, OVERFLOWS))


def expected(raw: int, fraction: int, fmt: FixedFormat) -> int:
    value = Fraction(raw) * Fraction(2) ** -fraction
    return assigned(value, fmt.width, fmt.integer, fmt.signed, fmt.rounding.value, fmt.overflow.value)


@pytest.mark.parametrize(("rounding", "overflow"), MODES)
@pytest.mark.parametrize("signed", [True, False], ids=["fixed", "ufixed"])
def test_every_small_value(rounding: str, overflow: str, signed: bool) -> None:
    for (width, integer), fraction in itertools.product(TARGETS, FRACTIONS):
        fmt = FixedFormat(width, integer, signed, Rounding(rounding), Overflow(overflow))
        want = [expected(int(raw), fraction, fmt) for raw in SOURCE]
        got = quantize(SOURCE, fraction, fmt)
        assert got.tolist() == want, f"int64 to {fmt} from {fraction} fraction bits"
        assert got.dtype == np.int64
        objects = quantize(SOURCE.astype(object), fraction, fmt)
        assert objects.tolist() == want, f"Python integers to {fmt} from {fraction} fraction bits"


def test_the_oracle_itself_on_ug1399s_examples() -> None:
    """The examples that UG1399 prints for ap_fixed<3, 2, mode> (rounding) and for overflow of 4 bits."""
    table = {  # 1.25 and -1.25 in halves
        "RND": (3, -2), "RND_ZERO": (2, -2), "RND_MIN_INF": (2, -3), "RND_INF": (3, -3), "RND_CONV": (2, -2),
        "TRN": (2, -3), "TRN_ZERO": (2, -2),
    }  # fmt: skip
    for mode, (up, down) in table.items():
        assert rounded(Fraction(5, 2), mode) == up
        assert rounded(Fraction(-5, 2), mode) == down
    assert [limited(19, 4, True, mode) for mode in ("SAT", "SAT_ZERO", "SAT_SYM", "WRAP")] == [7, 0, 7, 3]
    assert [limited(-19, 4, True, mode) for mode in ("SAT", "SAT_ZERO", "SAT_SYM", "WRAP")] == [-8, 0, -7, -3]
    assert [limited(-19, 4, False, mode) for mode in ("SAT", "SAT_ZERO", "SAT_SYM", "WRAP")] == [0, 0, 0, 13]
    assert [limited(19, 4, False, mode) for mode in ("SAT", "SAT_ZERO", "SAT_SYM", "WRAP")] == [15, 0, 15, 3]


formats = st.builds(
    FixedFormat,
    st.integers(1, 64),
    st.integers(-40, 90),
    st.booleans(),
    st.sampled_from(list(Rounding)),
    st.sampled_from(list(Overflow)),
)


def near_powers(bits: int) -> st.SearchStrategy[int]:
    """Integers of up to ``bits`` bits, many of them next to a power of two, where carries happen."""
    close = st.builds(
        lambda e, d, s: s * ((1 << e) + d), st.integers(0, bits - 1), st.integers(-2, 2), st.sampled_from([1, -1])
    )
    return st.one_of(
        st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1), close.filter(lambda n: n.bit_length() < bits)
    )


@given(st.lists(near_powers(64), min_size=1, max_size=4), st.integers(-40, 90), formats)
def test_int64_of_any_width(raws: list[int], fraction: int, fmt: FixedFormat) -> None:
    got = quantize(np.array(raws, dtype=np.int64), fraction, fmt)
    assert [int(n) for n in got] == [expected(raw, fraction, fmt) for raw in raws]


@given(st.lists(near_powers(200), min_size=1, max_size=4), st.integers(-90, 190), formats)
def test_python_integers_of_any_width(raws: list[int], fraction: int, fmt: FixedFormat) -> None:
    got = quantize(np.array(raws, dtype=object), fraction, fmt)
    assert [int(n) for n in got] == [expected(raw, fraction, fmt) for raw in raws]


@given(st.lists(near_powers(64), min_size=1, max_size=4), st.integers(0, 70), formats, st.integers(0, 3))
def test_a_proved_bound_gives_the_same_bits(raws: list[int], fraction: int, fmt: FixedFormat, spare: int) -> None:
    bound = max(abs(raw).bit_length() for raw in raws) + spare
    x = np.array(raws, dtype=np.int64)
    assert quantize(x, fraction, fmt, bound).tolist() == quantize(x, fraction, fmt).tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint8, np.uint32, np.uint64])
def test_narrow_arrays_do_not_overflow_silently(dtype: Any) -> None:
    """``raw << 20`` of an int8 array would be a silent overflow."""
    top = int(np.iinfo(dtype).max)
    raw = np.array([1, top], dtype=dtype)
    fmt = FixedFormat(64, 44, signed=True)
    assert [int(n) for n in quantize(raw, 0, fmt)] == [expected(1, 0, fmt), expected(top, 0, fmt)]
    narrow = FixedFormat(6, 6, False, Rounding.RND_INF, Overflow.SAT)
    assert [int(n) for n in quantize(raw, 1, narrow)] == [expected(1, 1, narrow), expected(top, 1, narrow)]


@pytest.mark.parametrize("rounding", list(Rounding))
def test_every_amount_of_dropped_bits(rounding: Rounding) -> None:
    """A constant such as ``2**bits - 1`` leaves int64 on the way: 61 to 66 bits is where it would show."""
    for bits in [*range(1, 8), *range(55, 70), 128]:
        raws = [
            0,
            1,
            -1,
            (1 << bits >> 1) - 1,
            1 << bits >> 1,
            (1 << bits >> 1) + 1,
            -(1 << bits >> 1),
            (3 << bits) >> 1,
        ]
        want = [rounded(Fraction(raw, 1 << bits), rounding.value) for raw in raws]
        assert round_shift(np.array(raws, dtype=object), bits, rounding).tolist() == want, f"{bits} bits"
        small = [raw for raw in raws if abs(raw) < 1 << 62]
        got = round_shift(np.array(small, dtype=np.int64), bits, rounding).tolist()
        assert got == [rounded(Fraction(raw, 1 << bits), rounding.value) for raw in small], f"int64, {bits} bits"


@given(near_powers(63), st.integers(0, 70))
def test_a_shift_to_the_left_never_loses_a_bit(raw: int, bits: int) -> None:
    assert int(shift_left(np.array([raw], dtype=np.int64), bits)[0]) == raw << bits


def test_shapes_are_kept_and_nothing_is_something() -> None:
    fmt = FixedFormat(4, 2)
    assert quantize(np.zeros((2, 0, 3), dtype=np.int64), 3, fmt).shape == (2, 0, 3)
    assert quantize(np.ones((2, 3), dtype=np.int64), 2, fmt).shape == (2, 3)
    assert quantize(np.zeros(0, dtype=object), 3, fmt).shape == (0,)


def test_the_argument_is_not_changed() -> None:
    raw = np.array([-5, 5], dtype=np.int64)
    quantize(raw, 2, FixedFormat(3, 2, True, Rounding.RND_CONV, Overflow.SAT))
    assert raw.tolist() == [-5, 5]


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.fractions().map(lambda f: f * 0 + 3)), formats)
def test_numbers_are_exact(value: float, fmt: FixedFormat) -> None:
    want = assigned(Fraction(value), fmt.width, fmt.integer, fmt.signed, fmt.rounding.value, fmt.overflow.value)
    assert quantize_number(value, fmt) == want


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Fraction(1, 3)])
def test_numbers_that_have_no_bits(value: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        quantize_number(value, FixedFormat(8, 4))


def test_to_float_gives_the_numbers() -> None:
    assert to_float(np.array([-3, 5], dtype=np.int64), 2).tolist() == [-0.75, 1.25]
    assert to_float(np.array([3], dtype=np.int64), -2).tolist() == [12.0]
