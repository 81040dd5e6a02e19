"""Types and constants of hls4ml's layers, read as its C++ reads them.

Constants are taken from the decimal text that hls4ml's writer prints (``WeightVariable.precision_fmt``),
read as a double and assigned to the weight type.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bitwright.errors import FormatError, ModelError, UnsupportedLayerError
from bitwright.fixed import MAX_WIDTH, FixedFormat, Overflow, Rounding, quantize_floats
from bitwright.network.layers import Constant

SUPPORTED = (
    "Dense, Conv1D, Conv2D, depthwise, separable and pointwise convolutions, max, average and global pooling, "
    "ZeroPadding, Cropping, UpSampling (nearest), Permute, BatchNormalization, ApplyAlpha, relu, linear, "
    "LeakyReLU, PReLU, ThresholdedReLU, ELU, selu, softplus, softsign, hard_sigmoid, sigmoid, tanh, softmax, QKeras' "
    "activations, add, subtract, multiply, average, maximum, minimum, Dot, Concatenate, Reshape, Flatten, "
    "LSTM, GRU, Bidirectional, Embedding, LayerNormalization"
)


def unsupported(node: Any, what: str) -> UnsupportedLayerError:
    """The error that names the layer, its class and what to do."""
    return UnsupportedLayerError(what, where=f"layer '{node.name}' ({node.class_name})", hint=f"supported: {SUPPORTED}")


def precision(node: Any, what: str) -> FixedFormat:
    """The format of an attribute ``<what>_t`` of a node, or of its output variable for ``result``."""
    kind = node.get_output_variable().type.precision if what == "result" else node.get_attr(f"{what}_t").precision
    return format_of(kind, node, what)


def format_of(kind: Any, node: Any, what: str) -> FixedFormat:
    """A FixedFormat from hls4ml's FixedPrecisionType or IntegerPrecisionType."""
    names = {c.__name__ for c in type(kind).__mro__}
    if "XnorPrecisionType" in names:
        return FixedFormat(1, 1, signed=False)
    if "ExponentPrecisionType" in names or not hasattr(kind, "width"):
        raise unsupported(node, f"the {what} type {kind} has no hardware here")
    width, signed = int(kind.width), bool(kind.signed)
    if width > MAX_WIDTH:
        raise FormatError(
            f"the {what} type {kind} is wider than {MAX_WIDTH} bits", where=f"layer '{node.name}' ({node.class_name})",
            hint=f"set LayerName.{node.name}.Precision.{what} in the model's hls config",
        )  # fmt: skip
    if width == MAX_WIDTH and not signed:
        raise unsupported(node, f"the {what} type {kind} does not fit 64-bit integers")
    if "FixedPrecisionType" not in names:
        return FixedFormat(width, width, signed)
    if getattr(kind, "saturation_bits", 0):
        raise unsupported(node, f"the {what} type {kind} has saturation bits")
    rounding = Rounding[kind.rounding_mode.name] if kind.rounding_mode is not None else Rounding.TRN
    overflow = Overflow[kind.saturation_mode.name] if kind.saturation_mode is not None else Overflow.WRAP
    return FixedFormat(width, int(kind.integer), signed, rounding, overflow)


def constant(node: Any, which: str) -> Constant:
    """A weight array in C order, each number read as the C++ reads its text."""
    variable = node.get_weights(which)
    fmt = format_of(variable.type.precision, node, which)
    try:
        numbers = np.array([float(text) for text in variable], dtype=np.float64)
        raw = quantize_floats(numbers, fmt)
    except (ValueError, OverflowError) as error:
        raise ModelError(
            f"weights '{which}' are not finite numbers", where=f"layer '{node.name}'", hint="train the model again"
        ) from error
    return Constant(raw.reshape(variable.data.shape), fmt)


Common = dict[str, Any]
"""The fields of ``Base``, which every handler fills in alike."""


def streamed(node: Any) -> bool:
    """Whether the model is converted for io_stream."""
    return str(node.model.config.get_config_value("IOType")) == "io_stream"


def named(kind: Any, name: str) -> bool:
    """Whether an hls4ml type is of that class, whatever its backend made of it."""
    return any(c.__name__ == name for c in type(kind).__mro__)


def is_bit(kind: Any) -> bool:
    """Whether the C++ type is ``ap_uint<1>``, for which some of its functions are others."""
    return named(kind, "XnorPrecisionType") or (
        named(kind, "IntegerPrecisionType") and int(kind.width) == 1 and not kind.signed
    )
