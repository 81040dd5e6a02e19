"""Statistics of constants and of every layer's results, batch after batch through the exact reference."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bitwright.analysis.memory import constants
from bitwright.analysis.observer import Observer
from bitwright.analysis.records import Histogram, Statistics
from bitwright.network import Layer, Network
from bitwright.network.reference import Reference

SHARES = ("0.001", "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99", "0.999")
BINS = 64
ELEMENTS = 1 << 22
"""Values of all observed layers together that a batch may have."""


def observe(network: Network, x: npt.NDArray[np.int64], names: Collection[str]) -> dict[str, Observer]:
    """An observer of each named layer's results on raw vectors ``x`` (rows, elements)."""
    layers = network.by_name
    observers = {name: Observer(layers[name].result) for name in names}
    reference = Reference(network)
    for batch in _batches(x, sum(layer.size for layer in network.layers)):
        for name, raw in reference.layers(batch, names).items():
            observers[name].see(raw)
    return observers


def _batches(x: npt.NDArray[np.int64], elements: int) -> Iterator[npt.NDArray[np.int64]]:
    rows = max(1, ELEMENTS // elements)
    yield from (x[start : start + rows] for start in range(0, len(x), rows))


def statistics(layer: Layer, seen: Mapping[str, Observer]) -> tuple[Statistics, ...]:
    """Of the layer's constants, and of its result where it was observed."""
    found = []
    for name, constant in constants(layer).items():
        observer = Observer(constant.format)
        observer.see(constant.raw)
        found.append(summary(name, observer))
    if layer.name in seen:
        found.append(summary("result", seen[layer.name]))
    return tuple(found)


def summary(tensor: str, seen: Observer) -> Statistics:
    """What an observer saw, as a record."""
    start, width, counts = seen.histogram(BINS)
    return Statistics(
        tensor=tensor, count=seen.count, minimum=seen.number(seen.low), maximum=seen.number(seen.high), mean=seen.mean,
        variance=seen.variance, zero_share=seen.zeros / seen.count, at_lower_share=seen.at_lower / seen.count,
        at_upper_share=seen.at_upper / seen.count, resolution=seen.number(1 << seen.shift),
        quantiles={share: seen.quantile(Fraction(share)) for share in SHARES},
        histogram=Histogram(start=seen.number(start), bin_width=seen.number(width), counts=tuple(counts)),
    )  # fmt: skip
