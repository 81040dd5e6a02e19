"""Bits that values really have: of constants by their digits, of activations by their elements' types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.network import Network
from bitwright.network.layers import CastEach, Concat, Constant, Layer, Rearrange, Reshape
from bitwright.network.rearrange import source_index

Ints = npt.NDArray[np.int64]
Widths = Mapping[str, Ints]
_HALF = 32


def bit_lengths(magnitudes: npt.NDArray[np.uint64]) -> Ints:
    """Number of binary digits of each unsigned number; 0 has none."""
    high = magnitudes >> np.uint64(_HALF)
    low = magnitudes & np.uint64((1 << _HALF) - 1)
    return np.where(high > 0, _HALF + np.frexp(high.astype(np.float64))[1], np.frexp(low.astype(np.float64))[1])


def enclosed_bits(constant: Constant) -> Ints:
    """Digits of each magnitude from its first one to its last one: 0 for zero, 1 for a power of two, 3 for 5 or 40.

    The bitwidth of a constant in HGQ's cost (arXiv:2405.00645): zeros before and behind cost no hardware, a sign
    neither.  Same shape as the constant.
    """
    magnitudes = np.abs(constant.raw).astype(np.uint64)
    lowest = np.where(magnitudes > 0, magnitudes & (~magnitudes + np.uint64(1)), np.uint64(1))
    return bit_lengths(magnitudes // lowest)


def needed_bits(low: int, high: int) -> int:
    """Bits, with a sign where there are negative ones, that hold every raw value from ``low`` to ``high``."""
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + (low < 0)


def element_widths(network: Network) -> dict[str, Ints]:
    """The declared bits of each element of each layer, flat, with the sign.

    Where elements have types of their own (CastEach) these count, also behind layers that only move elements.
    """
    widths: dict[str, Ints] = {}
    for layer in network.layers:
        known = _own_or_moved(layer, [network.by_name[name] for name in layer.sources], widths)
        whole = np.full(layer.size, layer.result.width, dtype=np.int64)
        widths[layer.name] = whole if known is None else np.minimum(known, whole)
    return widths


def _own_or_moved(layer: Layer, sources: list[Layer], widths: Widths) -> Ints | None:
    """What is known better than by the layer's type."""
    if isinstance(layer, CastEach):
        return layer.bits.raw[1]
    if isinstance(layer, Reshape):
        return widths[sources[0].name]
    if isinstance(layer, Rearrange):
        index = source_index(layer, sources[0].shape)
        return np.where(index < 0, 0, widths[sources[0].name][index])
    if isinstance(layer, Concat):
        parts: list[Any] = [widths[source.name].reshape(source.shape) for source in sources]
        return np.concatenate(parts, axis=layer.axis).ravel()
    return None
