"""Accuracy, confusion and ROC of labelled rows, from numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bitwright.errors import DatasetError
from bitwright.report.records import Accuracy, ClassScore

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
ROC_POINTS = 60


def score(
    values: npt.ArrayLike,
    labels: npt.ArrayLike,
    classes: Sequence[str],
    *,
    dataset: str,
    split: str,
    synthetic: bool,
    keras: npt.ArrayLike | None = None,
    note: str = "",
) -> Accuracy:
    """Score the outputs of a classifier on labelled rows.

    The predicted class is the argmax; of equal outputs the first wins, as in hardware.  Each class's ROC
    and AUC take that class's own output as the score of "this class against the rest"; softmax would rank
    rows otherwise, so give its outputs where those are meant, and say so in ``note``.

    Args:
        values: the outputs, shape (rows, classes): logits or any other scores, finite.
        labels: the true class of each row, shape (rows,), integers from 0 to classes - 1.
        classes: the names, in the order of the columns.
        dataset: the data set's name.
        split: which rows of it.
        synthetic: whether the rows were generated.
        keras: the Keras model's outputs on the same rows, shape (rows, classes).
        note: what a reader of the figures must know.

    Returns:
        The scores; a class without rows, or with all of them, has no ROC and no AUC.

    Raises:
        DatasetError: shapes that do not fit, no rows, labels out of range, or outputs that are not finite.
    """
    outputs = _outputs(values, len(classes), "outputs")
    truth = _labels(labels, outputs.shape[0], len(classes))
    predicted = outputs.argmax(axis=1)
    return Accuracy(
        dataset=dataset,
        split=split,
        rows=truth.size,
        synthetic=synthetic,
        accuracy=float(np.mean(predicted == truth)),
        keras_accuracy=None if keras is None else _keras_accuracy(keras, truth, len(classes)),
        classes=tuple(_class_score(name, outputs[:, k], truth == k) for k, name in enumerate(classes)),
        confusion=confusion(truth, predicted, len(classes)),
        note=note,
    )


def quality(scores: Floats, labels: Ints) -> dict[str, float]:
    """Accuracy, precision and ROC AUC of probabilities (rows, classes), labels (rows,); the latter two as means over
    the classes that have rows.  A class that is never predicted has precision 0.
    """
    predicted, found = scores.argmax(axis=1), {"accuracy": float(np.mean(scores.argmax(axis=1) == labels))}
    present = [k for k in range(scores.shape[1]) if (labels == k).any()]
    precisions = [float(np.mean(labels[predicted == k] == k)) if (predicted == k).any() else 0.0 for k in present]
    areas = [area for k in present if (area := auc(scores[:, k], labels == k)) is not None]
    found["precision"] = float(np.mean(precisions))
    return found | ({"auc": float(np.mean(areas))} if areas else {})


def of_two_classes(logits: Floats) -> Floats:
    """One output per row, (rows, 1), as scores of two classes (rows, 2): the second is the answer above 0."""
    return np.concatenate([-logits, logits], axis=1) if logits.shape[1] == 1 else logits


def confusion(truth: Ints, predicted: Ints, classes: int) -> tuple[tuple[int, ...], ...]:
    """Rows by true class (first index) and predicted class (second), both of shape (rows,)."""
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return tuple(tuple(int(n) for n in row) for row in counts.reshape(classes, classes))


def auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float | None:
    """Area under the ROC: the chance that a positive row scores above a negative one, ties half.

    The Mann-Whitney U statistic over the number of pairs (Hanley and McNeil, Radiology 143, 1982), exact:
    the sum runs over integers.  None where one of the two kinds has no row.
    """
    n_pos = int(positive.sum())
    n_neg = positive.size - n_pos
    if not n_pos or not n_neg:
        return None
    _, level = np.unique(scores, return_inverse=True)
    pos = np.bincount(level, weights=positive).astype(np.int64)
    neg = np.bincount(level).astype(np.int64) - pos
    below = np.cumsum(neg) - neg
    twice_u = int((pos * (2 * below + neg)).sum())  # below 2**63 for a thousand million rows of each kind
    return twice_u / (2 * n_pos * n_neg)


def roc(scores: Floats, positive: npt.NDArray[np.bool_], points: int = ROC_POINTS) -> tuple[tuple[float, float], ...]:
    """(false positive rate, true positive rate) from (0, 0) to (1, 1), at most ``points`` of them.

    One point per distinct score; where those are more than ``points``, the ones nearest to equal steps
    along the curve stay, and both ends.  Empty where one of the two kinds has no row.
    """
    n_pos = int(positive.sum())
    n_neg = positive.size - n_pos
    if not n_pos or not n_neg:
        return ()
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.diff(scores[order]) != 0, True)
    true_rate = np.append(0, np.cumsum(positive[order])[last_of_score]) / n_pos
    false_rate = np.append(0, np.cumsum(~positive[order])[last_of_score]) / n_neg
    keep = _thin(false_rate + true_rate, points)
    return tuple((round(float(false_rate[i]), 6), round(float(true_rate[i]), 6)) for i in keep)


def _thin(walked: Floats, points: int) -> Ints:
    """Indices of at most ``points`` entries of a growing array, nearest to equal steps, ends included."""
    if walked.size <= points:
        return np.arange(walked.size)
    wanted = np.linspace(walked[0], walked[-1], points)
    right = np.clip(np.searchsorted(walked, wanted), 1, walked.size - 1)
    nearest = np.where(wanted - walked[right - 1] < walked[right] - wanted, right - 1, right)
    nearest[0], nearest[-1] = 0, walked.size - 1
    return np.unique(nearest)


def _class_score(name: str, scores: Floats, positive: npt.NDArray[np.bool_]) -> ClassScore:
    return ClassScore(name=name, rows=int(positive.sum()), auc=auc(scores, positive), roc=roc(scores, positive))


def _keras_accuracy(keras: npt.ArrayLike, truth: Ints, classes: int) -> float:
    outputs = _outputs(keras, classes, "Keras outputs")
    if outputs.shape[0] != truth.size:
        raise _bad(f"{outputs.shape[0]} rows of Keras outputs for {truth.size} labels")
    return float(np.mean(outputs.argmax(axis=1) == truth))


def _outputs(values: npt.ArrayLike, classes: int, what: str) -> Floats:
    outputs = np.asarray(values, dtype=np.float64)
    if outputs.ndim != 2 or outputs.shape[1] != classes or outputs.shape[0] == 0:
        raise _bad(f"{what} have the shape {outputs.shape}; (rows, {classes}) with at least one row is needed")
    if not np.isfinite(outputs).all():
        raise _bad(f"{what} are not all finite")
    return outputs


def _labels(labels: npt.ArrayLike, rows: int, classes: int) -> Ints:
    truth = np.asarray(labels)
    if truth.shape != (rows,) or not np.issubdtype(truth.dtype, np.integer):
        raise _bad(f"labels are {truth.dtype} of shape {truth.shape}; integers of shape ({rows},) are needed")
    if truth.min() < 0 or truth.max() >= classes:
        raise _bad(f"labels run from {truth.min()} to {truth.max()}; 0 to {classes - 1} is needed")
    return truth.astype(np.int64)


def _bad(what: str) -> DatasetError:
    return DatasetError(what, where="accuracy", hint="check the data set's rows, labels and class names")
