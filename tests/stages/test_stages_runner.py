"""One stage: skipped when nothing changed, whole or not at all, resumed after anything."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bitwright.errors import BitwrightError, BusyError, MismatchError, ToolFailedError
from bitwright.files import exclusive, read_json, write_json
from bitwright.stages import runner
from bitwright.stages.job import Job
from bitwright.stages.runner import Stage, is_current, run_stage
from bitwright.stages.table import STAGES, in_order

Act = Callable[[Path], None]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "a.txt").write_text("a")
    return Job(tmp_path)


class Script:
    """A stage that counts its runs and does what a test wants."""

    def __init__(self, act: Act | None = None) -> None:
        self.runs = 0
        self.act = act
        self.stage = Stage("second", "the second stage", ("first/a.txt",), ("second/b.txt",), self.work)

    def work(self, _job: Job, out: Path, _say: Any) -> dict[str, Any]:
        self.runs += 1
        (out / "deep").mkdir()
        (out / "deep" / "log.txt").write_text("half")
        if self.act is not None:
            self.act(out)
        (out / "b.txt").write_text(f"made {self.runs}")
        return {"n": self.runs}

    def run(self, job: Job, **more: Any) -> bool:
        return run_stage(self.stage, job, lambda _: None, **more)


def fail(error: BaseException) -> Act:
    def act(_: Path) -> None:
        raise error

    return act


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


# --- when it runs ------------------------------------------------------------------------------


def test_runs_once(job: Job) -> None:
    script = Script()
    assert script.run(job)
    assert is_current(script.stage, job)
    assert not script.run(job)
    assert script.runs == 1
    assert names(job.folder) == ["first", "second"]
    assert read_json(job.folder / "second" / "stage.json")["detail"] == {"n": 1}


def test_force_runs_again(job: Job) -> None:
    script = Script()
    script.run(job)
    assert script.run(job, force=True)
    assert script.runs == 2


def test_a_changed_input_runs_again_a_touched_one_does_not(job: Job) -> None:
    script = Script()
    script.run(job)
    (job.folder / "first" / "a.txt").touch()
    assert not script.run(job)
    (job.folder / "first" / "a.txt").write_text("other")
    assert not is_current(script.stage, job)
    assert script.run(job)


def damage_written(folder: Path) -> None:
    (folder / "b.txt").write_text("made 9")


def damage_beside(folder: Path) -> None:
    (folder / "deep" / "log.txt").write_text("other")


def damage_missing(folder: Path) -> None:
    (folder / "b.txt").unlink()


def damage_added(folder: Path) -> None:
    (folder / "new.txt").write_text("x")


def damage_record(folder: Path) -> None:
    (folder / "stage.json").write_text("{")


def damage_record_empty(folder: Path) -> None:
    (folder / "stage.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [damage_written, damage_beside, damage_missing, damage_added, damage_record, damage_record_empty],
    ids=lambda f: f.__name__,
)
def test_damaged_results_are_made_again(job: Job, damage: Act) -> None:
    script = Script()
    script.run(job)
    damage(job.folder / "second")
    assert not is_current(script.stage, job)
    assert script.run(job)
    assert (job.folder / "second" / "b.txt").read_text() == "made 2"
    assert names(job.folder / "second") == ["b.txt", "deep", "stage.json"]


def test_another_version_of_the_program_runs_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.run(job)
    monkeypatch.setattr(runner, "program_digest", lambda: "other")
    assert script.run(job)


def test_a_missing_input_says_what_to_run(job: Job) -> None:
    (job.folder / "first" / "a.txt").unlink()
    with pytest.raises(BitwrightError) as caught:
        Script().run(job)
    assert caught.value.what == "second needs first/a.txt, which is missing"
    assert caught.value.hint == "run the stage 'first' first"


def test_a_failed_input_is_not_used(job: Job) -> None:
    write_json(job.folder / "first.error.json", {"what": "x"})
    with pytest.raises(BitwrightError, match="which failed when it was last made"):
        Script().run(job)


# --- when it fails -----------------------------------------------------------------------------

ENDS: list[BaseException] = [
    BitwrightError("x"),
    ToolFailedError("x"),
    MismatchError("x"),
    ZeroDivisionError("x"),
    KeyboardInterrupt(),
    OSError(errno.ENOSPC, "No space left on device"),
    PermissionError(errno.EACCES, "Permission denied"),
    MemoryError(),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda e: type(e).__name__)
def test_a_failure_leaves_earlier_results_and_resumes(job: Job, end: BaseException) -> None:
    script = Script()
    script.run(job)
    (job.folder / "first" / "a.txt").write_text("other")
    script.act = fail(end)
    with pytest.raises((type(end), BitwrightError)):
        script.run(job)
    assert (job.folder / "second" / "b.txt").read_text() == "made 1"
    assert not [name for name in names(job.folder) if name.endswith(".part")]
    script.act = None
    assert script.run(job)
    assert (job.folder / "second" / "b.txt").read_text() == "made 3"
    assert names(job.folder) == ["first", "second"]


@pytest.mark.parametrize(
    ("end", "kind", "what", "code"),
    [
        (ToolFailedError("broke", where="w", hint="h"), "ToolFailedError", "broke", 5),
        (OSError(errno.ENOSPC, "full"), "BitwrightError", "no space left on the disk; nothing was changed", 1),
        (PermissionError(errno.EACCES, "Permission denied"), "UsageError", "Permission denied", 2),
    ],
)
def test_a_failure_is_left_for_the_workflow(job: Job, end: Exception, kind: str, what: str, code: int) -> None:
    with pytest.raises((BitwrightError, OSError)):
        Script(fail(end)).run(job)
    left = read_json(job.folder / "second.error.json")
    assert (left["error"], left["what"], left["exit_code"], left["stage"]) == (kind, what, code, "second")


def test_where_even_the_error_cannot_be_written_the_terminal_has_it(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(runner, "write_json", full)
    with pytest.raises(ToolFailedError):
        Script(fail(ToolFailedError("broke", hint="mend it"))).run(job)
    assert capsys.readouterr().err == "error: broke\n  -> mend it\n"


def test_a_log_that_an_error_names_is_kept(job: Job) -> None:
    def act(out: Path) -> None:
        log = out / "deep" / "log.txt"
        raise ToolFailedError(f"broke; see {log}", where=str(log), hint=f"read {log}")

    script = Script(act)
    with pytest.raises(ToolFailedError) as caught:
        script.run(job)
    kept = job.folder / "second_failed" / "deep" / "log.txt"
    assert kept.read_text() == "half"
    assert (caught.value.what, caught.value.where, caught.value.hint) == (
        f"broke; see {kept}",
        str(kept),
        f"read {kept}",
    )
    assert read_json(job.folder / "second.error.json")["where"] == str(kept)
    with pytest.raises(ToolFailedError):
        script.run(job)
    assert kept.read_text() == "half"
    script.act = None
    script.run(job)
    assert names(job.folder) == ["first", "second"]


def test_leftovers_of_a_killed_run_are_removed(job: Job) -> None:
    (job.folder / ".second.abc.part").mkdir()
    (job.folder / ".second.abc.part" / "big").write_text("x")
    Script().run(job)
    assert names(job.folder) == ["first", "second"]


def test_two_at_once(job: Job) -> None:
    script = Script()
    with exclusive(job.folder, ".second.lock"), pytest.raises(BusyError, match="another run is working here"):
        script.run(job)
    assert script.runs == 0
    assert script.run(job)


# --- the table ---------------------------------------------------------------------------------


def test_the_order_follows_from_the_data() -> None:
    order = [stage.name for stage in in_order()]
    assert order == ["import", "emulate", "reference", "emit", "verify", "synth", "csynth", "route", "report"]
    made = {name for stage in STAGES for name in stage.writes}
    asked = {"requests/import.json", "requests/target.json", "requests/verify.json", "requests/report.json"}
    assert {name for stage in STAGES for name in stage.reads} <= made | asked
    assert all(name.startswith(f"{stage.name}/") for stage in STAGES for name in (*stage.writes, stage.record))
