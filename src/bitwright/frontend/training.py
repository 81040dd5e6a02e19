"""Train a model of the zoo: ``python -m bitwright.frontend.training models/jet3``.

A process of its own, because QKeras wants Keras 2 in it before anything else is imported. A model's
``network.py`` has ``build() -> model`` and, where the trained form is not yet exactly representable in fixed
point, ``finish(model) -> model``; with ``build_float() -> model`` the network without quantizers is trained
beside it, so that the metrics tell what quantization costs. It is a program and runs as one: train only models
that you trust.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from bitwright.config import ModelConfig, TrainConfig, read_yaml
from bitwright.datasets import (
    AnyGenerator,
    Dataset,
    Labeller,
    corpus_teacher,
    fit,
    fit_pixels,
    load_teacher,
    save_dataset,
)
from bitwright.datasets.dataset import Floats
from bitwright.errors import BitwrightError, ConfigError, ModelError, UsageError
from bitwright.files import digest, exclusive, to_json, whole_file, write_json
from bitwright.frontend.train_options import Job, Options
from bitwright.frontend.train_rows import Rows, choose_rows, label_source, real_rows, shipped_rows
from bitwright.report.accuracy import score

SCHEMA = 1
FOLDS = 5


def main(argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        job = _job(arguments)
        with exclusive(job.backups), _tidy(job.backups):
            _run(job, arguments)
    except BitwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}\n  -> give a folder that can be written with --out", file=sys.stderr)
        return UsageError.exit_code
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on from the last epoch", file=sys.stderr)
        return 130
    return 0


@contextlib.contextmanager
def _tidy(backups: Path) -> Iterator[None]:
    """Remove the folder of backups behind a finished run, and behind a failed one that left none."""
    try:
        yield
        shutil.rmtree(backups)
    finally:
        if not any(path.is_file() and path.name != ".lock" for path in backups.rglob("*")):
            shutil.rmtree(backups, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bitwright train", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, help="folder with model.yaml and network.py")
    parser.add_argument(
        "--data", default="generated", help="generated, openml, a .npz, .csv or .arff file, or a folder of idx files"
    )
    parser.add_argument("--out", type=Path, help="where to write (default: the model's folder)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of 'train'")
    parser.add_argument("--cross-validate", action="store_true", help=f"{FOLDS} folds over real rows, nothing shipped")
    parser.add_argument("--fit-generator", action="store_true", help="fit generator.npz and data/test.npz first")
    parser.add_argument("--teacher", default="none", help="none, corpus, or a Keras .json of Dense layers")
    parser.add_argument("--teacher-weights", type=Path, help="its weights .h5")
    parser.add_argument("--teacher-order", default="g,q,t,w,z", help="the class of each of its outputs")
    return parser


def _job(arguments: argparse.Namespace) -> Job:
    folder = Path(arguments.model).resolve()
    for name in ("model.yaml", "network.py"):
        if not (folder / name).is_file():
            raise UsageError(f"no {name} in it", where=str(folder), hint="name a folder like models/jet3")
    # read_yaml and not load_model: the weights that the file names are what is made here
    config = read_yaml(folder / "model.yaml", ModelConfig)
    train = _changed(config.train or TrainConfig(), arguments.set)
    Options.of(train)
    rows_chosen = any(change.startswith("rows=") for change in arguments.set)
    return Job(folder, Path(arguments.out or folder).resolve(), config, train, str(arguments.data), rows_chosen)


def _changed(config: TrainConfig, changes: list[str]) -> TrainConfig:
    values = config.model_dump()
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change}", hint="write --set KEY=VALUE, such as --set epochs=5")
        place = values if key in values else values["options"]
        try:
            place[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {change}: no value", hint="write a number, true, false or a word") from error
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"--set {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise ConfigError(what, hint=f"keys: {', '.join(values)}") from error


def _run(job: Job, arguments: argparse.Namespace) -> None:
    teacher = _teacher(arguments)
    if arguments.cross_validate:
        cross_validate(job, teacher)
        return
    if arguments.fit_generator:
        fit_generator(job, teacher)
    train_model(job)


@cache
def _keras() -> Any:
    """The module that trains, once the process is ready for Keras 2: the slow and last thing to be loaded."""
    from bitwright.frontend.flavours import Flavour
    from bitwright.frontend.prepare import prepare

    prepare(Flavour.KERAS2)
    from bitwright.frontend import fitting  # loads TensorFlow

    return fitting


def _teacher(arguments: argparse.Namespace) -> Labeller | None:
    if arguments.teacher == "none":
        return None
    if arguments.teacher == "corpus":
        return corpus_teacher()
    if arguments.teacher_weights is None:
        raise UsageError("a teacher without weights", hint="add --teacher-weights FILE.h5")
    return load_teacher(
        Path(arguments.teacher), arguments.teacher_weights, tuple(str(arguments.teacher_order).split(","))
    )


def train_model(job: Job) -> None:
    """Train on the job's data and write model.h5 and metrics.json, each whole or not at all."""
    rows = choose_rows(job)
    print(f"{job.config.name}: {rows.train.title}; labels: {rows.labels}", flush=True)
    model = fitted(job, rows, job.backups / _identity(job))
    path = job.out / job.config.source
    with whole_file(path) as part:
        model.save(str(part), save_format="h5", include_optimizer=False)
    scores = [measured(model, test) for test in rows.tests]
    metrics = _metrics(job, rows, scores, _keras().zero_share(model), digest(path))
    unquantized = _unquantized(job, rows)
    if unquantized is not None:
        metrics["float_scores"] = [measured(unquantized, test) for test in rows.tests]
    write_json(job.out / "metrics.json", metrics)
    for kind in ("float_scores", "scores"):
        for entry in metrics.get(kind, ()):
            word = "float, without quantizers: " if kind == "float_scores" else ""
            print(f"{word}accuracy {entry['accuracy']:.4f} on {entry['title']}", flush=True)
    print(f"wrote {path} and {job.out / 'metrics.json'}", flush=True)


