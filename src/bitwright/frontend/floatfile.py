"""A float model as plain data: where the Keras world and :mod:`bitwright.quant` meet.

``float.json`` (readable) and ``float.npz`` (weights, float64) beside it; nothing of Keras is in them.  Layers are in a
normal form: an activation is a layer of its own, a Dense over several axes is a convolution of one tap, a separable
convolution is two, and a layer that does nothing in inference (Dropout) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import ModelError
from bitwright.files import read_arrays, read_json, write_arrays, write_json

FILE_VERSION = 1
Floats = npt.NDArray[np.float64]
Shape = tuple[int, ...]


class Kind(Enum):
    """What a layer of a float model computes; channels are last, shapes are without the batch."""

    INPUT = "input"
    DENSE = "dense"
    """``x @ weight + bias``: ``weight`` (inputs, outputs), ``bias`` (outputs,)."""
    CONV = "conv"
    """``weight`` (taps..., channels, filters), ``bias`` (filters,); options ``stride`` and ``padding``, zeros before
    and after each axis."""
    DEPTHWISE = "depthwise"
    """Each channel by itself: ``weight`` (taps..., channels), ``bias`` (channels,); options as of CONV."""
    SCALE = "scale"
    """``x * scale + bias`` per channel, (channels,) each: BatchNormalization, Normalization."""
    RELU = "relu"
    """``max(x, 0)``; option ``limit``: at most that number, or None."""
    LEAKY = "leaky"
    """``x`` above zero, else ``slope * x`` (an option)."""
    SIGMOID = "sigmoid"
    TANH = "tanh"
    SOFTMAX = "softmax"
    """Over the last axis."""
    LINEAR = "linear"
    """The same numbers: a place where QKeras quantizes."""
    MAX_POOL = "max_pool"
    """Options ``kernel``, ``stride`` and ``padding``."""
    AVERAGE_POOL = "average_pool"
    """As MAX_POOL; what lies outside of the image does not count."""
    ZERO_PAD = "zero_pad"
    """Option ``padding``."""
    RESHAPE = "reshape"
    ADD = "add"
    CONCAT = "concat"
    """Option ``axis``, of the shape without the batch."""


PRODUCTS = frozenset({Kind.DENSE, Kind.CONV, Kind.DEPTHWISE})
"""Kinds that multiply by a matrix of weights."""


@dataclass(frozen=True, slots=True, eq=False)
class FloatLayer:
    """One layer: a unique name, its sources, its output shape (no batch), weights and options."""

    name: str
    kind: Kind
    sources: tuple[str, ...]
    shape: Shape
    weights: Mapping[str, Floats] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of output elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class FloatModel:
    """Layers in an order where sources come first, and the names of those whose values are the outputs."""

    name: str
    layers: tuple[FloatLayer, ...]
    outputs: tuple[str, ...]

    @property
    def by_name(self) -> dict[str, FloatLayer]:
        """Layers by name."""
        return {layer.name: layer for layer in self.layers}

    @property
    def inputs(self) -> tuple[FloatLayer, ...]:
        """The input layers, in order."""
        return tuple(layer for layer in self.layers if layer.kind is Kind.INPUT)

    def readers(self, name: str) -> tuple[FloatLayer, ...]:
        """The layers that read the layer of that name."""
        return tuple(layer for layer in self.layers if name in layer.sources)


def save(model: FloatModel, path: Path) -> None:
    """Write ``path`` (.json) and the weights beside it (.npz); the same model gives the same bytes."""
    arrays = {f"{layer.name}/{key}": value for layer in model.layers for key, value in layer.weights.items()}
    layers = [
        {
            "name": layer.name, "kind": layer.kind.value, "sources": list(layer.sources), "shape": list(layer.shape),
            "weights": sorted(layer.weights), "options": dict(layer.options),
        }
        for layer in model.layers
    ]  # fmt: skip
    write_arrays(path.with_suffix(".npz"), arrays)
    data = {"file_version": FILE_VERSION, "name": model.name, "layers": layers, "outputs": list(model.outputs)}
    write_json(path, data)


def load(path: Path) -> FloatModel:
    """Read what :func:`save` wrote.

    Raises:
        ModelError: it is not such a file, or damaged.
    """
    data, arrays = read_json(path), read_arrays(path.with_suffix(".npz"))
    try:
        if data["file_version"] != FILE_VERSION:
            raise ValueError(f"file version {data['file_version']}")
        layers = tuple(_layer(entry, arrays) for entry in data["layers"])
        return FloatModel(data["name"], layers, tuple(data["outputs"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"not a float model ({error!r})", where=str(path), hint="read the Keras model again"
        ) from error


def _layer(entry: Mapping[str, Any], arrays: Mapping[str, Floats]) -> FloatLayer:
    weights = {key: arrays[f"{entry['name']}/{key}"] for key in entry["weights"]}
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in entry["options"].items()}
    return FloatLayer(
        entry["name"], Kind(entry["kind"]), tuple(entry["sources"]), tuple(entry["shape"]), weights, options
    )


__all__ = ["PRODUCTS", "FloatLayer", "FloatModel", "Floats", "Kind", "Shape", "load", "save"]
