"""ONNX and QONNX models, in a process that :mod:`prepare` made ready; qonnx cleans and evaluates them.

Their float arithmetic is that of onnxruntime; the quantizers of QONNX are computed by qonnx in numpy.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import ModelError
from bitwright.frontend.kerasmodel import Floats

OVER_IMAGES = ("Conv", "MaxPool")
ACTIVATIONS = ("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Selu", "Softplus", "Softsign")
CONVOLUTIONS = ("Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D")
QUANTIZERS = ("Quant", "BipolarQuant")
CHANNELS_LAST = "qonnx.custom_op.channels_last"

INPUTS_AT_ONCE = 1 << 21
"""Input elements that are evaluated at once: every tensor in between is kept for all of their rows."""


def load(path: Path, weights: Path | None) -> Any:
    """The model as hls4ml wants it: constants folded, shapes inferred, Gemm as MatMul and Add, batches of one, images
    with their channels last.

    Raises:
        ModelError: qonnx cannot clean it.
    """
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    if weights is not None:
        raise ModelError("weights are given apart", where=str(weights), hint="an ONNX file has its own")
    _mend_resize()
    try:
        model = _one_row(cleanup_model(ModelWrapper(str(path))))
        return cleanup_model(model.transform(GemmToMatMul()))
    except Exception as error:  # qonnx and onnxruntime say no in many ways
        text = " ".join(str(error).split())
        raise ModelError(
            f"qonnx cannot read it: {text[:300]}", where=str(path), hint="export the model again"
        ) from error


def _mend_resize() -> None:
    """Let hls4ml 1.3.0 read a Resize without a region of interest: NumPy 2 takes no empty array for False."""
    from hls4ml.model.optimizer.passes.resize_remove_constants import ResizeRemoveConstants

    theirs = ResizeRemoveConstants.transform

    def transform(self: Any, model: Any, node: Any) -> Any:
        region = node.get_input_node(node.inputs[1])
        if region is not None and np.size(region.get_attr("value")) == 0:
            region.set_attr("value", None)
        return theirs(self, model, node)

    if theirs.__module__ != __name__:
        ResizeRemoveConstants.transform = transform


def _one_row(model: Any) -> Any:
    """The model for one row at a time, with operators over images as qonnx' own."""
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean

    over_images = [node for node in model.graph.node if node.op_type in OVER_IMAGES]
    if over_images and all(node.domain == CHANNELS_LAST for node in over_images):
        return _of_rows(model, 1)
    made = _of_batch(model, 1)
    return made.transform(ConvertToChannelsLastAndClean()) if over_images else made


def _of_batch(model: Any, rows: int) -> Any:
    """The model for that many rows at once."""
    from qonnx.transformation.infer_shapes import InferShapes

    made = copy.deepcopy(model)
    names = [tensor.name for tensor in made.graph.input]
    shapes = {name: made.get_tensor_shape(name) for name in names}
    constants = {tensor.name for tensor in made.graph.initializer}
    kept = [tensor for tensor in made.graph.value_info if tensor.name in constants]
    del made.graph.value_info[:]
    made.graph.value_info.extend(kept)
    for tensor in made.graph.output:
        tensor.type.tensor_type.ClearField("shape")
    for name in names:
        made.set_tensor_shape(name, [rows, *shapes[name][1:]])
    return made.transform(InferShapes())


def without_softmax(model: Any) -> tuple[Any, str | None]:
    """The model cut before a final softmax, and that operator's name; the model itself where there is none."""
    last = model.find_producer(model.graph.output[0].name)
    if len(model.graph.output) != 1 or last.op_type != "Softmax":
        return model, None
    cut = copy.deepcopy(model)
    last = cut.find_producer(cut.graph.output[0].name)
    cut.graph.node.remove(last)
    shape = cut.get_tensor_shape(last.input[0])
    cut.graph.output[0].name = last.input[0]
    known = [tensor for tensor in cut.graph.value_info if tensor.name == last.input[0]]
    for tensor in known:
        cut.graph.value_info.remove(tensor)
    cut.set_tensor_shape(last.input[0], shape)
    return cut, str(last.name)


