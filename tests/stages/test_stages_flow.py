"""The real command on a real (tiny) model: what runs again, what fails, what is killed, and how it resumes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Chain
from tiny import alive, bitwright, fake_tool, snapshot, start, wait_for, write_hls

from bitwright.files import exclusive, read_json
from bitwright.stages.table import in_order

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.synth]

STAGES = [stage.name for stage in in_order()]
SLOW = """
case "$*" in *-V|*--version) echo "Yosys 0.70"; exit 0;; esac
echo $$ >> {pids}
sleep 300 &
echo $! >> {pids}
wait
"""
LAST = "nothing changed, nothing done"


def ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The stages that the command says it ran."""
    last = done.stdout.splitlines()[-1]
    assert last.startswith(("ran ", LAST)), done.stdout + done.stderr
    return [] if last.startswith(LAST) else last.removeprefix("ran ").partition(" in ")[0].split(", ")


def message(text: str) -> list[str]:
    """What is said besides progress."""
    return [line for line in text.splitlines() if not line.startswith("[")]


# --- the chain ---------------------------------------------------------------------------------


def test_a_run_says_where_everything_is(built: Chain) -> None:
    words = " ".join(built.said.split())
    for part in (
        "Accuracy",
        "random rows",
        "Bits verified",
        "LUT",
        "FF",
        "DSP",
        "BRAM",
        "Latency",
        "II",
        "stage verify",
    ):
        assert part in words
    for place in ("emit/rtl", "import/hls", "report/report.html"):
        assert str(built.build / place) in words
        assert (built.build / place).exists()
    assert f"ran {', '.join(STAGES)} in" in built.said


def test_nothing_changed_nothing_runs(built: Chain) -> None:
    before, stamps = snapshot(built.build), built.stamps()
    done = bitwright(*built.words())
    assert done.returncode == 0, done.stderr
    assert ran(done) == []
    assert message(done.stderr) == []
    after = snapshot(built.build)
    assert before.pop("history.sqlite") != after.pop("history.sqlite"), "every run is in the history"
    assert after == before
    assert built.stamps() == stamps


def test_as_json(built: Chain) -> None:
    done = bitwright(*built.words("--json"))
    data = json.loads(done.stdout)
    assert (data["ran"], data["report"]["status"]) == ([], "PASSED")
    assert done.stderr == ""


def test_all_oracles_agree(built: Chain) -> None:
    verified = read_json(built.build / "verify" / "verify.json")
    pairs = {(pair["left"], pair["right"]): pair for pair in verified["pairs"]}
    assert {status["status"] for status in pairs.values()} == {"PASSED"}
    assert {frozenset(pair) for pair in pairs} == {
        frozenset(pair)
        for pair in (
            ("Keras", "emulation"), ("Keras", "reference"), ("Keras", "RTL"), ("emulation", "reference"),
            ("emulation", "RTL"), ("reference", "RTL"),
        )
    }  # fmt: skip
    assert all(pair["bits"] > 0 for pair in pairs.values())


def test_a_changed_bulk_runs_the_verification_again(chain: Chain) -> None:
    before = chain.stamps()
    done = bitwright(*chain.words("--bulk", "3000"))
    assert done.returncode == 0, done.stderr
    assert ran(done) == ["verify", "report"]
    assert [name for name in STAGES if chain.stamps()[name] != before[name]] == ["verify", "report"]
    assert "3,000 vectors" in " ".join(done.stdout.split())
    assert ran(bitwright(*chain.words("--bulk", "3000"))) == []


def test_a_changed_precision_a_compiler_that_fails_and_the_next_run(chain: Chain, tmp_path: Path) -> None:
    write_hls(chain.model.parent, "fixed<7,3,RND_CONV,SAT>")
    before = snapshot(chain.build)
    broken = fake_tool(tmp_path / "tools", "g++", "echo 'internal compiler error: Segmentation fault'; exit 4")
    done = bitwright(*chain.words(), env=broken)
    assert done.returncode == 5
    log = chain.build / "emulate_failed" / "gpp.log"
    said = message(done.stderr)
    assert said[0] == f"error: {log}: g++ failed during compiling the HLS C++ with exit code 4; its log ends with:"
    assert said[1:] == [
        "  | internal compiler error: Segmentation fault",
        f"  -> read the whole log, {log}; then run again: finished stages are kept",
    ]
    assert "internal compiler error" in log.read_text()
    after = snapshot(chain.build)
    changed = {name.split("/")[0] for name in before if before[name] != after.get(name)}
    assert {"import", "requests"} <= changed  # stages that need no compiler may have run beside it
    may_run = {"import", "requests", "reference", "emit", "synth", "synth_modules", "csynth", "route", "history.sqlite"}
    assert changed <= may_run

    write_hls(chain.model.parent, "fixed<6,3,RND_CONV,SAT>")  # back: only what had changed runs
    done = bitwright(*chain.words())
    assert done.returncode == 0, done.stderr
    assert set(ran(done)) <= {"import", "reference", "emit", "synth", "csynth", "route", "report"}
    assert read_json(chain.build / "verify" / "verify.json")["status"] == "PASSED"


