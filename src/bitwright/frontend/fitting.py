"""Train a Keras 2 model: pruning, early stopping, progress, and the distillation of a labeller.

Runs in a process that :func:`bitwright.frontend.prepare.prepare` has prepared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from bitwright.config import TrainConfig
from bitwright.datasets.dataset import Floats
from bitwright.datasets.labeller import Labeller
from bitwright.errors import ModelError
from bitwright.files import whole_file
from bitwright.frontend.bitops import bit_operations
from bitwright.frontend.kerasmodel import load_weights
from bitwright.frontend.learning import (
    PREDICT_ROWS,
    Course,
    EventFiles,
    Part,
    check_losses,
    loss_of,
    parts,
    probabilities,
    seed_all,
)
from bitwright.frontend.train_options import Aside, Options

PRUNE_FROM, PRUNE_UNTIL = 0.1, 0.6
PRUNE_EVERY = 20

LABELLER_UNITS = (64, 64)
LABELLER_ROWS = 150_000
LABELLER_EPOCHS = 20


def train(model: Any, x: Floats, soft: Floats, config: TrainConfig, aside: Aside | None = None) -> None:
    """Fit ``model`` to rows (rows, features) and soft labels (rows, classes); it ends with its best weights.

    A model of images gets the features in the shape of its input.

    Raises:
        ModelError: the loss became NaN or infinite, or the weights to begin with are another model's.
    """
    options, aside = Options.of(config), aside or Aside()
    learned, watched = parts(model, x, soft, options.balance, aside.in_time)
    if aside.start is not None:
        load_weights(model, aside.start)
    _compile(model, config, max(1, len(learned.x) // config.batch_size) * config.epochs, options.l1)
    history = model.fit(
        *learned[:2], sample_weight=learned.weights, batch_size=config.batch_size, epochs=config.epochs,
        validation_data=watched, validation_batch_size=PREDICT_ROWS, verbose=0,
        callbacks=list(_callbacks(config, options, aside, len(learned.x), watched)),
    )  # fmt: skip
    check_losses(history)


def _callbacks(config: TrainConfig, options: Options, aside: Aside, rows: int, watched: Part) -> Iterator[Any]:
    steps = max(1, rows // config.batch_size) * config.epochs
    gradual = bool(options.zero_weights and options.gradual)
    if options.zero_weights:
        yield _Pruner(options.zero_weights, (PRUNE_FROM, PRUNE_UNTIL) if gradual else (0.0, 0.0), steps)
    yield Course(config.epochs, watched, aside.history)
    yield tf_keras.callbacks.TerminateOnNaN()
    # a single backward pass over frozen masks must be left after pruning, so best weights count from there
    yield tf_keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=options.patience, restore_best_weights=True,
        start_from_epoch=int(np.ceil(config.epochs * PRUNE_UNTIL)) if gradual else 0,
    )  # fmt: skip
    if aside.backup is not None:
        yield tf_keras.callbacks.BackupAndRestore(str(aside.backup))
    if aside.events is not None:
        yield EventFiles(aside.events)


def _compile(model: Any, config: TrainConfig, steps: int, l1: float) -> None:
    if l1:
        for kernel in _kernels(model):
            model.add_loss(lambda kernel=kernel: l1 * tf_keras.backend.sum(tf_keras.backend.abs(kernel)))
    schedule = tf_keras.optimizers.schedules.CosineDecay(config.learning_rate, max(1, steps))
    model.compile(optimizer=tf_keras.optimizers.Adam(schedule), loss=loss_of(model))


def save(model: Any, path: Path) -> None:
    """Write the model without its optimizer, as HDF5."""
    with whole_file(path) as part:
        model.save(str(part), save_format="h5", include_optimizer=False)


def shipped(model: Any, _: Path) -> Any:
    """The model as its file has it: nothing of it is lost there."""
    return model


def costs(model: Any) -> dict[str, float]:
    """What metrics.json says of a model's size."""
    return {"zero_weights": round(zero_share(model), 6), "bitops": bit_operations(model)}


def zero_share(model: Any) -> float:
    """Share of the kernel weights that the quantizers turn into exactly 0."""
    zeros = total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            quantizer = getattr(layer, "kernel_quantizer_internal", None)
            weights = np.asarray(quantizer(layer.kernel) if quantizer else layer.kernel)
            zeros, total = zeros + int((weights == 0).sum()), total + weights.size
    return zeros / total if total else 0.0


