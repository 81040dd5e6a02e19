"""Choose a format, a scale and a zero point for every tensor and weight of a float model."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bitwright.errors import UnsupportedLayerError, UsageError, nearest
from bitwright.fixed import FixedFormat
from bitwright.quant.calibrate import Calibration
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Kind, window_size
from bitwright.quant.layer_plan import (
    LayerPlan,
    QuantPlan,
    Rescale,
    Tensor,
    Weights,
    code_format,
    covering,
    fixed_tensor,
    joined,
    multipliers,
)
from bitwright.quant.lower import proved
from bitwright.quant.observe import Observed
from bitwright.quant.options import Bits, Options, ScaleKind
from bitwright.quant.ranges import activation_scale, affine_range, clipped, power_of_two, short, weight_scales

SCALE_BITS = 8
"""Significant bits of a real scale: few enough for a float64 to hold sums times scales and multipliers exactly."""
FLOAT64_BITS = 53
SPREAD = 4
"""Powers of two by which the scales of a layer's channels may differ.

A channel that is tinier still is coarser: what it adds is below a step of the tensor that it becomes a part of.  On
the zoo at 4, 6 and 8 bits more gave nothing, and cost wide weights and sums.
"""
INPUT_GUARD = 4
"""Bits by which an input is finer than the tensor that a multiplier makes of it."""

ACTIVATIONS = frozenset({Kind.RELU, Kind.LEAKY, Kind.SIGMOID, Kind.TANH, Kind.LINEAR})
PASSING = frozenset({Kind.RESHAPE, Kind.MAX_POOL, Kind.ZERO_PAD})
"""Kinds that give the numbers that they take."""
EXACT = PRODUCTS | {Kind.SCALE, Kind.ADD, Kind.AVERAGE_POOL, Kind.LEAKY, Kind.SIGMOID, Kind.TANH}
"""Kinds whose results have more bits than what they read."""


def make_plan(
    model: FloatModel, calibration: Calibration, default: Bits, layers: Mapping[str, Bits], options: Options
) -> QuantPlan:
    """Choose every format.

    Args:
        model: normalization folded as wanted (:mod:`fold`), no softmax left.
        calibration: of this very model.
        default: bits of the layers that ``layers`` does not name.
        layers: bits by layer name, or by a pattern such as ``fc*``; the last that matches counts.
        options: the rest.

    Raises:
        UsageError: a name or pattern that no layer has.  FormatError: a sum of more than 64 bits.
        UnsupportedLayerError: a layer that has no fixed-point form here.
    """
    check_layers(model)
    bits = assigned_bits(model, default, layers)
    planner = _Planner(model, calibration, options, bits)
    for layer in model.layers:
        planner.add(layer)
    return proved(model, QuantPlan(planner.plans, options))


def check_layers(model: FloatModel) -> None:
    """Refuse what has no fixed-point form, before anything long begins.

    Raises:
        UnsupportedLayerError: names the layer.
    """
    for layer in model.layers:
        _refuse(layer)


def assigned_bits(model: FloatModel, default: Bits, layers: Mapping[str, Bits]) -> dict[str, Bits]:
    """The bits of every layer; a product's count for the activation behind it too.

    Raises:
        UsageError: a name or pattern that no layer has.
    """
    names = [layer.name for layer in model.layers]
    own: dict[str, Bits] = {}
    for pattern, bits in layers.items():
        matched = fnmatch.filter(names, pattern)
        if not matched:
            hint = nearest(pattern, names) or f"layers: {', '.join(names)}"
            raise UsageError(f"no layer is called '{pattern}'", where=model.name, hint=hint)
        own.update((name, bits) for name in matched)
    found: dict[str, Bits] = {}
    for layer in model.layers:
        inherited = found.get(layer.sources[0], default) if layer.kind in ACTIVATIONS else default
        found[layer.name] = own.get(layer.name, inherited)
    return found


class _Planner:
    """The plans of layers so far."""

    def __init__(self, model: FloatModel, calibration: Calibration, options: Options, bits: Mapping[str, Bits]) -> None:
        self.model, self.calibration, self.options, self.bits = model, calibration, options, bits
        self.plans: dict[str, LayerPlan] = {}
        self.kinds = model.by_name

    def add(self, layer: FloatLayer) -> None:
        """Plan one layer whose sources are planned."""
        bits, real = self.bits[layer.name], self._real(layer)
        if layer.kind is Kind.INPUT:
            plan = self._input(layer, bits, real=real)
        elif layer.kind is Kind.CONCAT and (joined := self._joined(layer)).width <= bits.activation:
            plan = LayerPlan(layer.name, bits, Tensor(joined), quantized=False)
        elif layer.kind in PASSING or (layer.kind is Kind.LINEAR and not self._open(layer.sources[0])):
            plan = LayerPlan(layer.name, bits, self.plans[layer.sources[0]].tensor, quantized=False)
        elif self._stays_exact(layer):
            plan = LayerPlan(layer.name, bits, Tensor(FixedFormat(1, 1)), quantized=False)  # proved() fills it in
        else:
            plan = self._quantized(layer, bits, real=real)
        self.plans[layer.name] = self._with_constants(layer, plan)

    # --- which tensors are quantized, and how ---

    def _open(self, name: str) -> bool:
        """Whether the layer's result is exact and waits for a quantizer behind it."""
        return not self.plans[name].quantized and self.kinds[name].kind in EXACT | {Kind.CONCAT, Kind.RELU}

    def _stays_exact(self, layer: FloatLayer) -> bool:
        """Whether no quantizer stands right behind this layer: its readers do it, or it is an output."""
        if layer.kind not in EXACT | {Kind.CONCAT} and not _limited(layer):
            return False
        readers = self.model.readers(layer.name)
        passive = all(reader.kind in ACTIVATIONS for reader in readers)
        if layer.name in self.model.outputs:
            return passive and self.options.output_bits is None
        return passive and len(readers) == 1 and layer.kind is not Kind.AVERAGE_POOL  # its sums know its quantizer

    def _joined(self, layer: FloatLayer) -> FixedFormat:
        return joined(*(self.plans[source].tensor.format for source in layer.sources))

    def _real(self, layer: FloatLayer) -> bool:
        """Whether this tensor may have a scale that is no power of two: only products read it."""
        if self.options.scale is ScaleKind.PO2 or layer.name in self.model.outputs:
            return False
        behind = layer.kind is Kind.RELU and not _limited(layer) and self.kinds[layer.sources[0]].kind in PRODUCTS
        if behind and (not self._open(layer.sources[0]) or layer.sources[0] in self.model.outputs):
            return False
        return (behind or layer.kind in PRODUCTS | {Kind.INPUT}) and all(
            reader.kind in PRODUCTS for reader in self._final_readers(layer)
        )

    def _final_readers(self, layer: FloatLayer) -> list[FloatLayer]:
        """What reads a tensor, also through layers that pass it on; an output reads itself."""
        found: list[FloatLayer] = []
        for reader in self.model.readers(layer.name):
            found += self._final_readers(reader) if reader.kind in PASSING | {Kind.LINEAR} else [reader]
        outputs = [layer] if layer.name in self.model.outputs else []
        return found + outputs

    def _zero_allowed(self, layer: FloatLayer) -> bool:
        """Whether a zero point can be folded into the readers' biases: no zero of a padding stands beside it."""
        through = [r for r in self.model.readers(layer.name) if r.kind in PASSING | {Kind.LINEAR}]
        padded = any(any(reader.options.get("padding", ())) for reader in (*self._final_readers(layer), *through))
        return not padded and all(self._zero_allowed(reader) for reader in through)

    def _tensor(self, layer: FloatLayer, seen: Observed, bits: int, *, real: bool) -> Tensor:
        if not real:
            return fixed_tensor(activation_scale(seen, bits, self.options, po2=True), bits, signed=seen.signed)
        if self.options.scale is ScaleKind.AFFINE and seen.signed and self._zero_allowed(layer):
            low, high = affine_range(seen, bits, self.options)
            scale = short((high - low) / (2**bits - 1), self._scale_bits(layer))
            return Tensor(code_format(bits, signed=False), scale, round(-low / scale))
        scale = short(activation_scale(seen, bits, self.options, po2=False), self._scale_bits(layer))
        return Tensor(code_format(bits, signed=seen.signed), scale)

    def _scale_bits(self, layer: FloatLayer) -> int:
        """Significant bits of a scale, so that a float64 holds every sum of products of scaled numbers."""
        sums = [self._sum_bits(reader, layer) for reader in self._final_readers(layer) if reader.kind in PRODUCTS]
        return _scale_bits(max(sums), self.options.multiplier_bits)

    def _sum_bits(self, product: FloatLayer, source: FloatLayer) -> int:
        weight = product.weights["weight"]
        terms = weight.size // weight.shape[-1]
        return self.bits[product.name].weight + self.bits[source.name].activation + terms.bit_length() + 2

    def _quantized(self, layer: FloatLayer, bits: Bits, *, real: bool) -> LayerPlan:
        seen = self.calibration.tensors[layer.name]
        output = layer.name in self.model.outputs and self.options.output_bits
        tensor = self._tensor(layer, seen, output or bits.activation, real=real)
        limits = clipped(seen, tensor.low - tensor.step, tensor.high + tensor.step)
        return LayerPlan(layer.name, bits, tensor, quantized=True, clipped=limits if limits.count else None)

    def _input(self, layer: FloatLayer, bits: Bits, *, real: bool) -> LayerPlan:
        seen = self.calibration.tensors[layer.name]
        if all(reader.kind is Kind.SCALE for reader in self.model.readers(layer.name)):
            fine = self._normalized_input(layer, seen, bits.activation)
            return LayerPlan(layer.name, bits, Tensor(fine), quantized=True)
        plan = self._quantized(layer, bits, real=real)
        if not real:
            return plan
        tensor = plan.tensor
        raw = covering(tensor.low, tensor.high, int(np.ceil(-np.log2(tensor.scale))) + INPUT_GUARD)
        multiplier = multipliers(np.array([1 / tensor.scale]), self.options.multiplier_bits, tensor.zero)
        return replace(plan, raw=raw, rescale=multiplier)

    def _normalized_input(self, layer: FloatLayer, seen: Observed, bits: int) -> FixedFormat:
        """An input as fine as its normalization needs it: half a step of what comes behind, for every channel."""
        fractions = []
        for reader in self.model.readers(layer.name):
            behind = activation_scale(self.calibration.tensors[reader.name], bits, self.options, po2=True)
            steepest = float(np.abs(reader.weights["scale"]).max()) or 1.0
            fractions.append(int(np.ceil(np.log2(2 * steepest / behind))))
        fraction = max(fractions) if seen.fraction is None else min(max(fractions), seen.fraction)
        return covering(seen.low, seen.high, fraction)

    # --- constants ---

    def _with_constants(self, layer: FloatLayer, plan: LayerPlan) -> LayerPlan:
        if layer.kind in PRODUCTS:
            return replace(plan, weight=self._weights(layer, plan.bits.weight))
        if layer.kind is Kind.SCALE:
            factors = multipliers(layer.weights["scale"], self.options.multiplier_bits)
            return replace(plan, scale=factors.format)
        return plan

    def _weights(self, layer: FloatLayer, bits: int) -> Weights:
        real, source = self.options.scale is not ScaleKind.PO2, self.kinds[layer.sources[0]]
        sums = self._sum_bits(layer, source)
        scales = weight_scales(layer.weights["weight"], bits, self.options, po2=not real)
        least = np.abs(layer.weights["bias"]) / (self.plans[source.name].tensor.step * 2.0**sums)
        least = least if self.options.per_channel else least.max(keepdims=True)  # a bias never drowns the sums
        scales = np.maximum(scales, np.maximum(least, scales.max() * 2.0**-SPREAD))
        if real:
            exact = tuple(short(scale, _scale_bits(sums, self.options.multiplier_bits)) for scale in scales)
            return Weights(bits, FixedFormat(bits, bits), (0,) * len(exact), exact)
        fractions = tuple(1 - int(np.frexp(power_of_two(scale))[1]) for scale in scales)
        width = bits + max(fractions) - min(fractions)
        return Weights(bits, FixedFormat(width, width - max(fractions)), fractions, (1.0,) * len(fractions))


