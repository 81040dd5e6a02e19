"""Candidates to Networks: quantized after training (:mod:`bitwright.quant`), and fine-tuned where that is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from bitwright.explore.accuracy import rows_digest
from bitwright.explore.finetune import Training, finetuned
from bitwright.explore.space import PRUNING, Candidate, LayerInfo
from bitwright.files import digest_arrays, to_json
from bitwright.fixed import FixedFormat, Overflow
from bitwright.frontend.rows import Rows
from bitwright.network import Network
from bitwright.network.layers import Cast, Conv, Dense, Input, Relu
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Floats, Kind, forward, load, save, walk
from bitwright.quant.lower import proved, to_network
from bitwright.quant.observe import observe
from bitwright.quant.options import Bits, Options
from bitwright.quant.plan import QuantPlan, make_plan
from bitwright.rtl.engine_dense import valid_reuse_factors
from bitwright.rtl.partition import with_reuse

Limits = Mapping[str, tuple[float, float]]
ANY = Bits(8, 8)
"""Bits that ask which tensors are quantized at all."""


@dataclass(frozen=True)
class QuantBuilder:
    """See the module.

    Attributes:
        model: normalization folded, no final softmax.
        rows: what the ranges are calibrated on; their labels are not looked at.
        options: of the quantization, but for the bits.
        limits: the ranges in which layers were trained to saturate, by name.
    """

    model: FloatModel
    rows: Rows
    options: Options
    limits: Limits = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Of the float model, the calibration rows and the options."""
        weights = {f"{layer.name}/{key}": value for layer in self.model.layers for key, value in layer.weights.items()}
        kinds = [(layer.name, layer.kind.value, layer.sources, dict(layer.options)) for layer in self.model.layers]
        data = (digest_arrays(dict(weights)), rows_digest(self.rows))
        parts = (data, kinds, self.model.outputs, repr(self.options), dict(self.limits))
        return hashlib.sha256(to_json(parts).encode()).hexdigest()

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Layers with weights, and those behind which a quantizer stands."""
        plan = make_plan(self.model, self._calibrations(0.0), ANY, {}, self.options)
        found = (self._info(layer, quantized=plan.layers[layer.name].quantized) for layer in self.model.layers)
        return tuple(info for info in found if info.weights or info.activations)

    def _info(self, layer: FloatLayer, *, quantized: bool) -> LayerInfo:
        weights = layer.kind in PRODUCTS
        factors = valid_reuse_factors(*layer.weights["weight"].shape) if layer.kind is Kind.DENSE else (1,)
        return LayerInfo(layer.name, weights, quantized, factors)

    def network(self, candidate: Candidate) -> Network:
        """See :class:`bitwright.explore.study.Builder`."""
        return folded(self.planned(candidate), candidate)

    def planned(self, candidate: Candidate) -> tuple[FloatModel, QuantPlan]:
        """The float model, pruned, and its plan."""
        share = float(dict(candidate.settings).get(PRUNING, 0.0))
        weights, activations = candidate.widths("weights"), candidate.widths("activations")
        bits = {
            layer.name: Bits(weights.get(layer.name, ANY.weight), activations.get(layer.name, ANY.activation))
            for layer in self.model.layers
        }
        model = pruned(self.model, share)
        return model, make_plan(model, self._calibrations(share), ANY, bits, self.options)

    @cached_property
    def _known(self) -> dict[float, Calibration]:
        return {}

    def _calibrations(self, share: float) -> Calibration:
        """Of the model pruned by that share; each made once."""
        if share not in self._known:
            self._known[share] = calibrated(pruned(self.model, share), self.rows, self.limits)
        return self._known[share]


@dataclass(frozen=True)
class FinetunedBuilder:
    """As another builder, but the weights are trained in each candidate's formats.

    Attributes:
        plain: makes the formats.
        training: what is learned from.
        folder: what was learned is kept here, by the candidate: it takes seconds, and other machines round otherwise.
    """

    plain: QuantBuilder
    training: Training
    folder: Path

    @cached_property
    def digest(self) -> str:
        """See :class:`bitwright.explore.study.Builder`."""
        return hashlib.sha256(f"{self.plain.digest} {self.training.digest}".encode()).hexdigest()

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """See :class:`bitwright.explore.study.Builder`."""
        return self.plain.layers

    def network(self, candidate: Candidate) -> Network:
        """See :class:`bitwright.explore.study.Builder`."""
        model, plan = self.plain.planned(candidate)
        path = self.folder / self.digest[:16] / f"{candidate.digest[:32]}.json"
        if not path.is_file():
            save(finetuned(model, plan, self.training), path)
        tuned = load(path)
        return folded((tuned, proved(tuned, plan)), candidate)


def folded(planned: tuple[FloatModel, QuantPlan], candidate: Candidate) -> Network:
    """The Network of a plan, with the candidate's reuse factors."""
    return with_reuse(to_network(*planned), reuse_factors(candidate))


