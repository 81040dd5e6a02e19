"""The jet tagger: 16 inputs, dense 64, 32, 32, 5, with 6-bit weights and activations.

Exactly representable in hls4ml: the input is quantized by a QActivation, every relu is a QActivation of its own
(an un-annotated one would become ``fixed<16,6>``), and ``alpha=1`` keeps every scale a power of two.
"""

from __future__ import annotations

from typing import Any

from qkeras import QActivation, QDense, quantized_bits, quantized_relu
from tf_keras import Model
from tf_keras.layers import Activation, Input

FEATURES = 16
HIDDEN = (64, 32, 32)
CLASSES = 5


def dense(units: int, name: str) -> Any:
    """A dense layer with weights and biases of 6 bits, from -1 to 31/32."""
    return QDense(
        units,
        kernel_quantizer=quantized_bits(6, 0, alpha=1),
        bias_quantizer=quantized_bits(6, 0, alpha=1),
        name=name,
    )


def build() -> Any:
    """The Keras model before training; Keras 2 (``TF_USE_LEGACY_KERAS=1``) and QKeras 0.9.0."""
    inputs = Input((FEATURES,), name="features")
    x = QActivation(quantized_bits(7, 2, alpha=1), name="quantize")(inputs)
    for number, units in enumerate(HIDDEN, start=1):
        x = dense(units, f"dense{number}")(x)
        x = QActivation(quantized_relu(6, 2), name=f"relu{number}")(x)
    x = dense(CLASSES, "logits")(x)
    return Model(inputs, Activation("softmax", name="softmax")(x), name="jet3")
