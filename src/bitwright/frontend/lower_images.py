"""hls4ml's layers over images and sequences: convolution, pooling, padding, cropping, resizing, transposition."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bitwright.frontend.lower_products import factor, finished
from bitwright.frontend.lower_types import Common, constant, precision, streamed, unsupported
from bitwright.network.layers import Constant as NetworkConstant
from bitwright.network.layers import Conv, Layer, Pool, PoolForm, PoolOp, Rearrange, RearrangeOp, Shape
from bitwright.network.rearrange import nearest, rearranged_shape

STRATEGIES = ("latency", "resource", "resource_unrolled")


def _axes(rank: int) -> tuple[str, ...]:
    return ("width",) if rank == 1 else ("height", "width")


def window_sizes(node: Any, what: str, rank: int) -> Shape:
    """A window's taps (``filt``), its stride, and the like, per axis."""
    return tuple(int(node.get_attr(f"{what}_{axis}", 1)) for axis in _axes(rank))


def window_sides(node: Any, rank: int, what: str = "pad") -> Shape:
    """What is before and behind the image, per axis."""
    sides = ("left", "right") if rank == 1 else ("top", "bottom", "left", "right")
    return tuple(int(node.get_attr(f"{what}_{side}", 0)) for side in sides)


def _channels_last(node: Any) -> None:
    if node.get_attr("data_format", "channels_last") != "channels_last":
        raise unsupported(node, "data format channels_first")


