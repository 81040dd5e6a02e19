"""What a model's description may hold, checked before any of Keras is loaded.

Keras builds whatever class or function a file names, from whatever module it names; so a file is read
only if all that it names is on the lists here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitwright.errors import ModelError, UnsupportedLayerError
from bitwright.frontend.recurrentcheck import recurrent_problem, without_direction

HGQ2_LAYERS = frozenset({
    "Quantizer", "QBatchNormDense", "QEinsumDense", "QEinsumDenseBatchnorm", "QUnaryFunctionLUT", "QSoftmax", "QAdd",
    "QSubtract", "QMultiply", "QAverage", "QMaximum", "QMinimum", "QEinsum",
    "QMultiHeadAttention", "QLinformerAttention", "QDot", "QAveragePow2", "QMaxPooling1D", "QMaxPooling2D",
    "QAveragePooling1D", "QAveragePooling2D", "QGlobalMaxPooling1D", "QGlobalMaxPooling2D", "QGlobalAveragePooling1D",
    "QGlobalAveragePooling2D",
})  # fmt: skip
"""Those that only HGQ2 has."""

PROXY_LAYERS = frozenset({"FixedPointQuantizer", "UnaryLUT"})
"""Those of HGQ's proxies."""

BINARY_LAYERS = frozenset({"BinaryDense", "TernaryDense"})
"""Those that only :mod:`bitwright.frontend.binary` has."""

LAYERS = HGQ2_LAYERS | PROXY_LAYERS | BINARY_LAYERS | frozenset({
    "InputLayer", "Dense", "QDense", "BatchNormalization", "QBatchNormalization", "Activation", "QActivation", "ReLU",
    "Softmax", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Reshape", "Flatten",
    "Dropout", "Conv1D", "Conv2D", "QConv1D", "QConv2D", "DepthwiseConv1D", "DepthwiseConv2D", "QDepthwiseConv2D",
    "SeparableConv1D", "SeparableConv2D", "QSeparableConv1D", "QSeparableConv2D", "QConv2DBatchnorm", "MaxPooling1D",
    "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D",
    "UpSampling1D", "UpSampling2D", "Permute", "LeakyReLU", "ThresholdedReLU", "ELU", "PReLU", "Dot", "Embedding",
    "LayerNormalization", "AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "GarNet",
    "GarNetStack", "LSTM", "GRU", "QLSTM", "QGRU", "Bidirectional", "TimeDistributed", "EinsumDense",
})  # fmt: skip
"""Classes of layers that are read; ``lower`` may still refuse an option of one."""

CONTAINERS = frozenset({"Functional", "Model", "Sequential"})

CODE = frozenset({
    "Lambda", "__lambda__", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod",
    "InstanceProperty",
})  # fmt: skip
"""Classes that hold Python code or calls of any TensorFlow function: never loaded."""

TRUSTED = ("keras", "tf_keras", "qkeras", "hgq", "HGQ", "builtins")
"""Packages that a model file may name; Keras imports whatever module a file names."""

FUNCTIONS = ("builtins", "activations", "quantizers")
"""The last part of modules from which a file may name a function."""


def nodes(config: Any) -> Iterator[dict[str, Any]]:
    """Every object of a Keras description, however deep: layers, quantizers, functions and so on."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _named(node: dict[str, Any]) -> tuple[str, ...]:
    """The names by which Keras would look for a class: without the package of registered ones."""
    return tuple(str(node[key]).rpartition(">")[2] for key in ("class_name", "registered_name") if node.get(key))


def packages_of(config: Any) -> frozenset[str]:
    """The packages that a description names: those of modules, and those of registered classes."""
    found = {str(node["module"]).partition(".")[0] for node in nodes(config) if node.get("module")}
    for node in nodes(config):
        names = [str(node.get(key) or "") for key in ("class_name", "registered_name")]
        found |= {name.partition(">")[0] for name in names if ">" in name}
    return frozenset(found)


def _kind(node: dict[str, Any]) -> str:
    """The class of a layer, without the package that registered it."""
    return str(node.get("class_name")).rpartition(">")[2]


def _name(node: dict[str, Any]) -> str:
    inner = node.get("config")
    return str(inner.get("name", "?")) if isinstance(inner, dict) else "?"


def _title(node: dict[str, Any]) -> str:
    return f"layer '{_name(node)}' ({node.get('class_name')})"


def refuse_code(path: Path, config: Any) -> None:
    """Refuse Lambda layers and their like, wherever they hide."""
    for node in nodes(config):
        if any(name.rpartition(".")[2] in CODE for name in _named(node)):
            raise ModelError(
                f"{_title(node)} holds code, which is never run",
                where=str(path),
                hint="replace it by a layer that says what it computes",
            )


def refuse_strangers(path: Path, config: Any) -> None:
    """Refuse what would make Keras import other modules than its own, or call a function of any name."""
    for node in nodes(config):
        module = str(node.get("module") or "builtins").split(".")
        strange = module[0] not in TRUSTED or not all(re.fullmatch(r"\w+", name) for name in _named(node))
        if strange or (node["class_name"] == "function" and module[-1] not in FUNCTIONS):
            raise ModelError(
                f"{_title(node)} comes from module {'.'.join(module)}, which is never run",
                where=str(path),
                hint="use only layers and functions of Keras, QKeras and HGQ",
            )


def layer_names(path: Path, config: Any, keras: int) -> set[str]:
    """The names of all layers; each must be of a class that has hardware, and one that this Keras' reader keeps."""
    kind = config.get("class_name") if isinstance(config, dict) else None
    if kind not in CONTAINERS:
        raise UnsupportedLayerError(
            f"the model is a {kind}", where=str(path), hint="write it as Sequential or Functional"
        )
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ModelError("its model description has no layers", where=str(path), hint="copy it again")
    names = set()
    for layer in layers:
        if layer.get("class_name") in CONTAINERS:
            names |= layer_names(path, layer, keras)
            continue
        _refuse_lost(path, layer, keras)
        if _kind(layer) not in LAYERS:
            raise UnsupportedLayerError(
                f"{_title(layer)} has no hardware here",
                where=str(path),
                hint=f"supported: {', '.join(sorted(LAYERS))}",
            )
        _refuse_options(path, layer)
        names.add(_name(layer))
    return names


