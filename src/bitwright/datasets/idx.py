"""The idx files of MNIST: images and labels as bytes, plain or compressed with gzip.

Four bytes of magic (0, 0, type, dimensions), each dimension as four bytes with the highest first, then the
values, the last dimension running fastest (LeCun, Cortes and Burges, the MNIST database).
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Dataset, Scaler
from bitwright.errors import DatasetError

Bytes = npt.NDArray[np.uint8]

UNSIGNED_BYTE = 8
MOST_VALUES = 1 << 30
"""A file that announces more is refused before memory is asked for; MNIST has 47 million pixels."""

LEVELS = 256
CLASSES = tuple("0123456789")
MNIST = "MNIST"
UNSEEN = 2_000
"""Rows of the test images that are kept from training where there are no training images."""

TRAIN, TEST = "train", "t10k"
AGAIN = "copy or download it again"


def read_idx(path: Path) -> Bytes:
    """The array of one idx file of unsigned bytes.

    Raises:
        DatasetError: missing, another kind of file, cut short, with bytes behind its end, or too large.
    """
    if not path.is_file():
        raise DatasetError("no such file", where=str(path), hint="give an existing idx file, plain or .gz")
    try:
        with _opened(path) as handle:
            shape = _shape(handle.read(4), handle, path)
            values = handle.read(prod(shape) + 1)
    except (OSError, EOFError, zlib.error) as error:  # BadGzipFile is an OSError
        raise DatasetError(f"not readable ({error})", where=str(path), hint=AGAIN) from error
    if len(values) != prod(shape):
        found = f"{len(values)} are there" if len(values) < prod(shape) else "more are there"
        raise DatasetError(f"its header announces {prod(shape)} values, {found}", where=str(path), hint=AGAIN)
    return np.frombuffer(values, np.uint8).reshape(shape)


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path)) if packed else path.open("rb")


def _shape(magic: bytes, handle: BinaryIO, path: Path) -> tuple[int, ...]:
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UNSIGNED_BYTE or not 1 <= magic[3] <= 3:
        raise DatasetError(
            f"begins with {magic.hex() or 'nothing'}, no idx file of unsigned bytes",
            where=str(path),
            hint="wanted: 00000801 for labels, 00000803 for images",
        )
    sizes = handle.read(4 * magic[3])
    if len(sizes) != 4 * magic[3]:
        raise DatasetError("cut short within its header", where=str(path), hint=AGAIN)
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if prod(shape) > MOST_VALUES:
        raise DatasetError(f"announces {shape} values", where=str(path), hint="this is no file of images: check it")
    return shape


def idx_splits(folder: Path, seed: int) -> tuple[Dataset, Dataset]:
    """Training and test rows of a folder with idx files, pixels as multiples of 1/256.

    Where the training images are there: all of them, and all test images. Where only the test images are:
    all but 2,000 of these, drawn by ``seed``, and the 2,000, which nothing of ours then learns from.

    Raises:
        DatasetError: neither is there, or a file is damaged or does not fit the others.
    """
    test = _images(folder, TEST, MNIST)
    if _found(folder, f"{TRAIN}-images-idx3-ubyte") is not None:
        return _images(folder, TRAIN, MNIST), test
    if test.rows <= UNSEEN:
        raise DatasetError(f"{test.rows} rows", where=str(folder), hint=f"training needs more than {UNSEEN}")
    order = np.random.default_rng(seed).permutation(test.rows)
    return (
        test.take(order[UNSEEN:], f"{test.rows - UNSEEN} of the {test.rows} test images"),
        test.take(order[:UNSEEN], f"unseen rows of the {test.rows} test images"),
    )


def _images(folder: Path, part: str, name: str) -> Dataset:
    paths = [_found(folder, f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
    missing = [kind for kind, path in zip(("images-idx3", "labels-idx1"), paths, strict=True) if path is None]
    if missing:
        raise DatasetError(
            f"no {part}-{missing[0]}-ubyte or .gz in it", where=str(folder), hint="name the folder of MNIST's idx files"
        )
    images, labels = (read_idx(path) for path in paths if path is not None)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DatasetError(
            f"images of shape {images.shape} and labels of shape {labels.shape}", where=str(folder),
            hint="images are (rows, 28, 28), labels (rows,)",
        )  # fmt: skip
    return image_rows(images, labels, name, "train" if part == TRAIN else "test", str(folder))


def image_rows(images: Bytes, labels: npt.NDArray[np.integer], name: str, split: str, where: str = "") -> Dataset:
    """Images (rows, height, width) of bytes and their digits as a Dataset of pixels / 256."""
    height, width = images.shape[1:]
    scaler = Scaler(np.zeros(height * width), np.full(height * width, float(LEVELS)))
    return Dataset(
        x=scaler.standardize(images.reshape(len(images), -1).astype(np.float64)),
        y=labels.astype(np.int64),
        feature_names=tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width)),
        classes=CLASSES,
        name=name,
        split=split,
        scaler=scaler,
        image=(height, width),
        where=where,
    )


def _found(folder: Path, name: str) -> Path | None:
    """A file of this name, plain or compressed; some copies have a dot before ``idx``."""
    names = [base + end for base in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)
