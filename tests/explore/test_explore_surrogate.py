"""The surrogate of LUTs: exact where the truth is linear, and honest about its error where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explore_doubles import figures

from bitwright.explore.figures import Figures, Limits
from bitwright.explore.surrogate import FEATURES, FEWEST, calibrate


def made(rng: np.random.Generator, noise: float) -> Figures:
    values = dict(zip(FEATURES, rng.uniform(100, 5000, 4), strict=True))
    lut = 0.8 * values["adders"] + 0.05 * values["registers"] + 0.3 * values["folded"]
    return replace(figures(0.3, lut), features=values, area={"LUT": lut * (1 + noise * rng.normal())})


def test_a_linear_truth_is_found() -> None:
    rng = np.random.default_rng(1)
    surrogate = calibrate([made(rng, 0.0) for _ in range(20)])
    assert surrogate is not None
    assert surrogate.weights == pytest.approx([0.8, 0.05, 0.0, 0.3], abs=1e-6)
    assert surrogate.error.cautious < 1e-6


def test_the_error_is_that_of_unseen_designs() -> None:
    rng = np.random.default_rng(2)
    surrogate = calibrate([made(rng, 0.1) for _ in range(200)])
    assert surrogate is not None
    fresh = [made(rng, 0.1) for _ in range(500)]
    misses = [abs(surrogate.lut(row) / row.lut - 1) for row in fresh]
    assert np.median(misses) == pytest.approx(surrogate.error.median, rel=0.25)
    assert np.quantile(misses, 0.9) == pytest.approx(surrogate.error.cautious, rel=0.25)
    assert "nine in ten within" in surrogate.error.words()


def test_too_few_syntheses_give_no_surrogate() -> None:
    rows = [figures(0.3, 100.0 + k) for k in range(FEWEST - 1)]
    assert calibrate(rows) is None
    assert calibrate([*rows, figures(0.3, 50.0, real=False)]) is None, "foretold LUTs teach nothing"
    assert calibrate([*rows, figures(0.3, 50.0)]) is not None


def test_limits() -> None:
    limits = Limits(lut=100, latency_cycles=4, accuracy=0.7)
    assert limits.given
    assert limits.excess(figures(0.3, 100.0, 4)) == pytest.approx(0)
    assert limits.excess(figures(0.36, 150.0, 5)) == pytest.approx(0.5 + 0.25 + 0.2)
    assert limits.words() == "at most 100 LUT and at most 4 clocks and an accuracy of at least 70.00%"
