"""Formats by type or by name, as a config says: FloatModel -> QuantPlan, on top of :func:`.plan.make_plan`.

What the config leaves open (a width without a fraction) the calibration chooses; everything else is as written, and
sums stay exact: their formats follow (:func:`.lower.proved`).
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bitwright.config.transform import FormatEntry, TransformFile
from bitwright.errors import UsageError
from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.constants import bias_fraction
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Floats, Kind
from bitwright.quant.layer_plan import LayerPlan, QuantPlan, Tensor, Weights
from bitwright.quant.lower import proved
from bitwright.quant.options import Bits, Options
from bitwright.quant.plan import make_plan
from bitwright.quant.ranges import clipped
from bitwright.quant.wanted import Wanted, wanted

UNSIGNED = frozenset({Kind.RELU, Kind.SIGMOID})
"""Kinds that give nothing below zero."""
SPAN_ROWS = 256
"""Rows that stand in for data where every format is given: they decide nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Transformed:
    """What came of it.

    Attributes:
        model: the model, its biases on the grids that were asked for.
        plan: all formats.
        wanted: what was asked of each layer.
        biases: the formats of the biases that were asked for; in the plan they stand at the products' scale.
    """

    model: FloatModel
    plan: QuantPlan
    wanted: Mapping[str, Wanted]
    biases: Mapping[str, FixedFormat]


def transform(model: FloatModel, file: TransformFile, calibration: Calibration | None = None) -> Transformed:
    """The plan that the config asks for.

    Args:
        model: with its normalization folded, as :func:`.fold.fold` gives it.
        file: the config.
        calibration: of this very model; None where every format is given.

    Raises:
        ConfigError: a key that matches nothing, or asks for what its layers do not have; names the line.
        UsageError: a fraction is left open and there is no calibration.
        FormatError: a sum of more than 64 bits.
    """
    asked = wanted(model, file)
    plan = _planned(model, calibration or _spanned(model, asked), asked)
    own = {layer.name: _written(layer, plan, asked[layer.name], calibration) for layer in model.layers}
    _check_data(model, plan, asked, file)
    if calibration is None:
        _check_given(model, plan, asked)
    plan = proved(model, replace(plan, layers=own))
    biases = {layer.name: fmt for layer in model.layers if (fmt := _bias_format(layer, plan, asked[layer.name], file))}
    coarser = replace(model, layers=tuple(_with_bias(layer, biases.get(layer.name)) for layer in model.layers))
    return Transformed(coarser, proved(coarser, plan), asked, biases)


def _planned(model: FloatModel, seen: Calibration, asked: Mapping[str, Wanted]) -> QuantPlan:
    """The plan of the widths; outputs stay as exact as their sums unless the config names them."""
    bits = {glob.escape(name): Bits(own.weight.width, own.data.width) for name, own in asked.items()}
    default, exact = next(iter(bits.values())), Options(per_channel=False)  # no layer is left to the default
    plan = make_plan(model, seen, default, bits, exact)
    layers = dict(plan.layers)
    for name in model.outputs:
        if asked[name].data_key is not None:
            named = make_plan(model, seen, default, bits, replace(exact, output_bits=asked[name].data.width))
            layers[name] = named[name]
    return replace(plan, layers=layers)


def _spanned(model: FloatModel, asked: Mapping[str, Wanted]) -> Calibration:
    """Rows over all of the inputs' formats, where they are given."""
    given = [(layer, asked[layer.name].data) for layer in model.inputs]
    for layer, entry in given:
        if entry.fraction is None:
            raise _no_data(layer.name, "data")
    random = np.random.default_rng(0)
    columns = [_span(entry, layer.size, random) for layer, entry in given]
    return calibrate(model, [np.concatenate(columns, axis=1)])


def _span(entry: FormatEntry, size: int, random: np.random.Generator) -> Floats:
    fmt = data_format(entry, signed=True)
    return np.ldexp(random.integers(fmt.min, fmt.max, (SPAN_ROWS, size), endpoint=True).astype(float), -fmt.fraction)


def _check_given(model: FloatModel, plan: QuantPlan, asked: Mapping[str, Wanted]) -> None:
    for layer in model.layers:
        if plan[layer.name].quantized and asked[layer.name].data.fraction is None:
            raise _no_data(layer.name, "data")


