"""The `bitwright` command as a user meets it: every refusal is one message with its exit code and no file."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tiny import (
    ROOT,
    bitwright,
    layer,
    model,
    start,
    tiny_layers,
    tiny_weights,
    write_h5,
    write_hls,
    write_json,
    write_keras,
    write_rows,
    write_zoo,
)

from bitwright.cli import EPILOG, STAGE_TITLES, main
from bitwright.errors import BitwrightError, MismatchError
from bitwright.files import exclusive
from bitwright.stages import runner
from bitwright.stages.table import STAGES


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def lines(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if not line.startswith("[")]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def kept(out: Path) -> list[str]:
    """What a refused build left: at most what was asked, and the error."""
    return sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) if out.is_dir() else []


# --- help and usage ----------------------------------------------------------------------------


def test_help_teaches() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for word in ("bitwright run jet3", "bitwright build", "doctor", *STAGE_TITLES):
        assert word in result.output
    assert " ".join(result.output.split()).count(EPILOG) == 1


@pytest.mark.parametrize("verb", ["run", "build", "train", "doctor", *STAGE_TITLES])
def test_every_verb_has_help(verb: str) -> None:
    result = invoke(verb, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_the_verbs_are_the_stages() -> None:
    assert list(STAGE_TITLES) == [stage.name for stage in STAGES]
    assert {stage.name: stage.title for stage in STAGES} == STAGE_TITLES


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run", "jet3", "--no-such-option"], "No such option"),
        (["run", "jet3", "--bulk", "-1"], "-1 is not in the range x>=0"),
        (["run", "jet3", "--bulk", "many"], "'many' is not a valid integer"),
        (["run", "jet3", "--cores", "0"], "0 is not in the range x>=1"),
        (["run", "jet3", "--head", "tail"], "'tail' is not one of"),
        (["run", "jet3", "--weights", "no.h5"], "File 'no.h5' does not exist"),
        (["build", "jet3"], "Missing option '-o'"),
        (["build"], "Missing argument 'MODEL'"),
        (["verify", "no/such/folder"], "does not exist"),
        (["verify"], "Missing argument 'JOB'"),
        (["run", ""], "no MODEL was given"),
        (["run"], "no MODEL was given"),
        (["run", "jte3"], "did you mean 'jet3'?"),
        (["run", "jet3", "--target", "vu13"], "there is no target 'vu13'"),
        (["train", "jte3"], "did you mean 'jet3'?"),
        (["train", "../models/jet3"], "there is no models/../models/jet3/network.py"),
    ],
)
def test_usage(words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    before = set((ROOT / "build").iterdir()) if (ROOT / "build").is_dir() else set()
    result = invoke(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert (set((ROOT / "build").iterdir()) if (ROOT / "build").is_dir() else set()) == before


def test_a_verb_needs_a_job(tmp_path: Path) -> None:
    for verb in STAGE_TITLES:
        result = invoke(verb, tmp_path)
        assert result.exit_code in (1, 2)
        assert result.stderr.startswith("error: ")
        assert len(lines(result)) == 2


def test_errors_as_json(tmp_path: Path) -> None:
    done = bitwright("run", "jte3", "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)
    assert (error["error"], error["what"], error["exit_code"]) == ("UsageError", "there is no model 'jte3'", 2)
    assert done.stderr == ""


def test_a_closed_pipe_is_no_crash() -> None:
    done = subprocess.run(
        f"{sys.executable} -m bitwright doctor | head -c 1", shell=True, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr


# --- MODEL through make ------------------------------------------------------------------------

HARMFUL = [
    "$(shell touch PLANTED)",
    "$(touch PLANTED)",
    "`touch PLANTED`",
    "; touch PLANTED ;",
    "x' ; touch PLANTED ; '",
    'x" ; touch PLANTED ; "',
    "a && touch PLANTED",
    "| touch PLANTED",
    "x\ntouch PLANTED",
    "$$(touch PLANTED)",
    "${IFS}",
    "../../etc/passwd",
    "--help",
    "a b c",
    "it's",
    "%n%s",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The parts of the repository that `make fpga` uses; its command writes down its arguments."""
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    shutil.copytree(ROOT / "ci", tmp_path / "ci")
    command = tmp_path / ".venv" / "bin" / "bitwright"
    command.parent.mkdir(parents=True)
    command.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > said\n')
    command.chmod(0o755)
    return tmp_path


