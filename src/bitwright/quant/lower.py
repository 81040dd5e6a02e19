"""A FloatModel and its plan to a Network, and the proof of the sums: what every format must hold.

The Network is what ``bitwright run`` imports from the QKeras model of the same plan (:mod:`emit`), layer for layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.errors import FormatError, UnsupportedLayerError
from bitwright.fixed import MAX_WIDTH, FixedFormat
from bitwright.network.bounds import network_bounds
from bitwright.network.check import check
from bitwright.network.interval import Interval
from bitwright.network.layers import (
    Cast,
    Concat,
    Constant,
    Conv,
    Dense,
    Input,
    Layer,
    Leaky,
    Merge,
    MergeOp,
    Network,
    Pool,
    PoolOp,
    Rearrange,
    RearrangeOp,
    Relu,
    Reshape,
    ScaleBias,
    Table,
    TableFunction,
)
from bitwright.network.tables import activation_table
from bitwright.quant.constants import (
    bias_fraction,
    normalization,
    on_grid,
    product_bias,
    product_scales,
    rescale_constants,
    weight_constant,
)
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Kind, window_size
from bitwright.quant.layer_plan import (
    LayerPlan,
    QuantPlan,
    Tensor,
    joined,
    multipliers,
)

Ints = npt.NDArray[np.int64]

SLOPE_BITS = 10
TABLE_FORMAT, TABLE_ENTRIES = FixedFormat(18, 8), 1024
"""Entries of a sigmoid's or tanh's table: hls4ml 1.3.0's, which heeds no other type that its config names."""


def to_network(model: FloatModel, plan: QuantPlan) -> Network:
    """The Network that computes ``model`` as ``plan`` has it.

    Raises:
        UnsupportedLayerError: a layer without a fixed-point form.
    """
    network = _lowered(model, plan)
    check(network)
    return network


def held_layers(model: FloatModel, plan: QuantPlan) -> dict[str, str]:
    """For each layer of the model the Network layer that holds its values."""
    state = _Lowering(plan)
    for layer in model.layers:
        state.add(layer)
    return state.held


def proved(model: FloatModel, plan: QuantPlan) -> QuantPlan:
    """The plan with the formats that follow from the others: biases, sums, exact results, multipliers.

    Sums get the bits that interval arithmetic over all inputs proves to be enough, in any order of adding.  A plan
    whose formats or weights were changed goes through here again.

    Raises:
        FormatError: a sum or a result of more than 64 bits.
    """
    plan = _with_sums(model, plan)
    network = _lowered(model, plan)
    bounds = network_bounds(network)
    layers = dict(plan.layers)
    for layer in model.layers:
        layers[layer.name] = _closed(layer, layers, network, bounds)
    return replace(plan, layers=layers)


# --- the proof ---------------------------------------------------------------------------------


def _with_sums(model: FloatModel, plan: QuantPlan) -> QuantPlan:
    """Formats of sums and biases, and multipliers for the tensors at both ends; exact results without a format."""
    layers = {name: replace(own, exact=None) for name, own in plan.layers.items()}
    for layer in model.layers:
        own = layers[layer.name]
        if layer.kind not in PRODUCTS or own.weight is None:
            continue
        source, goal = layers[layer.sources[0]].tensor, _goal(model, layers, layer)
        fraction = bias_fraction(own, source)
        bias = product_bias(layer, own, source)
        accum = _sum_format(weight_constant(layer, own.weight).raw, bias, source.format, fraction, layer.name)
        units = product_scales(own.weight, source) / goal.scale
        plain = bool((units == 1).all()) and not goal.zero
        most = MAX_WIDTH - 1 - accum.width
        rescale = None if plain else multipliers(units, plan.options.multiplier_bits, goal.zero, most)
        tensor = own.tensor if own.quantized else replace(own.tensor, scale=goal.scale)
        layers[layer.name] = replace(own, tensor=tensor, accum=accum, bias=narrowest(bias, fraction), rescale=rescale)
    return replace(plan, layers=layers)


def _goal(model: FloatModel, layers: dict[str, LayerPlan], layer: FloatLayer) -> Tensor:
    """The tensor whose units a product's result is in: its own, or that of the relu behind it."""
    own = layers[layer.name]
    if own.quantized:
        return own.tensor
    behind = [layers[reader.name].tensor for reader in model.readers(layer.name) if reader.kind is Kind.RELU]
    return behind[0] if len(behind) == 1 else Tensor(own.tensor.format)


def _sum_format(weight: Ints, bias: Ints, source: FixedFormat, fraction: int, where: str) -> FixedFormat:
    """The narrowest format that holds every partial sum, in any order, for every input: exact integers."""
    columns = weight.reshape(-1, weight.shape[-1]).astype(object)
    up, down = np.maximum(columns, 0).sum(axis=0), np.minimum(columns, 0).sum(axis=0)
    high = source.max * up + source.min * down + np.maximum(bias, 0)
    low = source.min * up + source.max * down + np.minimum(bias, 0)
    return _holding(min(int(low.min()), 0), max(int(high.max()), 0), fraction, where)


