"""The verbs that look at a model and that quantize it by a config: analyse, transform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bitwright.errors import UnusableError, UsageError

PATH = click.Path(path_type=Path)
ROWS = 4000


def add_verbs(main: click.Group, options: Callable[[Any], Any], imported: Callable[..., Path]) -> None:
    """Put the verbs below ``main``.

    Args:
        main: the command.
        options: decorator: the options that say which model is meant.
        imported: gives the folder of a model's import, from the model, these options, its build folder and ``quiet``.
    """

    @main.command()
    @click.argument("model")
    @options
    @click.option("--build", "folder", type=PATH, default=None, help="Default: build/MODEL/TARGET.")
    @click.option("--layer", "names", multiple=True, metavar="PATTERN", help="Only layers so named, such as 'fc*'.")
    @click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only layers of a kind, such as Dense.")
    @click.option("--data", type=PATH, help="An npz with rows x to run. Default: the model's, else random vectors.")
    @click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True, help="Rows to run, at most.")
    @click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write everything as JSON; - is the terminal.")
    @click.option("--plots", type=PATH, metavar="FOLDER", help="Write plots, each as SVG and PNG.")
    def analyse(
        model: str, folder: Path | None, names: tuple[str, ...], kinds: tuple[str, ...], data: Path | None, rows: int,
        json_file: Path | None, plots: Path | None, **choices: Any,
    ) -> None:  # fmt: skip
        """Show what MODEL is made of and costs: graph, statistics, precision, operations, memory.

        MODEL is what 'run' takes, or a build folder.  docs/analysis.md has every formula with its source.
        """
        from bitwright.analysis.analyse import analyse as look
        from bitwright.analysis.load import data_of
        from bitwright.analysis.plots import write_plots
        from bitwright.analysis.records import render_json
        from bitwright.analysis.tables import show
        from bitwright.files import write_text
        from bitwright.network import load

        quiet = json_file == Path("-")
        place = _import_of_build(model, choices, folder, quiet) or imported(model, choices, folder, quiet=quiet)
        network = load(place / "network.json")
        found = look(network, data_of(network, place, data, rows), names, kinds)
        if json_file and not quiet:
            write_text(json_file, render_json(found))
        written = write_plots(found, plots) if plots else ()
        if quiet:
            click.echo(render_json(found), nl=False)
            return
        show(found)
        for path in (*([json_file] if json_file else []), *written):
            click.echo(str(path))

    _add_transform(main)


def _add_transform(main: click.Group) -> None:
    @main.command()
    @click.argument("model")
    @click.option("--config", "config_file", type=PATH, required=True, help="Formats by type or name, .toml or .yaml.")
    @click.option("-o", "--out", type=PATH, required=True, help="Folder of the quantized model; new, or a transform's.")
    @click.option("--calibrate", "rows_file", type=PATH, help="Rows x for open fractions. Default: the model's own.")
    @click.option("--weights", type=PATH, help="Weights of a .json model, if not beside it.")
    @click.option("--root", type=PATH, default=Path(), help="Folder with models/. Default: here.")
    @click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
    def transform(
        model: str, config_file: Path, out: Path, rows_file: Path | None, weights: Path | None, root: Path,
        as_json: bool,
    ) -> None:  # fmt: skip
        """Quantize MODEL as a config says, by type or by name, into a model folder that 'run' takes.

        MODEL is what 'run' takes; a QKeras model's own quantizers are dropped.  docs/transform.md has the config.
        Exit code: 0 if the health check finds the result usable, 6 if not (the folder is written all the same).
        """
        from bitwright.config.transform import TransformFile
        from bitwright.quant.transform_folder import check_out
        from bitwright.quant.transform_record import render_json
        from bitwright.quant.transform_run import run
        from bitwright.stages.job import find_model

        check_out(out)
        file = TransformFile(config_file)
        record = run(find_model(model, root, weights)[0], file, rows_file, out)
        if as_json:
            click.echo(render_json(record), nl=False)
        else:
            _print_transform(record, out)
        if not record.usable:
            worst = next(found for found in record.findings if found.severity == "fatal")
            raise UnusableError(f"not usable: {worst.layer}: {worst.what}", where=str(out), hint=worst.cure)


def _print_transform(record: Any, out: Path) -> None:
    from rich.console import Console

    from bitwright.quant.transform_record import tables, verdict

    console = Console(width=None if Console().is_terminal else 200)
    for table in tables(record):
        console.print(table)
        console.print()
    for line in verdict(record):
        click.echo(line)
    click.echo(f"{record.model}: {'usable' if record.usable else 'NOT USABLE'}; go on with 'bitwright run {out}'")


def _import_of_build(model: str, choices: dict[str, Any], folder: Path | None, quiet: bool) -> Path | None:
    """The import of a build folder, made again where it is out of date; None if ``model`` is no such folder."""
    from bitwright.files import exclusive
    from bitwright.stages.job import Job
    from bitwright.stages.runner import printer, run_stage
    from bitwright.stages.table import BY_NAME

    if not (Path(model) / "requests").is_dir():
        return None
    given = [key for key, value in choices.items() if value is not None and key != "root"] + ["build"] * bool(folder)
    if given:
        raise UsageError(f"a build folder says its own {given[0]}", where=model, hint=f"leave --{given[0]} out")
    job = Job(Path(model).resolve())
    with exclusive(job.folder):
        run_stage(BY_NAME["import"], job, printer("import", quiet=quiet))
    return job.stage("import")
