"""Slow I/Os by attention over the history: 8 tokens of 4 features, two of
the I/O itself and one of each of the last 6 that were completed.

Widths are learned by HGQ2. Each token has a dense layer of its own, two heads of attention let the tokens see each
other, and a dense layer reads them all; the one output is a logit. The features lie on a grid of sixteenths below 16
(:mod:`bitwright.datasets.blocktrace`).
"""

from __future__ import annotations

from typing import Any

import keras
from hgq.config import QuantizerConfig, QuantizerConfigScope
from hgq.constraints import MinMax
from hgq.layers import QAdd, QDense, QEinsumDense, QMultiHeadAttention

TOKENS, FEATURES = 8, 4
WIDTH, HEADS, KEY = 8, 2, 4
HIDDEN = 16


def features() -> QuantizerConfig:
    """The quantizer of the input: 4 integer and 4 fraction bits to begin with, as the features have; no sign."""
    return QuantizerConfig(
        "kif", "datalane", k0=0, i0=4, f0=4, ic=MinMax(4, 4), fc=MinMax(-4, 4), overflow_mode="SAT",
        round_mode="TRN", ir=None,
    )  # fmt: skip


def build() -> Any:
    """The Keras model before training; Keras 3 and HGQ2 0.2."""
    with (
        QuantizerConfigScope(place="weight", default_q_type="kbi", b0=6, i0=0),
        QuantizerConfigScope(place="datalane", default_q_type="kif", f0=5, i0=2),
    ):
        inputs = keras.Input((TOKENS * FEATURES,), name="features")
        tokens = keras.layers.Reshape((TOKENS, FEATURES), name="tokens")(inputs)
        x = QEinsumDense(
            "btf,tfw->btw", (TOKENS, WIDTH), bias_axes="tw", name="embed", iq_conf=features(), activation="relu"
        )(tokens)
        seen = QMultiHeadAttention(HEADS, KEY, name="heads")(x, x)
        x = keras.layers.Flatten(name="flat")(QAdd(name="sum")([x, seen]))
        x = QDense(HIDDEN, activation="relu", name="dense")(x)
        return keras.Model(inputs, QDense(1, name="logit")(x), name="flashnet_transformer")
