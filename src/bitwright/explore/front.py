"""The front as a file: the points that no other one beats, numbered, each with all that builds it again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bitwright.errors import BitwrightError, UsageError
from bitwright.explore.figures import Figures, Limits, objectives
from bitwright.explore.pareto import hypervolume, is_front
from bitwright.explore.space import Candidate, Value
from bitwright.explore.store import Evaluation
from bitwright.explore.study import MEMBER
from bitwright.explore.surrogate import Surrogate
from bitwright.files import read_json, write_json

FILE = "front.json"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FrontPoint(_Data):
    """One design."""

    number: int = Field(description="POINT of 'make fpga'")
    words: str
    settings: dict[str, Value] = Field(description="the candidate's choices; empty for a trained model")
    model: str = Field(default="", description="the trained model that it is; empty for a candidate")
    accuracy: float
    lut: float = Field(description="counted by Yosys in the netlist of the bare kernel")
    area: dict[str, float]
    latency_cycles: int
    ii_cycles: int
    keeps_limits: bool = True


class Front(_Data):
    """front.json."""

    schema_version: int = 1
    model: str
    target: str
    dataset: str = Field(description="data set, split and rows of every accuracy")
    synthetic: bool = False
    evaluations: int
    synthesized: int
    surrogate: str = Field(description="how the LUTs that were not counted are foretold, and how well")
    limits: str = ""
    hypervolume: float | None = Field(
        default=None, description="of error and log2 LUT, from an error of 1 and the largest LUT seen"
    )
    points: tuple[FrontPoint, ...]


def make_front(
    known: Sequence[Evaluation], limits: Limits, surrogate: Surrogate | None, **about: Any
) -> tuple[Front, FrontPoint | None]:
    """The front of all evaluations whose LUTs were counted, by LUT; and where no point keeps the limits, the nearest.

    Raises:
        BitwrightError: nothing was evaluated.
    """
    entries = [entry for entry in known if entry.figures is not None and entry.figures.is_real]
    if not entries:
        raise BitwrightError("nothing was evaluated", where=about.get("model", ""), hint="give a larger budget")
    rows = [entry.figures for entry in entries if entry.figures]
    values = objectives(rows)
    chosen = [k for k in np.lexsort((values[:, 0], values[:, 1])) if is_front(values)[k]]
    points = tuple(_point(n, entries[k], limits) for n, k in enumerate(_distinct(chosen, values), start=1))
    front = Front(
        evaluations=sum(entry.figures is not None for entry in known), synthesized=len(entries), points=points,
        surrogate=f"linear in the adder graphs' cost, registers and BitOPs: {surrogate.error.words()}"
        if surrogate else "too few syntheses to calibrate one", limits=limits.words(),
        hypervolume=_volume(rows), **about,
    )  # fmt: skip
    if any(point.keeps_limits for point in points):
        return front, None
    return front, points[int(np.argmin([limits.excess(rows[k]) for k in _distinct(chosen, values)]))]


def _distinct(chosen: Sequence[int], values: Any) -> list[int]:
    """One of those whose objectives are all the same."""
    return list({tuple(values[k]): k for k in reversed(chosen)}.values())[::-1]


def _point(number: int, entry: Evaluation, limits: Limits) -> FrontPoint:
    figures, settings = entry.figures, dict(entry.candidate.settings)
    assert figures is not None
    trained = MEMBER in settings
    return FrontPoint(
        number=number, words=str(settings[MEMBER]).split()[0] if trained else entry.candidate.words(),
        settings={} if trained else settings, model=str(settings["source"]) if trained else "",
        accuracy=figures.accuracy, lut=figures.lut, area=figures.area, latency_cycles=figures.latency_cycles,
        ii_cycles=figures.ii_cycles, keeps_limits=limits.excess(figures) == 0,
    )  # fmt: skip


def _volume(rows: Sequence[Figures]) -> float:
    values = np.array([(1 - row.accuracy, np.log2(max(row.lut, 1))) for row in rows])
    return round(hypervolume(values, np.array([1.0, values[:, 1].max() + 1e-9])), 6)


def write_front(front: Front, folder: Path) -> None:
    """Write ``front.json``, whole or not at all."""
    write_json(folder / FILE, front.model_dump(mode="json"))


def read_front(folder: Path) -> Front:
    """The front of an earlier search.

    Raises:
        UsageError: there is none.  BitwrightError: it is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        raise UsageError("no search has been made here", where=str(folder), hint="make one: 'bitwright explore MODEL'")
    try:
        return Front.model_validate(read_json(path))
    except ValidationError as error:
        raise BitwrightError(
            "not a front of this version", where=str(path), hint="search again: it is quick"
        ) from error


def point_of(front: Front, number: int) -> FrontPoint:
    """A point by its number.

    Raises:
        UsageError: no such point; says which there are.
    """
    if not 1 <= number <= len(front.points):
        hint = f"the front of {front.model} on {front.target} has points 1 to {len(front.points)}"
        raise UsageError(f"there is no point {number}", hint=hint)
    return front.points[number - 1]


def candidate_of(point: FrontPoint) -> Candidate:
    """The candidate that a point was made from."""
    return Candidate.of(point.settings)
