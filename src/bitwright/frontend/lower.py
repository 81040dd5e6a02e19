"""hls4ml's ModelGraph, after its optimizers, to a Network.  The graph is foreign and dies here.

Constants are taken as the C++ takes them: from the decimal text that hls4ml's writer prints
(``WeightVariable.precision_fmt``), read as a double and assigned to the weight type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from bitwright.fixed import FixedFormat
from bitwright.frontend import lower_activations as activations
from bitwright.frontend import lower_attention as attention
from bitwright.frontend import lower_garnet as garnets
from bitwright.frontend import lower_images as images
from bitwright.frontend import lower_recurrent as recurrences
from bitwright.frontend import lower_time as time
from bitwright.frontend.lower_products import factor, finished
from bitwright.frontend.lower_types import Common, constant, precision, streamed, unsupported
from bitwright.network.check import check
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Constant,
    Dense,
    Dot,
    Input,
    Layer,
    Merge,
    MergeOp,
    Network,
    Reshape,
    ScaleBias,
    Shape,
)

Handler = Callable[[Any, Common, list[Layer]], Layer | tuple[Layer, ...]]
"""A node of hls4ml, what its layer has in common with all, and its sources, to the layer or layers."""


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
    state = _State({**_HANDLERS, **(more or {})})
    order = {name: i for i, name in enumerate(graph.inputs)}  # of the C++'s arguments, and of Keras's inputs
    for node in sorted(graph.get_layers(), key=lambda node: order.get(node.name, len(order))):
        state.add(node)
    outputs = [state.values[output][0] for output in graph.outputs]
    layers = list(state.layers.values())
    if head == "argmax":
        layers += [_argmax(state.layers[output]) for output in outputs]
        outputs = [f"{output}_argmax" for output in outputs]
    network = Network(name, tuple(layers), tuple(outputs), io_type=str(graph.config.get_config_value("IOType")))
    check(network)
    return network


class _State:
    """The layers so far, by name, and for each of hls4ml's variables the layers that hold it.

    That is one layer, or one for each step inside of a TimeDistributed.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = handlers
        self.layers: dict[str, Layer] = {}
        self.values: dict[str, tuple[str, ...]] = {}

    def add(self, node: Any) -> None:
        """Lower one node."""
        names = () if node.class_name in ("Input", "InputLayer") else tuple(node.inputs)
        sources = [self.values[name] for name in names]
        if node.class_name == "Clone":  # a stream for each reader: the same values
            held = sources[0]
        elif node.class_name == "TimeDistributed":
            held = self._steps(node, sources[0])
        else:
            held = self._copies(node, sources)
        self.values.update((variable, held) for variable in node.outputs)

    def _steps(self, node: Any, source: tuple[str, ...]) -> tuple[str, ...]:
        """The marker at the beginning or at the end of what is done at each step."""
        common = _common(node, source)
        if time.ends(node):
            made, held = time.closed(node, [self.layers[name] for name in source], common)
        else:
            made, held = time.opened(node, self.layers[source[0]], common)
        self.layers.update((layer.name, layer) for layer in made)
        return held

    def _copies(self, node: Any, sources: list[tuple[str, ...]]) -> tuple[str, ...]:
        """The node's layers, once or for each step; the last one of each holds its values."""
        count = max((len(source) for source in sources), default=1)
        held = []
        for step in range(count):
            names = tuple(source[step % len(source)] for source in sources)
            made = _lower_node(node, names, self.layers, self.handlers)
            made = time.renamed(made, step) if count > 1 else made
            self.layers.update((layer.name, layer) for layer in made)
            held.append(made[-1].name)
        return tuple(held)


def _argmax(source: Layer) -> Argmax:
    bits = max((source.size - 1).bit_length(), 1)
    fmt = FixedFormat(bits, bits, signed=False)
    return Argmax(name=f"{source.name}_argmax", sources=(source.name,), shape=(1,), result=fmt)