def conv(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    """Conv1D/2D, DepthwiseConv1D/2D, PointwiseConv1D/2D, and Dense over several axes, which becomes one of them."""
    source, rank = sources[0], len(sources[0].shape) - 1
    _channels_last(node)
    if rank not in (1, 2):
        raise unsupported(node, f"a convolution over an input of shape {source.shape}")
    if any(int(node.get_attr(name, 1) or 1) != 1 for name in ("dilation", "dilation_width", "dilation_height")):
        raise unsupported(node, "dilation, which hls4ml's C++ leaves out")
    depthwise = "Depthwise" in type(node).__name__
    weight, bias = _conv_weight(node, source, rank, depthwise=depthwise), constant(node, "bias")
    made = Conv(
        **common,
        weight=weight,
        bias=NetworkConstant(bias.raw.reshape(-1), bias.format),
        accum=precision(node, "accum"),
        stride=window_sizes(node, "stride", rank),
        padding=window_sides(node, rank),
        depthwise=depthwise,
        strategy=str(node.get_attr("strategy", "latency")).lower(),
        reuse_factor=int(node.get_attr("reuse_factor", 1)),
    )
    _check_strategy(node, made)
    return finished(node, made, source, "weight")


def _conv_weight(node: Any, source: Layer, rank: int, *, depthwise: bool) -> NetworkConstant:
    """Weights as (taps..., channels, filters), whatever order the strategy stores them in."""
    weight = factor(node, "weight", source)
    taps, channels, filters = window_sizes(node, "filt", rank), source.shape[-1], int(node.get_attr("n_filt"))
    if depthwise and filters != channels:
        raise unsupported(node, f"depth multiplier {filters // channels}; hls4ml's C++ has 1 only")
    raw = weight.raw
    if node.get_attr("_weights_transposed"):
        raw = np.moveaxis(raw.reshape(1 if depthwise else filters, *taps, channels), 0, -1)
    shape = (*taps, channels) if depthwise else (*taps, channels, filters)
    return NetworkConstant(np.ascontiguousarray(raw.reshape(shape)), weight.format)


def _check_strategy(node: Any, layer: Conv) -> None:
    """Where hls4ml 1.3.0 has no C++ for a strategy, or one that reads what is not there."""
    depth = prod(layer.kernel) * layer.weight.raw.shape[len(layer.stride)]
    if layer.strategy not in STRATEGIES:
        raise unsupported(node, f"strategy '{layer.strategy}' has no exact reference here")
    if layer.strategy == "latency":
        return
    if layer.depthwise and not streamed(node):
        raise unsupported(node, "strategy 'resource' of a depthwise convolution under io_parallel, which hls4ml lacks")
    if layer.depthwise and depth % min(layer.reuse_factor, depth):
        raise unsupported(node, f"reuse factor {layer.reuse_factor}, which does not divide its {depth} products")
    if not layer.depthwise and layer.strategy == "resource" and not _divides(layer.reuse_factor, depth):
        # hls4ml takes the nearest factor that divides, but not for a convolution that becomes a pointwise one
        raise unsupported(
            node,
            f"reuse factor {layer.reuse_factor} over windows of {depth}: hls4ml 1.3.0 takes C++ that stops on it",
        )
    if not streamed(node) and layer.reuse_factor > depth:
        raise unsupported(node, f"reuse factor {layer.reuse_factor} above its window of {depth} elements")


def _divides(factor: int, inputs: int) -> bool:
    """What nnet_dense_resource.h asserts of a reuse factor."""
    return (inputs if factor < inputs else factor) % min(factor, inputs) == 0


def pool(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """MaxPooling, AveragePooling and the global ones."""
    _channels_last(node)
    shape, kind = sources[0].shape, type(node).__name__
    rank, whole = len(shape) - 1, "Global" in kind
    form = PoolForm.PARALLEL
    if streamed(node):
        form = PoolForm.GLOBAL_STREAM if whole else PoolForm.STREAM
    kernel = shape[:-1] if whole else window_sizes(node, "pool", rank)
    stride = kernel if whole else window_sizes(node, "stride", rank)
    padding = (0,) * (2 * rank) if whole else window_sides(node, rank)
    if form is not PoolForm.PARALLEL and any(padding):
        raise unsupported(node, "padding; hls4ml's streams pool without it only")
    if form is PoolForm.STREAM and rank == 2 and stride != kernel:
        raise unsupported(node, f"stride {stride} under a window of {kernel}; hls4ml's streams want them equal")
    return Pool(
        **common,
        op=PoolOp(str(node.get_attr("pool_op")).lower()),
        kernel=kernel,
        stride=stride,
        padding=padding,
        accum=precision(node, "accum"),
        form=form,
        count_padding=bool(node.get_attr("count_pad", False)),
    )


def _rearranged(op: RearrangeOp, common: Common, parameters: Shape) -> Layer:
    return Rearrange(**common, op=op, parameters=parameters)


def zero_pad(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """ZeroPadding1D/2D, also those that hls4ml puts before a streamed convolution."""
    _channels_last(node)
    made = Rearrange(**common, op=RearrangeOp.ZERO_PAD, parameters=window_sides(node, len(sources[0].shape) - 1))
    if rearranged_shape(made, sources[0].shape) != made.shape:
        raise unsupported(
            node, "hls4ml 1.3.0 pads a stream of several readers for one of them and gives that to all: pad it by"
            " a ZeroPadding1D of its own",
        )  # fmt: skip
    return made


def crop(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """Cropping1D/2D."""
    _channels_last(node)
    return _rearranged(RearrangeOp.CROP, common, window_sides(node, len(sources[0].shape) - 1, "crop"))


def transpose(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """Permute and transposition."""
    return _rearranged(RearrangeOp.TRANSPOSE, common, tuple(int(axis) for axis in node.get_attr("perm")))


def resize(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """UpSampling1D/2D by the nearest element."""
    _channels_last(node)
    if str(node.get_attr("algorithm", "nearest")) != "nearest":
        raise unsupported(node, f"up-sampling by '{node.get_attr('algorithm')}'")
    for old, new in zip(sources[0].shape[:-1], common["shape"], strict=False):
        whole = new % old == 0 and np.array_equal(nearest(old, new), np.arange(new) // (new // old))
        if streamed(node) and not whole:
            raise unsupported(node, f"up-sampling from {old} to {new}; hls4ml's streams repeat whole elements")
    return _rearranged(RearrangeOp.RESIZE, common, ())
