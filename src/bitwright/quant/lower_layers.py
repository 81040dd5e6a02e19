"""Each layer of a float model and its plan as layers of a Network: the arithmetic, its multiplier, its quantizer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import MAX_WIDTH, FixedFormat
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
    rescale_constants,
    weight_constant,
)
from bitwright.quant.float_model import FloatLayer, Kind, window_size
from bitwright.quant.layer_plan import (
    LayerPlan,
    QuantPlan,
    joined,
    multipliers,
)

Ints = npt.NDArray[np.int64]

SLOPE_BITS = 10
TABLE_FORMAT, TABLE_ENTRIES = FixedFormat(18, 8), 1024
"""Entries of a sigmoid's or tanh's table: hls4ml 1.3.0's, which heeds no other type that its config names."""


def _wide(fraction: int) -> FixedFormat:
    """A format for what has not been bounded yet."""
    return FixedFormat(MAX_WIDTH, MAX_WIDTH - fraction)


class Lowering:
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
                return self._pool(layer, own, common, PoolOp.MAX)
            case Kind.AVERAGE_POOL:
                return self._pool(layer, own, common, PoolOp.AVERAGE)
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

    def _pool(self, layer: FloatLayer, own: LayerPlan, common: dict[str, Any], op: PoolOp) -> Layer:
        source = self._source(layer).result
        result = accum = source
        if op is PoolOp.AVERAGE:
            finer = own.tensor.format.fraction - source.fraction if own.quantized else 0
            result, accum = average_formats(source, window_size(layer), max(finer, 0))
        options = {key: layer.options[key] for key in ("kernel", "stride", "padding")}
        return Pool(**common, op=op, accum=accum, result=result, **options)


def table_result(kind: Kind) -> FixedFormat:
    """The narrowest format for the entries of a table: from 0 to below 1, or from -1."""
    signed = kind is Kind.TANH
    return FixedFormat(TABLE_FORMAT.fraction + signed, int(signed), signed)


def average_formats(source: FixedFormat, count: int, finer: int) -> tuple[FixedFormat, FixedFormat]:
    """Formats of an average and of its sum: so fine that rounding it gives what rounding the true quotient gives.

    A quotient by ``n`` is a tie of two steps, or at least ``1 / (2 n)`` of a step away from one.

    Args:
        source: of what is averaged.
        count: elements of a window.
        finer: fraction bits that the rounded average has more than the source.
    """
    exact = count.bit_length() - 1 if count & (count - 1) == 0 else (2 * count).bit_length() + 1 + finer
    integer = source.integer + (not source.signed)
    result = FixedFormat(integer + source.fraction + exact, integer)
    grown = count.bit_length()
    return result, FixedFormat(result.width + grown, integer + grown)


def narrowest(raw: Ints, fraction: int) -> FixedFormat:
    """The narrowest signed format that holds constants."""
    width = max(int(raw.max(initial=0)).bit_length(), (-int(raw.min(initial=0)) - 1).bit_length()) + 1
    return FixedFormat(max(width, 2), max(width, 2) - fraction)
