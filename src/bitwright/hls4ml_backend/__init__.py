"""hls4ml's backend ``Bitwright``: RTL instead of HLS, for every hls4ml user who has this package installed.

hls4ml 1.3.0 finds it by the entry point group ``hls4ml.backends`` (``backends/plugin_loader.py``), or by the
environment variable ``HLS4ML_BACKEND_PLUGINS=bitwright.hls4ml_backend``, and calls :func:`register`.

A thin adapter: it takes hls4ml's optimized graph and hands it to the same rooms as ``bitwright run`` does.
Importing it loads neither hls4ml nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitwright.hls4ml_backend.options import NAME


def register(register_backend: Callable[..., Any], register_writer: Callable[..., Any]) -> None:
    """Register writer and backend with hls4ml; a second call does nothing.

    Args:
        register_backend: ``hls4ml.backends.backend.register_backend``.
        register_writer: ``hls4ml.writer.writers.register_writer``.
    """
    from hls4ml.writer.writers import writer_map

    from bitwright.hls4ml_backend.backend import BitwrightBackend, BitwrightWriter

    if NAME not in writer_map:
        register_writer(NAME, BitwrightWriter)
        register_backend(NAME, BitwrightBackend)
