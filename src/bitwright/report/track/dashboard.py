"""The dashboard: static pages from the history; every word of it is text from outside and escaped."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bitwright.config.published import PublishedPoint
from bitwright.report.numbers import ABSENT, count, nanoseconds, percent
from bitwright.report.render_html import environment
from bitwright.report.track.headline import BY_NAME, KINDS, Kind, figure_words, is_partial
from bitwright.report.track.history import Row
from bitwright.report.track.trends import Mark, Point, pareto, stage_trend, trend

MOST_RUNS = 60
"""Runs that a trend shows; the history keeps all."""
_COLUMNS = ("lut", "ff", "dsp", "bram36", "latency_cycles", "ii_cycles", "fmax_mhz", "wns_ns", "accuracy")
_CSS = {"PASSED": "good", "FAILED": "bad", "OVER BUDGET": "bad"}


def render_dashboard(
    rows: Sequence[Row], models: Iterable[str], published: Sequence[PublishedPoint], at: str
) -> dict[str, str]:
    """The pages by file name.

    Args:
        rows: the history, oldest first.
        models: the zoo: a model without a run is shown as NOT RUN.
        published: points of other people's work.
        at: when the site was made.

    Returns:
        ``index.html`` and a page for each model that has runs.
    """
    names = sorted({row.model for row in rows})
    pages = page_names(names)
    templates = environment()
    index = templates.get_template("dashboard.html.j2").render(
        at=at,
        columns=[BY_NAME[name] for name in _COLUMNS],
        states=[_state(found, pages[found[-1].model]) for found in _designs(rows)],
        idle=sorted(set(models) - set(names)),
        planes=_planes(rows, published),
        runs=len(rows),
    )
    model = templates.get_template("dashboard_model.html.j2")
    designs = {name: [_design(found) for found in _designs(rows) if found[0].model == name] for name in names}
    return {"index.html": index} | {
        page: model.render(at=at, name=name, designs=designs[name]) for name, page in pages.items()
    }


def page_names(models: Iterable[str]) -> dict[str, str]:
    """The file of each model's page: its name as far as that is a file's, and a number where two would be the same."""
    found: dict[str, str] = {}
    for model in models:
        stem = "model-" + (re.sub(r"[^A-Za-z0-9_]+", "_", model)[:80] or "_")
        taken = {page.lower() for page in found.values()}
        found[model] = next(
            page for k in range(len(taken) + 1) if (page := f"{stem}{f'-{k}' if k else ''}.html").lower() not in taken
        )
    return found


def _designs(rows: Sequence[Row]) -> list[list[Row]]:
    """The runs of each model and target, by name."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.target), []).append(row)
    return [groups[key] for key in sorted(groups)]


# --- front page --------------------------------------------------------------------------------


def _state(runs: Sequence[Row], page: str) -> dict[str, Any]:
    """The last run of a model on a target; the figures of a run that failed are absent, not those of an earlier one."""
    last = runs[-1]
    return {
        "row": last,
        "page": page,
        "css": _CSS.get(last.status, "idle"),
        "figures": _words(last),
        "at": _when(last),
    }


def _words(row: Row) -> list[str]:
    """The figures of the columns; an accuracy on generated rows says so."""
    origin = row.text["area_from"]
    found = [figure_words(n, row.figures[n], origin) if n in row.figures else ABSENT for n in _COLUMNS]
    if row.synthetic and "accuracy" in row.figures:
        found[_COLUMNS.index("accuracy")] += " (synthetic)"
    return found


def _when(row: Row) -> str:
    return row.at[:16].replace("T", " ")


def family(dataset: str) -> str:
    """The data set's own name: ``MNIST`` of ``MNIST (generated), test, 300 rows``."""
    return dataset.split(",", maxsplit=1)[0].removesuffix(" (generated)").strip()


def _planes(rows: Sequence[Row], published: Sequence[PublishedPoint]) -> list[dict[str, Any]]:
    """A drawing for each data set: accuracies on different data are never in one."""
    last = [found[-1] for found in _designs(rows)]
    whole = [row for row in last if not is_partial(row.text["area_from"])]
    ours = [row for row in whole if {"lut", "accuracy"} <= row.figures.keys()]
    names = sorted({family(row.text["dataset"]) for row in ours} | {point.dataset for point in published})
    return [_plane(name, ours, [point for point in published if point.dataset == name]) for name in names]


