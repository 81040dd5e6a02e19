"""Bit operations of a QKeras model: multiplications by weights that are not 0, times the widths of both factors.

BitOPs = MACs x input bits x weight bits (Baskin et al., UNIQ, arXiv:1804.10969, without the accumulation); what has
no quantizer counts as float32.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

FLOAT_BITS = 32
PASSING = frozenset({"Flatten", "Reshape", "MaxPooling1D", "MaxPooling2D", "ZeroPadding1D", "ZeroPadding2D", "Dropout"})
"""Layers whose results have the width of what they read."""


def bit_operations(model: Any) -> int:
    """BitOPs of one inference of a model in Keras 2 whose layers have one input each; merges take the wider one."""
    widths: dict[str, int] = {}
    total = 0
    for layer in model.layers:
        read = max((widths.get(name, FLOAT_BITS) for name in _sources(layer)), default=FLOAT_BITS)
        widths[layer.name] = _result_bits(layer, read)
        if hasattr(layer, "kernel"):
            quantizer = getattr(layer, "kernel_quantizer_internal", None)
            kernel = np.asarray(quantizer(layer.kernel) if quantizer else layer.kernel)
            total += int((kernel != 0).sum()) * _places(layer, kernel) * read * _bits(quantizer)
    return total


def _sources(layer: Any) -> list[str]:
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.layer.name for tensor in inputs if tensor._keras_history.layer is not layer]


def _result_bits(layer: Any, read: int) -> int:
    if type(layer).__name__ in PASSING:
        return read
    quantizer = getattr(layer, "quantizer", None) or getattr(layer, "activation", None)
    return _bits(quantizer)


def _bits(quantizer: Any) -> int:
    return int(getattr(quantizer, "bits", FLOAT_BITS))


def _places(layer: Any, kernel: Any) -> int:
    """How often each weight is used: once in a dense layer, at every pixel of the result in a convolution."""
    return prod(layer.output_shape[1:-1]) if kernel.ndim > 2 else 1
