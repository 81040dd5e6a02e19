"""The float model that quantization starts from: read from a Keras file, and evaluated in float64."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from math import prod
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from bitwright.errors import DatasetError
from bitwright.frontend.floatfile import PRODUCTS, FloatLayer, FloatModel, Floats, Kind, Shape, load, save
from bitwright.frontend.request import FloatRequest
from bitwright.network.window import positions, windows
from bitwright.stages.importing import run_worker

BLOCK = 4096
"""Rows evaluated at once, fewer where tensors are large."""

ELEMENTS = 1 << 25
"""Elements of all tensors of a block together."""

Forward = Callable[[FloatLayer, list[Floats]], Floats]
"""One layer on tensors (rows, *shape): what :func:`forward` does, or the same with quantization."""


def read_model(path: Path, name: str = "", weights: Path | None = None) -> FloatModel:
    """Read a Keras 2, Keras 3 or QKeras file in a process of its own; quantizers in it are dropped.

    Raises:
        ModelError: missing, damaged, or of HGQ.  UnsupportedLayerError: a layer that cannot be quantized here.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        request = FloatRequest(
            name=name or re.sub(r"\W+", "_", path.stem), model=path.resolve(),
            weights=weights.resolve() if weights else None, out=out.resolve(),
        )  # fmt: skip
        run_worker("float_worker", request, path, out)
        return load(out / "float.json")


def evaluate(model: FloatModel, x: npt.NDArray[Any], names: Collection[str] | None = None) -> dict[str, Floats]:
    """Every layer's values (rows, *shape) in float64, or those of ``names``.

    Args:
        model: the model.
        x: rows of all inputs, flattened and side by side: (rows, ...).
        names: the layers wanted; all where None.

    Raises:
        DatasetError: another number of elements in a row than the model takes.
    """
    return walk(model, x, forward, names)


def walk(
    model: FloatModel, x: npt.NDArray[Any], step: Forward, names: Collection[str] | None = None
) -> dict[str, Floats]:
    """Go through the layers with ``step``, block by block of rows; see :func:`evaluate`."""
    flat = as_rows(model, x)
    wanted = tuple(layer.name for layer in model.layers if names is None or layer.name in names)
    block = max(1, min(BLOCK, ELEMENTS // sum(layer.size for layer in model.layers)))
    starts = range(0, len(flat), block) or range(1)
    parts = [_block(model, flat[start : start + block], step, wanted) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in wanted}


def as_rows(model: FloatModel, x: npt.NDArray[Any]) -> Floats:
    """Rows (rows, elements of all inputs) of float64.

    Raises:
        DatasetError: another number of elements in a row than the model takes.
    """
    flat = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    inputs = sum(layer.size for layer in model.inputs)
    if flat.shape[1] != inputs:
        shapes = " and ".join(str(layer.shape) for layer in model.inputs)
        raise DatasetError(
            f"rows of shape {tuple(np.shape(x)[1:])}, {flat.shape[1]} values each; the model takes {shapes}, {inputs}",
            where=model.name, hint="give rows as the model takes them",
        )  # fmt: skip
    return flat


def _block(model: FloatModel, x: Floats, step: Forward, wanted: Collection[str]) -> dict[str, Floats]:
    values: dict[str, Floats] = {}
    start = 0
    for layer in model.layers:
        if layer.kind is Kind.INPUT:
            sources = [x[:, start : start + layer.size].reshape(len(x), *layer.shape)]
            start += layer.size
        else:
            sources = [values[source] for source in layer.sources]
        values[layer.name] = step(layer, sources)
    return {name: values[name] for name in wanted}


def forward(layer: FloatLayer, sources: list[Floats]) -> Floats:
    """One layer in float64, for sources (rows, *shape); an input is its own source."""
    x = sources[0]
    match layer.kind:
        case Kind.INPUT | Kind.LINEAR:
            return x
        case Kind.DENSE | Kind.CONV | Kind.DEPTHWISE:
            return product(layer, x, layer.weights["weight"]) + layer.weights["bias"]
        case Kind.SCALE:
            return x * layer.weights["scale"] + layer.weights["bias"]
        case Kind.RELU:
            limit = layer.options["limit"]
            return np.maximum(x, 0) if limit is None else np.clip(x, 0, limit)
        case Kind.LEAKY:
            return np.where(x > 0, x, x * layer.options["slope"])
        case Kind.SIGMOID:
            return 0.5 * (1 + np.tanh(0.5 * x))
        case Kind.TANH:
            return np.tanh(x)
        case Kind.SOFTMAX:
            powers = np.exp(x - x.max(axis=-1, keepdims=True))
            return powers / powers.sum(axis=-1, keepdims=True)
        case Kind.MAX_POOL:
            return _windows(layer, x, layer.options["kernel"], fill=-np.inf).max(axis=1).reshape(-1, *layer.shape)
        case Kind.AVERAGE_POOL:
            return _average(layer, x)
        case Kind.ZERO_PAD:
            sides = layer.options["padding"]
            return np.pad(x, [(0, 0), *zip(sides[::2], sides[1::2], strict=True), (0, 0)])
        case Kind.RESHAPE:
            return x.reshape(-1, *layer.shape)
        case Kind.ADD:
            return x + sources[1]
        case Kind.CONCAT:
            return np.concatenate(sources, axis=layer.options["axis"] + 1)
    assert_never(layer.kind)


def product(layer: FloatLayer, x: npt.NDArray[Any], weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The sums of products of a DENSE, CONV or DEPTHWISE, without its bias, in the type of ``x`` and ``weight``."""
    if layer.kind is Kind.DENSE:
        return x.reshape(len(x), -1) @ weight
    kernel = weight.shape[: x.ndim - 2]
    taps = _windows(layer, x, kernel)
    if layer.kind is Kind.DEPTHWISE:
        return (taps * weight.reshape(-1, weight.shape[-1])).sum(axis=1).reshape(-1, *layer.shape)
    return (taps.reshape(len(taps), -1) @ weight.reshape(-1, weight.shape[-1])).reshape(-1, *layer.shape)


def _windows(layer: FloatLayer, x: npt.NDArray[Any], kernel: Shape, fill: float = 0) -> npt.NDArray[Any]:
    options: Mapping[str, Any] = layer.options
    return windows(x, x.shape[1:], kernel, options["stride"], options["padding"], fill)  # type: ignore[arg-type]


def pooled_counts(layer: FloatLayer, source: Shape) -> Floats:
    """Elements inside of the image in each window of a pooling layer, (positions...)."""
    ones, kernel = np.ones((1, *source[:-1], 1)), layer.options["kernel"]
    counts = _windows(layer, ones, kernel).sum(axis=(1, 2))
    return counts.reshape(positions(source, kernel, layer.options["stride"], layer.options["padding"]))


def _average(layer: FloatLayer, x: Floats) -> Floats:
    counts = pooled_counts(layer, x.shape[1:])
    sums = _windows(layer, x, layer.options["kernel"]).sum(axis=1)
    return (sums.reshape(len(x), *counts.shape, -1) / counts[..., None]).reshape(-1, *layer.shape)


def window_size(layer: FloatLayer) -> int:
    """Elements of a pooling window."""
    return prod(layer.options["kernel"])


__all__ = [
    "PRODUCTS", "FloatLayer", "FloatModel", "Floats", "Kind", "Shape", "evaluate", "forward", "load", "read_model",
    "save", "walk",
]  # fmt: skip
