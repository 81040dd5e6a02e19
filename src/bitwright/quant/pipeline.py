"""From a float model and rows to a plan that was checked: the order of the steps, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from bitwright.network.layers import Network
from bitwright.quant.adapt import adaptive_rounding, corrected_biases
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.data import Data
from bitwright.quant.equalize import equalized
from bitwright.quant.float_model import FloatModel, Floats
from bitwright.quant.fold import fold
from bitwright.quant.health import Finding, Health, Severity, check_health, tail_findings
from bitwright.quant.lower import to_network
from bitwright.quant.options import Bits, Options
from bitwright.quant.plan import QuantPlan, assigned_bits, check_layers, make_plan, proved
from bitwright.quant.quality import Quality, judged_quality, quality

Say = Callable[[str], None]
REPAIR_ROWS = 2048
"""Rows that adaptive rounding and bias correction look at."""


class Repair(Enum):
    """Published methods that make a quantized model better without training, in the order in which they work."""

    EQUALIZE = "equalize"
    GPTQ = "gptq"
    BIAS = "bias"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a quantization, but for the model and the data.

    Attributes:
        bits: of every layer that ``layers`` does not name.
        layers: bits by layer name or pattern.
        options: methods and scales.
        repairs: what is done beside them.
        fold_inputs: whether a normalization before the first product is folded into it, not kept in fixed point.
        logits: whether a final sigmoid is left out, not made a table.
    """

    bits: Bits
    layers: Mapping[str, Bits] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    repairs: tuple[Repair, ...] = ()
    fold_inputs: bool = False
    logits: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """What came of it: the float model as it was quantized, its calibration, plan, Network and health."""

    model: FloatModel
    calibration: Calibration
    plan: QuantPlan
    network: Network
    health: Health
    quality: Quality | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong, layer by layer, then as a whole."""
        tails = tail_findings(self.plan, self.calibration)
        return self.health.findings + tails + (judged_quality(self.quality) if self.quality else ())

    @property
    def usable(self) -> bool:
        """Whether nothing is fatally wrong."""
        return all(finding.severity is not Severity.FATAL for finding in self.findings)


def prepared(model: FloatModel, recipe: Recipe) -> FloatModel:
    """The float model with normalization folded, and equalized where that is asked for."""
    model = fold(model, inputs=recipe.fold_inputs, logits=recipe.logits)
    return equalized(model) if Repair.EQUALIZE in recipe.repairs else model


def quantize(
    model: FloatModel, data: Data, recipe: Recipe, tried_on: Data | None = None, say: Say = lambda _: None
) -> Quantized:
    """Quantize a float model.

    Args:
        model: as it was read.
        data: what ranges are calibrated with.
        recipe: what is wanted.
        tried_on: rows of the health check; those of ``data`` where None.
        say: told what is being done.

    Raises:
        DatasetError, UsageError, FormatError, UnsupportedLayerError: as the steps say.
    """
    ready = prepared(model, recipe)
    check_layers(ready)
    assigned_bits(ready, recipe.bits, recipe.layers)
    say(f"calibrating with {len(data.x):,} rows of {data.path.name}")
    calibration = calibrate(ready, data.batches(), str(data.path), lambda rows: say(f"{rows:,} rows seen"))
    plan = make_plan(ready, calibration, recipe.bits, recipe.layers, recipe.options)
    say(f"{len(plan.layers)} layers planned")
    model, plan = repaired(ready, plan, data, recipe, say)
    say("checking the health of every layer")
    tried = tried_on or data
    health = check_health(model, plan, tried.batches(), ready)
    cost = None if tried.y is None else quality(health.floats, health.integers, tried.y)
    return Quantized(model, calibration, plan, to_network(model, plan), health, cost)


def repaired(
    model: FloatModel, plan: QuantPlan, data: Data, recipe: Recipe, say: Say = lambda _: None
) -> tuple[FloatModel, QuantPlan]:
    """The model after the repairs that need data, and the plan proved for it."""
    rows = repair_rows(data)
    if Repair.GPTQ in recipe.repairs:
        model = adaptive_rounding(model, plan, rows, say)
    if Repair.BIAS in recipe.repairs:
        model = corrected_biases(model, plan, rows, say)
    return model, proved(model, plan)


def repair_rows(data: Data) -> Floats:
    """Some rows from all over the data."""
    every = max(1, len(data.x) // REPAIR_ROWS)
    return np.asarray(data.x[::every][:REPAIR_ROWS], dtype=np.float64).reshape(-1, int(np.prod(data.x.shape[1:])))
