"""The ``bitwright`` command: one function per verb.  Every error becomes one message and its exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from bitwright import __version__
from bitwright.cli_explore import add_verbs as add_search
from bitwright.cli_quant import add_verbs as add_quantization
from bitwright.cli_reports import add_verbs
from bitwright.errors import BitwrightError, MismatchError

EPILOG = (
    "Exit codes: 0 ok, 1 our fault, 2 usage or input, 3 bits differ, 4 tool missing, 5 tool failed, 6 over budget or"
    " not usable."
)
IN_WORKFLOW = "BITWRIGHT_IN_WORKFLOW"
STAGE_HELP = "JOB is a build folder, build/MODEL/TARGET, as 'bitwright run' makes it."


class Group(click.Group):
    """Turns errors into messages and exit codes, in one place."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; see the module's docstring."""
        _end_cleanly_on_signals()
        try:
            return super().invoke(ctx)
        except BitwrightError as error:
            _fail(error, as_json="--json" in sys.argv)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output went away: click's business
                raise
            from bitwright.files import system_error

            _fail(system_error(error), as_json="--json" in sys.argv)
        except KeyboardInterrupt:
            if IN_WORKFLOW not in os.environ:
                click.echo("\ninterrupted: nothing half-written is left; run again to go on", err=True)
            sys.exit(130)


def _end_cleanly_on_signals() -> None:
    """A request to end is treated as Ctrl-C, so that tools are stopped and parts removed."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)


def _fail(error: BitwrightError, *, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps(error.to_dict()))
    elif IN_WORKFLOW not in os.environ:  # there the command that started the workflow says it once
        click.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


@click.group(
    cls=Group, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="bitwright")
def main() -> None:
    r"""From a quantized Keras model to FPGA hardware that is proved to compute the same bits.

    \b
    The usual way is one command, which runs every stage and skips what is up to date:
        bitwright run jet3                     a model of the zoo, models/jet3
        bitwright run my_model.h5              any Keras 2 or QKeras model file
        bitwright build my_model.h5 -o out     the same in one process, without a workflow
    Each stage is a verb of its own, files in, files out:
        import  emulate  reference  emit  verify  synth  csynth  route  report
    A float model becomes a quantized one by:
        bitwright quantize my_model.h5 --bits 8 --calibrate rows.npz -o quantized
    What runs left is read by:
        report show  report diff  report export  baseline  history  dashboard
    """


def _keep_lines(*verbs: click.Command) -> None:
    r"""Let click see the ``\b`` of a raw docstring, which keeps the lines after it as they are written."""
    for verb in verbs:
        verb.help = (verb.help or "").replace("\\b", "\b")


# --- the whole chain ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Choices:
    """The options that ``run`` and ``build`` share."""

    root: Path
    target: str | None
    weights: Path | None
    hls: Path | None
    head: str | None
    io_type: str | None
    bulk: int | None
    check: bool = True

    def command(self, model: str) -> str:
        """The command that makes the same again."""
        given = {"MODEL": model, "TARGET": self.target, "WEIGHTS": self.weights, "HLS": self.hls, "HEAD": self.head}
        given["IO"] = self.io_type
        given["BULK"] = None if self.bulk is None else str(self.bulk)
        return " ".join(["make fpga", *(f"{key}={shlex.quote(str(v))}" for key, v in given.items() if v is not None)])

    def overrides(self) -> dict[str, Any]:
        """Fields of the model's config that were given on the command line."""
        given = {"hls": self.hls.resolve() if self.hls else None, "head": self.head, "io_type": self.io_type}
        return {key: value for key, value in given.items() if value is not None}


PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
OPTIONS = (
    click.option("--target", default=None, help="A name in flows/targets/ or a target file. Default: the model's."),
    click.option("--weights", type=FILE, help="Weights of a .json model, if not beside it."),
    click.option("--hls", type=FILE, help="hls4ml config to lay over the generated one. Default: the model's."),
    click.option(
        "--head", type=click.Choice(["logits", "argmax", "model"]),
        help="What the hardware ends with: before a final softmax, the index of the largest, or all layers.",
    ),
    click.option(
        "--io", "io_type", type=click.Choice(["io_parallel", "io_stream"]),
        help="How tensors move: whole, or pixel by pixel through line buffers. Default: the model's, io_parallel.",
    ),
    click.option("--bulk", type=click.IntRange(0), help="Vectors of the bulk comparison. Default: 1,000,000 at II 1."),
    click.option("--root", type=PATH, default=Path(), help="Folder with models/ and flows/. Default: here."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; no progress."),
)  # fmt: skip
CHECK = click.option(
    "--check/--no-check", default=True, help="Fail (exit code 6) on a broken budget or a regression. Default: yes."
)


def _shared_options(function: Any) -> Any:
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@contextlib.contextmanager
def _job(model: str, choices: Choices, folder: Path | None) -> Iterator[Any]:
    """The job of a model, its requests written, its folder held for this process."""
    from bitwright.files import exclusive
    from bitwright.stages import job as jobs

    config, origins = jobs.find_model(model, choices.root, choices.weights)
    config = config.model_copy(update=choices.overrides())
    if choices.bulk is not None:
        config = config.model_copy(update={"vectors": config.vectors.model_copy(update={"bulk": choices.bulk})})
    target_file = jobs.find_target(choices.target or config.target, choices.root)
    target = jobs.load_target(target_file)
    folder = folder or choices.root / "build" / config.name / target.name
    jobs.check_folder(folder)
    with exclusive(folder):
        job = jobs.prepare(config, target, folder, [choices.command(model)], [*origins, target_file])
        try:
            yield job
        except MismatchError:
            from bitwright.stages.reporting import write_failed

            with contextlib.suppress(BitwrightError, OSError):  # the mismatch is what counts
                write_failed(job)
            raise


@contextlib.contextmanager
def _recorded(job: Any, root: Path) -> Iterator[None]:
    """A run that fails is part of the history too."""
    from bitwright.stages.outcome import record

    try:
        yield
    except BitwrightError as error:
        _warn(record(job, root, [], error))
        raise


def _warn(words: str) -> None:
    if words:
        click.echo(f"warning: {words}", err=True)


@main.command()
@click.argument("model", default="")
@_shared_options
@CHECK
@click.option("--cores", type=click.IntRange(1), default=2, show_default=True, help="Stages side by side.")
@click.option("--build", "folder", type=PATH, default=None, help="Default: build/MODEL/TARGET.")
@click.option("--profile", default=None, help="A name in flows/profiles/ (slurm, ...) or a folder with config.yaml.")
def run(
    model: str, as_json: bool, cores: int, folder: Path | None, profile: str | None, **choices: Any
) -> None:  # fmt: skip
    """Run every stage for MODEL through the workflow (flows/Snakefile); skip what is up to date.

    MODEL is a folder of models/, a model.yaml, or a model file (.h5, .keras, .onnx, .json with weights beside it).
    """
    from bitwright.stages import flow

    started = time.perf_counter()
    cluster = flow.find_profile(profile, choices["root"]) if profile else None
    with _job(model, Choices(**choices), folder) as job, _recorded(job, choices["root"]):
        ran = flow.run_workflow(job, choices["root"], cores, quiet=as_json, profile=cluster)
    _finish(job, Choices(**choices), as_json, ran, time.perf_counter() - started)


@main.command()
@click.argument("model")
@_shared_options
@CHECK
@click.option("-o", "--out", "folder", type=PATH, required=True, help="Folder for everything.")
def build(model: str, as_json: bool, folder: Path, **choices: Any) -> None:
    """Run every stage for MODEL in one process, without Snakemake; for the package alone."""
    from bitwright.stages.runner import printer, run_stage
    from bitwright.stages.table import in_order

    started = time.perf_counter()
    with _job(model, Choices(**choices), folder) as job, _recorded(job, choices["root"]):
        ran = [stage.name for stage in in_order() if run_stage(stage, job, printer(stage.name, quiet=as_json))]
    _finish(job, Choices(**choices), as_json, ran, time.perf_counter() - started)


def _finish(job: Any, choices: Choices, as_json: bool, ran: list[str], seconds: float) -> None:
    """Say where everything is, judge the run, and append it to the history."""
    from bitwright.stages.outcome import record, settle

    outcome = settle(job, choices.root, check=choices.check)
    if as_json:
        _print_outcome(job, outcome, ran)
    else:
        _print_result(job, outcome, ran, seconds)
    _warn(record(job, choices.root, ran, outcome))
    if outcome.error is not None:
        if as_json:
            sys.exit(outcome.error.exit_code)
        raise outcome.error


def _print_outcome(job: Any, outcome: Any, ran: list[str]) -> None:
    """One JSON object, also where the run is over budget."""
    data = {
        "folder": str(job.folder),
        "ran": ran,
        "report": outcome.report.model_dump(mode="json"),
        "verdict": outcome.verdict.model_dump(mode="json"),
        "error": outcome.error.to_dict() if outcome.error else None,
    }
    click.echo(json.dumps(data))


def _print_result(job: Any, outcome: Any, ran: list[str], seconds: float) -> None:
    from bitwright.report.summary import summary_rows
    from bitwright.report.track.judge import lines

    report = outcome.report
    _print_table(f"{report.title}  ({report.target}, {report.clock_ns:g} ns)", summary_rows(report))
    places = (("RTL", "emit/rtl"), ("HLS project", "import/hls"), ("report", "report/report.html"))
    for label, place in places:
        click.echo(f"  {label:<12} {job.folder / place}")
    for line in lines(outcome.verdict):
        click.echo(line)
    click.echo(
        f"ran {', '.join(ran)} in {seconds:.1f} s" if ran else f"nothing changed, nothing done ({seconds:.1f} s)"
    )


def _print_table(title: str, rows: list[tuple[str, str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    for _ in range(3):
        table.add_column()
    for label, value, note in rows:
        table.add_row(label, value, f"[dim]{note.replace('[', '(').replace(']', ')')}[/dim]")
    Console().print(table)


# --- one verb per stage ------------------------------------------------------------------------


class WithDefault(Group):
    """A group whose first argument may be left out: what is no verb of it goes to the verb ``default``."""

    default = "write"

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the verb; see the class."""
        known = args and args[0] in self.list_commands(ctx)
        return super().resolve_command(ctx, args if known else [self.default, *args])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options before the first word belong to the default verb too, but for --help."""
        if args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


@main.group(cls=WithDefault, subcommand_metavar="JOB | COMMAND [ARGS]...")
def report() -> None:
    r"""Write the report of a build folder, or read the reports of any tool.

    \b
        bitwright report build/jet3/vu13p_5ns      write report.json, report.md, report.html (a stage)
        bitwright report parse path/to/reports     read what tools wrote: figures, units, stages, problems
        bitwright report parse a.rpt b.log --json  the same for programs
        bitwright report show|diff|export          read, compare and tabulate our own report.json
    """


def _add_stage(name: str, title: str) -> None:
    group, verb_name = (report, "write") if name == "report" else (main, name)

    @group.command(verb_name, help=f"{title[0].upper()}{title[1:]}.\n\n{STAGE_HELP}")
    @click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))
    @click.option("--force", is_flag=True, help="Run even if nothing changed.")
    @click.option("--json", "as_json", is_flag=True, help="Print the stage's record as JSON; no progress.")
    def verb(job: Path, force: bool, as_json: bool) -> None:
        from bitwright.files import exclusive, read_json
        from bitwright.stages.flow import end_with_workflow
        from bitwright.stages.job import Job
        from bitwright.stages.runner import printer, run_stage
        from bitwright.stages.table import BY_NAME

        stage, folder = BY_NAME[name], job.resolve()
        end_with_workflow()
        with contextlib.nullcontext() if IN_WORKFLOW in os.environ else exclusive(folder):
            run_stage(stage, Job(folder), printer(name, quiet=as_json), force=force)
        if as_json:
            click.echo(json.dumps(read_json(job / stage.record)))


STAGE_TITLES = {
    "import": "load the model, convert it with hls4ml, draw test vectors, record Keras outputs, lower it to a Network",
    "emulate": "compile hls4ml's C++ with g++ and run it on the vectors",
    "reference": "evaluate the Network on the vectors in exact integers",
    "emit": "write the RTL bundle: SystemVerilog, constraints, scripts, bundle.json",
    "verify": "simulate the RTL under Verilator and compare all oracles bit for bit",
    "synth": "synthesize with Yosys, count resources, simulate the netlist",
    "csynth": "hls4ml's project through the vendor's HLS, where the target asks for it",
    "route": "place and route the netlist, where the target names a tool that can",
    "report": "write report.json, report.md and report.html",
}
for _name, _title in STAGE_TITLES.items():
    _add_stage(_name, _title)


# --- reuse factors -----------------------------------------------------------------------------


def _network(model: str, choices: Choices, folder: Path | None, *, quiet: bool) -> Any:
    """The Network of a model; imported first where that has not been done."""
    from bitwright.network import load
    from bitwright.stages.runner import printer, run_stage
    from bitwright.stages.table import BY_NAME

    with _job(model, choices, folder) as job:
        run_stage(BY_NAME["import"], job, printer("import", quiet=quiet))
        return load(job.stage("import") / "network.json")


@main.command()
@click.argument("model")
@_shared_options
@click.option("--build", "folder", type=PATH, default=None, help="Default: build/MODEL/TARGET.")
def reuse(model: str, as_json: bool, folder: Path | None, **choices: Any) -> None:
    """List the reuse factors that each layer of MODEL may have, with the hardware that each would take.

    LUT, DSP and latency are estimates: within about 10 % for folded layers, 30 % for parallel ones, far too large
    for heavily pruned ones.
    """
    from bitwright.rtl.estimate import estimates

    table = estimates(_network(model, Choices(**choices), folder, quiet=as_json))
    if as_json:
        rows = {name: [dataclasses.asdict(row) for row in rows] for name, rows in table.items()}
        click.echo(json.dumps(rows))
        return
    for name, found in table.items():
        _print_estimates(name, found)


@main.command()
@click.argument("model")
@_shared_options
@click.option("--build", "folder", type=PATH, default=None, help="Default: build/MODEL/TARGET.")
@click.option("--lut", type=click.IntRange(1), help="LUTs that the layers with weights may take.")
@click.option("--dsp", type=click.IntRange(0), help="DSP blocks that they may take.")
@click.option(
    "--ii", "interval", type=click.IntRange(1), help="Clocks per inference; the shortest that fits if absent."
)
@click.option("-o", "--out", type=PATH, help="Write the hls4ml config that asks for this plan.")
def plan(
    model: str, as_json: bool, folder: Path | None, lut: int | None, dsp: int | None, interval: int | None,
    out: Path | None, **choices: Any,
) -> None:  # fmt: skip
    """Propose a reuse factor for each layer of MODEL that fits a budget; give it to 'run' by --hls."""
    from bitwright.rtl.estimate import choose, estimates, totals
    from bitwright.stages.planning import write_plan

    table = estimates(_network(model, Choices(**choices), folder, quiet=as_json))
    chosen = choose(table, lut, dsp, interval)
    if out is not None:
        write_plan(out, {name: row.reuse for name, row in chosen.items()}, choices["hls"])
    if as_json:
        click.echo(json.dumps({name: dataclasses.asdict(row) for name, row in chosen.items()}))
        return
    _print_estimates("plan", tuple(chosen.values()))
    used_lut, used_dsp = totals(chosen)
    click.echo(f"{max(row.interval for row in chosen.values())} clocks per inference, {used_lut:,} LUT, {used_dsp} DSP")


def _print_estimates(title: str, rows: tuple[Any, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    columns = ("layer", "reuse", "multipliers", "LUT", "DSP", "ROM bits", "II", "latency")
    for column in columns:
        table.add_column(column, justify="left" if column == "layer" else "right")
    for row in rows:
        values = (row.reuse, row.multipliers, row.lut, row.dsp, row.memory_bits, row.interval, row.latency)
        table.add_row(row.layer, *(f"{value:,}" for value in values))
    Console().print(table)


# --- helpers -----------------------------------------------------------------------------------


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(as_json: bool) -> None:
    """Show what is installed, in which version, and which stages can run."""
    from bitwright.eda.tools import survey
    from bitwright.frontend.overlays import overlay_status

    found = (*survey(), *overlay_status())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(tool) for tool in found]))
        return
    rows = [(t.name, t.version or ("found" if t.found else "NOT FOUND"), _doctor_note(t)) for t in found]
    _print_table("Tools", rows)
    blocked = sorted({stage for tool in found if not tool.found for stage in tool.needed_for} & set(STAGE_TITLES))
    ready = [name for name in STAGE_TITLES if name not in blocked]
    click.echo(f"stages that can run: {', '.join(ready) or 'none'}")
    if blocked:
        click.echo(f"stages that cannot: {', '.join(blocked)}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def coverage(as_json: bool) -> None:
    """List hls4ml's layers: what was measured of each in the reference, in parallel and in streamed RTL."""
    from bitwright.stages.importing import layer_coverage

    rows = layer_coverage()
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("layer", "hls4ml class", "reference", "parallel RTL", "stream RTL", "tested by"):
        table.add_column(column)
    for row in rows:
        yes = ["yes" if row[key] else "-" for key in ("reference", "parallel")]
        tests = f"{len(row['tests'])} models" if row["tests"] else "-"
        table.add_row(row["name"], row["hls4ml_class"], *yes, row["stream"] or "-", tests)
    Console().print(table)
    held = sum(bool(row["reference"]) for row in rows)
    click.echo(f"{held} of hls4ml's {len(rows)} layer names; the others are in no model of the tests")


def _doctor_note(tool: Any) -> str:
    needed = f"for {', '.join(tool.needed_for)}"
    return needed if tool.found else f"{needed}; {tool.hint}"


@main.command()
@click.argument("model", default="")
@click.option("--root", type=click.Path(path_type=Path), default=Path(), help="Folder with models/.")
@click.option(
    "--data",
    default="generated",
    show_default=True,
    help="generated, openml, a file of rows, or a folder of idx files.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a value of 'train' in model.yaml."
)
@click.option("--cross-validate", is_flag=True, help="Estimate by 5-fold cross-validation instead of training.")
def train(model: str, root: Path, data: str, settings: tuple[str, ...], cross_validate: bool) -> None:
    """Train the zoo model MODEL (models/MODEL/network.py) and write its weights and metrics."""
    from bitwright.stages import flow

    sys.exit(flow.run_training(model, root, data, settings, cross_validate=cross_validate))


add_verbs(main, report)
add_quantization(main)
add_search(main)
_keep_lines(main, report, report.commands["parse"], main.commands["quantize"], main.commands["explore"])

if __name__ == "__main__":
    main()
