"""EinsumDense, distributed arithmetic and HGQ's quantizers: handlers beside those of :mod:`lower`, patches of hls4ml.

Written from hls4ml 1.3.0: ``model/optimizer/passes/bit_exact.py``, ``nnet_einsum_dense.h`` and
``backends/vivado/passes/distributed_arithmetic.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from bitwright.fixed import MAX_WIDTH, FixedFormat, Overflow
from bitwright.frontend.lower import Handler, dense
from bitwright.frontend.lower_images import conv, window_sides, window_sizes
from bitwright.frontend.lower_types import Common, constant, precision, unsupported
from bitwright.network.layers import Cast, Constant, Conv, Dense, Layer, ScaleBias

DISTRIBUTED = "distributed_arithmetic"
DA4ML_FRACTION = 32
"""Fraction bits that da4ml 0.5.2 looks at in a constant."""

KEPT = "bitwright_weights"
"""Attribute of a node: kernel and bias of a layer in distributed arithmetic."""


def _einsum_dense(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    """One matrix over the flattened tensors: zero where an output does not read an input."""
    if hasattr(node, KEPT):
        return _exact_einsum(node, common, sources[0])
    strategy = str(node.get_attr("strategy")).lower()
    if strategy != "latency":
        raise unsupported(node, f"EinsumDense with strategy '{strategy}'")
    accum, weight, bias = precision(node, "accum"), constant(node, "weight"), constant(node, "bias")
    order, places = _einsum_order(node)
    if accum.overflow is not Overflow.WRAP and not all(np.diff(row).min(initial=1) > 0 for row in order):
        raise unsupported(node, "a saturating accumulator that adds inputs in another order than theirs")
    matrix, ordered = _einsum_matrix(node, weight, sources[0].size), _placed(bias, places)
    return Dense(**common, weight=matrix, bias=ordered, accum=accum, strategy="latency", reuse_factor=1)


def _exact_einsum(node: Any, common: Common, source: Layer) -> tuple[Layer, ...]:
    """In distributed arithmetic the exact sums become the accumulator's, then the biases are added in it."""
    weights = _exact(node, np.asarray(getattr(node, KEPT)[0], dtype=np.float32), "weights")
    matrix, accum = _einsum_matrix(node, weights, source.size), precision(node, "accum")
    none = Constant(np.zeros(matrix.raw.shape[1], dtype=np.int64), FixedFormat(1, 1))
    own: Common = {"sources": (source.name,), "shape": common["shape"], "result": accum}
    sums = Dense(
        **own, name=f"{node.name}_sums", weight=matrix, bias=none, accum=_sums(node, source.result, matrix, none),
        strategy=DISTRIBUTED, reuse_factor=1,
    )  # fmt: skip
    one = Constant(np.ones_like(none.raw), FixedFormat(2, 2))
    biases = _placed(constant(node, "bias"), _einsum_order(node)[1])
    biased = ScaleBias(**{**own, "sources": (sums.name,)}, name=f"{node.name}_biased", scale=one, bias=biases)
    return sums, biased, Cast(**{**common, "sources": (biased.name,)})


