"""Arithmetic in float32, float64, int64 and Python integers gives the same integers as rationals do."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rationals import OVERFLOWS, ROUNDINGS, assigned, limited, rounded

from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.network.carrier import (
    FLOAT32_BITS,
    FLOAT64_BITS,
    INT64_BITS,
    as_type,
    assign,
    bring_in_range,
    carrier_type,
    round_off,
    scale,
)

CARRIERS = [np.dtype(t) for t in (np.float32, np.float64, np.int64, object)]
SPARE = 2
"""Bits that every step keeps free on top of its largest value (steps.SPARE_BITS)."""


def limit_of(dtype: np.dtype[Any]) -> int:
    """Magnitude bits that a value to be rounded or limited may have in a carrier."""
    return {"f4": FLOAT32_BITS, "f8": FLOAT64_BITS, "i8": INT64_BITS}.get(dtype.str[1:], 100) - SPARE


@pytest.mark.parametrize(
    ("bits", "dtype"), [(24, "f4"), (25, "f8"), (53, "f8"), (54, "i8"), (62, "i8"), (63, "O"), (200, "O")]
)
def test_the_type_holds_every_integer_of_so_many_bits(bits: int, dtype: str) -> None:
    chosen = carrier_type(bits)
    assert chosen == np.dtype(dtype)
    for n in ((1 << bits) - 1, -(1 << bits) + 1, 1 << bits >> 1):
        assert int(np.array([n], dtype=object).astype(chosen)[0]) == n


@pytest.mark.parametrize("dtype", CARRIERS, ids=str)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_every_small_value_rounded(rounding: str, dtype: np.dtype[Any]) -> None:
    raw = np.arange(-70, 71)
    for bits in range(1, 9):
        want = [rounded(Fraction(int(n), 1 << bits), rounding) for n in raw]
        got = round_off(raw.astype(dtype), bits, Rounding(rounding))
        assert [int(n) for n in got] == want, f"{bits} bits"


@pytest.mark.parametrize("dtype", CARRIERS, ids=str)
@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_every_small_value_limited(overflow: str, dtype: np.dtype[Any]) -> None:
    raw = np.arange(-70, 71)
    for width, signed in itertools.product(range(1, 9), (True, False)):
        fmt = FixedFormat(width, width, signed, Rounding.TRN, Overflow(overflow))
        want = [limited(int(n), width, signed, overflow) for n in raw]
        assert [int(n) for n in bring_in_range(raw.astype(dtype), fmt)] == want, str(fmt)


def near(bits: int) -> st.SearchStrategy[int]:
    """Integers of up to ``bits`` magnitude bits, many next to powers of two and to ties."""
    power = st.builds(
        lambda a, b, d, s: s * ((1 << a) + (1 << b) + d), st.integers(0, bits - 1), st.integers(0, bits - 1),
        st.integers(-1, 1), st.sampled_from([1, -1]),
    )  # fmt: skip
    return st.one_of(st.integers(-(1 << bits) + 1, (1 << bits) - 1), power.filter(lambda n: abs(n) < 1 << bits))


@pytest.mark.parametrize("dtype", CARRIERS, ids=str)
@given(data=st.data(), drop=st.integers(-10, 40), modes=st.sampled_from(list(itertools.product(Rounding, Overflow))))
@settings(max_examples=150)
def test_assignments_of_the_widest_values_that_a_carrier_is_chosen_for(
    dtype: np.dtype[Any], data: st.DataObject, drop: int, modes: tuple[Rounding, Overflow]
) -> None:
    most = limit_of(dtype)
    width = data.draw(st.integers(1, min(most, 60)))
    raws = data.draw(st.lists(near(max(most - max(-drop, 0), 1)), min_size=1, max_size=4))
    fmt = FixedFormat(width, 5, data.draw(st.booleans()), *modes)
    fraction = fmt.fraction + drop
    values = as_type(np.array(raws, dtype=object), dtype)
    step = Fraction(2) ** -fraction
    want = [assigned(raw * step, fmt.width, fmt.integer, fmt.signed, modes[0].value, modes[1].value) for raw in raws]
    got = assign(values, fraction, fmt, fits=False)
    assert [int(n) for n in got] == want


def test_types_convert_exactly() -> None:
    top = (1 << 53) - 1
    floats = np.array([top, -top], dtype=np.float64)
    assert as_type(floats, np.dtype(object)).tolist() == [top, -top]
    assert all(type(n) is int for n in as_type(floats, np.dtype(object)))
    assert as_type(floats, np.dtype(np.int64)).tolist() == [top, -top]
    assert as_type(floats, np.dtype(np.float64)) is floats


@pytest.mark.parametrize("dtype", CARRIERS, ids=str)
def test_scaling(dtype: np.dtype[Any]) -> None:
    values = np.array([-3, 0, 5]).astype(dtype)
    assert [int(n) for n in scale(values, 4)] == [-48, 0, 80]
    assert scale(values, 0) is values
    if dtype.kind == "f":
        assert scale(values, -1).tolist() == [-1.5, 0.0, 2.5]
