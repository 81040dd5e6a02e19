"""Dense layers of many shapes and formats: parameters, ROM and bias of dense_folded, and results by ``naive.py``."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction
from typing import Any

import numpy as np
from naive import dense, number
from rationals import OVERFLOWS, ROUNDINGS

from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.network.layers import Constant, Dense
from bitwright.rtl.engine_dense import timing

Raw = list[int]


def random_layer(
    rng: random.Random, n_in: int, n_out: int, reuse: int, overflow: str, width: int = 8
) -> tuple[Dense, FixedFormat]:
    """A layer with random formats of up to ``width`` bits and weights, and the format of its input.

    Accumulator and result lose or gain a few bits at either end, so that rounding and overflow happen and the result
    still says much about the sum.
    """
    source, weight = _format(rng, rng.randint(1, width)), _format(rng, rng.randint(1, width))
    product = FixedFormat(source.width + weight.width, source.integer + weight.integer)
    accum = _narrowed(rng, product, overflow)
    raw = [[rng.randint(weight.min, weight.max) for _ in range(n_out)] for _ in range(n_in)]
    bias = [rng.randint(accum.min, accum.max) for _ in range(n_out)]
    layer = Dense(
        name="dense", sources=("x",), shape=(n_out,), result=_narrowed(rng, accum, rng.choice(OVERFLOWS)),
        weight=Constant(np.array(raw, dtype=np.int64), weight), bias=Constant(np.array(bias, dtype=np.int64), accum),
        accum=accum, strategy="resource", reuse_factor=reuse,
    )  # fmt: skip
    return layer, source


def _format(rng: random.Random, width: int) -> FixedFormat:
    return FixedFormat(width, rng.randint(-1, width + 1), bool(rng.getrandbits(1)))


def _narrowed(rng: random.Random, wide: FixedFormat, overflow: str) -> FixedFormat:
    """A format for values of ``wide``, up to four bits wider at an end and at most half as wide as it."""
    drop = rng.randint(-2, wide.width // 4)
    integer = wide.integer + rng.randint(-(wide.width // 4), 2)
    width = max(wide.fraction - drop + integer, 1)
    rounding = Rounding(rng.choice(ROUNDINGS))
    return FixedFormat(width, integer, rng.random() < 0.7, rounding, Overflow(overflow))


def parameters(layer: Dense, source: FixedFormat) -> dict[str, int]:
    """Of the block, in the words of its header."""
    weight, accum, result = layer.weight.format, layer.accum, layer.result
    n_in, n_out = layer.weight.raw.shape
    return {
        "N_IN": n_in, "N_OUT": n_out, "REUSE": layer.reuse_factor,
        "X_WIDTH": source.width, "X_SIGNED": int(source.signed),
        "W_WIDTH": weight.width, "W_SIGNED": int(weight.signed),
        "ACC_WIDTH": accum.width, "ACC_SIGNED": int(accum.signed),
        "ACC_DROP": source.fraction + weight.fraction - accum.fraction,
        "ACC_ROUNDING": ROUNDINGS.index(accum.rounding.value), "ACC_OVERFLOW": OVERFLOWS.index(accum.overflow.value),
        "OUT_WIDTH": result.width, "OUT_SIGNED": int(result.signed), "OUT_DROP": accum.fraction - result.fraction,
        "OUT_ROUNDING": ROUNDINGS.index(result.rounding.value), "OUT_OVERFLOW": OVERFLOWS.index(result.overflow.value),
        "ADDR": max(1, (layer.reuse_factor - 1).bit_length()),
    }  # fmt: skip


def plan(rng: random.Random, layer: Dense, source: FixedFormat, words: int) -> dict[str, Any]:
    """What the bench needs: the latency, and two sets of weights, the second with every bit turned over."""
    turned = dataclasses.replace(layer, weight=_turned(layer.weight), bias=_turned(layer.bias))
    return {"latency": timing(layer).latency, "sets": [_set(rng, one, source, words) for one in (layer, turned)]}


def _turned(constant: Constant) -> Constant:
    """Minus one minus x: each bit of a signed value turned over, and of an unsigned one too."""
    f = constant.format
    return Constant(f.min + f.max - constant.raw, f)


def _set(rng: random.Random, layer: Dense, source: FixedFormat, words: int) -> dict[str, list[str]]:
    n_in, corners = len(layer.weight.raw), (source.min, source.max, 0)
    x = [[corner] * n_in for corner in corners]
    x += [[rng.randint(source.min, source.max) for _ in range(n_in)] for _ in range(words - len(corners))]
    y = [_results(layer, row, source) for row in x]
    return {
        "x": [_hex(row, source.width) for row in x],
        "y": [_hex(row, layer.result.width) for row in y],
        "rom": [_hex(row, layer.weight.format.width) for row in rom(layer)],
        "bias": [_hex(layer.bias.raw.tolist(), layer.accum.width)],
    }


def rom(layer: Dense) -> list[Raw]:
    """Weights of each clock: multiplier m of clock r has the flat index r + REUSE m, output-major."""
    n_in, n_out = layer.weight.raw.shape
    flat = [int(layer.weight.raw[i, j]) for j in range(n_out) for i in range(n_in)]
    count = len(flat) // layer.reuse_factor
    return [[flat[r + layer.reuse_factor * m] for m in range(count)] for r in range(layer.reuse_factor)]


def _results(layer: Dense, x: Raw, source: FixedFormat) -> Raw:
    return [
        int(value * Fraction(2) ** layer.result.fraction) for value in dense(layer, [number(raw, source) for raw in x])
    ]


def _hex(raw: Raw, width: int) -> str:
    return f"{sum((value % (1 << width)) << (i * width) for i, value in enumerate(raw)):x}"
