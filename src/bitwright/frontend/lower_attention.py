"""hls4ml's layers of sequence models: embedding, layer normalization, products of two tensors."""

from __future__ import annotations

from math import prod
from typing import Any

from bitwright.frontend.lower_types import Common, constant, precision, streamed, unsupported
from bitwright.network.layers import (
    Constant,
    Einsum,
    Embedding,
    Input,
    Layer,
    LayerNorm,
    Rearrange,
    RearrangeOp,
    Reshape,
    Shape,
)
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


def _multiplies(node: Any, *types: Any) -> bool:
    """Whether the C++'s product of these types is a plain one."""
    return str(node.model.config.backend.product_type(*types)) == "mult"


def layer_norm(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """LayerNormalization over the last axis of a sequence."""
    if streamed(node):
        raise unsupported(node, "a stream; hls4ml's C++ for it knows arrays only")
    types = (node.get_input_variable().type.precision, node.get_weights("scale").type.precision)
    if not _multiplies(node, *types):
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


def einsum(node: Any, common: Common, sources: list[Layer]) -> tuple[Layer, ...]:
    """Both tensors transposed to matrices, their products, and the result transposed back."""
    types = [node.get_input_variable(name).type.precision for name in node.inputs]
    if not _multiplies(node, *types):
        raise unsupported(node, f"a product of types {types[0]} and {types[1]}")
    name, matrices, contracted = node.name, int(node.get_attr("n_inplace")), int(node.get_attr("n_contract"))
    before: list[Layer] = []
    for which, source in enumerate(sources):
        order = tuple(int(axis) for axis in node.get_attr(f"inp{which}_tpose_idxs"))
        shape = (matrices, int(node.get_attr(f"n_free{which}")), contracted)
        before += _turned(f"{name}_{which}", source, order, shape)
    product = Einsum(
        name=f"{name}_product", sources=(before[1].name, before[3].name), result=common["result"],
        shape=(matrices, *(layer.shape[1] for layer in (before[1], before[3]))), accum=precision(node, "accum"),
    )  # fmt: skip
    view = tuple(int(n) for n in node.get_attr("out_interpert_shape")) or (1,)
    as_view = Reshape(name=f"{name}_view", sources=(product.name,), shape=view, result=common["result"])
    order = tuple(int(axis) for axis in node.get_attr("out_tpose_idxs")) or (0,)
    return (*before, product, as_view, *_turned(name, as_view, order, common["shape"]))


def _turned(name: str, source: Layer, order: Shape, shape: Shape) -> tuple[Layer, Layer]:
    """``source`` with its axes in another order, then under the shape and the name wanted."""
    assert prod(shape) == source.size
    turned = Rearrange(
        name=f"{name}_turned", sources=(source.name,), shape=tuple(source.shape[axis] for axis in order),
        result=source.result, op=RearrangeOp.TRANSPOSE, parameters=order,
    )  # fmt: skip
    return turned, Reshape(name=name, sources=(turned.name,), shape=shape, result=source.result)
