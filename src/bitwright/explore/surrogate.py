"""LUTs foretold from cheap features: a linear model, calibrated on what Yosys counted, its error stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LinearRegression

from bitwright.explore.figures import Figures

FEATURES = ("adders", "registers", "bitops", "folded")
FEWEST = 6
"""Syntheses before there is a model."""
FOLDS = 10
CAUTIOUS = 0.9
"""The quantile of the relative error that decides which candidates matter."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Error:
    """Relative errors on designs that the model had not seen, over ``rows`` of them."""

    rows: int
    median: float
    cautious: float

    def words(self) -> str:
        """``median 4.0 %, nine in ten within 9.1 % (cross-validated on 40 syntheses)``."""
        return (
            f"median {self.median:.1%}, nine in ten within {self.cautious:.1%} (cross-validated on {self.rows}"
            " syntheses)"
        )


@dataclass(frozen=True, slots=True)
class Surrogate:
    """``LUT = sum_k weight_k feature_k``, no weight negative."""

    weights: Floats
    error: Error

    def lut(self, figures: Figures) -> float:
        """The LUTs foretold."""
        return float(_row(figures) @ self.weights)


def calibrate(rows: Sequence[Figures]) -> Surrogate | None:
    """Fit the model to the candidates that were synthesized; None where they are too few.

    Squares of relative errors are least, so that small designs count as much as large ones.
    """
    known = [row for row in rows if row.is_real and row.lut > 0]
    if len(known) < FEWEST:
        return None
    x, y = np.stack([_row(row) for row in known]), np.array([row.lut for row in known])
    return Surrogate(_fitted(x, y), _error(x, y))


def _row(figures: Figures) -> Floats:
    return np.array([figures.features[name] for name in FEATURES])


def _fitted(x: Floats, y: Floats) -> Floats:
    """Least squares of relative errors, of features brought to one size."""
    scale = np.maximum(x.max(axis=0), 1e-9)
    model = LinearRegression(positive=True, fit_intercept=False).fit(x / scale / y[:, None], np.ones(len(y)))
    return np.asarray(model.coef_ / scale, dtype=np.float64)


def _error(x: Floats, y: Floats) -> Error:
    """Cross-validation: every design is foretold by a model that has not seen it."""
    fold = np.arange(len(y)) % min(FOLDS, len(y))
    misses = np.empty(len(y))
    for k in range(min(FOLDS, len(y))):
        held = fold == k
        misses[held] = np.abs(x[held] @ _fitted(x[~held], y[~held]) / y[held] - 1)
    return Error(len(y), float(np.median(misses)), float(np.quantile(misses, CAUTIOUS)))
