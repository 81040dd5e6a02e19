"""Steps of recurrent layers: a loop over time, all rows side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitwright.fixed import quantize
from bitwright.network.carrier import Carrier, Step, as_type
from bitwright.network.interval import Interval, channel_interval, whole_range
from bitwright.network.layers import Cell, Layer, Recurrent, Relu
from bitwright.network.steps_elements import relu
from bitwright.network.steps_product import product
from bitwright.network.steps_tables import table

Integers = Callable[[Carrier], Carrier]
States = tuple[Carrier, Carrier]


def recurrent(layer: Recurrent, source: Layer, interval: Interval) -> Step:
    """The step of a Recurrent layer."""
    steps, features = source.shape
    integer = _integers(layer)
    first, second = layer.products()
    of_input = product(first, source.result, channel_interval(interval, features, ()))
    of_state = product(second, layer.result, _with_zero(whole_range(layer.result, layer.units)))
    update = _lstm(layer, integer) if layer.cell is Cell.LSTM else _gru(layer, integer)
    order = range(steps - 1, -1, -1) if layer.backward else range(steps)

    def run(x: Carrier) -> Carrier:
        inputs = x.reshape(len(x), steps, features)
        states: States = (np.zeros((len(x), layer.units), dtype=np.int64),) * 2
        out: dict[int, Carrier] = {}
        for t in order:
            new = integer(of_input(inputs[:, t]))
            states = update(new, integer(of_state(states[0])), states)
            out[t] = states[0]
        if not layer.sequences:
            return states[0]
        return np.concatenate([out[t] for t in range(steps)], axis=1)

    return run


def _with_zero(interval: Interval) -> Interval:
    return Interval(np.minimum(interval.low, 0), np.maximum(interval.high, 0))


def _integers(layer: Recurrent) -> Integers:
    bits = 2 * max(layer.accum.width, layer.result.width) + 4 + abs(layer.accum.fraction - layer.result.fraction)
    dtype = np.dtype(object if bits > 62 else np.int64)
    return lambda values: as_type(values, dtype)


def _activation(layer: Recurrent, integer: Integers, *, gate: bool, of_state: bool = False) -> Step:
    """The function of gates or candidates, of values in the accumulator or in the state's type."""
    fmt = layer.result if of_state else layer.accum
    made = layer.activation(gate=gate, size=layer.units)
    inside = whole_range(fmt, layer.units)
    run = relu(made, fmt, _with_zero(inside)) if isinstance(made, Relu) else table(made, fmt)
    return lambda x: integer(run(x))


def _lstm(layer: Recurrent, integer: Integers) -> Callable[[Carrier, Carrier, States], States]:
    """``s = c * i + s * f``, ``h = o * f(s)``, each assigned to the state's type."""
    accum, fmt, n = layer.accum, layer.result, layer.units
    gate, candidate = (_activation(layer, integer, gate=which) for which in (True, False))
    of_state = _activation(layer, integer, gate=False, of_state=True)

    def update(new: Carrier, old: Carrier, states: States) -> States:
        total = integer(quantize(new + old, accum.fraction, accum))
        i, f, o = gate(total[:, :n]), gate(total[:, n : 2 * n]), gate(total[:, 3 * n :])
        c, s = candidate(total[:, 2 * n : 3 * n]), integer(states[1])
        both = _aligned(c * i, 2 * accum.fraction, s * f, fmt.fraction + accum.fraction)
        s = quantize(both[0], both[1], fmt)
        h = quantize(o * of_state(s), 2 * accum.fraction, fmt)
        return h, s

    return update


def _gru(layer: Recurrent, integer: Integers) -> Callable[[Carrier, Carrier, States], States]:
    """``h = h' * (1 - z) + h * z`` with ``h' = f(x + r * state)``: the reset gate after the product."""
    accum, fmt, n = layer.accum, layer.result, layer.units
    gate, candidate = (_activation(layer, integer, gate=which) for which in (True, False))

    def update(new: Carrier, old: Carrier, states: States) -> States:
        total = integer(quantize(new[:, : 2 * n] + old[:, : 2 * n], accum.fraction, accum))
        z, r = gate(total[:, :n]), gate(total[:, n:])
        reset = integer(quantize(r * old[:, 2 * n :], 2 * accum.fraction, accum))
        c = candidate(integer(quantize(new[:, 2 * n :] + reset, accum.fraction, accum)))
        fraction, h = max(accum.fraction, 0), integer(states[0])
        rest = (1 << fraction) - z * (1 << (fraction - accum.fraction))
        both = _aligned(c * rest, accum.fraction + fraction, h * z, fmt.fraction + accum.fraction)
        h = quantize(both[0], both[1], fmt)
        return h, h

    return update


def _aligned(a: Carrier, a_fraction: int, b: Carrier, b_fraction: int) -> tuple[Carrier, int]:
    """The exact sum of two integers of different fractions, and its fraction."""
    common = max(a_fraction, b_fraction)
    return a * (1 << (common - a_fraction)) + b * (1 << (common - b_fraction)), common