def reuse_factors(candidate: Candidate) -> dict[str, int]:
    """Reuse factors above 1, by layer."""
    found = {name.rpartition("."): value for name, value in candidate.settings}
    return {layer: int(value) for (layer, _, kind), value in found.items() if kind == "reuse" and value != 1}


def calibrated(model: FloatModel, rows: Rows, limits: Limits) -> Calibration:
    """What is seen of each layer where those with limits saturate, as they did when they were trained."""

    def step(layer: FloatLayer, sources: list[Floats]) -> Floats:
        found = forward(layer, sources)
        return np.clip(found, *limits[layer.name]) if layer.name in limits else found

    calibrate(model, [rows.x], str(rows.path))  # for its errors: rows of another shape, constant, or no numbers
    values = walk(model, rows.x, step)
    return Calibration({layer.name: observe(values[layer.name]) for layer in model.layers}, len(rows.x))


def trained_limits(network: Network) -> dict[str, tuple[float, float]]:
    """The ranges beyond which the layers of a trained Network saturate, by name."""
    found = {}
    for layer in network.layers:
        fmt = layer.result
        if fmt.overflow is Overflow.SAT and isinstance(layer, Input | Relu | Cast):
            found[layer.name] = (fmt.lower * 2.0**-fmt.fraction, fmt.max * 2.0**-fmt.fraction)
    return found


def with_trained_weights(model: FloatModel, network: Network) -> FloatModel:
    """The model with its products' weights kept in the range of the types that they were trained for.

    A QKeras file holds latent weights, which may lie beyond what the quantizer gives.
    """
    formats = {layer.name: layer.weight.format for layer in network.layers if isinstance(layer, Dense | Conv)}
    layers = tuple(
        replace(layer, weights={**layer.weights, "weight": _within(layer.weights["weight"], formats[layer.name])})
        if layer.kind in PRODUCTS and layer.name in formats
        else layer
        for layer in model.layers
    )
    return replace(model, layers=layers)


def _within(weight: Floats, fmt: FixedFormat) -> Floats:
    return np.clip(weight, fmt.lower * 2.0**-fmt.fraction, fmt.max * 2.0**-fmt.fraction)


def pruned(model: FloatModel, share: float) -> FloatModel:
    """The model with the smallest ``share`` of all weights of its products at zero, by one threshold."""
    if not share:
        return model
    sizes = np.concatenate([np.abs(layer.weights["weight"]).ravel() for layer in _products(model)])
    threshold = np.partition(sizes, max(round(share * sizes.size) - 1, 0))[max(round(share * sizes.size) - 1, 0)]
    return replace(model, layers=tuple(_without_small(layer, float(threshold)) for layer in model.layers))


def _products(model: FloatModel) -> Iterator[FloatLayer]:
    return (layer for layer in model.layers if layer.kind in PRODUCTS)


def _without_small(layer: FloatLayer, threshold: float) -> FloatLayer:
    if layer.kind not in PRODUCTS:
        return layer
    weight = layer.weights["weight"]
    kept = np.where(np.abs(weight) > threshold, weight, 0.0)
    return replace(layer, weights={**layer.weights, "weight": kept})
