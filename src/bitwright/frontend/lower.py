"""hls4ml's ModelGraph, after its optimizers, to a Network.  The graph is foreign and dies here.

Constants are taken as the C++ takes them: from the decimal text that hls4ml's writer prints
(``WeightVariable.precision_fmt``), read as a double and assigned to the weight type.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bitwright.fixed import FixedFormat
from bitwright.frontend import lower_images as images
from bitwright.frontend.lower_types import Common, constant, factor, format_of, precision, unsupported
from bitwright.network.check import check
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Constant,
    Dense,
    HardMax,
    Input,
    Layer,
    Merge,
    MergeOp,
    Network,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
    TableFunction,
)
from bitwright.network.tables import activation_table, exp_table, inverse_table


def lower(graph: Any, name: str, head: str) -> Network:
    """The Network of an hls4ml ModelGraph.

    Args:
        graph: ``hls4ml.model.graph.ModelGraph`` with its backend passes applied.
        name: the network's name.
        head: ``argmax`` adds the index of the largest output.

    Raises:
        UnsupportedLayerError: a layer or an option of one that has no place here.
    """
    lowered: dict[str, Layer] = {}
    variables: dict[str, str] = {}
    order = {name: i for i, name in enumerate(graph.inputs)}  # of the C++'s arguments, and of Keras's inputs
    for node in sorted(graph.get_layers(), key=lambda node: order.get(node.name, len(order))):
        sources = (
            tuple(variables[variable] for variable in node.inputs)
            if node.class_name not in ("Input", "InputLayer")
            else ()
        )
        if node.class_name == "Clone":  # a stream for each reader: the same values
            variables.update((variable, sources[0]) for variable in node.outputs)
            continue
        layer = _lower_node(node, sources, lowered)
        lowered[layer.name] = layer
        variables.update((variable, layer.name) for variable in node.outputs)
    outputs = [variables[output] for output in graph.outputs]
    layers = list(lowered.values())
    if head == "argmax":
        layers += [_argmax(lowered[output]) for output in outputs]
        outputs = [f"{output}_argmax" for output in outputs]
    network = Network(name, tuple(layers), tuple(outputs), io_type=str(graph.config.get_config_value("IOType")))
    check(network)
    return network


def _argmax(source: Layer) -> Argmax:
    bits = max((source.size - 1).bit_length(), 1)
    fmt = FixedFormat(bits, bits, signed=False)
    return Argmax(name=f"{source.name}_argmax", sources=(source.name,), shape=(1,), result=fmt)


def _lower_node(node: Any, sources: tuple[str, ...], done: dict[str, Layer]) -> Layer:
    kind = type(node).__name__
    handler = _HANDLERS.get(kind.removeprefix("Vivado").removeprefix("Vitis"))
    if handler is None:
        handler = next((_HANDLERS[c.__name__] for c in type(node).__mro__[1:2] if c.__name__ in _EXACT_PARENTS), None)
    if handler is None:
        raise unsupported(node, f"{node.class_name} layers have no hardware here")
    shape = tuple(int(n) for n in node.get_output_variable().shape)
    common = {"name": node.name, "sources": sources, "shape": shape, "result": precision(node, "result")}
    return handler(node, common, [done[source] for source in sources])


# --- one handler per hls4ml class --------------------------------------------------------------


def _input(_node: Any, common: Common, _sources: list[Layer]) -> Layer:
    return Input(**{**common, "sources": ()})


def _dense(node: Any, common: Common, sources: list[Layer]) -> Layer:
    strategy = str(node.get_attr("strategy", "latency")).lower()
    if strategy not in ("latency", "resource", "resource_unrolled"):
        raise unsupported(node, f"strategy '{strategy}' has no exact reference here")
    if len(sources[0].shape) != 1:
        raise unsupported(node, f"Dense over an input of shape {sources[0].shape}")
    weight = factor(node, "weight", sources[0])
    if node.get_attr("_weights_transposed"):  # hls4ml's apply_resource_strategy turned them for the C++
        weight = Constant(np.ascontiguousarray(weight.raw.T), weight.format)
    accum = precision(node, "accum")
    bias = constant(node, "bias")
    return Dense(
        **common,
        weight=Constant(weight.raw.reshape(prod(sources[0].shape), -1), weight.format),
        bias=Constant(bias.raw.reshape(-1), bias.format),
        accum=accum,
        strategy=strategy,
        reuse_factor=int(node.get_attr("reuse_factor", 1)),
    )


def _batch_norm(node: Any, common: Common, sources: list[Layer]) -> Layer:
    scale, bias = factor(node, "scale", sources[0]), constant(node, "bias")
    return ScaleBias(
        **common,
        scale=Constant(scale.raw.reshape(-1), scale.format),
        bias=Constant(bias.raw.reshape(-1), bias.format),
    )


def _activation(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    function = str(node.get_attr("activation")).lower()
    match function:
        case "linear":
            return Cast(**common)
        case "relu":
            return Relu(**common)
        case "relu1" | "relu6":
            return Relu(**common, limit=int(function[4:]))
        case "sigmoid" | "tanh":
            which = TableFunction(function)
            entries = int(node.get_attr("table_size"))
            _power_of_two(node, entries)
            return Table(**common, function=which, table=activation_table(which, entries, precision(node, "table")))
    raise unsupported(node, f"activation '{function}' has no hardware here")


def _power_of_two(node: Any, entries: int) -> None:
    if entries < 2 or entries & (entries - 1):
        raise unsupported(node, f"a table of {entries} entries; hls4ml's C++ needs a power of two")


def _softmax(node: Any, common: Common, sources: list[Layer]) -> Layer:
    implementation = str(node.get_attr("implementation", "stable")).lower()
    if int(node.get_attr("n_outer", 1)) * int(node.get_attr("n_inner", 1)) != 1 or len(sources[0].shape) != 1:
        raise unsupported(node, "softmax over one axis of several")
    if implementation == "argmax":
        return HardMax(**common)
    try:
        kind = SoftmaxKind(implementation)
    except ValueError as error:
        raise unsupported(node, f"softmax implementation '{implementation}'") from error
    return _table_softmax(node, common, sources[0].result, kind)


def _table_softmax(node: Any, common: Common, source: FixedFormat, kind: SoftmaxKind) -> Softmax:
    entries = int(node.get_attr("table_size"))
    inverse_entries = int(node.get_attr("inv_table_size", entries))
    difference, exp_entries = source, int(node.get_attr("exp_table_size", entries))
    if kind is SoftmaxKind.STABLE:
        difference, exp_entries = _difference(node, source, exp_entries, inverse_entries)
    _power_of_two(node, exp_entries)
    _power_of_two(node, inverse_entries)
    inverse_input = precision(node, "exp_table" if _is_default(node, "inv_inp") else "inv_inp")
    scale = float(node.get_attr("exp_scale", 1.0))
    return Softmax(
        **common,
        implementation=kind,
        exp_table=exp_table(difference, exp_entries, precision(node, "exp_table"), scale, kind is SoftmaxKind.STABLE),
        inverse_table=inverse_table(inverse_input, inverse_entries, precision(node, "inv_table")),
        accum=precision(node, "accum"),
        inverse_input=inverse_input,
        difference=difference,
    )


def _is_default(node: Any, what: str) -> bool:
    return str(node.get_attr(f"{what}_t").name) == "model_default_t"


def _difference(node: Any, source: FixedFormat, exp_entries: int, inverse_entries: int) -> tuple[FixedFormat, int]:
    """``inp_norm_t`` and the exp table's size, as core_templates.py (SoftmaxConfigTemplate) makes them."""
    given = node.get_attr("inp_norm_t")
    if given is not None:
        return format_of(given.precision, node, "inp_norm"), exp_entries
    width = source.width - source.signed
    if source.signed:
        exp_entries = min(inverse_entries, 1 << width)
    return FixedFormat(width, source.integer - source.signed, signed=False), exp_entries


