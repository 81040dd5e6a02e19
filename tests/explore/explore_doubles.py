"""A builder of small Networks without Keras, and rows for them: what the search is tried on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import UnsupportedLayerError
from bitwright.explore.figures import Figures
from bitwright.explore.space import Candidate, LayerInfo, SearchSpace, Space, make_space
from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.frontend.rows import Rows
from bitwright.network import Constant, Network, check
from bitwright.network.layers import Dense, Input, Relu

FEATURES, HIDDEN, CLASSES = 4, 6, 3
LAYERS = (
    LayerInfo("hidden", weights=True, activations=True, reuse=(1, 2, 4)),
    LayerInfo("logits", weights=True, activations=False, reuse=(1, 2, 3)),
)
SPACE = SearchSpace(weights=(2, 3, 4, 5), activations=(2, 3, 4))


def space(**changed: Any) -> Space:
    """The space of the double."""
    return make_space(SPACE.model_copy(update=changed), LAYERS)


@dataclass(frozen=True)
class Double:
    """Rounds random float weights to the widths that are asked for."""

    seed: int = 3
    broken: bool = False

    @property
    def digest(self) -> str:
        return f"double {self.seed}"

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        return LAYERS

    def floats(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        rng = np.random.default_rng(self.seed)
        return rng.normal(size=(FEATURES, HIDDEN)) / 2, rng.normal(size=(HIDDEN, CLASSES)) / 2

    def network(self, candidate: Candidate) -> Network:
        if self.broken:
            raise UnsupportedLayerError("no hardware for this", where="layer 'hidden'", hint="none")
        first, second = self.floats()
        grid = FixedFormat(6, 3, True, Rounding.RND, Overflow.SAT)
        wide = FixedFormat(20, 10, True)
        width = int(candidate["hidden.activations"])
        x = Input(name="x", sources=(), shape=(FEATURES,), result=grid)
        hidden = dense("hidden", "x", first, int(candidate["hidden.weights"]), wide)
        relu = Relu(name="relu", sources=("hidden",), shape=(HIDDEN,),
                    result=FixedFormat(width, 2, False, Rounding.RND, Overflow.SAT))  # fmt: skip
        logits = dense("logits", "relu", second, int(candidate["logits.weights"]), wide)
        network = Network("double", (x, hidden, relu, logits), ("logits",))
        check(network)
        return network


def dense(name: str, source: str, weights: np.ndarray[Any, Any], width: int, wide: FixedFormat) -> Dense:
    fmt = FixedFormat(width, 1, True)
    raw = np.clip(np.round(np.ldexp(weights, fmt.fraction)), fmt.min, fmt.max).astype(np.int64)
    bias = Constant(np.zeros(weights.shape[1], dtype=np.int64), fmt)
    return Dense(name=name, sources=(source,), shape=(weights.shape[1],), result=wide, weight=Constant(raw, fmt),
                 bias=bias, accum=wide)  # fmt: skip


def rows(count: int = 300) -> Rows:
    """Rows that the double's float weights classify without an error."""
    x = np.random.default_rng(1).normal(size=(count, FEATURES))
    first, second = Double().floats()
    return Rows(x, (np.maximum(x @ first, 0) @ second).argmax(axis=1), Path("rows.npz"))


def figures(error: float, lut: float, latency: int = 3, *, real: bool = True) -> Figures:
    """Figures with these objectives."""
    features = {"adders": lut, "registers": 2 * lut, "bitops": 10 * lut, "folded": 0.0}
    return Figures(1 - error, latency, 1, features, {"LUT": lut} if real else {})