def predict(model: Any, inputs: list[Floats]) -> Floats:
    """Outputs (rows, elements), flattened and joined."""
    step = max(INPUTS_AT_ONCE // sum(part.shape[1] for part in inputs), 1)
    parts = []
    for start in range(0, len(inputs[0]), step):
        context = _evaluate(model, [part[start : start + step] for part in inputs])
        outs = [np.asarray(context[tensor.name], dtype=np.float64) for tensor in model.graph.output]
        parts.append(np.concatenate([out.reshape(len(out), -1) for out in outs], axis=1))
    return np.concatenate(parts)


def _evaluate(model: Any, inputs: list[Floats]) -> dict[str, Any]:
    from qonnx.core.onnx_exec import execute_onnx

    rows = len(inputs[0])
    batch = _of_rows(model, rows)
    # qonnx evaluates these by ONNX's operators of the version that it finds for them, else of version 1
    batch.set_opset_import(CHANNELS_LAST, batch.get_opset_imports()[""])
    given = {
        tensor.name: part.astype(np.float32).reshape(rows, *batch.get_tensor_shape(tensor.name)[1:])
        for tensor, part in zip(batch.graph.input, inputs, strict=True)
    }
    context: dict[str, Any] = execute_onnx(batch, given, return_full_exec_context=True)
    return context


def _of_rows(model: Any, rows: int) -> Any:
    """A model for one row at a time as one for many: qonnx infers images of one row only."""
    made = copy.deepcopy(model)
    data = {tensor.name for tensor in made.graph.input}
    for node in made.graph.node:
        if data & set(node.input):
            data |= set(node.output)
        if node.op_type == "Flatten":  # of axis 0 in some files: of one row that is the same
            del node.attribute[:]
    for name in sorted(data):
        made.set_tensor_shape(name, [rows, *made.get_tensor_shape(name)[1:]])
    return made


def layer_values(model: Any, inputs: list[Floats]) -> dict[str, Floats]:
    """What each activation gives, by the name that hls4ml gives its layer.

    Nothing in a QONNX model: there hls4ml makes the quantizer behind an activation the activation's own type.
    """
    if any(node.op_type in QUANTIZERS for node in model.graph.node):
        return {}
    context = _evaluate(model, inputs)
    rows = len(inputs[0])
    return {
        node.name: np.asarray(context[node.output[0]], dtype=np.float64).reshape(rows, -1)
        for node in model.graph.node
        if node.op_type in ACTIVATIONS
    }


def weight_values(model: Any) -> dict[str, list[Floats]]:
    """Kernel and bias of each matrix product and convolution, after their quantizers, by the name of hls4ml's layer.

    Kernels of convolutions have their filters last, as hls4ml's.
    """
    zeros = [np.zeros((1, int(np.prod(model.get_tensor_shape(t.name)[1:])))) for t in model.graph.input]
    context = _evaluate(model, zeros)
    values = {}
    for node in model.graph.node:
        if node.op_type == "MatMul":
            values[f"Dense_{node.name}"] = _kernel_and_bias(model, node, context)
        elif node.op_type == "Conv":
            kernel, *bias = (np.asarray(context[name], dtype=np.float64) for name in node.input[1:])
            values |= {f"{kind}_{node.name}": [np.moveaxis(kernel, 0, -1), *bias] for kind in CONVOLUTIONS}
    return values


def _kernel_and_bias(model: Any, node: Any, context: dict[str, Any]) -> list[Floats]:
    values = [np.asarray(context[node.input[1]], dtype=np.float64)]
    for reader in model.find_consumers(node.output[0]):
        other = next((name for name in reader.input if name != node.output[0]), None)
        if reader.op_type == "Add" and other is not None:
            values.append(np.asarray(context[other], dtype=np.float64))
    return values