def _no_data(name: str, what: str) -> UsageError:
    return UsageError(
        f"no 'fraction' for the {what} of this layer, and no rows to choose it by", where=f"layer '{name}'",
        hint="give the fraction, or rows: --calibrate FILE, or 'data' in model.yaml",
    )  # fmt: skip


def _check_data(model: FloatModel, plan: QuantPlan, asked: Mapping[str, Wanted], file: TransformFile) -> None:
    """A key that says what data is to be where nothing is quantized is a mistake."""
    useful = {own.data_key for name, own in asked.items() if plan[name].quantized}
    for layer in model.layers:
        key = asked[layer.name].data_key
        if key is not None and key not in useful:
            readers = ", ".join(reader.name for reader in model.readers(layer.name)) or "nothing"
            raise file.error(
                (key, "data"), f"'{layer.name}' ({layer.kind.value}) hands on what it reads; it has no data of its own",
                f"name what stands before it ({', '.join(layer.sources)}) or behind it ({readers})",
            )  # fmt: skip


# --- formats -------------------------------------------------------------------------------------


def data_format(entry: FormatEntry, *, signed: bool) -> FixedFormat:
    """The format that an entry with a fraction says; it rounds ties to even and saturates."""
    assert entry.fraction is not None
    signed = signed if entry.signed is None else entry.signed
    return FixedFormat(entry.width, entry.width - entry.fraction, signed, Rounding.RND_CONV, Overflow.SAT)


def _written(layer: FloatLayer, plan: QuantPlan, own: Wanted, calibration: Calibration | None) -> LayerPlan:
    """The layer's plan with the formats that the config writes out."""
    made = plan[layer.name]
    if made.weight is not None and own.weight.fraction is not None:
        width, fraction = own.weight.width, own.weight.fraction
        made = replace(made, weight=Weights(width, FixedFormat(width, width - fraction), (fraction,), (1.0,)))
    if made.quantized and own.data.fraction is not None and not _follows_normalization(layer, made, own):
        tensor = Tensor(data_format(own.data, signed=layer.kind not in UNSIGNED))
        made = replace(made, tensor=tensor, clipped=None)
        if calibration is not None:
            half = tensor.step / 2
            limits = clipped(calibration.tensors[layer.name], tensor.low - half, tensor.high + half)
            made = replace(made, clipped=limits if limits.count else None)
    return made


def _follows_normalization(layer: FloatLayer, made: LayerPlan, own: Wanted) -> bool:
    """An input that only a normalization reads is as fine as that needs, unless the config names it."""
    return layer.kind is Kind.INPUT and own.data_key is None and made.tensor.format.width > own.data.width


def _bias_format(layer: FloatLayer, plan: QuantPlan, own: Wanted, file: TransformFile) -> FixedFormat | None:
    """The format of the layer's biases, where one is asked for."""
    if layer.kind not in PRODUCTS or own.bias is None:
        return None
    finest = bias_fraction(plan[layer.name], plan[layer.sources[0]].tensor)
    fraction = own.bias.fraction
    if fraction is None:
        fraction = min(_fitting(layer.weights["bias"], own.bias.width), finest)
    if fraction > finest:
        raise file.error(
            (own.bias_key or "default", "bias", "fraction"),
            f"a bias of {fraction} fraction bits is finer than the products of '{layer.name}', which have {finest}",
            f"give at most {finest}, or leave it out",
        )  # fmt: skip
    return FixedFormat(own.bias.width, own.bias.width - fraction)


def _with_bias(layer: FloatLayer, fmt: FixedFormat | None) -> FloatLayer:
    """The layer with its biases on the grid of a format: nearest, ties to even, limited."""
    if fmt is None:
        return layer
    raw = np.clip(np.rint(layer.weights["bias"] * 2.0**fmt.fraction), fmt.min, fmt.max)
    return replace(layer, weights={**layer.weights, "bias": raw * 2.0**-fmt.fraction})


def _fitting(bias: Floats, width: int) -> int:
    """The most fraction bits with which the largest bias fits."""
    largest = float(np.abs(bias).max(initial=0))
    fraction = width - 1 - int(np.frexp(largest)[1])
    return fraction if round(largest * 2.0**fraction) < 2 ** (width - 1) else fraction - 1
