"""Train an HGQ2 model (Keras 3): a price on every bit, growing while it learns, and the Pareto front that this draws.

Sun et al., High Granularity Quantization, arXiv:2405.00645: the loss is the cross entropy plus beta times the effective
bit operations (EBOPs), and the widths of single weights and activations are learned with the weights.
Runs in a process that :func:`bitwright.frontend.prepare.prepare` has prepared.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hgq.utils import trace_minmax

from bitwright.config import TrainConfig
from bitwright.datasets.dataset import Floats
from bitwright.errors import ModelError
from bitwright.files import whole_file, write_json
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
from bitwright.frontend.pareto import Member, chosen, joined, spread
from bitwright.frontend.polish import Chain, DenseLayer, needed_bits, polish
from bitwright.frontend.train_options import Aside, Options

WEIGHTS = ".weights.h5"
TRACED_ROWS = 8 * PREDICT_ROWS
POLISHED_ROWS = 8000
POLISH_STEPS = 5
SAVED_AT = "1980-01-01@00:00:00"
"""In the place of the time at which a file was saved, so that the same training gives the same bytes."""


class Front(keras.callbacks.Callback):  # type: ignore[misc]
    """Keep the weights of each epoch that no other beats, in ``folder``; a resumed training goes on from there.

    Quality is accuracy, or the AUC where there are only two classes, which may be of very unlike size.
    """

    def __init__(self, folder: Path, classes: int) -> None:
        super().__init__()
        self.folder, self.metric = folder, "val_auc" if classes == 2 else "val_accuracy"
        self.members: list[Member] = []

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it so
        """Go on from the folder, if there is one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        listed = self.folder / "front.json"
        if listed.is_file():
            found = [Member(**entry) for entry in json.loads(listed.read_text(encoding="utf-8"))]
            self.members = [member for member in found if self.file(member).is_file()]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Take this epoch in, and drop those that it beats."""
        if self.metric not in logs:
            return
        new = Member(epoch + 1, int(logs["ebops"]), float(logs[self.metric]))
        before, self.members = self.members, joined(self.members, new)
        if new not in self.members:
            return
        self.model.save_weights(str(self.file(new)), overwrite=True)
        write_json(self.folder / "front.json", [asdict(member) for member in self.members])
        for member in set(before) - set(self.members):
            self.file(member).unlink(missing_ok=True)

    def file(self, member: Member) -> Path:
        """Where a member's weights are."""
        return self.folder / f"{member.epoch:05d}{WEIGHTS}"


class Ranges(keras.callbacks.Callback):  # type: ignore[misc]
    """Give the integer bits of values that wrap the range of some training rows, before the watched rows are tried.

    While it learns, HGQ2 lets them shrink towards what the last batches needed, and nothing wraps then.
    """

    def __init__(self, x: Floats) -> None:
        super().__init__()
        self.x = x[:TRACED_ROWS]

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it so
        """Look at the rows."""
        trace_minmax(self.model, self.x, batch_size=PREDICT_ROWS)


