"""A small float network that says how likely each class is: soft labels for generated rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Floats
from bitwright.errors import DatasetError

Layer = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Labeller:
    """Dense layers (weights (in, out), bias (out,)) with relu between them and softmax behind the last.

    ``origin`` says what it learned from, as every figure made with it must.
    """

    layers: tuple[Layer, ...]
    origin: str

    def __post_init__(self) -> None:
        if not self.layers:
            raise DatasetError("a labeller without layers", hint="fit the generator again")
        width = self.layers[0][0].shape[0]
        for weights, bias in self.layers:
            if weights.ndim != 2 or weights.shape != (width, bias.size) or not np.isfinite(weights).all():
                raise DatasetError("the labeller's layers do not fit together", hint="fit the generator again")
            width = bias.size

    def probabilities(self, x: Floats) -> Floats:
        """Rows (rows, features) to probabilities (rows, classes), each row adding up to 1."""
        for weights, bias in self.layers[:-1]:
            x = np.maximum(x @ weights + bias, 0)
        weights, bias = self.layers[-1]
        logits = x @ weights + bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        soft: Floats = powers / powers.sum(axis=1, keepdims=True)
        return soft

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The parameters under names that :meth:`from_arrays` knows; weights as float16."""
        named: dict[str, npt.NDArray[np.generic]] = {"labeller_origin": np.array(self.origin)}
        for number, (weights, bias) in enumerate(self.layers):
            named[f"labeller_w{number}"] = weights.astype(np.float16)
            named[f"labeller_b{number}"] = bias.astype(np.float16)
        return named

    @staticmethod
    def from_arrays(arrays: dict[str, npt.NDArray[np.generic]]) -> Labeller | None:
        """The labeller among an npz file's arrays; None where it has none."""
        if "labeller_origin" not in arrays:
            return None
        count = sum(name.startswith("labeller_w") for name in arrays)
        layers = tuple(
            (arrays[f"labeller_w{i}"].astype(np.float32), arrays[f"labeller_b{i}"].astype(np.float32))
            for i in range(count)
        )
        return Labeller(layers, str(arrays["labeller_origin"]))
