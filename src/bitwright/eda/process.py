"""The only module that starts processes: list argv, a log file, a timeout, the whole group killed.

Every failure of a tool becomes one sentence with the end of its log and what to do about it.
All functions may be called from several threads at once.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from bitwright.eda.memory import PeakMemory
from bitwright.errors import BitwrightError, ToolFailedError, ToolNotFoundError

TAIL_LINES = 15
TAIL_BYTES = 8192
GRACE_S = 2.0
POLL_S = 0.1
FULL_DISK = re.compile(r"no space left on device|disk quota exceeded|ENOSPC", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One process to start.

    Attributes:
        argv: program and arguments; never a shell line.
        cwd: an existing folder to run in.
        log: file that gets standard output and standard error as they come.
        timeout_s: wall-clock seconds after which the whole process group is killed.
        tool: the name that messages use, such as ``yosys``.
        version: the tool's version, as text.
        what: what it is doing, such as ``synthesis of dense_1``.
        env: variables added to (or replacing) those of this process.
        stdin: a file to read from; nothing by default.
        check: False returns a non-zero exit code instead of raising.
    """

    argv: tuple[str, ...]
    cwd: Path
    log: Path
    timeout_s: float
    tool: str
    version: str
    what: str
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None
    check: bool = True


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One finished process.

    Attributes:
        tool: name of the tool.
        version: its version.
        argv: program and arguments.
        exit_code: as the tool returned it; negative: killed by that signal.
        seconds: wall-clock time.
        log: its output.
        peak_mb: largest resident memory of one process of the run, in MiB; None where unknown.
    """

    tool: str
    version: str
    argv: tuple[str, ...]
    exit_code: int
    seconds: float
    log: Path
    peak_mb: float | None

    def to_dict(self) -> dict[str, Any]:
        """The run as plain data; the log by its name alone, so that folders can move."""
        return {
            "tool": self.tool,
            "version": self.version,
            "argv": list(self.argv),
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
            "log": self.log.name,
            "peak_mb": self.peak_mb,
        }


class Stopped(BitwrightError):  # noqa: N818  (an end, not an error of its own)
    """The run was stopped because another one beside it failed; never the first cause."""

    exit_code = 5


class Stop:
    """A flag that several running tools watch: once set, each is killed."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask every run that watches this flag to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether someone asked to stop."""
        return self._event.is_set()


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    timeout_s: float,
    tool: str,
    version: str,
    what: str,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    check: bool = True,
    stop: Stop | None = None,
) -> ToolRun:
    """Run one program to its end; see :class:`Job` for the arguments.

    Raises:
        ToolNotFoundError: the program does not exist or may not be executed.
        ToolFailedError: it failed, hung or was killed (with ``check=False`` only: it hung).
        Stopped: ``stop`` was set by someone else.
    """
    return run_job(Job(tuple(argv), cwd, log, timeout_s, tool, version, what, env or {}, stdin, check), stop)


def run_job(job: Job, stop: Stop | None = None) -> ToolRun:
    """Run one :class:`Job` to its end, as :func:`run` does."""
    if not job.cwd.is_dir():
        raise ToolFailedError(f"cannot run {job.tool}: its folder does not exist", where=str(job.cwd))
    job.log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with contextlib.ExitStack() as files:
        log = files.enter_context(job.log.open("wb"))
        stdin = files.enter_context(job.stdin.open("rb")) if job.stdin else None
        peak = PeakMemory()
        process = _start(job, log, stdin)
        code, peak_mb = _finish(job, process, stop, peak)
    done = ToolRun(job.tool, job.version, job.argv, code, time.monotonic() - start, job.log, peak_mb)
    if job.check and code != 0:
        raise failure(done, job.what)
    return done


