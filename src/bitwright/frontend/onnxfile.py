"""What an ONNX file is, found out without running anything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import ModelError, UnsupportedLayerError
from bitwright.frontend.overlays import overlay

OPERATORS = frozenset({
    "MatMul", "Gemm", "Add", "Sub", "Mul", "Relu", "Sigmoid", "Tanh", "Softmax", "BatchNormalization", "Quant",
    "Reshape", "Flatten", "Transpose", "Concat", "Identity", "Dropout", "Constant",
})  # fmt: skip
"""Operators that are read; ``lower`` may still refuse what hls4ml makes of one."""

DOMAINS = frozenset({"", "ai.onnx", "onnx.brevitas", "qonnx.custom_op.general"})


def read_onnx(path: Path) -> tuple[str, tuple[str, ...]]:
    """The operator set and the operators of a file; its initializers are looked at, nothing is executed.

    Raises:
        ModelError: damaged, with weights elsewhere, or with NaN or infinite ones.
        UnsupportedLayerError: an operator that has no hardware.
        ToolNotFoundError: the onnx package is not installed.
    """
    overlay("onnx").use()
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf says no in many ways
        raise _damaged(path, error) from error
    if not model.graph.node or not model.graph.output:
        raise _damaged(path, "it has no operators")
    for node in model.graph.node:
        _check_node(path, node)
    for tensor in model.graph.initializer:
        _check_tensor(path, tensor)
    opset = max((entry.version for entry in model.opset_import if not entry.domain), default=0)
    return f"opset {opset}", tuple(sorted({node.op_type for node in model.graph.node}))


def _damaged(path: Path, why: object) -> ModelError:
    return ModelError(f"damaged or not an ONNX file ({why})", where=str(path), hint="copy it again")


def _check_node(path: Path, node: Any) -> None:
    if node.op_type not in OPERATORS or node.domain not in DOMAINS:
        raise UnsupportedLayerError(
            f"operator '{node.name or node.output[0]}' ({node.op_type}) has no hardware here",
            where=str(path),
            hint=f"supported: {', '.join(sorted(OPERATORS))}",
        )


def _check_tensor(path: Path, tensor: Any) -> None:
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL:
        raise ModelError(
            f"'{tensor.name}' is in another file", where=str(path), hint="save the model with its weights in one file"
        )
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ModelError(
            f"'{tensor.name}' holds NaN or infinity", where=str(path), hint="the training diverged; train it again"
        )
