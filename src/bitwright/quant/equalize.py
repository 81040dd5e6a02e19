"""Cross-layer equalization: channels of neighbouring layers brought to one range, FloatModel -> FloatModel.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.1: as
``relu(s x) = s relu(x)``, output channel ``i`` of a product may be divided by ``s_i`` when the next one multiplies it
again; ``s_i = sqrt(r1_i / r2_i)`` gives both weights of the channel the range ``sqrt(r1_i r2_i)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Floats, Kind
from bitwright.quant.fold import float32_weights

HOMOGENEOUS = frozenset({Kind.LEAKY, Kind.LINEAR, Kind.MAX_POOL, Kind.AVERAGE_POOL, Kind.ZERO_PAD, Kind.RESHAPE})
ROUNDS, SETTLED = 20, 1e-3
"""Pairs share layers, so that they are gone through again, until no scale changes any more."""


def equalized(model: FloatModel) -> FloatModel:
    """The same function with weights that suit one scale per tensor better; outputs change by float rounding alone."""
    pairs = [(first.name, second) for first in model.layers if (second := _partner(model, first))]
    weights = {layer.name: dict(layer.weights) for layer in model.layers}
    kinds = model.by_name
    for _ in range(ROUNDS):
        moved = [_equalize(kinds[first], kinds[second], weights) for first, second in pairs]
        if max(moved, default=0.0) < SETTLED:
            break
    return float32_weights(
        replace(model, layers=tuple(replace(layer, weights=weights[layer.name]) for layer in model.layers))
    )


def _partner(model: FloatModel, first: FloatLayer) -> str | None:
    """The product that alone reads a product's channels, through layers that pass a factor on."""
    if first.kind not in PRODUCTS:
        return None
    layer = first
    while True:
        readers = model.readers(layer.name)
        if len(readers) != 1 or layer.name in model.outputs:
            return None
        layer = readers[0]
        if layer.kind in PRODUCTS:
            return layer.name
        free_relu = layer.kind is Kind.RELU and layer.options["limit"] is None
        if layer.kind not in HOMOGENEOUS and not free_relu:
            return None


def _inputs(layer: FloatLayer, weight: Floats, channels: int) -> Floats:
    """A view of the weights with the channels that they read as axis 1: a flattened image repeats them."""
    if layer.kind is Kind.DEPTHWISE:
        return weight.reshape(-1, channels, 1)
    return weight.reshape(-1, channels, weight.shape[-1])


def _equalize(first: FloatLayer, second: FloatLayer, weights: Mapping[str, dict[str, Floats]]) -> float:
    """Move factors between two layers; how far from one they are."""
    own, other = weights[first.name], weights[second.name]
    channels = own["weight"].shape[-1]
    behind = _inputs(second, other["weight"], channels)
    r1 = np.abs(own["weight"]).reshape(-1, channels).max(axis=0)
    r2 = np.abs(behind).max(axis=(0, 2))
    alive = (r1 > 0) & (r2 > 0)
    factor = np.sqrt(np.where(alive, r1, 1) / np.where(alive, r2, 1))
    own["weight"], own["bias"] = own["weight"] / factor, own["bias"] / factor
    other["weight"] = (behind * factor[:, None]).reshape(other["weight"].shape)
    return float(np.abs(np.log(factor)).max())


__all__ = ["equalized"]
