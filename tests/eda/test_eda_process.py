"""Processes: fake tools that succeed, fail, hang, die, print a lot; nothing may survive them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bitwright.eda import process
from bitwright.errors import ToolFailedError, ToolNotFoundError

FAKES = {
    "good": 'echo "fine: $@"; echo oops >&2; exit 0',
    "failing": 'for i in $(seq 100); do echo "line $i"; done; echo "cannot open file"; exit 3',
    "hanging": 'sleep 61 & echo "child $!"; echo started; wait',
    "stubborn": 'trap "" TERM; echo started; sleep 61; sleep 61',
    "killed": 'echo "half of the work"; kill -9 $$',
    "full_disk": 'echo "write error: No space left on device"; exit 1',
    "huge": 'yes "a long line of a very talkative tool" | head -c 20000000; echo; echo the end; exit 2',
    "silent": "exit 7",
    "reader": "cat",
    "says": 'echo "$MESSAGE"',
    "leaves_a_child": 'sleep 61 & echo "child $!"; exit 0',
}


@pytest.fixture(autouse=True)
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in FAKES.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    return folder


def job(tmp_path: Path, *argv: str, timeout_s: float = 20, check: bool = True, log: str = "tool.log") -> process.Job:
    return process.Job(argv, tmp_path, tmp_path / log, timeout_s, argv[0], "1.2", "a test", check=check)


def child_of(log: Path) -> int:
    for _ in range(100):
        words = log.read_text().split() if log.exists() else []
        if "child" in words:
            return int(words[words.index("child") + 1])
        time.sleep(0.02)
    raise AssertionError("the fake tool did not start")


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_good_run_tells_what_it_did(tmp_path: Path) -> None:
    done = process.run_job(job(tmp_path, "good", "a b", "c;d"))
    assert done.exit_code == 0
    assert done.argv == ("good", "a b", "c;d")
    assert (done.tool, done.version) == ("good", "1.2")
    assert done.log.read_text() == "fine: a b c;d\noops\n"
    assert 0 < done.seconds < 5
    assert done.to_dict()["log"] == "tool.log"


def test_run_takes_the_same_things_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("from a file\n")
    log = tmp_path / "deeper" / "reader.log"
    done = process.run(
        ["reader"], cwd=tmp_path, log=log, timeout_s=5, tool="reader", version="1", what="x", stdin=tmp_path / "in.txt"
    )
    assert done.log.read_text() == "from a file\n"


def test_variables_are_added_and_standard_input_is_empty(tmp_path: Path) -> None:
    log = tmp_path / "l"
    options = {"cwd": tmp_path, "log": log, "timeout_s": 5, "tool": "t", "version": "1", "what": "x"}
    process.run(["says"], env={"MESSAGE": "hello"}, **options)  # type: ignore[arg-type]
    assert log.read_text() == "hello\n"
    process.run(["reader"], **options)  # type: ignore[arg-type]
    assert log.read_text() == ""


MEGABYTES_HELD = "import time; b = bytearray(%d_000_000); b[::4096] = b[::4096]; time.sleep(%s)"
STARTS_ONE = """
import sys
from pathlib import Path
from bitwright.eda import process
held = bytearray(int(sys.argv[1]) * 1_000_000); held[::4096] = held[::4096]
at = Path(sys.argv[2])
job = process.Job((sys.executable, "-S", "-c", sys.argv[3]), at, at / "log", 20, "t", "1", "a test")
print(process.run_job(job).peak_mb)
"""


def peak_mb_seen_by(tmp_path: Path, megabytes: int, code: str) -> str:
    """What a program holding so much memory says of a tool that it runs."""
    argv = [sys.executable, "-c", STARTS_ONE, str(megabytes), str(tmp_path), code]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_peak_memory_is_that_of_the_tool(tmp_path: Path) -> None:
    assert 75 < float(peak_mb_seen_by(tmp_path, 1, MEGABYTES_HELD % (80, "0"))) < 110


def test_peak_memory_is_that_of_the_tool_however_large_its_parent_is(tmp_path: Path) -> None:
    """The kernel counts for a child what it wore of its parent before exec; a report must not."""
    assert 75 < float(peak_mb_seen_by(tmp_path, 500, MEGABYTES_HELD % (80, "0.5"))) < 110


def test_peak_memory_is_that_of_the_largest_descendant(tmp_path: Path) -> None:
    child = MEGABYTES_HELD % (80, "0.5")
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    assert 75 < float(peak_mb_seen_by(tmp_path, 500, code)) < 110


def test_peak_memory_of_a_tool_that_ends_at_once_is_unknown_or_its_own(tmp_path: Path) -> None:
    seen = peak_mb_seen_by(tmp_path, 500, "import os; os._exit(0)")
    assert seen == "None" or float(seen) < 50


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError) as caught:
        process.run_job(job(tmp_path, "failing"))
    text = str(caught.value)
    assert "failing failed during a test with exit code 3; its log ends with:" in text
    assert "  | line 100\n  | cannot open file" in text
    assert "line 86\n" not in text
    assert text.count("  | ") == process.TAIL_LINES
    assert f"-> read the whole log, {tmp_path / 'tool.log'}" in text
    assert caught.value.exit_code == 5


def test_without_check_the_exit_code_comes_back(tmp_path: Path) -> None:
    assert process.run_job(job(tmp_path, "failing", check=False)).exit_code == 3
    assert process.run_job(job(tmp_path, "killed", check=False)).exit_code == -signal.SIGKILL


def test_a_silent_failure_says_that_the_log_is_empty(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match="exit code 7; its log is empty"):
        process.run_job(job(tmp_path, "silent"))


def test_a_killed_tool_names_the_signal_and_memory(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError) as caught:
        process.run_job(job(tmp_path, "killed"))
    assert "killed was killed by SIGKILL during a test" in caught.value.what
    assert "half of the work" in caught.value.what
    assert "out of memory" in caught.value.hint


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError) as caught:
        process.run_job(job(tmp_path, "full_disk"))
    assert caught.value.hint == "the disk is full: free some space and run again"


def test_a_hanging_tool_is_stopped_with_its_children(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ToolFailedError, match=r"hanging did not finish a test within 0\.4 s and was stopped"):
        process.run_job(job(tmp_path, "hanging", timeout_s=0.4))
    assert time.monotonic() - start < 30
    assert is_gone(child_of(tmp_path / "tool.log"))


def test_a_tool_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ToolFailedError, match="did not finish"):
        process.run_job(job(tmp_path, "stubborn", timeout_s=0.4))
    assert time.monotonic() - start < 30


def test_children_left_behind_by_a_finished_tool_are_killed(tmp_path: Path) -> None:
    assert process.run_job(job(tmp_path, "leaves_a_child")).exit_code == 0
    assert is_gone(child_of(tmp_path / "tool.log"))


def test_a_huge_log_costs_no_memory_and_its_tail_is_short(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError) as caught:
        process.run_job(job(tmp_path, "huge"))
    assert (tmp_path / "tool.log").stat().st_size > 20_000_000
    assert "  | the end" in caught.value.what
    assert len(caught.value.what) < process.TAIL_BYTES + 500


def test_a_log_of_arbitrary_bytes_can_be_quoted(tmp_path: Path) -> None:
    log = tmp_path / "l"
    log.write_bytes(b"\xff\xfe bad \x80\nlast")
    assert process.tail(log).endswith("last")
    assert process.tail(tmp_path / "none") == ""


def test_a_missing_program_says_what_needs_it(tmp_path: Path) -> None:
    with pytest.raises(ToolNotFoundError) as caught:
        process.run_job(job(tmp_path, "no-such-program"))
    assert "the program no-such-program was not found; it is needed for a test" in caught.value.what
    assert "bitwright doctor" in caught.value.hint
    assert caught.value.exit_code == 4


def test_a_program_that_may_not_be_executed_is_missing(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    with pytest.raises(ToolNotFoundError, match="is not executable"):
        process.run_job(job(tmp_path, str(tmp_path / "plain")))


def test_a_program_of_another_machine_fails(tmp_path: Path) -> None:
    (tmp_path / "alien").write_bytes(b"\x00\x01\x02\x03 not a program")
    (tmp_path / "alien").chmod(0o755)
    with pytest.raises(ToolFailedError, match="could not be started"):
        process.run_job(job(tmp_path, str(tmp_path / "alien")))


def test_a_missing_folder_is_no_missing_program(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match="its folder does not exist"):
        process.run(["good"], cwd=tmp_path / "no", log=tmp_path / "l", timeout_s=1, tool="t", version="", what="x")


def interrupt_soon(delay_s: float = 0.4) -> None:
    threading.Timer(delay_s, lambda: os.kill(os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_kills_the_tool_and_is_raised(tmp_path: Path) -> None:
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        process.run_job(job(tmp_path, "hanging"))
    assert is_gone(child_of(tmp_path / "tool.log"))


def test_ctrl_c_kills_tools_side_by_side(tmp_path: Path) -> None:
    jobs = [job(tmp_path, "hanging", log=f"{index}.log") for index in range(3)]
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        process.run_many(jobs, workers=2)
    assert is_gone(child_of(tmp_path / "0.log"))
    assert is_gone(child_of(tmp_path / "1.log"))
    assert not (tmp_path / "2.log").exists()


def test_runs_side_by_side_come_back_in_order(tmp_path: Path) -> None:
    jobs = [job(tmp_path, "good", str(index), log=f"{index}.log") for index in range(6)]
    seen: list[int] = []
    done = process.run_many(jobs, workers=3, on_done=lambda index, _run: seen.append(index))
    assert [run.argv[1] for run in done] == list("012345")
    assert sorted(seen) == list(range(6))


def test_the_first_failure_kills_the_others_and_is_the_one_raised(tmp_path: Path) -> None:
    jobs = [
        job(tmp_path, "hanging", log="0.log"),
        job(tmp_path, "failing", log="1.log"),
        job(tmp_path, "good", log="2.log"),
        job(tmp_path, "hanging", log="3.log"),
    ]
    start = time.monotonic()
    with pytest.raises(ToolFailedError, match="failing failed during a test"):
        process.run_many(jobs, workers=2)
    assert time.monotonic() - start < 30
    assert not (tmp_path / "0.log").exists() or is_gone(child_of(tmp_path / "0.log"))
    assert not (tmp_path / "3.log").exists() or is_gone(child_of(tmp_path / "3.log"))


def test_no_more_than_the_allowed_number_runs_at_once() -> None:
    guard = threading.Lock()
    now, most = 0, 0

    def task(_stop: process.Stop) -> None:
        nonlocal now, most
        with guard:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with guard:
            now -= 1

    process.side_by_side([task] * 8, workers=2)
    assert most == 2


def test_the_first_line_of_a_program_or_nothing() -> None:
    assert process.first_line(["good", "--version"]) == "fine: --version"
    assert process.first_line(["failing"]) is None
    assert process.first_line(["no-such-program"]) is None
    assert process.first_line(["hanging"], timeout_s=0.2) is None
