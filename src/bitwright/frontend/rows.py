"""The labelled rows that model.yaml names: read and checked before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.datasets.npz import read_npz
from bitwright.datasets.sources import standardized
from bitwright.errors import DatasetError
from bitwright.network.layers import Argmax, Network


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """``x`` (rows, features), finite numbers; ``y`` (rows,), the class of each row; and their file."""

    x: npt.NDArray[Any]
    y: npt.NDArray[np.int64]
    path: Path


def read_rows(path: Path) -> Rows:
    """Read an npz with ``x`` and ``y``; raw features that come with their scaler are standardized.

    Raises:
        DatasetError: missing, damaged, without one of the two, or with values that are no numbers.
    """
    arrays = read_npz(path)
    missing = [name for name in ("x", "y") if name not in arrays]
    if missing:
        have = ", ".join(sorted(arrays)) or "nothing"
        raise DatasetError(f"has no '{missing[0]}', only {have}", where=str(path), hint="store x and y in it")
    x, y = arrays["x"], arrays["y"]
    if x.ndim < 2 or y.shape != x.shape[:1] or not len(x):
        raise DatasetError(
            f"x has shape {x.shape} and y {y.shape}", where=str(path), hint="x is (rows, features), y (rows,)"
        )
    if x.dtype.kind not in "fiu" or y.dtype.kind not in "iu":
        raise DatasetError(
            f"x holds {x.dtype} and y {y.dtype}", where=str(path), hint="x holds numbers, y the indices of classes"
        )
    bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
    if len(bad):
        raise DatasetError(
            f"{len(bad)} rows hold NaN or infinity; the first is row {bad[0]}", where=str(path), hint="remove them"
        )
    return Rows(standardized(x, arrays, path), y.astype(np.int64), path)


def check_rows(rows: Rows, network: Network, classes: int) -> None:
    """Whether rows fit a network and the number of ``classes`` that model.yaml names (0: none).

    Raises:
        DatasetError: other columns than the network has inputs, or labels that it has no output for.
    """
    columns, inputs = prod(rows.x.shape[1:]), sum(layer.size for layer in network.inputs)
    if columns != inputs:
        raise DatasetError(
            f"rows of {columns} features, the model takes {inputs}", where=str(rows.path),
            hint="check 'data' in model.yaml",
        )  # fmt: skip
    head = network.layer(network.outputs[0])
    outputs = network.layer(head.sources[0]).size if isinstance(head, Argmax) else head.size
    known = max(2, outputs)  # one output tells two classes apart
    if classes not in (0, known):
        raise DatasetError(
            f"{classes} classes are named, the model has {outputs} outputs", where=str(rows.path),
            hint="check 'data.classes' in model.yaml",
        )  # fmt: skip
    strange = np.flatnonzero((rows.y < 0) | (rows.y >= known))
    if len(strange):
        raise DatasetError(
            f"row {strange[0]} has label {rows.y[strange[0]]}, the model has outputs 0 to {known - 1}",
            where=str(rows.path), hint="y holds the indices of the classes",
        )  # fmt: skip
