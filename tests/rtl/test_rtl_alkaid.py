"""The corrections of alkaid: the same where it was right, right or an error where it was not."""

from __future__ import annotations

import numpy as np
import pytest
from alkaid._binary import get_lsb_loc
from alkaid.trace import FVariable, HWConfig, trace
from hypothesis import given
from hypothesis import strategies as st

from bitwright.errors import UnsupportedLayerError
from bitwright.rtl.alkaid_exact import install, lowest_bit
from bitwright.rtl.quantizers import times

HARDWARE = HWConfig(1, 1, -1)


def bit() -> FVariable:
    return FVariable(0.0, 1.0, 1.0, hwconf=HARDWARE)


@given(st.integers(-(1 << 24), 1 << 24), st.integers(-60, 60))
def test_the_lowest_bit_of_short_numbers_is_alkaids(digits: int, exponent: int) -> None:
    assert lowest_bit(digits * 2.0**exponent) == get_lsb_loc(digits * 2.0**exponent)


@given(st.integers(1, (1 << 53) - 1), st.integers(-60, 60))
def test_the_lowest_bit_of_long_numbers(digits: int, exponent: int) -> None:
    bits = lowest_bit(digits * 2.0**exponent)
    number = digits * 2.0 ** (exponent - bits)
    assert number == int(number)
    assert int(number) % 2 == 1


@pytest.mark.parametrize("value", [1.0, -0.375, 2.0**24 + 1, 1 - 2.0**-29, -(2.0**31) + 1, 3 * 2.0**-40, 2.0**31 - 1])
def test_long_constants_are_added_exactly(value: float) -> None:
    v = bit()
    out = v + value
    assert (out.low, out.high) == (value, 1 + value)
    assert trace([v], [out], optimize=False).predict(np.array([[0.0], [1.0]])).ravel().tolist() == [value, 1 + value]


@pytest.mark.parametrize("value", [2.0**31 + 1, -(2.0**31) - 1, 1 + 2.0**-31, (2.0**40 - 1) * 2.0**-60])
def test_longer_constants_are_an_error(value: float) -> None:
    with pytest.raises(UnsupportedLayerError, match="a constant needs more than 31 bits"):
        bit() + value


def test_two_constants_that_together_are_too_long_are_an_error() -> None:
    """alkaid joins them into one, and cut that one."""
    once = bit() + 2.0**20
    with pytest.raises(UnsupportedLayerError, match="a constant needs more than 31 bits"):
        once + 2.0**-20


def test_installing_twice_changes_nothing() -> None:
    install()
    install()
    assert (bit() + 5.0).low == 5.0


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-30, 10))
def test_products_by_a_constant(digits: int, exponent: int) -> None:
    value = digits * 2.0**exponent
    v = bit()
    out = times(v, value)
    assert trace([v], [out], optimize=False).predict(np.array([[0.0], [1.0]])).ravel().tolist() == [0.0, value]
    assert (out.low, out.high) == (min(value, 0.0), max(value, 0.0))
