"""The rows that a training learns from and is tried on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bitwright.datasets import (
    CORPUS_IMAGES,
    CORPUS_TRACES,
    FLASHNET,
    JET_SET,
    MNIST,
    AnyGenerator,
    Dataset,
    Generator,
    Scaler,
    TraceGenerator,
    corpus_folder,
    corpus_rows,
    idx_splits,
    load,
    load_dataset,
    openml_splits,
    trace_files,
    trace_splits,
)
from bitwright.datasets.dataset import Floats
from bitwright.errors import DatasetError
from bitwright.frontend.train_options import Job, Options

TEST_SHARE = 0.2
TEST_SEED = 20_001
"""Seed of the generated test rows: never the seed of a training."""

NOT_HELD_OUT = "real rows that the generator was fitted on: not held out"


class Rows(NamedTuple):
    """What a training learns from and is tried on; ``labels`` says where its soft labels come from."""

    train: Dataset
    soft: Floats
    tests: tuple[Dataset, ...]
    labels: str


def choose_rows(job: Job) -> Rows:
    """The rows that ``--data`` asks for, with their soft labels and what the model is tried on."""
    if job.data == "generated":
        return _generated(job)
    if job.data == "openml":
        train, test = _openml(job)
    elif Path(job.data).is_dir():
        train, test = _folder(job, Path(job.data))
    else:
        train, test = _split(load_dataset(Path(job.data), scaler=_scaler(job)), job.train.seed)
    if job.rows_chosen:
        train = train.take(slice(0, job.train.rows))
    options = Options.of(job.train)
    if options.copies:
        train = with_moved_copies(train, options.copies, options.shift, job.train.seed)
    return Rows(train, _certain(train), (test, *_generated_too(job, test)), "classes of the rows")


def _folder(job: Job, folder: Path) -> tuple[Dataset, Dataset]:
    """Training and test rows of a folder of block traces, or of MNIST's files."""
    return trace_splits(folder, _history(job)) if trace_files(folder) else idx_splits(folder, job.train.seed)


def _history(job: Job) -> int:
    generator = load(job.generator)
    if not isinstance(generator, TraceGenerator):
        raise DatasetError("this model does not learn from block traces", where=str(job.folder), hint="give other rows")
    return generator.history


def _openml(job: Job) -> tuple[Dataset, Dataset]:
    if job.config.data is not None and not job.config.data.name.startswith(JET_SET):
        raise DatasetError(
            f"openml is {JET_SET}, not {job.config.data.name}", where=str(job.folder), hint="give a folder with --data"
        )
    return openml_splits()


def _generated_too(job: Job, test: Dataset) -> tuple[Dataset, ...]:
    """Generated rows as another test of a network of images or of block traces."""
    if (test.image is None and not test.in_time) or not job.generator.is_file():
        return ()
    return (shipped_rows(job),)


def shipped_rows(job: Job) -> Dataset:
    """The generated rows that data/test.npz holds."""
    generator = load(job.generator)
    return generator.sample(generator.TEST_ROWS, TEST_SEED, "test")


def with_moved_copies(data: Dataset, copies: int, shift: int, seed: int) -> Dataset:
    """Each image followed by ``copies`` of it, moved by up to ``shift`` pixels over blank paper.

    The copies stay beside their image, so that no copy of a validation row is learned from.

    Raises:
        DatasetError: the rows are no images.
    """
    if data.image is None:
        raise DatasetError("no images, they cannot be moved", where=data.where, hint="remove copies from train.options")
    height, width = data.image
    wide = np.pad(data.x.reshape(-1, height, width), ((0, 0), (shift, shift), (shift, shift)))
    random, every = np.random.default_rng(seed), copies + 1
    moved = np.repeat(data.x, every, axis=0)
    for copy in range(1, every):
        down, right = random.integers(0, 2 * shift, size=(2, data.rows), endpoint=True)
        rows = down[:, None, None] + np.arange(height)[:, None]
        columns = right[:, None, None] + np.arange(width)
        moved[copy::every] = wide[np.arange(data.rows)[:, None, None], rows, columns].reshape(data.rows, -1)
    split = f"{data.split}, {copies} moved copies of each"
    return replace(data, x=moved, y=np.repeat(data.y, every), split=split)


def _generated(job: Job) -> Rows:
    if not job.generator.is_file():
        raise DatasetError(
            "no generator here", where=str(job.generator), hint="fit one with --fit-generator, or give --data FILE"
        )
    generator = load(job.generator)
    train = generator.sample(job.train.rows, job.train.seed, "train")
    tests = (shipped_rows(job), *_real_tests(job, train))
    return Rows(train, generator.soft_labels(train), tests, label_source(generator))


def _real_tests(job: Job, train: Dataset) -> tuple[Dataset, ...]:
    """The corpus' rows of this data set: of images those that no generator has seen, of traces their last fifth."""
    if train.image is not None or train.in_time:
        splits = _corpus_folder(job)
        return splits[1:] if splits else ()
    real = corpus_rows()
    return () if real is None else (real.take(slice(None), NOT_HELD_OUT),)


def label_source(generator: AnyGenerator) -> str:
    """Where the soft labels of a generator's rows come from."""
    return generator.labeller.origin if generator.labeller else "classes of the rows"


def _scaler(job: Job) -> Scaler | None:
    generator = load(job.generator) if job.generator.is_file() else None
    return generator.scaler if isinstance(generator, Generator) else None


def _split(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """A fifth of the rows, drawn at random, as the test; of rows in the order of time the last fifth."""
    order = np.random.default_rng(seed).permutation(data.rows)
    order = np.arange(data.rows)[::-1] if data.in_time else order
    tests = int(np.ceil(data.rows * TEST_SHARE))
    if tests == data.rows:
        raise DatasetError(f"{data.rows} rows", where=data.where, hint="training needs more rows than that")
    learned, tried = (
        (np.sort(order[tests:]), np.sort(order[:tests])) if data.in_time else (order[tests:], order[:tests])
    )
    return data.take(learned, "train"), data.take(tried, "test")


def _certain(data: Dataset) -> Floats:
    return np.eye(len(data.classes), dtype=np.float32)[data.y]


def real_rows(job: Job) -> Dataset:
    """The real rows that a generator is fitted on: ``--data`` (of a folder, the training rows), or the corpus.

    Raises:
        DatasetError: there are none.
    """
    if job.generator.is_file() and isinstance(load(job.generator), TraceGenerator):
        raise DatasetError(
            "a generator of traces is written by hand, not fitted",
            where=str(job.generator),
            hint="leave the option out",
        )
    if Path(job.data).is_dir():
        return idx_splits(Path(job.data), job.train.seed)[0]
    if job.data not in ("generated", "openml"):
        return load_dataset(Path(job.data))
    rows = _openml(job)[0] if job.data == "openml" else _corpus(job)
    if rows is None:
        raise DatasetError("no real rows found", hint="set BITWRIGHT_CORPUS, or give a file with --data")
    return rows


def _corpus(job: Job) -> Dataset | None:
    if job.config.data is None or not job.config.data.name.startswith(MNIST):
        return corpus_rows()
    splits = _corpus_folder(job)
    return splits[0] if splits else None


def _corpus_folder(job: Job) -> tuple[Dataset, Dataset] | None:
    name = job.config.data.name if job.config.data else ""
    folder = corpus_folder() / (CORPUS_TRACES if name.startswith(FLASHNET) else CORPUS_IMAGES)
    return _folder(job, folder) if folder.is_dir() else None