def _einsum_matrix(node: Any, weight: Constant, size: int) -> Constant:
    """The kernel (in place, contracted, free) as a matrix over all ``size`` inputs and all outputs."""
    order, places = _einsum_order(node)
    raw, columns = np.zeros((size, len(places)), dtype=np.int64), weight.raw.shape[2]
    for row in range(len(order)):
        for column in range(columns):
            raw[order[row], places[row * columns + column]] = weight.raw[row // _rows(node), :, column]
    return Constant(raw, weight.format)


def _placed(bias: Constant, places: npt.NDArray[np.int64]) -> Constant:
    ordered = np.zeros(len(places), dtype=np.int64)
    ordered[places] = bias.raw.ravel()
    return Constant(ordered, bias.format)


def _rows(node: Any) -> int:
    return int(node.get_attr("n_free_data"))


def _einsum_order(node: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which inputs each product of a row and the kernel reads, in the order of the C++; where each result goes."""
    inputs = np.arange(int(np.prod(node.get_attr("inp_shape")))).reshape(node.get_attr("inp_shape"))
    order = inputs.transpose(node.get_attr("inp_tpose_idxs")).reshape(-1, int(node.get_attr("n_contract")))
    outputs = np.arange(int(np.prod(node.get_attr("out_shape")))).reshape(node.get_attr("out_interpert_shape"))
    came_from = outputs.transpose(node.get_attr("out_tpose_idxs")).ravel()
    return order, np.argsort(came_from)


def _dense(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    return _exact_dense(node, common, sources[0]) if hasattr(node, KEPT) else dense(node, common, sources)


def _conv(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    """A convolution; one in distributed arithmetic is that Dense layer for each window, which hls4ml has for arrays."""
    if not hasattr(node, KEPT):
        return conv(node, common, sources)
    flat, source = _exact_dense(node, common, sources[0]), sources[0]
    rank, filters = len(source.shape) - 1, flat.weight.raw.shape[1]
    taps = window_sizes(node, "filt", rank)
    return Conv(
        **common, weight=Constant(flat.weight.raw.reshape(*taps, source.shape[-1], filters), flat.weight.format),
        bias=flat.bias, accum=flat.accum, stride=window_sizes(node, "stride", rank), padding=window_sides(node, rank),
        strategy=DISTRIBUTED, reuse_factor=1,
    )  # fmt: skip


def _exact_dense(node: Any, common: Common, source: Layer) -> Dense:
    """Distributed arithmetic is ``cast(x @ float32(w) + b)``, exact until the cast: the accumulator holds every sum."""
    kernel, bias = getattr(node, KEPT)
    weights = _exact(node, np.asarray(kernel, dtype=np.float32).reshape(-1, kernel.shape[-1]), "weights")
    biases = _exact(node, np.broadcast_to(np.asarray(bias, dtype=np.float64).ravel(), (weights.raw.shape[1],)), "bias")
    accum = _sums(node, source.result, weights, biases)
    return Dense(**common, weight=weights, bias=biases, accum=accum, strategy=DISTRIBUTED, reuse_factor=1)


def _sums(node: Any, source: FixedFormat, weights: Constant, biases: Constant) -> FixedFormat:
    """A type that holds every sum of products and bias."""
    fraction = max(source.fraction + weights.format.fraction, biases.format.fraction)
    largest = np.abs(weights.value).sum(axis=0) * 2.0 ** (source.integer - source.signed)
    integer = int(np.frexp(float((largest + np.abs(biases.value)).max()))[1]) + 1
    return _format(node, fraction + integer, integer, "sums")


def _exact(node: Any, values: npt.NDArray[Any], what: str) -> Constant:
    """Numbers as they are, in the narrowest format that holds them all."""
    numbers = [float(value).as_integer_ratio() for value in values.ravel()]
    fraction = max(denominator.bit_length() - 1 for _, denominator in numbers)
    raw = [numerator * (1 << fraction) // denominator for numerator, denominator in numbers]
    width = max(max(n.bit_length(), (~n).bit_length()) for n in raw) + 1
    if fraction > DA4ML_FRACTION:
        raise unsupported(node, f"distributed arithmetic with {what} of {fraction} fraction bits; da4ml has 32")
    fmt = _format(node, width, width - fraction, what)
    return Constant(np.array(raw, dtype=np.int64).reshape(values.shape), fmt)


def _format(node: Any, width: int, integer: int, what: str) -> FixedFormat:
    if width > MAX_WIDTH:
        raise unsupported(node, f"distributed arithmetic with {what} of {width} bits; {MAX_WIDTH} are possible")
    return FixedFormat(width, integer)


@contextlib.contextmanager
def kept_weights() -> Iterator[None]:
    """Keep what hls4ml forgets when it writes distributed arithmetic: the weights, and the quantizer before them."""
    from hls4ml.backends.vivado.passes import distributed_arithmetic as passes

    def keeping(write: Any) -> Any:
        def transform(self: Any, model: Any, node: Any) -> Any:
            setattr(node, KEPT, (node.attributes["weight"].data.copy(), node.attributes["bias"].data.copy()))
            return write(self, model, node)

        return transform

    writers = (passes.DALatencyDenseTemplate, passes.DALatencyConvTemplate, passes.DistributedArithmeticEinsumCodegen)
    with contextlib.ExitStack() as patches:
        for writer in writers:
            patches.enter_context(mock.patch.object(writer, "transform", keeping(writer.transform)))
        patches.enter_context(mock.patch.object(passes.FuseQuantizerIntoDALayers, "match", return_value=False))
        yield


@contextlib.contextmanager
def exact_limits() -> Iterator[None]:
    """Keep the fraction bits of saturating quantizers: without them the largest value is another one.

    hls4ml 1.3.0 takes from a quantizer the bits that its input never has; for all overflow modes but ``SAT`` it
    first makes sure that nothing overflows (bit_exact.py, ``_produce_kif``).  Here ``SAT`` is treated like those.
    """
    from hls4ml.model.optimizer.passes import bit_exact
    from hls4ml.model.optimizer.passes.hgq_proxy_model import FixedPointQuantizer

    theirs = bit_exact._produce_kif.dispatch(FixedPointQuantizer)

    def produce(layer: Any) -> Any:
        mode = layer.SAT
        layer.SAT = "SAT_SYM" if mode == "SAT" else mode
        try:
            return theirs(layer)
        finally:
            layer.SAT = mode

    bit_exact._produce_kif.register(FixedPointQuantizer, produce)
    try:
        yield
    finally:
        bit_exact._produce_kif.register(FixedPointQuantizer, theirs)


HANDLERS: dict[str, Handler] = {
    "EinsumDense": _einsum_dense,
    "Dense": _dense,
    **dict.fromkeys(("Conv1D", "Conv2D", "PointwiseConv1D", "PointwiseConv2D"), _conv),
}
