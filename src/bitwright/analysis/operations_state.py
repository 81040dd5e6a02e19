"""Operations of layers with inner values of their own: softmax, layer normalization, recurrence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bitwright.analysis.work import Operations, add, bias, look_up, mac, multiply
from bitwright.network.layers import Cell, Constant, GateFunction, Layer, LayerNorm, Recurrent, Softmax, SoftmaxKind


def softmax(layer: Softmax, source: Layer) -> Iterator[Operations]:
    """Of each slice of n elements; the exponentials, their sum, its reciprocal, the products with it."""
    outer, n, inner = layer.slices
    slices, width = outer * inner, source.result.width
    match layer.implementation:
        case SoftmaxKind.ARGMAX:
            yield add(slices * (n - 1), width)
            return
        case SoftmaxKind.LEGACY:
            pairs = slices * n * (n - 1)
            yield from (add(pairs, width), look_up(pairs, layer.exp_table), add(pairs, layer.accum.width))
            yield look_up(slices * n, layer.inverse_table)
            return
        case SoftmaxKind.STABLE:
            yield add(slices * (n - 1), width)
            yield add(slices * n, width)
        case SoftmaxKind.LATENCY:
            pass
        case _:
            assert_never(layer.implementation)
    yield look_up(slices * n, layer.exp_table)
    yield add(slices * (n - 1), layer.accum.width)
    yield look_up(slices, layer.inverse_table)
    yield multiply(slices * n, layer.accum.width, layer.inverse_table.format.width)


def layer_norm(layer: LayerNorm) -> Iterator[Operations]:
    """Of each row of n elements: mean, differences, variance, its root from the table, scale and bias."""
    n, width = layer.scale.raw.size, layer.accum.width
    rows = layer.size // n
    yield add(rows * (n - 1), width)
    yield multiply(rows * 2, width, width)
    yield add(layer.size, width)
    yield mac(layer.size, width, width)
    yield look_up(rows, layer.table)
    yield multiply(layer.size, width, layer.table.format.width)
    yield multiply(layer.size, width + layer.table.format.width, layer.scale.format.width)
    yield bias(layer.size, layer.bias)


def recurrent(layer: Recurrent, source: Layer) -> Iterator[Operations]:
    """Of every step: the two products, gates and state."""
    steps = source.shape[0]
    gates = steps * layer.cell.gates * layer.units
    yield mac(steps * layer.weight.raw.size, source.result.width, layer.weight.format.width)
    yield mac(steps * layer.recurrent_weight.raw.size, layer.result.width, layer.recurrent_weight.format.width)
    yield from (bias(gates, layer.bias), bias(gates, layer.recurrent_bias))
    yield from cells(layer, steps)


def cells(layer: Recurrent, steps: int) -> Iterator[Operations]:
    """Gates of all steps, and what becomes of the state."""
    n, wide, state = steps * layer.units, layer.accum.width, layer.result.width
    match layer.cell:
        case Cell.LSTM:  # sums of i, f, c, o; s = c i + s f; h = o act(s)
            yield add(4 * n, wide)
            yield _activation(layer.gate, layer.gate_table, 3 * n, wide)
            yield _activation(layer.function, layer.table, n, wide)
            yield from (multiply(n, wide, wide), mac(n, state, wide))
            yield _activation(layer.function, layer.table, n, state)
            yield multiply(n, wide, wide)
        case Cell.GRU:  # sums of z, r; candidate of x + r u; h = c (1 - z) + h z
            yield add(2 * n, wide)
            yield _activation(layer.gate, layer.gate_table, 2 * n, wide)
            yield mac(n, wide, wide)
            yield _activation(layer.function, layer.table, n, wide)
            yield add(n, wide)
            yield from (multiply(n, wide, wide), mac(n, state, wide))
        case _:
            assert_never(layer.cell)


def _activation(function: GateFunction, table: Constant, count: int, width: int) -> Operations:
    return add(count, width) if function is GateFunction.RELU else look_up(count, table)
