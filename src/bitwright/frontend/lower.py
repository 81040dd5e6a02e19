"""hls4ml's ModelGraph, after its optimizers, to a Network.  The graph is foreign and dies here.

Constants are taken as the C++ takes them: from the decimal text that hls4ml's writer prints
(``WeightVariable.precision_fmt``), read as a double and assigned to the weight type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from bitwright.errors import FormatError, ModelError, UnsupportedLayerError
from bitwright.fixed import MAX_WIDTH, FixedFormat, Overflow, Rounding, quantize_number
from bitwright.network.check import check
from bitwright.network.layers import (
    Argmax,
    Base,
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

Common = dict[str, Any]
"""The fields of :class:`Base`."""

Handler = Callable[[Any, Common, list[Layer]], Layer]
"""A node of hls4ml, what its layer has in common with all, and its sources, to the layer."""

SUPPORTED = (
    "Dense, BatchNormalization, ApplyAlpha, relu, linear, quantized_bits and quantized_relu activations, "
    "sigmoid, tanh, softmax, add, subtract, multiply, average, maximum, minimum, Concatenate, Reshape, Flatten"
)


def lower(graph: Any, name: str, head: str, more: Mapping[str, Handler] | None = None) -> Network:
    """The Network of an hls4ml ModelGraph.

    Args:
        graph: ``hls4ml.model.graph.ModelGraph`` with its backend passes applied.
        name: the network's name.
        head: ``argmax`` adds the index of the largest output.
        more: handlers by class of hls4ml, before those of this module.

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
        layer = _lower_node(node, sources, lowered, {**_HANDLERS, **(more or {})})
        lowered[layer.name] = layer
        for variable in node.outputs:
            variables[variable] = layer.name
    outputs = [variables[output] for output in graph.outputs]
    layers = list(lowered.values())
    if head == "argmax":
        layers += [_argmax(lowered[output]) for output in outputs]
        outputs = [f"{output}_argmax" for output in outputs]
    network = Network(name, tuple(layers), tuple(outputs))
    check(network)
    return network


def _argmax(source: Layer) -> Argmax:
    bits = max((source.size - 1).bit_length(), 1)
    fmt = FixedFormat(bits, bits, signed=False)
    return Argmax(name=f"{source.name}_argmax", sources=(source.name,), shape=(1,), result=fmt)


def _lower_node(node: Any, sources: tuple[str, ...], done: dict[str, Layer], handlers: Mapping[str, Handler]) -> Layer:
    kind = type(node).__name__
    handler = handlers.get(kind.removeprefix("Vivado").removeprefix("Vitis"))
    if handler is None:
        handler = next((handlers[c.__name__] for c in type(node).__mro__[1:2] if c.__name__ in _EXACT_PARENTS), None)
    if handler is None:
        raise unsupported(node, f"{node.class_name} layers have no hardware here")
    shape = tuple(int(n) for n in node.get_output_variable().shape)
    common = {"name": node.name, "sources": sources, "shape": shape, "result": precision(node, "result")}
    return handler(node, common, [done[source] for source in sources])


def unsupported(node: Any, what: str) -> UnsupportedLayerError:
    """The error that names the layer, its class and what to do."""
    return UnsupportedLayerError(what, where=f"layer '{node.name}' ({node.class_name})", hint=f"supported: {SUPPORTED}")


# --- types and constants -----------------------------------------------------------------------


def precision(node: Any, what: str) -> FixedFormat:
    """The format of an attribute ``<what>_t`` of a node, or of its output variable for ``result``."""
    kind = node.get_output_variable().type.precision if what == "result" else node.get_attr(f"{what}_t").precision
    return format_of(kind, node, what)


