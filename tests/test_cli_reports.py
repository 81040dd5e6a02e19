"""The verbs that read what runs left, and exit code 6, through the real command on a hand-made finished build."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tiny import write_rows, write_zoo

from bitwright.cli import main
from bitwright.report.records import Report, ResultDigest, Status
from bitwright.report.write import write_report
from bitwright.stages import flow, outcome
from bitwright.stages.runner import program_digest

sys.path.insert(0, str(Path(__file__).parent / "report"))
from report_samples import sample

BUDGETS = {"lut": {"max": 20_000}}


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def finished(**changed: Any) -> Report:
    """A verified report of the tiny model."""
    bits = tuple(ResultDigest(name=n, sha256=n) for n in ("program", "vectors", "network", "outputs", "bundle"))
    return sample(**({"model": "tiny", "target": "vu13p_5ns", "results": bits} | changed))


def larger(report: Report, factor: float) -> Report:
    rows = (m.model_copy(update={"value": m.value * factor}) if m.metric == "LUT" else m for m in report.measurements)
    return report.model_copy(update={"measurements": tuple(rows)})


class Repository:
    """A folder with models/tiny whose stages are replaced by a report that is made by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.next = finished()
        self.job = root / "build" / "tiny" / "vu13p_5ns"
        write_rows(root / "rows.npz")
        data = {"file": "../../rows.npz", "name": "random rows", "classes": ["a", "b"]}
        self.model = write_zoo(root / "models" / "tiny", data=data, budgets=BUDGETS)

    def run(self, *words: str) -> Result:
        return invoke("run", "tiny", "--root", self.root, *words)

    def runs(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(invoke("history", *words, "--json", "--root", self.root).stdout)
        return found


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path)

    def workflow(job: Any, *_args: Any, **_more: Any) -> list[str]:
        write_report(made.next, job.stage("report"))
        return ["import", "report"]

    monkeypatch.setattr(flow, "run_workflow", workflow)
    monkeypatch.delenv("BITWRIGHT_HISTORY", raising=False)
    return made


# --- exit code 6 -------------------------------------------------------------------------------


def test_within_its_budget_and_without_a_baseline(repository: Repository) -> None:
    done = repository.run()
    assert done.exit_code == 0, done.stderr
    assert "budgets and baseline: 1 PASSED" in done.stdout


def test_a_broken_budget(repository: Repository) -> None:
    repository.next = larger(finished(), 2)
    done = repository.run()
    assert done.exit_code == 6
    assert "error: tiny on vu13p_5ns: LUT 28,002, the budget is at most 20,000" in done.stderr
    assert "model.yaml" in done.stderr
    assert repository.run("--no-check").exit_code == 0


def test_a_broken_budget_is_one_json_object(repository: Repository) -> None:
    repository.next = larger(finished(), 2)
    done = repository.run("--json")
    said = json.loads(done.stdout)
    assert done.exit_code == said["error"]["exit_code"] == 6
    assert said["error"]["error"] == "BudgetError"
    assert said["report"]["model"] == "tiny"


def baseline(repository: Repository, *words: str) -> Path:
    assert repository.run().exit_code == 0
    done = invoke("baseline", "tiny", "--root", repository.root, *words)
    assert done.exit_code == 0, done.stderr
    return Path(done.stdout.strip())


def test_a_baseline_has_the_commit_of_the_code_that_ran(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "commit_of", lambda _root: "c0ffee")
    for made_by, commit in ((program_digest(), "c0ffee"), ("of another day", "")):
        bits = (ResultDigest(name="program", sha256=made_by),)
        repository.next = finished(results=bits)
        assert json.loads(baseline(repository).read_text())["provenance"]["commit"] == commit


def test_a_regression_names_what_changed(repository: Repository) -> None:
    path = baseline(repository)
    assert path == repository.root / "reports" / "baselines" / "tiny" / "vu13p_5ns.json"
    assert repository.run().exit_code == 0
    moved = larger(finished(), 1.2)
    tools = tuple(t.model_copy(update={"version": "0.71"}) if t.name == "yosys" else t for t in moved.tools)
    repository.next = moved.model_copy(update={"tools": tools})
    done = repository.run()
    assert done.exit_code == 6
    assert "LUT 16,801.2, the baseline has 14,001 (+20.0 %, 10 % allowed)" in done.stderr
    assert "changed: tool version (yosys 0.70 -> 0.71)" in done.stderr
    assert "bitwright baseline tiny" in done.stderr


