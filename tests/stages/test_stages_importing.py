"""The import worker as a process: it may fail, hang, be killed, or never come back from a scrambled file."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from tiny import ROOT, fake_tool, write_zoo

from bitwright.config import load_target
from bitwright.errors import BitwrightError, ModelError, ToolFailedError
from bitwright.sim.emulation import compile_project
from bitwright.stages import importing
from bitwright.stages.job import Job, find_model, prepare
from bitwright.stages.runner import run_stage
from bitwright.stages.table import BY_NAME


@pytest.fixture
def job(tmp_path: Path) -> Job:
    write_zoo(tmp_path / "models" / "tiny")
    config, origins = find_model("tiny", tmp_path)
    target = load_target(ROOT / "flows" / "targets" / "vu13p_5ns.yaml")
    return prepare(config, target, tmp_path / "build", ["make fpga MODEL=tiny"], origins)


def run_with(body: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> BitwrightError:
    """The error of an import whose worker is a shell script."""
    fake_tool(job.folder.parent / "tools", "python", body)
    monkeypatch.setattr(sys, "executable", str(job.folder.parent / "tools" / "python"))
    with pytest.raises(BitwrightError) as caught:
        run_stage(BY_NAME["import"], job, lambda _: None)
    assert not job.stage("import").exists()
    assert not list(job.folder.glob(".*.part"))
    return caught.value


def test_a_fault_of_ours(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    error = run_with("echo Traceback; echo 'KeyError: x'; exit 1", job, monkeypatch)
    log = job.folder / "import_failed" / "import.log"
    assert type(error) is BitwrightError
    assert error.exit_code == 1
    assert error.what == "the import worker ended with code 1; its log ends with:\nTraceback\nKeyError: x"
    assert error.where == str(log)
    assert log.read_text() == "Traceback\nKeyError: x\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_killed(job: Job, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    error = run_with(f"echo loading; kill -{number.value} $$", job, monkeypatch)
    assert isinstance(error, ToolFailedError)
    assert f"import worker was killed by {number.name} during importing the model" in error.what
    assert ("out of memory" in error.hint) == (number is signal.SIGKILL)


def test_a_file_that_cannot_be_read_to_its_end(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    error = run_with("kill -ALRM $$", job, monkeypatch)
    assert isinstance(error, ModelError)
    assert error.what == "damaged: reading it does not end"
    assert error.where == str(job.folder.parent / "models" / "tiny" / "tiny.h5")


def test_hangs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "TIMEOUT_S", 0.5)
    error = run_with("sleep 300", job, monkeypatch)
    assert isinstance(error, ToolFailedError)
    assert "import worker did not finish importing the model within 0.5 s and was stopped" in error.what


def test_a_compiler_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = fake_tool(tmp_path / "tools", "g++", "echo thinking; sleep 300")
    monkeypatch.setenv("PATH", env["PATH"])
    (tmp_path / "hls").mkdir()
    with pytest.raises(ToolFailedError, match=r"g\+\+ did not finish compiling the HLS C\+\+ within 0.5 s") as caught:
        compile_project(tmp_path / "hls", "net", tmp_path, timeout_s=0.5)
    assert "thinking" in caught.value.what
