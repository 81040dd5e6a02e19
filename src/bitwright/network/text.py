"""The Network as files: ``network.json`` (readable, diffable) and ``network.npz`` (constants).

This pair is where front ends meet: any process may write it, nothing of Keras or hls4ml is in it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from bitwright.errors import ModelError
from bitwright.files import read_arrays, read_json, to_json, write_arrays, write_json
from bitwright.fixed import FixedFormat, parse_format
from bitwright.network.check import check
from bitwright.network.layers import LAYER_KINDS, Constant, Layer, Network

FILE_VERSION = 1
Arrays = dict[str, npt.NDArray[Any]]


def to_data(network: Network) -> tuple[dict[str, Any], Arrays]:
    """Plain data and named arrays."""
    arrays: Arrays = {}
    layers = [_layer_data(layer, arrays) for layer in network.layers]
    data = {
        "file_version": FILE_VERSION,
        "name": network.name,
        "layers": layers,
        "outputs": list(network.outputs),
        "notes": list(network.notes),
        "origin": dict(network.origin),
        "io_type": network.io_type,
    }
    return data, arrays


def _layer_data(layer: Layer, arrays: Arrays) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": type(layer).__name__}
    for field in dataclasses.fields(layer):
        data[field.name] = _field_data(getattr(layer, field.name), f"{layer.name}/{field.name}", arrays)
    return data


def _field_data(value: Any, key: str, arrays: Arrays) -> Any:
    if isinstance(value, FixedFormat):
        return str(value)
    if isinstance(value, Constant):
        arrays[key] = value.raw
        return {"array": key, "format": str(value.format)}
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def from_data(data: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], where: str = "network") -> Network:
    """The Network of :func:`to_data`'s answer, checked.

    Raises:
        ModelError: it is not one of ours, or damaged.
    """
    try:
        if data["file_version"] != FILE_VERSION:
            raise ModelError(
                f"network file version {data['file_version']}, this program reads {FILE_VERSION}",
                where=where,
                hint="run the import stage again",
            )
        layers = tuple(_layer_from(entry, arrays) for entry in data["layers"])
        network = Network(
            data["name"], layers, tuple(data["outputs"]), tuple(data["notes"]), dict(data["origin"]), data["io_type"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"not a network file ({error!r})", where=where, hint="run the import stage again") from error
    check(network)
    return network


def _layer_from(entry: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Layer:
    kind = LAYER_KINDS[entry["kind"]]
    hints = get_type_hints(kind)
    values = {
        field.name: _value_from(hints[field.name], entry[field.name], arrays)
        for field in dataclasses.fields(kind)
        if field.name in entry
    }
    return kind(**values)


def _value_from(hint: Any, value: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    if hint is FixedFormat:
        return parse_format(value)
    if hint is Constant:
        return Constant(_integers(arrays[value["array"]]), parse_format(value["format"]))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if get_origin(hint) is tuple:
        return tuple(_plain(get_args(hint)[0], item) for item in _plain(list, value))
    return _plain(hint, value)


def _plain(hint: Any, value: Any) -> Any:
    if not isinstance(value, hint):
        raise TypeError(f"{value!r} is not {hint}")
    return value


def _integers(array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if array.dtype != np.int64:
        raise TypeError(f"a constant is stored as {array.dtype}")
    return np.ascontiguousarray(array)


def save(network: Network, path: Path) -> None:
    """Write ``path`` (.json) and the arrays beside it (.npz); the same Network gives the same bytes."""
    check(network)
    data, arrays = to_data(network)
    write_arrays(path.with_suffix(".npz"), arrays)
    write_json(path, data)


def load(path: Path) -> Network:
    """Read what :func:`save` wrote."""
    return from_data(read_json(path), read_arrays(path.with_suffix(".npz")), str(path))


def identity(network: Network) -> str:
    """One digest for everything that a Network says."""
    data, arrays = to_data(network)
    sha = hashlib.sha256(to_json(data).encode())
    for name in sorted(arrays):
        sha.update(arrays[name].tobytes())
    return sha.hexdigest()
