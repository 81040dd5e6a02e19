"""One training: build what network.py describes, fit it, and write its weights and what they are worth."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from bitwright.config import TrainConfig
from bitwright.datasets import Dataset
from bitwright.datasets.dataset import Floats
from bitwright.errors import ModelError
from bitwright.files import digest, read_json, write_json
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.train_options import Aside, Job, Options
from bitwright.frontend.train_rows import Rows, choose_rows
from bitwright.report.accuracy import score
from bitwright.report.records import Accuracy

SCHEMA = 1
TRAINED = "trained.weights.h5"
"""In the folder of the record: the weights before ``finish``, for a training that begins with them."""

STACKS = {"keras2": (Flavour.KERAS2, "fitting"), "hgq2": (Flavour.HGQ2, "fitting_hgq2")}
"""For each flavour of training, what the process must be prepared for, and the module that fits its models."""


@cache
def stack(flavour: str) -> Any:
    """The module that trains, once the process is ready for its Keras: the slow and last thing to be loaded."""
    from bitwright.frontend.prepare import prepare

    kind, module = STACKS[flavour]
    prepare(kind)
    return importlib.import_module(f"bitwright.frontend.{module}")  # loads TensorFlow


def train_model(job: Job) -> None:
    """Train on the job's data and write the model and metrics.json, each whole or not at all."""
    rows = choose_rows(job)
    print(f"{job.config.name}: {rows.train.title}; labels: {rows.labels}", flush=True)
    keras, network = stack(job.train.flavour), network_of(job)
    identity = job.identity  # of the program that runs, whatever becomes of its file meanwhile
    aside = _aside(job, rows, job.backups / identity)
    model, front = _trained(job, rows, network.build, aside)
    if job.record is not None:
        model.save_weights(str(job.record / TRAINED), overwrite=True)
    model = finished(network, model)
    path = job.out / job.config.source
    keras.save(model, path)
    model = keras.shipped(model, path)
    results = [scored(model, test, job) for test in rows.tests]
    metrics = _metrics(job, rows, results) | keras.costs(model) | {"weights_sha256": digest(path)}
    unquantized = _unquantized(job, rows, network)
    if unquantized is not None:
        metrics["float_scores"] = [figures(scored(unquantized, test, job)) for test in rows.tests]
        if job.config.float_model is not None:
            keras.save(unquantized, job.out / job.config.float_model)
    write_json(job.out / "metrics.json", metrics)
    _save_front(job, rows, model, front, job.backups / identity)
    _record(job, metrics | {"identity": identity}, results)
    _say(job, metrics)


def _aside(job: Job, rows: Rows, backup: Path) -> Aside:
    history = (job.record / "history.json") if job.record else backup / "history.json"
    events = (job.record / "tensorboard") if job.record and job.tensorboard else None
    return Aside(backup, history, events, job.start, rows.train.in_time)


def _save_front(job: Job, rows: Rows, model: Any, front: list[Any], backup: Path) -> None:
    """Write the members of the Pareto front that the job keeps, with what each costs and is worth."""
    keras, kept = stack(job.train.flavour), Options.of(job.train).front
    if not front or not kept:
        return
    entries = []
    for member in keras.spread(front, kept):
        keras.member_of(model, backup / "front", member, rows.train.x)
        file = Path("front") / f"ebops_{keras.ebops(model)}.keras"
        keras.save(model, job.out / file)
        tests = [figures(scored(model, test, job)) for test in rows.tests]
        entries.append({"file": file.name, **keras.costs(model), "watched": round(member.quality, 6), "scores": tests})
    write_json(job.out / "front" / "front.json", {"schema": SCHEMA, "model": job.config.name, "members": entries})


def _record(job: Job, metrics: dict[str, Any], results: list[Accuracy]) -> None:
    """Write run.json: the metrics, the figures of each epoch, and the ROC of each class."""
    if job.record is None:
        return
    epochs = read_json(job.record / "history.json")
    tests = [result.model_dump(mode="json") for result in results]
    write_json(job.record / "run.json", metrics | {"epochs": epochs, "results": tests})


