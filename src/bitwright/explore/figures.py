"""The figures of a candidate, its objectives, and limits that a front must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bitwright.explore.pareto import Points

OBJECTIVES = ("error", "lut", "latency_cycles")


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one candidate.

    Attributes:
        accuracy: share of the rows that the exact reference classifies rightly.
        latency_cycles: clocks from an input to its output.
        ii_cycles: clocks between two inputs.
        features: what the LUTs are estimated from, by name.
        area: LUT, FF, DSP, ... of real synthesis; empty where there was none.
        estimated_lut: the surrogate's LUTs, None before it is calibrated.
    """

    accuracy: float
    latency_cycles: int
    ii_cycles: int
    features: dict[str, float]
    area: dict[str, float]
    estimated_lut: float | None = None

    @property
    def is_real(self) -> bool:
        """Whether its LUTs were counted in a netlist."""
        return "LUT" in self.area

    @property
    def lut(self) -> float:
        """LUTs of the netlist, else the surrogate's, else the adder graphs' own estimate."""
        if self.is_real:
            return self.area["LUT"]
        return self.features["adders"] if self.estimated_lut is None else self.estimated_lut

    def objectives(self) -> tuple[float, float, float]:
        """Error, LUT, latency: all to be minimised."""
        return (1.0 - self.accuracy, self.lut, float(self.latency_cycles))

    def with_area(self, area: dict[str, float]) -> Figures:
        """The same with the figures of real synthesis."""
        return replace(self, area=area)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def objectives(rows: Sequence[Figures]) -> Points:
    """All objectives, (rows, 3)."""
    return np.array([row.objectives() for row in rows], dtype=np.float64).reshape(len(rows), len(OBJECTIVES))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a design must keep; None is no limit."""

    lut: float | None = None
    latency_cycles: int | None = None
    accuracy: float | None = None

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return any(value is not None for value in (self.lut, self.latency_cycles, self.accuracy))

    def excess(self, figures: Figures) -> float:
        """By how much the limits are broken: the sum of relative excesses, 0 where all are kept."""
        parts = [
            (self.lut, figures.lut),
            (self.latency_cycles, float(figures.latency_cycles)),
            (None if self.accuracy is None else 1 - self.accuracy, 1 - figures.accuracy),
        ]
        return sum(max(0.0, value - limit) / max(limit, 1e-9) for limit, value in parts if limit is not None)

    def words(self) -> str:
        """``at most 2,000 LUT and at least 70 %``."""
        said = [
            *([f"at most {self.lut:,.0f} LUT"] if self.lut is not None else []),
            *([f"at most {self.latency_cycles} clocks"] if self.latency_cycles is not None else []),
            *([f"an accuracy of at least {self.accuracy:.2%}"] if self.accuracy is not None else []),
        ]
        return " and ".join(said)
