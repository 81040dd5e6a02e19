"""Every rounding and overflow mode as traced hardware, on every value, against the fixed-point package."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from alkaid.trace import FVariable, HWConfig, trace
from rationals import rounded

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize
from bitwright.rtl import quantizers

HARDWARE = HWConfig(1, 1, -1)
TARGETS = [
    FixedFormat(width, integer, signed)
    for (width, integer), signed in itertools.product(
        [(1, 1), (1, 0), (2, 1), (3, -1), (3, 2), (4, 4), (2, 5), (5, 1), (9, 3)], (True, False)
    )
]
SOURCES = [  # low, high (raw, not always a power of two), fraction bits
    (-32, 31, 3), (0, 31, 2), (-21, 13, 3), (3, 27, 4), (-27, -2, 2), (-32, 31, -1), (0, 1, 2), (-1, 0, 3), (-1, 1, 0),
    (40, 47, 2), (100, 101, 0), (-64, -50, 1), (5, 6, 3), (-3, -2, 3), (255, 300, 4),
]  # fmt: skip


def variable(low: int, high: int, fraction: int) -> FVariable:
    step = 2.0**-fraction
    return FVariable(low * step, high * step, step, hwconf=HARDWARE)


def evaluated(
    make: Callable[[FVariable], list[FVariable]], low: int, high: int, fraction: int
) -> tuple[Any, list[FVariable]]:
    """What the traced logic gives for every value, (values, outputs); and the symbolic outputs."""
    v = variable(low, high, fraction)
    outputs = make(v)
    with contextlib.redirect_stdout(io.StringIO()):
        logic = trace([v], outputs)
    x = np.arange(low, high + 1)[:, None] * 2.0**-fraction
    return logic.predict(x), outputs


@pytest.mark.parametrize(("low", "high", "fraction"), SOURCES)
@pytest.mark.parametrize("rounding", list(Rounding))
def test_every_mode_and_value(low: int, high: int, fraction: int, rounding: Rounding) -> None:
    formats = [FixedFormat(t.width, t.integer, t.signed, rounding, o) for t in TARGETS for o in Overflow]
    got, outputs = evaluated(lambda v: [quantizers.assign(v, fmt) for fmt in formats], low, high, fraction)
    raw = np.arange(low, high + 1, dtype=np.int64)
    for column, (fmt, out) in enumerate(zip(formats, outputs, strict=True)):
        want = np.ldexp(quantize(raw, fraction, fmt).astype(float), -fmt.fraction)
        wrong = np.flatnonzero(got[:, column] != want)
        assert not len(wrong), f"{fmt}: raw {raw[wrong[:3]]} gives {got[wrong[:3], column]}, not {want[wrong[:3]]}"
        assert float(out.low) >= fmt.lower * 2.0**-fmt.fraction, f"{fmt}: the claimed range is too low"
        assert float(out.high) <= fmt.max * 2.0**-fmt.fraction, f"{fmt}: the claimed range is too high"
        assert float(out.low) <= want.min(), f"{fmt}: a value lies below the claimed range"
        assert float(out.high) >= want.max(), f"{fmt}: a value lies above the claimed range"


@pytest.mark.parametrize("value", [-5, 0, 3, 11])
def test_constants_fold(value: int) -> None:
    constant = FVariable.from_const(value / 4, HARDWARE)
    for fmt in (FixedFormat(t.width, t.integer, t.signed, q, o) for t in TARGETS for q in Rounding for o in Overflow):
        out = quantizers.assign(constant, fmt)
        want = int(quantize(np.array([value]), 2, fmt)[0]) * 2.0**-fmt.fraction
        assert (float(out.low), float(out.high)) == (want, want), str(fmt)
        if fmt.overflow is Overflow.WRAP:
            near = Fraction(float(quantizers.round_to(constant, fmt.fraction, fmt.rounding).low))
            assert (
                near == rounded(Fraction(value, 4) * 2**fmt.fraction, fmt.rounding.value) * Fraction(2) ** -fmt.fraction
            )


def test_an_assignment_that_changes_nothing_costs_nothing() -> None:
    v = variable(-8, 7, 2)
    assert quantizers.assign(v, FixedFormat(6, 3, True, Rounding.RND_CONV, Overflow.SAT)) is v


@pytest.mark.parametrize("fraction", [-2, 0, 1, 3, 5])
def test_single_bits(fraction: int) -> None:
    got, _ = evaluated(lambda v: [quantizers.bit_at(v, fraction), quantizers.any_below(v, fraction)], -32, 31, 3)
    raw = np.arange(-32, 32)
    place = 3 - fraction
    bits = (raw >> place) & 1 if place >= 0 else raw * 0
    below = (raw & ((1 << place) - 1)) != 0 if place > 0 else raw < -99
    if 0 <= place <= 5:
        assert got[:, 0].tolist() == bits.tolist()
    if place > 0:
        assert got[:, 1].tolist() == below.astype(float).tolist()


@pytest.mark.parametrize(("integer", "fraction"), [(2, 2), (1, 3), (3, 0), (0, 2), (4, 2)])
def test_unsigned_saturation_by_ones(integer: int, fraction: int) -> None:
    got, _ = evaluated(
        lambda v: [quantizers.saturate_unsigned(quantizers.truncate(v, fraction), integer, fraction)], 0, 63, 3
    )
    values = np.floor(np.arange(64) / 8 * 2**fraction) / 2**fraction
    assert got[:, 0].tolist() == np.minimum(values, 2.0**integer - 2.0**-fraction).tolist()
