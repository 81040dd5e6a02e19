"""A run against its budgets and its baseline: what is broken, what is better, what could not be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bitwright.config.budget import BudgetConfig
from bitwright.report.numbers import percent, word
from bitwright.report.oracles import Tally, tally
from bitwright.report.records import Record, Status
from bitwright.report.track.baseline import Baseline, Tolerances
from bitwright.report.track.changes import Change, changes, described, is_other_config, options
from bitwright.report.track.headline import KINDS, Headline, Kind, Provenance

_EPSILON = 1e-9
"""Of a limit: what floating point makes of 100 x 1.1."""


class Finding(Record):
    """One figure against one limit."""

    figure: str
    against: str
    status: Status
    words: str
    better: bool = False


class Verdict(Record):
    """All findings of a run, and what changed since the baseline."""

    findings: tuple[Finding, ...] = ()
    changed: tuple[Change, ...] = ()
    has_baseline: bool = False

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What makes the run fail."""
        return tuple(finding for finding in self.findings if finding.status is Status.FAILED)

    @property
    def better(self) -> tuple[Finding, ...]:
        """What became better than the baseline."""
        return tuple(finding for finding in self.findings if finding.better)

    @property
    def not_run(self) -> tuple[Finding, ...]:
        """What could not be compared."""
        return tuple(finding for finding in self.findings if finding.status is Status.NOT_RUN)

    @property
    def tally(self) -> Tally:
        """How the findings ended."""
        return tally(finding.status for finding in self.findings)

    def sentence(self) -> str:
        """What is broken, and what changed since the baseline, in one line."""
        parts = "; ".join(finding.words for finding in self.broken)
        return f"{parts}. Since the baseline {described(self.changed)}" if self.has_baseline else parts


@dataclass(frozen=True, slots=True)
class Run:
    """What is judged."""

    headline: Headline
    provenance: Provenance


def judge(run: Run, budgets: BudgetConfig, baseline: Baseline | None) -> Verdict:
    """Compare a run with its budgets and with its baseline, where there is one."""
    findings = list(_budgets(run.headline, budgets))
    if baseline is None:
        return Verdict(findings=tuple(findings))
    found = changes(baseline.provenance, run.provenance)
    if _is_another(run.provenance, baseline.provenance):
        words = f"the baseline is of '{baseline.provenance.command}', another design than '{run.provenance.command}'"
        findings.append(Finding(figure="baseline", against="baseline", status=Status.NOT_RUN, words=words))
    else:
        findings += _figures(run.headline, budgets, baseline)
        findings += _bits(run.provenance, baseline)
    return Verdict(findings=tuple(findings), changed=found, has_baseline=True)


def _is_another(run: Provenance, baseline: Provenance) -> bool:
    """Whether the command asks for another design by name: another head, io type, weights, or config of its own.

    A config that was changed in its place is no other design: that is what a baseline is for.
    """
    words = options(run.command) ^ options(baseline.command)
    named = {word for word in words if word.startswith("HLS=")}
    return bool(words - named) or bool(named and is_other_config(baseline, run))


# --- budgets -----------------------------------------------------------------------------------


def _budgets(head: Headline, budgets: BudgetConfig) -> Iterator[Finding]:
    for kind in KINDS:
        limit = budgets.limit(kind.name) if kind.name in BudgetConfig.model_fields else None
        if limit is not None:
            yield _against_budget(kind, head.get(kind.name), limit)


def _against_budget(kind: Kind, value: float | None, limit: float) -> Finding:
    bound = f"{'at most' if kind.less else 'at least'} {kind.words(limit)}"
    if value is None:
        words = f"{kind.label} was not measured; the budget is {bound}"
        return Finding(figure=kind.name, against="budget", status=Status.NOT_RUN, words=words)
    broken = value > limit if kind.less else value < limit
    status = Status.FAILED if broken else Status.PASSED
    words = f"{kind.label} {kind.words(value)}, the budget is {bound}"
    return Finding(figure=kind.name, against="budget", status=status, words=words)


# --- baseline ----------------------------------------------------------------------------------


