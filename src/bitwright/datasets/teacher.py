"""A public float model as the teacher that says how likely each class is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bitwright.datasets.dataset import JET_CLASSES
from bitwright.datasets.labeller import Labeller, Layer
from bitwright.datasets.sources import corpus_folder
from bitwright.errors import DatasetError

CORPUS_TEACHER = Path("models/example-models/keras/KERAS_3layer_70pruned_retrained_weights.h5")
CORPUS_CONFIG = Path("models/example-models/keras/KERAS_3layer.json")
CORPUS_ORDER = ("g", "q", "w", "z", "t")
"""The order of this model's outputs; it wants standardized features."""


def corpus_teacher() -> Labeller:
    """hls4ml's pruned three-layer example model, trained by its authors on the whole jet set.

    Raises:
        DatasetError: the corpus is not there.
    """
    folder = corpus_folder()
    return load_teacher(folder / CORPUS_CONFIG, folder / CORPUS_TEACHER, CORPUS_ORDER)


def load_teacher(config: Path, weights: Path, order: tuple[str, ...]) -> Labeller:
    """Read a chain of Dense layers (Keras 2 JSON and weights h5), outputs brought into our class order.

    Nothing in the files is executed. ``order`` names the class of each output.

    Raises:
        DatasetError: missing, damaged, another kind of network, or other classes.
    """
    for path in (config, weights):
        if not path.is_file():
            raise DatasetError("no such teacher", where=str(path), hint="set BITWRIGHT_CORPUS, or train without one")
    if sorted(order) != sorted(JET_CLASSES):
        raise DatasetError(f"the teacher's classes are {', '.join(order)}", hint=f"wanted: {', '.join(JET_CLASSES)}")
    names = _dense_names(config)
    try:
        with h5py.File(weights, "r") as file:
            layers = [_layer(file[name][name]) for name in names]
    except (OSError, KeyError) as error:
        raise DatasetError(f"no usable weights ({error})", where=str(weights), hint="copy them again") from error
    columns = [order.index(name) for name in JET_CLASSES]
    last, bias = layers[-1]
    if bias.size != len(order):
        raise DatasetError(f"{bias.size} outputs for {len(order)} classes", where=str(weights), hint="name each output")
    return Labeller((*layers[:-1], (last[:, columns], bias[columns])), origin=weights.stem)


def _layer(group: Any) -> Layer:
    return np.asarray(group["kernel:0"], np.float32), np.asarray(group["bias:0"], np.float32)


def _dense_names(config: Path) -> list[str]:
    try:
        layers = json.loads(config.read_text(encoding="utf-8"))["config"]["layers"]
        kinds = [(layer["class_name"], layer["config"]) for layer in layers]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"not a Keras model in JSON ({error})", where=str(config), hint="copy it again") from error
    dense = [settings for kind, settings in kinds if kind == "Dense"]
    activations = [settings.get("activation") for settings in dense]
    others = {kind for kind, _ in kinds} - {"Dense", "InputLayer"}
    if others or activations != ["relu"] * (len(dense) - 1) + ["softmax"]:
        raise DatasetError(
            "only a chain of Dense layers with relu and a final softmax can teach",
            where=str(config),
            hint="choose another teacher",
        )
    return [str(settings["name"]) for settings in dense]
