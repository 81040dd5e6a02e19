"""hls4ml's layers of sequence models: embedding, layer normalization, products of two tensors."""

from __future__ import annotations

from typing import Any

from bitwright.frontend.lower_types import Common, constant, unsupported
from bitwright.network.layers import Embedding, Input, Layer


def embedding(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """Embedding; its indices are tokens of an input, or all of a type's values lie within the table."""
    table, source = constant(node, "embeddings"), sources[0]
    rows = len(table.raw)
    if len(source.shape) != 1:
        raise unsupported(node, f"an input of shape {source.shape}; hls4ml's C++ looks up a sequence of one axis only")
    fmt = source.result
    inside = fmt.min >= 0 and fmt.max * 2.0**-fmt.fraction <= rows - 1
    if not inside and not isinstance(source, Input):
        raise unsupported(node, f"values of {fmt} beyond its {rows} rows, where hls4ml's C++ reads beyond its array")
    return Embedding(**common, table=table)