def _lower_node(
    node: Any, sources: tuple[str, ...], done: dict[str, Layer], handlers: Mapping[str, Handler]
) -> tuple[Layer, ...]:
    """The layers that compute what a node does; the last one has its name and its values."""
    kind = type(node).__name__
    handler = handlers.get(kind.removeprefix("Vivado").removeprefix("Vitis"))
    if handler is None:
        handler = next((handlers[c.__name__] for c in type(node).__mro__[1:2] if c.__name__ in _EXACT_PARENTS), None)
    if handler is None:
        raise unsupported(node, f"{node.class_name} layers have no hardware here")
    made = handler(node, _common(node, sources), [done[source] for source in sources])
    return made if isinstance(made, tuple) else (made,)


def _common(node: Any, sources: tuple[str, ...]) -> Common:
    shape = tuple(int(n) for n in node.get_output_variable().shape)
    return {"name": node.name, "sources": sources, "shape": shape, "result": precision(node, "result")}


# --- one handler per hls4ml class --------------------------------------------------------------


def _input(_node: Any, common: Common, _sources: list[Layer]) -> Layer:
    return Input(**{**common, "sources": ()})


def dense(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    """A Dense layer of any strategy but distributed arithmetic."""
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
    made = Dense(
        **common,
        weight=Constant(weight.raw.reshape(prod(sources[0].shape), -1), weight.format),
        bias=Constant(bias.raw.reshape(-1), bias.format),
        accum=accum,
        strategy=strategy,
        reuse_factor=int(node.get_attr("reuse_factor", 1)),
    )
    return finished(node, made, sources[0], "weight")


def _batch_norm(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    scale, bias = factor(node, "scale", sources[0]), constant(node, "bias")
    made = ScaleBias(
        **common,
        scale=Constant(scale.raw.reshape(-1), scale.format),
        bias=Constant(bias.raw.reshape(-1), bias.format),
    )
    return finished(node, made, sources[0], "scale")


def _merge(node: Any, common: Common, sources: list[Layer]) -> Layer:
    op = str(node.get_attr("op")).lower()
    try:
        merge = MergeOp(op)
    except ValueError as error:
        raise unsupported(node, f"merge '{op}'") from error
    if not _repeats(*sorted((source.shape for source in sources), key=prod)) or (
        streamed(node) and sources[0].shape != sources[1].shape
    ):
        shapes = " and ".join(str(source.shape) for source in sources)
        raise unsupported(
            node, f"a merge of shapes {shapes}: hls4ml's C++ repeats the shorter one as it lies in memory"
        )
    return Merge(**common, op=merge)


def _repeats(short: Shape, long: Shape) -> bool:
    """Whether repeating ``short`` as it lies in memory is what broadcasting it over ``long`` gives."""
    while short and short[0] == 1:
        short = short[1:]
    return not short or short == long[-len(short) :]


def _dot(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    return Dot(**common, accum=precision(node, "accum"))


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


_HANDLERS: dict[str, Handler] = {
    "Input": _input,
    "Dense": dense,
    "BatchNormalization": _batch_norm,
    "ApplyAlpha": _batch_norm,
    "Activation": activations.activation,
    "ParametrizedActivation": activations.parametrized,
    "PReLU": activations.prelu,
    "HardActivation": activations.hard,
    "TernaryTanh": activations.ternary_tanh,
    "BatchNormalizationQuantizedTanh": activations.batch_norm_tanh,
    "UnaryLUT": activations.unary_lut,
    "FixedPointQuantizer": activations.quantizer,
    "Softmax": activations.softmax,
    "Dot": _dot,
    "Einsum": attention.einsum,
    "Embedding": attention.embedding,
    "LayerNormalization": attention.layer_norm,
    "GarNet": garnets.garnet,
    "GarNetStack": garnets.garnet,
    "LSTM": recurrences.recurrent,
    "GRU": recurrences.recurrent,
    "Bidirectional": recurrences.bidirectional,
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

__all__ = ["Handler", "dense", "lower"]
