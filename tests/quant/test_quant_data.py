"""Data files: what is read, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bitwright.errors import DatasetError
from bitwright.quant.data import read_data

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_npz_npy_and_csv_hold_the_same(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=np.array([0, 1, 1, 0]))
    np.save(tmp_path / "a.npy", X)
    lines = ["p,q,label,r", *(f"{a},{b},{y},{c}" for (a, b, c), y in zip(X.tolist(), "0110", strict=True))]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n\n")
    (tmp_path / "b.csv").write_text("\n".join(",".join(map(str, row)) for row in X.tolist()))
    for name, labelled in (("a.npz", True), ("a.npy", False), ("a.csv", True), ("b.csv", False)):
        data = read_data(tmp_path / name)
        assert np.array_equal(np.concatenate(list(data.batches(3))), X), name
        assert (data.y.tolist() if data.y is not None else None) == ([0, 1, 1, 0] if labelled else None), name


def test_names_of_classes_become_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("p,class\n1,slow\n2,fast\n3,slow\n")
    data = read_data(tmp_path / "a.csv")
    assert data.y is not None
    assert data.y.tolist() == [1, 0, 1]


def test_raw_features_are_standardized_by_their_scaler(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=np.zeros(4, int), scaler_mean=np.ones(3), scaler_scale=np.full(3, 2.0))
    assert np.allclose(read_data(tmp_path / "a.npz").x, (X - 1) / 2)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "holds no rows"),
        ("a.csv", "p,q\n", "holds no rows"),
        ("a.csv", "1,2\n3\n", "data row 2 has 1 columns, the first 2"),
        ("a.csv", "1,2\n3,x\n", "'x' is not a number"),
        ("a.csv", b"\xff\xfe\x00", "not a csv file"),
        ("a.npz", "no zip", "not an npz file"),
        ("a.npy", "no npy", "not a readable npy file"),
        ("a.txt", "1 2", "'.txt' files are not read"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError) as raised:
        read_data(path)
    assert words in str(raised.value)
    assert name in raised.value.where
    assert raised.value.hint


def test_bad_arrays_are_refused(tmp_path: Path) -> None:
    cases = {
        "has no 'x'": {"data": X},
        "one label for each row": {"x": X, "y": np.zeros(3, int)},
        "x is (rows, ...)": {"x": X.ravel()},
        "holds no rows": {"x": X[:0]},
        "of shape (4, 3)": {"x": X.astype(str)},
    }
    for words, arrays in cases.items():
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(DatasetError) as raised:
            read_data(tmp_path / "a.npz")
        assert words in str(raised.value)
    with pytest.raises(DatasetError, match="no such file"):
        read_data(tmp_path / "missing.npz")
