"""The verbs that read what runs left: report parse, show, diff and export, baseline, history, dashboard."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from bitwright.errors import UsageError

PATH = click.Path(path_type=Path)
ROOT = click.option("--root", type=PATH, default=Path(), help="Folder with models/ and build/. Default: here.")
TARGET = click.option("--target", default=None, help="A name in flows/targets/. Default: the model's.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


def add_verbs(main: click.Group, report: click.Group) -> None:
    """Put the verbs below ``main`` and below its group ``report``."""
    for verb in (parse, show, diff, export):
        report.add_command(verb)
    for verb in (baseline, history, dashboard):
        main.add_command(verb)


# --- report ------------------------------------------------------------------------------------


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="Print measurements, rows of modules and problems as JSON.")
def parse(paths: tuple[Path, ...], as_json: bool) -> None:
    r"""Read reports and logs of HLS, synthesis, place and route; PATH is a file or a project folder.

    What a file is, is decided by its content, never by its name.  Figures keep the stage that they are of, are in
    one unit by metric, and stand with the file and line that state them; what a report does not state, or states
    twice differently, is absent, with a problem that says why.  docs/report-parsing.md lists metrics and formats.

    \b
    Read are: Vivado HLS, Vitis HLS, Vivado, Quartus, Intel HLS, Intel OpenCL, oneAPI, Catapult, Libero SmartHLS,
    Yosys, nextpnr, hls4ml, and our own report.json.
    Exit code: 0 with whatever problems, 2 if nothing could be read.
    """
    from bitwright.report.parsers.collect import parse_paths, said_nothing
    from bitwright.report.parsers.show import as_text

    parsed = parse_paths(paths)
    click.echo(json.dumps(parsed.to_json(), allow_nan=False) if as_json else as_text(parsed))
    if said_nothing(parsed):
        sys.exit(2)


@click.command()
@click.argument("path", type=PATH)
@JSON
def show(path: Path, as_json: bool) -> None:
    """Show the report at PATH: a report.json or a build folder."""
    from bitwright.report.render_json import render_json
    from bitwright.report.summary import summary_rows
    from bitwright.report.track.difference import read_report
    from bitwright.report.track.headline import provenance

    report = read_report(path)
    if as_json:
        click.echo(render_json(report), nl=False)
        return
    status = report.status.value.replace("_", " ")
    print_rows(f"{report.title}: {status}  ({report.target}, {report.clock_ns:g} ns)", summary_rows(report))
    for warning in report.warnings:
        click.echo(f"warning: {warning.source}: {warning.message}")
    for name, sha in provenance(report).digests.items():
        click.echo(f"{name:<9} {sha[:16]}")


@click.command()
@click.argument("before", type=PATH)
@click.argument("after", type=PATH)
@JSON
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Show what changed from report BEFORE to report AFTER: figures, bits, tools, inputs."""
    from bitwright.report.track.difference import difference, difference_lines, read_report

    found = difference(read_report(before), read_report(after))
    click.echo(json.dumps(found.model_dump(mode="json")) if as_json else "\n".join(difference_lines(found)))


@click.command()
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="PATH...")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV: one line per figure.")
@click.option("-o", "--out", type=PATH, help="Write to a file. Default: the terminal.")
def export(paths: tuple[Path, ...], as_csv: bool, out: Path | None) -> None:
    """Write every figure of the reports at PATH... as a table for other programs."""
    from bitwright.files import write_text
    from bitwright.report.track.difference import read_report, to_csv

    if not as_csv:
        raise UsageError("no format was given", hint="add --csv")
    text = to_csv(read_report(path) for path in paths)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)


# --- baseline ----------------------------------------------------------------------------------


@click.command()
@click.argument("model")
@TARGET
@ROOT
@click.option("--build", "folder", type=PATH, default=None, help="Default: build/MODEL/TARGET.")
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="KEY=VALUE",
    help="area, latency, timing (shares), accuracy (points) or bits (0, or any). Default: as before.",
)
def baseline(
    model: str, target: str | None, root: Path, folder: Path | None, tolerances: tuple[str, ...]
) -> None:  # fmt: skip
    """Make the last run of MODEL the baseline that later runs are compared with."""
    from bitwright.report.track.difference import read_report
    from bitwright.stages import job as jobs
    from bitwright.stages.outcome import write_baseline

    config, _ = jobs.find_model(model, root)
    wanted = jobs.load_target(jobs.find_target(target or config.target, root))
    report = read_report(folder or root / "build" / config.name / wanted.name)
    if (report.model, report.target) != (config.name, wanted.name):
        raise UsageError(
            f"the report is of {report.model} on {report.target}, not of {config.name} on {wanted.name}",
            where=str(folder or root), hint="give the build folder of this model and target",
        )  # fmt: skip
    path, _ = write_baseline(report, root, _tolerances(tolerances))
    click.echo(str(path))


def _tolerances(settings: tuple[str, ...]) -> dict[str, float | None]:
    """``area=0.05`` as data; which keys there are, the baseline itself says."""
    found: dict[str, float | None] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            found[key] = None if (key, value) == ("bits", "any") else float(value)
        except ValueError as error:
            raise UsageError(f"--tolerance {setting}: not KEY=NUMBER", hint="such as area=0.05") from error
    return found


# --- history -----------------------------------------------------------------------------------


@click.command()
@click.argument("model", required=False)
@TARGET
@ROOT
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="Only the last runs.")
@JSON
def history(model: str | None, target: str | None, root: Path, last: int, as_json: bool) -> None:
    """Show the runs of MODEL (of all models if absent), oldest first."""
    from bitwright.stages.outcome import HISTORY, open_history

    place = open_history(root)
    if place is None:
        raise UsageError("there is no history", hint=f"{HISTORY} is 'off'")
    rows = place.rows(model, target, last)
    if as_json:
        click.echo(json.dumps([row.to_dict() for row in rows]))
        return
    if not rows:
        click.echo(f"no runs{f' of {model}' if model else ''} in {place.name}")
        return
    _print_history(rows)


def _print_history(rows: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bitwright.report.track.headline import BY_NAME, figure_words

    names = ("lut", "ff", "dsp", "bram36", "latency_cycles", "fmax_mhz", "wns_ns", "accuracy", "seconds")
    table = Table(box=None, pad_edge=False)
    for column in ("when", "model", "target", "state", *(BY_NAME[name].label for name in names), "commit"):
        table.add_column(column, no_wrap=column in ("when", "state"))
    for row in rows:
        origin = row.text["area_from"]
        figures = [figure_words(n, row.figures[n], origin) if n in row.figures else "-" for n in names]
        words = (row.at[:16].replace("T", " "), row.model, row.target, row.status, *figures, row.text["commit_id"])
        table.add_row(*(Text(word) for word in words))
    Console(width=None if Console().is_terminal else 200).print(table)


# --- dashboard ---------------------------------------------------------------------------------


@click.command()
@click.option("-o", "--out", type=PATH, default=Path("site"), show_default=True, help="Folder of the site.")
@ROOT
def dashboard(out: Path, root: Path) -> None:
    """Write the history as a static site: a front page, and a page per model."""
    from bitwright.stages.board import write_dashboard

    pages = write_dashboard(root, out)
    click.echo(f"{pages} pages: {out / 'index.html'}")


def print_rows(title: str, rows: list[tuple[str, str, str]]) -> None:
    """A table of label, value and note; what stands in brackets is text, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", show_header=False, box=None, pad_edge=False)
    for _ in range(3):
        table.add_column()
    for label, value, note in rows:
        table.add_row(Text(label), Text(value), Text(note, style="dim"))
    Console().print(table)