def _plane(name: str, rows: Sequence[Row], published: Sequence[PublishedPoint]) -> dict[str, Any]:
    ours = [(_our_point(row), row) for row in rows if family(row.text["dataset"]) == name]
    theirs = [_their_point(point) for point in published]
    return {
        "dataset": name,
        "plot": pareto([*theirs, *(point for point, _ in ours)]),
        "ours": [(point, row, _latency_ns(row)) for point, row in ours],
        "published": published,
        "synthetic": any(point.synthetic for point, _ in ours),
    }


def _latency_ns(row: Row) -> str:
    """At the target's clock, whether or not a tool has closed timing."""
    cycles = row.figures.get("latency_cycles")
    return ABSENT if cycles is None else nanoseconds(cycles * row.clock_ns)


def _our_point(row: Row) -> Point:
    lut, accuracy = row.figures["lut"], row.figures["accuracy"]
    words = (
        f"{row.model} on {row.target}: {percent(accuracy, 2)} ({row.text['dataset']}"
        f"{', SYNTHETIC' if row.synthetic else ''}), {count(lut)} LUT ({row.text['area_from']})"
    )
    return Point(f"{row.model}, {row.target}", lut, accuracy, words, ours=True, synthetic=row.synthetic)


def _their_point(point: PublishedPoint) -> Point:
    time = f", {nanoseconds(point.latency_ns)}" if point.latency_ns else ""
    words = f"{point.method}: {percent(point.accuracy)}, {count(point.lut)} LUT{time}; {point.source}"
    return Point(point.method, point.lut, point.accuracy, words, ours=False)


# --- a model's page ----------------------------------------------------------------------------


def _design(runs: Sequence[Row]) -> dict[str, Any]:
    """One target of a model: its state, its trends, its runs."""
    shown = runs[-MOST_RUNS:]
    measured = [row for row in shown if row.figures and row.text["ran"]]
    names = [_commit(row) for row in measured]
    borders = _borders(measured)
    plots = [(kind, trend(kind, marks, borders, names)) for kind in KINDS if (marks := _marks(kind, measured))]
    stages = [row.more["stages"] for row in measured]
    return {
        "target": runs[-1].target,
        "state": _state(runs, ""),
        "columns": [BY_NAME[name] for name in _COLUMNS],
        "plots": [(kind.label, drawing) for kind, drawing in plots if kind.group != "time"],
        "stages": stage_trend(stages, names) if any(stages) else "",
        "runs": [_run(row, before) for row, before in zip(reversed(shown), _befores(shown), strict=True)],
        "hidden": len(runs) - len(shown),
    }


def _commit(row: Row) -> str:
    return row.text["commit_id"] or _when(row)


def _marks(kind: Kind, rows: Sequence[Row]) -> list[Mark | None]:
    """The figure of each run; empty where none has it."""
    if not any(kind.name in row.figures for row in rows):
        return []
    return [
        (value, f"{kind.label} {kind.words(value)}{_slack(kind, row)}; {_when(row)}, {_commit(row)}")
        if (value := row.figures.get(kind.name)) is not None
        else None
        for row in rows
    ]


def _slack(kind: Kind, row: Row) -> str:
    """An Fmax is never shown without its slack."""
    if kind.name != "fmax_mhz":
        return ""
    slack = row.figures.get("wns_ns")
    return ", slack not stated" if slack is None else f", WNS {BY_NAME['wns_ns'].words(slack)}"


def tool_changes(before: Row, after: Row) -> str:
    """``Yosys 0.69 -> 0.70``: the tools whose version changed between two runs."""
    old, new = before.more["tools"], after.more["tools"]
    if not old or not new:
        return ""
    moved = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return ", ".join(f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}" for name in moved)


def _borders(rows: Sequence[Row]) -> list[tuple[int, str]]:
    pairs = enumerate(itertools.pairwise(rows), 1)
    return [(k, words) for k, (before, after) in pairs if (words := tool_changes(before, after))]


def _befores(rows: Sequence[Row]) -> list[Row | None]:
    """The run before each, newest first."""
    return [rows[k - 1] if k else None for k in range(len(rows) - 1, -1, -1)]


def _run(row: Row, before: Row | None) -> dict[str, Any]:
    tools = tool_changes(before, row) if before else ""
    return {
        "row": row,
        "at": _when(row),
        "css": _CSS.get(row.status, "idle"),
        "figures": _words(row),
        "notes": "; ".join(words for words in (row.text["error"], tools) if words),
    }
