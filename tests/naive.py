"""A naive interpreter of a Network: one number at a time, rationals, in the words of hls4ml's C++.

Written from hls4ml 1.3.0's ``nnet_utils`` headers, line by line, and from UG1399; it shares no code
with ``bitwright.network.steps`` and is as slow as it is plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor, prod, trunc

from rationals import assigned

from bitwright.fixed import FixedFormat
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Constant,
    Dense,
    HardMax,
    Input,
    Layer,
    Lookup,
    Merge,
    Network,
    Quantize,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
    TableFunction,
)

Numbers = list[Fraction]


def store(x: Fraction | int, t: FixedFormat) -> Fraction:
    """``t variable = x;`` and the number that the variable then holds."""
    raw = assigned(Fraction(x), t.width, t.integer, t.signed, t.rounding.value, t.overflow.value)
    return raw * Fraction(2) ** -t.fraction


def number(raw: int, t: FixedFormat) -> Fraction:
    """The number of a raw value."""
    return Fraction(int(raw)) * Fraction(2) ** -t.fraction


def numbers(constant: Constant) -> Numbers:
    """A constant's numbers in C order."""
    return [number(raw, constant.format) for raw in constant.raw.ravel().tolist()]


def as_int(x: Fraction) -> int:
    """C++ conversion of an ap_fixed to ``int``: towards zero, 32 bits."""
    return (trunc(x) + 2**31) % 2**32 - 2**31


def bits(x: Fraction, t: FixedFormat) -> int:
    """The bit pattern of a variable of type ``t`` as an unsigned number."""
    raw = x * Fraction(2) ** t.fraction
    assert raw.denominator == 1
    return int(raw) % (1 << t.width)


def top(x: Fraction, t: FixedFormat, entries: int) -> int:
    """softmax_idx_from_real_val: ``x(width - 1, width - N)``, N = ceillog2(entries)."""
    n = (entries - 1).bit_length()
    return bits(x, t) >> (t.width - n)


def dense(layer: Dense, x: Numbers) -> Numbers:
    """dense_latency, or the dense_resource function that the reuse factor selects."""
    if layer.strategy == "latency" or layer.reuse_factor == 1:
        return dense_latency(layer, x)
    if layer.reuse_factor <= len(x):
        return dense_resource_rf_leq_nin(layer, x)
    assert layer.reuse_factor % len(x) == 0, "hls4ml allows no other reuse factor"
    return dense_resource_rf_gt_nin_rem0(layer, x)


def dense_latency(layer: Dense, x: Numbers) -> Numbers:
    n_in, n_out, accum_t = len(x), layer.size, layer.accum
    weights, biases = numbers(layer.weight), numbers(layer.bias)
    mult = [store(x[i] * weights[i * n_out + j], accum_t) for i in range(n_in) for j in range(n_out)]
    acc = [store(bias, accum_t) for bias in biases]
    for ii in range(n_in):
        for jj in range(n_out):
            acc[jj] = store(acc[jj] + mult[ii * n_out + jj], accum_t)
    return [store(a, layer.result) for a in acc]


def transposed(layer: Dense) -> Numbers:
    """Weights as the resource strategy stores them: all of the first output, then of the second."""
    return numbers(Constant(layer.weight.raw.T, layer.weight.format))