@pytest.mark.slow
def test_a_changed_precision_runs_what_depends_on_it(chain: Chain) -> None:
    write_hls(chain.model.parent, "fixed<7,3,RND_CONV,SAT>")
    done = bitwright(*chain.words())
    assert done.returncode == 0, done.stderr
    assert ran(done) == STAGES
    assert "fixed<7,3,RND_CONV,SAT>" in (chain.build / "import" / "network.json").read_text()


@pytest.mark.parametrize("file", ["reference/reference.npz", "emit/rtl/tiny_dense1.sv", "emit/bundle.json"])
def test_damaged_results_are_made_again(chain: Chain, file: str) -> None:
    before = snapshot(chain.build)
    (chain.build / file).write_bytes(before[file][:-9] + b"damaged!\n")
    done = bitwright(*chain.words())
    assert done.returncode == 0, done.stderr
    assert ran(done) == [file.split("/", maxsplit=1)[0]]  # it came out as it was, so nothing follows
    assert (chain.build / file).read_bytes() == before[file]


def test_a_damaged_report_is_made_again(chain: Chain) -> None:
    (chain.build / "report" / "report.html").unlink()
    done = bitwright(*chain.words())
    assert ran(done) == ["report"]


# --- tools that are missing, hang, or talk nonsense --------------------------------------------


