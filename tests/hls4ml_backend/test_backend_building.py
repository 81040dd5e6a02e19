"""What build does around the stages: a report also of bits that differ, and a log in hls4ml's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.errors import BitwrightError, MismatchError
from bitwright.hls4ml_backend import building
from bitwright.stages.job import Job


def test_bits_that_differ_leave_a_report_and_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def differ(*_: object, **__: object) -> bool:
        raise MismatchError("bits differ")

    def report(job: Job) -> None:
        written.append(job.folder)
        raise BitwrightError("the disk is full")

    monkeypatch.setattr(building, "run_stage", differ)
    monkeypatch.setattr(building, "write_failed", report)
    with pytest.raises(MismatchError, match="bits differ"):
        building._run("verify", Job(tmp_path), lambda _: None, force=False)
    assert written == [tmp_path]


def test_the_log_has_a_line_for_each_message(tmp_path: Path) -> None:
    talk = building._logger(tmp_path / building.LOG)
    talk("emit")("nothing changed")
    talk("synth")("done")
    lines = (tmp_path / "build_stdout.log").read_text().splitlines()
    assert [line.split("] ", 1)[1] for line in lines] == ["emit      nothing changed", "synth     done"]
