"""Normalization folded into the products beside it, as ``float.json`` has them: FloatModel -> FloatModel.

Behind a product, ``s (W x + b) + t = (s W) x + (s b + t)`` (Jacob et al., CVPR 2018, section 3.2).  Before one, the
same from the other side; over an image only where no zero of a padding is seen, which the shift would move.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import numpy as np

from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Kind


def fold(model: FloatModel, *, inputs: bool = False, logits: bool = True) -> FloatModel:
    """Every SCALE behind a product that nothing else reads becomes a part of it; a final softmax is left out.

    Args:
        model: the model.
        inputs: whether a SCALE before a product, as one that normalizes inputs, is folded too.
        logits: whether a final sigmoid is left out too; it changes no order, and its table would.
    """
    model = _without_heads(model, {Kind.SOFTMAX, Kind.SIGMOID} if logits else {Kind.SOFTMAX})
    for layer in model.layers:
        if layer.kind is Kind.SCALE:
            model = _folded_back(model, layer)
    if inputs:
        for layer in model.layers:
            if layer.kind is Kind.SCALE:
                model = _folded_forward(model, layer)
    return float32_weights(model)


def float32_weights(model: FloatModel) -> FloatModel:
    """Weights rounded to float32, so that a Keras file holds every grid point of 2 to 32 bits exactly."""
    layers = tuple(
        replace(layer, weights={k: v.astype(np.float32).astype(np.float64) for k, v in layer.weights.items()})
        for layer in model.layers
    )
    return replace(model, layers=layers)


def _without_heads(model: FloatModel, kinds: Set[Kind]) -> FloatModel:
    layers = model.by_name
    final = {name for name in model.outputs if layers[name].kind in kinds and not model.readers(name)}
    outputs = tuple(layers[name].sources[0] if name in final else name for name in model.outputs)
    return replace(model, layers=tuple(layer for layer in model.layers if layer.name not in final), outputs=outputs)


def _folded_back(model: FloatModel, scale: FloatLayer) -> FloatModel:
    source = model.by_name[scale.sources[0]]
    if source.kind not in PRODUCTS or len(model.readers(source.name)) > 1 or source.name in model.outputs:
        return model
    s, t = scale.weights["scale"], scale.weights["bias"]
    weights = {"weight": source.weights["weight"] * s, "bias": source.weights["bias"] * s + t}
    return _merged(model, scale, replace(source, weights=weights))


def _folded_forward(model: FloatModel, scale: FloatLayer) -> FloatModel:
    readers = model.readers(scale.name)
    if len(readers) != 1 or readers[0].kind not in PRODUCTS or scale.name in model.outputs:
        return model
    reader = readers[0]
    s, t, weight = scale.weights["scale"], scale.weights["bias"], reader.weights["weight"]
    if any(reader.options.get("padding", ())) and t.any():
        return model
    factor, shift = (s, t) if reader.kind is Kind.DEPTHWISE else (s[:, None], t[:, None])
    moved = (weight * shift).reshape(-1, weight.shape[-1]).sum(axis=0)
    folded = replace(reader, weights={"weight": weight * factor, "bias": reader.weights["bias"] + moved})
    return _rewired(model, scale, folded)


def _merged(model: FloatModel, gone: FloatLayer, kept: FloatLayer) -> FloatModel:
    """The model without ``gone``, whose source ``kept`` (of the same name as before) does its work too."""

    def named(name: str) -> str:
        return kept.name if name == gone.name else name

    layers = [kept if layer.name == kept.name else layer for layer in model.layers if layer.name != gone.name]
    rewired = tuple(replace(layer, sources=tuple(map(named, layer.sources))) for layer in layers)
    return replace(model, layers=rewired, outputs=tuple(map(named, model.outputs)))


def _rewired(model: FloatModel, gone: FloatLayer, reader: FloatLayer) -> FloatModel:
    """The model without ``gone``, whose work ``reader`` does on what ``gone`` read."""
    kept = replace(reader, sources=gone.sources)
    layers = tuple(kept if layer.name == reader.name else layer for layer in model.layers if layer.name != gone.name)
    return replace(model, layers=layers)
