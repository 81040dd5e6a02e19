"""JSC tiny: batch norm, relu, dense 5, relu; 117 trained parameters.

The shape of JSC_Tiny in MASE, whose jet networks come from LogicNets (Umuroglu et al., FPL 2020), quantized. The
batch norm stays a layer of its own, as scale and bias in fixed point: hls4ml makes ``scale * x + bias`` of it, and
``finish`` puts both on a grid, so that Keras computes the very same numbers.
"""

from __future__ import annotations

from typing import Any

from qkeras import QActivation, QDense, quantized_bits, quantized_relu
from tf_keras import Model
from tf_keras.initializers import Constant
from tf_keras.layers import BatchNormalization, Input

from bitwright.frontend.fitting import fold_batch_norms

FEATURES = 16
CLASSES = 5
SCALE_STEP, SCALE_LIMIT = 2.0**-6, 16.0
"""Grid of scale and bias: the fixed<11,5> of hls/jsc_tiny.yaml."""

EPSILON = 2.0**-10
"""A power of two, as fold_batch_norms needs it."""


def build() -> Any:
    """The Keras model before training; Keras 2 (``TF_USE_LEGACY_KERAS=1``) and QKeras 0.9.0."""
    inputs = Input((FEATURES,), name="features")
    x = QActivation(quantized_bits(8, 3, alpha=1), name="quantize")(inputs)
    x = BatchNormalization(epsilon=EPSILON, name="norm")(x)
    x = QActivation(quantized_relu(6, 2), name="relu")(x)
    x = QDense(
        CLASSES,
        kernel_quantizer=quantized_bits(6, 1, alpha=1),
        bias_quantizer=quantized_bits(6, 1, alpha=1),
        bias_initializer=Constant(1),  # all outputs begin alive: a relu that never fires never learns
        name="logits",
    )(x)
    return Model(inputs, QActivation(quantized_relu(8, 4), name="relu_out")(x), name="jsc_tiny")


def finish(model: Any) -> Any:
    """Batch norms as scale and bias in fixed point."""
    return fold_batch_norms(model, SCALE_STEP, SCALE_LIMIT)
