"""Drawings and pages of trainings, from plain data."""

import math

import pytest

from bitwright.report.accuracy import score
from bitwright.train.page import prune_page, run_page, sweep_page
from bitwright.train.plots import Axis, lines, plane

EPOCHS = [
    {"epoch": e, "loss": 1 / e, "val_loss": 1.1 / e, "val_accuracy": 0.5, "val_precision": 0.4, "val_auc": 0.6}
    for e in (1, 2, 3)
]


def test_an_axis_puts_its_ends_where_they_belong():
    linear, log = Axis("x", 0, 10, 50, 150), Axis("y", 1, 100, 200, 0, log=True)
    assert (linear.at(0), linear.at(5), linear.at(10)) == (50, 100, 150)
    assert (log.at(1), log.at(10), log.at(100)) == pytest.approx((200, 100, 0))
    assert log.marks == pytest.approx([1, math.sqrt(10), 10, 10**1.5, 100])


def test_lines_have_a_name_a_key_and_a_point_for_each_value():
    drawn = lines("loss", "epoch", "loss", [("a <b>", [(1, 0.5), (2, 0.25), (3, math.nan)]), ("c", [(1, 2.0)])])
    assert drawn.count("<circle") == 3
    assert drawn.count("<polyline") == 2
    assert "a &lt;b&gt;" in drawn
    assert "nan" not in drawn


def test_a_plane_of_one_point_is_drawn():
    assert plane("p", "BitOPs", "accuracy", [("only", 100.0, 0.5)], log=True).count("<circle") == 1


def test_the_page_of_a_run_shows_course_and_tests():
    found = score(
        [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1], ("fast", "slow"), dataset="d", split="s", synthetic=True
    )
    run = {
        "model": "m", "epochs": EPOCHS, "trained_on": {"title": "rows & more"}, "zero_weights": 0.25, "bitops": 12345,
        "results": [found.model_dump(mode="json")],
    }  # fmt: skip
    page = run_page(run)
    for words in (
        "Training of m",
        "rows &amp; more",
        "12,345",
        "synthetic",
        "ROC of each class",
        "confusion",
        "accuracy",
    ):
        assert words in page
    assert page == run_page(run)
    assert "effective bit operations" not in page


def test_the_page_of_a_sweep_shows_every_run_and_which_failed():
    table = [
        {"settings": {"learning_rate": "1e-3"}, "accuracy": 0.71, "auc": 0.9, "bitops": 5000.0},
        {"settings": {"learning_rate": "9"}, "accuracy": None, "auc": None},
    ]
    page = sweep_page("m", table, [("1e-3", EPOCHS)])
    for words in ("Sweep of m", "71.00%", "failed", "accuracy against BitOPs", "learning_rate"):
        assert words in page


def test_the_page_of_a_pruning():
    steps = [
        {"step": "not pruned", "zero_weights": 0.0, "bitops": 2880, "accuracy": 0.7, "auc": 0.9},
        {"step": "50% pruned", "zero_weights": 0.5, "bitops": 1440, "accuracy": 0.69, "auc": 0.89},
    ]
    page = prune_page("m", steps)
    for words in ("Pruning of m", "2,880", "50% pruned", "69.00%"):
        assert words in page