class Price(keras.callbacks.Callback):  # type: ignore[misc]
    """Set beta, the price of an effective bit operation, at the beginning of each epoch; count the EBOPs at its end."""

    def __init__(self, options: Options, epochs: int) -> None:
        super().__init__()
        self.options, self.epochs = options, epochs

    def beta(self, epoch: int) -> float:
        """The price in an epoch, counted from 0."""
        last = max(1.0, self.options.ramp * self.epochs)
        done = min(1.0, epoch / last)
        return float(self.options.beta_first ** (1 - done) * self.options.beta_last**done)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras calls it so
        """Set the price."""
        for layer in self.model._flatten_layers():
            if getattr(layer, "_beta", None) is not None:
                layer._beta.assign(self.beta(epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """For the callbacks behind this one."""
        logs |= {"ebops": float(ebops(self.model)), "beta": self.beta(epoch)}


def train(model: Any, x: Floats, soft: Floats, config: TrainConfig, aside: Aside | None = None) -> list[Member]:
    """Fit ``model`` to rows (rows, features) and soft labels (rows, classes).

    It ends as the cheapest member of its front that is within ``within`` of the best one's quality, polished.  Returns
    the front, cheapest first; with a backup folder, :func:`member_of` makes a model any of them.

    Raises:
        ModelError: the loss became NaN or infinite.
    """
    options, aside = Options.of(config), aside or Aside()
    learned, watched = parts(model, x, soft, options.balance, aside.in_time)
    if aside.start is not None:
        model.load_weights(str(aside.start))
    steps = max(1, len(learned.x) // config.batch_size) * config.epochs
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss=loss_of(model), jit_compile=False)
    with tempfile.TemporaryDirectory() as spare:
        front = Front((aside.backup or Path(spare)) / "front", soft.shape[1])
        history = model.fit(
            *learned[:2], sample_weight=learned.weights, batch_size=config.batch_size, epochs=config.epochs,
            validation_data=watched, validation_batch_size=PREDICT_ROWS, verbose=0,
            callbacks=list(_callbacks(config, options, aside, learned.x, watched, front)),
        )  # fmt: skip
        check_losses(history)
        member_of(model, front.folder, chosen(front.members, options.within), learned.x)
    if options.polish:
        prices = np.geomspace(options.polish / 16, options.polish, POLISH_STEPS)
        polished(model, [*prices, options.polish, options.polish], learned, config.seed)
    return front.members


def _callbacks(
    config: TrainConfig, options: Options, aside: Aside, learned: Floats, watched: Part, front: Front
) -> Iterator[Any]:
    yield Ranges(learned)
    yield Price(options, config.epochs)
    yield Course(config.epochs, watched, aside.history)
    yield front
    yield keras.callbacks.TerminateOnNaN()
    if aside.backup is not None:
        yield keras.callbacks.BackupAndRestore(str(aside.backup / "state"))
    if aside.events is not None:
        yield EventFiles(aside.events)


def polished(model: Any, prices: Sequence[float], rows: Part, seed: int) -> None:
    """Coordinate descent over the numbers of ``model``, a sweep for each price; ranges are traced again.

    Raises:
        ModelError: the model is no chain of QDense with relu between them and inputs rounded down.
    """
    dense = model.layers[1:]
    if not all(_is_plain(layer, last=layer is dense[-1]) for layer in dense):
        raise ModelError(
            "only a chain of QDense and relu, rounded by TRN, is polished", where=model.name, hint="leave polish out"
        )
    inputs = np.asarray(dense[0].iq(rows.x[:POLISHED_ROWS]))
    chain = Chain(
        [_numbers(layer, reader) for layer, reader in pairwise([*dense, None])], inputs, rows.y[:POLISHED_ROWS]
    )
    random = np.random.default_rng(seed)
    for price in prices:
        moved = polish(chain, price, random)
        print(
            f"  polished at price {price:g}: {moved} moves, loss {chain.loss:.4f}, {chain.cost():.0f} adder bits",
            flush=True,
        )
    for number, layer in enumerate(dense):
        _give(layer, chain.layers[number], chain.layers[number + 1] if number + 1 < len(dense) else None)
    trace_minmax(model, rows.x, batch_size=PREDICT_ROWS)


def _is_plain(layer: Any, *, last: bool) -> bool:
    kind, relu = type(layer).__name__ == "QDense", getattr(layer.activation, "__name__", "") == "relu"
    return kind and (relu or last) and layer.iq.quantizer.round_mode == "TRN"


def _numbers(layer: Any, reader: Any) -> DenseLayer:
    """What a layer computes with; half a step of what reads it, which makes TRN round half up, is not in the bias."""
    _, integer, fraction = (np.asarray(bits, np.float32).ravel().copy() for bits in layer.iq.quantizer.kif)
    kernel, bias = np.array(layer.qkernel, np.float32), np.array(layer.qbias, np.float32)
    if reader is not None:
        sign, high, low = (np.asarray(bits, np.float32).ravel() for bits in reader.iq.quantizer.kif)
        bias -= np.where(sign + high + low > 0, np.exp2(-low - 1), 0)
    kernel[_silent(layer)] = 0
    return DenseLayer(kernel, bias, fraction, np.clip(integer, -3, 6))


def _silent(layer: Any) -> Any:
    return sum(np.asarray(bits).ravel() for bits in layer.iq.quantizer.kif) <= 0


def _give(layer: Any, numbers: DenseLayer, reader: DenseLayer | None) -> None:
    """Put polished numbers into a layer, each with the bits that it needs."""
    read = numbers.kernel.any(axis=1)
    fraction = layer.iq.quantizer._f
    fraction.assign(np.where(read, numbers.fraction, -24).reshape(fraction.shape))
    bias = numbers.bias + (
        0 if reader is None else np.where(reader.kernel.any(axis=1), np.exp2(-reader.fraction - 1), 0)
    )
    for values, variable, quantizer, spare in (
        (numbers.kernel, layer.kernel, layer.kq, 0),
        (bias, layer.bias, layer.bq, 1),
    ):
        integer, width = needed_bits(values)
        variable.assign(values)
        quantizer.quantizer._i.assign(integer)
        quantizer.quantizer._b.assign(np.where(values != 0, width + spare, 0))  # HGQ2's ranges end below powers of two


def member_of(model: Any, folder: Path, member: Member, x: Floats) -> None:
    """Give ``model`` the weights of a member of the front, and its integer bits the range of the rows ``x``."""
    model.load_weights(str(folder / f"{member.epoch:05d}{WEIGHTS}"))
    trace_minmax(model, x, batch_size=PREDICT_ROWS)


def ebops(model: Any) -> int:
    """The effective bit operations of the last batch that was seen in training or tracing."""
    return round(sum(float(layer.ebops) for layer in model.layers if getattr(layer, "enable_ebops", False)))


def zero_share(model: Any) -> float:
    """Share of the kernel weights that the quantizers turn into exactly 0."""
    kernels = [np.asarray(layer.qkernel) for layer in model._flatten_layers() if hasattr(layer, "qkernel")]
    total = sum(kernel.size for kernel in kernels)
    return sum(int((kernel == 0).sum()) for kernel in kernels) / total if total else 0.0


def costs(model: Any) -> dict[str, float]:
    """What metrics.json says of a model's size."""
    return {"zero_weights": round(zero_share(model), 6), "ebops": ebops(model)}


def save(model: Any, path: Path) -> None:
    """Write the model without its optimizer, as a small .keras file whose bytes depend on the model alone."""
    model.compiled = False  # what it was trained with is no part of the network
    with whole_file(path) as part, tempfile.TemporaryDirectory() as spare:
        plain = Path(spare) / "model.keras"
        model.save(str(plain), include_optimizer=False)
        with zipfile.ZipFile(plain) as before, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as after:
            for name in sorted(before.namelist()):
                info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                after.writestr(info, _timeless(name, before.read(name)))


def shipped(_: Any, path: Path) -> Any:
    """The model as its file has it, which is what figures are of: tables are made anew where it is loaded."""
    return keras.models.load_model(str(path), compile=False)


def _timeless(name: str, content: bytes) -> bytes:
    if name != "metadata.json":
        return content
    return json.dumps(json.loads(content) | {"date_saved": SAVED_AT}).encode()


__all__ = ["costs", "ebops", "member_of", "probabilities", "save", "seed_all", "shipped", "spread", "train"]