def test_other_bits_are_a_regression(repository: Repository) -> None:
    baseline(repository)
    bits = tuple(d.model_copy(update={"sha256": "other"}) if d.name in ("outputs", "program") else d
                 for d in finished().results)  # fmt: skip
    repository.next = finished(results=bits)
    done = repository.run()
    assert done.exit_code == 6
    assert "bits: the outputs on the same vectors are not the baseline's" in done.stderr
    assert "our code" in done.stderr


def test_better_is_said_and_no_failure(repository: Repository) -> None:
    baseline(repository)
    repository.next = larger(finished(), 0.5)
    done = repository.run()
    assert done.exit_code == 0
    assert "better: LUT 7,000.5, the baseline has 14,001" in done.stdout


def test_a_baseline_keeps_its_tolerances(repository: Repository) -> None:
    path = baseline(repository, "--tolerance", "area=0.5", "--tolerance", "bits=any")
    repository.next = larger(finished(), 1.3)
    assert repository.run().exit_code == 0
    assert invoke("baseline", "tiny", "--root", repository.root).exit_code == 0
    found = json.loads(path.read_text())
    assert (found["tolerances"]["area"], found["tolerances"]["bits"]) == (0.5, None)
    assert found["headline"]["figures"]["lut"] == pytest.approx(14_001 * 1.3)


@pytest.mark.parametrize(
    ("setting", "said"),
    [("araa=1", "did you mean 'area'?"), ("area", "not KEY=NUMBER"), ("bits=3", "bits"), ("area=-1", "area")],
)
def test_a_wrong_tolerance(repository: Repository, setting: str, said: str) -> None:
    assert repository.run().exit_code == 0
    done = invoke("baseline", "tiny", "--root", repository.root, "--tolerance", setting)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (repository.root / "reports").exists()


def test_no_baseline_of_a_run_that_failed_or_never_was(repository: Repository) -> None:
    assert invoke("baseline", "tiny", "--root", repository.root).exit_code == 2
    repository.next = finished(status=Status.FAILED)
    repository.run()
    done = invoke("baseline", "tiny", "--root", repository.root)
    assert done.exit_code != 0
    assert "FAILED" in done.stderr
    assert not (repository.root / "reports").exists()


def test_a_damaged_baseline_is_no_passed_check(repository: Repository) -> None:
    path = baseline(repository)
    path.write_text("{")
    done = repository.run()
    assert done.exit_code == 2
    assert f"{path}:1" in done.stderr


# --- history -----------------------------------------------------------------------------------


def test_every_run_is_in_the_history(repository: Repository) -> None:
    repository.run()
    repository.next = larger(finished(), 2)
    repository.run()
    found = repository.runs("tiny")
    assert [(row["status"], row["exit_code"]) for row in found] == [("PASSED", 0), ("OVER BUDGET", 6)]
    assert [row["figures"]["lut"] for row in found] == [14_001, 28_002]
    assert found[0]["digests"]["outputs"] == "outputs"
    assert found[0]["stages"]["synth"] == 63.5
    assert len(repository.runs("tiny", "--last", "1")) == 1
    assert repository.runs("other") == []
    said = invoke("history", "tiny", "--root", repository.root).stdout
    assert "14,001" in said
    assert "OVER BUDGET" in said


