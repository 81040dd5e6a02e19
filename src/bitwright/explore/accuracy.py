"""The accuracy of a Network on labelled rows, by the exact reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitwright.errors import DatasetError
from bitwright.files import digest_arrays
from bitwright.frontend.rows import Rows, check_rows
from bitwright.network import Network
from bitwright.network.layers import HardSigmoid, Table, TableFunction
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, quantize_rows


def rows_digest(rows: Rows) -> str:
    """Of the content, not of the file."""
    return digest_arrays({"x": rows.x, "y": rows.y})


def accuracy(network: Network, rows: Rows, threads: int = 1) -> float:
    """The share of rows whose class the network names: the largest output, the first of equals.

    A network of one output says class 1 from zero up; from one half up where it ends in a sigmoid.

    Raises:
        DatasetError: the rows do not fit the network.
    """
    name = network.heads[0]
    head = network.layer(name)
    x = quantize_rows(rows.x, input_formats(network))
    raw = Reference(network, threads).layers(x, [name])[name]
    if head.size == 1:
        ends_in_sigmoid = isinstance(head, HardSigmoid) or (
            isinstance(head, Table) and head.function is TableFunction.SIGMOID
        )
        border = 0.5 if ends_in_sigmoid else 0.0
        said = np.ldexp(raw[:, 0].astype(np.float64), -head.result.fraction) >= border
        return float(np.mean(said == _binary(rows)))
    check_rows(rows, network, 0)
    return float(np.mean(raw.argmax(axis=1) == rows.y))


def _binary(rows: Rows) -> npt.NDArray[np.bool_]:
    if not np.isin(rows.y, (0, 1)).all():
        raise DatasetError(
            f"labels from {rows.y.min()} to {rows.y.max()}, the model has one output", where=str(rows.path),
            hint="y holds 0 and 1",
        )  # fmt: skip
    return rows.y == 1