PLAIN_RELU = {"max_value": (None,), "negative_slope": (None, 0), "threshold": (None, 0)}
"""Options of Keras' ReLU; hls4ml 1.3.0 would silently drop others (``Activation("relu6")`` it knows)."""

PLAIN_QUANTIZED_RELU = {"use_sigmoid": (None, 0), "relu_upper_bound": (None,)}


PLAIN_OPTIONS = {
    "data_format": (None, "channels_last"),
    "dilation_rate": (None, 1, [1], [1, 1], (1,), (1, 1)),
    "groups": (None, 1),
    "depth_multiplier": (None, 1),
    "interpolation": (None, "nearest"),
    "reset_after": (None, True),
    "go_backwards": (None, False),
    "stateful": (None, False),
    "merge_mode": (None, "concat"),
    "mask_zero": (None, False),
    "rms_scaling": (None, False),
    "H": (None, 1),
}
"""Options of many layers, and the size of binary weights; hls4ml 1.3.0 drops others or has no C++ for them."""


def _refuse_lost(path: Path, layer: dict[str, Any], keras: int) -> None:
    """Refuse recurrent layers that hls4ml loses."""
    problem = recurrent_problem(layer, keras)
    if problem is not None:
        with_what = f" with {problem[0]}" if problem[0] else ""
        raise UnsupportedLayerError(
            f"{_title(layer)}{with_what} has no hardware here", where=str(path), hint=problem[1]
        )


def _refuse_options(path: Path, layer: dict[str, Any]) -> None:
    """Refuse what hls4ml would convert to another function than the layer's."""
    options = without_direction(layer)
    wrong = _odd(options, PLAIN_RELU) if _kind(layer) == "ReLU" else ""
    wrong = wrong or _odd(options, PLAIN_OPTIONS)
    for node in nodes(options):
        wrong = wrong or (_odd(node["config"], PLAIN_OPTIONS) if isinstance(node.get("config"), dict) else "")
        if node["class_name"] == "quantized_relu" and isinstance(node.get("config"), dict):
            wrong = wrong or _odd(node["config"], PLAIN_QUANTIZED_RELU)
    wrong = wrong or _odd_text(options.get("activation")) or _dropped_activation(layer)
    if len(layer.get("inbound_nodes") or []) > 1:
        wrong = wrong or "being used several times"
    if _kind(layer).removeprefix("Q") in MERGES and _source_count(layer) > 2:
        wrong = wrong or f"{_source_count(layer)} inputs"
    if wrong:
        raise UnsupportedLayerError(
            f"{_title(layer)} with {wrong} has no hardware here", where=str(path), hint="use the plain layer instead"
        )


def _dropped_activation(layer: dict[str, Any]) -> str:
    """The activation of a wrapped layer, which hls4ml 1.3.0 leaves out; recurrent layers keep theirs."""
    inner = (layer.get("config") or {}).get("layer") if _kind(layer) == "TimeDistributed" else None
    options = inner.get("config") if isinstance(inner, dict) else None
    activation = options.get("activation") if isinstance(options, dict) else None
    return "" if activation in (None, "linear") else f"an activation {activation} of the wrapped layer"


MERGES = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"})


def _source_count(layer: dict[str, Any]) -> int:
    """Tensors of the first call: a list of them in Keras 2, the arguments' ``__keras_tensor__`` in Keras 3."""
    first = next(iter(layer.get("inbound_nodes") or []), None)
    if isinstance(first, dict):
        return sum(node["class_name"] == "__keras_tensor__" for node in nodes(first))
    return len(first) if isinstance(first, list) else 0


def _odd(options: dict[str, Any], plain: dict[str, tuple[Any, ...]]) -> str:
    return next((f"{key}={options[key]}" for key in plain if options.get(key) not in plain[key]), "")


def _odd_text(activation: Any) -> str:
    """An activation written as text, such as ``quantized_relu(6,2,relu_upper_bound=1.5)``."""
    if not isinstance(activation, str) or not activation.startswith("quantized_relu("):
        return ""
    arguments = activation.partition("(")[2].rstrip(")").split(",")
    odd = [
        a.strip()
        for a in arguments[2:]
        if not re.fullmatch(r"\s*(use_sigmoid\s*=\s*0|negative_slope\s*=\s*0(\.0)?|0)?\s*", a)
    ]
    return odd[0] if odd else ""
