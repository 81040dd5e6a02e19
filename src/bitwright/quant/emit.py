"""A planned Network as a QKeras model and its hls4ml config: what ``bitwright run`` takes up again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bitwright.config.yamlfile import read_tree
from bitwright.files import write_arrays, write_json, write_text
from bitwright.frontend.request import WriteRequest
from bitwright.network.layers import Network
from bitwright.quant.keras_layers import KerasLayer, keras_layers
from bitwright.stages.importing import run_worker

HEADER = "# Every type of the quantized model; merged over what hls4ml's config_from_keras_model gives.\n"


def write_model(network: Network, out: Path, base: Path | None = None) -> None:
    """Write ``model.h5`` (QKeras 0.9.0) and ``hls.yaml`` of a Network of :mod:`bitwright.quant.lower` into ``out``.

    Args:
        network: what to write.
        out: an existing folder.
        base: the hls config of the float model, whose strategies and reuse factors are kept.

    Raises:
        UnsupportedLayerError: a layer that QKeras or hls4ml cannot express.
    """
    layers = keras_layers(network)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder).resolve()
        write_layers(network, layers, part / "layers.json")
        run_worker("quant_writer", WriteRequest(layers=part / "layers.json", out=part), out, part)
        shutil.copyfile(part / "model.h5", out / "model.h5")
    write_text(out / "hls.yaml", HEADER + yaml.safe_dump(hls_config(layers, base), sort_keys=False))


def write_layers(network: Network, layers: Sequence[KerasLayer], path: Path) -> None:
    """Write the layers for :mod:`bitwright.frontend.quant_writer`: ``path`` (.json), and the weights beside it."""
    data = {
        "name": network.name,
        "outputs": list(network.outputs),
        "layers": [
            {
                "kind": layer.kind, "name": layer.name, "sources": list(layer.sources), "options": layer.options,
                "weights": len(layer.weights),
            }
            for layer in layers
        ],
    }  # fmt: skip
    write_arrays(
        path.with_suffix(".npz"), {f"{layer.name}/{i}": w for layer in layers for i, w in enumerate(layer.weights)}
    )
    write_json(path, data)


def hls_config(layers: Sequence[KerasLayer], base: Path | None = None) -> dict[str, Any]:
    """The hls4ml config that gives every layer its exact types, and the linear activations that hls4ml adds too.

    What ``base`` says of the same layers beside their types, such as ReuseFactor, is kept.
    """
    config: dict[str, dict[str, Any]] = {}
    for layer in layers:
        if layer.precision:
            config[layer.name] = {"Precision": dict(layer.precision)}
        if "weight" in layer.precision:
            config[f"{layer.name}_linear"] = {"Precision": {"result": layer.precision["result"]}}
    for name, kept in _kept(base).items():
        if name in config:
            config[name] |= kept
    return {"LayerName": config}


def _kept(base: Path | None) -> dict[str, dict[str, Any]]:
    data = read_tree(base)[1] if base else None
    data = data.get("HLSConfig", data) if isinstance(data, dict) else {}
    layers = data.get("LayerName") or {}
    return {name: {k: v for k, v in (own or {}).items() if k != "Precision"} for name, own in layers.items()}
