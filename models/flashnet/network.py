"""A classifier of slow I/Os, after FlashNet and LinnOS: 24 features, dense 32, 16, 1, with 6-bit weights.

The features lie on a grid of sixteenths below 16 (:mod:`bitwright.datasets.blocktrace`). A batch norm brings them to
one size, as scale and bias in fixed point; the one output is a logit: an I/O is expected to be slow where it is above
0. The float network ends in a sigmoid.
"""

from __future__ import annotations

from typing import Any

from qkeras import QActivation, QDense, quantized_bits, quantized_relu
from tf_keras import Model
from tf_keras.layers import BatchNormalization, Dense, Input

from bitwright.frontend.fitting import fold_batch_norms, put_on_grid

FEATURES = 24
HIDDEN = (32, 16)
SCALE_STEP, SCALE_LIMIT = 2.0**-6, 16.0
"""Grid of scale and bias: the fixed<11,5> of hls/flashnet.yaml."""

EPSILON = 2.0**-10
"""A power of two, as fold_batch_norms needs it."""


def build() -> Any:
    """The Keras model before training; Keras 2 (``TF_USE_LEGACY_KERAS=1``) and QKeras 0.9.0."""
    inputs = Input((FEATURES,), name="features")
    x = QActivation(quantized_bits(9, 4, alpha=1), name="quantize")(inputs)
    x = BatchNormalization(epsilon=EPSILON, name="norm")(x)
    x = QActivation(quantized_bits(8, 2, alpha=1), name="scaled")(x)
    for number, units in enumerate(HIDDEN, start=1):
        x = QActivation(quantized_relu(6, 2), name=f"relu{number}")(dense(units, f"dense{number}")(x))
    return Model(inputs, dense(1, "logit")(x), name="flashnet")


def dense(units: int, name: str) -> Any:
    """A dense layer with weights and biases of 6 bits, from -1 to 31/32."""
    quantizer = {f"{part}_quantizer": quantized_bits(6, 0, alpha=1) for part in ("kernel", "bias")}
    return QDense(units, **quantizer, name=name)


def build_float() -> Any:
    """The same network without a quantizer, its output a probability."""
    inputs = Input((FEATURES,), name="features")
    x = BatchNormalization(epsilon=EPSILON, name="norm")(inputs)
    for number, units in enumerate(HIDDEN, start=1):
        x = Dense(units, activation="relu", name=f"dense{number}")(x)
    return Model(inputs, Dense(1, activation="sigmoid", name="slow")(x), name="flashnet_float")


def finish(model: Any) -> Any:
    """The batch norm as scale and bias in fixed point, the weights as their quantizers give them."""
    return put_on_grid(fold_batch_norms(model, SCALE_STEP, SCALE_LIMIT))
