"""What "width" and "integer" mean by source: one test per line of the glossary's table."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from rationals import assigned

from bitwright.fixed import FixedFormat, Overflow, Rounding, parse_format
from bitwright.fixed.conventions import (
    from_hgq_qkeras_bits,
    from_kbi,
    from_kif,
    from_mask_kbi,
    from_qkeras_bits,
    to_kif,
)

FORMATS = [FixedFormat(w, i, s) for w in range(1, 7) for i in range(-3, 9) for s in (True, False)]


def numbers(fmt: FixedFormat) -> list[float]:
    return [raw * 2.0**-fmt.fraction for raw in range(fmt.min, fmt.max + 1)]


def test_ap_fixed_counts_the_sign_in_both() -> None:
    """``ap_fixed<16, 6>``: 16 bits, range -32 to 32, TRN and WRAP unless said."""
    fmt = parse_format("ap_fixed<16,6>")
    assert (numbers(fmt)[0], numbers(fmt)[-1] + 2.0**-10) == (-32.0, 32.0)
    assert (fmt.rounding, fmt.overflow) == (Rounding.TRN, Overflow.WRAP)
    unsigned = parse_format("ap_ufixed<16,6>")
    assert (numbers(unsigned)[0], numbers(unsigned)[-1] + 2.0**-10) == (0.0, 64.0)


def test_mask_kbi_counts_the_sign_in_both() -> None:
    """B = k + i + f and I = k + i."""
    for k, i, f in [(1, 2, 3), (0, 2, 3), (1, -1, 4), (1, 5, -2)]:
        assert from_mask_kbi(k, k + i + f, k + i) == from_kif(k, i, f)


def test_kif_counts_no_sign() -> None:
    """HGQ2 and alkaid: kif (1, 2, 3) has 6 bits and reaches from -4 to 4."""
    fmt = from_kif(1, 2, 3)
    assert fmt == FixedFormat(6, 3)
    assert (numbers(fmt)[0], numbers(fmt)[-1]) == (-4.0, 4.0 - 0.125)
    assert all(from_kif(*to_kif(fmt)) == fmt for fmt in FORMATS)


def test_kif_is_alkaids() -> None:
    from alkaid.types import Precision

    for fmt in FORMATS:
        span = Precision(*to_kif(fmt)).qint
        assert (span.min, span.max) == (numbers(fmt)[0], numbers(fmt)[-1])
        assert span.step == 2.0**-fmt.fraction


def test_kbi_counts_no_sign() -> None:
    """HGQ2 kbi (k0, b0, i0): b and i without the sign."""
    assert from_kbi(1, 5, 2) == from_kif(1, 2, 3) == FixedFormat(6, 3)
    assert from_kbi(0, 5, 2) == from_kif(0, 2, 3) == FixedFormat(5, 2, signed=False)


def test_qkeras_counts_the_sign_in_bits_only() -> None:
    """quantized_bits(4, 0): 4 bits, -1 to 0.875, rounds to even and clips."""
    fmt = from_qkeras_bits(4, 0)
    assert fmt == FixedFormat(4, 1, True, Rounding.RND_CONV, Overflow.SAT)
    assert (len(numbers(fmt)), numbers(fmt)[0], numbers(fmt)[-1]) == (16, -1.0, 0.875)
    assert from_qkeras_bits(4, 1, 0) == FixedFormat(4, 1, False, Rounding.RND_CONV, Overflow.SAT)


def test_the_qkeras_of_the_hgq2_wheel_counts_no_sign() -> None:
    """quantized_bits(4, 0) there has 5 bits and 32 levels."""
    fmt = from_hgq_qkeras_bits(4, 0)
    assert (fmt.width, len(numbers(fmt)), numbers(fmt)[0]) == (5, 32, -1.0)
    assert from_hgq_qkeras_bits(4, 1, 0) == from_qkeras_bits(4, 1, 0)


QKERAS = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np, tf_keras
np.product = np.prod
sys.modules["keras"] = tf_keras
from qkeras import quantized_bits
x = np.linspace(-9, 9, 18 * 64 + 1).astype(np.float32)
for bits, integer, keep in [(4, 0, 1), (6, 2, 1), (5, 1, 0), (3, 0, 0), (2, 0, 1), (8, 3, 1)]:
    y = quantized_bits(bits, integer, keep_negative=keep, alpha=1)(x)
    print(bits, integer, keep, *np.asarray(y).tolist())
"""


@pytest.mark.hls
def test_real_qkeras_levels() -> None:
    """Google's QKeras itself: every level, every tie, both clips."""
    env = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, "-c", QKERAS], env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    x = np.linspace(-9, 9, 18 * 64 + 1)
    lines = run.stdout.splitlines()
    assert len(lines) == 6
    for line in lines:
        words = line.split()
        fmt = from_qkeras_bits(*(int(word) for word in words[:3]))
        got = [float(word) for word in words[3:]]
        modes = (fmt.rounding.value, fmt.overflow.value)
        raw = [assigned(Fraction(float(value)), fmt.width, fmt.integer, fmt.signed, *modes) for value in x]
        assert got == [n * 2.0**-fmt.fraction for n in raw], f"quantized_bits({', '.join(words[:3])}) is not {fmt}"
        assert set(got) == set(numbers(fmt)), "every level is reached"
