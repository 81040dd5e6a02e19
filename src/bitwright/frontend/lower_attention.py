"""hls4ml's layers of sequence models: embedding, layer normalization, products of two tensors."""

from __future__ import annotations

from typing import Any

from bitwright.frontend.lower_types import Common, constant, precision, streamed, unsupported
from bitwright.network.layers import Constant, Embedding, Input, Layer, LayerNorm
from bitwright.network.tables import inverse_root_table


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


def layer_norm(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """LayerNormalization over the last axis of a sequence."""
    if streamed(node):
        raise unsupported(node, "a stream; hls4ml's C++ for it knows arrays only")
    types = (node.get_input_variable().type.precision, node.get_weights("scale").type.precision)
    if node.model.config.backend.product_type(*types) != "mult":
        raise unsupported(node, f"a scale of type {types[1]}, by whose product hls4ml's C++ computes mean and variance")
    scale, bias = constant(node, "scale"), constant(node, "bias")
    power = int(node.get_attr("table_range_power2"))
    table = precision(node, "table")
    return LayerNorm(
        **common,
        scale=Constant(scale.raw.reshape(-1), scale.format),
        bias=Constant(bias.raw.reshape(-1), bias.format),
        table=inverse_root_table(
            int(node.get_attr("table_size")), table, int(node.get_attr("epsilon_power_of_10")), power
        ),
        accum=precision(node, "accum"),
        range_power=power,
    )
