"""The verb that trains: one model, a sweep over settings, or pruning in steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bitwright.errors import UsageError

if TYPE_CHECKING:
    from bitwright.train.runs import Plan

PATH = click.Path(path_type=Path)
FINE_SHARE = 3
"""A fine-tuning after pruning has this part of the epochs of a training."""


def add_verbs(main: click.Group) -> None:
    """Put the verb below ``main``."""
    main.add_command(train)


@click.command()
@click.argument("model", default="")
@click.option("--root", type=PATH, default=Path(), help="Folder with models/ and build/.")
@click.option(
    "--data",
    default="generated",
    show_default=True,
    help="generated, openml, a file of rows, or a folder of idx files or of block traces.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a value of 'train' in model.yaml."
)
@click.option("--cross-validate", is_flag=True, help="Estimate by 5-fold cross-validation instead of training.")
@click.option("--sweep", "sweeps", multiple=True, metavar="KEY=V1,V2,...", help="Train every combination, apart.")
@click.option("--prune", "shares", metavar="S1,S2,...", help="Remove these shares of the weights, step by step.")
@click.option("--fine-epochs", type=click.IntRange(1), help="Epochs after each step. Default: a third of the epochs.")
@click.option("--tensorboard", is_flag=True, help="Write event files for TensorBoard too.")
@click.option("-o", "--out", type=PATH, help="Folder of plots and JSON. Default: build/MODEL/training.")
def train(
    model: str, root: Path, data: str, settings: tuple[str, ...], cross_validate: bool, sweeps: tuple[str, ...],
    shares: str | None, fine_epochs: int | None, tensorboard: bool, out: Path | None,
) -> None:  # fmt: skip
    """Train the zoo model MODEL (models/MODEL/network.py) and write its weights and metrics.

    A training that was stopped goes on from its last epoch when the same command is run again.  --sweep and --prune
    leave models/MODEL alone, train into folders of their own, and repeat nothing that is finished.
    """
    from bitwright.train.runs import Plan, find_model

    if sum((bool(sweeps), shares is not None, cross_validate)) > 1:
        raise UsageError("--sweep, --prune and --cross-validate exclude each other", hint="give one of them")
    plan = Plan(find_model(model, root), data, settings, tensorboard)
    place = (out or root / "build" / model / "training").resolve()
    if sweeps:
        _sweep(plan, sweeps, place / "sweep")
    elif shares is not None:
        _prune(plan, shares, fine_epochs, place / "prune")
    else:
        sys.exit(_once(plan, place, cross_validate=cross_validate))


def _once(plan: Plan, place: Path, *, cross_validate: bool) -> int:
    from bitwright.files import read_json, write_text
    from bitwright.train.page import run_page
    from bitwright.train.runs import start_training

    if cross_validate:
        return start_training(plan.model, plan.data, plan.settings, record=None, more=("--cross-validate",))
    code = start_training(plan.model, plan.data, plan.settings, record=place, tensorboard=plan.tensorboard)
    if code == 0:
        write_text(place / "training.html", run_page(read_json(place / "run.json")))
        click.echo(f"course of the training: {place / 'training.html'}")
    return code


def _sweep(plan: Plan, sweeps: tuple[str, ...], out: Path) -> None:
    from bitwright.train.sweep import best, sweep

    rows = sweep(plan, sweeps, out)
    keys = list(rows[0].settings)
    _table(
        [*keys, "accuracy", "AUC"], [[*row.settings.values(), _words(row.accuracy), _words(row.auc)] for row in rows]
    )
    click.echo(f"best: {' '.join(f'{key}={value}' for key, value in best(rows).settings.items())}")
    click.echo(str(out / "sweep.html"))


def _prune(plan: Plan, text: str, fine_epochs: int | None, out: Path) -> None:
    from bitwright.train.prune import prune, shares
    from bitwright.train.runs import Run, job_of

    steps = shares(text)
    epochs = job_of(plan, Run("", (), out)).train.epochs
    table = prune(plan, steps, fine_epochs or max(1, epochs // FINE_SHARE), out)
    _table(
        ["step", "zeros", "BitOPs", "accuracy", "AUC"],
        [
            [
                row["step"],
                _words(row["zero_weights"]),
                f"{row['bitops']:,}",
                _words(row["accuracy"]),
                _words(row["auc"]),
            ]
            for row in table
        ],
    )
    click.echo(str(out / "prune.html"))


def _words(value: float | None) -> str:
    return "failed" if value is None else f"{value:.4f}"


def _table(heads: list[str], rows: list[list[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(Text(head), justify="right")
    for row in rows:
        table.add_row(*(Text(str(word)) for word in row))
    Console().print(table)
