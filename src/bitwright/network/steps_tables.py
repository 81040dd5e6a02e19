"""Steps of tables: sigmoid and its like, softmax, exponential linear units."""

from __future__ import annotations

import numpy as np

from bitwright.fixed import FixedFormat, Rounding, quantize
from bitwright.fixed.quantize import magnitude_bits, round_shift
from bitwright.network.carrier import Carrier, Step, as_type
from bitwright.network.layers import ExpLinear, HardMax, Lookup, Softmax, SoftmaxKind, Table
from bitwright.network.steps_pool import tree_sum


def integers(values: Carrier, width: int) -> Carrier:
    """int64, or Python integers for values of more bits."""
    return as_type(values, np.dtype(object if width > 62 else np.int64))


def table_index(raw: Carrier, fraction: int, entries: int, half_range: int) -> Carrier:
    """``clip(trunc(x * n / (2 r)) + n / 2, 0, n - 1)`` for raw integers ``x * 2**fraction``."""
    shift = fraction - (entries.bit_length() - (2 * half_range).bit_length())
    towards_zero = raw << -shift if shift <= 0 else round_shift(raw, shift, Rounding.TRN_ZERO)
    return np.clip(towards_zero + entries // 2, 0, entries - 1).astype(np.int64)


def table(layer: Table, source: FixedFormat) -> Step:
    """The entry that the value in steps of the table selects."""
    entries = quantize(layer.table.raw, layer.table.format.fraction, layer.result)
    half_range = layer.function.half_range
    return lambda x: entries[table_index(integers(x, source.width + 16), source.fraction, len(entries), half_range)]


def top_bits(raw: Carrier, width: int, bits: int) -> Carrier:
    """The top ``bits`` of a ``width``-bit pattern, as an unsigned number (softmax_idx_from_real_val)."""
    return ((raw & ((1 << width) - 1)) >> (width - bits)).astype(np.int64)


def softmax(layer: Softmax, source: FixedFormat) -> Step:
    """Exponentials from one table, times the reciprocal of their sum from another."""
    if layer.implementation is SoftmaxKind.LEGACY:
        return legacy_softmax(layer, source)
    exp_bits = (layer.exp_table.raw.size - 1).bit_length()
    inverse_bits = (layer.inverse_table.raw.size - 1).bit_length()
    exps = quantize(layer.exp_table.raw, layer.exp_table.format.fraction, layer.accum)
    inverses = layer.inverse_table.raw
    address = layer.difference if layer.implementation is SoftmaxKind.STABLE else source
    product_fraction = layer.accum.fraction + layer.inverse_table.format.fraction

    def run(x: Carrier) -> Carrier:
        x = integers(x, source.width + 2)
        if layer.implementation is SoftmaxKind.STABLE:
            x = quantize(x.max(axis=1, keepdims=True) - x, source.fraction, layer.difference)
        exp = exps[top_bits(x, address.width, exp_bits)]
        total = quantize(tree_sum(exp, layer.accum)[:, None], layer.accum.fraction, layer.inverse_input)
        inverse = inverses[top_bits(total, layer.inverse_input.width, inverse_bits)]
        wide = magnitude_bits(layer.accum.min, layer.accum.max) + layer.inverse_table.format.width > 62
        product = (exp.astype(object) if wide else exp) * inverse
        return quantize(product, product_fraction, layer.result)

    return _by_slices(run, layer.slices)


def legacy_softmax(layer: Softmax, source: FixedFormat) -> Step:
    """The reciprocal of the sum of the exponentials of all differences, both from tables."""
    exps, accum, inverse = layer.exp_table.raw, layer.accum, layer.inverse_table.raw
    one = int(quantize(np.array([1], dtype=np.int64), 0, accum)[0])
    shift = accum.fraction + 6
    results = quantize(inverse, layer.inverse_table.format.fraction, layer.result)

    def run(x: Carrier) -> Carrier:
        x, columns = integers(x, source.width + 20), []
        for i in range(x.shape[1]):
            total = np.zeros(len(x), dtype=np.int64)
            for j in range(x.shape[1]):
                index = table_index(x[:, j] - x[:, i], source.fraction, len(exps), 8)
                total = quantize(total + (one if i == j else exps[index]), accum.fraction, accum)
            steps = total * len(inverse) * (1 << max(-shift, 0)) >> max(shift, 0)
            columns.append(results[np.clip(steps, 0, len(inverse) - 1)])
        return np.stack(columns, axis=1)

    return _by_slices(run, layer.slices)


def _by_slices(run: Step, slices: tuple[int, ...]) -> Step:
    """``run`` on rows of the elements that belong together: elements are (outer, together, inner)."""
    outer, together, inner = slices
    if outer == inner == 1:
        return run

    def step(x: Carrier) -> Carrier:
        rows = x.reshape(len(x), outer, together, inner).transpose(0, 1, 3, 2)
        y = run(rows.reshape(-1, together)).reshape(len(x), outer, inner, together)
        return y.transpose(0, 1, 3, 2).reshape(len(x), -1)

    return step


def hard_max(layer: HardMax) -> Step:
    """One for the largest."""
    one = int(quantize(np.array([1], dtype=np.int64), 0, layer.result)[0])

    def run(x: Carrier) -> Carrier:
        out = np.zeros(x.shape, dtype=np.int64)
        np.put_along_axis(out, np.argmax(x, axis=1)[:, None], one, axis=1)
        return out

    return _by_slices(run, layer.slices)


def exp_linear(layer: ExpLinear, source: FixedFormat) -> Step:
    """Two branches: a factor from zero up, a table below."""
    fraction = layer.alpha.format.fraction + layer.table.format.fraction
    below = layer.table.raw.astype(object) * int(layer.alpha.raw[0])
    entries = quantize(below, fraction, layer.result)
    gain, gain_fraction = int(layer.gain.raw[0]), layer.gain.format.fraction
    width = source.width + max(layer.gain.format.width, layer.table.raw.size.bit_length()) + max(-source.fraction, 0)
    shift = source.fraction + 3 - (layer.table.raw.size - 1).bit_length()

    def run(x: Carrier) -> Carrier:
        x = integers(x, width)
        up = quantize(np.maximum(x, 0) * gain, source.fraction + gain_fraction, layer.result)
        down = np.maximum(-x, 0)
        index = down >> shift if shift >= 0 else down << -shift
        return np.where(x >= 0, up, entries[np.minimum(index, len(entries) - 1).astype(np.int64)])

    return run


def lookup(layer: Lookup, source: FixedFormat) -> Step:
    """The bit pattern is the address."""
    entries = quantize(layer.table.raw, layer.table.format.fraction, layer.result)
    return lambda x: entries[top_bits(integers(x, source.width), source.width, source.width)]
