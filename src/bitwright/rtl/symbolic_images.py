"""Convolution, pooling and rearrangement as alkaid variables: every position is hardware of its own.

Written from hls4ml's C++ alone, not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from functools import reduce
from itertools import product

from alkaid.trace import FVariable

from bitwright.fixed import FixedFormat, Rounding
from bitwright.network.layers import Conv, Layer, Pool, PoolForm, PoolOp, Rearrange, Shape
from bitwright.network.rearrange import source_index
from bitwright.rtl.quantizers import assign, fraction_bits, is_constant, round_to, times
from bitwright.rtl.symbolic_dense import Variables, dense

Place = tuple[int, ...]


def _starts(counts: Shape, stride: Shape, padding: Shape) -> list[Place]:
    """Where the window of each output position begins; negative: outside of the image."""
    places = product(*(range(n) for n in counts))
    return [
        tuple(p * s - padding[2 * axis] for axis, (p, s) in enumerate(zip(at, stride, strict=True))) for at in places
    ]


def _element(at: Place, shape: Shape) -> int | None:
    """The number of a pixel's first element, None outside of the image."""
    number = 0
    for place, size in zip(at, shape[:-1], strict=True):
        if not 0 <= place < size:
            return None
        number = number * size + place
    return number * shape[-1]


def _taps(start: Place, kernel: Shape, shape: Shape) -> list[int | None]:
    taps = product(*(range(k) for k in kernel))
    return [_element(tuple(s + t for s, t in zip(start, tap, strict=True)), shape) for tap in taps]


def conv(layer: Conv, x: Variables, shape: Shape) -> Variables:
    """The same matrix product for each window; zero stands outside of the image."""
    zero = FVariable.from_const(0.0, x[0].hwconf)
    position, channels = layer.position, range(shape[-1])
    out: Variables = []
    for start in _starts(layer.shape[:-1], layer.stride, layer.padding):
        taps = _taps(start, layer.kernel, shape)
        out += dense(position, [zero if tap is None else x[tap + c] for tap in taps for c in channels])
    return out


def pool(layer: Pool, x: Variables, source: Layer) -> Variables:
    """Each window of each channel by itself."""
    counts = layer.shape[:-1] if len(layer.shape) > len(layer.kernel) else (1,) * len(layer.kernel)
    out: Variables = []
    for start in _starts(counts, layer.stride, layer.padding):
        taps = _taps(start, layer.kernel, source.shape)
        for c in range(source.shape[-1]):
            window = [None if tap is None else x[tap + c] for tap in taps]
            out.append(assign(_pooled(layer, window, source.result), layer.result))
    return out


def _pooled(layer: Pool, window: list[FVariable | None], fmt: FixedFormat) -> FVariable:
    accum, inside = layer.accum, [v for v in window if v is not None]
    if layer.form is not PoolForm.PARALLEL:
        inside = [assign(v, accum) for v in inside]
    if layer.op is PoolOp.MAX:
        if len(inside) < len(window):  # the pattern of the top bit alone, whatever the sign
            least = (fmt.min if fmt.signed else 1 << (fmt.width - 1)) * 2.0**-fmt.fraction
            inside.append(FVariable.from_const(least, inside[0].hwconf))
        return assign(reduce(lambda a, b: a.max_of(b), inside), accum)
    number = layer.count or (len(window) if layer.count_padding else len(inside))
    if layer.form is PoolForm.STREAM:
        return divided(tree_sum(inside, accum), number, accum)
    zero = FVariable.from_const(0.0, inside[0].hwconf)
    return divided(reduce(lambda a, b: assign(a + b, accum), inside, zero), number, accum)


def divided(v: FVariable, number: int, fmt: FixedFormat) -> FVariable:
    """``v / number`` rounded towards zero to the last bit of ``fmt``: a product with a reciprocal that is exact enough.

    For integers of ``n`` bits, ``floor(x * m / 2**s) + (x < 0)`` with ``s = n + ceil(log2 number)`` and ``m`` just
    above ``2**s / number`` (Granlund and Montgomery, Division by invariant integers using multiplication, 1994).
    """
    if is_constant(v):
        raw = int(v.low * 2.0**fmt.fraction)
        quotient = abs(raw) // number * (1 if raw >= 0 else -1)
        return FVariable.from_const(quotient * 2.0**-fmt.fraction, v.hwconf)
    if number & (number - 1) == 0:
        return round_to(v * (1.0 / number), fmt.fraction, Rounding.TRN_ZERO)
    bits = sum(v.kif) + max(fmt.fraction - fraction_bits(v), 0)
    shift = bits + (number - 1).bit_length()
    reciprocal = ((1 << shift) // number + 1) * 2.0**-shift
    floor = round_to(times(v, reciprocal), fmt.fraction, Rounding.TRN)
    return floor + v.is_negative() * 2.0**-fmt.fraction if v.low < 0 else floor


def tree_sum(values: Variables, accum: FixedFormat) -> FVariable:
    """hls4ml's balanced tree: every sum held in the accumulator."""
    if len(values) == 1:
        return values[0]
    left = 1 << ((len(values) - 1).bit_length() - 1)
    return assign(tree_sum(values[:left], accum) + tree_sum(values[left:], accum), accum)


def rearrange(layer: Rearrange, x: Variables, shape: Shape) -> Variables:
    """Elements in other places, or zero, cast to the result."""
    zero = FVariable.from_const(0.0, x[0].hwconf)
    return [zero if k < 0 else assign(x[k], layer.result) for k in source_index(layer, shape).tolist()]
