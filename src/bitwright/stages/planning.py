"""A plan of reuse factors as an hls4ml config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from bitwright.files import whole_file


def write_plan(path: Path, factors: Mapping[str, int], base: Path | None) -> None:
    """Write the config ``base`` (or an empty one) with the strategy and reuse factor of each layer."""
    config = yaml.safe_load(base.read_text(encoding="utf-8")) if base else None
    config = config or {}
    layers = config.setdefault("LayerName", {})
    for name, factor in factors.items():
        strategy = "Resource" if factor > 1 else "Latency"
        layers[name] = {**(layers.get(name) or {}), "Strategy": strategy, "ReuseFactor": factor}
    with whole_file(path) as part:
        part.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
