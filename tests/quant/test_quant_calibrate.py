"""Calibration: what is seen does not depend on the batches; bad data is refused in words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from float_models import MODELS, mlp, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from bitwright.errors import DatasetError
from bitwright.quant.calibrate import calibrate
from bitwright.quant.float_model import evaluate
from bitwright.quant.observe import KEPT, PARTS, Observer, centres, edges, observe
from bitwright.quant.ranges import clipped, magnitude_quantile


@pytest.mark.parametrize("name", MODELS)
def test_batches_of_any_size_see_the_same(name: str) -> None:
    model = MODELS[name]()
    x = rows(model, 150)
    one, many = calibrate(model, [x]), calibrate(model, [x[:1], x[1:60], x[60:60], x[60:]])
    assert (one.rows, many.rows) == (150, 150)
    for field in dataclasses.fields(one.tensors["x"]):
        left, right = (getattr(seen.tensors["x"], field.name) for seen in (one, many))
        assert np.allclose(left, right) if field.name in SUMS else np.array_equal(left, right), field
    for layer in model.layers:  # BLAS adds in another order for another number of rows
        a, b = one.tensors[layer.name], many.tensors[layer.name]
        assert np.allclose([a.low, a.high, a.mean, a.deviation], [b.low, b.high, b.mean, b.deviation])
        assert (a.count, a.zeros) == (b.count, b.zeros)


SUMS = ("mean", "deviation", "channel_mean")


def test_what_is_seen_is_what_numpy_says() -> None:
    model = MODELS["cnn"]()
    x = rows(model, 80)
    seen, values = calibrate(model, [x]).tensors["conv1"], evaluate(model, x, ["conv1"])["conv1"]
    assert (seen.low, seen.high, seen.count) == (values.min(), values.max(), values.size)
    assert seen.mean == pytest.approx(values.mean())
    assert seen.deviation == pytest.approx(values.std())
    assert np.array_equal(seen.channel_low, values.min(axis=(0, 1, 2)))
    far = np.sort(np.abs(values).ravel())[::-1][:KEPT]
    assert [abs(e.value) for e in seen.extremes] == far.tolist()
    for extreme in seen.extremes:
        assert values[extreme.row].ravel()[extreme.element] == extreme.value


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.floats(51, 100))
@settings(max_examples=60, deadline=None)
def test_a_quantile_is_within_a_bin_of_the_true_one(numbers: list[float], percentile: float) -> None:
    values = np.array(numbers)[:, None]
    found = magnitude_quantile(observe(values), percentile)
    sorted_, need = np.sort(np.abs(values).ravel()), int(np.ceil(len(numbers) * percentile / 100))
    true = sorted_[need - 1]
    assert true <= found * (1 + 1e-12)
    assert found <= max(true * (1 + 1 / PARTS) * (1 + 1e-9), 2.0**-40)


def test_the_bins_touch_and_are_narrow() -> None:
    ends = edges()
    assert (np.diff(ends) > 0).all()
    assert (np.diff(ends) / ends[:-1]).max() <= 1 / PARTS + 1e-12
    counts = observe(np.repeat(centres(), 3)[:, None]).positive
    assert counts.min() == counts.max() == 3


def test_stripped_values_are_counted_and_listed_with_their_places() -> None:
    values = np.zeros((1000, 2))
    values[:, 0] = np.linspace(-1, 1, 1000)
    values[17, 1], values[400, 1] = 300.0, -200.0
    observer = Observer(2)
    observer.update(values[:100], 0)
    observer.update(values[100:], 100)
    seen = observer.result()
    limit = magnitude_quantile(seen, 99.5)
    assert limit < 1.01
    found = clipped(seen, -limit - 0.01, limit + 0.01)
    assert found.exact
    assert [(e.value, e.row, e.element) for e in found.farthest] == [(300.0, 17, 1), (-200.0, 400, 1)]
    assert found.count == 2
    many = clipped(seen, -0.25, 0.25)
    assert not many.exact
    assert abs(many.count - (np.abs(values) > 0.25).sum()) <= 4


def test_a_grid_of_inputs_is_found() -> None:
    assert observe(np.array([[3.0], [-1e6]])).fraction == 0
    assert observe(np.array([[3.0], [0.625]])).fraction == 3
    assert observe(np.array([[0.1]])).fraction is None


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([], "no rows"),
        ([np.zeros((0, 6))], "no rows"),
        ([np.ones((5, 7))], "the model takes (6,)"),
        ([np.ones((5, 3, 4))], "rows of shape (3, 4), 12 values each"),
        ([np.ones((5, 6)), np.full((5, 6), np.nan)], "row 5 holds NaN"),
        ([np.array([[1, 2, 3, 4, 5, np.inf]])], "row 0 holds NaN or infinity"),
        ([np.ones((5, 6))], "all 5 rows are the same"),
        ([np.ones((1, 6))], "one row alone"),
    ],
)
def test_bad_data_is_refused(batches: list[np.ndarray], words: str) -> None:
    with pytest.raises(DatasetError) as raised:
        calibrate(mlp(), batches, "rows.npz")
    assert words in str(raised.value)
    assert "rows.npz" in str(raised.value)
    assert raised.value.hint