def _figures(head: Headline, budgets: BudgetConfig, baseline: Baseline) -> Iterator[Finding]:
    for kind in KINDS:
        before = baseline.headline.get(kind.name)
        if before is None or kind.group == "time":
            continue
        own = budgets.tolerance(kind.name) if kind.name in BudgetConfig.model_fields else None
        tolerance = _tolerance(kind, baseline.tolerances) if own is None else own
        yield _against_baseline(kind, before, head.get(kind.name), tolerance, _other(kind, baseline.headline, head))


def _tolerance(kind: Kind, tolerances: Tolerances) -> float:
    """The tolerance of a figure's group; wall-clock time has none."""
    match kind.group:
        case "area":
            return tolerances.area
        case "latency":
            return tolerances.latency
        case "timing":
            return tolerances.timing
        case "accuracy" | "time":
            return tolerances.accuracy


def _other(kind: Kind, before: Headline, after: Headline) -> str:
    """Why two figures of the same name are not of the same thing; empty where they are."""
    pairs = {
        "area": (before.area_from, after.area_from),
        "timing": (before.timing_from, after.timing_from),
        "accuracy": (before.dataset, after.dataset),
    }
    old, new = pairs.get(kind.group, ("", ""))
    return f"the baseline's is of {old}, this one of {new}" if old != new else ""


def _against_baseline(kind: Kind, before: float, after: float | None, tolerance: float, other: str) -> Finding:
    if after is None or other:
        words = f"{kind.label} cannot be compared: {other or 'it was not measured; the baseline has it'}"
        return Finding(figure=kind.name, against="baseline", status=Status.NOT_RUN, words=words)
    limit = _limit(kind, before, tolerance)
    slack = _EPSILON * max(abs(before), 1.0)
    worse = after > limit + slack if kind.less else after < limit - slack
    gain = before - after if kind.less else after - before
    return Finding(
        figure=kind.name,
        against="baseline",
        status=Status.FAILED if worse else Status.PASSED,
        words=f"{kind.label} {kind.words(after)}, the baseline has {kind.words(before)}"
        + _by_how_much(kind, before, after, tolerance),
        better=gain > slack,
    )


def _limit(kind: Kind, before: float, tolerance: float) -> float:
    """The worst value that is allowed; a slack that is met may shrink to nothing, but not turn negative."""
    if kind.name == "wns_ns":
        return min(before, 0.0)
    if kind.group == "accuracy":
        return before - tolerance
    return before * (1 + tolerance if kind.less else 1 - tolerance)


def _by_how_much(kind: Kind, before: float, after: float, tolerance: float) -> str:
    if after == before:
        return ""
    if kind.name == "wns_ns":
        return ""
    if kind.group == "accuracy":
        return f" ({100 * (after - before):+.2f} points, {100 * tolerance:g} allowed)"
    change = f"{100 * (after / before - 1):+.1f} %, " if before else ""
    return f" ({change}{percent(tolerance, 0)} allowed)"


# --- bits --------------------------------------------------------------------------------------


def _bits(after: Provenance, baseline: Baseline) -> Iterator[Finding]:
    """The outputs on the run's own vectors; where the vectors differ, the network alone can be compared."""
    if baseline.tolerances.bits is None:
        return
    old, new = baseline.provenance.digests, after.digests
    if not {"vectors", "network", "outputs"} <= old.keys() & new.keys():
        yield _bit_finding(Status.NOT_RUN, "bits cannot be compared: a digest is missing")
    elif old["vectors"] != new["vectors"]:
        same = old["network"] == new["network"]
        words = "the test vectors are others than the baseline's; the network is " + ("the same" if same else "not")
        yield _bit_finding(Status.PASSED if same else Status.FAILED, f"bits: {words}")
    elif old["outputs"] != new["outputs"]:
        yield _bit_finding(Status.FAILED, "bits: the outputs on the same vectors are not the baseline's")
    else:
        yield _bit_finding(Status.PASSED, "bits: the outputs on the same vectors are the baseline's")


def _bit_finding(status: Status, words: str) -> Finding:
    return Finding(figure="bits", against="baseline", status=status, words=words)


def lines(verdict: Verdict) -> list[str]:
    """What a terminal shows of a verdict: nothing of what is as it was."""
    head = f"budgets and baseline: {verdict.tally}" if verdict.findings else ""
    shown = [f"  {word(finding.status)} {finding.words}" for finding in (*verdict.broken, *verdict.not_run)]
    shown += [f"  better: {finding.words}" for finding in verdict.better]
    return [head, *shown] if head else []
