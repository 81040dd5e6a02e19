"""Budgets of model.yaml: what a design may cost, and how much worse than its baseline it may become."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bitwright.config.yamlfile import Config


class _Bound(Config):
    tolerance: float | None = Field(
        default=None, ge=0, description="how much worse than the baseline: a share; points (0.01 = 1 %) for accuracy"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(value is not None for value in self.__dict__.values()):
            raise ValueError("gives neither a bound nor a tolerance")
        return self


class AtMost(_Bound):
    """A figure that should be small."""

    max: float | None = Field(default=None, ge=0, description="the run fails above it")


class AtLeast(_Bound):
    """A figure that should be large."""

    min: float | None = Field(default=None, ge=0, description="the run fails below it")


class Share(_Bound):
    """A share from 0 to 1 that should be large."""

    min: float | None = Field(default=None, ge=0, le=1, description="the run fails below it")


class BudgetConfig(Config):
    """``budgets`` in model.yaml; the keys are the headline figures of a report."""

    lut: AtMost | None = None
    ff: AtMost | None = None
    dsp: AtMost | None = None
    bram36: AtMost | None = Field(default=None, description="tiles of 36 kbit")
    uram: AtMost | None = None
    ebr: AtMost | None = Field(default=None, description="embedded block RAM of Lattice parts")
    latency_cycles: AtMost | None = None
    ii_cycles: AtMost | None = None
    fmax_mhz: AtLeast | None = None
    accuracy: Share | None = Field(default=None, description="0..1, of the hardware's bits")
    seconds: AtMost | None = Field(default=None, description="all stages together")

    def limit(self, figure: str) -> float | None:
        """The hard bound of a figure, if it has one."""
        bound: _Bound | None = getattr(self, figure)
        return None if bound is None else getattr(bound, "max" if isinstance(bound, AtMost) else "min")

    def tolerance(self, figure: str) -> float | None:
        """The figure's own tolerance against the baseline, if it has one."""
        bound: _Bound | None = getattr(self, figure)
        return None if bound is None else bound.tolerance
