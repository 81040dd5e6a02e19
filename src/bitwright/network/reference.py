"""The Python fixed-point reference: the meaning of a Network, in exact integers.

Every layer is compiled once into a step whose arithmetic is chosen by proved bounds (float32 or
float64 BLAS, int64, or Python integers); all give the same bits, so speed never costs exactness.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from bitwright.errors import UsageError
from bitwright.fixed import Raw
from bitwright.network.bounds import network_bounds
from bitwright.network.carrier import Carrier, Step
from bitwright.network.layers import Cast, Conv, Dense, Input, Layer, Network, Relu
from bitwright.network.steps import step_of
from bitwright.network.steps_conv import fusible_pair, pair

BLOCK = 4096
"""Rows worked on at once: the activations of a block stay in the cache."""

ACTIVATIONS = 1 << 25
"""Elements of all layers' outputs that a block may hold: large images are worked on in fewer rows."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """One step of a compiled network."""

    name: str
    sources: tuple[str, ...]
    run: Step


class Reference:
    """A Network compiled for evaluation.

    Args:
        network: what to evaluate.
        threads: blocks of rows evaluated side by side.
    """

    def __init__(self, network: Network, threads: int = 2) -> None:
        self.network = network
        self.threads = threads
        self.bounds = network_bounds(network)
        self._layers = network.by_name
        self.block = max(1, min(BLOCK, ACTIVATIONS // sum(layer.size for layer in network.layers)))
        self._all = self._plan(frozenset(self._layers))
        self._fast = self._plan(frozenset(network.outputs))

    @property
    def input_size(self) -> int:
        """Elements of one vector: all inputs, flattened and concatenated."""
        return sum(layer.size for layer in self.network.inputs)

    def outputs(self, x: Raw) -> npt.NDArray[np.int64]:
        """Raw outputs (rows, elements of all outputs) for raw inputs (rows, elements of all inputs).

        Python integers where an output has 64 unsigned bits.

        Raises:
            UsageError: ``x`` has another shape or values outside the input format.
        """
        return self._evaluate(x, self._fast, self.network.outputs)

    def layers(self, x: Raw, names: Collection[str] | None = None) -> dict[str, npt.NDArray[np.int64]]:
        """Raw outputs of every layer, or of ``names``, each (rows, elements)."""
        wanted = tuple(name for name in self._layers if names is None or name in names)
        joined = self._evaluate(x, self._all, wanted)
        edges = np.cumsum([self._layers[name].size for name in wanted])[:-1]
        return dict(zip(wanted, np.split(joined, edges, axis=1), strict=True))

    def _plan(self, keep: frozenset[str]) -> tuple[_Planned, ...]:
        """Steps in order; a Dense or Conv that only a Relu or Cast reads becomes one step with it."""
        readers = self._readers()
        fused: set[str] = set()
        for layer in self.network.layers:
            if isinstance(layer, Dense | Conv) and layer.name not in keep and len(readers[layer.name]) == 1:
                reader = readers[layer.name][0]
                source = self._source(layer)
                if isinstance(reader, Relu | Cast) and fusible_pair(layer, reader, source, self.bounds[source.name]):
                    fused.add(layer.name)
        return tuple(self._planned(layer, fused) for layer in self.network.layers if layer.name not in fused)

    def _readers(self) -> dict[str, list[Layer]]:
        readers: dict[str, list[Layer]] = {name: [] for name in self._layers}
        for layer in self.network.layers:
            for source in layer.sources:
                readers[source].append(layer)
        return readers

    def _source(self, layer: Layer) -> Layer:
        return self._layers[layer.sources[0]]

    def _planned(self, layer: Layer, fused: set[str]) -> _Planned:
        if layer.sources and layer.sources[0] in fused:
            first = self._source(layer)
            assert isinstance(first, Dense | Conv)
            assert isinstance(layer, Relu | Cast)
            source = self._source(first)
            return _Planned(layer.name, first.sources, pair(first, layer, source, self.bounds[source.name]))
        run = step_of(layer, [self._layers[source] for source in layer.sources], self.bounds)
        return _Planned(layer.name, layer.sources, run)

    def _checked(self, x: Raw) -> Raw:
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise UsageError(
                f"vectors of shape {x.shape}, the network takes (rows, {self.input_size})", where=self.network.name
            )
        start = 0
        for layer in self.network.inputs:
            part = x[:, start : start + layer.size]
            if part.size and (part.min() < layer.result.min or part.max() > layer.result.max):
                raise UsageError(f"a value is outside {layer.result}", where=layer.name, hint="quantize inputs first")
            start += layer.size
        return x

    def _evaluate(self, x: Raw, plan: tuple[_Planned, ...], wanted: tuple[str, ...]) -> npt.NDArray[np.int64]:
        x = self._checked(x)
        dtype = np.dtype(np.int64 if all(self._layers[n].result.max < 1 << 63 for n in wanted) else object)
        out = np.empty((len(x), sum(self._layers[name].size for name in wanted)), dtype=dtype)
        starts = range(0, len(x), self.block)

        def work(start: int) -> None:
            rows = slice(start, start + self.block)
            self._block(x[rows], plan, wanted, out[rows])

        with threadpool_limits(limits=1, user_api="blas"):
            if self.threads <= 1 or len(starts) <= 1:
                for start in starts:
                    work(start)
            else:
                with ThreadPoolExecutor(self.threads) as pool:
                    list(pool.map(work, starts))
        return out

    def _block(self, x: Raw, plan: tuple[_Planned, ...], wanted: tuple[str, ...], out: npt.NDArray[np.int64]) -> None:
        values: dict[str, Carrier] = {}
        start = 0
        for step in plan:
            layer = self._layers[step.name]
            if isinstance(layer, Input):
                values[step.name] = step.run(x[:, start : start + layer.size])
                start += layer.size
            else:
                values[step.name] = step.run(*(values[source] for source in step.sources))
        column = 0
        for name in wanted:
            size = prod(self._layers[name].shape)
            out[:, column : column + size] = values[name]
            column += size


def evaluate(network: Network, x: Any, threads: int = 2) -> npt.NDArray[np.int64]:
    """Raw outputs of ``network`` for raw inputs ``x``; for repeated use keep a :class:`Reference`."""
    return Reference(network, threads).outputs(x)
