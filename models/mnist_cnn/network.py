"""A small streaming CNN for MNIST: two strided convolutions, a dense layer, 6-bit weights and 4-bit pixels.

28x28x1 -> 3x3 x 8, stride 2 -> 13x13x8 -> 3x3 x 16, stride 2 -> 6x6x16 -> max pool 2x2 -> 3x3x16 -> dense 10.
Exactly representable in hls4ml: the pixels (0 to 255 / 256) are quantized by a QActivation, every relu is a
QActivation of its own, and ``alpha=1`` keeps every scale a power of two. Max pooling rounds nothing.
"""

from __future__ import annotations

from typing import Any

from qkeras import QActivation, QConv2D, QDense, quantized_bits, quantized_relu
from tf_keras import Model
from tf_keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, ReLU

from bitwright.frontend.fitting import put_on_grid

IMAGE = (28, 28, 1)
FILTERS = (8, 16)
CLASSES = 10


def weights() -> Any:
    """6 bits within +-1, a power of two as scale."""
    return quantized_bits(6, 0, alpha=1)


def build() -> Any:
    """The Keras model before training; Keras 2 (``TF_USE_LEGACY_KERAS=1``) and QKeras 0.9.0."""
    inputs = Input(IMAGE, name="pixels")
    x = QActivation(quantized_relu(4, 0), name="quantize")(inputs)
    for number, filters in enumerate(FILTERS, start=1):
        quantizers = {"kernel_quantizer": weights(), "bias_quantizer": weights()}
        x = QConv2D(filters, 3, strides=2, name=f"conv{number}", **quantizers)(x)
        x = QActivation(quantized_relu(6, 2), name=f"relu{number}")(x)
    x = Flatten(name="flatten")(MaxPooling2D(2, name="pool")(x))
    x = QDense(CLASSES, kernel_quantizer=weights(), bias_quantizer=weights(), name="logits")(x)
    return Model(inputs, x, name="mnist_cnn")


def build_float() -> Any:
    """The same network without a quantizer, for comparison."""
    inputs = x = Input(IMAGE, name="pixels")
    for number, filters in enumerate(FILTERS, start=1):
        x = ReLU(name=f"relu{number}")(Conv2D(filters, 3, strides=2, name=f"conv{number}")(x))
    x = Flatten(name="flatten")(MaxPooling2D(2, name="pool")(x))
    return Model(inputs, Dense(CLASSES, name="logits")(x), name="mnist_cnn_float")


def finish(model: Any) -> Any:
    """Weights as their quantizers give them: the file holds the numbers of the hardware."""
    return put_on_grid(model)
