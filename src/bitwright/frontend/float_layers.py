"""Keras layers with weights or windows, and those that move elements, as layers of a FloatModel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bitwright.frontend.float_draft import Draft, array, shape_of, unsupported
from bitwright.frontend.floatfile import FloatLayer, Floats, Kind, Shape

# --- products ----------------------------------------------------------------------------------


def _kernel_and_bias(layer: Any, attribute: str = "kernel") -> tuple[Floats, Floats | None]:
    """The weights that training moves, before any quantizer of QKeras."""
    kernel = getattr(layer, attribute)
    return array(kernel), array(layer.bias) if getattr(layer, "use_bias", False) else None


def dense(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Dense; over several axes a convolution of one tap."""
    kernel, bias = _kernel_and_bias(layer)
    bias = np.zeros(kernel.shape[1]) if bias is None else bias
    rank = len(draft.layers[sources[0]].shape)
    if rank == 1:
        weights = {"weight": kernel, "bias": bias}
        return draft.add(FloatLayer(layer.name, Kind.DENSE, sources, shape_of(layer), weights))
    weights = {"weight": kernel.reshape((1,) * (rank - 1) + kernel.shape), "bias": bias}
    options = {"stride": (1,) * (rank - 1), "padding": (0,) * (2 * (rank - 1))}
    return draft.add(FloatLayer(layer.name, Kind.CONV, sources, shape_of(layer), weights, options))


