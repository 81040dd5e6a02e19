"""The folder ``quantized/``: a model that ``bitwright run`` takes, and everything that says how it was made."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bitwright.config import ModelConfig
from bitwright.errors import UsageError
from bitwright.files import digest, whole_folder, write_arrays, write_json, write_text
from bitwright.network import save
from bitwright.quant.data import Data
from bitwright.quant.emit import write_model
from bitwright.quant.float_model import Kind
from bitwright.quant.options import Bits
from bitwright.quant.pipeline import Quantized, Recipe
from bitwright.quant.plots import plots
from bitwright.quant.record import to_data, to_markdown

RECORD = "quantization.json"


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What a quantized model was made from: the model's config and file, and the rows that it is tried on."""

    config: ModelConfig
    file: Path
    data: Data


def check_folder(out: Path) -> None:
    """Never write over a folder that holds other things than a quantized model.

    Raises:
        UsageError: it does.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / RECORD).is_file()):
        raise UsageError("holds other files", where=str(out), hint="give a new or an empty folder with -o")


def quantized_name(name: str, bits: Bits) -> str:
    """The name of the quantized model, and of its hardware."""
    clean = re.sub(r"\W+", "_", name)
    return f"{clean}_w{bits.weight}a{bits.activation}"


def write_folder(quantized: Quantized, recipe: Recipe, origin: Origin, out: Path) -> None:
    """Write everything into ``out``, whole or not at all."""
    with whole_folder(out) as part:
        write_model(quantized.network, part, origin.config.hls)
        save(replace(quantized.network, io_type=origin.config.io_type), part / "network.json")
        write_text(part / "model.yaml", _model_yaml(quantized, recipe, origin, part))
        inputs = {path.name: digest(path) for path in (origin.file, origin.data.path)}
        write_json(part / RECORD, to_data(quantized, recipe, inputs))
        write_text(part / "health.md", to_markdown(quantized, recipe))
        for name, drawing in plots(quantized.calibration, quantized.plan, quantized.health.layers).items():
            write_text(part / "plots" / name, f"{drawing}\n")


def _model_yaml(quantized: Quantized, recipe: Recipe, origin: Origin, part: Path) -> str:
    title = origin.config.title or origin.config.name
    data: dict[str, Any] = {
        "name": quantized.model.name,
        "title": f"{title}; quantized after training, {recipe.bits.weight}-bit weights",
        "source": "model.h5",
        "hls": "hls.yaml",
        "io_type": origin.config.io_type,
        "head": "argmax" if origin.config.head == "argmax" else "logits",
        "target": origin.config.target,
    }
    rows = _data(quantized, origin, part)
    if rows is not None:
        data["data"] = rows
    return yaml.safe_dump(data, sort_keys=False)


def _data(quantized: Quantized, origin: Origin, part: Path) -> dict[str, Any] | None:
    """The labelled rows of a classifier: with an output for each class, or one logit for two."""
    if quantized.quality is None or not _ends_in_logits(quantized):
        return None
    classes = max(2, quantized.health.floats.shape[1])
    arrays = {"x": np.asarray(origin.data.x, dtype=np.float32), "y": np.asarray(origin.data.y)}
    write_arrays(part / "data" / "test.npz", arrays, compressed=True)
    named = origin.config.data
    names = list(named.classes) if named and len(named.classes) == classes else [str(i) for i in range(classes)]
    return {
        "file": "data/test.npz",
        "name": named.name if named else origin.data.path.stem,
        "split": named.split if named else "all",
        "synthetic": bool(named and named.synthetic),
        "classes": names,
    }


def _ends_in_logits(quantized: Quantized) -> bool:
    """Whether the rows can be judged by the outputs: a probability of two classes is not compared with zero."""
    kinds = quantized.model.by_name
    return all(kinds[name].kind is not Kind.SIGMOID for name in quantized.model.outputs)
