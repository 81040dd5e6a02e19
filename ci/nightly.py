"""make nightly: every model of the zoo on every target, going on past failures.

``run`` takes the models and targets of this repository (MODELS and TARGETS limit them), JOBS of them side by side (by
default one for each core, two at most), and writes results.json, summary.md, junit.xml and the dashboard; ``list``
prints them as a matrix for a workflow whose jobs run side by side; ``collect`` joins what those jobs left.  The exit
code is the worst one of all runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from math import inf
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from bitwright.config import ModelConfig, load_target, read_yaml
from bitwright.eda import process
from bitwright.errors import BitwrightError, UsageError, nearest
from bitwright.files import read_json, write_json, write_text
from bitwright.report.numbers import seconds
from bitwright.report.records import Report
from bitwright.report.render_md import code, md
from bitwright.report.track.headline import BY_NAME, figure_words, headline
from bitwright.report.track.history import History
from bitwright.stages.board import write_dashboard
from bitwright.stages.job import find_target
from bitwright.stages.outcome import history_place

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 3600.0
WORST_FIRST = (3, 1, 5, 2, 4, 6, 0)
"""Exit codes: other bits are worse than a fault, a fault than a tool that failed, that than too much area."""
STATES = {0: "PASSED", 4: "NOT RUN", 6: "OVER BUDGET"}
LEFT_OUT = "LEFT OUT"
"""A pair that model.yaml excepts, with its reason: shown and counted, no failure."""
SKIPPED = ("NOT RUN", LEFT_OUT)
FIGURES = ("lut", "ff", "dsp", "bram36", "latency_cycles", "ii_cycles", "fmax_mhz", "wns_ns", "accuracy")


@dataclass(frozen=True)
class Result:
    """How one model on one target ended."""

    model: str
    target: str
    exit_code: int
    seconds: float
    figures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    area_from: str = ""
    left_out: bool = False

    @property
    def state(self) -> str:
        return LEFT_OUT if self.left_out else STATES.get(self.exit_code, "FAILED")


# --- what is run -------------------------------------------------------------------------------


def chosen(wanted: str, known: Sequence[str], what: str, usual: Sequence[str] | None = None) -> list[str]:
    """The names in ``wanted``; where it is empty the usual ones, or all."""
    names = wanted.split() or list(known if usual is None else usual)
    for name in names:
        if name not in known:
            hint = f"{nearest(name, known)} {what}s: {', '.join(known)}".strip()
            raise UsageError(f"there is no {what} '{name}'", hint=hint)
    return names


def pairs(root: Path, models: str, targets: str) -> list[tuple[str, str]]:
    """Every model with every target; those in folders (``small/x``) only where they are named."""
    zoo = sorted(path.parent.name for path in (root / "models").glob("*/model.yaml"))
    shelf = root / "flows" / "targets"
    devices = sorted(path.relative_to(shelf).with_suffix("").as_posix() for path in shelf.rglob("*.yaml"))
    usual = [name for name in devices if "/" not in name]
    return [(m, t) for m in chosen(models, zoo, "model") for t in chosen(targets, devices, "target", usual)]


def command(model: str, target: str, root: Path) -> list[str]:
    return [sys.executable, "-m", "bitwright", "run", model, "--target", target, "--root", str(root), "--json"]


def run_one(model: str, target: str, root: Path, log: Path, stop: process.Stop | None = None) -> Result:
    """Run one pair; whatever happens becomes a result."""
    started = time.monotonic()
    try:
        find_target(target, root)
        if reason := _excepted(model, target, root):
            return Result(model, target, 0, 0.0, error=reason, left_out=True)
        done = process.run(
            command(model, target, root), cwd=root, log=log, timeout_s=TIMEOUT_S, tool="bitwright", version="",
            what=f"{model} on {target}", check=False, stop=stop,
        )  # fmt: skip
        return read_result(model, target, done.exit_code, done.seconds, log)
    except BitwrightError as error:
        spent = time.monotonic() - started
        return Result(model, target, error.exit_code, spent, error=str(error).splitlines()[0])


def _excepted(model: str, target: str, root: Path) -> str:
    """Why model.yaml excepts this target; nothing where it does not, or cannot be read: then the run says so."""
    with contextlib.suppress(BitwrightError):
        return read_yaml(root / "models" / model / "model.yaml", ModelConfig).nightly_without.get(target, "")
    return ""


def read_result(model: str, target: str, exit_code: int, spent: float, log: Path) -> Result:
    """What a run said of itself: its last line is one JSON object, or it died before."""
    said = _last_object(log)
    code_ = exit_code if exit_code in WORST_FIRST else 1
    if "report" not in said:
        where = f"{said['where']}: " if said.get("where") else ""
        error = f"{where}{said['what']}" if "what" in said else f"it ended with code {exit_code} and said nothing"
        return Result(model, target, code_ or 1, spent, error=error)
    verdict = said.get("verdict") or {}
    notes = [f"better: {f['words']}" for f in verdict.get("findings", []) if f["better"]]
    notes += [f"NOT RUN: {f['words']}" for f in verdict.get("findings", []) if f["status"] == "NOT_RUN"]
    head = headline(Report.model_validate_json(json.dumps(said["report"])))
    error = said["error"]["what"] if said.get("error") else ""
    return Result(model, target, code_, spent, head.figures, notes, error, head.area_from)


def _last_object(log: Path) -> dict[str, Any]:
    for line in reversed(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        if line.startswith("{"):
            try:
                found: dict[str, Any] = json.loads(line)
            except json.JSONDecodeError:
                return {}
            return found
    return {}


# --- what is written ---------------------------------------------------------------------------


def worst(results: Iterable[Result]) -> int:
    """The exit code of the whole: nothing that ran is no success."""
    codes = {result.exit_code for result in results if not result.left_out}
    return next((code_ for code_ in WORST_FIRST if code_ in codes), 2)


def summary(results: Sequence[Result]) -> str:
    """A table for a pull request or a workflow's summary; words from outside are escaped."""
    counts = {state: sum(r.state == state for r in results) for state in (*STATES.values(), "FAILED", LEFT_OUT)}
    tally = ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "nothing ran"
    head = ["model", "target", "state", *(BY_NAME[name].label for name in FIGURES), "time", "notes"]
    rows = [_row(result) for result in results]
    table = ["| " + " | ".join(row) + " |" for row in ([*head], ["---"] * len(head), *rows)]
    return f"## Nightly: {tally}\n\n" + "\n".join(table) + "\n"


