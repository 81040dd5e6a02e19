"""Rows with known statistics for the tests of this folder."""

import numpy as np

from bitwright.datasets import JET_CLASSES, JET_FEATURES, JET_SET, Dataset


def make_rows(n: int = 400, seed: int = 5) -> Dataset:
    """Five classes of correlated, skewed features, apart by their means; features 6 and 8 are copies."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 5
    common = random.standard_normal((n, 1))
    x = np.exp(0.4 * (0.8 * common + 0.6 * random.standard_normal((n, 16)))) + y[:, None]
    x[:, 8] = x[:, 6]
    return Dataset(x.astype(np.float32), y.astype(np.int64), JET_FEATURES, JET_CLASSES, JET_SET, "made for a test")
