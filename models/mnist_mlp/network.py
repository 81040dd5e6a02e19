"""MNIST's classic perceptron: 784 pixels, dense 128, relu, dense 10, with 6-bit weights and 4-bit pixels.

Exactly representable in hls4ml: the pixels (0 to 255 / 256) are quantized by a QActivation, the relu is a
QActivation of its own, and ``alpha=1`` keeps every scale a power of two.
"""

from __future__ import annotations

from typing import Any

from qkeras import QActivation, QDense, quantized_bits, quantized_relu
from tf_keras import Model
from tf_keras.layers import Dense, Input, ReLU

from bitwright.frontend.fitting import put_on_grid

PIXELS = 784
HIDDEN = 128
CLASSES = 10


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
    inputs = Input((PIXELS,), name="pixels")
    x = QActivation(quantized_relu(4, 0), name="quantize")(inputs)
    x = dense(HIDDEN, "dense1")(x)
    x = QActivation(quantized_relu(6, 2), name="relu1")(x)
    return Model(inputs, dense(CLASSES, "logits")(x), name="mnist_mlp")


def build_float() -> Any:
    """The same network without a quantizer, for comparison."""
    inputs = Input((PIXELS,), name="pixels")
    x = ReLU(name="relu1")(Dense(HIDDEN, name="dense1")(inputs))
    return Model(inputs, Dense(CLASSES, name="logits")(x), name="mnist_mlp_float")


def finish(model: Any) -> Any:
    """Weights as their quantizers give them: the file holds the numbers of the hardware."""
    return put_on_grid(model)
