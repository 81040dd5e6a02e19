"""Formats against what is in them: bits that ranges need, as proved and as seen, and bits that are never used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bitwright.analysis.memory import constants
from bitwright.analysis.observer import Observer
from bitwright.analysis.records import ConstantPrecision, Precision
from bitwright.analysis.widths import element_widths, needed_bits
from bitwright.network import Constant, Layer, Network
from bitwright.network.bounds import network_bounds


def precision(network: Network, seen: Mapping[str, Observer]) -> dict[str, Precision]:
    """The precision of each layer; what data used where it was observed."""
    bounds, widths = network_bounds(network), element_widths(network)
    found = {}
    for layer in network.layers:
        inside, observer = bounds[layer.name], seen.get(layer.name)
        found[layer.name] = Precision(
            format=str(layer.result), width=layer.result.width, integer=layer.result.integer,
            fraction=layer.result.fraction, signed=layer.result.signed, rounding=layer.result.rounding.value,
            overflow=layer.result.overflow.value, mean_element_width=float(widths[layer.name].mean()),
            proved_bits=needed_bits(int(inside.low.min()), int(inside.high.max())),
            used_bits=needed_bits(observer.low, observer.high) if observer else None, accum=_accum(layer),
            constants=tuple(_constant(name, constant) for name, constant in constants(layer).items()),
        )  # fmt: skip
    return found


def _accum(layer: Layer) -> str | None:
    accum = getattr(layer, "accum", None)
    return None if accum is None else str(accum)


def _constant(name: str, constant: Constant) -> ConstantPrecision:
    raw = constant.raw
    return ConstantPrecision(
        name=name, format=str(constant.format), width=constant.format.width, integer=constant.format.integer,
        fraction=constant.format.fraction, used_bits=needed_bits(int(raw.min()), int(raw.max())),
        unused_fraction_bits=_common_zeros(constant), values=len(np.unique(raw)),
    )  # fmt: skip


def _common_zeros(constant: Constant) -> int:
    """Last bits that are zero in every value; all of them where there is nothing but zero."""
    together = int(np.bitwise_or.reduce(constant.raw.ravel()))
    return (together & -together).bit_length() - 1 if together else constant.format.width
