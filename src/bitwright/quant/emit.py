"""A planned Network as a QKeras model and its hls4ml config: what ``bitwright run`` takes up again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from bitwright.files import write_arrays, write_json, write_text
from bitwright.frontend.request import WriteRequest
from bitwright.network.layers import Network
from bitwright.quant.keras_layers import KerasLayer, keras_layers
from bitwright.stages.importing import run_worker

HEADER = "# Every type of the quantized model; merged over what hls4ml's config_from_keras_model gives.\n"


def write_model(network: Network, out: Path) -> None:
    """Write ``model.h5`` (QKeras 0.9.0) and ``hls.yaml`` of a Network of :mod:`bitwright.quant.lower` into ``out``.

    Raises:
        UnsupportedLayerError: a layer that QKeras or hls4ml cannot express.
    """
    layers = keras_layers(network)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder).resolve()
        write_layers(network, layers, part / "layers.json")
        run_worker("quant_writer", WriteRequest(layers=part / "layers.json", out=part), out, part)
        shutil.copyfile(part / "model.h5", out / "model.h5")
    write_text(out / "hls.yaml", HEADER + yaml.safe_dump(hls_config(layers), sort_keys=False))


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


def hls_config(layers: Sequence[KerasLayer]) -> dict[str, object]:
    """The hls4ml config that gives every layer its exact types, and the linear activations that hls4ml adds too."""
    config: dict[str, object] = {}
    for layer in layers:
        if layer.precision:
            config[layer.name] = {"Precision": dict(layer.precision)}
        if "weight" in layer.precision:
            config[f"{layer.name}_linear"] = {"Precision": {"result": layer.precision["result"]}}
    return {"LayerName": config}
