"""The rows that a model is calibrated and tried on: .npz, .npy or .csv, given batch by batch."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.datasets.npz import read_npz
from bitwright.datasets.sources import LABEL_COLUMNS, standardized
from bitwright.errors import DatasetError

BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Rows ``x`` (rows, ...), and the labels ``y`` (rows,) where the file has them."""

    path: Path
    x: npt.NDArray[Any]
    y: npt.NDArray[np.int64] | None = None

    def batches(self, size: int = BATCH) -> Iterator[npt.NDArray[Any]]:
        """The rows, ``size`` at a time; those of a .npy file are read from the disk as they come."""
        for start in range(0, len(self.x), size):
            yield np.asarray(self.x[start : start + size])


def read_data(path: Path) -> Data:
    """Read a data file; raw features that come with their scaler are standardized, as ``bitwright run`` does.

    Raises:
        DatasetError: missing, damaged, empty, or holding something else than numbers.
    """
    if not path.is_file():
        raise DatasetError("no such file", where=str(path), hint="give a .npz with x (and y), a .npy or a .csv file")
    match path.suffix.lower():
        case ".npz":
            data = _from_npz(path)
        case ".npy":
            data = Data(path, _loaded(path))
        case ".csv":
            data = _from_csv(path)
        case suffix:
            raise DatasetError(f"'{suffix}' files are not read", where=str(path), hint="give a .npz, .npy or .csv file")
    return _checked(data)


def _from_npz(path: Path) -> Data:
    arrays = read_npz(path)
    if "x" not in arrays:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise DatasetError(f"has no 'x', only {found}", where=str(path), hint="store the rows as x")
    y = arrays.get("y")
    labels = y.astype(np.int64) if y is not None and y.dtype.kind in "iub" and y.ndim == 1 else None
    x = arrays["x"]
    return Data(path, standardized(x, arrays, path) if x.dtype.kind in "fiub" else x, labels)


def _loaded(path: Path) -> npt.NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DatasetError(f"not a readable npy file ({error})", where=str(path), hint="save it again") from error


def _from_csv(path: Path) -> Data:
    """Columns of numbers; a first line of names is known by what cannot be a number."""
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            lines = [line for line in csv.reader(handle) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"not a csv file ({error})", where=str(path), hint="save it as UTF-8 text") from error
    if not lines:
        raise DatasetError("holds no rows", where=str(path), hint="give a file with at least two rows")
    names = [] if all(map(_is_number, lines[0])) else [name.strip().lower() for name in lines[0]]
    label = next((names.index(word) for word in LABEL_COLUMNS if word in names), None)
    numbers = [_row(line, label, number, path) for number, line in enumerate(lines[bool(names) :], 1 + bool(names))]
    if not numbers:
        raise DatasetError("holds no rows", where=str(path), hint="give a file with at least two rows")
    labels = [line[label] for line in lines[bool(names) :]] if label is not None else None
    return Data(path, _rectangle(numbers, path), _classes(labels))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _row(line: list[str], label: int | None, number: int, path: Path) -> list[float]:
    cells = [text for column, text in enumerate(line) if column != label]
    wrong = next((text for text in cells if not _is_number(text)), None)
    if wrong is not None:
        raise DatasetError(f"'{wrong}' is not a number", where=f"{path}:{number}", hint="give columns of numbers")
    return [float(text) for text in cells]


def _rectangle(numbers: list[list[float]], path: Path) -> npt.NDArray[np.float32]:
    odd = next((i for i, row in enumerate(numbers) if len(row) != len(numbers[0])), None)
    if odd is not None:
        raise DatasetError(
            f"data row {odd + 1} has {len(numbers[odd])} columns, the first {len(numbers[0])}", where=str(path),
            hint="give every row the same columns",
        )  # fmt: skip
    return np.array(numbers, dtype=np.float32)


def _classes(labels: list[str] | None) -> npt.NDArray[np.int64] | None:
    """Labels as numbers: themselves where they are whole, else their place among the sorted names."""
    if labels is None:
        return None
    if all(_is_number(text) and float(text) == int(float(text)) for text in labels):
        return np.array([int(float(text)) for text in labels])
    names = sorted(set(labels))
    return np.array([names.index(text) for text in labels])


def _checked(data: Data) -> Data:
    if data.x.dtype.kind not in "fiub" or data.x.ndim < 2:
        raise DatasetError(
            f"holds {data.x.dtype} of shape {data.x.shape}", where=str(data.path), hint="x is (rows, ...), numbers"
        )
    if not data.x.size:
        raise DatasetError("holds no rows", where=str(data.path), hint="give a file with at least two rows")
    if data.y is not None and len(data.y) != len(data.x):
        raise DatasetError(
            f"{len(data.x)} rows and {len(data.y)} labels", where=str(data.path), hint="give one label for each row"
        )
    return data
