"""Reuse factors that hls4ml replaced by others, silently, because they do not divide a layer's products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitwright.config.yamlfile import line_of, read_tree
from bitwright.errors import ConfigError


def demand_reuse_factors(graph: Any, override: Path | None) -> None:
    """What the hls config asks for is what the graph has.

    Raises:
        ConfigError: names the layer, the line and the factor that hls4ml took instead.
    """
    if override is None:
        return
    tree, data = read_tree(override)
    prefix = ("HLSConfig",) if isinstance(data, dict) and "HLSConfig" in data else ()
    layers = ((data["HLSConfig"] if prefix else data) or {}).get("LayerName") or {}
    taken = {node.name: node.get_attr("reuse_factor") for node in graph.get_layers()}
    for name, asked in layers.items():
        factor = (asked or {}).get("ReuseFactor")
        if factor is not None and taken.get(name) not in {None, factor}:
            raise ConfigError(
                f"layer '{name}' cannot have reuse factor {factor}; hls4ml would take {taken[name]} without a word",
                where=f"{override}:{line_of(tree, (*prefix, 'LayerName', name, 'ReuseFactor'))}",
                hint=f"write ReuseFactor: {taken[name]}, or see 'bitwright reuse' for all that divide",
            )
