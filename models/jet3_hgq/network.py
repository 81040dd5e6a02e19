"""The jet tagger of models/jet3 with widths that are learned: 16 inputs, dense 64, 32, 32, 5, by HGQ2.

It begins as models/jet3: its 6-bit weights, each with the bits that it needs, and those that were pruned with none.
From there each weight and each activation has a width of its own, which HGQ2 learns with its value. The input keeps
the range of jet3's, from -4 to 4, and saturates as that does; what is learned of it are its fraction bits. All other
activations wrap, in ranges traced over the training rows when the training has ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from hgq.config import QuantizerConfig, QuantizerConfigScope
from hgq.constraints import MinMax
from hgq.layers import QDense

FEATURES = 16
HIDDEN = (64, 32, 32)
CLASSES = 5
JET3 = Path(__file__).resolve().parents[1] / "jet3" / "model.h5"
FRACTION = 5
"""Fraction bits of jet3's weights and biases: quantized_bits(6, 0)."""

HALF = 2.0**-5
"""Half a step of jet3's activations, in the biases: what is then rounded down (no adder) is rounded half up."""


def features() -> QuantizerConfig:
    """The quantizer of the input: a sign and 2 integer bits, 4 fraction bits to begin with."""
    return QuantizerConfig(
        "kif", "datalane", k0=1, i0=2, f0=4, ic=MinMax(2, 2), overflow_mode="SAT", round_mode="TRN", ir=None
    )


def build() -> Any:
    """The Keras model before training; Keras 3 and HGQ2 0.2."""
    with (
        QuantizerConfigScope(place="weight", default_q_type="kbi", b0=FRACTION, i0=0),
        QuantizerConfigScope(place="datalane", default_q_type="kif", f0=4, i0=2, round_mode="TRN"),
    ):
        inputs = keras.Input((FEATURES,), name="features")
        x = inputs
        for number, units in enumerate(HIDDEN, start=1):
            first = {"iq_conf": features()} if number == 1 else {}
            x = QDense(units, activation="relu", name=f"dense{number}", **first)(x)
        model = keras.Model(inputs, QDense(CLASSES, name="logits")(x), name="jet3_hgq")
    with h5py.File(JET3) as file:
        for layer in model.layers[1:]:
            kernel, bias = (
                file[f"model_weights/{layer.name}/{layer.name}/{part}:0"][()] for part in ("kernel", "bias")
            )
            begin_as(layer, kernel, bias, half=0.0 if layer.name == "logits" else HALF)
    return model


def begin_as(layer: Any, kernel: Any, bias: Any, half: float) -> None:
    """Give a layer weights of jet3, and to each weight of the kernel the bits that it needs, none to a zero."""
    raw = np.clip(np.round(np.ldexp(kernel, FRACTION)), 1 - 2**FRACTION, 2**FRACTION - 1).astype(np.int64)
    layer.kernel.assign(np.ldexp(raw, -FRACTION))
    layer.bias.assign(np.ldexp(np.round(np.ldexp(bias, FRACTION)), -FRACTION) + half)
    size = np.abs(raw)
    high = np.ceil(np.log2(size + 1))  # bits below the highest one that is set, and itself
    low = np.log2(np.where(size > 0, size & -size, 1))  # zeros below the lowest one
    quantizer = layer.kq.quantizer
    quantizer._i.assign(np.where(size > 0, high - FRACTION, 0))
    quantizer._b.assign(np.where(size > 0, high - low, 0))
