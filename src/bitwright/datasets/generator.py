"""A generator of labelled rows: one Gaussian copula per class, fitted on real rows.

Per class, each feature is a smooth increasing function of a standard normal number, and these numbers are
correlated (Nelsen, An Introduction to Copulas, 2006). The functions are kept at 17 points, smoothed over
their neighbours, so that no row of the data that it was fitted on can be read back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Dataset, Doubles, Floats, Labels, Scaler
from bitwright.datasets.labeller import Labeller
from bitwright.datasets.npz import read_npz
from bitwright.datasets.pixels import PixelGenerator
from bitwright.datasets.tracegen import KIND, TraceGenerator
from bitwright.errors import DatasetError
from bitwright.files import write_arrays

POINTS = np.linspace(-3.2, 3.2, 17)
"""Where the marginals are kept: standard normal numbers, so the tails get as many points as the middle."""

BANDWIDTH = 0.25
"""Width of the Gaussian kernel that smooths a marginal, in standard normal numbers."""

MARGIN = 0.02
"""A generated value may pass the range of the fitted rows by this fraction of it, not more."""

FEWEST_ROWS = 8
"""Per class; fewer tell nothing about a correlation."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Generator:
    """What :func:`fit` learned.

    ``priors``: (classes,) share of each class; ``marginals``: (classes, POINTS, features), increasing along
    axis 1; ``correlation``: (classes, features, features); ``fitted_rows``: how many rows it has seen.
    With a ``labeller`` the classes of generated rows are drawn from what it says of each row.
    """

    name: str
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    priors: Doubles
    marginals: Doubles
    correlation: Doubles
    fitted_rows: int
    scaler: Scaler | None = None
    labeller: Labeller | None = None

    TEST_ROWS: ClassVar[int] = 4000
    """Rows of the test file that is shipped with a model."""

    def __post_init__(self) -> None:
        classes, features = len(self.classes), len(self.feature_names)
        shapes = (self.priors.shape, self.marginals.shape, self.correlation.shape)
        if shapes != ((classes,), (classes, POINTS.size, features), (classes, features, features)):
            raise DatasetError(f"generator parameters of shapes {shapes}", hint="fit the generator again")
        if not all(np.isfinite(a).all() for a in (self.priors, self.marginals, self.correlation)):
            raise DatasetError("a generator parameter is not finite", hint="fit the generator again")

    def sample(self, n: int, seed: int, split: str = "generated") -> Dataset:
        """``n`` rows; the same ``seed`` gives the same rows.

        Raises:
            DatasetError: ``n`` is below 1.
        """
        if n < 1:
            raise DatasetError(f"{n} rows asked for", hint="ask the generator for one row or more")
        random = np.random.default_rng(seed)
        y = random.choice(len(self.classes), size=n, p=self.priors).astype(np.int64)
        x = np.empty((n, len(self.feature_names)), np.float32)
        for index in range(len(self.classes)):
            x[y == index] = self._rows_of_class(index, int((y == index).sum()), random)
        if self.labeller is not None:
            y = draw(self.labeller.probabilities(x), random)
        return Dataset(
            x=x,
            y=y,
            feature_names=self.feature_names,
            classes=self.classes,
            name=f"{self.name} (generated)",
            split=split,
            synthetic=True,
            scaler=self.scaler,
        )

    def _rows_of_class(self, index: int, n: int, random: np.random.Generator) -> Doubles:
        normal = random.standard_normal((n, len(self.feature_names))) @ _root(self.correlation[index])
        columns = [np.interp(z, POINTS, line) for z, line in zip(normal.T, self.marginals[index].T, strict=True)]
        return np.stack(columns, axis=1)

    def soft_labels(self, data: Dataset) -> Floats:
        """Probabilities (rows, classes) for ``data``: the labeller's, or certainty of each row's own class."""
        if self.labeller is not None:
            return self.labeller.probabilities(data.x)
        return np.eye(len(self.classes), dtype=np.float32)[data.y]

    def with_labeller(self, labeller: Labeller | None) -> Generator:
        """The same generator with another labeller."""
        return replace(self, labeller=labeller)

    def save(self, path: Path) -> None:
        """Write the parameters as a small npz whose bytes depend on them alone."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "format": np.array(FORMAT),
            "name": np.array(self.name),
            "feature_names": np.array(self.feature_names),
            "classes": np.array(self.classes),
            "priors": self.priors,
            "marginals": self.marginals.astype(np.float32),
            "correlation": self.correlation.astype(np.float32),
            "fitted_rows": np.array(self.fitted_rows),
        }
        if self.scaler is not None:
            arrays |= {"scaler_mean": self.scaler.mean, "scaler_scale": self.scaler.scale}
        if self.labeller is not None:
            arrays |= self.labeller.arrays()
        write_arrays(path, arrays)


def fit(rows: Dataset) -> Generator:
    """Learn each class of ``rows``.

    Raises:
        DatasetError: a class has fewer than 8 rows.
    """
    counts = np.bincount(rows.y, minlength=len(rows.classes))
    if counts.min() < FEWEST_ROWS:
        scarce = rows.classes[int(counts.argmin())]
        raise DatasetError(
            f"class {scarce} has {int(counts.min())} rows",
            where=rows.where,
            hint=f"a generator needs {FEWEST_ROWS} rows or more of each class",
        )
    wide = rows.x.astype(np.float64)
    limits = _limits(wide)
    parts = [_fit_class(wide[rows.y == index], limits) for index in range(len(rows.classes))]
    return Generator(
        name=rows.name,
        feature_names=rows.feature_names,
        classes=rows.classes,
        priors=counts / counts.sum(),
        marginals=np.stack([marginal for marginal, _ in parts]),
        correlation=np.stack([correlation for _, correlation in parts]),
        fitted_rows=rows.rows,
        scaler=rows.scaler,
    )


AnyGenerator = Generator | PixelGenerator | TraceGenerator


def load(path: Path) -> AnyGenerator:
    """Read what the ``save`` of a generator of features, of images or of block traces wrote.

    Raises:
        DatasetError: missing, damaged, or not a generator's file.
    """
    arrays = read_npz(path)
    try:
        if "basis" in arrays:
            return PixelGenerator.from_arrays(arrays)
        return TraceGenerator.from_arrays(arrays) if str(arrays.get("kind")) == KIND else _from_arrays(arrays)
    except DatasetError as error:
        raise DatasetError(error.what, where=str(path), hint=error.hint) from error
    except (KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f"not a generator's parameters ({error})", where=str(path), hint="make it again with --fit-generator"
        ) from error


def _from_arrays(arrays: dict[str, npt.NDArray[Any]]) -> Generator:
    if int(arrays["format"]) != FORMAT:
        raise DatasetError(f"generator format {int(arrays['format'])}, not {FORMAT}", hint="fit the generator again")
    scaler = Scaler(arrays["scaler_mean"], arrays["scaler_scale"]) if "scaler_mean" in arrays else None
    return Generator(
        name=str(arrays["name"]),
        feature_names=tuple(str(name) for name in arrays["feature_names"]),
        classes=tuple(str(name) for name in arrays["classes"]),
        priors=arrays["priors"],
        marginals=arrays["marginals"].astype(np.float64),
        correlation=arrays["correlation"].astype(np.float64),
        fitted_rows=int(arrays["fitted_rows"]),
        scaler=scaler,
        labeller=Labeller.from_arrays(arrays),
    )


def draw(probabilities: Floats, random: np.random.Generator) -> Labels:
    """One class per row of probabilities (rows, classes)."""
    thresholds = np.cumsum(probabilities.astype(np.float64), axis=1)
    point = random.random(len(probabilities))[:, None] * thresholds[:, -1:]
    drawn: Labels = (point >= thresholds[:, :-1]).sum(axis=1).astype(np.int64)
    return drawn


def _limits(wide: Doubles) -> tuple[Doubles, Doubles]:
    low, high = wide.min(axis=0), wide.max(axis=0)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def _fit_class(wide: Doubles, limits: tuple[Doubles, Doubles]) -> tuple[Doubles, Doubles]:
    normal = np.stack([_normal_scores(column) for column in wide.T], axis=1)
    marginals = np.stack([_smooth(z, column) for z, column in zip(normal.T, wide.T, strict=True)], axis=1)
    return np.clip(marginals, *limits), _correlation(normal)


def _normal_scores(column: Doubles) -> Doubles:
    """The standard normal number that has each value's rank."""
    inverse = NormalDist().inv_cdf
    shares = (midranks(column) - 0.5) / len(column)
    return np.array([inverse(float(share)) for share in shares])