def _unquantized(job: Job, rows: Rows) -> Any:
    """The same network without its quantizers, trained alike, where network.py has it; None where not."""
    network = load_network(job.folder / "network.py")
    build = getattr(network, "build_float", None)
    if build is None:
        return None
    print(f"{job.config.name} without quantizers, to compare with", flush=True)
    return _trained(job, rows, build, None)


def fitted(job: Job, rows: Rows, backup: Path | None = None) -> Any:
    """A new model of the job, trained on ``rows`` and finished."""
    _keras()  # before network.py imports QKeras, which takes the Keras that it finds
    network = load_network(job.folder / "network.py")
    finish: Callable[[Any], Any] = getattr(network, "finish", lambda trained: trained)
    return finish(_trained(job, rows, network.build, backup))


def _trained(job: Job, rows: Rows, build: Callable[[], Any], backup: Path | None) -> Any:
    keras = _keras()
    keras.seed_all(job.train.seed)
    model = build()
    wanted = (rows.train.x.shape[1], len(rows.train.classes))
    found = (prod(model.input_shape[1:]), model.output_shape[-1])
    if found != wanted:
        raise ModelError(
            f"{found[0]} inputs and {found[1]} outputs; the data set has {wanted}",
            where=str(job.folder / "network.py"),
            hint="mend build(), or give another data set",
        )
    keras.train(model, rows.train.x, rows.soft, job.train, backup)
    return model