def format_of(kind: Any, node: Any, what: str) -> FixedFormat:
    """A FixedFormat from hls4ml's FixedPrecisionType or IntegerPrecisionType."""
    names = {c.__name__ for c in type(kind).__mro__}
    if names & {"XnorPrecisionType", "ExponentPrecisionType"} or not hasattr(kind, "width"):
        raise unsupported(node, f"the {what} type {kind} has no hardware here")
    width, signed = int(kind.width), bool(kind.signed)
    if width > MAX_WIDTH:
        raise FormatError(
            f"the {what} type {kind} is wider than {MAX_WIDTH} bits", where=f"layer '{node.name}' ({node.class_name})",
            hint=f"set LayerName.{node.name}.Precision.{what} in the model's hls config",
        )  # fmt: skip
    if width == MAX_WIDTH and not signed:
        raise unsupported(node, f"the {what} type {kind} does not fit 64-bit integers")
    if "FixedPrecisionType" not in names:
        return FixedFormat(width, width, signed)
    if getattr(kind, "saturation_bits", 0):
        raise unsupported(node, f"the {what} type {kind} has saturation bits")
    rounding = Rounding[kind.rounding_mode.name] if kind.rounding_mode is not None else Rounding.TRN
    overflow = Overflow[kind.saturation_mode.name] if kind.saturation_mode is not None else Overflow.WRAP
    return FixedFormat(width, int(kind.integer), signed, rounding, overflow)


def constant(node: Any, which: str) -> Constant:
    """A weight array in C order, each number read as the C++ reads its text."""
    variable = node.get_weights(which)
    fmt = format_of(variable.type.precision, node, which)
    try:
        raw = [quantize_number(float(text), fmt) for text in variable]
    except (ValueError, OverflowError) as error:
        raise ModelError(
            f"weights '{which}' are not finite numbers", where=f"layer '{node.name}'", hint="train the model again"
        ) from error
    return Constant(np.array(raw, dtype=np.int64).reshape(variable.data.shape), fmt)


# --- one handler per hls4ml class --------------------------------------------------------------


def _input(_node: Any, common: Common, _sources: list[Layer]) -> Layer:
    return Input(**{**common, "sources": ()})


def dense(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """A Dense layer of any strategy but distributed arithmetic."""
    strategy = str(node.get_attr("strategy", "latency")).lower()
    if strategy not in ("latency", "resource", "resource_unrolled"):
        raise unsupported(node, f"strategy '{strategy}' has no exact reference here")
    if len(sources[0].shape) != 1:
        raise unsupported(node, f"Dense over an input of shape {sources[0].shape}")
    weight = _factor(node, "weight", sources[0])
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


def _factor(node: Any, which: str, source: Layer) -> Constant:
    """Constants that multiply; types for which the C++ has another product than ``a * w`` are refused."""
    factor = constant(node, which)
    fmt, data = factor.format, source.result
    if not any(c.__name__ == "IntegerPrecisionType" for c in type(node.get_weights(which).type.precision).__mro__):
        return factor
    if (fmt.width, fmt.integer, fmt.signed) == (2, 2, True) and factor.raw.size and factor.raw.min() < -1:
        raise unsupported(node, f"a ternary {which} of -2 (nnet_mult.h, weight_ternary)")
    if all((f.width, f.integer, f.signed) == (1, 1, False) for f in (fmt, data)):
        raise unsupported(node, f"one-bit data with one-bit {which}s (nnet_mult.h, cast)")
    return factor


def _batch_norm(node: Any, common: Common, sources: list[Layer]) -> Layer:
    scale, bias = _factor(node, "scale", sources[0]), constant(node, "bias")
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


_HANDLERS: dict[str, Handler] = {
    "Input": _input,
    "Dense": dense,
    "BatchNormalization": _batch_norm,
    "ApplyAlpha": _batch_norm,
    "Activation": _activation,
    "Softmax": _softmax,
    "Merge": _merge,
    "Concatenate": _concat,
    "Reshape": _reshape,
}
_EXACT_PARENTS = frozenset({"Input", "Dense"})

__all__ = ["Base", "Common", "Handler", "constant", "dense", "format_of", "lower", "precision", "unsupported"]
