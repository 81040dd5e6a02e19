"""After a run: judge it by its budgets and its baseline, and append it to the history."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bitwright.config import BudgetConfig
from bitwright.eda.process import first_line
from bitwright.errors import BitwrightError, BudgetError, UsageError, nearest
from bitwright.report.records import Report
from bitwright.report.render_json import load_report
from bitwright.report.track.baseline import Baseline, Tolerances, baseline_path, load_baseline, make_baseline
from bitwright.report.track.baseline import write_baseline as write
from bitwright.report.track.headline import headline, provenance
from bitwright.report.track.judge import Run, Verdict, judge
from bitwright.stages.job import Job
from bitwright.stages.runner import program_digest

if TYPE_CHECKING:
    from bitwright.report.track.history import History

HISTORY = "BITWRIGHT_HISTORY"
OFF = "off"
USAGE = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a finished run stands."""

    report: Report
    verdict: Verdict
    error: BudgetError | None


def commit_of(root: Path) -> str:
    """The commit of the working tree at ``root``, ``-dirty`` where it has changes; empty outside of one."""
    words = ["git", "-C", str(root.resolve()), "describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*"]
    return first_line(words) or ""


def settle(job: Job, root: Path, *, check: bool = True) -> Outcome:
    """Judge the last run of a job.

    Raises:
        ConfigError: its baseline is damaged.
    """
    report = load_report(job.stage("report") / "report.json")
    if not check:
        return Outcome(report, Verdict(), None)
    path = baseline_path(root, report.model, report.target)
    budgets = BudgetConfig.model_validate(job.request("budgets"))
    run = Run(headline(report), provenance(report, commit_of(root)))
    verdict = judge(run, budgets, load_baseline(path))
    return Outcome(report, verdict, _error(report, verdict, path) if verdict.broken else None)


def _error(report: Report, verdict: Verdict, path: Path) -> BudgetError:
    against = {finding.against for finding in verdict.broken}
    accept = f"accept it with 'bitwright baseline {report.model} --target {report.target}' ({path})"
    hints = {"budget": "mend the design, or the budgets in model.yaml", "baseline": accept}
    hint = "; ".join(words for name, words in hints.items() if name in against)
    return BudgetError(verdict.sentence(), where=f"{report.model} on {report.target}", hint=hint)


def write_baseline(report: Report, root: Path, changed: Mapping[str, float | None]) -> tuple[Path, Baseline]:
    """Make a run's figures the baseline; tolerances that an earlier one was given are kept where not changed.

    Raises:
        BitwrightError: the run was not verified, so that its figures are nobody's aim.
        UsageError: a tolerance that is none.
    """
    if report.status.value != "PASSED":
        hint = "mend it and run it again: a baseline is of a run whose oracles agree"
        raise BitwrightError(f"the last run is {report.status.value}", where=report.model, hint=hint)
    path = baseline_path(root, report.model, report.target)
    before = load_baseline(path)
    tolerances = _tolerances(before.tolerances if before else Tolerances(), changed)
    baseline = make_baseline(report, _commit_of_run(report, root), tolerances)
    write(path, baseline)
    return path, baseline


def _commit_of_run(report: Report, root: Path) -> str:
    """The present commit, if the report was made by the present code; which one made it is not known otherwise."""
    made_by = {item.name: item.sha256 for item in report.results}.get("program")
    return commit_of(root) if made_by == program_digest() else ""


def _tolerances(before: Tolerances, changed: Mapping[str, float | None]) -> Tolerances:
    try:
        return Tolerances.model_validate(before.model_dump() | dict(changed))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        known = Tolerances.model_fields
        hint = f"{'' if key in known else nearest(key, known)} tolerances: {', '.join(known)}".strip()
        raise UsageError(f"tolerance '{key}': {first['msg']}", hint=hint) from error


# --- history -----------------------------------------------------------------------------------


def history_place(root: Path, folder: Path | None = None) -> str:
    """Where runs are appended: BITWRIGHT_HISTORY, else ``build/history.sqlite``; beside a job that lies elsewhere."""
    named = os.environ.get(HISTORY)
    if named:
        return named
    build = root.resolve() / "build"
    inside = folder is None or build in folder.resolve().parents
    return str((build if inside or folder is None else folder.resolve()) / "history.sqlite")


def open_history(root: Path, folder: Path | None = None) -> History | None:
    """The history, None where BITWRIGHT_HISTORY is ``off``; SQLAlchemy is loaded here and nowhere earlier."""
    from bitwright.report.track.history import History  # noqa: PLC0415  (0.2 s that other verbs need not pay)

    place = history_place(root, folder)
    return None if place == OFF else History(place)


def record(job: Job, root: Path, ran: list[str], outcome: Outcome | BitwrightError) -> str:
    """Append a run to the history; what went wrong with that, which is no failure of the run, or nothing."""
    if isinstance(outcome, BitwrightError) and outcome.exit_code == USAGE:
        return ""
    try:
        history = open_history(root, job.folder)
        if history is not None:
            history.append(_row(job, root, ran, outcome))
    except BitwrightError as error:
        return str(error)
    return ""


def _row(job: Job, root: Path, ran: list[str], outcome: Outcome | BitwrightError) -> Any:
    from bitwright.report.track.history import make_row, now  # noqa: PLC0415

    request, target = job.request("report"), job.target
    common = {
        "at": now(), "clock_ns": target.clock_ns, "model": request["model"], "target": target.name,
        "part": target.part, "commit_id": commit_of(root), "ran": " ".join(ran),
        "command": " ; ".join(request["command"]),
    }  # fmt: skip
    if isinstance(outcome, BitwrightError):
        said = str(outcome).splitlines()[0]
        return make_row(**common, exit_code=outcome.exit_code, status="FAILED", error=said, figures={}, synthetic=False)
    return make_row(**common, **_figures(outcome))


def _figures(outcome: Outcome) -> dict[str, Any]:
    head, found = headline(outcome.report), provenance(outcome.report)
    error = outcome.error
    return {
        "exit_code": error.exit_code if error else 0,
        "status": "OVER BUDGET" if error else outcome.report.status.value,
        "error": error.what if error else "",
        "figures": head.figures,
        "synthetic": head.synthetic,
        "dataset": head.dataset,
        "area_from": head.area_from,
        "timing_from": head.timing_from,
        "stages": head.stages,
        "tools": found.tools,
        "inputs": found.inputs,
        "digests": found.digests,
        "bitwright_version": found.bitwright_version,
        "findings": [finding.model_dump(mode="json") for finding in outcome.verdict.findings],
        "changed": [change.model_dump(mode="json") for change in outcome.verdict.changed],
    }
