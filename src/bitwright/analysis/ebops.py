"""Effective bit operations, HGQ's cost of the multiplications of a network.

C. Sun et al., "Gradient-based Automatic Mixed Precision Quantization for Neural Networks On-Chip", arXiv:2405.00645:
the sum over all multiplications of the product of both factors' bitwidths, where a constant counts from its first to
its last digit that is not zero (:func:`.widths.enclosed_bits`), an element of an activation as its type says, sign
included.  That is what HGQ 0.2's ``compute_exact_bops`` does; HGQ2's ``ebops`` differs (docs/analysis.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from bitwright.analysis.operations import operations, positions
from bitwright.analysis.operations_state import cells
from bitwright.analysis.widths import Ints, Widths, element_widths, enclosed_bits
from bitwright.analysis.work import total
from bitwright.network import Network
from bitwright.network.layers import (
    Argmax,
    Cast,
    CastEach,
    Concat,
    Constant,
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
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    Threshold,
)
from bitwright.network.window import windows


def ebops(network: Network) -> dict[str, int]:
    """The effective bit operations of each layer's multiplications."""
    widths, layers = element_widths(network), network.by_name
    return {layer.name: _of(layer, [layers[name] for name in layer.sources], widths) for layer in network.layers}


def bias_ebops(layer: Layer) -> int:
    """Bits of the biases as constants, once for each addition: HGQ2 counts them too."""
    if isinstance(layer, Dense | Conv):
        return positions(layer) * int(enclosed_bits(layer.bias).sum())
    return 0


def _of(layer: Layer, sources: Sequence[Layer], widths: Widths) -> int:
    bits = [widths[source.name] for source in sources]
    match layer:
        case Dense():
            return int(bits[0] @ enclosed_bits(layer.weight).sum(axis=1))
        case Conv():
            return _convolution(layer, sources[0], bits[0])
        case Recurrent():
            return _recurrent(layer, sources[0], bits[0])
        case ScaleBias():
            return _by_constant(bits[0], layer.scale)
        case Leaky() | HardSigmoid():
            return _by_constant(bits[0], layer.slope)
        case ExpLinear():
            entry = layer.size * layer.table.format.width * int(enclosed_bits(layer.alpha)[0])
            return _by_constant(bits[0], layer.gain) + entry
        case Merge():
            return _both(bits, layer.size) if layer.op is MergeOp.MULTIPLY else 0
        case Dot():
            return _both(bits, sources[0].size)
        case Einsum():
            a, b = (one.reshape(source.shape) for one, source in zip(bits, sources, strict=True))
            return int(np.einsum("ijc,ikc->", a, b))
        case Softmax() | LayerNorm():
            return total(operations(layer, sources)).products
        case (
            Input() | Reshape() | Rearrange() | Concat() | Cast() | CastEach() | Pool() | Relu() | Table() | HardMax()
            | Threshold() | Levels() | Lookup() | Embedding() | Argmax()
        ):  # fmt: skip
            return 0
    assert_never(layer)


def _by_constant(bits: Ints, constant: Constant) -> int:
    """Each element by its constant, which repeat."""
    return int(bits @ np.resize(enclosed_bits(constant), bits.size))


def _both(bits: Sequence[Ints], size: int) -> int:
    """Elements of two tensors; the shorter one repeats."""
    return int(np.resize(bits[0], size) @ np.resize(bits[1], size))


def _convolution(layer: Conv, source: Layer, bits: Ints) -> int:
    """Each position's window; outside of the image there is nothing to multiply."""
    seen = windows(bits[None, :], source.shape, layer.kernel, layer.stride, layer.padding).sum(axis=0)
    constants = enclosed_bits(layer.weight)
    of_taps = constants if layer.depthwise else constants.sum(axis=-1)
    return int((seen * of_taps.reshape(seen.shape)).sum())


def _recurrent(layer: Recurrent, source: Layer, bits: Ints) -> int:
    """The two products of all steps; in the gates, as many bits as the types have."""
    of_features = bits.reshape(source.shape).sum(axis=0) @ enclosed_bits(layer.weight).sum(axis=1)
    of_state = source.shape[0] * layer.result.width * enclosed_bits(layer.recurrent_weight).sum()
    return int(of_features + of_state) + total(cells(layer, source.shape[0])).products
