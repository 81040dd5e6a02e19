"""The verbs of the search: explore, explore-worker, point."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from bitwright.errors import BudgetError

PATH = click.Path(path_type=Path)
ROOT = click.option("--root", type=PATH, default=Path(), help="Folder with models/ and flows/. Default: here.")
TARGET = click.option("--target", default=None, help="A name in flows/targets/ or a target file. Default: the model's.")


def add_verbs(main: click.Group) -> None:
    """Put the verbs below ``main``."""
    for verb in (explore, explore_worker, point):
        main.add_command(verb)


def _say(quiet: bool) -> Any:
    from bitwright.stages.runner import printer

    return printer("explore", quiet=quiet)


SAMPLER = click.Choice(["active", "tpe", "nsga2", "random"])


@click.command()
@click.argument("model")
@TARGET
@click.option("--budget", default="100", show_default=True, help="Evaluations of the study in all, or minutes: 30m.")
@click.option("--space", "space_file", type=PATH, help="YAML of widths, reuse factors, ... Default: 2 to 8 bits.")
@click.option("--sampler", type=SAMPLER, default="active", show_default=True, help="What chooses the next candidate.")
@click.option("--member", "members", multiple=True, help="A trained model to stand in the front as it is; repeatable.")
@click.option("--finetune", type=click.IntRange(0), default=0, help="Train each candidate's weights for these epochs.")
@click.option("--max-lut", type=click.FloatRange(0, min_open=True), help="Mark points with more LUTs.")
@click.option("--max-latency", type=click.IntRange(1), help="Mark points with more clocks.")
@click.option("--min-accuracy", type=click.FloatRange(0, 1), help="Mark points below this share.")
@click.option("--storage", default="", help="Where evaluations are kept: a path, or the URL of a database.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Searches side by side.")
@click.option("--profile", default=None, help="A name in flows/profiles/ (slurm, ...): where the workers run.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Yosys processes of a worker.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides every choice at random.")
@ROOT
@click.option("--json", "as_json", is_flag=True, help="Print the front as JSON; no progress.")
def explore(model: str, as_json: bool, **options: Any) -> None:
    r"""Search the cheapest hardware of each accuracy of MODEL: bit widths, reuse factors, pruning.

    A candidate's accuracy is that of the exact reference on the model's data; its LUTs are counted by Yosys where it
    comes near the front, and foretold elsewhere.  A search that was stopped goes on where it was.

    \b
    The front is a table, front.json and front.html in build/MODEL/explore_TARGET; build a point with
        make fpga MODEL=jet3 POINT=3
    """
    from bitwright.explore.figures import Limits
    from bitwright.explore.session import checked_folder
    from bitwright.files import exclusive
    from bitwright.stages.flow import find_profile

    limits = Limits(options["max_lut"], options["max_latency"], options["min_accuracy"])
    request, say = _request(model, options), _say(as_json)
    profile = find_profile(options["profile"], request.root) if options["profile"] else None
    folder = checked_folder(request)
    with exclusive(folder):
        session = _searched(request, folder, options["workers"], profile, say)
        front, nearest = session.finish(limits, say)
    if as_json:
        near = nearest.model_dump(mode="json") if nearest else None
        click.echo(json.dumps({**front.model_dump(mode="json"), "nearest": near}))
        sys.exit(BudgetError.exit_code if nearest else 0)
    _print_front(front, folder)
    if nearest is not None:
        raise BudgetError(
            f"no design has {limits.words()}; the nearest is point {nearest.number}: {nearest.accuracy:.2%},"
            f" {nearest.lut:,.0f} LUT, {nearest.latency_cycles} clocks",
            where=model, hint="search on with a larger budget, widen the space, or add a trained model with --member",
        )  # fmt: skip


def _request(model: str, options: dict[str, Any]) -> Any:
    from bitwright.explore.session import Request, load_space

    same = ("target", "budget", "sampler", "seed", "storage", "jobs", "members", "finetune")
    file = options["space_file"]
    return Request(
        model=model, root=options["root"].resolve(), space=load_space(file), space_file=str(file or ""),
        **{name: options[name] for name in same},
    )  # fmt: skip


def _searched(request: Any, folder: Path, workers: int, profile: Path | None, say: Any) -> Any:
    """Members and search; by workers of their own where more than one is asked for."""
    from bitwright.explore.session import open_session, write_request
    from bitwright.explore.workers import run_workers

    session = open_session(request, say)
    write_request(request, folder)
    session.add_members(say)
    if workers > 1 or profile is not None:
        run_workers(folder, request.root, workers, profile)
    else:
        session.search(say)
    return session


def _print_front(front: Any, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bitwright.explore.plot import table_rows

    title = f"{front.model} on {front.target}: {front.evaluations} evaluated, {front.synthesized} synthesized"
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for column in ("point", "accuracy", "LUT", "FF", "DSP", "clocks", "II", "choices"):
        table.add_column(column, justify="left" if column == "choices" else "right")
    for row in table_rows(front):
        table.add_row(*(Text(word) for word in row))
    Console(width=None if Console().is_terminal else 200).print(table)
    click.echo(f"accuracy on {front.dataset}{' (synthetic)' if front.synthetic else ''}")
    click.echo(f"foretold LUTs: {front.surrogate}")
    click.echo(
        f"{folder / 'front.json'}, {folder / 'front.html'}; build a point: make fpga MODEL={front.model} POINT=1"
    )


@click.command("explore-worker", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("number", type=click.IntRange(1))
def explore_worker(folder: Path, number: int) -> None:
    """One worker of the search in FOLDER; 'explore --workers' starts it."""
    from bitwright.explore.session import open_session, read_request
    from bitwright.stages.flow import end_with_workflow

    end_with_workflow()
    say = _say(quiet=False)
    done = open_session(read_request(folder), say).search(say, number)
    click.echo(json.dumps({"worker": number, "evaluations": done}))


@click.command()
@click.argument("model")
@click.argument("number", type=int)
@TARGET
@click.option("-o", "--out", type=PATH, default=None, help="Folder of the model. Default: beside the front.")
@ROOT
def point(model: str, number: int, target: str | None, out: Path | None, root: Path) -> None:
    """Write point NUMBER of the last search of MODEL as a model, and print what 'bitwright run' takes."""
    from bitwright.explore.points import write_point

    click.echo(str(write_point(model, number, root, target, out, _say(quiet=False))))
