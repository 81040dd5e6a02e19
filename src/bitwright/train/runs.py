"""One training as a process of its own, in a folder of its own; what is finished is not repeated."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitwright.eda import process
from bitwright.errors import BitwrightError, UsageError, nearest
from bitwright.files import read_json
from bitwright.frontend.train_options import Job, make_job

STOPPED = 130
"""Exit code of a training that was interrupted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all trainings of one command share.

    Attributes:
        model: folder of the model.
        data: as ``--data`` says it.
        settings: ``KEY=VALUE`` of all of them.
        tensorboard: whether event files are written too.
    """

    model: Path
    data: str = "generated"
    settings: tuple[str, ...] = ()
    tensorboard: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One training: its name, its own settings, and the folder that it writes into."""

    name: str
    settings: tuple[str, ...]
    folder: Path
    start: Path | None = None


def find_model(model: str, root: Path) -> Path:
    """The folder of a model that can be trained.

    Raises:
        UsageError: there is none of that name; lists what exists and the nearest.
    """
    known = sorted(path.parent.name for path in (root / "models").glob("*/network.py"))
    if not model or model not in known:
        hint = f"{nearest(model, known)} models that can be trained: {', '.join(known)}".strip()
        raise UsageError(f"there is no models/{model}/network.py", hint=hint)
    return root / "models" / model


def job_of(plan: Plan, run: Run) -> Job:
    """The training as its process will see it; raises what is wrong with it."""
    return make_job(
        plan.model, out=run.folder, data=plan.data, settings=(*plan.settings, *run.settings), record=run.folder,
        start=run.start, tensorboard=plan.tensorboard,
    )  # fmt: skip


def result_of(plan: Plan, run: Run) -> Mapping[str, Any] | None:
    """What a finished training left in its folder; None where it has not finished, or was another one."""
    file = run.folder / "run.json"
    if not file.is_file():
        return None
    found = read_json(file)
    return found if found.get("identity") == job_of(plan, run).identity else None


def train(plan: Plan, run: Run) -> Mapping[str, Any] | None:
    """The result of a run, trained now if it is not there; None where the training failed, as it said itself.

    Raises:
        KeyboardInterrupt: it was stopped; the same command goes on from its last epoch.
    """
    found = result_of(plan, run)
    if found is not None:
        return found
    start = ("--start", str(run.start)) if run.start else ()
    code = start_training(
        plan.model, plan.data, (*plan.settings, *run.settings), tensorboard=plan.tensorboard, record=run.folder,
        more=("--out", str(run.folder), *start),
    )  # fmt: skip
    if code in (STOPPED, -2, -9, -15):
        raise KeyboardInterrupt
    return result_of(plan, run)


def start_training(
    folder: Path, data: str, settings: Sequence[str], *, record: Path | None, tensorboard: bool = False,
    more: Sequence[str] = (),
) -> int:  # fmt: skip
    """Train in a process whose output goes straight to the terminal; its exit code."""
    argv = [sys.executable, "-m", "bitwright.frontend.training", str(folder), "--data", data]
    argv += [word for setting in settings for word in ("--set", setting)]
    argv += ["--record", str(record)] if record else []
    argv += [*(["--tensorboard"] if tensorboard else []), *more]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return process.attached(argv, cwd=Path.cwd(), tool="training", env=env)


def folder_name(settings: Sequence[str]) -> str:
    """Settings as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_.=+-]+", "_", ",".join(settings)).replace(",", "_")[:120]


def accuracy(result: Mapping[str, Any]) -> float:
    """The accuracy on the first test of a run."""
    return float(result["scores"][0]["accuracy"])


def mean_auc(result: Mapping[str, Any]) -> float | None:
    """The AUC on the first test of a run, as the mean over the classes."""
    areas = result["scores"][0]["auc"].values()
    return sum(areas) / len(areas) if areas else None


def none_finished() -> BitwrightError:
    """No training of a command came to an end."""
    return BitwrightError("no training came to its end", hint="what each said stands above; mend the settings")