def make(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["make", "-o", ".venv/.ready", "fpga", *words]
    env = {
        key: value for key, value in os.environ.items() if key not in ("MODEL", "TARGET", "BULK", "PROFILE", "CHECK")
    }
    return subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", HARMFUL)
@pytest.mark.parametrize("variable", ["MODEL", "TARGET", "BULK", "PROFILE"])
def test_make_hands_a_name_on_as_it_is(checkout: Path, text: str, variable: str) -> None:
    values = {"MODEL": "tiny", variable: text}
    done = make(checkout, *(f"{key}={value}" for key, value in values.items()))
    assert done.returncode == 0, done.stderr
    said = (checkout / "said").read_text().split("\0")[:-1]
    options = [] if variable == "MODEL" else [f"--{variable.lower()}", text]
    assert said == ["run", *options, "--", values["MODEL"]]
    assert not list(checkout.rglob("PLANTED*"))


def test_make_without_the_check(checkout: Path) -> None:
    for value, options in (("off", ["--no-check"]), ("", []), ("on", [])):
        assert make(checkout, "MODEL=tiny", f"CHECK={value}").returncode == 0
        assert (checkout / "said").read_text().split("\0")[:-1] == ["run", *options, "--", "tiny"]


def test_make_with_a_name_that_is_none(checkout: Path) -> None:
    command = checkout / ".venv" / "bin" / "bitwright"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bitwright "$@"\n')
    write_zoo(checkout / "models" / "tiny")
    for text, said in (
        ("`touch PLANTED`", "error: there is no model '`touch PLANTED`'\n  -> (models here: tiny; or give a path"),
        ("", "error: no MODEL was given\n  -> (models here: tiny; or give a path"),
        ("tyny", "error: there is no model 'tyny'\n  -> did you mean 'tiny'? (models here: tiny;"),
    ):
        done = make(checkout, f"MODEL={text}")
        assert done.returncode == 2
        assert said in done.stderr
    assert not (checkout / "build").exists()
    assert not list(checkout.rglob("PLANTED*"))


# --- bad input, through the command ------------------------------------------------------------


def conv() -> dict[str, Any]:
    layers = tiny_layers()
    layers.insert(1, layer("Conv3D", "conv", "features", filters=2, kernel_size=1))
    return model(*layers)


def nan_weights() -> dict[str, Any]:
    weights = tiny_weights()
    weights["dense1"][0][1, 2] = float("nan")
    return weights


BAD_FILES: dict[str, tuple[Any, str]] = {
    "empty.h5": (lambda p: p.write_bytes(b""), "damaged or not an HDF5 file"),
    "empty.keras": (lambda p: p.write_bytes(b""), "damaged or not a .keras file"),
    "empty.json": (lambda p: (write_json(p), p.write_bytes(b"")), "its model description is not JSON"),
    "cut.h5": (lambda p: p.write_bytes(write_h5(p).read_bytes()[:3000]), "damaged or not an HDF5 file"),
    "cut.keras": (lambda p: p.write_bytes(write_keras(p).read_bytes()[:3000]), "damaged or not a .keras file"),
    "cut.json": (lambda p: p.write_bytes(write_json(p).read_bytes()[:300]), "its model description is not JSON"),
    "alone.json": (lambda p: (write_json(p), p.with_name("alone_weights.h5").unlink()), "the weights of this model"),
    "nan.h5": (lambda p: write_h5(p, weights=nan_weights()), "'model_weights/dense1/dense1/kernel:0' holds NaN"),
    "conv.h5": (lambda p: write_h5(p, conv()), "layer 'conv' (Conv3D) has no hardware here"),
    "code.keras": (lambda p: write_keras(p, model(layer("Lambda", "evil", None))), "layer 'evil' (Lambda) holds code"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD_FILES))
def test_a_bad_model_file(tmp_path: Path, out: Path, name: str) -> None:
    make, said = BAD_FILES[name]
    path = tmp_path / name
    make(path)
    result = invoke("build", path, "-o", out, "--bulk", "10")
    assert result.exit_code == 2
    message = lines(result)
    assert message[0].startswith(f"error: {path}: ")
    assert said in message[0]
    assert len(message) == 2
    assert message[1].startswith("  -> ")
    assert kept(out) == ["import.error.json", "requests"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": "nan"}, "1 rows hold NaN or infinity; the first is row 3"),
        ({"y": "missing"}, "has no 'y', only x"),
        ({"file": "cut"}, "not an npz file, or cut short"),
    ],
    ids=str,
)
def test_bad_rows(tmp_path: Path, out: Path, change: dict[str, str], said: str) -> None:
    import numpy as np

    rows = write_rows(tmp_path / "rows.npz")
    if change.get("x") == "nan":
        x = np.zeros((120, 3))
        x[3, 1] = np.nan
        write_rows(rows, x=x)
    elif "y" in change:
        np.savez(rows, x=np.zeros((4, 3)))
    else:
        rows.write_bytes(rows.read_bytes()[:200])
    path = write_zoo(tmp_path, data={"file": "rows.npz", "name": "random"})
    result = invoke("build", path, "-o", out)
    assert result.exit_code == 2
    assert lines(result)[0] == f"error: {rows}: {said}"
    assert kept(out) == ["import.error.json", "requests"]