def _holding(low: int, high: int, fraction: int, where: str) -> FixedFormat:
    width = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1
    if width >= MAX_WIDTH:  # also what _wide() held, and may have wrapped
        raise FormatError(
            f"the exact results need more than {MAX_WIDTH - 1} bits", where=where,
            hint="choose fewer bits for this layer's weights or for what it reads",
        )  # fmt: skip
    return FixedFormat(width, width - fraction)


def _closed(
    layer: FloatLayer, layers: dict[str, LayerPlan], network: Network, bounds: dict[str, Interval]
) -> LayerPlan:
    """The plan of a layer with what was proved of its result, and with the tensor that its readers see."""
    own = layers[layer.name]
    if layer.kind in PRODUCTS | {Kind.SCALE, Kind.ADD, Kind.LEAKY} or own.rescale:
        last = network.layer(f"{layer.name}_scale" if own.rescale else layer.name)
        held = bounds[last.name]
        exact = _holding(int(held.low.min()), int(held.high.max()), last.result.fraction, layer.name)
        own = replace(own, exact=own.accum if last.result == own.accum else exact)
    elif layer.kind in (Kind.AVERAGE_POOL, Kind.SIGMOID, Kind.TANH, Kind.CONCAT) or _is_limited(layer):
        own = replace(own, exact=network.layer(layer.name).result)
    if own.quantized:
        return own
    if own.exact is None:  # it passes on what it reads
        return replace(own, tensor=layers[layer.sources[0]].tensor)
    return replace(own, tensor=Tensor(own.exact, own.tensor.scale))


def _is_limited(layer: FloatLayer) -> bool:
    return layer.kind is Kind.RELU and layer.options["limit"] is not None


# --- layers ------------------------------------------------------------------------------------


def _wide(fraction: int) -> FixedFormat:
    """A format for what has not been bounded yet."""
    return FixedFormat(MAX_WIDTH, MAX_WIDTH - fraction)


def _lowered(model: FloatModel, plan: QuantPlan) -> Network:
    state = _Lowering(plan)
    for layer in model.layers:
        state.add(layer)
    outputs = tuple(state.held[name] for name in model.outputs)
    return Network(model.name, tuple(state.layers.values()), outputs)


