"""What trainings have in common, whichever Keras is in the process: losses, outputs, and the course of a training.

Loaded once :func:`bitwright.frontend.prepare.prepare` has prepared the process; ``keras`` is then Keras 2 or 3.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from bitwright.datasets.dataset import Floats
from bitwright.errors import ModelError
from bitwright.files import write_json
from bitwright.report.accuracy import quality

VALIDATION_SHARE = 0.1
PREDICT_ROWS = 4096
MEASURED = 50
"""Epochs of a training that are measured, about: of a longer one not each, as measuring takes time too."""


class Part(NamedTuple):
    """Rows: features in the shape of the input, targets in that of the outputs, and each row's weight in the loss.

    ``weights`` is None where all rows weigh the same.
    """

    x: Floats
    y: Floats
    weights: Floats | None


def parts(model: Any, x: Floats, soft: Floats, balance: int, in_time: bool) -> tuple[Part, Part]:
    """The rows (rows, features) with soft labels (rows, classes) to learn from, and a tenth to watch.

    Of rows in order of time the last are watched, so that nothing is learned from what came later.
    """
    whole = Part(in_shape(model, x), targets(model, soft), _balanced(soft) if balance else None)
    cut = max(1, int(len(x) * VALIDATION_SHARE))
    learned, watched = (slice(None, -cut), slice(-cut, None)) if in_time else (slice(cut, None), slice(None, cut))
    return _cut(whole, learned), _cut(whole, watched)


def _cut(whole: Part, rows: slice) -> Part:
    return Part(whole.x[rows], whole.y[rows], None if whole.weights is None else whole.weights[rows])


def _balanced(soft: Floats) -> Floats:
    """A weight for each row that gives all classes the same weight together; mean 1."""
    share = soft.mean(axis=0)
    weights: Floats = (soft @ (1 / np.maximum(share, 1e-6)) / soft.shape[1]).astype(np.float32)
    return weights


def seed_all(seed: int) -> None:
    """Seed Python, numpy and TensorFlow."""
    keras.utils.set_random_seed(seed)


def ending(model: Any) -> str:
    """The activation that the model ends in: ``softmax``, ``sigmoid``, or ``linear`` for whatever else."""
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "")
    return activation if activation in ("softmax", "sigmoid") else "linear"


def loss_of(model: Any) -> Any:
    """Cross entropy for the outputs as they are: probabilities or logits, one of two classes or one for each."""
    logits = ending(model) == "linear"
    if model.output_shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.CategoricalCrossentropy(from_logits=logits)


def targets(model: Any, soft: Floats) -> Floats:
    """Soft labels (rows, classes) as the model gives them: of one output, the second class's."""
    return soft[:, 1:] if model.output_shape[-1] == 1 else soft


def in_shape(model: Any, x: Floats) -> Floats:
    """Features in the shape of the model's input."""
    return x.reshape(len(x), *model.input_shape[1:])


def probabilities(model: Any, x: Floats) -> Floats:
    """The model's outputs as probabilities, (rows, classes); one output stands for two classes."""
    outputs = np.asarray(model.predict(in_shape(model, x), batch_size=PREDICT_ROWS, verbose=0), np.float32)
    end = ending(model)
    if outputs.shape[1] == 1:
        second = outputs if end == "sigmoid" else 1 / (1 + np.exp(-outputs))
        return np.concatenate([1 - second, second], axis=1)
    if end == "softmax":
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    soft: Floats = powers / powers.sum(axis=1, keepdims=True)
    return soft


def check_losses(history: Any) -> None:
    """Raise ModelError where the loss became NaN or infinite."""
    if not np.isfinite(history.history.get("loss", [0.0])).all():
        raise ModelError("the loss became NaN or infinite", hint="lower it: --set learning_rate=0.0005")


class Course(keras.callbacks.Callback):  # type: ignore[misc]
    """The course of a training: figures of each epoch on the rows that are watched (of a long one, of some epochs).

    They stand in ``logs`` for the callbacks behind it, and in ``file`` (JSON, one entry per epoch), from which a
    resumed training goes on.  Prints a line per epoch, about ten of them in all.
    """

    def __init__(self, epochs: int, watched: Part, file: Path | None) -> None:
        super().__init__()
        self.epochs, self.watched, self.file = epochs, watched, file
        self.started = time.perf_counter()
        self.entries: list[dict[str, float]] = []

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it so
        """Go on from the file, if there is one."""
        if self.file is not None and self.file.is_file():
            self.entries = json.loads(self.file.read_text(encoding="utf-8"))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measure, keep, print."""
        last = epoch + 1 == self.epochs
        if last or (epoch + 1) % max(1, self.epochs // MEASURED) == 0:
            logs |= self._measured()
        entry = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        self.entries = [*[e for e in self.entries if e["epoch"] <= epoch], entry]
        if self.file is not None and np.isfinite(list(entry.values())).all():
            write_json(self.file, self.entries)
        if (epoch + 1) % max(1, self.epochs // 10) == 0 or last:
            self._print(entry)

    def _measured(self) -> dict[str, float]:
        """Precision, AUC and accuracy on the watched rows: the accuracy to expect of labels drawn from soft ones."""
        found = probabilities(self.model, self.watched.x)
        if not np.isfinite(found).all():
            return {}
        truth = self.watched.y
        soft = truth if truth.shape[1] > 1 else np.concatenate([1 - truth, truth], axis=1)
        measured = quality(found, soft.argmax(axis=1))
        expected = float(soft[np.arange(len(soft)), found.argmax(axis=1)].mean())
        return {f"val_{name}": value for name, value in (measured | {"accuracy": expected}).items()}

    def _print(self, entry: dict[str, float]) -> None:
        words = [f"loss {entry['loss']:.4f}", f"validation {entry['val_loss']:.4f}"]
        words += [f"accuracy {entry['val_accuracy']:.4f}"] if "val_accuracy" in entry else []
        words += [f"{entry['ebops']:.0f} EBOPs"] if "ebops" in entry else []
        seconds = time.perf_counter() - self.started
        print(f"  epoch {entry['epoch']:3d} of {self.epochs}: {', '.join(words)}, {seconds:.0f} s", flush=True)


class EventFiles(keras.callbacks.Callback):  # type: ignore[misc]
    """The figures of each epoch as TensorBoard's event files, by TensorFlow's own writer."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        import tensorflow as tf

        kind = tf.compat.v1.SummaryMetadata  # tf.summary.scalar would want TensorBoard itself
        self.metadata = kind(plugin_data=kind.PluginData(plugin_name="scalars"))
        self.write = tf.summary.write
        self.writer = tf.summary.create_file_writer(str(folder))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write what the callbacks before this one measured."""
        with self.writer.as_default(step=epoch + 1):
            for name, value in (logs or {}).items():
                self.write(name, np.float32(value), metadata=self.metadata)
        self.writer.flush()
