"""What every layer of a Network has, and its constants."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A constant tensor: ``value = raw * 2**-format.fraction``; ``raw`` is int64."""

    raw: npt.NDArray[np.int64]
    format: FixedFormat

    @property
    def value(self) -> npt.NDArray[np.float64]:
        """The numbers that the raw values stand for."""
        return np.ldexp(self.raw.astype(np.float64), -self.format.fraction)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Base:
    """What every layer has: a unique name, its sources, its output shape (no batch) and format."""

    name: str
    sources: tuple[str, ...]
    shape: Shape
    result: FixedFormat

    @property
    def size(self) -> int:
        """Number of output elements."""
        return prod(self.shape)
