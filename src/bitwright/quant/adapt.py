"""Repairs that look at data: rounding that heeds the other weights, and biases that take back a mean error.

Both give a FloatModel whose weights lie where the plan can hold them; the plan's scales stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.network.window import windows
from bitwright.quant.constants import steps
from bitwright.quant.fake import fake_quantized
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Floats, Kind, evaluate
from bitwright.quant.fold import float32_weights
from bitwright.quant.layer_plan import QuantPlan, Weights
from bitwright.quant.ranges import codes

DAMPING = 0.01
"""Added to the diagonal of the Hessian, as a share of its mean, as the paper does."""
MOST_WINDOWS = 20_000
"""Windows of a convolution that are looked at."""

Say = Callable[[str], None]


def adaptive_rounding(model: FloatModel, plan: QuantPlan, x: npt.NDArray[Any], say: Say = lambda _: None) -> FloatModel:
    """Round the weights one input after another, each error made good by the weights that are not rounded yet.

    Frantar et al., "OPTQ: Accurate Quantization for Generative Pre-trained Transformers" (GPTQ), ICLR 2023, with the
    exact grid of the plan: the sums' squared error on ``x`` is what is made small, not that of each weight.

    Args:
        model: the float model of the plan.
        plan: a proved plan.
        x: rows of calibration data.
        say: told what is being worked on.
    """
    for layer in model.layers:
        held = plan[layer.name].weight
        if layer.kind in PRODUCTS and held is not None:
            say(f"rounding {layer.name}")
            source = fake_quantized(model, plan, x, [layer.sources[0]])[layer.sources[0]]
            weight = _rounded_layer(layer, held, source)
            model = _with_weights(model, layer, weight=weight)
    return float32_weights(model)


def _rounded_layer(layer: FloatLayer, held: Weights, source: Floats) -> Floats:
    weight = layer.weights["weight"]
    step = np.broadcast_to(steps(held), weight.shape[-1:])
    taps = _taps(layer, source)
    if layer.kind is Kind.DEPTHWISE:
        flat = weight.reshape(-1, weight.shape[-1])
        columns = [
            gptq(flat[:, [c]], taps[:, :, c], step[[c]], codes(held.bits, signed=True)) for c in range(flat.shape[1])
        ]
        return np.concatenate(columns, axis=1).reshape(weight.shape)
    flat = weight.reshape(-1, weight.shape[-1])
    return gptq(flat, taps.reshape(len(taps), -1), step, codes(held.bits, signed=True)).reshape(weight.shape)


def _taps(layer: FloatLayer, source: Floats) -> Floats:
    """What the weights of a layer are multiplied by, (rows, taps, channels)."""
    if layer.kind is Kind.DENSE:
        return source.reshape(len(source), -1, 1)
    kernel = layer.weights["weight"].shape[: source.ndim - 2]
    found = windows(source, source.shape[1:], kernel, layer.options["stride"], layer.options["padding"])
    return np.asarray(found[:: max(1, len(found) // MOST_WINDOWS)], dtype=np.float64)


def gptq(weight: Floats, x: Floats, step: Floats, ends: tuple[int, int]) -> Floats:
    """Weights (inputs, outputs) on the grid ``step`` (outputs,), for inputs ``x`` (rows, inputs).

    The rows of the upper Cholesky factor of the inverse Hessian say how an error spreads over the inputs that follow.
    """
    hessian = x.T @ x
    dead = np.diag(hessian) == 0
    hessian[dead, dead] = 1
    hessian[np.diag_indices_from(hessian)] += DAMPING * np.diag(hessian).mean()
    factor = np.linalg.cholesky(np.linalg.inv(hessian)).T
    left, made = weight.copy(), np.zeros_like(weight)
    for i in range(len(weight)):
        made[i] = np.clip(np.rint(left[i] / step), *ends) * step
        error = (left[i] - made[i]) / factor[i, i]
        left[i + 1 :] -= factor[i, i + 1 :, None] * error
    return made


def corrected_biases(model: FloatModel, plan: QuantPlan, x: npt.NDArray[Any], say: Say = lambda _: None) -> FloatModel:
    """Biases moved by the mean error of each channel, from the first layer to the last.

    Nagel et al., ICCV 2019, section 4.2, with the means measured on ``x`` instead of derived.
    """
    wanted = {layer.name for layer in model.layers if layer.kind in PRODUCTS}
    floats = {name: _means(values) for name, values in evaluate(model, x, wanted).items()}
    return _corrected(model, plan, x, floats, say)


def _corrected(
    model: FloatModel, plan: QuantPlan, x: npt.NDArray[Any], floats: dict[str, Floats], say: Say
) -> FloatModel:
    for layer in model.layers:
        if layer.name in floats:
            say(f"correcting the bias of {layer.name}")
            exact = _unquantized(plan, layer.name)
            found = _means(fake_quantized(model, exact, x, [layer.name])[layer.name])
            model = _with_weights(model, layer, bias=layer.weights["bias"] + floats[layer.name] - found)
    return float32_weights(model)


def _unquantized(plan: QuantPlan, name: str) -> QuantPlan:
    """The plan without the quantizer right behind a layer: its sums are what is compared."""
    own = plan[name]
    if own.rescale is not None:
        return plan
    return replace(plan, layers={**plan.layers, name: replace(own, quantized=False)})


def _means(values: Floats) -> Floats:
    return values.reshape(-1, values.shape[-1]).mean(axis=0)


def _with_weights(model: FloatModel, layer: FloatLayer, **weights: Floats) -> FloatModel:
    changed = replace(layer, weights={**layer.weights, **weights})
    return replace(model, layers=tuple(changed if other.name == layer.name else other for other in model.layers))


__all__ = ["adaptive_rounding", "corrected_biases", "gptq"]