def without(tmp_path: Path, *missing: str) -> dict[str, str]:
    """A PATH with every program but these."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(place).iterdir() if Path(place).is_dir() else ():
            if path.name not in missing:
                (folder / path.name).unlink(missing_ok=True)
                (folder / path.name).symlink_to(path)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("stage", "tool"), [("emulate", "g++"), ("verify", "g++"), ("verify", "make"), ("verify", "perl")]
)
def test_a_tool_that_is_missing(chain: Chain, tmp_path: Path, stage: str, tool: str) -> None:
    before = snapshot(chain.build)
    done = bitwright(stage, chain.build, "--force", env=without(tmp_path, tool))
    assert done.returncode == 4, done.stderr
    said = message(done.stderr)
    assert said[0].startswith("error: ")
    assert tool in said[0]
    assert "install" in said[-1]
    assert snapshot(chain.build) == before | {f"{stage}.error.json": (chain.build / f"{stage}.error.json").read_bytes()}


def test_yosys_is_missing(chain: Chain) -> None:
    done = bitwright("synth", chain.build, "--force", env={"BITWRIGHT_YOSYS": "/no/such/yosys"})
    assert done.returncode == 4
    assert "the program /no/such/yosys was not found" in done.stderr
    assert (chain.build / "synth" / "synth.json").is_file()


@pytest.mark.parametrize(
    ("stage", "tool", "body", "said"),
    [
        ("emulate", "g++", "exit 0", "g++ left no usable library"),
        ("emulate", "g++", 'while [ "$1" != -o ]; do shift; done; echo garbage > "$2"', "g++ left no usable library"),
        ("emulate", "g++", "kill -KILL $$", "g++ was killed by SIGKILL during compiling the HLS C++"),
        ("emulate", "g++", "kill -SEGV $$", "g++ was killed by SIGSEGV during compiling the HLS C++"),
        ("emulate", "g++", "echo 'as: write error: No space left on device'; exit 1", "g++ failed during compiling"),
        ("verify", "make", "echo nonsense; exit 0", "g++ failed during building the simulation"),
        ("verify", "make", "kill -KILL $$", "make was killed by SIGKILL during building the simulation"),
        ("verify", "perl", "echo garbage; exit 0", "make failed during building the simulation"),
    ],
)
def test_a_tool_that_fails(chain: Chain, tmp_path: Path, stage: str, tool: str, body: str, said: str) -> None:
    before = snapshot(chain.build)
    done = bitwright(stage, chain.build, "--force", env=fake_tool(tmp_path / "tools", tool, body))
    assert done.returncode == 5, done.stderr
    text = message(done.stderr)
    assert said in text[0]
    assert text[-1].startswith("  -> ")
    after = snapshot(chain.build)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in set(after) - set(before)} <= {f"{stage}.error.json", f"{stage}_failed"}
    if "space" in body:
        assert text[-1] == "  -> the disk is full: free some space and run again"
    if "KILL" in body:
        assert "out of memory" in text[-1]
    for word in text[0].split():
        if word.startswith(str(chain.build)):
            assert Path(word.rstrip(":")).exists(), "the message names a file that is there"


# --- Ctrl-C, and being killed ------------------------------------------------------------------


def slow_tools(tmp_path: Path, stage: str) -> tuple[dict[str, str], Path]:
    """Tools that write down their process ids and never end."""
    pids = tmp_path / "pids"
    body = SLOW.format(pids=pids)
    name = {"emulate": "g++", "verify": "make", "synth": "yosys"}[stage]
    env = fake_tool(tmp_path / "tools", name, body)
    return ({"BITWRIGHT_YOSYS": str(tmp_path / "tools" / "yosys")} if stage == "synth" else env), pids


def running(pids: Path) -> list[int]:
    return [int(word) for word in pids.read_text().split() if alive(int(word))]


@pytest.mark.parametrize("stage", ["emulate", "verify", "synth"])
@pytest.mark.parametrize(
    ("number", "whom"),
    [(signal.SIGINT, "group"), pytest.param(signal.SIGTERM, "process", marks=pytest.mark.slow)],
)
def test_interrupted(chain: Chain, tmp_path: Path, stage: str, number: signal.Signals, whom: str) -> None:
    shutil.rmtree(chain.build / stage)
    before = snapshot(chain.build)
    env, pids = slow_tools(tmp_path, stage)
    process = start(*chain.words(), env=env)
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 2)
    assert len(running(pids)) >= 2
    os.killpg(process.pid, number) if whom == "group" else os.kill(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert message(err) == ["", "interrupted: nothing half-written is left; run again to go on"]
    wait_for(lambda: not running(pids), 5)
    assert snapshot(chain.build) == before
    assert not list(chain.build.glob(".*.part"))
    with exclusive(chain.build):
        pass
    if stage == "emulate" and whom == "group":
        done = bitwright(*chain.words())
        assert done.returncode == 0, done.stderr
        assert ran(done) == ["emulate"]


def test_a_job_in_the_background_ends_when_it_is_told_to(chain: Chain, tmp_path: Path) -> None:
    """A shell lets its background jobs ignore interrupts, and nohup the hang-up; the stages inherited that once."""
    shutil.rmtree(chain.build / "emulate")
    before = snapshot(chain.build)
    env, pids = slow_tools(tmp_path, "emulate")
    heard = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        process = start(*chain.words(), env=env)
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 2)
    os.killpg(process.pid, signal.SIGINT)  # of a terminal that it does not belong to
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert message(err) == ["", "interrupted: nothing half-written is left; run again to go on"]
    wait_for(lambda: not running(pids), 5)
    assert snapshot(chain.build) == before
    assert not list(chain.build.glob(".*.part"))


def test_interrupted_import(chain: Chain) -> None:
    shutil.rmtree(chain.build / "import")
    before = snapshot(chain.build)
    process = start(*chain.words())

    def worker() -> list[Path]:
        return [path for path in chain.build.glob(".import.*.part/import.log") if path.stat().st_size]

    wait_for(worker)  # TensorFlow has begun to talk
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert message(err) == ["", "interrupted: nothing half-written is left; run again to go on"]
    assert snapshot(chain.build) == before
    assert not list(chain.build.glob(".*.part"))


@pytest.mark.parametrize("whom", ["process", pytest.param("group", marks=pytest.mark.slow)])
def test_a_killed_run_leaves_no_lock_and_no_tools(chain: Chain, tmp_path: Path, whom: str) -> None:
    shutil.rmtree(chain.build / "emulate")
    before = snapshot(chain.build)
    env, pids = slow_tools(tmp_path, "emulate")
    process = start(*chain.words(), env=env)
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 2)
    os.killpg(process.pid, signal.SIGKILL) if whom == "group" else process.kill()
    process.wait()
    wait_for(lambda: not running(pids), 10)
    wait_for(lambda: not list(chain.build.glob(".*.part")), 10)
    process.communicate()
    assert snapshot(chain.build) == before
    done = bitwright(*chain.words())
    assert done.returncode == 0, done.stderr
    assert ran(done) == ["emulate"]


def test_two_at_once(chain: Chain, tmp_path: Path) -> None:
    shutil.rmtree(chain.build / "emulate")
    env, pids = slow_tools(tmp_path, "emulate")
    process = start(*chain.words(), env=env)
    try:
        wait_for(pids.exists)
        requests = snapshot(chain.build / "requests")
        done = bitwright(*chain.words("--bulk", "9"))
        assert done.returncode == 2
        assert message(done.stderr) == [
            f"error: {chain.build}: another run is working here (process {process.pid})",
            "  -> wait for it to finish, or stop it",
        ]
        assert snapshot(chain.build / "requests") == requests
        done = bitwright("emulate", chain.build)
        assert done.returncode == 2
        assert "another run is working here" in done.stderr
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
