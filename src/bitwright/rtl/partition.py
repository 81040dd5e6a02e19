"""Which hardware computes which layers: parallel kernels between engines, joined by streams of words.

Layers whose hls4ml strategy is ``resource`` with a reuse factor above 1 become engines, one block each.  What
lies between two ranks of engines becomes one parallel kernel.  A network without engines is one kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.network.layers import Dense, Input, Layer
from bitwright.rtl.engine_dense import valid_reuse_factors
from bitwright.rtl.kernel import FUSED


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Layers that one block computes.

    Attributes:
        network: the layers as a network of their own: what the block reads are its inputs, in port order.
        engine: the layer of an engine; None for a parallel kernel.
        tail: the element-wise layers behind an engine, as a network.
    """

    network: Network
    engine: Dense | None = None
    tail: Network | None = None

    @property
    def name(self) -> str:
        """The first layer that it computes."""
        return next(layer.name for layer in self.network.layers if not isinstance(layer, Input))

    @property
    def reads(self) -> tuple[str, ...]:
        """Layers that it reads, in port order."""
        return tuple(layer.name for layer in self.network.inputs)

    @property
    def writes(self) -> tuple[str, ...]:
        """Layers that others read of it, in port order."""
        return self.network.outputs


def is_engine(layer: Layer) -> bool:
    """Whether a layer is time-multiplexed hardware."""
    return isinstance(layer, Dense) and layer.strategy == "resource" and layer.reuse_factor > 1


def partition(network: Network) -> tuple[Part, ...]:
    """The blocks of a network, sources first.

    Raises:
        UnsupportedLayerError: a reuse factor that does not divide the layer's products.
    """
    tails = {layer.name: _tail(network, layer) for layer in network.layers if is_engine(layer)}
    folded = {name for engine, tail in tails.items() for name in (engine, *(layer.name for layer in tail))}
    levels = _levels(network, {layer.name for tail in tails.values() for layer in tail}, folded)
    parts = []
    for level in range(max(levels.values()) + 1):
        here = [layer for layer in network.layers if levels[layer.name] == level and not isinstance(layer, Input)]
        kernel = tuple(layer for layer in here if layer.name not in folded)
        if kernel:
            parts.append(Part(_cut(network, kernel)))
        parts += [_engine(network, layer, tails[layer.name]) for layer in here if layer.name in tails]
    return tuple(parts)


def _tail(network: Network, layer: Layer) -> tuple[Layer, ...]:
    """The chain of element-wise layers that alone reads a layer."""
    chain = [layer]
    while chain[-1].name not in network.outputs:
        readers = [reader for reader in network.layers if chain[-1].name in reader.sources]
        if len(readers) != 1 or not isinstance(readers[0], FUSED):
            break
        chain += readers
    return tuple(chain[1:])


def _levels(network: Network, tails: set[str], folded: set[str]) -> dict[str, int]:
    """How many engines lie before each layer; tails share the level of their engine."""
    levels: dict[str, int] = {}
    for layer in network.layers:
        behind = layer.name not in tails
        levels[layer.name] = max((levels[s] + (behind and s in folded) for s in layer.sources), default=0)
    return levels


def _engine(network: Network, layer: Layer, tail: tuple[Layer, ...]) -> Part:
    whole = _cut(network, (layer, *tail))
    return Part(whole, _checked(layer), _cut(network, tail) if tail else None)


def _checked(layer: Layer) -> Dense:
    assert isinstance(layer, Dense)
    valid = valid_reuse_factors(*layer.weight.raw.shape)
    if layer.reuse_factor not in valid:
        near = min(valid, key=lambda factor: (abs(factor - layer.reuse_factor), factor))
        raise UnsupportedLayerError(
            f"reuse factor {layer.reuse_factor} does not divide {layer.weight.raw.shape[0]} x {layer.size} products",
            where=f"layer '{layer.name}'",
            hint=f"the nearest that does is {near}; valid: {', '.join(map(str, valid))}",
        )
    return layer


def _cut(network: Network, layers: tuple[Layer, ...]) -> Network:
    """Some layers as a network: sources outside become inputs, what is read outside becomes outputs."""
    inside = {layer.name for layer in layers}
    inputs = tuple(_input(network.layer(name)) for name in _sources(layers, inside))
    return Network(network.name, (*inputs, *layers), tuple(_read_outside(network, layers, inside)))


def _sources(layers: tuple[Layer, ...], inside: set[str]) -> Iterator[str]:
    yield from dict.fromkeys(source for layer in layers for source in layer.sources if source not in inside)


def _read_outside(network: Network, layers: tuple[Layer, ...], inside: set[str]) -> Iterator[str]:
    read = {source for layer in network.layers if layer.name not in inside for source in layer.sources}
    yield from (layer.name for layer in layers if layer.name in read | set(network.outputs))


def _input(layer: Layer) -> Input:
    if isinstance(layer, Input):
        return layer
    return Input(name=layer.name, sources=(), shape=layer.shape, result=layer.result)


def with_reuse(network: Network, factors: dict[str, int]) -> Network:
    """The network with other reuse factors for some Dense layers; 1 makes a layer parallel."""
    layers = tuple(
        replace(layer, strategy="resource" if factors[layer.name] > 1 else "latency", reuse_factor=factors[layer.name])
        if isinstance(layer, Dense) and layer.name in factors
        else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)
