"""Files that appear whole or not at all, digests, locks and JSON with a stable byte order."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import BitwrightError, BusyError, UsageError

LOCK_GRACE_S = 0.5
"""How long a lock may outlive the run that held it."""


def digest(path: Path) -> str:
    """SHA-256 of a file, as lower-case hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_arrays(arrays: dict[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of named arrays: of names, types, shapes and values, not of how a file holds them."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def to_json(data: Any) -> str:
    """JSON text that is the same for the same data: sorted keys, two spaces, a final newline."""
    return json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """The data of a JSON file of ours; a damaged one is an error that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BitwrightError("file is missing", where=str(path), hint="run the stage that writes it first") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BitwrightError(
            f"not valid JSON ({error})", where=str(path), hint="remove the file and run again"
        ) from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends without an error.

    Raises:
        BitwrightError: the disk is full.
    """
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            part.chmod(0o644)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that replaces it when the block ends without an error.

    A folder that stood there before survives a failing block untouched.

    Raises:
        BitwrightError: the disk is full.
    """
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        try:
            yield part
            part.chmod(0o755)
            _swap(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def remove_parts(path: Path) -> None:
    """Remove what killed runs left of :func:`whole_folder`; only for whoever holds ``path`` alone."""
    old = path.with_name(f".{path.name}.old")
    if old.is_dir() and not path.exists():  # killed between the two renames of a swap
        old.rename(path)
    for part in path.parent.glob(f".{path.name}.*.part"):
        shutil.rmtree(part, ignore_errors=True)


def _swap(new: Path, path: Path) -> None:
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise system_error(error, path) from error
        raise


FULL = (errno.ENOSPC, errno.EDQUOT)


def system_error(error: OSError, path: Path | None = None) -> BitwrightError:
    """What the operating system refused, as one of our errors."""
    where = str(path or error.filename or "")
    if error.errno in FULL:
        hint = "free some space and run again: finished stages are kept"
        return BitwrightError("no space left on the disk; nothing was changed", where=where, hint=hint)
    return UsageError(error.strerror or str(error), where=where, hint="check the path and its permissions")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as stable JSON, whole or not at all."""
    write_text(path, to_json(data))


def write_arrays(path: Path, arrays: dict[str, npt.NDArray[Any]], *, compressed: bool = False) -> None:
    """Write named arrays as an ``.npz`` whose bytes depend on the arrays alone (and on zlib, if ``compressed``)."""
    with whole_file(path) as part, part.open("wb") as handle:
        _savez(handle, arrays, zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)


def _savez(handle: IO[bytes], arrays: dict[str, npt.NDArray[Any]], method: int) -> None:
    with zipfile.ZipFile(handle, "w", method) as archive:
        for name in sorted(arrays):
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            with archive.open(info, "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(arrays[name]), allow_pickle=False)


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` of ours; pickled objects are refused."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise BitwrightError("file is missing", where=str(path), hint="run the stage that writes it first") from error
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BitwrightError(
            f"not a readable npz file ({error})", where=str(path), hint="remove it and run again"
        ) from error


@contextlib.contextmanager
def exclusive(folder: Path, name: str = ".lock") -> Iterator[None]:
    """Hold the lock file ``name`` of ``folder``; a second holder gets a :class:`BusyError`.

    The lock belongs to the open file, so a killed run leaves none behind: but for the moment in which a tool that it
    was just starting dies too, which LOCK_GRACE_S waits for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / name
    with lock.open("a+", encoding="utf-8") as handle:
        if not _locked(handle):
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            raise BusyError(
                f"another run is working here (process {owner})",
                where=str(folder),
                hint="wait for it to finish, or stop it",
            )
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield


def _locked(handle: IO[str]) -> bool:
    """Whether the lock was free, or became so within LOCK_GRACE_S."""
    deadline = time.monotonic() + LOCK_GRACE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def unchanged_or_write(path: Path, text: str, write: Callable[[Path, str], None] = write_text) -> bool:
    """Write ``text`` only where it differs, so that time stamps tell the truth; True if written."""
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return False
    write(path, text)
    return True


def cache_folder() -> Path:
    """Where fetched data and compiled parts are kept between runs: BITWRIGHT_CACHE, else the user's cache folder."""
    named = os.environ.get("BITWRIGHT_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bitwright"
