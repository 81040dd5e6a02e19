"""The labelled rows of a model: damaged files, wrong columns, values that are no numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import write_rows

from bitwright.errors import DatasetError
from bitwright.files import write_arrays
from bitwright.fixed import FixedFormat
from bitwright.frontend.rows import check_rows, read_rows
from bitwright.network.layers import Argmax, Cast, Input, Layer, Network

EIGHT = FixedFormat(8, 3)


def network(inputs: int = 3, outputs: int = 3, head: bool = False) -> Network:
    layers: list[Layer] = [
        Input(name="x", sources=(), shape=(inputs,), result=EIGHT),
        Cast(name="y", sources=("x",), shape=(outputs,), result=EIGHT),
        Argmax(name="y_argmax", sources=("y",), shape=(1,), result=FixedFormat(2, 2, signed=False)),
    ]
    return Network("n", tuple(layers if head else layers[:2]), ("y_argmax" if head else "y",))


def refused(path: Path) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        read_rows(path)
    assert caught.value.where == str(path)
    assert caught.value.hint
    return caught.value


def test_good_rows(tmp_path: Path) -> None:
    rows = read_rows(write_rows(tmp_path / "r.npz", rows=7))
    assert rows.x.shape == (7, 3)
    assert rows.y.shape == (7,)
    assert rows.y.dtype == np.int64


def test_raw_features_with_their_scaler_are_standardized(tmp_path: Path) -> None:
    arrays = {
        "x": np.array([[0, 64, 255]], np.uint8), "y": np.array([1]),
        "scaler_mean": np.zeros(3), "scaler_scale": np.full(3, 256.0),
    }  # fmt: skip
    write_arrays(tmp_path / "r.npz", arrays)
    assert read_rows(tmp_path / "r.npz").x.tolist() == [[0, 0.25, 255 / 256]]
    write_arrays(tmp_path / "r.npz", {**arrays, "standardized": np.array(True)})
    assert read_rows(tmp_path / "r.npz").x.tolist() == [[0, 64, 255]]
    write_arrays(tmp_path / "r.npz", {**arrays, "scaler_mean": np.zeros(2), "scaler_scale": np.ones(2)})
    assert "a scaler of 2" in refused(tmp_path / "r.npz").what


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"x": np.zeros((120, 3)), "y": np.zeros(100, int)}, "x has shape (120, 3) and y (100,)"),
        ({"x": np.zeros(120), "y": np.zeros(120, int)}, "x has shape (120,) and y (120,)"),
        ({"x": np.zeros((0, 3)), "y": np.zeros(0, int)}, "x has shape (0, 3) and y (0,)"),
        ({"y": np.eye(120, dtype=int)}, "x has shape (120, 3) and y (120, 120)"),
        ({"x": np.full((120, 3), "a")}, "x holds <U1 and y int64"),
        ({"y": np.linspace(0, 1, 120)}, "x holds float32 and y float64"),
    ],
)
def test_wrong_arrays(tmp_path: Path, changed: dict[str, Any], what: str) -> None:
    assert refused(write_rows(tmp_path / "r.npz", **changed)).what == what


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    x = np.zeros((120, 3))
    x[[17, 40], 1] = value
    error = refused(write_rows(tmp_path / "r.npz", x=x))
    assert error.what == "2 rows hold NaN or infinity; the first is row 17"


@pytest.mark.parametrize("name", ["x", "y"])
def test_an_array_that_is_missing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.npz"
    arrays = {"x": np.zeros((2, 3)), "y": np.zeros(2, int), "other": np.zeros(1)}
    del arrays[name]
    np.savez(path, **arrays)
    assert refused(path).what == f"has no '{name}', only {', '.join(sorted(arrays))}"


def test_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    assert refused(path).what == "no such file"
    whole = write_rows(path).read_bytes()
    for content in (b"", b"a,b,c\n1,2,3\n", whole[:100], whole[:-50]):
        path.write_bytes(content)
        assert refused(path).what == "not an npz file, or cut short"
    np.savez(path, x=np.array([{}], dtype=object), y=np.zeros(1))
    assert "not a readable npz file" in refused(path).what


@pytest.mark.parametrize("head", [False, True])
def test_rows_against_the_network(tmp_path: Path, head: bool) -> None:
    rows = read_rows(write_rows(tmp_path / "r.npz", classes=3))
    check_rows(rows, network(head=head), 3)
    check_rows(rows, network(head=head), 0)
    with pytest.raises(DatasetError, match="rows of 3 features, the model takes 4"):
        check_rows(rows, network(inputs=4, head=head), 3)
    with pytest.raises(DatasetError, match="5 classes are named, the model has 3 outputs"):
        check_rows(rows, network(head=head), 5)
    first = int(np.flatnonzero(rows.y == 2)[0])
    with pytest.raises(DatasetError, match=f"row {first} has label 2, the model has outputs 0 to 1"):
        check_rows(rows, network(outputs=2, head=head), 0)
    rows.y[4] = -1
    with pytest.raises(DatasetError, match="row 4 has label -1"):
        check_rows(rows, network(head=head), 0)
