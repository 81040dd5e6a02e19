"""The health of a quantized model: what each layer does to the numbers, what is wrong with it, and what cures it.

The integers of the Network are compared with the float model, layer by layer, over data that streams by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.network.layers import Network
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, quantize_rows
from bitwright.quant.calibrate import Calibration
from bitwright.quant.constants import weight_codes
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Floats, evaluate
from bitwright.quant.layer_plan import LayerPlan, QuantPlan
from bitwright.quant.lower import held_layers, to_network
from bitwright.quant.ranges import codes, magnitude_quantile

SATURATED, SATURATED_BADLY = 0.01, 0.25
"""Shares of a layer's values beyond its range: worth a warning, and not usable."""
UNUSED = 0.25
"""A layer whose values stay below this share of its range wastes two bits or more."""
VANISHED = 0.5
"""Share of the values that are not zero but become it."""
NOISY_DB, USELESS_DB = 10.0, 0.0
"""Signal-to-noise of a layer worth a warning; of an output that is not usable."""
TAIL, TAIL_PERCENT = 8.0, 99.0
"""So many per cent of the values lie this many times below the end of the range: three bits serve few values."""
AT_LIMIT = 0.5
"""Share of weights at the limits of their codes."""
DROWNED = 64.0
"""A bias so many times the largest sum of products beside it leaves few of the result's bits to the data."""


class Severity(Enum):
    """What a finding means: FATAL, the model is not usable."""

    FATAL = "fatal"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a layer, and what to do about it."""

    layer: str
    severity: Severity
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.layer}: {self.what}\n  -> {self.cure}"


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """What was measured of one layer; shares are 0 to 1.

    Attributes:
        layer: its name; ``kind``: what it is; ``format``: of what its readers see.
        range_use: the largest magnitude beside the largest that its format holds; None where nothing is rounded.
        saturated: values beyond the range by more than a step, which were limited.
        zeros: values that are zero; ``vanished``: those among them that are not zero in float.
        sqnr_db: signal-to-quantization-noise ratio, in dB; None without noise or without signal.
        constant: elements that never change although they do in float.
        elements: how many there are.
        weight_zeros: weights that are zero but not so in float; ``weight_limits``: those at the limits of their codes.
        drowned: outputs of a product whose bias is more than DROWNED times all that the data adds.
    """

    layer: str
    kind: str
    format: str
    range_use: float | None
    saturated: float
    zeros: float
    vanished: float
    sqnr_db: float | None
    constant: int
    elements: int
    weight_zeros: float | None = None
    weight_limits: float | None = None
    drowned: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """What was measured of every layer, what is wrong, and the outputs that belong to the data."""

    layers: tuple[LayerHealth, ...]
    findings: tuple[Finding, ...]
    floats: Floats
    integers: Floats

    @property
    def usable(self) -> bool:
        """Whether nothing is fatally wrong."""
        return all(finding.severity is not Severity.FATAL for finding in self.findings)


class _Watch:
    """Sums over batches of one layer's numbers, float and quantized."""

    def __init__(self, size: int) -> None:
        self.count = self.saturated = self.zeros = self.vanished = 0
        self.signal = self.noise = self.largest = self.added = 0.0
        self.ends = [np.full(size, end) for end in (np.inf, -np.inf, np.inf, -np.inf)]

    def update(self, floats: Floats, quantized: Floats, plan: LayerPlan) -> None:
        low, high = plan.tensor.low - plan.tensor.step, plan.tensor.high + plan.tensor.step
        self.count += floats.size
        self.saturated += int(((floats < low) | (floats > high)).sum()) if plan.quantized else 0
        self.zeros += int((quantized == 0).sum())
        self.vanished += int(((quantized == 0) & (floats != 0)).sum())
        self.signal += float(np.square(floats).sum())
        self.noise += float(np.square(floats - quantized).sum())
        self.largest = max(self.largest, float(np.abs(quantized).max()))
        for i, (values, pick) in enumerate(((floats, min), (floats, max), (quantized, min), (quantized, max))):
            end = values.min(axis=0) if pick is min else values.max(axis=0)
            self.ends[i] = np.minimum(self.ends[i], end) if pick is min else np.maximum(self.ends[i], end)

    @property
    def constant(self) -> int:
        """Elements that change in float alone."""
        return int(((self.ends[1] > self.ends[0]) & (self.ends[3] == self.ends[2])).sum())


