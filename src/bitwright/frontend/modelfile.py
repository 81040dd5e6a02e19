"""What a model file is, found out without TensorFlow and without running anything in it."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bitwright.errors import ModelError
from bitwright.frontend.flavours import STACKS, Flavour
from bitwright.frontend.modelcheck import layer_names, nodes, packages_of, refuse_code, refuse_strangers
from bitwright.frontend.onnxfile import read_onnx

HGQ_CLASSES = frozenset({"FixedPointQuantizer", "UnaryLUT", "HDense", "HQuantize"})
"""Classes by which HGQ 0.2 models are known: those of its proxies, and the first ones of models in training."""

DAMAGED = (OSError, RuntimeError, LookupError, ValueError, TypeError, EOFError, zlib.error, zipfile.BadZipFile)
"""What h5py and zipfile raise on a file that is cut short or scrambled."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that was looked at: safe to hand to the worker."""

    path: Path
    weights: Path | None
    flavour: Flavour
    keras_version: str
    classes: tuple[str, ...]


def inspect(path: Path, weights: Path | None = None) -> ModelFile:
    """Look at ``.h5``, ``.keras`` or ``.json`` (with weights beside it).

    Raises:
        ModelError: missing, damaged, holding code, NaN or infinite weights, or of an unknown kind.
    """
    if not path.is_file():
        raise ModelError("no such model file", where=str(path), hint="check the path")
    match path.suffix.lower():
        case ".h5" | ".hdf5":
            config, version = _read_h5(path)
        case ".keras":
            config, version = _read_keras(path)
        case ".json":
            weights = weights or weights_beside(path)
            if weights is None:
                raise _no_weights(path)
            config, version = _read_json(path)
            _check_weights(weights)
        case ".onnx":
            version, operators = read_onnx(path)
            return ModelFile(path, weights, Flavour.ONNX, version, operators)
        case suffix:
            raise ModelError(
                f"'{suffix}' is not a model file",
                where=str(path),
                hint="give a .h5, .keras, .json, .onnx or model.yaml",
            )
    refuse_code(path, config)
    classes = tuple(sorted({str(node["class_name"]) for node in nodes(config)}))
    flavour = _flavour(config, version, classes)
    refuse_strangers(path, config)
    layers = layer_names(path, config, STACKS[flavour].keras)
    if weights is not None:
        _check_names(weights, layers)
    return ModelFile(path, weights, flavour, version, classes)


def _read_h5(path: Path) -> tuple[Any, str]:
    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
            version = file.attrs.get("keras_version", "2")
            _check_finite(path, file)
    except DAMAGED as error:
        raise ModelError(f"damaged or not an HDF5 file ({error})", where=str(path), hint="copy it again") from error
    if config is None:
        raise ModelError(
            "holds weights only, no model",
            where=str(path),
            hint="give the .json of the model; its weights are found beside it",
        )
    return _parse(path, config), _text(version)


def _read_keras(path: Path) -> tuple[Any, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
            if bad is not None:
                raise ModelError(f"damaged: {bad}", where=str(path), hint="copy it again")
            config = _parse(path, archive.read("config.json"))
            version = _mapping(path, _parse(path, archive.read("metadata.json"))).get("keras_version", "3")
            with archive.open("model.weights.h5") as member, h5py.File(member, "r") as file:
                _check_finite(path, file)
    except DAMAGED as error:
        raise ModelError(f"damaged or not a .keras file ({error})", where=str(path), hint="copy it again") from error
    return config, _text(version)


def _read_json(path: Path) -> tuple[Any, str]:
    config = _parse(path, path.read_bytes())
    if not isinstance(config, dict) or "class_name" not in config:
        raise ModelError("not a Keras model in JSON", where=str(path), hint="write it with model.to_json()")
    # Keras 3 writes no version, but the module and the registered name of each object
    return config, _text(config.get("keras_version", "3" if "registered_name" in config else "2"))


def _parse(path: Path, text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"its model description is not JSON ({error})", where=str(path), hint="copy it again"
        ) from error


def _mapping(path: Path, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ModelError("its model description is not that of a Keras model", where=str(path), hint="copy it again")
    return data


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def weights_beside(path: Path) -> Path | None:
    """The weights file that belongs to a ``.json`` model by its name, if it is there."""
    names = (f"{path.stem}_weights.h5", f"{path.stem}.weights.h5", f"{path.stem}.h5")
    return next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)


def _no_weights(path: Path) -> ModelError:
    others = sorted(p.name for p in path.parent.glob("*weights*.h5") if p.name.startswith(path.stem))
    hint = f"give one with --weights: {', '.join(others)}" if others else f"put {path.stem}_weights.h5 beside it"
    return ModelError("the weights of this model are missing", where=str(path), hint=hint)


def _check_weights(weights: Path) -> None:
    if not weights.is_file():
        raise ModelError("no such weights file", where=str(weights), hint="check the path")
    try:
        with h5py.File(weights, "r") as file:
            _check_finite(weights, file)
    except DAMAGED as error:
        raise ModelError(f"damaged or not an HDF5 file ({error})", where=str(weights), hint="copy it again") from error


def _check_finite(path: Path, file: h5py.File) -> None:
    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and not _sound(name, item[()]):
            raise ModelError(
                f"'{name}' holds NaN or infinity", where=str(path), hint="the training diverged; train it again"
            )

    file.visititems(visit)


def _sound(name: str, values: Any) -> bool:
    """Finite numbers; a single one of an HGQ2 quantizer's state may be infinite, such as its decay speed."""
    own = "quantizer" in name.split("/")[:-1] and np.size(values) == 1
    return bool(np.isfinite(values).all()) or (own and bool(np.all(values == np.inf)))


def _check_names(weights: Path, layers: set[str]) -> None:
    """Keras fits weights to layers by their order; the layers' names tell that they are of this model."""
    with h5py.File(weights, "r") as file:
        root = file.get("model_weights", file)
        named = [_text(name) for name in root.attrs.get("layer_names", ())]
        strange = [name for name in named if name not in layers and len(root.get(name, ()))]
    if strange:
        raise ModelError(
            f"holds weights of {', '.join(strange)}: the model has no such layers",
            where=str(weights),
            hint="give the weights of this very model with --weights",
        )


def _flavour(config: Any, version: str, classes: tuple[str, ...]) -> Flavour:
    packages = packages_of(config)
    if version.startswith("3"):
        if "hgq" in packages:
            return Flavour.HGQ2
        quantized = any(name.startswith(("Q", "quantized_")) for name in classes)
        return Flavour.QKERAS_V3 if quantized or "qkeras" in packages else Flavour.KERAS3
    if "HGQ" in packages or HGQ_CLASSES & set(classes):
        return Flavour.HGQ
    return Flavour.KERAS2
