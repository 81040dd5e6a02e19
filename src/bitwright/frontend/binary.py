"""Keras 2 layers and activations of binary and ternary networks, as old model files name them.

hls4ml 1.3.0 converts the layers by their class names (converters/keras/core.py, parse_dense_layer) and the activations
by theirs, but has no Keras classes for them any more.  These compute what its example models were trained with
(Courbariaux et al., arXiv:1602.02830; Li et al., arXiv:1605.04711).  Import this in a prepared process only.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tf_keras import layers

OF_TRAINING = ("H", "kernel_lr_multiplier", "bias_lr_multiplier")
"""Options of the layers that say nothing about what they compute, but for H, the size of a weight, which must be 1."""


def binary_tanh(x: Any) -> Any:
    """Plus one above zero, else minus one."""
    return tf.where(x > 0, tf.ones_like(x), -tf.ones_like(x))


def ternary_tanh(x: Any) -> Any:
    """Plus one above a half, minus one up to minus a half, else zero."""
    return tf.where(x > 0.5, tf.ones_like(x), tf.where(x > -0.5, tf.zeros_like(x), -tf.ones_like(x)))


def relu1(x: Any) -> Any:
    """From zero to one."""
    return tf.clip_by_value(x, 0, 1)


class _Rounded(layers.Dense):  # type: ignore[misc]  # tf_keras has no types
    """A Dense layer that computes with rounded weights."""

    rounding: Any

    def __init__(self, units: int, **options: Any) -> None:
        self._of_training = {key: options.pop(key, None) for key in OF_TRAINING}
        super().__init__(units, **options)

    def call(self, inputs: Any) -> Any:
        """The layer's outputs (rows, units)."""
        out = tf.matmul(inputs, self.rounding(self.kernel))
        return self.activation(tf.nn.bias_add(out, self.bias) if self.use_bias else out)

    def get_quantizers(self) -> list[Any]:
        """Of the kernel and of the bias, as QKeras' layers have them."""
        return [self.rounding, None]

    def get_config(self) -> dict[str, Any]:
        """All options."""
        return {**super().get_config(), **self._of_training}


class BinaryDense(_Rounded):
    """Weights of plus and minus one."""

    rounding = staticmethod(binary_tanh)


class TernaryDense(_Rounded):
    """Weights of plus one, zero and minus one."""

    rounding = staticmethod(ternary_tanh)


class Activation(layers.Activation):  # type: ignore[misc]
    """Keras' own; hls4ml wants the names of the functions above, where tf_keras describes them as objects."""

    def get_config(self) -> dict[str, Any]:
        """All options."""
        config: dict[str, Any] = super().get_config()
        return {**config, "activation": self.activation.__name__} if self.activation in FUNCTIONS else config


FUNCTIONS = (binary_tanh, ternary_tanh, relu1)

OBJECTS: dict[str, Any] = {thing.__name__: thing for thing in (*FUNCTIONS, BinaryDense, TernaryDense, Activation)}
"""By the names that files have for them."""