def _scale_bits(sums: int, multiplier: int) -> int:
    """Significant bits of the scales at both ends of sums of so many bits; one, a power of two, for very wide ones."""
    return SCALE_BITS if sums + SCALE_BITS + max(SCALE_BITS, multiplier) <= FLOAT64_BITS else 1


def _limited(layer: FloatLayer) -> bool:
    return layer.kind is Kind.RELU and layer.options["limit"] is not None


def _refuse(layer: FloatLayer) -> None:
    """What has no fixed-point form with the same bits in hls4ml."""
    where = f"layer '{layer.name}' ({layer.kind.value})"
    if layer.kind is Kind.SOFTMAX:
        raise UnsupportedLayerError("a softmax that is not the last layer", where=where, hint="end the model with it")
    if layer.kind is Kind.MAX_POOL and any(layer.options["padding"]):
        raise UnsupportedLayerError(
            "max pooling over the edge of an image: hls4ml puts half of the range there", where=where,
            hint="use padding='valid', or a window that divides the image",
        )  # fmt: skip
    if layer.kind is Kind.RELU and layer.options["limit"] not in (None, 6.0):
        raise UnsupportedLayerError(f"a relu up to {layer.options['limit']:g}", where=where, hint="use relu or relu6")
    if layer.kind is Kind.AVERAGE_POOL and window_size(layer) > 1 << 20:
        raise UnsupportedLayerError("an average of over a million elements", where=where, hint="pool in two steps")


__all__ = [
    "LayerPlan", "QuantPlan", "Rescale", "Tensor", "Weights", "assigned_bits", "check_layers", "make_plan", "proved",
]  # fmt: skip