def midranks(values: Doubles) -> Doubles:
    """Rank of each value from 1, equal values sharing the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Doubles = np.cumsum(counts) - (counts - 1) / 2
    return shared[inverse]


def _smooth(z: Doubles, values: Doubles) -> Doubles:
    """Local linear regression of the values on their normal scores at POINTS, made increasing.

    Cleveland, JASA 74 (1979), with a Gaussian kernel; it continues the slope beyond the last value.
    """
    offset = z[None, :] - POINTS[:, None]
    distance = np.maximum(np.abs(offset) - np.abs(offset).min(axis=1, keepdims=True), 0)
    weight = np.exp(-0.5 * (distance / BANDWIDTH) ** 2)
    total = weight.sum(axis=1)
    centre = (weight * offset).sum(axis=1) / total
    mean = (weight * values).sum(axis=1) / total
    spread = (weight * (offset - centre[:, None]) ** 2).sum(axis=1) + 1e-9 * total
    slope = (weight * (offset - centre[:, None]) * (values - mean[:, None])).sum(axis=1) / spread
    increasing: Doubles = np.maximum.accumulate(mean - slope * centre)
    return increasing


def _correlation(normal: Doubles) -> Doubles:
    """Correlation of the columns; a column that never moves has none."""
    moves = normal.std(axis=0) > 0
    table = np.eye(normal.shape[1])
    table[np.ix_(moves, moves)] = np.corrcoef(normal[:, moves], rowvar=False)
    return table


def _root(correlation: Doubles) -> Doubles:
    """The symmetric root: unlike Cholesky's it exists for features that copy one another, and is unique."""
    values, vectors = np.linalg.eigh(correlation)
    root: Doubles = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