def fold_batch_norms(model: Any, step: float, limit: float) -> Any:
    """Turn each trained batch norm into a scale and a bias that are multiples of ``step`` within +-``limit``.

    It stays a batch norm layer, of mean 0 and variance 1 - epsilon, so that Keras itself computes
    ``scale * x + bias`` without rounding (epsilon must be a power of two) as hls4ml's fixed point does.

    Raises:
        ModelError: a scale or bias is not within the limit, or epsilon is not a power of two.
    """
    for layer in model.layers:
        if not isinstance(layer, tf_keras.layers.BatchNormalization):
            continue
        if np.frexp(layer.epsilon)[0] != 0.5:
            raise ModelError("epsilon is not a power of two", where=layer.name, hint="build it with epsilon=2.0**-10")
        gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in layer.get_weights())
        scale = gamma / np.sqrt(variance + layer.epsilon)
        exact = [np.round(values / step) * step for values in (scale, beta - mean * scale)]
        if np.abs(exact).max() >= limit:
            raise ModelError(
                f"a scale or bias of {np.abs(exact).max():g} is not within +-{limit:g}",
                where=layer.name,
                hint="train without l1, or give the limit and the hls config more integer bits",
            )
        layer.set_weights([*exact, np.zeros_like(gamma), np.full_like(gamma, 1 - layer.epsilon)])
    return model


def put_on_grid(model: Any) -> Any:
    """Replace every trained weight by what its quantizer makes of it, so that the file holds what hardware has.

    Raises:
        ModelError: a quantizer changes its own values again, as those with a scale of their own do.
    """
    for layer in model.layers:
        quantizers = layer.get_quantizers() if hasattr(layer, "get_quantizers") else ()
        weights = layer.get_weights()
        if not weights or not any(quantizers):
            continue
        exact = _quantized(weights, quantizers)
        if any((a != b).any() for a, b in zip(exact, _quantized(exact, quantizers), strict=True)):
            raise ModelError("its quantizer moves its own values", where=layer.name, hint="build it with alpha=1")
        layer.set_weights(exact)
    return model


def _quantized(weights: list[Floats], quantizers: Sequence[Any]) -> list[Floats]:
    return [np.asarray(q(w)) if q else w for w, q in zip(weights, quantizers, strict=False)]


def distil(teacher: Labeller, x: Floats, seed: int, origin: str) -> Labeller:
    """A labeller of our own, trained to repeat what ``teacher`` says of the rows ``x``."""
    tf_keras.utils.set_random_seed(seed)
    classes = teacher.layers[-1][1].size
    layers = [tf_keras.layers.Dense(units, activation="relu") for units in LABELLER_UNITS]
    model = tf_keras.Sequential(
        [tf_keras.Input((x.shape[1],)), *layers, tf_keras.layers.Dense(classes, activation="softmax")]
    )
    config = TrainConfig(epochs=LABELLER_EPOCHS, batch_size=512, learning_rate=4e-3, seed=seed)
    train(model, x, teacher.probabilities(x), config)
    weights = [np.asarray(array, np.float32) for array in model.get_weights()]
    return Labeller(tuple(zip(weights[::2], weights[1::2], strict=True)), origin)


def _kernels(model: Any) -> list[Any]:
    return [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]


class _Pruner(tf_keras.callbacks.Callback):  # type: ignore[misc]
    """Keep the smallest weights at zero, more and more of them: s(t) = s * (1 - (1 - t)^3).

    Zhu and Gupta, To prune or not to prune, arXiv:1710.01878, equation 1; one threshold for the whole network.
    ``when``: the parts of the training at which that begins and ends; (0, 0) prunes all before the first step.
    The state is the step counter and the zeros themselves, so a resumed run goes on as it was.
    """

    def __init__(self, share: float, when: tuple[float, float], steps: int) -> None:
        super().__init__()
        self.share = share
        self.begin, self.end = (int(steps * part) for part in when)
        self.masks: list[Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it so
        """Prune at once where nothing is gradual: a fine-tuning begins with its zeros."""
        if self.end == 0:
            self.masks = self._find(0)
            self._apply()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it so
        """Widen the masks while pruning lasts, and apply them."""
        step = int(self.model.optimizer.iterations)
        if step < self.begin:
            return
        if self.masks is None or (step % PRUNE_EVERY == 0 and step <= self.end) or step == self.end > 0:
            self.masks = self._find(step)
        self._apply()

    def _apply(self) -> None:
        for kernel, mask in zip(_kernels(self.model), self.masks or (), strict=True):
            kernel.assign(kernel * mask)

    def _find(self, step: int) -> list[Any]:
        done = min(1.0, (step - self.begin) / (self.end - self.begin)) if self.end > self.begin else 1.0
        sizes = [np.abs(kernel.numpy()) for kernel in _kernels(self.model)]
        together = np.concatenate([size.ravel() for size in sizes])
        threshold = np.quantile(together, self.share * (1 - (1 - done) ** 3))
        return [(size > threshold).astype(np.float32) for size in sizes]


__all__ = [
    "costs",
    "distil",
    "fold_batch_norms",
    "probabilities",
    "put_on_grid",
    "save",
    "seed_all",
    "train",
    "zero_share",
]
