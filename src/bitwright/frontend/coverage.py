"""Which of hls4ml's layers this project has: ``python -m bitwright.frontend.coverage FILE`` writes them as JSON.

What is lowered is asked of the handlers themselves; how a lowered layer is streamed and which tests hold it is
written here, and a test demands that every handler has its line and every named test exists.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bitwright.files import write_json

BEATS = "each beat"
"""A kernel (or engine) for one beat."""
WINDOWS = "line buffers"
"""Windows, and a kernel or engine for each."""
STEPS = "each step"
"""An engine that keeps its state from beat to beat."""
WHOLE = "whole tensor"
"""All beats collected into one word, then split again."""

EXACT, LAYERS = "tests/frontend/test_frontend_exact.py", "tests/frontend/test_frontend_layers.py"
DESIGNS, HGQ2 = "rtl_tests/designs/test_designs_rtl.py", "tests/frontend/test_frontend_hgq2.py"
RECURRENT = "tests/stages/test_stages_recurrent.py"

HARDWARE: dict[str, tuple[str, tuple[str, ...]]] = {
    "Input": (BEATS, (EXACT,)),
    "Dense": (BEATS, (EXACT, DESIGNS, "rtl_tests/dense_folded/test_dense_folded.py")),
    "BatchNormalization": (BEATS, (EXACT,)),
    "ApplyAlpha": (BEATS, (EXACT,)),
    "Activation": (BEATS, (EXACT, LAYERS)),
    "ParametrizedActivation": (BEATS, (LAYERS,)),
    "PReLU": (BEATS, (LAYERS,)),
    "HardActivation": (BEATS, (LAYERS,)),
    "TernaryTanh": (BEATS, (LAYERS,)),
    "BatchNormalizationQuantizedTanh": (BEATS, (LAYERS,)),
    "UnaryLUT": (BEATS, (HGQ2,)),
    "FixedPointQuantizer": (WHOLE, (HGQ2,)),
    "Softmax": (BEATS, (EXACT, LAYERS)),
    "Merge": (BEATS, (EXACT, DESIGNS)),
    "Dot": (WHOLE, (LAYERS,)),
    "Embedding": (WHOLE, (LAYERS,)),
    "Einsum": ("", (HGQ2,)),
    "LayerNormalization": ("", (LAYERS,)),
    "Concatenate": (BEATS, (EXACT, DESIGNS)),
    "Reshape": (WHOLE, (EXACT, DESIGNS)),
    "Repack": (WHOLE, (LAYERS,)),
    "Conv1D": (WINDOWS, (LAYERS, DESIGNS)),
    "Conv2D": (WINDOWS, (LAYERS, DESIGNS)),
    "Conv2DBatchnorm": (WINDOWS, (LAYERS,)),
    "DepthwiseConv1D": (WINDOWS, (LAYERS, DESIGNS)),
    "DepthwiseConv2D": (WINDOWS, (LAYERS, DESIGNS)),
    "PointwiseConv1D": (BEATS, (LAYERS, DESIGNS)),
    "PointwiseConv2D": (BEATS, (LAYERS, DESIGNS)),
    "Pooling1D": (WINDOWS, (LAYERS, DESIGNS)),
    "Pooling2D": (WINDOWS, (LAYERS, DESIGNS)),
    "GlobalPooling1D": (WHOLE, (LAYERS, DESIGNS)),
    "GlobalPooling2D": (WHOLE, (LAYERS,)),
    "ZeroPadding1D": (WINDOWS, (LAYERS,)),
    "ZeroPadding2D": (WINDOWS, (LAYERS, DESIGNS)),
    "Cropping1D": (WHOLE, (LAYERS,)),
    "Cropping2D": (WHOLE, (LAYERS,)),
    "Transpose": (WHOLE, (LAYERS,)),
    "Resize": (WHOLE, (LAYERS, DESIGNS)),
    "LSTM": (STEPS, (LAYERS, DESIGNS, RECURRENT)),
    "GRU": (STEPS, (LAYERS, DESIGNS, RECURRENT)),
    "Bidirectional": (WHOLE, (LAYERS, DESIGNS, RECURRENT)),
    "EinsumDense": (WHOLE, (HGQ2,)),
}
ONNX = "tests/frontend/test_frontend_onnx.py"
ELSEWHERE: dict[str, tuple[str, tuple[str, ...]]] = {
    "Clone": (BEATS, (LAYERS,)),
    "TimeDistributed": (WHOLE, (LAYERS,)),
    "SeparableConv1D": (WINDOWS, (LAYERS,)),
    "SeparableConv2D": (WINDOWS, (LAYERS,)),
    "MatMul": (BEATS, (ONNX,)),
    "Quant": (BEATS, (ONNX,)),
    "Constant": (BEATS, (ONNX,)),
}
"""Classes without a handler: ``lower`` treats them before it looks for one, or hls4ml replaced them by others."""


@dataclass(frozen=True, slots=True)
class Row:
    """One name of hls4ml's layer map: its class, and what this project has of it."""

    name: str
    hls4ml_class: str
    reference: bool
    parallel: bool
    stream: str
    tests: tuple[str, ...]


def rows() -> Iterator[Row]:
    """Every layer that hls4ml knows."""
    from hls4ml.model.layers import layer_map

    from bitwright.frontend.lower import _HANDLERS
    from bitwright.frontend.lower_hgq import HANDLERS

    lowered = {*_HANDLERS, *HANDLERS, *ELSEWHERE}
    hardware = {**HARDWARE, **ELSEWHERE}
    for name, kind in sorted(layer_map.items()):
        known = [parent.__name__ for parent in kind.__mro__ if parent.__name__ in lowered]
        held = known[0] if known and kind.__name__ in {known[0], *_alike(known[0])} else None
        stream, tests = hardware.get(held or "", ("", ()))
        yield Row(name, kind.__name__, held is not None, held is not None, stream, tests)


def _alike(handler: str) -> tuple[str, ...]:
    """Classes of hls4ml whose nodes reach the handler of their parent."""
    return ("BinaryDense", "TernaryDense", "InputLayer") if handler in ("Dense", "Input") else ()


if __name__ == "__main__":
    write_json(Path(sys.argv[1]), [asdict(row) for row in rows()])
