"""A naive interpreter of a Network: one number at a time, rationals, in the words of hls4ml's C++.

Written from hls4ml 1.3.0's ``nnet_utils`` headers, line by line, and from UG1399; it shares no code
with ``bitwright.network.steps`` and is as slow as it is plain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from math import floor, prod, trunc

from rationals import assigned

from bitwright.fixed import FixedFormat
from bitwright.network.layers import (
    Argmax,
    Cast,
    CastEach,
    Cell,
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
    Network,
    Pool,
    Rearrange,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    SoftmaxKind,
    Table,
    TableFunction,
    Threshold,
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


def image(x: Numbers, shape: Sequence[int], at: Sequence[int], channel: int, outside: Fraction) -> Fraction:
    """The element of a channel at a place that may lie outside the image."""
    if any(not 0 <= place < n for place, n in zip(at, shape[:-1], strict=True)):
        return outside
    index = 0
    for place, n in zip(at, shape[:-1], strict=True):
        index = index * n + place
    return x[index * shape[-1] + channel]


def places(
    shape: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> list[list[tuple[int, ...]]]:
    """For each output position, in order, where its taps lie."""
    counts = []
    for axis, n in enumerate(shape[:-1]):
        full = n + padding[2 * axis] + padding[2 * axis + 1]
        counts.append(len([p for p in range(0, full, stride[axis]) if p + kernel[axis] <= full]))
    starts = product(*(range(count) for count in counts))
    return [
        [
            tuple(p * stride[a] + t - padding[2 * a] for a, (p, t) in enumerate(zip(start, tap, strict=True)))
            for tap in product(*(range(k) for k in kernel))
        ]
        for start in starts
    ]


def conv(layer: Conv, x: Numbers, shape: Sequence[int]) -> Numbers:
    """conv_1d/2d_latency_cl, _resource_cl, and the depthwise ones: bias, then each product in the order of the C++."""
    channels, filters, accum_t = shape[-1], layer.shape[-1], layer.accum
    weights, biases = numbers(layer.weight), numbers(layer.bias)
    out: Numbers = []
    for taps in places(shape, layer.kernel, layer.stride, layer.padding):
        window = [image(x, shape, at, c, Fraction(0)) for at in taps for c in range(channels)]
        order = list(range(len(window)))
        if layer.strategy != "latency" and layer.reuse_factor < len(window):
            order = [i for first in range(layer.reuse_factor) for i in order[first :: layer.reuse_factor]]
        for f in range(filters):
            acc = store(biases[f], accum_t)
            for i in order:
                if layer.depthwise and i % channels != f:
                    continue
                weight = weights[i] if layer.depthwise else weights[i * filters + f]
                acc = store(acc + store(window[i] * weight, accum_t), accum_t)
            out.append(store(acc, layer.result))
    return out


def pool(layer: Pool, x: Numbers, shape: Sequence[int], data_t: FixedFormat) -> Numbers:
    """pooling1d/2d_cl and global_pooling, as arrays or as streams."""
    least = number(-(1 << (data_t.width - 1)) if data_t.signed else 1 << (data_t.width - 1), data_t)
    outside = least if layer.op.value == "max" else Fraction(0)
    out: Numbers = []
    for taps in places(shape, layer.kernel, layer.stride, layer.padding):
        inside = sum(all(0 <= p < n for p, n in zip(at, shape[:-1], strict=True)) for at in taps)
        for c in range(shape[-1]):
            window = [image(x, shape, at, c, outside) for at in taps]
            length = len(window) if layer.count_padding else inside
            out.append(store(pool_op(layer, window, length), layer.result))
    return out


def pool_op(layer: Pool, window: Numbers, length: int) -> Fraction:
    accum_t, form = layer.accum, layer.form.value
    if form != "parallel":
        window = [store(v, accum_t) for v in window]
    if layer.op.value == "max":
        return store(max(window), accum_t)
    if form == "stream":
        y = reduce_add(window, accum_t)
    else:
        y = Fraction(0)
        for v in window:
            y = store(y + v, accum_t)
    return trunc(y * Fraction(2) ** accum_t.fraction / length) * Fraction(2) ** -accum_t.fraction


def rearrange(layer: Rearrange, x: Numbers, shape: Sequence[int]) -> Numbers:
    """transpose, zeropad1d/2d, cropping1d/2d, resize_nearest."""
    out: Numbers = []
    for at in product(*(range(n) for n in layer.shape)):
        match layer.op.value:
            case "transpose":
                back = [at[layer.parameters.index(axis)] for axis in range(len(shape))]
            case "zero pad":
                back = [p - layer.parameters[2 * axis] for axis, p in enumerate(at[:-1])]
            case "crop":
                back = [p + layer.parameters[2 * axis] for axis, p in enumerate(at[:-1])]
            case "resize":
                ratios = [(old << 16) // new + 1 for old, new in zip(shape, layer.shape, strict=True)]
                back = [p * ratio >> 16 for p, ratio in zip(at[:-1], ratios, strict=False)]
        back = [*back, at[-1]][: len(shape)]
        out.append(store(image(x, shape, back[:-1], back[-1], Fraction(0)), layer.result))
    return out


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


def table(layer: Table, x: Numbers) -> Numbers:
    entries, n = numbers(layer.table), layer.table.raw.size
    span = 8 if layer.function is TableFunction.TANH else 16
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


def hard_max(layer: HardMax, x: Numbers) -> Numbers:
    best = index_of_largest(x)
    return [store(1 if i == best else 0, layer.result) for i in range(len(x))]


def sliced(layer: Softmax | HardMax, x: Numbers, function: Callable[[Numbers], Numbers]) -> Numbers:
    """softmax_multidim: element j of slice (i, k) is at i * n_slice * n_inner + j * n_inner + k."""
    n_slice, out = len(x) // layer.outer // layer.inner, list(x)
    for i in range(layer.outer):
        for k in range(layer.inner):
            places = [i * n_slice * layer.inner + j * layer.inner + k for j in range(n_slice)]
            for place, y in zip(places, function([x[p] for p in places]), strict=True):
                out[place] = y
    return out


def activation(layer: Layer, i: int, v: Fraction, t: FixedFormat) -> Fraction:
    """leaky_relu, prelu, thresholded_relu, hard_sigmoid, hard_tanh, elu, selu, the quantized tanhs, unary_lut."""
    match layer:
        case Leaky():
            slope = numbers(layer.slope)
            return store(v if v > 0 else slope[i % len(slope)] * v, layer.result)
        case Threshold():
            return store(v if v > numbers(layer.theta)[0] else 0, layer.result)
        case HardSigmoid():
            datareg = numbers(layer.slope)[0] * v + numbers(layer.shift)[0]
            datareg = Fraction(1) if datareg > 1 else Fraction(0) if datareg < 0 else datareg
            return store(2 * datareg - 1 if layer.tanh else datareg, layer.result)
        case ExpLinear():
            entries = numbers(layer.table)
            if v >= 0:
                return store(numbers(layer.gain)[0] * v, layer.result)
            return store(
                numbers(layer.alpha)[0] * entries[min(as_int(v * len(entries) / -8), len(entries) - 1)], layer.result
            )
        case Levels():
            up, down = numbers(layer.up), numbers(layer.down)
            which = 0 if v >= up[i % len(up)] else 2 if v < down[i % len(down)] else 1
            return number(layer.levels[which], layer.result)
        case Lookup():
            return store(numbers(layer.table)[bits(v, t)], layer.result)
        case CastEach():
            signed, width, integer = layer.bits.raw[:, i].tolist()
            if not width:
                return Fraction(0)
            kind = FixedFormat(width, integer, bool(signed), layer.rounding, layer.overflow)
            return store(store(v, kind), layer.result)
    raise AssertionError(layer)


def gate(layer: Recurrent, x: Numbers, which: str) -> Numbers:
    """nnet::activation::sigmoid, tanh or relu, into accum_t."""
    function = layer.gate if which == "gate" else layer.function
    entries = numbers(layer.gate_table if which == "gate" else layer.table)
    if function.value == "relu":
        return [store(v if v > 0 else 0, layer.accum) for v in x]
    span, n, out = 8 if function.value == "tanh" else 16, len(entries), []
    for v in x:
        index = as_int(v * n / span) + span // 2 * n // span
        out.append(store(entries[min(max(index, 0), n - 1)], layer.accum))
    return out


def product_of(layer: Recurrent, x: Numbers, weight: Constant, bias: Constant, reuse: int) -> Numbers:
    """nnet::dense into accum_t."""
    n_out = bias.raw.size
    made = Dense(
        name="d", sources=("x",), shape=(n_out,), result=layer.accum, weight=weight, bias=bias, accum=layer.accum,
        strategy=layer.strategy, reuse_factor=reuse,
    )  # fmt: skip
    return dense(made, x)


def recurrent(layer: Recurrent, x: Numbers, shape: Sequence[int]) -> Numbers:
    """lstm_stack and gru_stack."""
    steps, features = shape
    n, accum_t, res_t = layer.units, layer.accum, layer.result
    h, s = [Fraction(0)] * n, [Fraction(0)] * n
    out: dict[int, Numbers] = {}
    for t in reversed(range(steps)) if layer.backward else range(steps):
        data = x[t * features : (t + 1) * features]
        tmpres = product_of(layer, data, layer.weight, layer.bias, layer.reuse_factor)
        state = product_of(layer, h, layer.recurrent_weight, layer.recurrent_bias, layer.recurrent_reuse_factor)
        if layer.cell is Cell.LSTM:
            acc = [store(a + b, accum_t) for a, b in zip(tmpres, state, strict=True)]
            i, f, o = (gate(layer, acc[k * n : (k + 1) * n], "gate") for k in (0, 1, 3))
            c = gate(layer, acc[2 * n : 3 * n], "function")
            s = [store(c[k] * i[k] + s[k] * f[k], res_t) for k in range(n)]
            acted = gate(layer, s, "function")
            h = [store(o[k] * acted[k], res_t) for k in range(n)]
        else:
            zr = gate(layer, [store(tmpres[k] + state[k], accum_t) for k in range(2 * n)], "gate")
            reset = [store(zr[n + k] * state[2 * n + k], accum_t) for k in range(n)]
            c = gate(layer, [store(tmpres[2 * n + k] + reset[k], accum_t) for k in range(n)], "function")
            h = [store(c[k] * (1 - zr[k]) + h[k] * zr[k], res_t) for k in range(n)]
        out[t] = h
    return [v for t in range(steps) for v in out[t]] if layer.sequences else h


def embedding(layer: Embedding, x: Numbers) -> Numbers:
    """nnet::embedding; what lies beyond its array is taken from its ends."""
    rows, n_out = layer.table.raw.shape
    embeddings, out = numbers(layer.table), []
    for v in x:
        inside = min(max(v, Fraction(0)), Fraction(rows - 1))
        out += [store(embeddings[as_int(inside * n_out + i)], layer.result) for i in range(n_out)]
    return out


def layernormalize(layer: LayerNorm, x: Numbers) -> Numbers:
    """layernorm_1d for each row."""
    dim, accum_t, res = layer.scale.raw.size, layer.accum, []
    table, scale, bias = numbers(layer.table), numbers(layer.scale), numbers(layer.bias)
    k_inv = store(Fraction(1.0 / dim), accum_t)
    for first in range(0, len(x), dim):
        data = [store(v, accum_t) for v in x[first : first + dim]]
        sum_cache = sum_cache2 = Fraction(0)
        for v in data:
            sum_cache = store(sum_cache + v, accum_t)
        mean = store(sum_cache * k_inv, accum_t)
        data_diff = [store(v - mean, accum_t) for v in data]
        for diff in data_diff:
            sum_cache2 = store(sum_cache2 + store(diff * diff, accum_t), accum_t)
        index = as_int(store(sum_cache2 * k_inv, accum_t) * len(table) * 2**layer.range_power)
        deno_inver = table[min(max(index, 0), len(table) - 1)]
        res += [store(d * deno_inver * scale[i] + bias[i], layer.result) for i, d in enumerate(data_diff)]
    return res


def einsum(layer: Einsum, a: Numbers, b: Numbers) -> Numbers:
    """nnet::einsum between its transpositions."""
    n_inplace, n_free0, n_free1 = layer.shape
    n_contract, out = len(a) // n_inplace // n_free0, []
    for i, l0, l1 in product(range(n_inplace), range(n_free0), range(n_free1)):
        accum_buf = Fraction(0)
        for c in range(n_contract):
            p, q = a[(i * n_free0 + l0) * n_contract + c], b[i * n_free1 * n_contract + l1 * n_contract + c]
            accum_buf = store(accum_buf + p * q, layer.accum)
        out.append(store(accum_buf, layer.result))
    return out


def dot(layer: Dot, a: Numbers, b: Numbers) -> Numbers:
    """dot1d."""
    acc = Fraction(0)
    for p, q in zip(a, b, strict=True):
        acc = store(acc + store(p * q, layer.accum), layer.accum)
    return [store(acc, layer.result)]


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
        case Conv():
            return conv(layer, values[0], sources[0].shape)
        case Pool():
            return pool(layer, values[0], sources[0].shape, sources[0].result)
        case Rearrange():
            return rearrange(layer, values[0], sources[0].shape)
        case ScaleBias():
            return normalize(layer, values[0])
        case Relu():
            return relu(layer, values[0])
        case Cast():
            return [store(v, layer.result) for v in values[0]]
        case Table():
            return table(layer, values[0])
        case Softmax():
            return sliced(layer, values[0], lambda x: softmax(layer, x, sources[0].result))
        case HardMax():
            return sliced(layer, values[0], lambda x: hard_max(layer, x))
        case Leaky() | Threshold() | HardSigmoid() | ExpLinear() | Levels() | Lookup() | CastEach():
            return [activation(layer, i, v, sources[0].result) for i, v in enumerate(values[0])]
        case Embedding():
            return embedding(layer, values[0])
        case LayerNorm():
            return layernormalize(layer, values[0])
        case Recurrent():
            return recurrent(layer, values[0], sources[0].shape)
        case Dot():
            return dot(layer, values[0], values[1])
        case Einsum():
            return einsum(layer, values[0], values[1])
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