def test_a_failing_tool_is_in_the_history_but_bad_input_is_not(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bitwright.errors import ModelError, ToolFailedError

    for error in (ModelError("a model of nonsense"), ToolFailedError("yosys crashed", where="synth")):

        def fails(*_args: Any, error: Exception = error, **_more: Any) -> list[str]:
            raise error

        monkeypatch.setattr(flow, "run_workflow", fails)
        assert repository.run().exit_code in (2, 5)
    found = repository.runs("tiny")
    assert [(row["status"], row["exit_code"], row["error"]) for row in found] == [("FAILED", 5, "synth: yosys crashed")]


def test_a_history_that_cannot_be_written_is_a_warning(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = repository.root / "broken.sqlite"
    broken.write_text("this is no database, " * 100)
    for place in (broken, repository.root / "rows.npz" / "h.sqlite", "postgresql://nobody@127.0.0.1:1/none", "a://b"):
        monkeypatch.setenv("BITWRIGHT_HISTORY", str(place))
        done = repository.run()
        assert done.exit_code == 0, done.stderr
        assert done.stderr.startswith("warning: ")
    assert broken.read_text().startswith("this is no database")
    monkeypatch.setenv("BITWRIGHT_HISTORY", "off")
    done = repository.run()
    assert (done.exit_code, done.stderr) == (0, "")
    assert not (repository.root / "build" / "history.sqlite").exists()


def test_a_job_elsewhere_has_its_history_beside_it(repository: Repository) -> None:
    out = repository.root / "out"
    assert repository.run("--build", str(out)).exit_code == 0
    assert (out / "history.sqlite").is_file()
    assert not (repository.root / "build").exists()


# --- report show, diff, export -----------------------------------------------------------------


def test_show_finds_the_report_by_file_or_folder(repository: Repository) -> None:
    repository.run()
    file = repository.job / "report" / "report.json"
    shown = {invoke("report", "show", path).stdout for path in (repository.job, file.parent, file)}
    assert len(shown) == 1
    assert "14,001" in shown.pop()
    assert json.loads(invoke("report", "show", "--json", file).stdout)["model"] == "tiny"
    none = invoke("report", "show", repository.root)
    assert none.exit_code == 2
    assert "there is no report" in none.stderr


def test_diff_says_what_changed(repository: Repository, tmp_path: Path) -> None:
    for name, report in (
        ("a", finished()),
        ("b", larger(finished(reproduce=("make fpga MODEL=other HEAD=argmax",)), 2)),
    ):
        write_report(report, tmp_path / name)
    said = invoke("report", "diff", tmp_path / "a", tmp_path / "b").stdout
    assert "LUT 14,001 -> 28,002 (+100.0 %)" in said
    assert "the same vectors, network, outputs and bundle" in said
    assert "config (command" in said
    found = json.loads(invoke("report", "diff", tmp_path / "a", tmp_path / "b", "--json").stdout)
    assert [row["figure"] for row in found["figures"]] == ["lut"]
    same = invoke("report", "diff", tmp_path / "a", tmp_path / "a").stdout
    assert "all the same" in same


def test_export_is_a_table_that_no_spreadsheet_runs(tmp_path: Path) -> None:
    rows = tuple(m.model_copy(update={"note": "=cmd()"}) for m in finished().measurements)
    write_report(finished(measurements=rows), tmp_path / "a")
    out = tmp_path / "out.csv"
    assert invoke("report", "export", "--csv", tmp_path / "a", "-o", out).exit_code == 0
    found = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len(found) == len(rows) + 8
    assert {row["note"] for row in found if row["stage"] == "POST_SYNTH"} == {"'=cmd()"}
    lut = [
        row["value"] for row in found if (row["metric"], row["design"], row["stage"]) == ("LUT", "jet3", "POST_SYNTH")
    ]
    assert lut == ["14001"]
    assert invoke("report", "export", tmp_path / "a").exit_code == 2


def test_report_is_still_the_stage(tmp_path: Path) -> None:
    done = invoke("report", tmp_path)
    assert done.exit_code == 1
    assert "report needs" in done.stderr
    assert invoke("report").exit_code == 2
    for words in (
        ["report", "show"],
        ["report", "diff"],
        ["report", "export"],
        ["baseline"],
        ["history"],
        ["dashboard"],
    ):
        assert invoke(*words, "--help").stdout.startswith("Usage: ")


# --- dashboard ---------------------------------------------------------------------------------


def test_dashboard_of_a_repository(repository: Repository) -> None:
    repository.run()
    site = repository.root / "site"
    done = invoke("dashboard", "-o", site, "--root", repository.root)
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in site.iterdir()) == ["index.html", "model-tiny.html"]
    assert "14,001" in (site / "model-tiny.html").read_text()
    (repository.root / "file").touch()
    assert invoke("dashboard", "-o", repository.root / "file", "--root", repository.root).exit_code == 2
