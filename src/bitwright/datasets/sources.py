"""Where rows come from: an npz of ours, a table somebody saved (csv, arff), the 600 rows of the corpus."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Dataset, Labels, Scaler, any_scaler, raw_scaler
from bitwright.datasets.npz import read_npz
from bitwright.errors import DatasetError, nearest
from bitwright.files import write_arrays

CORPUS_FILE = Path("data") / "jsc_hlf_600.npz"
CORPUS_IMAGES = Path("data") / "mnist"
CORPUS_TRACES = Path("data") / "flashnet"
TEXT_SUFFIXES = (".csv", ".arff")
LABEL_COLUMNS = ("jet_type", "class", "label", "y", "target")


def load_dataset(path: Path, *, name: str = "", split: str = "", scaler: Scaler | None = None) -> Dataset:
    """Read ``.npz`` (arrays x, y), ``.csv`` or ``.arff`` (one row per line, one column of class names).

    An npz with scaler_mean and scaler_scale and no true ``standardized`` holds raw features, and comes back
    standardized. A text file is raw: it is standardized with ``scaler`` where one is given.

    Raises:
        DatasetError: missing, unreadable, another kind of file, or rows that :class:`Dataset` refuses.
    """
    if not path.is_file():
        raise DatasetError("no such file", where=str(path), hint="give an existing .npz, .csv or .arff file")
    if path.suffix == ".npz":
        return _from_npz(path, name, split)
    if path.suffix in TEXT_SUFFIXES:
        return _from_text(path, name, split, scaler)
    raise DatasetError(f"'{path.suffix}' files are not read", where=str(path), hint="give a .npz, .csv or .arff file")


def _from_npz(path: Path, name: str, split: str) -> Dataset:
    arrays = read_npz(path)
    missing = [key for key in ("x", "y") if key not in arrays]
    if missing:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise DatasetError(f"no array '{missing[0]}' (found: {found})", where=str(path), hint="save x and y in it")
    x = standardized(_numbers(arrays["x"], path), arrays, path)
    classes = _words(arrays, "classes")
    y = _labels(arrays["y"], classes, path)
    classes = classes or tuple(str(i) for i in range(int(y.max(initial=-1)) + 1))
    return Dataset(
        x=x.astype(np.float32),
        y=y,
        feature_names=_words(arrays, "feature_names") or _numbered(x),
        classes=classes,
        name=name or str(arrays.get("name", path.stem)),
        split=split or str(arrays.get("split", "all")),
        synthetic=bool(arrays.get("synthetic", np.False_)),
        scaler=any_scaler(arrays),
        image=_image(arrays),
        where=str(path),
        in_time=bool(arrays.get("in_time", np.False_)),
    )


def standardized(x: npt.NDArray[Any], arrays: dict[str, npt.NDArray[Any]], path: Path) -> npt.NDArray[Any]:
    """The features ``x`` (rows, features) of a data file as networks want them.

    Raises:
        DatasetError: a scaler of another width.
    """
    scaler = raw_scaler(arrays)
    if scaler is None or x.ndim != 2:
        return x
    _same_width(x, scaler, path)
    return scaler.standardize(x)


def _image(arrays: dict[str, npt.NDArray[Any]]) -> tuple[int, int] | None:
    if "image" not in arrays:
        return None
    height, width = (int(size) for size in arrays["image"])
    return height, width


def save_dataset(path: Path, data: Dataset) -> None:
    """Write an npz that :func:`load_dataset` reads back; x is stored standardized, an image's pixels as bytes.

    Rows of block traces lie on a grid that two bytes hold.
    """
    arrays: dict[str, npt.NDArray[Any]] = {
        "x": data.x,
        "y": data.y,
        "feature_names": np.array(data.feature_names),
        "classes": np.array(data.classes),
        "name": np.array(data.name),
        "split": np.array(data.split),
        "synthetic": np.array(data.synthetic),
        "standardized": np.array(data.scaler is not None and data.image is None),
    }
    if data.scaler is not None:
        arrays |= {"scaler_mean": data.scaler.mean, "scaler_scale": data.scaler.scale}
    if data.in_time:
        arrays |= {"x": data.x.astype(np.float16), "in_time": np.array(True)}  # sixteenths: exact
    if data.image is not None and data.scaler is not None:
        raw = data.x * data.scaler.scale + data.scaler.mean
        arrays |= {"x": np.round(raw).astype(np.uint8), "image": np.array(data.image)}
    write_arrays(path, arrays, compressed=data.image is not None or data.in_time)


def _same_width(x: npt.NDArray[Any], scaler: Scaler, path: Path) -> None:
    if x.shape[1] != scaler.mean.size:
        raise DatasetError(
            f"{x.shape[1]} columns but a scaler of {scaler.mean.size}",
            where=str(path),
            hint="give one mean and one scale per column of x",
        )


def _numbers(x: npt.NDArray[Any], path: Path) -> npt.NDArray[np.float64]:
    if x.dtype.kind not in "fiub":
        raise DatasetError(f"x holds {x.dtype}, not numbers", where=str(path), hint="save x as floats")
    return x.astype(np.float64)


def _words(arrays: dict[str, npt.NDArray[Any]], key: str) -> tuple[str, ...]:
    return tuple(str(word) for word in np.atleast_1d(arrays[key])) if key in arrays else ()


def _numbered(x: npt.NDArray[Any]) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(x.shape[-1] if x.ndim == 2 else 0))


def _labels(y: npt.NDArray[Any], classes: tuple[str, ...], path: Path) -> Labels:
    """Class indices from indices, one-hot rows (rows, classes) or class names."""
    if y.dtype.kind in "US":
        return index_of_classes([str(word) for word in y], classes or tuple(sorted({str(w) for w in y})), str(path))
    if y.dtype.kind not in "iuf" or (y.dtype.kind == "f" and not np.array_equal(y, np.round(y))):
        raise DatasetError(f"y holds {y.dtype} values that are no class", where=str(path), hint="save class indices")
    if y.ndim == 2 and y.shape[1] > 1 and np.array_equal(y.sum(axis=1), np.ones(len(y))):
        y = y.argmax(axis=1)
    return y.astype(np.int64)


def index_of_classes(words: list[str], classes: tuple[str, ...], where: str) -> Labels:
    """The index of each word in ``classes``.

    Raises:
        DatasetError: a word is no class.
    """
    index = {name: i for i, name in enumerate(classes)}
    for row, word in enumerate(words):
        if word not in index:
            hint = nearest(word, classes) or f"known classes: {', '.join(classes)}"
            raise DatasetError(f"row {row} has the unknown class '{word}'", where=where, hint=hint)
    return np.array([index[word] for word in words], np.int64)


def _from_text(path: Path, name: str, split: str, scaler: Scaler | None) -> Dataset:
    header, rows = _read_table(path)
    column = next((header.index(word) for word in LABEL_COLUMNS if word in header), len(header) - 1)
    features = tuple(word for i, word in enumerate(header) if i != column)
    if scaler is not None and len(features) != scaler.mean.size:
        raise DatasetError(
            f"{len(features)} features, {scaler.mean.size} wanted",
            where=str(path),
            hint=f"its columns are {', '.join(header)}",
        )
    words = [row[column] for row in rows]
    classes = tuple(sorted(set(words)))
    x = _parse(path, [row[:column] + row[column + 1 :] for row in rows], len(features))
    return Dataset(
        x=scaler.standardize(x) if scaler is not None else x.astype(np.float32),
        y=index_of_classes(words, classes, str(path)),
        feature_names=features,
        classes=classes,
        name=name or path.stem,
        split=split or "all",
        scaler=scaler,
        where=str(path),
    )


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            lines = iter(handle)
            header = _arff_header(lines) if path.suffix == ".arff" else _words_of(next(lines, ""))
            rows = [_strip(row) for row in csv.reader(lines, quotechar="'") if row and not row[0].startswith("%")]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"not a readable table ({error})", where=str(path), hint="save it as UTF-8 text") from error
    if len(header) < 2:
        raise DatasetError("no columns are named", where=str(path), hint="start with a line of column names")
    wrong = next((number for number, row in enumerate(rows) if len(row) != len(header)), None)
    if wrong is not None:
        raise DatasetError(
            f"row {wrong} has {len(rows[wrong])} columns, {len(header)} named", where=str(path), hint="mend this row"
        )
    return header, rows


def _arff_header(lines: Iterator[str]) -> list[str]:
    header: list[str] = []
    for line in lines:
        words = line.split(maxsplit=2)
        keyword = words[0].lower() if words else ""
        if keyword == "@data":
            break
        if keyword == "@attribute":
            header.append(words[1].strip("'\""))
    return header


def _words_of(line: str) -> list[str]:
    return _strip(next(csv.reader([line]), []))


def _strip(row: list[str]) -> list[str]:
    return [word.strip().strip("'\"") for word in row]


def _parse(path: Path, rows: list[list[str]], width: int) -> npt.NDArray[np.float64]:
    if not rows:
        return np.empty((0, width))
    try:
        return np.array(rows, np.float64)
    except ValueError as error:
        raise DatasetError(f"a feature is not a number ({error})", where=str(path), hint="mend this value") from error


def corpus_rows() -> Dataset | None:
    """The 600 real rows, standardized, where the corpus is there; None where it is not.

    Looked for under BITWRIGHT_CORPUS, else in ``shared`` beside the repository.
    """
    path = corpus_folder() / CORPUS_FILE
    if not path.is_file():
        return None
    return load_dataset(path, name="hls4ml_lhc_jets_hlf", split="600 real rows")


def corpus_folder() -> Path:
    """The folder of real models, data and reports; it need not exist."""
    named = os.environ.get("BITWRIGHT_CORPUS")
    return Path(named) if named else Path(__file__).resolve().parents[4] / "shared"