def load_network(path: Path) -> Any:
    """The module of a network.py, by its path.

    Raises:
        ModelError: it cannot be run, or has no ``build``.
    """
    spec = importlib.util.spec_from_file_location(f"bitwright_model_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"it does not run: {error!r}", where=str(path), hint="mend the program") from error
    if not callable(getattr(module, "build", None)):
        raise ModelError("no function build()", where=str(path), hint="build() must return the Keras model")
    return module


def make_generator(rows: Dataset, teacher: Labeller | None, seed: int) -> AnyGenerator:
    """Fit a generator on ``rows``; with a teacher, distil a labeller on what it generates."""
    if rows.image is not None:
        if teacher is not None:
            raise UsageError("images have no teacher", where=rows.name, hint="leave --teacher out")
        return fit_pixels(rows)
    generator = fit(rows)
    if teacher is None:
        return generator
    keras = _keras()
    print(f"labeller: learning from {teacher.origin}", flush=True)
    x = generator.sample(keras.LABELLER_ROWS, seed + 1).x
    return generator.with_labeller(keras.distil(teacher, x, seed, f"a labeller distilled from {teacher.origin}"))


def fit_generator(job: Job, teacher: Labeller | None) -> None:
    """Write generator.npz and data/test.npz from the real rows (a file or folder given by --data, or the corpus)."""
    generator = make_generator(real_rows(job), teacher, job.train.seed)
    generator.save(job.generator)
    save_dataset(job.folder / "data" / "test.npz", shipped_rows(job))
    print(f"wrote {job.generator}, fitted on {generator.fitted_rows} rows", flush=True)


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
        outputs[held] = _outputs(fitted(job, rows), real.x[held])
        accuracies.append(round(float((outputs[held].argmax(axis=1) == real.y[held]).mean()), 6))
        print(f"fold {number} of {FOLDS}: accuracy {accuracies[-1]:.4f} on {len(held)} held-out rows", flush=True)
    result = _figures(real.take(slice(None), f"{FOLDS}-fold cross-validation"), outputs)
    summary = {"folds": accuracies, "labels": label_source(generator), "scores": [result]}
    name = "cross_validation.json" if teacher else "cross_validation_untaught.json"
    write_json(job.out / name, {"schema": SCHEMA, "model": job.config.name, "train": job.train.model_dump(), **summary})
    print(f"accuracy {result['accuracy']:.4f} on {result['title']}; labels: {summary['labels']}", flush=True)


def _outputs(model: Any, x: Floats) -> Floats:
    outputs: Floats = _keras().probabilities(model, x)
    return outputs


def measured(model: Any, data: Dataset) -> dict[str, Any]:
    """Accuracy, AUC per class and confusion of ``model`` on ``data``, as plain data."""
    return _figures(data, _outputs(model, data.x))


def _figures(data: Dataset, outputs: Floats) -> dict[str, Any]:
    found = score(outputs, data.y, data.classes, dataset=data.name, split=data.split, synthetic=data.synthetic)
    return {
        "title": data.title,
        "data": data.name,
        "split": data.split,
        "rows": data.rows,
        "synthetic": data.synthetic,
        "accuracy": round(found.accuracy, 6),
        "auc": {entry.name: round(entry.auc, 6) for entry in found.classes if entry.auc is not None},
        "confusion": [list(row) for row in found.confusion],
    }


def _metrics(job: Job, rows: Rows, scores: list[dict[str, Any]], zeros: float, weights: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": job.config.name,
        "weights_sha256": weights,
        "train": job.train.model_dump(),
        "trained_on": {"title": rows.train.title, "labels": rows.labels, "synthetic": rows.train.synthetic},
        "zero_weights": round(zeros, 6),
        "scores": scores,
    }


def _identity(job: Job) -> str:
    """Names the backup of one training, so that another one never continues from it."""
    described = to_json(
        {"data": job.data, "all_rows": not job.rows_chosen, "train": json.loads(job.train.model_dump_json())}
    )
    program = (job.folder / "network.py").read_bytes()
    generator = job.generator.read_bytes() if job.generator.is_file() else b""
    return hashlib.sha256(described.encode() + program + generator).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