def _row(result: Result) -> list[str]:
    origin = result.area_from
    figures = [figure_words(n, result.figures[n], origin) if n in result.figures else "–" for n in FIGURES]
    state = result.state if result.exit_code == 0 else f"**{result.state}** ({result.exit_code})"
    notes = "; ".join(md(words) for words in (result.error, *result.notes) if words)
    return [code(result.model), code(result.target), state, *figures, seconds(result.seconds), notes]


def junit(results: Sequence[Result]) -> str:
    """JUnit XML: a test case per pair; one that could not run is skipped, never passed."""
    suite = ET.Element("testsuite", name="nightly", tests=str(len(results)))
    suite.set("failures", str(sum(r.state in ("FAILED", "OVER BUDGET") for r in results)))
    suite.set("skipped", str(sum(r.state in SKIPPED for r in results)))
    suite.set("time", f"{sum(r.seconds for r in results):.1f}")
    for result in results:
        case = ET.SubElement(suite, "testcase", classname=_xml(result.model), name=_xml(result.target))
        case.set("time", f"{result.seconds:.1f}")
        if result.exit_code or result.left_out:
            kind = "skipped" if result.state in SKIPPED else "failure"
            ET.SubElement(case, kind, message=_xml(result.error), type=f"exit code {result.exit_code}")
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _xml(words: str) -> str:
    """Without the control characters that no XML may hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "?", words)


def write(results: Sequence[Result], root: Path, out: Path) -> int:
    """All files of a nightly; the worst exit code."""
    write_json(out / "results.json", [asdict(result) for result in results])
    text = summary(results)
    write_text(out / "summary.md", text)
    write_text(out / "junit.xml", junit(results))
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as handle:
            handle.write(text)
    print(text)
    try:
        write_dashboard(root, out / "site")
    except BitwrightError as error:
        print(f"warning: no dashboard: {error}", file=sys.stderr)
    return worst(results)


# --- jobs side by side -------------------------------------------------------------------------


def collect(folders: Iterable[Path], root: Path, out: Path) -> int:
    """Join the results and the histories that jobs left in ``folders``."""
    files = sorted(file for folder in folders for file in folder.rglob("results.json"))
    results = [Result(**entry) for file in files for entry in read_json(file)]
    place = History(history_place(root))
    known = {(row.at, row.model, row.target) for row in place.rows()}
    for file in sorted(path for folder in folders for path in folder.rglob("history.sqlite")):
        for row in History(file).rows():
            if (row.at, row.model, row.target) not in known:
                place.append(row)
                known.add((row.at, row.model, row.target))
    return write(sorted(results, key=lambda r: (r.model, r.target)), root, out)


def run(chosen_pairs: Sequence[tuple[str, str]], root: Path, out: Path, jobs: int) -> int:
    """Run the pairs; most of a run keeps one core busy, so that two share two cores well."""

    def one(model: str, target: str, stop: process.Stop) -> Result:
        result = run_one(model, target, root, out / "logs" / f"{model}-{Path(target).name}.log", stop)
        print(f"{result.state:<11} {model} on {target}, {seconds(result.seconds)}  {result.error}", flush=True)
        return result

    order = longest_first(chosen_pairs, root)
    done = dict(zip(order, process.side_by_side([partial(one, *pair) for pair in order], jobs), strict=True))
    return write([done[pair] for pair in chosen_pairs], root, out)


def longest_first(chosen_pairs: Sequence[tuple[str, str]], root: Path) -> list[tuple[str, str]]:
    """The order in which side by side takes least: what took longest last time before the rest.

    What never ran comes first of all, and of that what is routed, which takes longer than everything else.
    """
    rows = History(history_place(root)).rows()
    took = {(row.model, row.target): row.figures["seconds"] for row in rows if "seconds" in row.figures}
    return sorted(chosen_pairs, key=lambda pair: (-took.get(pair, inf), not _routed(pair[1], root)))


def _routed(target: str, root: Path) -> bool:
    with contextlib.suppress(BitwrightError):
        return load_target(find_target(target, root)).route is not None
    return False


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("run", "list", "collect"), nargs="?", default="run")
    parser.add_argument("folders", nargs="*", type=Path, help="of collect: what the jobs left")
    parser.add_argument("--models", default=os.environ.get("MODELS") or os.environ.get("MODEL", ""))
    parser.add_argument("--targets", default=os.environ.get("TARGETS") or os.environ.get("TARGET", ""))
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS") or min(os.cpu_count() or 1, 2)))
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("-o", "--out", type=Path, default=None)
    given = parser.parse_args(argv)
    root = given.root.resolve()
    out = (given.out or root / "build" / "nightly").resolve()
    try:
        if given.verb == "collect":
            return collect(given.folders, root, out)
        found = pairs(root, given.models, given.targets)
        if given.verb == "list":
            print(json.dumps({"include": [{"model": model, "target": target} for model, target in found]}))
            return 0
        return run(found, root, out, given.jobs)
    except BitwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: the run in progress was stopped, finished ones are kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):  # the run in progress is stopped too, also of a background job
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
