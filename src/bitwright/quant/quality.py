"""What a quantization costs on labelled rows: accuracy or AUC, float and quantized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright.quant.float_model import Floats
from bitwright.quant.health import MORE_BITS, Finding, Severity
from bitwright.report.accuracy import auc

WORSE, LOST = 0.02, 0.5
"""A loss worth a warning; the share of what a model is better than chance by, whose loss makes it not usable."""


@dataclass(frozen=True, slots=True)
class Quality:
    """A metric of the float model and of its integers on the same rows; ``chance`` is what guessing gives."""

    metric: str
    rows: int
    floats: float
    integers: float
    chance: float

    @property
    def loss(self) -> float:
        """How much worse the integers are."""
        return self.floats - self.integers


def quality(floats: Floats, integers: Floats, labels: npt.NDArray[np.int64]) -> Quality | None:
    """Accuracy of a classifier, AUC of one with a single output; None where the labels are not of such a one.

    Args:
        floats: outputs (rows, outputs) of the float model.
        integers: what the quantized model's outputs stand for.
        labels: (rows,), the index of each row's class.
    """
    outputs, low, high = floats.shape[1], int(labels.min()), int(labels.max())
    if outputs == 1 and (low, high) == (0, 1):
        found = [auc(values[:, 0], labels == 1) for values in (floats, integers)]
        assert found[0] is not None
        assert found[1] is not None
        return Quality("AUC", len(labels), found[0], found[1], 0.5)
    if outputs > 1 and low >= 0 and high < outputs:
        hits = [float((values.argmax(axis=1) == labels).mean()) for values in (floats, integers)]
        return Quality("accuracy", len(labels), hits[0], hits[1], float(np.bincount(labels).max() / len(labels)))
    return None


def judged_quality(found: Quality) -> tuple[Finding, ...]:
    """A finding where the integers are clearly worse."""
    if found.loss <= WORSE:
        return ()
    lost = found.loss > LOST * max(found.floats - found.chance, 0)
    what = f"{found.metric} falls from {found.floats:.4f} to {found.integers:.4f}"
    return (Finding("outputs", Severity.FATAL if lost else Severity.WARNING, what, MORE_BITS),)
