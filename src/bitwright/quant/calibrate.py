"""Run a float model over data, batch by batch, and observe every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import DatasetError
from bitwright.quant.float_model import FloatModel, Floats, as_rows, evaluate
from bitwright.quant.observe import Observed, Observer

Batches = Iterable[npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What was seen of the values of each layer, by its name, in ``rows`` rows."""

    tensors: Mapping[str, Observed]
    rows: int


def calibrate(
    model: FloatModel, batches: Batches, where: str = "", progress: Callable[[int], None] = lambda _: None
) -> Calibration:
    """Observe every layer of ``model`` over ``batches``.

    Args:
        model: the model, as it will be quantized (normalization folded).
        batches: arrays (rows, ...) that the model takes; one is held at a time.
        where: the data's file, for messages.
        progress: told the number of rows seen so far after each batch.

    Raises:
        DatasetError: no rows, a row of another shape, NaN or infinity, or every row the same.
    """
    observers = {layer.name: Observer(layer.shape[-1]) for layer in model.layers}
    rows, first, constant = 0, np.empty(0), True
    for batch in batches:
        if not len(batch):
            continue
        x = _checked(model, batch, rows, where)
        first = x[0] if not rows else first
        constant = constant and bool((x == first).all())
        for name, values in evaluate(model, x).items():
            observers[name].update(values, rows)
        rows += len(x)
        progress(rows)
    _check_data(rows, constant, where)
    return Calibration({name: observer.result() for name, observer in observers.items()}, rows)


def _checked(model: FloatModel, batch: npt.NDArray[Any], start: int, where: str) -> Floats:
    try:
        x = as_rows(model, batch)
    except DatasetError as error:
        raise DatasetError(error.what, where=where or error.where, hint=error.hint) from error
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        raise DatasetError(
            f"row {start + int(bad[0])} holds NaN or infinity", where=where, hint="drop or repair such rows"
        )
    return x


def _check_data(rows: int, constant: bool, where: str) -> None:
    if not rows:
        raise DatasetError("there are no rows to calibrate with", where=where, hint="give data with at least two rows")
    if constant:
        raise DatasetError(
            f"all {rows} rows are the same: they say nothing about ranges" if rows > 1 else "one row alone is no data",
            where=where, hint="give rows as the model will see them, some hundreds or more",
        )  # fmt: skip
