"""The front as a file and a page, limits that nothing keeps, workers, and what the verbs refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from explore_doubles import figures, space
from tiny import ROOT, bitwright, write_rows, write_zoo

from bitwright.config.published import PublishedPoint
from bitwright.errors import BitwrightError, UsageError
from bitwright.explore.figures import Limits
from bitwright.explore.front import candidate_of, make_front, point_of, read_front, write_front
from bitwright.explore.plot import render_plot, table_rows
from bitwright.explore.store import Evaluation
from bitwright.explore.study import MEMBER
from bitwright.explore.surrogate import calibrate
from bitwright.explore.workers import worker_argv

ABOUT = {"model": "tiny", "target": "vu13p_5ns", "dataset": "made, test, 100 rows", "synthetic": True}


def known() -> list[Evaluation]:
    """Three points of a front, one beaten, one foretold, one that cannot be built, and a trained model."""
    made = space()
    points = list(made.points())
    rows = [
        figures(0.30, 900), figures(0.40, 300), figures(0.35, 600), figures(0.45, 700), figures(0.2, 5, real=False),
    ]  # fmt: skip
    found = [Evaluation(made.candidate(point), row) for point, row in zip(points, rows, strict=False)]
    member = Evaluation(made.candidate(points[10]).__class__(((MEMBER, "jet 01"), ("source", "models/jet"))),
                        figures(0.25, 1500))  # fmt: skip
    return [*found, Evaluation(made.candidate(points[11]), None, "no hardware"), member]


def test_a_front() -> None:
    front, nearest = make_front(known(), Limits(), None, **ABOUT)
    assert nearest is None
    assert [(point.number, point.lut) for point in front.points] == [(1, 300), (2, 600), (3, 900), (4, 1500)]
    assert (front.evaluations, front.synthesized) == (6, 5)
    assert front.points[3].model == "models/jet"
    assert front.points[3].settings == {}
    assert candidate_of(front.points[0]) == known()[1].candidate
    assert front.surrogate.startswith("too few")


def test_limits_that_nothing_keeps_show_the_nearest() -> None:
    front, nearest = make_front(known(), Limits(lut=550, accuracy=0.7), None, **ABOUT)
    assert nearest is not None
    assert nearest.number == 2, "an eleventh too large and a sixth too wrong, less in all than any other"
    assert not any(point.keeps_limits for point in front.points)
    front, nearest = make_front(known(), Limits(lut=700), None, **ABOUT)
    assert nearest is None
    assert [point.keeps_limits for point in front.points] == [True, True, False, False]
    assert "(breaks a limit)" in table_rows(front)[3][-1]


def test_nothing_evaluated_is_no_front() -> None:
    with pytest.raises(BitwrightError, match="nothing was evaluated"):
        make_front([], Limits(), None, **ABOUT)


def test_the_file_comes_back(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no search has been made"):
        read_front(tmp_path)
    front, _ = make_front(known(), Limits(), None, **ABOUT)
    write_front(front, tmp_path)
    assert read_front(tmp_path) == front
    for number in (0, 5, -1):
        with pytest.raises(UsageError, match=f"no point {number}"):
            point_of(front, number)
    (tmp_path / "front.json").write_text('{"schema_version": 1}')
    with pytest.raises(BitwrightError, match="not a front of this version"):
        read_front(tmp_path)


def test_the_page_holds_every_point_and_nothing_from_outside() -> None:
    rows = [entry.figures for entry in known() if entry.figures]
    front, _ = make_front(known(), Limits(), calibrate([*rows, *rows]), **ABOUT)
    point = PublishedPoint(method="A <paper>", dataset="made", accuracy=0.76, lut=2000, source="somebody")
    page = render_plot(front, known(), [point])
    data = page[page.rindex("Plotly.newPlot") :]
    for words in ("hidden w2", "foretold", "counted by Yosys", "published", "SYNTHETIC", "nine in ten within"):
        assert words in data
    assert "A <paper>" not in page, "text from outside is escaped"
    assert 'src="http' not in page


@pytest.mark.parametrize("profile", ["slurm", "kubernetes", "generic", "local"])
def test_a_dry_run_plans_the_workers(profile: str, tmp_path: Path) -> None:
    plugin = {"slurm": "snakemake_executor_plugin_slurm", "local": "snakemake"}
    pytest.importorskip(plugin.get(profile, "snakemake_executor_plugin_cluster_generic"))
    argv = worker_argv(tmp_path, ROOT, 3, ROOT / "flows" / "profiles" / profile)
    argv = [word for word in argv if word not in ("--quiet", "all")]
    done = subprocess.run([*argv, "--dry-run"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for number in (1, 2, 3):
        assert f"workers/{number}.json" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jet33"], "did you mean 'jet3'"),
        (["jet3", "--budget", "many"], "is no budget"),
        (["jet3", "--target", "vu13p_5n"], "did you mean 'vu13p_5ns'"),
        (["jet3", "--space", "nowhere.yaml"], "file is missing"),
        (["jet3", "--profile", "slrum"], "did you mean 'slurm'"),
        (["jet3", "--sampler", "magic"], "'magic' is not one of"),
        (["jet3", "--min-accuracy", "76"], "not in the range"),
    ],
)
def test_what_explore_refuses(words: list[str], said: str) -> None:
    done = bitwright("explore", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_model_without_data_is_refused(tmp_path: Path) -> None:
    done = bitwright("explore", write_zoo(tmp_path / "tiny"), "--root", tmp_path)
    assert done.returncode == 2
    assert "the model has no data" in done.stderr
    assert not (tmp_path / "build").exists(), "nothing was written"


def test_a_point_without_a_search(tmp_path: Path) -> None:
    done = bitwright("point", write_zoo(tmp_path / "tiny"), "1", "--root", tmp_path)
    assert done.returncode == 2
    assert "no search has been made" in done.stderr


@pytest.mark.hls
@pytest.mark.synth
@pytest.mark.simulator
@pytest.mark.slow
def test_a_search_from_the_command_to_the_hardware(tmp_path: Path) -> None:
    """Two workers, a search that goes on, and a point of its front that costs what the front says."""
    write_rows(tmp_path / "rows.npz", rows=100)  # as many as the report's vectors take
    data = {"file": "../rows.npz", "name": "made", "classes": ["a", "b"], "synthetic": True}
    model = write_zoo(tmp_path / "tiny", data=data)
    root = tmp_path / "root"
    (root / "flows").mkdir(parents=True)
    (root / "flows" / "explore.smk").write_bytes((ROOT / "flows" / "explore.smk").read_bytes())
    (tmp_path / "space.yaml").write_text("weights: [2, 3, 4, 5]\nactivations: [3, 4, 5]\n")
    words = ["explore", model, "--root", root, "--space", tmp_path / "space.yaml"]
    first = bitwright(*words, "--budget", "8", "--workers", "2")
    assert first.returncode == 0, first.stderr
    workers = [json.loads(path.read_text()) for path in (root / "build" / "tiny").rglob("workers/*.json")]
    assert sum(worker["evaluations"] for worker in workers) >= 8
    second = bitwright(*words, "--budget", "10", "--json", "--max-lut", "1")
    assert second.returncode == 6
    front = json.loads(second.stdout)
    assert front["nearest"]["number"] == 1
    assert front["evaluations"] >= 11, "the trained model is one of them"
    point = next(point for point in front["points"] if not point["model"])
    written = bitwright("point", model, point["number"], "--root", root)
    assert written.returncode == 0, written.stderr
    built = bitwright("build", written.stdout.strip(), "-o", tmp_path / "out", "--json", "--no-check")
    assert built.returncode == 0, built.stderr
    report = json.loads(built.stdout)["report"]
    assert report["accuracy"]["accuracy"] == point["accuracy"]
    kernel = report["designs"][0]
    lut = [m["value"] for m in report["measurements"] if m["metric"] == "LUT" and m["design"] == kernel["name"]]
    assert lut == [point["lut"]]
    assert kernel["latency_cycles"] == point["latency_cycles"]


def test_the_command_needs_no_heavy_import() -> None:
    program = "import sys, bitwright.cli; assert not {'optuna', 'plotly', 'sklearn', 'sqlalchemy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