def test_a_misspelt_key_leaves_nothing(tmp_path: Path, out: Path) -> None:
    path = write_zoo(tmp_path)
    path.write_text(path.read_text().replace("source:", "sorce:"))
    result = invoke("build", path, "-o", out)
    assert result.exit_code == 2
    assert lines(result)[0].startswith(f"error: {path}:")
    assert not out.exists()


# --- the file system ---------------------------------------------------------------------------


def test_the_output_folder_is_a_file(tmp_path: Path, out: Path) -> None:
    out.write_text("mine")
    result = invoke("build", write_zoo(tmp_path), "-o", out)
    assert result.exit_code == 2
    assert lines(result) == [f"error: {out}: File exists", "  -> check the path and its permissions"]
    assert out.read_text() == "mine"


def test_the_output_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = invoke("build", write_zoo(tmp_path), "-o", tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert "Not a directory" in lines(result)[0]


@pytest.mark.parametrize("name", ["a b", "a:b", "a#b", "a;b", "$a", "a\\b", 'a"b', "a\tb"])
def test_a_path_that_make_cannot_take(tmp_path: Path, name: str) -> None:
    result = invoke("build", write_zoo(tmp_path), "-o", tmp_path / name)
    assert result.exit_code == 2
    assert lines(result)[0].startswith(f"error: {tmp_path / name}: make and Verilator cannot work in a folder with ")
    assert "-o of 'bitwright build'" in lines(result)[1]
    assert not (tmp_path / name).exists()


def test_a_folder_of_others_is_left_alone(tmp_path: Path, out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    result = invoke("build", write_zoo(tmp_path), "-o", out)
    assert result.exit_code == 2
    assert lines(result) == [f"error: {out}: this folder holds other files", "  -> give a new or an empty folder"]
    assert kept(out) == ["thesis.tex"]


def test_a_full_disk(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = write_zoo(tmp_path)
    monkeypatch.setattr("tempfile.mkstemp", full)
    result = invoke("build", path, "-o", out)
    assert result.exit_code == 1
    assert lines(result)[0].endswith("no space left on the disk; nothing was changed")
    assert "free some space and run again" in lines(result)[1]


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_a_disk_that_fills_up_in_a_stage(
    tmp_path: Path, out: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a stage was writing when the disk was full: nothing half-written stays, and the word is clear."""
    fake_stages(monkeypatch, {stage: OSError(errno.ENOSPC, "No space left on device")})
    result = invoke("build", write_zoo(tmp_path), "-o", out)
    assert result.exit_code == 1
    assert lines(result)[0] == f"error: {out / stage}: no space left on the disk; nothing was changed"
    done = [name for name in STAGE_TITLES if (out / name).is_dir()]
    assert done == list(STAGE_TITLES)[: len(done)]
    assert stage not in done
    assert not list(out.glob(".*.part"))
    ran = fake_stages(monkeypatch, {})
    invoke("build", tmp_path / "model.yaml", "-o", out)
    assert ran == [name for name in STAGE_TITLES if name not in done]


# --- Ctrl-C and other ends, in one process -----------------------------------------------------


def fake_stages(monkeypatch: pytest.MonkeyPatch, ends: dict[str, BaseException]) -> list[str]:
    """Stages that write what the real ones declare, at once; the names of those that ran."""
    ran: list[str] = []

    def work(name: str, writes: tuple[str, ...]) -> Any:
        def act(_job: Any, folder: Path, _say: Any) -> dict[str, Any]:
            for file in writes:
                (folder / Path(file).name).write_text(name)
                if name in ends:
                    raise ends[name]
            ran.append(name)
            return {}

        return act

    fakes = tuple(runner.Stage(s.name, s.title, s.reads, s.writes, work(s.name, s.writes)) for s in STAGES)
    monkeypatch.setattr("bitwright.stages.table.STAGES", fakes)
    return ran


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_ctrl_c_in_any_stage(tmp_path: Path, out: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_stages(monkeypatch, {stage: KeyboardInterrupt()})
    path = write_zoo(tmp_path)
    result = invoke("build", path, "-o", out)
    assert result.exit_code == 130
    assert lines(result) == ["", "interrupted: nothing half-written is left; run again to go on"]
    assert not (out / stage).exists()
    assert not list(out.glob(".*.part"))
    assert not (out / f"{stage}.error.json").exists()
    done = [name for name in STAGE_TITLES if (out / name).is_dir()]
    ran = fake_stages(monkeypatch, {})
    invoke("build", path, "-o", out)
    assert ran == [name for name in STAGE_TITLES if name not in done]


@pytest.mark.parametrize(
    ("error", "code"), [(BitwrightError("x"), 1), (MismatchError("bits differ"), 3)], ids=lambda e: type(e).__name__
)
def test_a_failure_stops_what_comes_after(
    tmp_path: Path, out: Path, error: BitwrightError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = fake_stages(monkeypatch, {"verify": error})
    result = invoke("build", write_zoo(tmp_path), "-o", out)
    assert result.exit_code == code
    assert lines(result)[0] == f"error: {error.what}"
    assert ran == ["import", "emulate", "reference", "emit"]
    assert "ccuracy" not in result.output
    result = invoke("report", out)  # nor later, from what an earlier run may have left
    assert result.exit_code == 1
    assert "verify/verify.json" in lines(result)[0]


def test_changed_requests_run_what_depends_on_them(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zoo(tmp_path)
    everything = list(STAGE_TITLES)
    ran = fake_stages(monkeypatch, {})
    invoke("build", path, "-o", out)
    assert ran == everything
    ran.clear()
    invoke("build", path, "-o", out)
    assert ran == []
    invoke("build", path, "-o", out, "--bulk", "7")
    assert ran == ["verify", "report"]  # the report says how to reproduce it
    ran.clear()
    write_hls(tmp_path, "fixed<7,3>")
    invoke("build", path, "-o", out, "--bulk", "7")
    assert ran == ["import", "report"]  # likewise; the report reads the request
    ran.clear()
    (out / "emit" / "bundle.json").write_text("damaged")
    invoke("build", path, "-o", out, "--bulk", "7")
    assert ran == ["emit"]


# --- two at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["run", "build"])
def test_two_runs_at_once(tmp_path: Path, out: Path, verb: str) -> None:
    path = write_zoo(tmp_path)
    option = "--build" if verb == "run" else "-o"
    with exclusive(out):
        result = invoke(verb, path, option, out, "--root", ROOT)
    assert result.exit_code == 2
    assert lines(result)[0] == f"error: {out}: another run is working here (process {os.getpid()})"
    assert lines(result)[1] == "  -> wait for it to finish, or stop it"
    assert kept(out) == []  # not even the requests of the run that has it were touched


def test_two_verbs_at_once(out: Path) -> None:
    with exclusive(out, ".emit.lock"):
        result = invoke("emit", out)
    assert result.exit_code == 2
    assert "another run is working here" in lines(result)[0]


def test_the_lock_of_a_killed_run_is_free(tmp_path: Path, out: Path) -> None:
    path = write_zoo(tmp_path)
    process = start("build", path, "-o", out)
    deadline = time.monotonic() + 60
    while not list(out.glob(".import.*.part")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, 9)
    process.communicate()
    assert list(out.glob(".import.*.part"))
    (tmp_path / "tiny.h5").write_bytes(b"")
    result = invoke("build", path, "-o", out)
    assert "damaged or not an HDF5 file" in lines(result)[0]
    assert not list(out.glob(".import.*.part"))


# --- doctor ------------------------------------------------------------------------------------


def test_doctor_says_what_can_run() -> None:
    result = invoke("doctor")
    assert result.exit_code == 0
    assert "verilator" in result.output
    assert "stages that can run: " in result.output
    found = json.loads(invoke("doctor", "--json").output)
    assert {"g++", "make", "verilator", "hls4ml"} <= {tool["name"] for tool in found}


def test_doctor_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = invoke("doctor")
    assert result.exit_code == 0
    assert "stages that cannot: emulate, verify" in result.output
    assert "stages that can run: import, reference, emit, synth, csynth, route, report" in result.output
    assert "apt-get install g++" in " ".join(result.output.split())
