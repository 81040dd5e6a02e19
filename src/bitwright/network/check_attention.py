"""The rules of embedding, layer normalization and products of two tensors."""

from __future__ import annotations

from typing import assert_never

from bitwright.network.layers import Constant, Einsum, Embedding, LayerNorm, Shape

Attention = Embedding | LayerNorm | Einsum


def broken_rule(layer: Attention, sources: list[Shape]) -> str:
    """The first rule about shapes that the layer breaks, empty where it breaks none."""
    match layer:
        case Embedding():
            return _embedding(layer, sources[0])
        case LayerNorm():
            return _layer_norm(layer, sources[0])
        case Einsum():
            return _einsum(layer, sources)
    assert_never(layer)


def constants_of(layer: Attention) -> tuple[Constant, ...]:
    """What must fit its format."""
    match layer:
        case Embedding():
            return (layer.table,)
        case LayerNorm():
            return layer.scale, layer.bias, layer.table
        case Einsum():
            return ()
    assert_never(layer)


def _embedding(layer: Embedding, source: Shape) -> str:
    if layer.table.raw.ndim != 2 or not layer.table.raw.size:
        return "the table has no rows"
    shape = (*source, layer.table.raw.shape[1])
    return "" if layer.shape == shape else f"its rows give shape {shape}, not {layer.shape}"


def _layer_norm(layer: LayerNorm, source: Shape) -> str:
    if layer.shape != source:
        return f"shape {source} comes in, {layer.shape} goes out"
    if len({layer.scale.raw.shape, layer.bias.raw.shape, source[-1:]}) > 1:
        return "scale and bias do not fit the last axis"
    return "" if layer.table.raw.ndim == 1 and layer.table.raw.size else "a table without entries"


def _einsum(layer: Einsum, sources: list[Shape]) -> str:
    left, right = sources
    if len(left) == len(right) == 3 and (left[0], left[2]) == (right[0], right[2]):
        fits = layer.shape == (left[0], left[1], right[1])
    else:
        fits = False
    return "" if fits else f"matrices of {left} and {right} do not give {layer.shape}"
