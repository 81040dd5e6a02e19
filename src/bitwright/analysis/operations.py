"""How much work a layer is, forward, for one inference: operations of each sort, each with its bits.

Four sorts are counted (docs/analysis.md has them layer by layer): a MAC of a-bit and b-bit factors is a * b bit
operations and 2 FLOPs; a lone multiplication a * b and 1; an addition, subtraction, comparison or choice of n bits n
and 1; a look-up of an n-bit entry n and 1.  What only moves, rounds or limits values is no operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import assert_never

import numpy as np

from bitwright.analysis.operations_state import layer_norm, recurrent, softmax
from bitwright.analysis.work import Operations, Work, add, bias, look_up, mac, multiply, total
from bitwright.network import Network
from bitwright.network.layers import (
    Argmax,
    Cast,
    CastEach,
    Concat,
    Conv,
    Dense,
    Dot,
    Einsum,
    Embedding,
    ExpLinear,
    HardMax,
    HardSigmoid,
    Input,
    Layer,
    LayerNorm,
    Leaky,
    Levels,
    Lookup,
    Merge,
    MergeOp,
    Pool,
    PoolOp,
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    Threshold,
)


def work(network: Network) -> dict[str, Work]:
    """The work of each layer."""
    layers = network.by_name
    return {layer.name: total(operations(layer, [layers[n] for n in layer.sources])) for layer in network.layers}


def operations(layer: Layer, sources: Sequence[Layer]) -> Iterator[Operations]:
    """What one inference does in the layer."""
    match layer:
        case Input() | Reshape() | Rearrange() | Concat() | Cast() | CastEach():
            return
        case Dense() | Conv():
            yield from _product(layer, sources[0])
        case Pool():
            yield from _pool(layer, sources[0])
        case Softmax():
            yield from softmax(layer, sources[0])
        case LayerNorm():
            yield from layer_norm(layer)
        case Recurrent():
            yield from recurrent(layer, sources[0])
        case HardMax():
            outer, n, inner = layer.slices
            yield add(outer * inner * (n - 1), sources[0].result.width)
        case Argmax():
            yield add(sources[0].size - 1, sources[0].result.width)
        case Merge():
            yield _merge(layer, sources)
        case Dot():
            yield mac(sources[0].size, *(source.result.width for source in sources))
        case Einsum():
            yield mac(layer.size * sources[0].shape[2], *(source.result.width for source in sources))
        case Embedding():
            yield look_up(layer.size, layer.table)
        case _:
            yield from _of_each_element(layer, layer.size, sources[0].result.width)


def _of_each_element(
    layer: ScaleBias | Relu | Table | Leaky | Threshold | HardSigmoid | ExpLinear | Levels | Lookup, n: int, width: int
) -> Iterator[Operations]:
    """Layers that do the same with each of ``n`` elements of ``width`` bits."""
    match layer:
        case ScaleBias():
            yield multiply(n, width, layer.scale.format.width)
            yield bias(n, layer.bias)
        case Relu():
            yield add(n if layer.limit is None else 2 * n, width)
        case Table() | Lookup():
            yield look_up(n, layer.table)
        case Leaky():
            yield add(n, width)
            yield multiply(n, width, layer.slope.format.width)
        case Threshold():
            yield add(n, width)
        case HardSigmoid():
            yield multiply(n, width, layer.slope.format.width)
            yield add((4 if layer.tanh else 3) * n, width)
        case ExpLinear():
            yield add(n, width)
            yield multiply(n, width, layer.gain.format.width)
            yield look_up(n, layer.table)
            yield multiply(n, layer.alpha.format.width, layer.table.format.width)
        case Levels():
            yield add(2 * n, width)
        case _:
            assert_never(layer)


def positions(layer: Dense | Conv) -> int:
    """How often the weights are used in an inference."""
    return prod(layer.shape[:-1]) if isinstance(layer, Conv) else 1


def nonzero_macs(layer: Layer) -> int:
    """MACs with a weight that is not zero; 0 for layers that multiply by no weights."""
    return positions(layer) * int(np.count_nonzero(layer.weight.raw)) if isinstance(layer, Dense | Conv) else 0


def _product(layer: Dense | Conv, source: Layer) -> Iterator[Operations]:
    yield mac(positions(layer) * layer.weight.raw.size, source.result.width, layer.weight.format.width)
    yield bias(layer.size, layer.bias)


def _pool(layer: Pool, source: Layer) -> Iterator[Operations]:
    taps = prod(layer.kernel)
    match layer.op:
        case PoolOp.MAX:
            yield add(layer.size * (taps - 1), source.result.width)
        case PoolOp.AVERAGE:
            yield add(layer.size * (taps - 1), layer.accum.width)
            yield add(layer.size, layer.accum.width)
        case _:
            assert_never(layer.op)


def _merge(layer: Merge, sources: Sequence[Layer]) -> Operations:
    a, b = (source.result.width for source in sources)
    match layer.op:
        case MergeOp.MULTIPLY:
            return multiply(layer.size, a, b)
        case MergeOp.ADD | MergeOp.SUBTRACT | MergeOp.AVERAGE | MergeOp.MAXIMUM | MergeOp.MINIMUM:
            return add(layer.size, max(a, b))
        case _:
            assert_never(layer.op)