def dense_resource_rf_leq_nin(layer: Dense, x: Numbers) -> Numbers:
    nin, nout, rufactor, accum_t = len(x), layer.size, layer.reuse_factor, layer.accum
    weights = transposed(layer)
    block_factor = -(-nin * nout // rufactor)
    multscale = -(-nin * nout // min(nin, rufactor)) // nout
    acc = [store(bias, accum_t) for bias in numbers(layer.bias)]
    for ir in range(rufactor):
        w_index = in_index = ir
        out_index = acc_step = 0
        for _im in range(block_factor):
            acc[out_index] = store(acc[out_index] + store(x[in_index] * weights[w_index], accum_t), accum_t)
            w_index += rufactor
            in_index += rufactor
            if in_index >= nin:
                in_index = ir
            if acc_step + 1 >= multscale:
                acc_step = 0
                out_index += 1
            else:
                acc_step += 1
    return [store(a, layer.result) for a in acc]


def dense_resource_rf_gt_nin_rem0(layer: Dense, x: Numbers) -> Numbers:
    nin, nout, accum_t = len(x), layer.size, layer.accum
    weights, rufactor = transposed(layer), min(layer.reuse_factor, nin * nout)
    block_factor, outscale = -(-nin * nout // layer.reuse_factor), rufactor // nin
    acc = [store(bias, accum_t) for bias in numbers(layer.bias)]
    for ir in range(rufactor):
        in_index, w_index, out_index = ir % nin, ir, ir // nin
        for _im in range(block_factor):
            acc[out_index] = store(acc[out_index] + store(x[in_index] * weights[w_index], accum_t), accum_t)
            w_index += rufactor
            if w_index >= nin * nout:
                break
            out_index += outscale
    return [store(a, layer.result) for a in acc]


def normalize(layer: ScaleBias, x: Numbers) -> Numbers:
    scale, bias = numbers(layer.scale), numbers(layer.bias)
    n_filt = len(scale)
    return [store(v * scale[i % n_filt] + bias[i % n_filt], layer.result) for i, v in enumerate(x)]


def relu(layer: Relu, x: Numbers) -> Numbers:
    out = []
    for datareg in x:
        if layer.limit is not None and datareg > layer.limit:
            out.append(store(layer.limit, layer.result))
        else:
            out.append(store(datareg if datareg > 0 else 0, layer.result))
    return out


def quantizer(layer: Quantize, x: Numbers) -> Numbers:
    """The function that hls4ml's generate_mask_fn writes: ``out[i] = ap_fixed<...>(inp[i]);`` or ``out[i] = 0;``."""
    inner = [Fraction(0) if t is None else store(v, t) for v, t in zip(x, layer.formats, strict=True)]
    return [store(v, layer.result) for v in inner]


def unary_lut(layer: Lookup, x: Numbers, data_t: FixedFormat) -> Numbers:
    entries = numbers(layer.table)
    return [store(entries[bits(v, data_t)], layer.result) for v in x]


def table(layer: Table, x: Numbers) -> Numbers:
    entries, n = numbers(layer.table), layer.table.raw.size
    span = {TableFunction.SIGMOID: 16, TableFunction.TANH: 8}[layer.function]
    out = []
    for v in x:
        index = as_int(v * n / span) + span // 2 * n // span
        index = max(index, 0)
        index = min(index, n - 1)
        out.append(store(entries[index], layer.result))
    return out


def reduce_add(x: Numbers, t: FixedFormat) -> Fraction:
    """nnet::reduce with Op_add<t>."""
    if len(x) == 1:
        return x[0]
    if len(x) == 2:
        return store(x[0] + x[1], t)
    left = 1
    while left * 2 <= len(x) - 1:
        left *= 2
    return store(reduce_add(x[:left], t) + reduce_add(x[left:], t), t)


def softmax(layer: Softmax, x: Numbers, data_t: FixedFormat) -> Numbers:
    exp_table, invert_table = numbers(layer.exp_table), numbers(layer.inverse_table)
    address_t = data_t
    if layer.implementation is SoftmaxKind.STABLE:
        x_max = max(x)
        x = [store(x_max - v, layer.difference) for v in x]
        address_t = layer.difference
    exp_res = [store(exp_table[top(v, address_t, len(exp_table))], layer.accum) for v in x]
    exp_sum = store(reduce_add(exp_res, layer.accum), layer.inverse_input)
    inv_exp_sum = invert_table[top(exp_sum, layer.inverse_input, len(invert_table))]
    return [store(e * inv_exp_sum, layer.result) for e in exp_res]


def index_of_largest(x: Numbers) -> int:
    """softmax_argmax: a later one must be larger to win."""
    maximum, idx = x[0], 0
    for i in range(1, len(x)):
        if x[i] > maximum:
            maximum, idx = x[i], i
    return idx


def merge(layer: Merge, a: Numbers, b: Numbers) -> Numbers:
    out = []
    for ii in range(layer.size):
        p, q = a[ii % len(a)], b[ii % len(b)]
        match layer.op.value:
            case "add":
                value = p + q
            case "subtract":
                value = p - q
            case "multiply":
                value = p * q
            case "average":
                value = (p + q) * Fraction(1, 2)
            case "maximum":
                value = p if p > q else q
            case "minimum":
                value = p if p < q else q
        out.append(store(value, layer.result))
    return out


def concat(layer: Concat, sources: Sequence[Numbers], shapes: Sequence[tuple[int, ...]]) -> Numbers:
    """concatenate1d, 2d and 3d: blocks of the axis and everything behind it take turns."""
    blocks = [prod(shape[layer.axis :]) for shape in shapes]
    outer = prod(shapes[0][: layer.axis])
    out: Numbers = []
    for i in range(outer):
        for source, block in zip(sources, blocks, strict=True):
            out += [store(v, layer.result) for v in source[i * block : (i + 1) * block]]
    return out


def compute(layer: Layer, sources: list[Layer], values: list[Numbers]) -> Numbers:
    """The numbers of one layer."""
    match layer:
        case Dense():
            return dense(layer, values[0])
        case ScaleBias():
            return normalize(layer, values[0])
        case Relu():
            return relu(layer, values[0])
        case Cast():
            return [store(v, layer.result) for v in values[0]]
        case Quantize():
            return quantizer(layer, values[0])
        case Table():
            return table(layer, values[0])
        case Lookup():
            return unary_lut(layer, values[0], sources[0].result)
        case Softmax():
            return softmax(layer, values[0], sources[0].result)
        case HardMax():
            best = index_of_largest(values[0])
            return [store(1 if i == best else 0, layer.result) for i in range(layer.size)]
        case Argmax():
            return [Fraction(index_of_largest(values[0]))]
        case Merge():
            return merge(layer, values[0], values[1])
        case Concat():
            return concat(layer, values, [source.shape for source in sources])
        case Reshape():
            return values[0]
        case Input():
            raise AssertionError("an input is given")


def evaluate(network: Network, row: Sequence[int]) -> dict[str, list[int]]:
    """Raw values of every layer for one vector."""
    layers, values = network.by_name, {}
    start = 0
    for layer in network.layers:
        if isinstance(layer, Input):
            values[layer.name] = [number(raw, layer.result) for raw in row[start : start + layer.size]]
            start += layer.size
        else:
            sources = [layers[name] for name in layer.sources]
            values[layer.name] = compute(layer, sources, [values[name] for name in layer.sources])
    return {name: [_raw(v, layers[name].result) for v in numbers] for name, numbers in values.items()}


def _raw(x: Fraction, t: FixedFormat) -> int:
    raw = x * Fraction(2) ** t.fraction
    assert raw == floor(raw), "a variable holds multiples of its last bit"
    return int(raw)