def _start(job: Job, log: IO[bytes], stdin: IO[bytes] | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  (this is the one place; argv is a list, never a shell)
            job.argv,
            cwd=job.cwd,
            env={**os.environ, **job.env},
            stdin=stdin or subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        reason = "is not executable" if isinstance(error, PermissionError) else "was not found"
        raise ToolNotFoundError(
            f"{job.tool}: the program {job.argv[0]} {reason}; it is needed for {job.what}",
            hint="install it or put it on PATH; `bitwright doctor` lists what each stage needs",
        ) from error
    except OSError as error:
        raise ToolFailedError(
            f"{job.tool} could not be started for {job.what}: {error.strerror}", where=job.argv[0]
        ) from error


def _finish(
    job: Job, process: subprocess.Popen[bytes], stop: Stop | None, peak: PeakMemory
) -> tuple[int, float | None]:
    """Wait for the process; whatever interrupts the wait, nothing of its group survives."""
    try:
        _await_exit(job, process, stop, peak)
    except BaseException:
        _terminate(process)
        raise
    # The exit is known but not collected yet, so the group's number cannot have been given away.
    _signal_group(process, signal.SIGKILL)
    code, usage = _collect(process)
    return code, peak.of(usage) if usage else None


def _await_exit(job: Job, process: subprocess.Popen[bytes], stop: Stop | None, peak: PeakMemory) -> None:
    deadline = time.monotonic() + job.timeout_s
    with _exit_poll(process) as exited:
        while not exited(POLL_S):
            peak.sample(process.pid)
            if stop is not None and stop.is_set():
                raise Stopped(f"{job.tool} was stopped during {job.what}: another tool failed", where=str(job.log))
            if time.monotonic() > deadline:
                raise _hung(job)


@contextlib.contextmanager
def _exit_poll(process: subprocess.Popen[bytes]) -> Iterator[Callable[[float], bool]]:
    """A function that waits some seconds for the exit of a process without collecting it."""
    descriptor = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        yield lambda seconds: bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """TERM to the group, then KILL what is left after a grace."""
    try:
        _signal_group(process, signal.SIGTERM)
        with _exit_poll(process) as exited:
            exited(GRACE_S)
    finally:  # a second Ctrl-C shortens the grace and nothing else
        _signal_group(process, signal.SIGKILL)
        _collect(process)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _collect(process: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage | None]:
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:  # someone else in this program collects children
        return process.wait(), None
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, however long it is."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _with_tail(sentence: str, log: Path) -> str:
    end = tail(log)
    quoted = "\n".join(f"  | {line}" for line in end.splitlines())
    return f"{sentence}; its log ends with:\n{quoted}" if end else f"{sentence}; its log is empty"


def _hung(job: Job) -> ToolFailedError:
    sentence = f"{job.tool} did not finish {job.what} within {job.timeout_s:g} s and was stopped"
    hint = f"read {job.log}; raise the timeout if the tool only needed longer"
    return ToolFailedError(_with_tail(sentence, job.log), where=str(job.log), hint=hint)


def failure(done: ToolRun, what: str) -> ToolFailedError:
    """The error that says how a run ended: its exit code or signal, the end of its log, what to do."""
    if done.exit_code < 0:
        sentence = f"{done.tool} was killed by {_signal_name(-done.exit_code)} during {what}"
    else:
        sentence = f"{done.tool} failed during {what} with exit code {done.exit_code}"
    return ToolFailedError(_with_tail(sentence, done.log), where=str(done.log), hint=_advice(done))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _advice(done: ToolRun) -> str:
    if FULL_DISK.search(tail(done.log)) or shutil.disk_usage(done.log.parent).free == 0:
        return "the disk is full: free some space and run again"
    if done.exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "often this is the kernel out of memory: use fewer workers or a machine with more memory"
    return f"read the whole log, {done.log}; then run again: finished stages are kept"


def run_many(
    jobs: Sequence[Job], workers: int, on_done: Callable[[int, ToolRun], None] | None = None
) -> tuple[ToolRun, ...]:
    """Run jobs side by side in the given order; the first failure kills the others and is raised.

    Args:
        jobs: what to run.
        workers: how many at once.
        on_done: called with the index and the run when one has finished (from its thread).
    """

    def task(index: int, job: Job) -> Callable[[Stop], ToolRun]:
        def call(stop: Stop) -> ToolRun:
            done = run_job(job, stop)
            if on_done is not None:
                on_done(index, done)
            return done

        return call

    return side_by_side([task(index, job) for index, job in enumerate(jobs)], workers)


def side_by_side(tasks: Sequence[Callable[[Stop], T]], workers: int) -> tuple[T, ...]:
    """Call tasks in a few threads; at the first failure set their :class:`Stop` and raise that failure.

    Ctrl-C stops them all and is raised when every process is gone.
    """
    stop = Stop()
    first: list[BaseException] = []
    guard = threading.Lock()

    def guarded(task: Callable[[Stop], T]) -> T:
        if stop.is_set():
            raise Stopped("not started: another tool failed")
        try:
            return task(stop)
        except BaseException as error:
            with guard:
                if not isinstance(error, Stopped):
                    first.append(error)
            stop.set()
            raise

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        futures = [pool.submit(guarded, task) for task in tasks]
        try:
            concurrent.futures.wait(futures)
        except BaseException:
            stop.set()
            raise
    if first:
        raise first[0]
    return tuple(future.result() for future in futures)


def first_line(argv: Sequence[str], timeout_s: float = 10.0) -> str | None:
    """The first non-empty line that a program prints, such as its version; None if it cannot say."""
    with tempfile.TemporaryDirectory(prefix="bitwright-") as folder:
        log = Path(folder) / "log"
        try:
            run(argv, cwd=Path(folder), log=log, timeout_s=timeout_s, tool=argv[0], version="", what="its version")
        except (ToolNotFoundError, ToolFailedError):
            return None
        text = log.read_text(encoding="utf-8", errors="replace")
    return next((line.strip() for line in text.splitlines() if line.strip()), None)


def attached(argv: Sequence[str], *, cwd: Path, tool: str, env: Mapping[str, str] | None = None) -> int:
    """Run a program of ours on this terminal, with no log and no limit; its exit code.

    It has a process group of its own: an interrupt is handed on to the group once, however it came here,
    and the program is waited for, so that it can clean up.

    Raises:
        ToolNotFoundError: it is not installed.
    """
    try:
        process = subprocess.Popen(  # noqa: S603
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=_hear_interrupts(),  # noqa: PLW1509  (no thread runs beside this)
        )
    except FileNotFoundError as error:
        raise ToolNotFoundError(f"{tool} was not found", where=argv[0], hint="install the package again") from error
    interrupted = False
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted = True
            _signal_group(process, signal.SIGINT)
            continue
        if interrupted:
            raise KeyboardInterrupt
        return code


def _hear_interrupts() -> Callable[[], object] | None:
    """What a program does before it starts where this process ignores interrupts, as a shell's background job does.

    It would inherit that and never hear the interrupt that ends it; in a group of its own no terminal reaches it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        return None
    return partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
