"""The full jet set from OpenML, fetched once, kept in the user's cache and checked at every load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.datasets.dataset import JET_CLASSES, JET_SET, Dataset, fit_scaler
from bitwright.datasets.npz import read_npz
from bitwright.datasets.sources import index_of_classes
from bitwright.errors import DatasetError
from bitwright.files import cache_folder, digest, exclusive, write_arrays, write_text

TITLE = f"{JET_SET} (OpenML)"
DATA_ID = 42468
SHAPE = (830_000, 16)
TEST_SHARE = 0.2
SPLIT_SEED = 42
"""The split of the hls4ml tutorial, so that accuracies compare with published ones."""

LOCAL_HINT = "without a network give a local file instead: --data FILE with a .npz, .csv or .arff of the same columns"


def openml_splits(shape: tuple[int, int] = SHAPE) -> tuple[Dataset, Dataset]:
    """Training and test rows (80 to 20) of the whole set, standardized on the training rows.

    Raises:
        DatasetError: no network and no cached copy, a damaged copy, or not the data set that was asked for.
    """
    whole = _cached(shape)
    # the legacy generator, because scikit-learn's train_test_split draws its permutation from it
    order = np.random.RandomState(SPLIT_SEED).permutation(whole.rows)
    tests = int(np.ceil(whole.rows * TEST_SHARE))
    scaler = fit_scaler(whole.x[order[tests:]])
    parts = (whole.take(order[tests:], "train"), whole.take(order[:tests], "test"))
    return parts[0].standardized(scaler), parts[1].standardized(scaler)


def _cached(shape: tuple[int, int]) -> Dataset:
    folder = cache_folder()
    file, stamp = folder / f"{JET_SET}.npz", folder / f"{JET_SET}.sha256"
    with exclusive(folder):
        if not stamp.is_file():
            whole = _fetch(folder, shape)
            write_arrays(file, {"x": whole.x, "y": whole.y, "feature_names": np.array(whole.feature_names)})
            write_text(stamp, digest(file) + "\n")
            return whole
        return _read(file, stamp, shape)


def _read(file: Path, stamp: Path, shape: tuple[int, int]) -> Dataset:
    hint = f"remove {stamp} and run again: it will be fetched anew"
    if not file.is_file() or digest(file) != stamp.read_text(encoding="utf-8").strip():
        raise DatasetError("the cached copy is missing or damaged (checksum)", where=str(file), hint=hint)
    try:
        arrays = read_npz(file)
        return _dataset(arrays["x"], arrays["y"], [str(name) for name in arrays["feature_names"]], file, shape)
    except (KeyError, DatasetError) as error:
        raise DatasetError(f"the cached copy cannot be used ({error})", where=str(file), hint=hint) from error


def _fetch(folder: Path, shape: tuple[int, int]) -> Dataset:
    from sklearn.datasets import fetch_openml  # noqa: PLC0415 - slow to import

    try:
        bunch: Any = fetch_openml(data_id=DATA_ID, data_home=str(folder / "openml"), as_frame=False, parser="liac-arff")
    except (OSError, ValueError, MemoryError) as error:  # URLError is an OSError; ValueError: its own md5 check
        raise DatasetError(f"could not fetch it ({error})", where=f"OpenML {JET_SET}", hint=LOCAL_HINT) from error
    words = [str(word) for word in np.asarray(bunch.target).ravel()]
    return _dataset(
        np.asarray(bunch.data, np.float64),
        index_of_classes(words, JET_CLASSES, TITLE),
        [str(name) for name in bunch.feature_names],
        Path(TITLE),
        shape,
    )


def _dataset(x: Any, y: Any, names: list[str], where: Path, shape: tuple[int, int]) -> Dataset:
    if x.shape != shape:
        raise DatasetError(
            f"{x.shape[0]} rows of {x.shape[1]} features; {shape[0]} of {shape[1]} expected",
            where=str(where),
            hint="this is another data set, or a part of it: give it as a local file with --data FILE",
        )
    return Dataset(
        x=x.astype(np.float32),
        y=y.astype(np.int64),
        feature_names=tuple(names),
        classes=JET_CLASSES,
        name=TITLE,
        split="all",
        where=str(where),
    )
