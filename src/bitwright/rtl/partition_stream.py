"""Which hardware computes which layers of a network under io_stream: a pixel, all its channels, per beat.

What works on each beat by itself becomes parallel kernels.  Convolution and pooling become line buffers and a kernel
(or an engine) for one window; padding, cropping and up-sampling a hand-written block alone; global pooling
accumulators; a recurrent layer an engine.  Whatever else moves elements between beats collects the whole tensor into a
word, and splits the result into beats again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.network.layers import (
    Cast,
    CastEach,
    Concat,
    Constant,
    Conv,
    Dense,
    Einsum,
    ExpLinear,
    HardMax,
    HardSigmoid,
    Input,
    Layer,
    Leaky,
    Levels,
    Lookup,
    Merge,
    Pool,
    PoolForm,
    Rearrange,
    RearrangeOp,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    Threshold,
)
from bitwright.rtl import stream_cores as cores
from bitwright.rtl.kernel import ELEMENT_WISE
from bitwright.rtl.partition import check_recurrent_factors, checked_factor, levels_of, tail_of
from bitwright.rtl.partition_recurrent import recurrent_core
from bitwright.rtl.parts import Core, FoldedCore, KernelCore, Part, beats_of
from bitwright.rtl.ports import Tensor

MOST_BITS = 1 << 17
"""Bits of a word that holds a whole tensor."""


def partition_stream(network: Network) -> tuple[Part, ...]:
    """The blocks of a network, sources first.

    Raises:
        UnsupportedLayerError: a layer that has no streaming hardware, or a tensor that is too large to collect.
    """
    return tuple(_Streams(network).parts())


class _Streams:
    """One network while it is divided."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = network.by_name
        self.apart = [layer for layer in network.layers if not isinstance(layer, Input) and not self._per_beat(layer)]
        self.tails = {layer.name: self._tail(layer) for layer in self.apart}
        self.borders = {layer.sources[0] for layer in self.apart if self._has_border(layer)}

    # --- what a layer is ----------------------------------------------------------------------

    def _sources(self, layer: Layer) -> list[Layer]:
        return [self.layers[name] for name in layer.sources]

    def _per_beat(self, layer: Layer) -> bool:
        """Whether each beat of the result depends on the same beat of the sources alone, in the same way."""
        beats, channels = beats_of(layer.shape), layer.shape[-1]
        if isinstance(layer, Einsum) or any(beats_of(source.shape) != beats for source in self._sources(layer)):
            return False
        if isinstance(layer, Dense | Conv):
            return _is_pointwise(layer, self._sources(layer)[0]) and not _is_folded(layer)
        if beats == 1:
            return not isinstance(layer, Pool | Recurrent)
        match layer:
            case Relu() | Cast() | Table() | Lookup() | Threshold() | HardSigmoid() | ExpLinear():
                return True
            case ScaleBias(scale=constant) | Leaky(slope=constant) | Levels(up=constant):
                return constant.raw.size in {1, channels}
            case Softmax() | HardMax():
                return layer.inner == 1 and layer.slices[1] == channels
            case CastEach(bits=formats):
                return _is_constant(formats.raw.reshape(3, beats, channels))
            case Merge():
                return all(source.shape == layer.shape for source in self._sources(layer))
            case Concat():
                return layer.axis == len(layer.shape) - 1
            case Reshape():
                return self._sources(layer)[0].shape[-1] == channels
        return False

    def _tail(self, layer: Layer) -> tuple[Layer, ...]:
        """Element-wise layers that join the block of this layer."""
        if not isinstance(layer, Conv | Dense | Pool):
            return ()
        chain = tail_of(self.network, layer, ELEMENT_WISE)
        alike = [self._per_beat(reader) for reader in chain]
        return chain[: alike.index(False)] if False in alike else chain

    def _has_border(self, layer: Layer) -> bool:
        """Whether a convolution alone reads a layer of zero padding: its line buffers make the border."""
        source = self._sources(layer)[0]
        if not isinstance(layer, Conv) or not isinstance(source, Rearrange) or source.name in self.network.outputs:
            return False
        readers = [reader for reader in self.network.layers if source.name in reader.sources]
        exact = source.op is RearrangeOp.ZERO_PAD and source.result == self._sources(source)[0].result
        return exact and readers == [layer] and not _is_pointwise(layer, source)

    def _bordered(self, layer: Conv | Pool) -> tuple[Layer, tuple[int, int, int, int]]:
        """What the line buffers of a layer read, and their border."""
        source, padding = self._sources(layer)[0], _four(layer.padding)
        if source.name in self.borders and isinstance(source, Rearrange):
            more = _four(source.parameters)
            return self._sources(source)[0], (
                padding[0] + more[0], padding[1] + more[1], padding[2] + more[2], padding[3] + more[3],
            )  # fmt: skip
        return source, padding

    # --- parts --------------------------------------------------------------------------------

    def parts(self) -> Iterator[Part]:
        """All blocks, sources first."""
        inner = {layer.name for tail in self.tails.values() for layer in tail}
        apart = inner | set(self.tails)
        levels = levels_of(self.network, inner, apart)
        for level in range(max(levels.values()) + 1):
            here = [layer for layer in self.network.layers if levels[layer.name] == level]
            together = [layer for layer in here if layer.name not in apart and not isinstance(layer, Input)]
            for beats in dict.fromkeys(beats_of(layer.shape) for layer in together):
                yield self._kernel([layer for layer in together if beats_of(layer.shape) == beats], beats)
            for layer in here:
                if layer.name in self.tails and layer.name not in self.borders:
                    yield from self._own(layer)

    def _beat(self, name: str) -> Tensor:
        layer = self.layers[name]
        return Tensor(name, layer.shape[-1], layer.result)

    def _part(self, name: str, layers: tuple[str, ...], reads: tuple[Tensor, ...], writes: tuple[Tensor, ...],
              core: Core, beats: int) -> Part:  # fmt: skip
        return Part(self.network.name, name, layers, reads, writes, core, beats)

    def _kernel(self, layers: list[Layer], beats: int) -> Part:
        cut = self._beat_network(layers)
        reads = tuple(self._beat(layer.name) for layer in cut.inputs)
        names = tuple(layer.name for layer in layers)
        return self._part(names[0], names, reads, tuple(map(self._beat, cut.outputs)), KernelCore(cut), beats)

    def _beat_network(self, layers: list[Layer]) -> Network:
        """What some layers do with one beat."""
        inside = {layer.name for layer in layers}
        outside = dict.fromkeys(source for layer in layers for source in layer.sources if source not in inside)
        inputs = [self._input(self._beat(name)) for name in outside]
        read = {s for layer in self.network.layers if layer.name not in inside for s in layer.sources}
        outputs = tuple(layer.name for layer in layers if layer.name in read | set(self.network.outputs))
        return Network(self.network.name, (*inputs, *map(self._for_beat, layers)), outputs)

    def _input(self, tensor: Tensor) -> Input:
        return Input(name=tensor.name, sources=(), shape=(tensor.size,), result=tensor.format)

    def _for_beat(self, layer: Layer) -> Layer:
        if isinstance(layer, Conv):
            return replace(layer.position, strategy="latency", reuse_factor=1)
        if isinstance(layer, Concat):
            return replace(layer, shape=layer.shape[-1:], axis=0)
        if isinstance(layer, Softmax | HardMax):
            return replace(layer, shape=layer.shape[-1:], outer=1)
        if isinstance(layer, CastEach):
            formats = layer.bits.raw[:, : layer.shape[-1]]
            return replace(layer, shape=layer.shape[-1:], bits=Constant(formats, layer.bits.format))
        return replace(layer, shape=layer.shape[-1:])

    def _own(self, layer: Layer) -> Iterator[Part]:
        source = self._sources(layer)[0]
        match layer:
            case Dense():
                yield self._folded(layer, layer, self._beat(source.name), 1)
            case Conv():
                yield from self._conv(layer, source)
            case Recurrent() if not layer.backward:
                yield self._recurrent(layer, source)
            case Pool() if beats_of(layer.shape) > 1 and layer.kernel != source.shape[:-1]:
                yield self._window(layer, self._pool_tail(layer))
            case Pool(form=PoolForm.GLOBAL_STREAM) if beats_of(source.shape) > 1:
                yield self._total(layer, source)
            case Rearrange() if layer.result == source.result and (core := self._moved(layer, source)):
                beat, writes = self._beat(source.name), (self._beat(layer.name),)
                yield self._part(layer.name, (layer.name,), (beat,), writes, core, beats_of(source.shape))
            case Reshape() if beats_of(layer.shape) == 1:
                yield self._collect(layer.name, source, (layer.name,))
            case _:
                yield from self._whole(layer)

    def _recurrent(self, layer: Recurrent, source: Layer) -> Part:
        check_recurrent_factors(layer)
        reads, writes, beats = (self._beat(source.name),), (self._beat(layer.name),), beats_of(source.shape)
        return self._part(layer.name, (layer.name,), reads, writes, recurrent_core(self.network, layer), beats)

    def _conv(self, layer: Conv, source: Layer) -> Iterator[Part]:
        if not _is_folded(layer):
            position = replace(layer.position, sources=(f"{layer.name}_window",), strategy="latency", reuse_factor=1)
            yield self._window(layer, self._with_tail(layer, position))
            return
        window, beats = self._beat(source.name), beats_of(layer.shape)
        if not _is_pointwise(layer, source):
            taps = prod(layer.kernel)
            window = Tensor(f"{layer.name}_window", taps * source.shape[-1], source.result)
            read, _ = self._bordered(layer)
            core = self._window_core(layer, None)
            yield self._part(window.name, (), (self._beat(read.name),), (window,), core, beats_of(read.shape))
        yield self._folded(layer, replace(layer.position, sources=(window.name,)), window, beats)

    def _with_tail(self, layer: Layer, first: Layer) -> Network:
        """One window's network: the layer's own part, then its tail."""
        tail = [self._for_beat(member) for member in self.tails[layer.name]]
        read = self.layers[layer.sources[0]]
        taps = prod(layer.kernel) if isinstance(layer, Conv | Pool) else 1
        shape = (*layer.kernel, read.shape[-1]) if isinstance(layer, Pool) else (taps * read.shape[-1],)
        window = Input(name=f"{layer.name}_window", sources=(), shape=shape, result=read.result)
        last = (tail[-1] if tail else first).name
        return Network(self.network.name, (window, first, *tail), (last,))

    def _pool_tail(self, layer: Pool) -> Network:
        if any(layer.padding):
            raise UnsupportedLayerError(
                "a pooling with padding has no streaming hardware",
                where=f"layer '{layer.name}'",
                hint="pad by a layer of its own, or use io_parallel",
            )
        shape = (*(1 for _ in layer.kernel), layer.shape[-1])
        return self._with_tail(layer, replace(layer, sources=(f"{layer.name}_window",), shape=shape))

    def _window(self, layer: Conv | Pool, tail: Network) -> Part:
        source, _ = self._bordered(layer)
        core = self._window_core(layer, tail)
        names = (layer.name, *(member.name for member in self.tails[layer.name]))
        reads, writes = (self._beat(source.name),), (self._beat(names[-1]),)
        return self._part(layer.name, names, reads, writes, core, beats_of(source.shape))

    def _window_core(self, layer: Conv | Pool, tail: Network | None) -> Core:
        source, padding = self._bordered(layer)
        return cores.window(
            self._beat(source.name).width, _two(source.shape[:-1]), _two(layer.kernel), _two(layer.stride), padding,
            tail,
        )  # fmt: skip

    def _total(self, layer: Pool, source: Layer) -> Part:
        """Accumulators over the beats; what follows the last of them is a pooling of one element."""
        whole, count = (1,) * len(layer.kernel), beats_of(source.shape)
        sums = Input(name=f"{layer.name}_total", sources=(), shape=(*whole, source.shape[-1]), result=layer.accum)
        end = replace(layer, sources=(sums.name,), kernel=whole, stride=whole, count=count)
        tail = self.tails[layer.name]
        names = (layer.name, *(member.name for member in tail))
        network = Network(self.network.name, (sums, end, *tail), (names[-1],))
        core = cores.total(layer, source.shape[-1], source.result, count, network)
        return self._part(layer.name, names, (self._beat(source.name),), (self._beat(names[-1]),), core, count)

    def _moved(self, layer: Rearrange, source: Layer) -> Core | None:
        """Line buffers or counters for pixels that keep their order; None: the layer needs the whole tensor."""
        bits, size, new = self._beat(source.name).width, _two(source.shape[:-1]), _two(layer.shape[:-1])
        match layer.op:
            case RearrangeOp.ZERO_PAD:
                return cores.window(bits, size, (1, 1), (1, 1), _four(layer.parameters))
            case RearrangeOp.CROP:
                return cores.crop(bits, size, _four(layer.parameters))
            case RearrangeOp.RESIZE if new[0] % size[0] == 0 and new[1] % size[1] == 0:
                return cores.repeat(bits, size[1], (new[0] // size[0], new[1] // size[1]))
        return None

    def _folded(self, layer: Layer, product: Dense, source: Tensor, beats: int) -> Part:
        tail = self.tails[layer.name]
        names = (layer.name, *(member.name for member in tail))
        network = self._beat_network(list(tail)) if tail else None
        core = FoldedCore(checked_factor(product), source.format, network)
        return self._part(layer.name, names, (source,), (self._beat(names[-1]),), core, beats)

    def _collect(self, name: str, source: Layer, layers: tuple[str, ...]) -> Part:
        """All beats of a tensor in one word, called ``name``."""
        beat, count = self._beat(source.name), beats_of(source.shape)
        if beat.width * count > MOST_BITS:
            raise UnsupportedLayerError(
                f"'{source.name}' has {beat.width * count} bits, too many for one word ({MOST_BITS})",
                where=f"layer '{name}'",
                hint="pool or stride more before this layer",
            )
        word = Tensor(name, beat.size * count, beat.format)
        return self._part(name, layers, (beat,), (word,), cores.collect(beat.width, count), count)

    def _whole(self, layer: Layer) -> Iterator[Part]:
        """Collect the sources, compute the layer on whole tensors, split the result."""
        tail = list(self.tails[layer.name])
        inputs, renamed = [], []
        for number, source in enumerate(self._sources(layer)):
            renamed.append(source.name)
            if beats_of(source.shape) > 1:
                renamed[-1] = f"{layer.name}_in{number}"
                yield self._collect(renamed[-1], source, ())
            inputs.append(Input(name=renamed[-1], sources=(), shape=source.shape, result=source.result))
        last = (tail[-1] if tail else layer).name
        layers = [replace(layer, sources=tuple(renamed)), *tail]
        beats, beat = beats_of(layer.shape), self._beat(last)
        word = Tensor(last if beats == 1 else f"{last}_word", beat.size * beats, beat.format)
        if beats > 1:  # the kernel's result has another name than the stream of its beats
            layers[-1] = replace(layers[-1], name=word.name)
        network = Network(self.network.name, (*dict.fromkeys(inputs), *layers), (word.name,))
        reads = tuple(Tensor(i.name, i.size, i.result) for i in network.inputs)
        names = (layer.name, *(member.name for member in tail))
        yield self._part(word.name, names, reads, (word,), KernelCore(network), 1)
        if beats > 1:
            yield self._part(f"{last}_beats", (), (word,), (beat,), cores.split(beat.width, beats), 1)


def _is_pointwise(layer: Dense | Conv, source: Layer) -> bool:
    """Whether each beat of the result is a matrix product of the same beat of the source."""
    if isinstance(layer, Dense):
        return beats_of(source.shape) == 1
    return prod(layer.kernel) == 1 and not any(layer.padding) and all(step == 1 for step in layer.stride)


def _is_folded(layer: Dense | Conv) -> bool:
    """Whether a layer is time-multiplexed; a depthwise product is too small to be."""
    depthwise = isinstance(layer, Conv) and layer.depthwise
    return layer.strategy == "resource" and layer.reuse_factor > 1 and not depthwise


def _is_constant(formats: npt.NDArray[np.int64]) -> bool:
    """Whether (3, beats, channels) types are those of the first beat everywhere."""
    return bool((formats == formats[:, :1]).all())


def _two(sizes: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns; a sequence is one row."""
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def _four(padding: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right."""
    top, bottom, left, right = (0, 0, *padding) if len(padding) == 2 else padding
    return top, bottom, left, right
