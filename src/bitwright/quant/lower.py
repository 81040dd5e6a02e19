"""A FloatModel and its plan to a Network, and the proof of the sums: what every format must hold.

The Network is what ``bitwright run`` imports from the QKeras model of the same plan (:mod:`emit`), layer for layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bitwright.errors import FormatError
from bitwright.fixed import MAX_WIDTH, FixedFormat
from bitwright.network.bounds import network_bounds
from bitwright.network.check import check
from bitwright.network.interval import Interval
from bitwright.network.layers import (
    Network,
)
from bitwright.quant.constants import (
    bias_fraction,
    product_bias,
    product_scales,
    weight_constant,
)
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Kind
from bitwright.quant.layer_plan import (
    LayerPlan,
    QuantPlan,
    Tensor,
    multipliers,
)
from bitwright.quant.lower_layers import Lowering, narrowest

Ints = npt.NDArray[np.int64]


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
    state = Lowering(plan)
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


def _lowered(model: FloatModel, plan: QuantPlan) -> Network:
    state = Lowering(plan)
    for layer in model.layers:
        state.add(layer)
    outputs = tuple(state.held[name] for name in model.outputs)
    return Network(model.name, tuple(state.layers.values()), outputs)
