from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, roc_auc_score

from bitwright.errors import DatasetError
from bitwright.report.accuracy import ROC_POINTS, Floats, Ints, auc, roc, score
from bitwright.report.numbers import uncertainty
from bitwright.report.records import Accuracy


def rows(count: int = 4000, classes: int = 5, step: float = 1 / 8) -> tuple[Floats, Ints]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, classes, count)
    values = np.round(rng.normal(size=(count, classes)) / step) * step
    values[np.arange(count), labels] += 1
    return values, labels


def scored(values: object, labels: object, classes: str = "gqtwz", **options: object) -> Accuracy:
    return score(values, labels, tuple(classes), dataset="d", split="s", synthetic=True, **options)  # type: ignore[arg-type]


def test_against_sklearn() -> None:
    values, labels = rows()
    found = scored(values, labels)
    assert found.accuracy == np.mean(values.argmax(axis=1) == labels)
    assert found.confusion == tuple(map(tuple, confusion_matrix(labels, values.argmax(axis=1)).tolist()))
    for k, item in enumerate(found.classes):
        assert item.auc == pytest.approx(roc_auc_score(labels == k, values[:, k]), abs=1e-12)
        assert item.rows == (labels == k).sum()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_auc_is_the_share_of_ordered_pairs(samples: list[tuple[int, bool]]) -> None:
    pos = [s for s, positive in samples if positive]
    neg = [s for s, positive in samples if not positive]
    found = auc(np.array([float(s) for s, _ in samples]), np.array([p for _, p in samples]))
    if not pos or not neg:
        assert found is None
        return
    won = sum((p > n) + 0.5 * (p == n) for p in pos for n in neg)
    assert found == pytest.approx(won / (len(pos) * len(neg)), abs=1e-15)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 400), st.integers(1, 300))
def test_roc_is_a_thinned_staircase(seed: int, count: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, count).astype(float)
    positive = rng.random(count) < 0.4
    curve = roc(scores, positive)
    if not 0 < positive.sum() < count:
        assert curve == ()
        return
    assert curve[0] == (0.0, 0.0)
    assert curve[-1] == (1.0, 1.0)
    assert len(curve) <= ROC_POINTS
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(curve))
    if np.unique(scores).size < ROC_POINTS:
        x, y = np.array(curve).T
        area = float(np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1])) / 2)
        assert area == pytest.approx(auc(scores, positive), abs=1e-4)


def test_of_equal_outputs_the_first_wins() -> None:
    found = scored([[1.0, 1.0], [0.0, 0.0]], [0, 1], "ab")
    assert found.confusion == ((1, 0), (1, 0))
    assert found.accuracy == 0.5


def test_class_without_rows_has_no_curve() -> None:
    found = scored([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0, 1], "abc")
    assert (found.classes[2].rows, found.classes[2].auc, found.classes[2].roc) == (0, None, ())


def test_keras_accuracy_is_its_own() -> None:
    values, labels = rows(100)
    assert scored(values, labels).keras_accuracy is None
    assert scored(values, labels, keras=-values).keras_accuracy == np.mean((-values).argmax(axis=1) == labels)


@pytest.mark.parametrize(
    ("values", "labels", "words"),
    [
        ([[1.0, 0.0]], [0, 1], "labels"),
        ([[1.0, 0.0, 0.0]], [0], "shape"),
        (np.zeros((0, 2)), np.zeros(0, int), "at least one row"),
        ([[np.nan, 0.0]], [0], "finite"),
        ([[1.0, 0.0]], [2], "labels run from 2 to 2"),
        ([[1.0, 0.0]], [-1], "labels run from -1"),
        ([[1.0, 0.0]], [0.0], "integers"),
    ],
)
def test_what_cannot_be_scored(values: object, labels: object, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        scored(values, labels, "ab")


def test_keras_rows_must_fit() -> None:
    with pytest.raises(DatasetError, match="2 rows of Keras outputs for 1 labels"):
        scored([[1.0, 0.0]], [0], "ab", keras=[[1.0, 0.0], [0.0, 1.0]])


def test_uncertainty_is_wilson() -> None:
    p, n = 0.7, 600
    low, high = (np.roots([1 + 1 / n, -(2 * p + 1 / n), p * p]).real[i] for i in (1, 0))
    assert uncertainty(p, n) == pytest.approx((high - low) / 2, rel=1e-9)
    assert uncertainty(1.0, 10) > 0
