from dataclasses import replace

import numpy as np
import pytest
from jet_rows import make_rows

from bitwright.datasets import Scaler, fit_scaler
from bitwright.errors import DatasetError


def test_a_good_data_set_says_what_it_is():
    data = make_rows(10)
    assert data.rows == 10
    assert data.title == "hls4ml_lhc_jets_hlf, made for a test, 10 rows"
    assert replace(data, synthetic=True).title.endswith("10 rows, synthetic")


def test_take_keeps_the_order_and_names_the_split():
    data = make_rows(10)
    part = data.take(np.array([3, 1]), "part")
    assert part.split == "part"
    assert np.array_equal(part.x, data.x[[3, 1]])
    assert np.array_equal(part.y, data.y[[3, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((10,), np.float32)}, "x has shape"),
        ({"x": np.zeros((9, 16), np.float32)}, "one label per row"),
        ({"x": np.zeros((0, 16), np.float32), "y": np.zeros(0, np.int64)}, "no rows"),
        ({"x": np.full((10, 16), np.nan, np.float32)}, "the first is zlogz of row 0"),
        ({"x": np.full((10, 16), np.inf, np.float32)}, "160 values are not finite"),
        ({"y": np.full(10, 5, np.int64)}, "class 5 in y is not one of 0..4"),
        ({"y": np.full(10, -1, np.int64)}, "class -1 in y"),
        ({"feature_names": ("a",)}, "16 columns but 1 feature names"),
        ({"scaler": Scaler(np.zeros(3), np.ones(3))}, "16 columns but a scaler of 3"),
    ],
)
def test_bad_rows_are_refused_with_their_file(change, message):
    data = replace(make_rows(10), where="somewhere.npz")
    with pytest.raises(DatasetError) as caught:
        replace(data, **change)
    assert message in str(caught.value)
    assert str(caught.value).startswith("somewhere.npz: ")
    assert caught.value.exit_code == 2


def test_scaler_standardizes_and_survives_a_constant_feature():
    raw = np.array([[1.0, 7.0], [3.0, 7.0]])
    scaled = fit_scaler(raw).standardize(raw)
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [[-1.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("scale", [np.zeros(2), np.array([1.0, np.nan]), np.ones(3)])
def test_a_bad_scaler_is_refused(scale):
    with pytest.raises(DatasetError):
        Scaler(np.zeros(2), scale)
