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

LAYERS = frozenset({
    "InputLayer", "Dense", "QDense", "BatchNormalization", "QBatchNormalization", "Activation", "QActivation", "ReLU",
    "Softmax", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Reshape", "Flatten",
    "Dropout",
})  # fmt: skip
"""Classes of layers that are read; ``lower`` may still refuse an option of one."""

CONTAINERS = frozenset({"Functional", "Model", "Sequential"})

CODE = frozenset({
    "Lambda", "__lambda__", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod",
    "InstanceProperty",
})  # fmt: skip
"""Classes that hold Python code or calls of any TensorFlow function: never loaded."""

TRUSTED = ("keras", "tf_keras", "qkeras", "builtins")
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
                hint="use only layers and functions of Keras 2 and QKeras",
            )


def layer_names(path: Path, config: Any) -> set[str]:
    """The names of all layers; each must be of a class that has hardware."""
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
            names |= layer_names(path, layer)
        elif layer.get("class_name") not in LAYERS:
            raise UnsupportedLayerError(
                f"{_title(layer)} has no hardware here",
                where=str(path),
                hint=f"supported: {', '.join(sorted(LAYERS))}",
            )
        names.add(_name(layer))
    return names
