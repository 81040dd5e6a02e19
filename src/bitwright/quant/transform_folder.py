"""What ``bitwright transform`` writes: a model folder that ``bitwright run`` takes, and the summary."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from bitwright.config import ModelConfig
from bitwright.errors import UsageError
from bitwright.files import whole_folder, write_text
from bitwright.network.layers import Network
from bitwright.quant.emit import write_model
from bitwright.quant.transform_record import TransformRecord, render_json

SUMMARY = "transform.json"
SUFFIX = "_q"
"""Behind the name of the model: its hardware and build folder are not those of the original."""


def check_out(out: Path) -> None:
    """Only a new or empty folder, or one that a transform wrote, is written to.

    Raises:
        UsageError: it holds other things.
    """
    if out.is_file() or (out.is_dir() and not (out / SUMMARY).is_file() and any(out.iterdir())):
        raise UsageError("this folder holds other files", where=str(out), hint="give a new or an empty folder")


def write_folder(network: Network, record: TransformRecord, model: ModelConfig, out: Path) -> None:
    """Write QKeras model, hls config, model.yaml, the model's data and the summary; all of it or nothing.

    Raises:
        UnsupportedLayerError: a layer that QKeras or hls4ml cannot express.
    """
    check_out(out)
    with whole_folder(out) as part:
        write_model(network, part)
        if model.data is not None:
            (part / "data").mkdir()
            shutil.copyfile(model.data.file, part / "data" / model.data.file.name)
        write_text(part / "model.yaml", yaml.safe_dump(_config(model, network.name), sort_keys=False))
        write_text(part / SUMMARY, render_json(record))


def _config(model: ModelConfig, name: str) -> dict[str, Any]:
    """The model.yaml: what the original says of data, target and vectors."""
    kept = model.model_dump(mode="json", exclude_defaults=True, include={"data", "target", "vectors", "io_type"})
    if model.data is not None:
        kept["data"]["file"] = f"data/{model.data.file.name}"
    head = {"head": "argmax"} if model.head == "argmax" else {}
    title = f"{model.title or model.name}, quantized"
    return {"name": name, "title": title, "source": "model.h5", "hls": "hls.yaml", **head, **kept}