def _say(job: Job, metrics: dict[str, Any]) -> None:
    for kind in ("float_scores", "scores"):
        for entry in metrics.get(kind, ()):
            word = "float, without quantizers: " if kind == "float_scores" else ""
            area = sum(entry["auc"].values()) / max(1, len(entry["auc"]))
            print(f"{word}accuracy {entry['accuracy']:.4f}, AUC {area:.4f} on {entry['title']}", flush=True)
    print(f"wrote {job.out / job.config.source} and {job.out / 'metrics.json'}", flush=True)


def _unquantized(job: Job, rows: Rows, network: Any) -> Any:
    """The same network without its quantizers, trained alike, where network.py has it; None where not."""
    build = getattr(network, "build_float", None)
    if build is None:
        return None
    print(f"{job.config.name} without quantizers, to compare with", flush=True)
    return _trained(job, rows, build, Aside(in_time=rows.train.in_time))[0]


def network_of(job: Job) -> Any:
    """The job's network.py, run once its Keras is there: it takes the Keras that it finds."""
    stack(job.train.flavour)
    return load_network(job.folder / "network.py")


def fitted(job: Job, rows: Rows) -> Any:
    """A new model of the job, trained on ``rows`` and finished."""
    network = network_of(job)
    return finished(network, _trained(job, rows, network.build, Aside(in_time=rows.train.in_time))[0])


def finished(network: Any, model: Any) -> Any:
    """The trained model as it is shipped."""
    finish: Callable[[Any], Any] = getattr(network, "finish", lambda trained: trained)
    return finish(model)


def _trained(job: Job, rows: Rows, build: Callable[[], Any], aside: Aside) -> tuple[Any, list[Any]]:
    """A new model, trained, and its Pareto front, where the flavour draws one."""
    keras = stack(job.train.flavour)
    keras.seed_all(job.train.seed)
    model = build()
    _check_sizes(job, rows, model)
    front = keras.train(model, rows.train.x, rows.soft, job.train, aside)
    return model, front or []


def _check_sizes(job: Job, rows: Rows, model: Any) -> None:
    classes = len(rows.train.classes)
    wanted = (rows.train.x.shape[1], classes)
    found = (prod(model.input_shape[1:]), model.output_shape[-1])
    if found not in (wanted, (wanted[0], 1 if classes == 2 else classes)):
        raise ModelError(
            f"{found[0]} inputs and {found[1]} outputs; the data set has {wanted}",
            where=str(job.folder / "network.py"),
            hint="mend build(), or give another data set",
        )


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


def scored(model: Any, data: Dataset, job: Job) -> Accuracy:
    """Accuracy, ROC and AUC per class and confusion of ``model`` on ``data``."""
    return rated(data, stack(job.train.flavour).probabilities(model, data.x))


def rated(data: Dataset, outputs: Floats) -> Accuracy:
    """The same for outputs (rows, classes)."""
    return score(outputs, data.y, data.classes, dataset=data.name, split=data.split, synthetic=data.synthetic)


def figures(found: Accuracy) -> dict[str, Any]:
    """What metrics.json says of one test."""
    kind = ", synthetic" if found.synthetic else ""
    return {
        "title": f"{found.dataset}, {found.split}, {found.rows} rows{kind}",
        "data": found.dataset,
        "split": found.split,
        "rows": found.rows,
        "synthetic": found.synthetic,
        "accuracy": round(found.accuracy, 6),
        "auc": {entry.name: round(entry.auc, 6) for entry in found.classes if entry.auc is not None},
        "confusion": [list(row) for row in found.confusion],
    }


def _metrics(job: Job, rows: Rows, results: list[Accuracy]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": job.config.name,
        "train": described(job.train),
        "trained_on": {"title": rows.train.title, "labels": rows.labels, "synthetic": rows.train.synthetic},
        "scores": [figures(result) for result in results],
    }


def described(train: TrainConfig) -> dict[str, Any]:
    """The settings of a training as plain data."""
    return train.model_dump(mode="json")
