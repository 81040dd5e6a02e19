"""Which hardware computes which layers of a network under io_parallel: words of whole tensors.

Layers whose hls4ml strategy is ``resource`` with a reuse factor above 1 become engines, one block each, and so do
recurrent layers that are too large to be unrolled.  What lies between two ranks of engines becomes one parallel
kernel.  A network without engines is one kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.network.layers import Conv, Dense, Input, Layer, Recurrent
from bitwright.rtl.engine_dense import is_folded, valid_reuse_factors
from bitwright.rtl.engine_recurrent import with_factor
from bitwright.rtl.kernel import FUSED
from bitwright.rtl.partition_recurrent import is_recurrent_engine, recurrent_parts
from bitwright.rtl.parts import FoldedCore, KernelCore, Part
from bitwright.rtl.ports import tensors


def is_engine(network: Network, layer: Layer) -> bool:
    """Whether a layer is time-multiplexed hardware."""
    if isinstance(layer, Recurrent):
        return is_recurrent_engine(network, layer)
    return isinstance(layer, Dense) and is_folded(layer)


def partition(network: Network) -> tuple[Part, ...]:
    """The blocks of a network, sources first.

    Raises:
        UnsupportedLayerError: a reuse factor that does not divide the layer's products.
    """
    network = _live(network)
    tails = {layer.name: _tail(network, layer) for layer in network.layers if is_engine(network, layer)}
    inner = {layer.name for tail in tails.values() for layer in tail}
    levels = levels_of(network, inner, inner | set(tails))
    parts = []
    for level in range(max(levels.values()) + 1):
        here = [layer for layer in network.layers if levels[layer.name] == level and not isinstance(layer, Input)]
        kernel = tuple(layer for layer in here if layer.name not in inner | set(tails))
        if kernel:
            parts.append(kernel_part(network, kernel))
        for layer in here:
            if layer.name in tails:
                parts += _engine(network, layer, tails[layer.name])
    return tuple(parts)


def _tail(network: Network, layer: Layer) -> tuple[Layer, ...]:
    """Layers that join the block of an engine; a recurrent one has its states collected first."""
    return () if isinstance(layer, Recurrent) else tail_of(network, layer, FUSED)


def _live(network: Network) -> Network:
    """Without the layers that no output needs: a block has something to give.  All inputs stay, as ports."""
    needed = set(network.outputs)
    for layer in reversed(network.layers):
        if layer.name in needed:
            needed |= set(layer.sources)
    kept = tuple(layer for layer in network.layers if layer.name in needed or isinstance(layer, Input))
    return replace(network, layers=kept)


def tail_of(network: Network, layer: Layer, kinds: tuple[type[Layer], ...]) -> tuple[Layer, ...]:
    """The chain of layers of these kinds that alone reads a layer."""
    chain = [layer]
    while chain[-1].name not in network.outputs:
        readers = [reader for reader in network.layers if chain[-1].name in reader.sources]
        if len(readers) != 1 or not isinstance(readers[0], kinds) or len(readers[0].sources) != 1:
            break
        chain += readers
    return tuple(chain[1:])


def levels_of(network: Network, inner: set[str], apart: set[str]) -> dict[str, int]:
    """How many ranks of blocks of their own lie before each layer.

    Args:
        network: the network.
        inner: layers in the tail of another, whose rank they share.
        apart: layers in blocks of their own, tails included.
    """
    levels: dict[str, int] = {}
    for layer in network.layers:
        behind = layer.name not in inner
        levels[layer.name] = max((levels[s] + (behind and s in apart) for s in layer.sources), default=0)
    return levels


def kernel_part(network: Network, layers: tuple[Layer, ...]) -> Part:
    """A parallel kernel of some layers."""
    cut = cut_out(network, layers)
    reads, writes = tensors(cut, [layer.name for layer in cut.inputs]), tensors(cut, cut.outputs)
    return Part(network.name, layers[0].name, tuple(layer.name for layer in layers), reads, writes, KernelCore(cut))


def _engine(network: Network, layer: Layer, tail: tuple[Layer, ...]) -> Iterator[Part]:
    if isinstance(layer, Recurrent):
        check_recurrent_factors(layer)
        yield from recurrent_parts(network, layer)
        return
    checked = checked_factor(layer)
    source = network.layer(layer.sources[0])
    layers = (layer, *tail)
    core = FoldedCore(checked, source.result, cut_out(network, tail) if tail else None)
    names = tuple(member.name for member in layers)
    yield Part(
        network.name, layer.name, names, tensors(network, layer.sources), tensors(network, names[-1:]), core
    )  # fmt: skip


def check_recurrent_factors(layer: Recurrent) -> None:
    """Both reuse factors divide.

    Raises:
        UnsupportedLayerError: as :func:`checked_factor`.
    """
    for product in layer.products():
        if is_folded(product):
            checked_factor(product)


def checked_factor(layer: Layer) -> Dense:
    """The layer, if its reuse factor is one that the hardware has.

    Raises:
        UnsupportedLayerError: names the nearest factor that divides the products.
    """
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


def cut_out(network: Network, layers: tuple[Layer, ...]) -> Network:
    """Some layers as a network: sources outside become inputs, what is read outside becomes outputs."""
    inside = {layer.name for layer in layers}
    inputs = tuple(as_input(network.layer(name)) for name in _sources(layers, inside))
    return Network(network.name, (*inputs, *layers), tuple(_read_outside(network, layers, inside)))


def _sources(layers: tuple[Layer, ...], inside: set[str]) -> Iterator[str]:
    yield from dict.fromkeys(source for layer in layers for source in layer.sources if source not in inside)


def _read_outside(network: Network, layers: tuple[Layer, ...], inside: set[str]) -> Iterator[str]:
    read = {source for layer in network.layers if layer.name not in inside for source in layer.sources}
    yield from (layer.name for layer in layers if layer.name in read | set(network.outputs))


def as_input(layer: Layer) -> Input:
    """What a part sees of a layer outside."""
    return Input(name=layer.name, sources=(), shape=layer.shape, result=layer.result)


def with_reuse(network: Network, factors: dict[str, int]) -> Network:
    """The network with other reuse factors for some layers that have one; 1 makes a layer parallel."""
    return replace(network, layers=tuple(_with_factor(layer, factors.get(layer.name)) for layer in network.layers))


def _with_factor(layer: Layer, factor: int | None) -> Layer:
    if factor is None or not isinstance(layer, Dense | Conv | Recurrent):
        return layer
    if isinstance(layer, Recurrent):
        return with_factor(layer, factor)
    return replace(layer, strategy="resource" if factor > 1 else "latency", reuse_factor=factor)