def check_health(
    model: FloatModel, plan: QuantPlan, batches: Iterable[npt.NDArray[Any]], floats: FloatModel | None = None
) -> Health:
    """Compare the integers of a plan with the float model over data, and judge them.

    Args:
        model: the float model whose weights the plan quantizes.
        plan: a proved plan.
        batches: rows as the model takes them.
        floats: the same before its weights were moved (rounding, bias correction); None where they were not.
    """
    network, exact = to_network(model, plan), floats or model
    watches = {layer.name: _Watch(layer.size) for layer in model.layers}
    reference = Reference(network)
    outputs: tuple[list[Floats], list[Floats]] = ([], [])
    reached: dict[str, Floats] = {}
    for batch in batches:
        wanted, quantized = evaluate(exact, batch), integer_numbers(model, plan, network, reference, batch)
        for name, values in quantized.items():
            watches[name].update(wanted[name].reshape(len(batch), -1), values, plan[name])
        for layer in exact.layers:
            if layer.kind in PRODUCTS:
                sums = np.abs(wanted[layer.name] - layer.weights["bias"]).reshape(-1, layer.shape[-1]).max(axis=0)
                reached[layer.name] = np.maximum(reached.get(layer.name, sums), sums)
        for parts, found in zip(outputs, (wanted, quantized), strict=True):
            parts.append(np.concatenate([found[n].reshape(len(batch), -1) for n in model.outputs], axis=1))
    moved = model.by_name
    layers = tuple(_measured(layer, moved[layer.name], plan, watches[layer.name], reached) for layer in exact.layers)
    findings = tuple(
        finding for layer, own in zip(exact.layers, layers, strict=True) for finding in _judged(layer, own, model)
    )
    return Health(layers, findings, np.concatenate(outputs[0]), np.concatenate(outputs[1]))


def integer_numbers(
    model: FloatModel, plan: QuantPlan, network: Network, reference: Reference, x: npt.NDArray[Any]
) -> dict[str, Floats]:
    """What the integers of the Network stand for, (rows, elements) by layer of the model."""
    held = held_layers(model, plan)
    raw = reference.layers(quantize_rows(x, input_formats(network)), set(held.values()))
    found = {}
    for name, last in held.items():
        tensor = plan[name].tensor
        numbers = np.ldexp(raw[last].astype(np.float64), -network.layer(last).result.fraction)
        found[name] = (numbers - tensor.zero) * tensor.scale
    return found


def _measured(
    layer: FloatLayer, moved: FloatLayer, plan: QuantPlan, watch: _Watch, reached: dict[str, Floats]
) -> LayerHealth:
    own, count = plan[layer.name], max(watch.count, 1)
    top = max(abs(own.tensor.low), abs(own.tensor.high))
    noisy = watch.noise > 0 and watch.signal > 0
    weights: dict[str, Any] = {}
    if own.weight is not None:
        numbers, held = layer.weights["weight"], weight_codes(moved.weights["weight"], own.weight)
        ends = codes(own.weight.bits, signed=True)
        limits = (held <= ends[0] + 1) | (held >= ends[1])
        weights = {
            "weight_zeros": float(((held == 0) & (numbers != 0)).sum() / max((numbers != 0).sum(), 1)),
            "weight_limits": float(limits.mean()),
            "drowned": int((np.abs(layer.weights["bias"]) > DROWNED * reached[layer.name]).sum()),
        }
    return LayerHealth(
        layer=layer.name,
        kind=layer.kind.value,
        format=str(own.tensor.format),
        range_use=watch.largest / top if own.quantized else None,
        saturated=watch.saturated / count,
        zeros=watch.zeros / count,
        vanished=watch.vanished / count,
        sqnr_db=float(10 * np.log10(watch.signal / watch.noise)) if noisy else None,
        constant=watch.constant,
        elements=layer.size,
        **weights,
    )


