"""Read an npz that somebody else may have written, cut short or damaged."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy.typing as npt

from bitwright.errors import BitwrightError, DatasetError
from bitwright.files import read_arrays


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an npz file.

    Raises:
        DatasetError: missing, cut short, damaged, or holding pickled objects.
    """
    if not path.is_file():
        raise DatasetError("no such file", where=str(path), hint="give an existing file, or make it again")
    if not zipfile.is_zipfile(path):
        raise DatasetError("not an npz file, or cut short", where=str(path), hint="make or download it again")
    try:
        return read_arrays(path)
    except BitwrightError as error:
        raise DatasetError(error.what, where=str(path), hint="make or download it again") from error
