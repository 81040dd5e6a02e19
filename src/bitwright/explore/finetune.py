"""Quantization-aware fine-tuning of a candidate: its weights learn to live with its formats.

Forward through the quantized weights and activations, backward through the quantizers as if they were not there, but
for what they limit (the straight-through estimator: Bengio, Leonard and Courville, arXiv:1308.3432).  In numpy: small
networks learn faster so than a framework starts.

A share of all weights stays at zero, the smallest ones; which they are is decided anew, with a share that grows, until
PRUNE_UNTIL of the training is done (Zhu and Gupta, arXiv:1710.01878, equation 1), so that a weight may come back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from bitwright.errors import UnsupportedLayerError
from bitwright.files import digest_arrays
from bitwright.quant.constants import steps
from bitwright.quant.float_model import FloatLayer, FloatModel, Kind
from bitwright.quant.layer_plan import QuantPlan
from bitwright.quant.ranges import codes

Floats = npt.NDArray[np.float32]
KNOWN = frozenset({Kind.INPUT, Kind.LINEAR, Kind.DENSE, Kind.SCALE, Kind.RELU, Kind.RESHAPE, Kind.ADD})
PARAMETERS = ("weight", "bias")
PRUNE_FROM, PRUNE_UNTIL, PRUNE_EVERY = 0.5, 0.6, 50
"""The share of zeros at the start, of that at the end; when the choice ends; and the steps after which it is made."""
BETAS, TINY = (0.9, 0.999), 1e-7
"""Of Adam (Kingma and Ba, arXiv:1412.6980)."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What is learned from, and how long.

    Attributes:
        x: rows (rows, features).
        soft: the chance of each class (rows, classes); (rows, 1) for a network of one output.
        epochs: passes over the rows.
        batch: rows of a step.
        rate: learning rate at the start; it falls to zero along a cosine.
        l1: penalty for each unit of absolute weight: small weights are cheap in adders.
        seed: of the order of the rows.
    """

    x: Floats
    soft: Floats
    epochs: int
    batch: int = 512
    rate: float = 1e-3
    l1: float = 0.0
    seed: int = 1

    @property
    def digest(self) -> str:
        """Of everything that decides what is learned."""
        how = np.array([self.epochs, self.batch, self.rate, self.l1, self.seed])
        return digest_arrays({"x": self.x, "soft": self.soft, "how": how})


def finetuned(model: FloatModel, plan: QuantPlan, training: Training) -> FloatModel:
    """The model with weights and biases trained in the formats of ``plan``, as many of them zero as are zero now.

    Raises:
        UnsupportedLayerError: a layer that is not trained here.
    """
    for layer in model.layers:
        if layer.kind not in KNOWN:
            raise UnsupportedLayerError(
                f"fine-tuning does not know {layer.kind.value}", where=f"layer '{layer.name}'",
                hint="search without --finetune",
            )  # fmt: skip
    trainer, order = _Trainer(model, plan, training.l1), np.arange(len(training.x))
    rng, count = np.random.default_rng(training.seed), max(len(training.x) // training.batch, 1)
    with threadpool_limits(limits=1, user_api="blas"):
        for step in range(training.epochs * count):
            done = step / (training.epochs * count)
            if step % PRUNE_EVERY == 0 and done <= PRUNE_UNTIL + PRUNE_EVERY / (training.epochs * count):
                trainer.prune(min(done / PRUNE_UNTIL, 1.0), rng)
            if step % count == 0:
                order = rng.permutation(len(training.x))
            rows = order[step % count * training.batch :][: training.batch]
            trainer.learn(training.x[rows], training.soft[rows], training.rate * 0.5 * (1 + np.cos(np.pi * done)))
    return trainer.result()


Pull = Callable[[Floats], list[Floats]]
"""The slopes of a layer's sources, given that of its result."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """A quantizer: ``step * round(x / step)``, ties to even, limited."""

    step: Floats
    low: Floats
    high: Floats

    def apply(self, x: Floats) -> Floats:
        return np.clip(np.rint(x / self.step) * self.step, self.low, self.high)

    def inside(self, x: Floats) -> npt.NDArray[np.bool_]:
        """Where a slope passes."""
        return (x >= self.low) & (x <= self.high)

    @staticmethod
    def of(low: npt.ArrayLike, high: npt.ArrayLike, step: npt.ArrayLike) -> _Grid:
        return _Grid(*(np.asarray(value, dtype=np.float32) for value in (step, low, high)))