def _merge(node: Any, common: Common, sources: list[Layer]) -> Layer:
    op = str(node.get_attr("op")).lower()
    try:
        merge = MergeOp(op)
    except ValueError as error:
        raise unsupported(node, f"merge '{op}'") from error
    if len({source.size for source in sources}) != 1 and len(common["shape"]) > 1:
        raise unsupported(node, "a merge that broadcasts over several axes")
    return Merge(**common, op=merge)


def _concat(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    rank = len(common["shape"])
    axis = int(node.get_attr("axis", -1))
    position = axis - 1 if axis > 0 else rank + axis
    if not 0 <= position < rank:
        raise unsupported(node, f"concatenation along axis {axis}")
    return Concat(**common, axis=position)


def _reshape(_node: Any, common: Common, sources: list[Layer]) -> Layer:
    return Reshape(**{**common, "result": sources[0].result})


def _repack(_node: Any, common: Common, sources: list[Layer]) -> Layer:
    """A reshape of a stream, which may also cast."""
    return Reshape(**common) if common["result"] == sources[0].result else Cast(**common)


_HANDLERS: dict[str, Callable[[Any, Common, list[Layer]], Layer]] = {
    "Input": _input,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "ApplyAlpha": _batch_norm,
    "Activation": _activation,
    "Softmax": _softmax,
    "Merge": _merge,
    "Concatenate": _concat,
    "Reshape": _reshape,
    "Repack": _repack,
    "Conv1D": images.conv,
    "Conv2D": images.conv,
    "DepthwiseConv1D": images.conv,
    "DepthwiseConv2D": images.conv,
    "PointwiseConv1D": images.conv,
    "PointwiseConv2D": images.conv,
    "Conv2DBatchnorm": images.conv,
    "Pooling1D": images.pool,
    "Pooling2D": images.pool,
    "GlobalPooling1D": images.pool,
    "GlobalPooling2D": images.pool,
    "ZeroPadding1D": images.zero_pad,
    "ZeroPadding2D": images.zero_pad,
    "Cropping1D": images.crop,
    "Cropping2D": images.crop,
    "Transpose": images.transpose,
    "Resize": images.resize,
}
_EXACT_PARENTS = frozenset({"Input", "Dense"})

__all__ = ["lower"]
