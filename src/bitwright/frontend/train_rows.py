"""The rows that a training learns from and is tried on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from bitwright.datasets import Dataset, Generator, Scaler, corpus_rows, load, load_dataset, openml_splits
from bitwright.datasets.dataset import Floats
from bitwright.errors import DatasetError
from bitwright.frontend.train_options import Job

TEST_ROWS = 4000
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
        train, test = openml_splits()
    else:
        train, test = _split(load_dataset(Path(job.data), scaler=_scaler(job)), job.train.seed)
    if job.rows_chosen:
        train = train.take(slice(0, job.train.rows))
    return Rows(train, _certain(train), (test,), "classes of the rows")


def _generated(job: Job) -> Rows:
    if not job.generator.is_file():
        raise DatasetError(
            "no generator here", where=str(job.generator), hint="fit one with --fit-generator, or give --data FILE"
        )
    generator = load(job.generator)
    train = generator.sample(job.train.rows, job.train.seed, "train")
    tests = [generator.sample(TEST_ROWS, TEST_SEED, "test")]
    real = corpus_rows()
    if real is not None:
        tests.append(real.take(slice(None), NOT_HELD_OUT))
    return Rows(train, generator.soft_labels(train), tuple(tests), label_source(generator))


def label_source(generator: Generator) -> str:
    """Where the soft labels of a generator's rows come from."""
    return generator.labeller.origin if generator.labeller else "classes of the rows"


def _scaler(job: Job) -> Scaler | None:
    return load(job.generator).scaler if job.generator.is_file() else None


def _split(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    order = np.random.default_rng(seed).permutation(data.rows)
    tests = int(np.ceil(data.rows * TEST_SHARE))
    if tests == data.rows:
        raise DatasetError(f"{data.rows} rows", where=data.where, hint="training needs more rows than that")
    return data.take(order[tests:], "train"), data.take(order[:tests], "test")


def _certain(data: Dataset) -> Floats:
    return np.eye(len(data.classes), dtype=np.float32)[data.y]


def real_rows(job: Job) -> Dataset:
    """The real rows that a generator is fitted on: a file given by ``--data``, the OpenML set, or the corpus.

    Raises:
        DatasetError: there are none.
    """
    if job.data not in ("generated", "openml"):
        return load_dataset(Path(job.data))
    rows = openml_splits()[0] if job.data == "openml" else corpus_rows()
    if rows is None:
        raise DatasetError("no real rows found", hint="set BITWRIGHT_CORPUS, or give a file with --data")
    return rows
