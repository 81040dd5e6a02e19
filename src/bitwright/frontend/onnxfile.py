"""What an ONNX file is, found out without running anything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import ModelError, UnsupportedLayerError
from bitwright.frontend.overlays import overlay

OPERATORS = frozenset({
    "MatMul", "Gemm", "Add", "Sub", "Mul", "Relu", "Sigmoid", "Tanh", "Softmax", "BatchNormalization", "Quant",
    "Reshape", "Flatten", "Transpose", "Concat", "Identity", "Dropout", "Constant", "Conv", "MaxPool", "LeakyRelu",
    "Elu", "Selu", "Softplus", "Softsign", "BipolarQuant", "Resize",
})  # fmt: skip
"""Operators that are read; ``lower`` may still refuse what hls4ml makes of one."""

DOMAINS = frozenset({
    "", "ai.onnx", "onnx.brevitas", "qonnx.custom_op.general", "qonnx.custom_op.channels_last",
})  # fmt: skip

NO_PADDING_WORD = ("NOTSET",)
PLAIN_ATTRIBUTES: dict[str, dict[str, tuple[Any, ...]]] = {
    "Conv": {"auto_pad": NO_PADDING_WORD},
    "MaxPool": {"auto_pad": NO_PADDING_WORD, "ceil_mode": (0,), "storage_order": (0,), "dilations": ([1], [1, 1])},
    "Flatten": {"axis": (1, 0)},
    "Selu": {"alpha": (1.6732631921768188,), "gamma": (1.0507010221481323,)},
}
"""Attributes that hls4ml 1.3.0 leaves out (converters/onnx), with the values that mean what it computes."""

NEEDED_ATTRIBUTES = {"Elu": "alpha"}
"""Where hls4ml takes another value for one that is not there than ONNX does."""


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
    found = {attribute.name: _value(attribute) for attribute in node.attribute}
    for name, values in PLAIN_ATTRIBUTES.get(node.op_type, {}).items():
        if name in found and found[name] not in values:
            raise _odd(path, node, f"{name}={found[name]}", f"only {name}={values[0]} is converted")
    needed = NEEDED_ATTRIBUTES.get(node.op_type)
    if needed is not None and needed not in found:
        raise _odd(path, node, f"no {needed}", f"write {needed} into the file: hls4ml 1.3.0 takes another default")
    if node.op_type == "MaxPool" and len(found.get("kernel_shape", [0])) != 2:
        raise _odd(path, node, "one dimension", "hls4ml 1.3.0 takes its steps for channels; pool over two dimensions")


def _value(attribute: Any) -> Any:
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    return value.decode() if isinstance(value, bytes) else list(value) if hasattr(value, "__len__") else value


def _odd(path: Path, node: Any, what: str, hint: str) -> UnsupportedLayerError:
    name = node.name or node.output[0]
    return UnsupportedLayerError(
        f"operator '{name}' ({node.op_type}) with {what} has no hardware here", where=str(path), hint=hint
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