class _Lowering:
    """The layers so far; for each of the FloatModel's the one that holds its values."""

    def __init__(self, plan: QuantPlan) -> None:
        self.plan = plan
        self.layers: dict[str, Layer] = {}
        self.held: dict[str, str] = {}

    def add(self, layer: FloatLayer) -> None:
        """Lower one layer, with its multiplier and its quantizer."""
        own = self.plan[layer.name]
        if layer.kind is Kind.LINEAR and not own.quantized:
            self.held[layer.name] = self.held[layer.sources[0]]
            return
        made = self._put(self._layer(layer, own))
        if own.rescale is not None:
            made = self._put(self._scaled(layer, made, own))
        if own.quantized and made.result != own.tensor.format:
            name = f"{layer.name}_quantized"
            made = self._put(Cast(name=name, sources=(made.name,), shape=made.shape, result=own.tensor.format))
        self.held[layer.name] = made.name

    def _put(self, layer: Layer) -> Layer:
        self.layers[layer.name] = layer
        return layer

    def _source(self, layer: FloatLayer, index: int = 0) -> Layer:
        return self.layers[self.held[layer.sources[index]]]

    def _scaled(self, layer: FloatLayer, made: Layer, own: LayerPlan) -> Layer:
        assert own.rescale is not None
        scale, bias = rescale_constants(own.rescale)
        exact = own.exact or _wide(made.result.fraction + scale.format.fraction)
        return ScaleBias(
            name=f"{layer.name}_scale", sources=(made.name,), shape=made.shape, result=exact, scale=scale, bias=bias
        )

    def _layer(self, layer: FloatLayer, own: LayerPlan) -> Layer:
        sources = tuple(self.held[name] for name in layer.sources)
        common: dict[str, Any] = {"name": layer.name, "sources": sources, "shape": layer.shape}
        match layer.kind:
            case Kind.INPUT:
                return Input(**common, result=own.raw or own.tensor.format)
            case Kind.DENSE | Kind.CONV | Kind.DEPTHWISE:
                return self._product(layer, own, common)
            case Kind.SCALE:
                return self._normalization(layer, own, common)
            case Kind.RELU:
                return self._relu(layer, own, common)
            case Kind.LEAKY:
                slope = multipliers(np.array([layer.options["slope"]]), SLOPE_BITS)
                constant = Constant(on_grid(np.array(slope.multipliers), slope.format), slope.format)
                fraction = self._source(layer).result.fraction + slope.format.fraction
                return Leaky(**common, slope=constant, result=own.exact or _wide(fraction))
            case Kind.SIGMOID | Kind.TANH:
                function = TableFunction(layer.kind.value)
                table = activation_table(function, TABLE_ENTRIES, TABLE_FORMAT)
                return Table(**common, function=function, table=table, result=table_result(layer.kind))
            case Kind.LINEAR:
                return Cast(**common, result=own.tensor.format)
            case Kind.MAX_POOL:
                return self._pool(layer, common, PoolOp.MAX)
            case Kind.AVERAGE_POOL:
                return self._pool(layer, common, PoolOp.AVERAGE)
            case Kind.ZERO_PAD:
                result = self._source(layer).result
                pad = RearrangeOp.ZERO_PAD
                return Rearrange(**common, result=result, op=pad, parameters=layer.options["padding"])
            case Kind.RESHAPE:
                return Reshape(**common, result=self._source(layer).result)
            case Kind.ADD:
                fraction = max(self._source(layer, i).result.fraction for i in range(2))
                return Merge(**common, op=MergeOp.ADD, result=own.exact or _wide(fraction))
            case Kind.CONCAT:
                result = joined(*(self._source(layer, i).result for i in range(2)))
                return Concat(**common, axis=layer.options["axis"], result=result)
            case Kind.SOFTMAX:
                raise UnsupportedLayerError("a softmax that is not the last layer", where=f"layer '{layer.name}'")
        assert_never(layer.kind)

    def _product(self, layer: FloatLayer, own: LayerPlan, common: dict[str, Any]) -> Layer:
        source = self.plan[layer.sources[0]].tensor
        source = replace(source, format=self._source(layer).result)
        assert own.weight is not None
        fraction = bias_fraction(own, source)
        accum = own.accum or _wide(fraction)
        raw = product_bias(layer, own, source)
        bias = Constant(raw, own.bias or narrowest(raw, fraction))
        weight = weight_constant(layer, own.weight)
        if layer.kind is Kind.DENSE:
            return Dense(**common, weight=weight, bias=bias, accum=accum, result=accum)
        options = {"stride": layer.options["stride"], "padding": layer.options["padding"]}
        depthwise = layer.kind is Kind.DEPTHWISE
        return Conv(**common, weight=weight, bias=bias, accum=accum, result=accum, depthwise=depthwise, **options)

    def _normalization(self, layer: FloatLayer, own: LayerPlan, common: dict[str, Any]) -> Layer:
        source = replace(self.plan[layer.sources[0]].tensor, format=self._source(layer).result)
        scale, raw, fraction = normalization(layer, self.plan, source)
        exact = own.exact or _wide(max(source.format.fraction + scale.format.fraction, fraction))
        return ScaleBias(**common, scale=scale, bias=Constant(raw, narrowest(raw, fraction)), result=exact)

    def _relu(self, layer: FloatLayer, own: LayerPlan, common: dict[str, Any]) -> Layer:
        limit = layer.options["limit"]
        if limit is None:
            return Relu(**common, result=own.tensor.format)
        fraction = max(self._source(layer).result.fraction, 0)
        integer = int(limit).bit_length()
        result = FixedFormat(integer + fraction, integer, signed=False)
        return Relu(**common, limit=int(limit), result=result)

    def _pool(self, layer: FloatLayer, common: dict[str, Any], op: PoolOp) -> Layer:
        source = self._source(layer).result
        result = accum = source
        if op is PoolOp.AVERAGE:
            result, accum = average_formats(source, window_size(layer))
        options = {key: layer.options[key] for key in ("kernel", "stride", "padding")}
        return Pool(**common, op=op, accum=accum, result=result, **options)


def table_result(kind: Kind) -> FixedFormat:
    """The narrowest format for the entries of a table: from 0 to below 1, or from -1."""
    signed = kind is Kind.TANH
    return FixedFormat(TABLE_FORMAT.fraction + signed, int(signed), signed)


def average_formats(source: FixedFormat, count: int) -> tuple[FixedFormat, FixedFormat]:
    """Formats of an average and of its sum: so fine that rounding it gives what rounding the true quotient gives.

    A quotient by ``n`` is a tie of two steps, or at least ``1 / (2 n)`` of a step away from one.
    """
    more = count.bit_length() - 1 if count & (count - 1) == 0 else (2 * count).bit_length() + 1
    integer = source.integer + (not source.signed)
    result = FixedFormat(integer + source.fraction + more, integer)
    grown = count.bit_length()
    return result, FixedFormat(result.width + grown, integer + grown)


def narrowest(raw: Ints, fraction: int) -> FixedFormat:
    """The narrowest signed format that holds constants."""
    width = max(int(raw.max(initial=0)).bit_length(), (-int(raw.min(initial=0)) - 1).bit_length()) + 1
    return FixedFormat(max(width, 2), max(width, 2) - fraction)
