"""Pages of trainings: one file each that reads offline, in the manner of report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitwright.report.plots import confusion_matrix, roc_curves
from bitwright.report.records import Accuracy
from bitwright.report.render_html import environment
from bitwright.train.plots import lines, plane

Epochs = Sequence[Mapping[str, float]]
TEMPLATE = "training.html.j2"

COURSE = (
    ("loss", ("loss", "val_loss")),
    ("accuracy", ("val_accuracy",)),
    ("precision, mean over the classes", ("val_precision",)),
    ("ROC AUC, mean over the classes", ("val_auc",)),
    ("effective bit operations", ("ebops",)),
)
"""The drawings over the epochs, where a training has the figures."""

NAMES = {"loss": "training", "val_loss": "watched rows"}


def run_page(run: Mapping[str, Any]) -> str:
    """One training: its course, and ROC and confusion on each of its tests; ``run`` is run.json."""
    course = [
        (title, lines(title, "epoch", title, curves, log=title.startswith("effective")))
        for title, keys in COURSE
        if (curves := [(NAMES.get(key, key), _points(run["epochs"], key)) for key in keys if _has(run["epochs"], key)])
    ]
    tests = [Accuracy.model_validate(result) for result in run["results"]]
    drawn = [
        (test_title(test), [("ROC of each class", roc_curves(test.classes)), ("confusion", confusion_matrix(test))])
        for test in tests
    ]
    facts = {"trained on": run["trained_on"]["title"], "epochs": len(run["epochs"]), **_sizes(run)}
    return _render(f"Training of {run['model']}", facts, [("Course", course), *drawn], (), ())


def test_title(test: Accuracy) -> str:
    """What a test is of, and what came of it."""
    kind = ", synthetic" if test.synthetic else ""
    return f"{test.dataset}, {test.split}, {test.rows:,} rows{kind}: accuracy {test.accuracy:.2%}"


def sweep_page(model: str, table: Sequence[Mapping[str, Any]], curves: Sequence[tuple[str, Epochs]]) -> str:
    """All runs of a sweep: the table, and the course of each."""
    keys = list(table[0]["settings"])
    drawn = [
        (title, lines(title, "epoch", title, [(name, _points(epochs, key)) for name, epochs in curves]))
        for title, key in (("loss on the watched rows", "val_loss"), ("accuracy on the watched rows", "val_accuracy"))
        if curves
    ]
    costs = [cost for cost in ("zero_weights", "bitops", "ebops") if any(cost in row for row in table)]
    drawn += [_cost_plane(table, costs[-1], lambda row: " ".join(row["settings"].values()))] if costs else []
    heads = (*keys, "accuracy", "AUC", *costs)
    rows = [
        [*(row["settings"][key] for key in keys), _share(row["accuracy"]), _number(row["auc"]),
         *(_number(row.get(cost)) for cost in costs)]
        for row in table
    ]  # fmt: skip
    return _render(f"Sweep of {model}", {"runs": len(table)}, [("Course", drawn)], heads, rows)


def prune_page(model: str, table: Sequence[Mapping[str, Any]]) -> str:
    """The steps of a pruning: BitOPs against accuracy."""
    heads = ("step", "zeros among the weights", "BitOPs", "accuracy", "AUC")
    rows = [
        [row["step"], _share(row["zero_weights"]), f"{row['bitops']:,}", _share(row["accuracy"]), _number(row["auc"])]
        for row in table
    ]
    drawn = [_cost_plane(table, "bitops", lambda row: row["step"])]
    return _render(f"Pruning of {model}", {"steps": len(table)}, [("BitOPs and accuracy", drawn)], heads, rows)


def _cost_plane(table: Sequence[Mapping[str, Any]], cost: str, name: Any) -> tuple[str, Any]:
    marks = [
        (name(row), float(row[cost]), float(row["accuracy"])) for row in table if row.get(cost) and row["accuracy"]
    ]
    label = {"bitops": "BitOPs", "ebops": "EBOPs"}.get(cost, "zeros among the weights")
    return f"accuracy against {label}", plane(f"accuracy against {label}", label, "accuracy", marks, log=True)


def _points(epochs: Epochs, key: str) -> list[tuple[float, float]]:
    return [(entry["epoch"], entry[key]) for entry in epochs if key in entry]


def _has(epochs: Epochs, key: str) -> bool:
    return any(key in entry for entry in epochs)


def _sizes(run: Mapping[str, Any]) -> dict[str, str]:
    words = {"zero_weights": "zeros among the weights", "bitops": "BitOPs", "ebops": "EBOPs"}
    return {words[key]: _number(run[key]) for key in words if key in run}


def _share(value: float | None) -> str:
    return "failed" if value is None else f"{value:.2%}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value > 100 else f"{value:.4f}"


def _render(
    title: str, facts: Mapping[str, Any], sections: Sequence[tuple[str, Sequence[tuple[str, Any]]]],
    heads: Sequence[str], rows: Sequence[Sequence[str]],
) -> str:  # fmt: skip
    template = environment().get_template(TEMPLATE)
    return template.render(title=title, facts=facts, sections=sections, heads=heads, rows=rows)
