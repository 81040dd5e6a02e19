"""Files whole or not at all, full disks, locks, and readers of damaged files."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright import files
from bitwright.errors import BitwrightError, BusyError, UsageError

FULL = OSError(errno.ENOSPC, "No space left on device")


# --- whole or not at all -----------------------------------------------------------------------


def test_whole_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with files.whole_file(path) as part:
        part.write_text("x")
        assert not path.exists()
    assert path.read_text() == "x"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_whole_file_keeps_the_old_one_on_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with files.whole_file(path) as part:
            part.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_whole_folder_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for name in ("first", "second"):
        with files.whole_folder(path) as part:
            (part / name).write_text(name)
    assert [item.name for item in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_whole_folder_keeps_the_old_one_whatever_happens(tmp_path: Path, end: type[BaseException]) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").write_text("old")

    def write() -> None:
        with files.whole_folder(path) as part:
            (part / "half").write_text("half")
            raise end

    with pytest.raises(end):
        write()
    assert [item.name for item in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_remove_parts_takes_only_leftovers_of_that_folder(tmp_path: Path) -> None:
    for name in (".verify.ab12.part", ".verify.cd34.part", ".verifyother.x.part", ".import.x.part", "verify"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    files.remove_parts(tmp_path / "verify")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".import.x.part", ".verifyother.x.part", "verify"]


# --- a full disk -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_clear_message(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    refused = pytest.raises(BitwrightError, match="no space left on the disk; nothing was changed")
    with refused as caught, files.whole_file(path):
        raise OSError(code, "full")
    assert caught.value.where == str(path)
    assert "free some space and run again" in caught.value.hint
    assert path.read_text() == "old"


@pytest.mark.parametrize("function", ["mkstemp", "mkdtemp"])
def test_a_disk_too_full_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    def full(**_: Any) -> None:
        raise FULL

    monkeypatch.setattr(f"tempfile.{function}", full)
    block = files.whole_file if function == "mkstemp" else files.whole_folder
    with pytest.raises(BitwrightError, match="no space left"), block(tmp_path / "a"):
        pytest.fail("the block must not run")


def test_other_refusals_name_the_file() -> None:
    error = files.system_error(PermissionError(errno.EACCES, "Permission denied", "/x/y"))
    assert isinstance(error, UsageError)
    assert (error.what, error.where) == ("Permission denied", "/x/y")


REAL_DISK = """
import sys
from pathlib import Path
import numpy as np
from bitwright.errors import BitwrightError
from bitwright.files import write_arrays, write_text
place = Path(sys.argv[1])
write_text(place / "kept", "kept")
try:
    write_arrays(place / "big.npz", {"x": np.zeros(100_000)})
except BitwrightError as error:
    print(error)
print(sorted(path.name for path in place.iterdir()), (place / "kept").read_text())
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=100k none {tmp_path} && exec {sys.executable} -c "$PROGRAM" {tmp_path}'
    run = functools.partial(subprocess.run, check=False)
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here: no small disk can be made")
    done = run([*unshare, mount], env={**os.environ, "PROGRAM": REAL_DISK}, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tmp_path}/big.npz: no space left on the disk; nothing was changed", done.stderr
    assert lines[-1] == "['kept'] kept"


# --- locks -------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from bitwright.files import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_told_who_has_it(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        busy = pytest.raises(BusyError, match=f"another run is working here \\(process {holder.pid}\\)")
        with busy as caught, files.exclusive(tmp_path):
            pytest.fail("both hold it")
        assert caught.value.where == str(tmp_path)
        with files.exclusive(tmp_path, ".other.lock"):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    started = time.monotonic()
    with files.exclusive(tmp_path):  # a killed holder leaves no lock
        assert time.monotonic() - started < 5


def test_a_lock_is_free_after_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with files.exclusive(tmp_path / "deep" / "er"):
            pass
    with pytest.raises(ValueError, match="x"), files.exclusive(tmp_path):
        raise ValueError("x")
    with files.exclusive(tmp_path):
        pass


# --- JSON and arrays ---------------------------------------------------------------------------


def test_json_is_stable_and_refuses_what_is_not_json(tmp_path: Path) -> None:
    assert files.to_json({"b": 1, "a": [1, 2]}) == files.to_json({"a": [1, 2], "b": 1})
    assert files.to_json({}).endswith("\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.to_json({"x": float("nan")})
    files.write_json(tmp_path / "a.json", {"x": 1})
    assert files.read_json(tmp_path / "a.json") == {"x": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1'])
def test_damaged_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BitwrightError, match="not valid JSON") as caught:
        files.read_json(path)
    assert caught.value.where == str(path)
    assert "run again" in caught.value.hint


def test_missing_files_are_named(tmp_path: Path) -> None:
    for read in (files.read_json, files.read_arrays):
        with pytest.raises(BitwrightError, match="file is missing") as caught:
            read(tmp_path / "a")
        assert caught.value.where == str(tmp_path / "a")


def test_arrays_have_bytes_that_depend_on_them_alone(tmp_path: Path) -> None:
    arrays = {"b": np.arange(6).reshape(2, 3), "a": np.array([1.5])}
    files.write_arrays(tmp_path / "1.npz", arrays)
    time.sleep(0.01)
    files.write_arrays(tmp_path / "2.npz", dict(reversed(arrays.items())))
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    again = files.read_arrays(tmp_path / "1.npz")
    assert all((again[name] == array).all() for name, array in arrays.items())


def test_damaged_and_pickled_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    files.write_arrays(path, {"x": np.arange(100)})
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(BitwrightError, match="not a readable npz file"):
            files.read_arrays(path)
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BitwrightError, match="not a readable npz file"):
        files.read_arrays(path)


def test_digest_and_unchanged_or_write(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert files.unchanged_or_write(path, "abc")
    assert files.digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    before = path.stat().st_mtime_ns
    assert not files.unchanged_or_write(path, "abc")
    assert path.stat().st_mtime_ns == before
    assert files.unchanged_or_write(path, "abcd")