# --- the verdict -------------------------------------------------------------------------------


def _judged(layer: FloatLayer, own: LayerHealth, model: FloatModel) -> list[Finding]:
    found: list[tuple[Severity, str, str]] = []
    output = layer.name in model.outputs
    if output and own.constant == own.elements:
        found.append((Severity.FATAL, "no output varies any more", MORE_BITS))
    elif own.constant > (0 if output else own.elements // 2):
        grade = Severity.FATAL if output else Severity.WARNING
        found.append((grade, f"{own.constant} of {own.elements} elements never vary, in float they do", MORE_BITS))
    found += _range_findings(own, output)
    found += _weight_findings(own, layer)
    return [Finding(layer.name, *one) for one in found]


MORE_BITS = "give this layer and those before it more bits: --layer NAME=W,A; try --method minmax"
WIDER = "calibrate with data that has such values, or take --method minmax for all of them"
SCALES = "take --per-channel and --method mse, or --equalize, which brings channels to one range"


def tail_findings(plan: QuantPlan, calibration: Calibration) -> tuple[Finding, ...]:
    """Tensors whose range a few values take up."""
    found = []
    for name, own in plan.layers.items():
        most = magnitude_quantile(calibration.tensors[name], TAIL_PERCENT)
        if own.quantized and 0 < most * TAIL < own.tensor.high:
            what = f"{TAIL_PERCENT:.0f} % of its values lie below {most / own.tensor.high:.1%} of its range"
            cure = "take --method percentile --percentile 99.9, or more bits for this layer: --layer NAME=W,A"
            found.append(Finding(name, Severity.WARNING, what, cure))
    return tuple(found)


def _range_findings(own: LayerHealth, output: bool) -> list[tuple[Severity, str, str]]:
    found = []
    if own.saturated > SATURATED:
        grade = Severity.FATAL if own.saturated > SATURATED_BADLY else Severity.WARNING
        found.append((grade, f"{own.saturated:.1%} of its values are beyond its range and limited", WIDER))
    if own.range_use is not None and own.range_use < UNUSED and own.zeros < 1:
        narrower = "calibrate with data as it will be; the range is wider than what was seen"
        found.append((Severity.WARNING, f"uses {own.range_use:.1%} of its range", narrower))
    if own.vanished > VANISHED:
        found.append((Severity.WARNING, f"{own.vanished:.1%} of its values are not zero in float but here", MORE_BITS))
    if own.sqnr_db is not None and own.sqnr_db < (NOISY_DB if not output else USELESS_DB):
        grade = Severity.FATAL if output else Severity.WARNING
        found.append((grade, f"signal to quantization noise is {own.sqnr_db:.1f} dB", MORE_BITS))
    return found


def _weight_findings(own: LayerHealth, layer: FloatLayer) -> list[tuple[Severity, str, str]]:
    found = []
    if own.weight_zeros is not None and own.weight_zeros > VANISHED:
        grade = Severity.FATAL if own.weight_zeros == 1 else Severity.WARNING
        found.append((grade, f"{own.weight_zeros:.0%} of its weights round to zero", SCALES))
    if own.weight_limits is not None and own.weight_limits > AT_LIMIT:
        grade = Severity.FATAL if own.weight_limits == 1 and _differ(layer) else Severity.WARNING
        found.append((grade, f"{own.weight_limits:.0%} of its weights are at the limits of their codes", SCALES))
    if own.drowned:
        cure = "check the training: these outputs hardly depend on the data; or fold its normalization"
        found.append(
            (Severity.WARNING, f"the bias of {own.drowned} outputs is over {DROWNED:g} times their sums", cure)
        )
    return found


def _differ(layer: FloatLayer) -> bool:
    return len(np.unique(np.abs(layer.weights["weight"]))) > 1
