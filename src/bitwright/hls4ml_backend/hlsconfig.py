"""The hls config against the model's layers: what hls4ml would silently ignore is an error here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from bitwright.errors import ConfigError, nearest

MODEL_KEYS = frozenset({
    "Precision", "ReuseFactor", "Strategy", "BramFactor", "TraceOutput", "TargetCycles", "ConvImplementation",
    "Compression", "PipelineStyle", "PipelineInterval", "BitExact", "ChannelsLastConversion", "TransposeOutputs",
    "AllowDAFallback", "AllowV2Fallback",
})  # fmt: skip
"""What hls4ml 1.3.0 reads under ``Model`` (model/graph.py, converters/)."""
LAYER_KEYS = frozenset({
    "Precision", "ReuseFactor", "Strategy", "TargetCycles", "ConvImplementation", "Compression", "Trace",
})  # fmt: skip
"""What it reads of every layer; a layer's own attributes come on top."""
MADE = "LayersMadeByHls4ml"
"""In the graph's config: names that hls4ml itself put into the hls config while it optimized."""


def check_hls_config(config: dict[str, Any], nodes: Collection[Any], classes: Collection[str]) -> None:
    """Check the hls config of a graph before its first optimizer.

    Args:
        config: the graph's whole config.
        nodes: its layers.
        classes: every class name that hls4ml knows.

    Raises:
        ConfigError: names a key that hls4ml would not use, and the nearest that it would.
    """
    hls = config["HLSConfig"]
    variables = {name for node in nodes for name in _variables(node)} | {"default", "maximum"}
    _refuse(hls.get("Model") or {}, MODEL_KEYS, "Model")
    _check_precision((hls.get("Model") or {}).get("Precision"), variables, "Model")
    by_name = {node.name: node for node in nodes}
    for name, layer in (hls.get("LayerName") or {}).items():
        if name in by_name:
            _check_layer(layer, [by_name[name]], f"LayerName.{name}")
        elif name not in config.get(MADE, ()):
            raise _unknown(name, by_name, "LayerName")
    for kind, layer in (hls.get("LayerType") or {}).items():
        if kind not in classes:
            raise _unknown(kind, classes, "LayerType")
        _check_layer(layer, [node for node in nodes if node.class_name == kind], f"LayerType.{kind}")


def note_made(config: dict[str, Any], before: Collection[str]) -> None:
    """Remember what hls4ml added to ``LayerName``: a copy of this config may be converted again."""
    added = set(config["HLSConfig"].get("LayerName") or {}) - set(before)
    config[MADE] = sorted(added | set(config.get(MADE, ())))


def _check_layer(layer: Any, nodes: list[Any], where: str) -> None:
    if not isinstance(layer, dict) or not nodes:
        return
    keys = LAYER_KEYS | {a.config_name for node in nodes for a in node.expected_attributes if a.configurable}
    _refuse(layer, keys, where)
    _check_precision(layer.get("Precision"), {n for node in nodes for n in _variables(node)} | {"default"}, where)


def _check_precision(precision: Any, variables: Collection[str], where: str) -> None:
    if isinstance(precision, dict):
        _refuse(precision, variables, f"{where}.Precision")


def _variables(node: Any) -> set[str]:
    """The values of a layer that have a type; config_from_keras_model also names each by its quantizer."""
    types = {name.removesuffix("_t") for a in node.expected_attributes for name in [a.name] if name.endswith("_t")}
    return types | {name.split("_quantizer")[0] for name in node.attributes if "quantizer" in name}


def _refuse(mapping: dict[str, Any], known: Iterable[str], where: str) -> None:
    for key in mapping:
        if key not in known:
            raise _unknown(key, known, where)


def _unknown(key: str, known: Iterable[str], where: str) -> ConfigError:
    hint = nearest(key, known) or f"known keys: {', '.join(sorted(known))}"
    return ConfigError(f"unknown key '{where}.{key}'", where="hls_config", hint=hint)
