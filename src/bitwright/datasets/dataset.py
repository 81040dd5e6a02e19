"""Labelled rows, checked once at the door."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bitwright.errors import DatasetError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

JET_SET = "hls4ml_lhc_jets_hlf"
JET_CLASSES = ("g", "q", "t", "w", "z")
JET_FEATURES = (
    "zlogz",
    "c1_b0_mmdt",
    "c1_b1_mmdt",
    "c1_b2_mmdt",
    "c2_b1_mmdt",
    "c2_b2_mmdt",
    "d2_b1_mmdt",
    "d2_b2_mmdt",
    "d2_a1_b1_mmdt",
    "d2_a1_b2_mmdt",
    "m2_b1_mmdt",
    "m2_b2_mmdt",
    "n2_b1_mmdt",
    "n2_b2_mmdt",
    "mass_mmdt",
    "multiplicity",
)


@dataclass(frozen=True, slots=True)
class Scaler:
    """Standardization ``(raw - mean) / scale``, one pair per feature, in the units of the raw feature."""

    mean: Doubles
    scale: Doubles

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            raise DatasetError(
                f"scaler mean {self.mean.shape} and scale {self.scale.shape} are not two vectors of one length",
                hint="give one mean and one scale per feature",
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise DatasetError("the scaler has a value that is not finite, or a scale of 0", hint="fit it again")

    def standardize(self, raw: npt.NDArray[np.floating]) -> Floats:
        """Raw features (rows, features) as the networks want them, float32."""
        return ((np.asarray(raw, np.float64) - self.mean) / self.scale).astype(np.float32)


def raw_scaler(arrays: dict[str, npt.NDArray[np.generic]]) -> Scaler | None:
    """The scaler of a data file whose features are still raw; None where there is nothing left to do."""
    scaler = any_scaler(arrays)
    return None if scaler is None or bool(arrays.get("standardized", np.False_)) else scaler


def any_scaler(arrays: dict[str, npt.NDArray[np.generic]]) -> Scaler | None:
    """The scaler that a data file holds."""
    if "scaler_mean" not in arrays or "scaler_scale" not in arrays:
        return None
    return Scaler(arrays["scaler_mean"].astype(np.float64), arrays["scaler_scale"].astype(np.float64))


def fit_scaler(raw: npt.NDArray[np.floating]) -> Scaler:
    """Mean and standard deviation of each column of raw features (rows, features)."""
    wide = np.asarray(raw, np.float64)
    deviation = wide.std(axis=0)
    return Scaler(wide.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows of one split of one data set.

    ``x``: float32 (rows, features), standardized where ``scaler`` is given; ``y``: int64 (rows,), an index of
    ``classes``; ``synthetic``: a generator made the rows; ``image``: (height, width) where the features are the
    pixels of an image, row by row; ``in_time``: the rows are in the order of time, which splits must keep.
    ``where`` names the file in error messages.

    Raises:
        DatasetError: wrong shape, no rows, a value that is not finite, or a label outside ``classes``.
    """

    x: Floats
    y: Labels
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    name: str
    split: str
    synthetic: bool = False
    scaler: Scaler | None = None
    image: tuple[int, int] | None = None
    where: str = ""
    in_time: bool = False

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def title(self) -> str:
        """Name, split and row count in one line, with the word synthetic where it belongs."""
        kind = ", synthetic" if self.synthetic else ""
        return f"{self.name}, {self.split}, {self.rows} rows{kind}"

    def take(self, index: npt.NDArray[np.int64] | slice, split: str = "") -> Dataset:
        """Some of the rows, in the order of ``index``, under the name of their split."""
        return replace(self, x=self.x[index], y=self.y[index], split=split or self.split)

    def standardized(self, scaler: Scaler) -> Dataset:
        """The same rows, raw until now, standardized by ``scaler``."""
        return replace(self, x=scaler.standardize(self.x), scaler=scaler)

    def made_up(self) -> Dataset:
        """The same rows, said to be a generator's."""
        return replace(self, synthetic=True)


def _check_shapes(data: Dataset) -> None:
    x, y = data.x, data.y
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
        raise DatasetError(
            f"x has shape {x.shape} and y {y.shape}",
            where=data.where,
            hint="x must be (rows, features) and y (rows,), one label per row",
        )
    if x.size == 0:
        raise DatasetError("the data set has no rows", where=data.where, hint="give a file with at least one row")
    if len(data.feature_names) != x.shape[1]:
        raise DatasetError(
            f"{x.shape[1]} columns but {len(data.feature_names)} feature names",
            where=data.where,
            hint="give one name per column of x",
        )
    if data.scaler is not None and data.scaler.mean.shape != (x.shape[1],):
        raise DatasetError(
            f"{x.shape[1]} columns but a scaler of {data.scaler.mean.size}",
            where=data.where,
            hint="give one mean and one scale per column of x",
        )


def _check_values(data: Dataset) -> None:
    bad = ~np.isfinite(data.x)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DatasetError(
            f"{int(bad.sum())} values are not finite; the first is {data.feature_names[column]} of row {row}",
            where=data.where,
            hint="drop or repair these rows",
        )
    unknown = (data.y < 0) | (data.y >= len(data.classes))
    if unknown.any():
        label = int(data.y[int(np.argmax(unknown))])
        raise DatasetError(
            f"class {label} in y is not one of 0..{len(data.classes) - 1} ({', '.join(data.classes)})",
            where=data.where,
            hint="y holds indices of 'classes'",
        )
