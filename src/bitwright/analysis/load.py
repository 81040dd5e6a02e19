"""The rows that statistics are of: a file's, the model's own, or random ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bitwright.analysis.analyse import Data
from bitwright.analysis.records import DataRow
from bitwright.datasets.npz import read_npz
from bitwright.datasets.sources import standardized
from bitwright.errors import DatasetError
from bitwright.files import read_arrays
from bitwright.network import Network
from bitwright.network.vectors import input_formats, quantize_rows


def data_of(network: Network, imported: Path, file: Path | None, rows: int) -> Data:
    """At most ``rows`` rows of ``file``, else of the vectors in ``imported``, on the grid of the network's inputs.

    The vectors' real rows are taken where they have some, else the random ones, and the record says so.

    Raises:
        DatasetError: the file has no ``x``, no rows, columns for another network, NaN or infinity.
    """
    if file is not None:
        return _from_file(network, file, rows)
    arrays = read_arrays(imported / "vectors.npz")
    real = int(arrays["real"])
    x = arrays["x"][:real] if real else arrays["x"]
    source = "the model's own data" if real else "no data given: random vectors on the input grid"
    return Data(x[:rows], DataRow(source=source, rows=len(x[:rows]), random=not real))


def _from_file(network: Network, file: Path, rows: int) -> Data:
    arrays = read_npz(file)
    if "x" not in arrays:
        raise DatasetError(f"has no 'x', only {', '.join(sorted(arrays))}", where=str(file), hint="store rows as x")
    x = np.asarray(arrays["x"])
    if x.ndim < 2 or not len(x) or x.dtype.kind not in "fiu":
        raise DatasetError(
            f"x has shape {x.shape} and type {x.dtype}", where=str(file), hint="x is (rows, features), numbers"
        )
    try:
        raw = quantize_rows(standardized(x, arrays, file)[:rows], input_formats(network))
    except DatasetError as error:
        raise DatasetError(error.what, where=str(file), hint=error.hint) from error
    return Data(raw, DataRow(source=file.name, rows=len(raw), random=False))
