"""make nightly on a folder of made-up models: it goes on past failures and tells each kind apart."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from bitwright.report.records import Status
from bitwright.report.track.history import History, make_row

sys.path.insert(0, str(Path(__file__).parent / "report"))
from report_samples import sample

ROOT = Path(__file__).parents[1]

EVIL = "it broke | `badly` <b> \x07"
FINDINGS = [{"figure": "lut", "against": "baseline", "status": "PASSED", "words": "LUT fell", "better": True}]


@pytest.fixture
def nightly(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nightly", ROOT / "ci" / "nightly.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "nightly", module)
    spec.loader.exec_module(module)
    for name in ("MODEL", "MODELS", "TARGET", "TARGETS", "GITHUB_STEP_SUMMARY", "BITWRIGHT_HISTORY"):
        monkeypatch.delenv(name, raising=False)
    return module


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Four models and one target."""
    for name in ("bits", "good", "large", "silent"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.yaml").write_text(f"name: {name}\nsource: none.h5\n")
    target = tmp_path / "flows" / "targets" / "vu13p_5ns.yaml"
    target.parent.mkdir(parents=True)
    target.write_bytes((ROOT / "flows" / "targets" / "vu13p_5ns.yaml").read_bytes())
    return tmp_path


def fake(folder: Path, model: str) -> list[str]:
    """A command that says what `bitwright run --json` would, and ends as it would."""
    report = sample(model=model, status=Status.PASSED).model_dump(mode="json")
    verdict = {"findings": FINDINGS, "changed": []}
    over = {"what": "LUT 14,001, the budget is at most 10", "where": "large", "hint": "", "exit_code": 6}
    said: dict[str, tuple[int, Any]] = {
        "good": (0, {"report": report, "verdict": verdict, "error": None}),
        "large": (6, {"report": report, "verdict": {"findings": []}, "error": over}),
        "bits": (3, {"error": "MismatchError", "what": EVIL, "where": "verify", "hint": ""}),
        "silent": (-9, None),
    }
    code, data = said[model]
    (folder / f"{model}.json").write_text(json.dumps(data) if data else "Traceback: no JSON here")
    end = "os.kill(os.getpid(), 9)" if code < 0 else f"sys.exit({code})"
    script = (
        f"import os, sys; print('warning: x'); print(open({str(folder / f'{model}.json')!r}).read(), flush=True); {end}"
    )
    return [sys.executable, "-c", script]


def test_it_goes_on_past_failures(
    nightly: ModuleType, zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nightly, "command", lambda model, _target, _root: fake(tmp_path, model))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    assert nightly.main(["--root", str(zoo)]) == 3, "other bits are the worst"
    out = zoo / "build" / "nightly"
    results = {entry["model"]: entry for entry in json.loads((out / "results.json").read_text())}
    assert {name: entry["exit_code"] for name, entry in results.items()} == {
        "bits": 3,
        "good": 0,
        "large": 6,
        "silent": 1,
    }
    assert results["good"]["figures"]["lut"] == 14_001
    assert "said nothing" in results["silent"]["error"]
    said = (out / "summary.md").read_text()
    assert said in capsys.readouterr().out
    assert said == (tmp_path / "step.md").read_text()
    assert said.startswith("## Nightly: 1 PASSED, 1 OVER BUDGET, 2 FAILED")
    assert "it broke \\| \\`badly\\` &lt;b&gt;" in said
    assert "better: LUT fell" in said
    assert (out / "site" / "index.html").is_file()
    assert (out / "logs" / "silent-vu13p_5ns.log").is_file()
    suite = ET.fromstring((out / "junit.xml").read_text())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "3", "0")
    failed = {case.get("classname"): case.find("failure") for case in suite}
    assert failed["good"] is None
    assert failed["bits"] is not None
    assert failed["bits"].get("message") == f"verify: {EVIL}".replace("\x07", "?")


