"""Operations counted one by one, in the loops that a program for the layer would have; bits by their digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from bitwright.network import Constant, Layer
from bitwright.network.layers import (
    Argmax,
    Cell,
    Conv,
    Dense,
    Dot,
    Einsum,
    Embedding,
    ExpLinear,
    HardMax,
    HardSigmoid,
    LayerNorm,
    Leaky,
    Levels,
    Lookup,
    Merge,
    Pool,
    Recurrent,
    Relu,
    ScaleBias,
    Softmax,
    Table,
    Threshold,
)

Step = tuple[str, int]  # what is done, and the bit operations of it


def digits(raw: int) -> int:
    """Binary digits from the first 1 to the last 1."""
    return len(f"{abs(raw):b}".strip("0"))


def table(constant: Constant) -> Step:
    return "other", constant.format.width


def steps(layer: Layer, sources: Sequence[Layer]) -> Iterator[Step]:
    """Every operation of one inference."""
    width = sources[0].result.width if sources else 0
    match layer:
        case Dense():
            yield from dense(layer.weight, layer.bias, width)
        case Conv():
            yield from conv(layer, width)
        case ScaleBias():
            for _ in range(layer.size):
                yield "multiply", width * layer.scale.format.width
                yield from biased(layer.bias)
        case Relu():
            for _ in range(layer.size):
                yield "other", width
                if layer.limit is not None:
                    yield "other", width
        case Table() | Lookup():
            for _ in range(layer.size):
                yield table(layer.table)
        case Embedding():
            for _, _ in product(range(sources[0].size), range(layer.table.raw.shape[1])):
                yield table(layer.table)
        case Leaky() | Threshold() | HardSigmoid() | ExpLinear() | Levels():
            for _ in range(layer.size):
                yield from element(layer, width)
        case Pool():
            yield from pool(layer, width)
        case Softmax():
            yield from softmax(layer, width)
        case HardMax() | Argmax():
            together = layer.slices[1] if isinstance(layer, HardMax) else sources[0].size
            for _ in range(sources[0].size // together):
                for _ in range(1, together):
                    yield "other", width
        case LayerNorm():
            yield from norm(layer)
        case Recurrent():
            yield from recurrent(layer, sources[0])
        case Merge():
            yield from merge(layer, sources)
        case Dot():
            for _ in range(sources[0].size):
                yield "mac", width * sources[1].result.width
        case Einsum():
            (n_i, n_j, n_c), n_k = sources[0].shape, sources[1].shape[1]
            for _ in product(range(n_i), range(n_j), range(n_k), range(n_c)):
                yield "mac", width * sources[1].result.width


def biased(bias: Constant) -> Iterator[Step]:
    if any(raw != 0 for raw in bias.raw.ravel().tolist()):
        yield "bias", bias.format.width


def dense(weight: Constant, bias: Constant, width: int) -> Iterator[Step]:
    n_in, n_out = weight.raw.shape
    for _ in range(n_out):
        for _ in range(n_in):
            yield "mac", width * weight.format.width
        yield from biased(bias)


def conv(layer: Conv, width: int) -> Iterator[Step]:
    channels = layer.weight.raw.shape[len(layer.kernel)]
    for _ in product(*(range(n) for n in layer.shape)):  # a position and a filter
        for _ in product(*(range(n) for n in layer.kernel), range(1 if layer.depthwise else channels)):
            yield "mac", width * layer.weight.format.width
        yield from biased(layer.bias)


def element(layer: Leaky | Threshold | HardSigmoid | ExpLinear | Levels, width: int) -> Iterator[Step]:
    match layer:
        case Leaky():
            yield from (("other", width), ("multiply", width * layer.slope.format.width))
        case Threshold():
            yield "other", width
        case HardSigmoid():  # slope x + shift, below 0, above 1, and 2 s - 1
            yield "multiply", width * layer.slope.format.width
            yield from [("other", width)] * 3
            if layer.tanh:
                yield "other", width
        case ExpLinear():  # sign, gain x, entry, alpha entry
            yield from (("other", width), ("multiply", width * layer.gain.format.width), table(layer.table))
            yield "multiply", layer.alpha.format.width * layer.table.format.width
        case Levels():
            yield from [("other", width)] * 2


def pool(layer: Pool, width: int) -> Iterator[Step]:
    for _ in range(layer.size):
        if layer.op.value == "max":
            yield from [("other", width)] * (prod(layer.kernel) - 1)
        else:  # sums, then one division
            yield from [("other", layer.accum.width)] * prod(layer.kernel)


def softmax(layer: Softmax, width: int) -> Iterator[Step]:
    outer, n, inner = layer.slices
    for _ in range(outer * inner):
        if layer.implementation.value == "legacy":
            for i in range(n):
                for j in range(n):
                    if i != j:
                        yield from (("other", width), table(layer.exp_table), ("other", layer.accum.width))
                yield table(layer.inverse_table)
            continue
        if layer.implementation.value == "stable":
            yield from [("other", width)] * (n - 1)  # the largest
            yield from [("other", width)] * n  # differences
        yield from [table(layer.exp_table)] * n
        yield from [("other", layer.accum.width)] * (n - 1)
        yield table(layer.inverse_table)
        yield from [("multiply", layer.accum.width * layer.inverse_table.format.width)] * n


def norm(layer: LayerNorm) -> Iterator[Step]:
    n, width, root = layer.shape[-1], layer.accum.width, layer.table.format.width
    for _ in range(prod(layer.shape[:-1])):
        yield from [("other", width)] * (n - 1)
        yield "multiply", width * width  # by 1 / n: the mean
        for _ in range(n):
            yield from (("other", width), ("mac", width * width))  # difference, its square
        yield "multiply", width * width  # by 1 / n: the variance
        yield table(layer.table)
        for _ in range(n):
            yield "multiply", width * root
            yield "multiply", (width + root) * layer.scale.format.width
            yield from biased(layer.bias)


def recurrent(layer: Recurrent, source: Layer) -> Iterator[Step]:
    wide, state = layer.accum.width, layer.result.width
    gate = ("other", wide) if layer.gate.value == "relu" else table(layer.gate_table)
    for _ in range(source.shape[0]):
        yield from dense(layer.weight, layer.bias, source.result.width)
        yield from dense(layer.recurrent_weight, layer.recurrent_bias, state)
        for _ in range(layer.units):
            if layer.cell is Cell.LSTM:
                yield from [("other", wide)] * 4 + [gate] * 3 + [acted(layer, wide), acted(layer, state)]
                yield from (("multiply", wide * wide), ("mac", state * wide), ("multiply", wide * wide))
            else:
                yield from [("other", wide)] * 2 + [gate] * 2 + [("mac", wide * wide), acted(layer, wide)]
                yield from (("other", wide), ("multiply", wide * wide), ("mac", state * wide))


def acted(layer: Recurrent, width: int) -> Step:
    return ("other", width) if layer.function.value == "relu" else table(layer.table)


def merge(layer: Merge, sources: Sequence[Layer]) -> Iterator[Step]:
    a, b = (source.result.width for source in sources)
    for _ in range(layer.size):
        yield ("multiply", a * b) if layer.op.value == "multiply" else ("other", max(a, b))


def counted(layer: Layer, sources: Sequence[Layer]) -> dict[str, int]:
    """The figures of a Work."""
    number: Counter[str] = Counter()
    bits: Counter[str] = Counter()
    for what, cost in steps(layer, sources):
        number[what] += 1
        bits[what] += cost
    return {
        "macs": number["mac"],
        "multiplications": number["mac"] + number["multiply"],
        "flops": number.total() + number["mac"],
        "products": bits["mac"] + bits["multiply"],
        "bias": bits["bias"],
        "other": bits["other"],
    }
