"""The Network as files: what is read is what was written, the bytes are stable, damage is named."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from hypothesis import given, settings

from bitwright.errors import BitwrightError, ModelError
from bitwright.network import Constant, Network, load, save
from bitwright.network.layers import LAYER_KINDS
from bitwright.network.text import from_data, to_data

BY_NAME = {network.name: network for network in networks.every_kind()}


def assert_same(a: Network, b: Network) -> None:
    """Field for field, constants by their arrays."""
    assert (a.name, a.outputs, a.notes, a.origin) == (b.name, b.outputs, b.notes, b.origin)
    for left, right in zip(a.layers, b.layers, strict=True):
        assert type(left) is type(right)
        for field in dataclasses.fields(left):
            p, q = getattr(left, field.name), getattr(right, field.name)
            if isinstance(p, Constant):
                assert p.format == q.format
                assert p.raw.dtype == q.raw.dtype == np.int64
                assert p.raw.shape == q.raw.shape
                assert (p.raw == q.raw).all()
            else:
                assert p == q
                assert type(p) is type(q), field.name


@pytest.mark.parametrize("network", BY_NAME.values(), ids=lambda network: network.name)
def test_round_trip(network: Network, tmp_path: Path) -> None:
    save(network, tmp_path / "network.json")
    assert_same(load(tmp_path / "network.json"), network)


def test_every_kind_is_among_them() -> None:
    assert {type(layer).__name__ for n in BY_NAME.values() for layer in n.layers} == set(LAYER_KINDS)


@given(networks.random_networks())
@settings(max_examples=50)
def test_round_trip_of_random_networks(network: Network) -> None:
    data, arrays = to_data(network)
    assert_same(from_data(json.loads(json.dumps(data)), arrays), network)


def test_notes_and_origin_travel() -> None:
    network = dataclasses.replace(BY_NAME["mlp"], notes=("a note",), origin={"keras": "a", "b": "é"})
    data, arrays = to_data(network)
    assert_same(from_data(json.loads(json.dumps(data)), arrays), network)


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from networks import every_kind
from bitwright.network import save
for network in every_kind():
    save(network, Path(sys.argv[2]) / network.name / "network.json")
"""


def test_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        argv = [sys.executable, "-c", WRITER, str(Path(networks.__file__).parent), str(tmp_path / seed)]
        subprocess.run(argv, env=env, check=True)
    files = sorted(path.relative_to(tmp_path / "0") for path in (tmp_path / "0").rglob("*") if path.is_file())
    assert len(files) == 2 * len(BY_NAME)
    for file in files:
        assert (tmp_path / "0" / file).read_bytes() == (tmp_path / "1" / file).read_bytes(), file


# --- damage --------------------------------------------------------------------------------------


def broken_json(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(to_data(BY_NAME["mlp"])[0]))
    change(data)
    return data


def setter(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


DAMAGE: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("file version 99, this program reads 1", setter("file_version", value=99)),
    ("not a network file", lambda data: data.pop("layers")),
    ("not a network file", lambda data: data.pop("file_version")),
    ("not a network file", setter("layers", 0, "kind", value="Convolution")),
    ("not a network file", setter("layers", 0, "kind", value=["Input"])),
    ("not a network file", setter("layers", 0, value="Input")),
    ("not a network file", lambda data: data["layers"][1].pop("result")),
    ("not a network file", setter("layers", 2, "weight", value={"array": "gone", "format": "fixed<6,1>"})),
    ("not a network file", setter("layers", 2, "weight", value=None)),
    ("not a network file", setter("layers", value=7)),
    ("not a network file", setter("layers", 0, "shape", value=["six"])),
    ("not a network file", setter("layers", 0, "shape", value="6")),
    ("not a network file", setter("layers", 0, "shape", value=[6.0])),
    ("not a network file", setter("layers", 1, "sources", value=[["x0"]])),
    ("not a network file", setter("outputs", value=5)),
    ("'float' is not a fixed-point type", setter("layers", 1, "result", value="float")),
]


@pytest.mark.parametrize(("message", "change"), DAMAGE)
def test_damaged_data(message: str, change: Callable[[dict[str, Any]], Any]) -> None:
    data = broken_json(change)
    with pytest.raises(BitwrightError, match=message) as error:
        from_data(data, to_data(BY_NAME["mlp"])[1], "somewhere/network.json")
    assert error.value.exit_code == 2, "a damaged file is input, not a fault of the program"


def test_arrays_of_another_type_are_not_bent_into_shape() -> None:
    data, arrays = to_data(BY_NAME["mlp"])
    key = next(iter(arrays))
    with pytest.raises(ModelError, match="not a network file"):
        from_data(data, {**arrays, key: arrays[key] + 0.5})


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_truncated_files(suffix: str, keep: int, tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    save(BY_NAME["mlp"], path)
    damaged = path.with_suffix(suffix)
    damaged.write_bytes(
        damaged.read_bytes()[:keep] if keep >= 0 else damaged.read_bytes()[: len(damaged.read_bytes()) // 2]
    )
    with pytest.raises(BitwrightError) as error:
        load(path)
    assert damaged.name in str(error.value)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_missing_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    save(BY_NAME["mlp"], path)
    path.with_suffix(suffix).unlink()
    with pytest.raises(BitwrightError, match="file is missing"):
        load(path)


def test_a_broken_network_is_not_written(tmp_path: Path) -> None:
    network = dataclasses.replace(BY_NAME["mlp"], outputs=("nothing",))
    with pytest.raises(BitwrightError):
        save(network, tmp_path / "network.json")
    assert list(tmp_path.iterdir()) == []
