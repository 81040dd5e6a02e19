"""Recurrent layers as alkaid variables: every time step is hardware of its own.

Written from hls4ml's C++ alone (nnet_recurrent.h), not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

import numpy as np
from alkaid.trace import FVariable

from bitwright.network.layers import Cell, Recurrent, Relu, Shape
from bitwright.rtl.quantizers import assign
from bitwright.rtl.symbolic_activations import relu, table
from bitwright.rtl.symbolic_dense import Variables, dense


def unrolled_products(layer: Recurrent, steps: int) -> int:
    """Multiplications by constants of all steps together."""
    return steps * sum(int(np.count_nonzero(weight.raw)) for weight in (layer.weight, layer.recurrent_weight))


def recurrent(layer: Recurrent, x: Variables, shape: Shape) -> Variables:
    """All states, or the last one."""
    steps, features = shape
    zero = FVariable.from_const(0.0, x[0].hwconf)
    h, s = [zero] * layer.units, [zero] * layer.units
    of_input, of_state = layer.products()
    out: dict[int, Variables] = {}
    for t in reversed(range(steps)) if layer.backward else range(steps):
        new, old = dense(of_input, x[t * features : (t + 1) * features]), dense(of_state, h)
        if layer.cell is Cell.LSTM:
            h, s = _lstm(layer, new, old, s)
        else:
            h = _gru(layer, new, old, h)
        out[t] = h
    return [v for t in range(steps) for v in out[t]] if layer.sequences else h


def _function(layer: Recurrent, x: Variables, *, gate: bool) -> Variables:
    made = layer.activation(gate=gate, size=len(x))
    return [relu(v, made) if isinstance(made, Relu) else table(made, v) for v in x]


def _lstm(layer: Recurrent, new: Variables, old: Variables, s: Variables) -> tuple[Variables, Variables]:
    n, result = layer.units, layer.result
    total = [assign(a + b, layer.accum) for a, b in zip(new, old, strict=True)]
    i, f, o = (_function(layer, total[k * n : (k + 1) * n], gate=True) for k in (0, 1, 3))
    c = _function(layer, total[2 * n : 3 * n], gate=False)
    s = [assign(c[k] * i[k] + s[k] * f[k], result) for k in range(n)]
    acted = _function(layer, s, gate=False)
    return [assign(o[k] * acted[k], result) for k in range(n)], s


def _gru(layer: Recurrent, new: Variables, old: Variables, h: Variables) -> Variables:
    n, accum = layer.units, layer.accum
    zr = _function(layer, [assign(new[k] + old[k], accum) for k in range(2 * n)], gate=True)
    reset = [assign(zr[n + k] * old[2 * n + k], accum) for k in range(n)]
    c = _function(layer, [assign(new[2 * n + k] + reset[k], accum) for k in range(n)], gate=False)
    return [assign(c[k] * (1.0 - zr[k]) + h[k] * zr[k], layer.result) for k in range(n)]