def test_two_run_side_by_side(nightly: ModuleType, zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two waits for the other; results stand in the order of the list all the same."""
    wait = "touch {0}; for k in $(seq 200); do [ -e {1} ] && exit 5; sleep 0.05; done; exit 1"
    words = {"good": ("here", "there"), "bits": ("there", "here")}
    monkeypatch.setattr(
        nightly, "command", lambda model, _t, _r: ["sh", "-c", wait.format(*(tmp_path / w for w in words[model]))]
    )
    assert nightly.main(["--root", str(zoo), "--models", "good bits", "--jobs", "2"]) == 5
    results = json.loads((zoo / "build" / "nightly" / "results.json").read_text())
    assert [(entry["model"], entry["exit_code"]) for entry in results] == [("good", 5), ("bits", 5)]


def test_what_takes_longest_begins_first(nightly: ModuleType, zoo: Path) -> None:
    """A long route behind all others would run alone; of what never ran, what is routed begins."""
    for name in ("ecp5_85k_10ns", "zynq7020_10ns"):
        (zoo / "flows" / "targets" / f"{name}.yaml").write_bytes((ROOT / f"flows/targets/{name}.yaml").read_bytes())
    pairs = nightly.pairs(zoo, "good bits", "vu13p_5ns ecp5_85k_10ns zynq7020_10ns")
    unknown = [pair for pair in pairs if pair[1] == "ecp5_85k_10ns"]
    assert nightly.longest_first(pairs, zoo) == [*unknown, *(pair for pair in pairs if pair not in unknown)]
    took = {("good", "vu13p_5ns"): 5.0, ("good", "zynq7020_10ns"): 70.0, ("bits", "ecp5_85k_10ns"): 30.0}
    for (model, target), seconds in took.items():
        History(nightly.history_place(zoo)).append(
            make_row(
                at="2026",
                exit_code=0,
                clock_ns=5,
                synthetic=False,
                figures={"seconds": seconds},
                model=model,
                target=target,
            )
        )
    order = nightly.longest_first(pairs, zoo)
    assert order[0] == ("good", "ecp5_85k_10ns")
    assert order[-3:] == [("good", "zynq7020_10ns"), ("bits", "ecp5_85k_10ns"), ("good", "vu13p_5ns")]


@pytest.mark.parametrize(
    ("codes", "worst"),
    [((0, 0), 0), ((0, 6), 6), ((6, 5), 5), ((6, 3, 5, 1), 3), ((4, 0), 4), ((5, 1), 1), ((), 2)],
)
def test_the_worst_exit_code(nightly: ModuleType, codes: tuple[int, ...], worst: int) -> None:
    assert nightly.worst([nightly.Result("m", "t", code, 1.0) for code in codes]) == worst


def test_what_could_not_run_is_skipped_not_passed(nightly: ModuleType) -> None:
    missing = nightly.Result("m", "t", 4, 1.0, error="no Yosys")
    suite = ET.fromstring(nightly.junit([missing]))
    assert suite[0][0].tag == "skipped"
    assert "NOT RUN" in nightly.summary([missing])


def test_what_a_model_excepts_is_left_out_and_said(nightly: ModuleType, zoo: Path) -> None:
    model = "name: good\nsource: model.h5\nnightly_without: {vu13p_5ns: too small}\n"
    (zoo / "models" / "good" / "model.yaml").write_text(model)
    assert nightly.main(["--root", str(zoo), "--models", "good", "--targets", "vu13p_5ns"]) == 2, "nothing ran"
    out = zoo / "build" / "nightly"
    assert (out / "summary.md").read_text().startswith("## Nightly: 1 LEFT OUT")
    assert "too small" in (out / "summary.md").read_text()
    suite = ET.fromstring((out / "junit.xml").read_text())
    assert (suite.get("failures"), suite.get("skipped"), suite[0][0].tag) == ("0", "1", "skipped")
    kept = nightly.Result("m", "t", 0, 1.0)
    assert nightly.worst([kept, nightly.Result("good", "vu13p_5ns", 0, 0.0, left_out=True)]) == 0


def test_models_and_targets_are_chosen(
    nightly: ModuleType, zoo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def listed(*words: str) -> list[str]:
        assert nightly.main(["list", "--root", str(zoo), *words]) == 0
        return [pair["model"] for pair in json.loads(capsys.readouterr().out)["include"]]

    assert listed() == ["bits", "good", "large", "silent"]
    monkeypatch.setenv("MODEL", "good bits")
    assert listed() == ["good", "bits"]
    monkeypatch.setenv("MODELS", "large")
    assert listed() == ["large"]
    small = zoo / "flows" / "targets" / "small" / "tiny.yaml"
    small.parent.mkdir()
    small.write_text("name: tiny\n")
    assert listed() == ["large"], "a target in a folder is run where it is named"
    assert listed("--targets", "small/tiny vu13p_5ns") == ["large", "large"]
    assert nightly.main(["list", "--root", str(zoo), "--models", "god"]) == 2
    assert "did you mean 'good'?" in capsys.readouterr().err


HANGING = """
import runpy, sys
from bitwright.eda import process
sys.argv = [{script!r}, "--root", {root!r}, "--models", "good"]
started = process.run
process.run = lambda argv, **rest: started(["sh", "-c", "echo $$ > pid; sleep 60"], **rest)
runpy.run_path({script!r}, run_name="__main__")
"""


def test_told_to_end_it_ends_its_run_too(zoo: Path) -> None:
    text = HANGING.format(script=str(ROOT / "ci" / "nightly.py"), root=str(zoo))
    process = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not ((zoo / "pid").exists() and (zoo / "pid").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid = int((zoo / "pid").read_text())
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: the run in progress was stopped" in said
    assert not Path(f"/proc/{pid}").exists()


def test_a_real_run_of_a_broken_model(nightly: ModuleType, zoo: Path) -> None:
    """Through the real command: bad input ends with 2, and names the file."""
    result = nightly.run_one("good", "vu13p_5ns", zoo, zoo / "log")
    assert (result.exit_code, result.state) == (2, "FAILED")
    assert "none.h5" in result.error


def test_jobs_side_by_side_are_joined(nightly: ModuleType, zoo: Path) -> None:
    jobs = [zoo / "jobs" / name for name in ("a", "b")]
    for job, code in zip(jobs, (0, 5), strict=True):
        row = make_row(
            at=f"2026-01-0{code + 1}", exit_code=code, clock_ns=5.0, synthetic=False, figures={}, model=job.name
        )
        History(job / "build" / "history.sqlite").append(row)
        nightly.write([nightly.Result(job.name, "t", code, 1.0)], zoo, job / "build" / "nightly")
    for _ in range(2):  # a second time adds nothing
        assert nightly.main(["collect", *map(str, jobs), "--root", str(zoo)]) == 5
        assert [row.model for row in History(zoo / "build" / "history.sqlite").rows()] == ["a", "b"]
    results = json.loads((zoo / "build" / "nightly" / "results.json").read_text())
    assert [entry["model"] for entry in results] == ["a", "b"]


def test_the_workflow_runs_every_pair_and_keeps_the_history() -> None:
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    jobs = flow["jobs"]
    assert jobs["model"]["strategy"] == {"fail-fast": False, "matrix": "${{ fromJSON(needs.matrix.outputs.pairs) }}"}
    steps = [step.get("run", step.get("uses", "")) for step in jobs["collect"]["steps"]]
    order = [next(k for k, step in enumerate(steps) if word in step) for word in
             ("cache/restore", "download-artifact", "nightly collect", "cache/save", "upload-artifact")]  # fmt: skip
    assert order == sorted(order)
    assert "schedule" in flow[True], "YAML reads 'on' as true"
