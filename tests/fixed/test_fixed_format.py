"""Formats: their text, their limits, and the errors of those that cannot exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.errors import FormatError
from bitwright.fixed import FixedFormat, Overflow, Rounding, parse_format

formats = st.builds(
    FixedFormat,
    st.integers(1, 64),
    st.integers(-100, 100),
    st.booleans(),
    st.sampled_from(list(Rounding)),
    st.sampled_from(list(Overflow)),
)


@given(formats)
def test_text_round_trip(fmt: FixedFormat) -> None:
    assert parse_format(str(fmt)) == fmt
    assert parse_format(f" ap_{fmt} ") == fmt


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("fixed<16,6>", FixedFormat(16, 6)),
        ("ap_ufixed<8,0,AP_RND,AP_SAT>", FixedFormat(8, 0, False, Rounding.RND, Overflow.SAT)),
        ("ap_fixed< 8 , -2 , AP_RND_CONV >", FixedFormat(8, -2, True, Rounding.RND_CONV)),
        ("int<4>", FixedFormat(4, 4)),
        ("ap_uint<1>", FixedFormat(1, 1, signed=False)),
        ("fixed<3,9,TRN_ZERO,SAT_SYM>", FixedFormat(3, 9, True, Rounding.TRN_ZERO, Overflow.SAT_SYM)),
    ],
)
def test_texts(text: str, want: FixedFormat) -> None:
    assert parse_format(text) == want


@pytest.mark.parametrize(
    "text",
    ["", "float", "fixed<16>", "int<4,2>", "fixed<16,6", "fixed<-3,1>", "fixed<16,6>>", "fixed<16,6.5>", "xfixed<4,2>",
     "fixed<16,6,NEAREST>", "fixed<16,6,RND,CLIP>", "fixed<16,6,SAT>", "fixed<16,6,RND,SAT,2>", "fixed<1e2,3>"],
)  # fmt: skip
def test_other_texts_are_refused_and_named(text: str) -> None:
    with pytest.raises(FormatError) as error:
        parse_format(text)
    assert text in str(error.value)
    assert "->" in str(error.value), "a hint tells what to do"


@pytest.mark.parametrize("width", [0, -1, 65, 1000])
def test_widths_that_are_not_supported(width: int) -> None:
    with pytest.raises(FormatError, match=rf"a width of {width} bits is outside 1\.\.64"):
        FixedFormat(width, 4)


def test_a_width_in_a_text_that_is_not_supported() -> None:
    with pytest.raises(FormatError, match=r"fixed<65,4>: a width of 65"):
        parse_format("fixed<65,4>")


@given(formats)
def test_limits(fmt: FixedFormat) -> None:
    assert fmt.max - fmt.min + 1 == 1 << fmt.width
    assert fmt.fraction + fmt.integer == fmt.width
    assert fmt.min == (-fmt.max - 1 if fmt.signed else 0)
    symmetric = fmt.signed and fmt.overflow is Overflow.SAT_SYM and fmt.width > 1
    assert fmt.lower == (fmt.min + 1 if symmetric else fmt.min)
