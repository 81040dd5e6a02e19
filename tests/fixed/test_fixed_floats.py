"""Floats assigned to fixed-point types, by the vendor's own constructors from double and by ``quantize_floats``."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bitwright.fixed import FixedFormat, Overflow, Rounding, integers_of_floats, quantize_floats, quantize_number

FORMATS = [
    FixedFormat(width, integer, signed, rounding, overflow)
    for width, integer, signed in ((9, 4, True), (6, 2, False))
    for rounding in Rounding
    for overflow in Overflow
] + [FixedFormat(60, 20), FixedFormat(1, 1), FixedFormat(5, 9), FixedFormat(12, -3, True, Rounding.RND, Overflow.SAT)]
INTEGERS = [FixedFormat(8, 8), FixedFormat(5, 5, signed=False)]
MAIN = """
#include <cstdio>
#include "ap_fixed.h"
template <class T> void show(double *x, int n) {{
    for (int i = 0; i < n; i++) {{ T y = T(x[i]); printf("%s ", y.to_string(10).c_str()); }}
    printf("\\n");
}}
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O> void raw(double *x, int n) {{
    for (int i = 0; i < n; i++) {{
        ap_fixed_base<W, I, S, Q, O> y = ap_fixed_base<W, I, S, Q, O>(x[i]);
        ap_int_base<W, S> bits; bits.V = y.V;
        printf("%lld ", (long long)bits.to_int64());
    }}
    printf("\\n");
}}
int main(int, char **argv) {{
    static double x[100000];
    FILE *file = fopen(argv[1], "rb");
    int n = fread(x, sizeof(double), 100000, file);
    {calls}
    return 0;
}}
"""


def numbers() -> np.ndarray:
    """Ordinary ones, halves and near halves of the formats' steps, ends of ranges, the largest and smallest doubles."""
    rng = np.random.default_rng(3)
    steps = np.arange(-400, 400) / 64
    odd = [0.0, -0.0, 5e-324, -5e-324, 1e-300, -1e-300, 1e30, -1e30, 1e300, -1e300, 2.0**52 + 1, -(2.0**53) + 1, 31.999]
    near = np.nextafter(steps, rng.choice([-np.inf, np.inf], len(steps)))
    return np.concatenate(
        [steps, near, odd, rng.normal(0, 8, 500), rng.normal(0, 1, 500) * 2.0 ** rng.integers(-60, 60, 500)]
    )


@pytest.mark.hls
def test_the_vendors_constructors_give_the_same_bits(tmp_path: Path) -> None:
    calls = [
        f"raw<{f.width}, {f.integer}, {str(f.signed).lower()}, AP_{f.rounding.value}, AP_{f.overflow.value}>(x, n);"
        for f in FORMATS
    ] + [f"show<ap_{'' if f.signed else 'u'}int<{f.width}> >(x, n);" for f in INTEGERS]
    (tmp_path / "floats.cpp").write_text(MAIN.format(calls="\n    ".join(calls)))
    x = numbers()
    x.tofile(tmp_path / "x.bin")
    package = importlib.util.find_spec("hls4ml")
    assert package is not None
    assert package.origin is not None
    include = Path(package.origin).parent / "templates" / "vivado" / "ap_types"
    argv = ["g++", "-O0", "-std=c++17", "-w", f"-I{include}", str(tmp_path / "floats.cpp"), "-o", str(tmp_path / "f")]
    subprocess.run(argv, check=True)
    done = subprocess.run([tmp_path / "f", tmp_path / "x.bin"], capture_output=True, text=True, check=True)
    expected = [np.array(line.split(), dtype=object).astype(int) for line in done.stdout.splitlines()]
    ours = [(fmt, quantize_floats) for fmt in FORMATS] + [(fmt, integers_of_floats) for fmt in INTEGERS]
    assert len(expected) == len(ours)
    for (fmt, assign), want in zip(ours, expected, strict=True):
        got = assign(x, fmt)
        wrong = np.flatnonzero(got != want)
        assert not len(wrong), f"{fmt}: {[(x[i], want[i], got[i]) for i in wrong[:5]]}"


def test_float32_and_shapes() -> None:
    x = np.random.default_rng(1).normal(0, 3, (4, 5, 2)).astype(np.float32)
    fmt = FixedFormat(10, 3)
    got = quantize_floats(x, fmt)
    assert got.shape == x.shape
    assert got.ravel().tolist() == [quantize_number(float(value), fmt) for value in x.ravel()]
    assert quantize_floats(np.zeros((0, 3)), fmt).shape == (0, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN and infinity"):
        quantize_floats(np.array([1.0, bad]), FixedFormat(8, 4))