def _window(layer: Any, source: Shape, kernel: Shape, stride: Shape) -> dict[str, Any]:
    """Stride, and zeros before and after each axis, as TensorFlow places them."""
    if layer.data_format != "channels_last":
        raise unsupported(layer, "data format channels_first")
    sides: list[int] = []
    for size, taps, step in zip(source, kernel, stride, strict=False):
        total = max((-(-size // step) - 1) * step + taps - size, 0)
        match layer.padding:
            case "valid":
                sides += [0, 0]
            case "same":
                sides += [total // 2, total - total // 2]
            case "causal":
                sides += [taps - 1, 0]
            case other:
                raise unsupported(layer, f"padding '{other}'")
    return {"stride": stride, "padding": tuple(sides)}


def _sizes(value: Any, rank: int) -> Shape:
    return (int(value),) * rank if isinstance(value, int) else tuple(int(n) for n in value)


def _conv_options(layer: Any, source: Shape) -> dict[str, Any]:
    rank = len(source) - 1
    if any(n != 1 for n in _sizes(layer.dilation_rate, rank)) or int(getattr(layer, "groups", 1)) != 1:
        raise unsupported(layer, "dilation or groups")
    return _window(layer, source, _sizes(layer.kernel_size, rank), _sizes(layer.strides, rank))


def conv(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Conv1D, Conv2D."""
    kernel, bias = _kernel_and_bias(layer)
    weights = {"weight": kernel, "bias": np.zeros(kernel.shape[-1]) if bias is None else bias}
    options = _conv_options(layer, draft.layers[sources[0]].shape)
    return draft.add(FloatLayer(layer.name, Kind.CONV, sources, shape_of(layer), weights, options))


def _by_channel(layer: Any, kernel: Floats) -> Floats:
    if kernel.shape[-1] != 1:
        raise unsupported(layer, f"depth multiplier {kernel.shape[-1]}; 1 alone has hardware")
    return kernel[..., 0]


def depthwise(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """DepthwiseConv1D, DepthwiseConv2D."""
    name = "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"
    kernel, bias = _kernel_and_bias(layer, name)
    weight = _by_channel(layer, kernel)
    weights = {"weight": weight, "bias": np.zeros(weight.shape[-1]) if bias is None else bias}
    options = _conv_options(layer, draft.layers[sources[0]].shape)
    return draft.add(FloatLayer(layer.name, Kind.DEPTHWISE, sources, shape_of(layer), weights, options))


def separable(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """SeparableConv1D, SeparableConv2D: a depthwise convolution, and one of one tap."""
    weight, bias = _by_channel(layer, array(layer.depthwise_kernel)), _kernel_and_bias(layer, "pointwise_kernel")[1]
    point, shape, source = array(layer.pointwise_kernel), shape_of(layer), draft.layers[sources[0]].shape
    first = draft.add(FloatLayer(
        f"{layer.name}_depthwise", Kind.DEPTHWISE, sources, (*shape[:-1], source[-1]),
        {"weight": weight, "bias": np.zeros(source[-1])}, _conv_options(layer, source),
    ))  # fmt: skip
    rank = len(source) - 1
    return draft.add(FloatLayer(
        layer.name, Kind.CONV, (first.name,), shape,
        {"weight": point, "bias": np.zeros(point.shape[-1]) if bias is None else bias},
        {"stride": (1,) * rank, "padding": (0,) * (2 * rank)},
    ))  # fmt: skip


# --- normalization -----------------------------------------------------------------------------


def _scale(layer: Any, sources: tuple[str, ...], draft: Draft, scale: Floats, bias: Floats) -> FloatLayer:
    channels = draft.layers[sources[0]].shape[-1]
    weights = {"scale": np.resize(scale, channels), "bias": np.resize(bias, channels)}
    return draft.add(FloatLayer(layer.name, Kind.SCALE, sources, shape_of(layer), weights))


def batch_norm(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """BatchNormalization, as scale and bias."""
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    if int(axis) not in (-1, len(shape_of(layer))):
        raise unsupported(layer, f"normalization along axis {axis}")
    mean, variance = array(layer.moving_mean), array(layer.moving_variance)
    gamma = np.ones_like(mean) if layer.gamma is None else array(layer.gamma)
    beta = np.zeros_like(mean) if layer.beta is None else array(layer.beta)
    scale = gamma / np.sqrt(variance + float(layer.epsilon))
    return _scale(layer, sources, draft, scale, beta - mean * scale)


EPSILON = 1e-7
"""What Keras' Normalization puts below a standard deviation (``backend.epsilon()``)."""


def normalization(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Normalization, as scale and bias."""
    if getattr(layer, "invert", False):
        raise unsupported(layer, "an inverted normalization")
    mean, variance = array(layer.mean).reshape(-1), array(layer.variance).reshape(-1)
    channels = draft.layers[sources[0]].shape[-1]
    if mean.size not in (1, channels):
        raise unsupported(layer, f"normalization by {mean.size} means of {channels} channels")
    scale = 1 / np.maximum(np.sqrt(variance), EPSILON)
    return _scale(layer, sources, draft, scale, -mean * scale)


# --- the rest ----------------------------------------------------------------------------------


def pool(kind: Kind) -> Callable[[Any, tuple[str, ...], Draft], FloatLayer]:
    """The handler of all pooling layers of a kind, global ones too."""

    def handler(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
        source = draft.layers[sources[0]].shape
        rank = len(source) - 1
        if "Global" in type(layer).__name__:
            if layer.data_format != "channels_last":
                raise unsupported(layer, "data format channels_first")
            options = {"kernel": source[:-1], "stride": source[:-1], "padding": (0,) * (2 * rank)}
        else:
            kernel = _sizes(layer.pool_size, rank)
            options = {"kernel": kernel} | _window(layer, source, kernel, _sizes(layer.strides, rank))
        return draft.add(FloatLayer(layer.name, kind, sources, shape_of(layer), {}, options))

    return handler


def zero_pad(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """ZeroPadding1D, ZeroPadding2D."""
    sides = np.asarray(layer.padding).reshape(-1)
    options = {"padding": tuple(int(n) for n in sides)}
    return draft.add(FloatLayer(layer.name, Kind.ZERO_PAD, sources, shape_of(layer), {}, options))


def reshape(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Flatten, Reshape."""
    return draft.add(FloatLayer(layer.name, Kind.RESHAPE, sources, shape_of(layer)))


def add_tensors(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Add, of two tensors of one shape."""
    shapes = {draft.layers[source].shape for source in sources}
    if len(sources) != 2 or len(shapes) != 1:
        raise unsupported(layer, f"a sum of {len(sources)} tensors of shapes {sorted(shapes)}; two of one shape can be")
    return draft.add(FloatLayer(layer.name, Kind.ADD, sources, shape_of(layer)))


def concat(layer: Any, sources: tuple[str, ...], draft: Draft) -> FloatLayer:
    """Concatenate, of two tensors."""
    rank = len(shape_of(layer))
    axis = int(layer.axis) - 1 if int(layer.axis) > 0 else int(layer.axis) + rank
    if len(sources) != 2 or not 0 <= axis < rank:
        raise unsupported(layer, f"a concatenation of {len(sources)} tensors along axis {layer.axis}; two can be")
    return draft.add(FloatLayer(layer.name, Kind.CONCAT, sources, shape_of(layer), {}, {"axis": axis}))
