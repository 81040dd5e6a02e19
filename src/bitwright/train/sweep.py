"""A grid of settings, each trained in a folder of its own: ``--sweep learning_rate=1e-4,1e-3 --sweep seed=1,2``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitwright.errors import UsageError
from bitwright.files import write_json, write_text
from bitwright.train.page import sweep_page
from bitwright.train.runs import Plan, Run, accuracy, folder_name, job_of, mean_auc, none_finished, train

MOST_RUNS = 1000
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One training of a sweep; figures of a failed one are absent.

    ``seconds`` and the like are left out on purpose: they would not be the same twice.
    """

    settings: dict[str, str]
    accuracy: float | None = None
    auc: float | None = None
    costs: dict[str, float] | None = None


def grid(sweeps: Sequence[str]) -> list[tuple[str, ...]]:
    """All combinations of ``KEY=V1,V2,...``, as the settings of each run.

    Raises:
        UsageError: no values, a key or a value twice, or more than 1,000 runs.
    """
    axes = []
    for sweep in sweeps:
        key, _, values = sweep.partition("=")
        words = [value.strip() for value in values.split(",") if value.strip()]
        if not key or not words:
            raise UsageError(f"--sweep {sweep}: no values", hint="such as --sweep learning_rate=1e-4,1e-3")
        if len(set(words)) < len(words):
            raise UsageError(f"--sweep {sweep}: a value twice", hint="leave one out")
        axes.append([f"{key}={word}" for word in words])
    keys = [axis[0].partition("=")[0] for axis in axes]
    if len(set(keys)) < len(keys):
        raise UsageError("--sweep names a key twice", hint="give all its values in one --sweep")
    runs = list(itertools.product(*axes))
    if len(runs) > MOST_RUNS:
        raise UsageError(f"{len(runs)} trainings", hint=f"a sweep has at most {MOST_RUNS}")
    return runs


def sweep(plan: Plan, sweeps: Sequence[str], out: Path) -> list[Row]:
    """Train the whole grid, one after the other; writes sweep.json and sweep.html into ``out`` after each.

    Raises:
        UsageError, ConfigError: a setting that is wrong, before anything is trained.
        BitwrightError: none of the trainings came to its end.
    """
    runs = [Run(folder_name(settings), settings, out / folder_name(settings)) for settings in grid(sweeps)]
    for run in runs:
        job_of(plan, run)
    results: list[Mapping[str, Any] | None] = []
    for number, run in enumerate(runs, start=1):
        print(f"{number} of {len(runs)}: {' '.join(run.settings)}", flush=True)
        results.append(train(plan, run))
        rows = [row(run, result) for run, result in zip(runs, results, strict=False)]
        _write(plan, rows, results, out)
    if not any(results):
        raise none_finished()
    return rows


def row(run: Run, result: Mapping[str, Any] | None) -> Row:
    """The line of a run in the table."""
    settings = dict(setting.split("=", 1) for setting in run.settings)
    if result is None:
        return Row(settings)
    costs = {key: float(result[key]) for key in ("zero_weights", "bitops", "ebops") if key in result}
    return Row(settings, accuracy(result), mean_auc(result), costs)


def best(rows: Sequence[Row]) -> Row:
    """The first of the most accurate."""
    return max((row for row in rows if row.accuracy is not None), key=lambda row: row.accuracy or 0.0)


def _write(plan: Plan, rows: Sequence[Row], results: Sequence[Mapping[str, Any] | None], out: Path) -> None:
    table = [{"settings": row.settings, "accuracy": row.accuracy, "auc": row.auc, **(row.costs or {})} for row in rows]
    write_json(out / "sweep.json", {"schema": SCHEMA, "model": plan.model.name, "data": plan.data, "runs": table})
    curves = [
        (" ".join(row.settings.values()), result["epochs"])
        for row, result in zip(rows, results, strict=True)
        if result is not None
    ]
    write_text(out / "sweep.html", sweep_page(plan.model.name, table, curves))
