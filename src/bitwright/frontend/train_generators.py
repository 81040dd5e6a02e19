"""Generators of rows fitted on real ones, and cross-validation over real rows."""

from __future__ import annotations

import gzip

import numpy as np

from bitwright.datasets import (
    Dataset,
    Generator,
    Labeller,
    PixelGenerator,
    TraceGenerator,
    fit,
    fit_pixels,
    load,
    save_dataset,
)
from bitwright.datasets.blocktrace import trace_lines
from bitwright.errors import UsageError
from bitwright.files import whole_file, write_json
from bitwright.frontend.train_model import SCHEMA, described, figures, fitted, rated, stack
from bitwright.frontend.train_options import Job
from bitwright.frontend.train_rows import TEST_SEED, Rows, label_source, real_rows, shipped_rows

FOLDS = 5


def make_generator(rows: Dataset, teacher: Labeller | None, seed: int) -> Generator | PixelGenerator:
    """Fit a generator on ``rows``; with a teacher, distil a labeller on what it generates."""
    if rows.image is not None:
        if teacher is not None:
            raise UsageError("images have no teacher", where=rows.name, hint="leave --teacher out")
        return fit_pixels(rows)
    generator = fit(rows)
    if teacher is None:
        return generator
    keras = stack("keras2")
    print(f"labeller: learning from {teacher.origin}", flush=True)
    x = generator.sample(keras.LABELLER_ROWS, seed + 1).x
    return generator.with_labeller(keras.distil(teacher, x, seed, f"a labeller distilled from {teacher.origin}"))


def fit_generator(job: Job, teacher: Labeller | None) -> None:
    """Write generator.npz and data/test.npz from the real rows (a file or folder given by --data, or the corpus)."""
    generator = make_generator(real_rows(job), teacher, job.train.seed)
    generator.save(job.generator)
    write_test(job)
    print(f"wrote {job.generator}, fitted on {generator.fitted_rows} rows", flush=True)


def write_test(job: Job) -> None:
    """Write data/test.npz, the rows that are shipped, from generator.npz; of block traces also a trace."""
    data, generator = job.folder / "data", load(job.generator)
    save_dataset(data / "test.npz", shipped_rows(job))
    print(f"wrote {data / 'test.npz'}", flush=True)
    if isinstance(generator, TraceGenerator):
        lines = trace_lines(generator.trace(generator.TEST_ROWS, TEST_SEED)).encode()
        with whole_file(data / "generated.trace.gz") as part:
            part.write_bytes(gzip.compress(lines, mtime=0))


def cross_validate(job: Job, teacher: Labeller | None) -> None:
    """Fit generator, labeller and model on four fifths of the real rows, try the model on the last; five times.

    Writes cross_validation.json, or cross_validation_untaught.json where there is no teacher: the figures over
    all rows, each held out once.
    """
    from sklearn.model_selection import StratifiedKFold  # slow to import

    real = real_rows(job)
    outputs = np.zeros((real.rows, len(real.classes)), np.float32)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=job.train.seed)
    accuracies = []
    for number, (learn, held) in enumerate(folds.split(real.x, real.y), start=1):
        generator = make_generator(real.take(learn), teacher, job.train.seed)
        train = generator.sample(job.train.rows, job.train.seed, "train")
        rows = Rows(train, generator.soft_labels(train), (), label_source(generator))
        outputs[held] = stack(job.train.flavour).probabilities(fitted(job, rows), real.x[held])
        accuracies.append(round(float((outputs[held].argmax(axis=1) == real.y[held]).mean()), 6))
        print(f"fold {number} of {FOLDS}: accuracy {accuracies[-1]:.4f} on {len(held)} held-out rows", flush=True)
    result = figures(rated(real.take(slice(None), f"{FOLDS}-fold cross-validation"), outputs))
    summary = {"folds": accuracies, "labels": label_source(generator), "scores": [result]}
    name = "cross_validation.json" if teacher else "cross_validation_untaught.json"
    write_json(job.out / name, {"schema": SCHEMA, "model": job.config.name, "train": described(job.train), **summary})
    print(f"accuracy {result['accuracy']:.4f} on {result['title']}; labels: {summary['labels']}", flush=True)
