"""Iterative magnitude pruning: more weights removed in each step, the rest trained on (Han et al., NeurIPS 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bitwright.errors import ConfigError, UsageError
from bitwright.files import write_json, write_text
from bitwright.train.page import prune_page
from bitwright.train.runs import Plan, Run, accuracy, job_of, mean_auc, none_finished, train

SCHEMA = 1
TRAINED = "trained.weights.h5"
"""What a training leaves for one that begins with its weights (frontend/train_model.py)."""


def shares(text: str) -> list[float]:
    """``0.3,0.5,0.7`` as shares of the weights to remove, growing.

    Raises:
        UsageError: not numbers, not growing, or not between 0 and 1.
    """
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--prune {text}: not numbers", hint="such as --prune 0.3,0.5,0.7") from error
    if any(not 0 < share < 1 for share in found) or sorted(set(found)) != found:
        raise UsageError(f"--prune {text}: not growing from above 0 to below 1", hint="such as --prune 0.3,0.5,0.7")
    return found


def prune(plan: Plan, steps: Sequence[float], fine_epochs: int, out: Path) -> list[dict[str, Any]]:
    """Train without pruning, then once per step with the weights of the step before; BitOPs and accuracy of each.

    Each step removes the smallest weights at once and trains the others for ``fine_epochs``.  Writes prune.json and
    prune.html into ``out`` after each step; a step that is finished is not repeated.

    Raises:
        ConfigError: the model is not of Keras 2, whose weights alone are pruned.
        BitwrightError: a training did not come to its end.
    """
    flavour = job_of(plan, Run("", (), out)).train.flavour
    if flavour != "keras2":
        raise ConfigError(
            f"{plan.model.name} is of flavour {flavour}, which removes weights itself",
            hint="use --sweep beta_last=... instead of --prune",
        )
    runs = _runs(steps, fine_epochs, out)
    for run in runs:
        job_of(plan, run)
    table: list[dict[str, Any]] = []
    for run in runs:
        print(f"{run.name}:", flush=True)
        result = train(plan, run)
        if result is None:
            raise none_finished()
        table.append(_step(run, result))
        write_json(out / "prune.json", {"schema": SCHEMA, "model": plan.model.name, "steps": table})
        write_text(out / "prune.html", prune_page(plan.model.name, table))
    return table


def _runs(steps: Sequence[float], fine_epochs: int, out: Path) -> list[Run]:
    runs = [Run("not pruned", ("zero_weights=0",), out / "dense")]
    for share in steps:
        settings = (f"zero_weights={share:g}", "gradual=0", f"epochs={fine_epochs}")
        runs.append(Run(f"{share:.0%} pruned", settings, out / f"pruned_{share:g}", runs[-1].folder / TRAINED))
    return runs


def _step(run: Run, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "step": run.name,
        "zero_weights": result["zero_weights"],
        "bitops": result["bitops"],
        "accuracy": accuracy(result),
        "auc": mean_auc(result),
    }