class _Trainer:
    """Parameters that are trained, and the moments of their gradients."""

    def __init__(self, model: FloatModel, plan: QuantPlan, l1: float = 0.0) -> None:
        self.model, self.l1 = model, np.float32(l1)
        tensors = {name: own.tensor for name, own in plan.layers.items() if own.quantized}
        self.tensors = {name: _Grid.of(tensor.low, tensor.high, tensor.step) for name, tensor in tensors.items()}
        self.weights: dict[str, _Grid] = {}
        self.values: dict[str, Floats] = {}
        for layer in model.layers:
            held = plan[layer.name].weight
            if held is not None:
                low, high = codes(held.bits, signed=True)
                self.weights[layer.name] = _Grid.of(low * steps(held), high * steps(held), steps(held))
                self.values |= {f"{layer.name}/{key}": layer.weights[key].astype(np.float32) for key in PARAMETERS}
        self.kept = {name: self.values[f"{name}/weight"] != 0 for name in self.weights}
        self.zeros = float(np.mean([~kept for group in self.kept.values() for kept in group.ravel()]))
        self.moments = {name: (np.zeros_like(value), np.zeros_like(value)) for name, value in self.values.items()}
        self.steps = 0

    def prune(self, done: float, rng: np.random.Generator) -> None:
        """Choose the weights that are kept, ``done`` of the way from few zeros to all; of equal ones by chance."""
        sizes = np.concatenate([np.abs(self.values[f"{name}/weight"]).ravel() for name in self.weights])
        share = self.zeros * (1 - (1 - PRUNE_FROM) * (1 - done) ** 3)
        kept = np.ones(sizes.size, dtype=np.bool_)
        kept[np.lexsort((rng.random(sizes.size), sizes))[: round(share * sizes.size)]] = False
        for name in self.weights:
            shape = self.values[f"{name}/weight"].shape
            self.kept[name], kept = kept[: prod(shape)].reshape(shape), kept[prod(shape) :]

    def learn(self, x: Floats, soft: Floats, rate: float) -> None:
        """One step of Adam on a batch."""
        gradients = self._gradients(x, soft)
        self.steps += 1
        scale = np.float32(rate * np.sqrt(1 - BETAS[1] ** self.steps) / (1 - BETAS[0] ** self.steps))
        for name, gradient in gradients.items():
            first, second = self.moments[name]
            first += (1 - BETAS[0]) * (gradient - first)
            second += (1 - BETAS[1]) * (gradient * gradient - second)
            self.values[name] -= scale * first / (np.sqrt(second) + TINY)
        for name, kept in self.kept.items():
            self.values[f"{name}/weight"] *= kept

    def result(self) -> FloatModel:
        """The model with the present values."""
        return replace(self.model, layers=tuple(self._trained(layer) for layer in self.model.layers))

    def _trained(self, layer: FloatLayer) -> FloatLayer:
        if layer.name not in self.weights:
            return layer
        values = {key: self.values[f"{layer.name}/{key}"].astype(np.float64) for key in PARAMETERS}
        return replace(layer, weights={**layer.weights, **values})

    def _gradients(self, x: Floats, soft: Floats) -> dict[str, Floats]:
        """Of the mean cross-entropy on a batch, by parameter."""
        values: dict[str, Floats] = {}
        pulls: dict[str, Pull] = {}
        found: dict[str, Floats] = {}
        start = 0
        for layer in self.model.layers:
            sources = [values[source] for source in layer.sources] or [x[:, start : start + layer.size]]
            start += layer.size * (layer.kind is Kind.INPUT)
            values[layer.name], pulls[layer.name] = self._layer(layer, sources, found)
        output = self.model.outputs[0]
        slopes = {output: _slope(values[output], soft)}
        for layer in reversed(self.model.layers):
            if layer.name in slopes and layer.kind is not Kind.INPUT:
                for source, part in zip(layer.sources, pulls[layer.name](slopes[layer.name]), strict=True):
                    slopes[source] = slopes[source] + part if source in slopes else part
        return found

    def _layer(self, layer: FloatLayer, sources: list[Floats], found: dict[str, Floats]) -> tuple[Floats, Pull]:
        """What a layer gives, behind its quantizer, and how slopes go back through both."""
        raw, pull = self._arithmetic(layer, sources, found)
        grid = self.tensors.get(layer.name)
        if grid is None:
            return raw, pull
        inside = grid.inside(raw)
        return grid.apply(raw), lambda slope: pull(slope * inside)

    def _arithmetic(self, layer: FloatLayer, sources: list[Floats], found: dict[str, Floats]) -> tuple[Floats, Pull]:
        x = sources[0]
        match layer.kind:
            case Kind.DENSE:
                return self._dense(layer, x, found)
            case Kind.SCALE:
                scale, bias = (layer.weights[key].astype(np.float32) for key in ("scale", "bias"))
                return x * scale + bias, lambda slope: [slope * scale]
            case Kind.RELU:
                limit = layer.options["limit"]
                inside = (x > 0) & (x < (np.inf if limit is None else limit))
                return np.clip(x, 0, limit), lambda slope: [slope * inside]
            case Kind.ADD:
                return x + sources[1], lambda slope: [slope, slope]
            case _:
                return x.reshape(len(x), *layer.shape), lambda slope: [slope.reshape(x.shape)]

    def _dense(self, layer: FloatLayer, x: Floats, found: dict[str, Floats]) -> tuple[Floats, Pull]:
        latent, grid = self.values[f"{layer.name}/weight"], self.weights[layer.name]
        weight = grid.apply(latent)
        trained = grid.inside(latent) & self.kept[layer.name]
        penalty = self.l1 * np.sign(latent)

        def pull(slope: Floats) -> list[Floats]:
            found[f"{layer.name}/weight"] = (x.T @ slope) * trained + penalty
            found[f"{layer.name}/bias"] = slope.sum(axis=0)
            return [slope @ weight.T]

        return x @ weight + self.values[f"{layer.name}/bias"], pull


def _slope(logits: Floats, soft: Floats) -> Floats:
    """Of the mean cross-entropy: softmax of several outputs, the sigmoid of one, less the truth."""
    if logits.shape[1] == 1:
        said = 0.5 * (1 + np.tanh(0.5 * logits))
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        said = powers / powers.sum(axis=1, keepdims=True)
    slope: Floats = (said - soft) / np.float32(len(logits))
    return slope
