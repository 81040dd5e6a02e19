"""Bitwright: quantized Keras models to FPGA hardware that is proved to compute the same bits."""

__version__ = "0.1.0"
