"""Block traces: what a drive was asked and how long each answer took, as rows that a classifier of slow I/Os learns.

The format is that of the profiled traces of FlashNet (University of Chicago): a line for each I/O, without a header:
time in the recorded trace (ms), latency (us), type (1 read, 0 write), size (bytes), offset, time of submission in the
replay (ms), size in the replay.  The features follow LinnOS (Hao et al., OSDI 2020): the I/O itself, how many are
pending when it comes, and latency and pending I/Os of the last that were completed; after FlashNet also their sizes
and types, and the age of the oldest pending I/O, which tells of a stall before its latency can.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Dataset, Doubles, Floats, Labels
from bitwright.errors import DatasetError

FLASHNET = "flashnet"
CLASSES = ("fast", "slow")
COLUMNS = 7
SUFFIXES = (".trace", ".trace.gz")
TEST_SHARE = 0.2
FENCE = 1.5
"""Tukey's inner fence: beyond the upper quartile by 1.5 times the distance between the quartiles is an outlier
(Exploratory Data Analysis, 1977, chapter 2)."""

STEP, LIMIT = 1 / 16, 16.0
"""The grid of every feature, and where it ends."""

FEWEST = 100
"""I/Os of a trace; fewer have no quartiles worth the name."""


@dataclass(frozen=True, slots=True)
class Trace:
    """I/Os in the order of their submission.

    ``submitted`` and ``latency`` in microseconds, ``size`` in bytes, ``read`` 1 or 0; all (I/Os,).
    """

    submitted: Doubles
    latency: Doubles
    size: Doubles
    read: Labels
    where: str = ""

    def __post_init__(self) -> None:
        if len(self.submitted) < FEWEST:
            raise DatasetError(f"{len(self.submitted)} I/Os", where=self.where, hint=f"give {FEWEST} or more")
        whole = np.isfinite(self.submitted).all() and (self.latency > 0).all() and (self.size > 0).all()
        if not whole or not np.isfinite(self.latency).all() or not np.isin(self.read, (0, 1)).all():
            raise DatasetError(
                "a time, latency, size or type that cannot be", where=self.where,
                hint="latency and size are above 0, the type is 1 (read) or 0 (write)",
            )  # fmt: skip

    @property
    def completed(self) -> Doubles:
        """When each I/O ended, in microseconds."""
        done: Doubles = self.submitted + self.latency
        return done

    def part(self, begin: int, end: int) -> Trace:
        """The I/Os from ``begin`` to before ``end``."""
        rows = slice(begin, end)
        return Trace(self.submitted[rows], self.latency[rows], self.size[rows], self.read[rows], self.where)


def read_trace(path: Path) -> Trace:
    """Read a .trace file, or one packed by gzip.

    Raises:
        DatasetError: missing, damaged, or lines of another form.
    """
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        table = np.array([line.split(",") for line in content.decode("ascii").split()], np.float64)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DatasetError(f"not a readable trace ({error})", where=str(path), hint="copy it again") from error
    except ValueError as error:
        raise _lines(path, content) from error
    if table.ndim != 2 or table.shape[1] != COLUMNS:
        raise _lines(path, content)
    table = table[np.argsort(table[:, 5], kind="stable")]
    return Trace(table[:, 5] * 1e3, table[:, 1], table[:, 3], table[:, 2].astype(np.int64), str(path))


def _lines(path: Path, content: bytes) -> DatasetError:
    """Which line is no I/O."""
    lines = content.decode("ascii", "replace").split()
    number = next((k for k, line in enumerate(lines, start=1) if not _is_io(line)), 0)
    return DatasetError(
        f"line {number} is no I/O" if lines else "no lines", where=str(path),
        hint=f"{COLUMNS} numbers: recorded ms, latency us, type, size, offset, submitted ms, replayed size",
    )  # fmt: skip


def _is_io(line: str) -> bool:
    words = line.split(",")
    try:
        return len(words) == COLUMNS and all(np.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def trace_lines(trace: Trace) -> str:
    """The trace as the text of a .trace file; offsets, which nothing here reads, are 0."""
    rows = zip(trace.submitted / 1e3, trace.latency, trace.read, trace.size, strict=True)
    return "".join(f"{at:.3f},{late:.0f},{read},{size:.0f},0,{at:.3f},{size:.0f}\n" for at, late, read, size in rows)


# --- features ----------------------------------------------------------------------------------

NOW = ("oldest", "queue", "size", "read", "load", "writes", "gap", "done")
PAST = ("latency", "queue", "size", "read")
RECENT_US = 1000.0


def feature_names(history: int) -> tuple[str, ...]:
    """Eight of the I/O itself, then four of each of the last that were completed, the latest first."""
    return (*NOW, *(f"{name}_{back}" for back in range(1, history + 1) for name in PAST))


def features(trace: Trace, history: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Rows (rows, 8 + 4 x history) of all I/Os that ``history`` others were completed before, and their indices.

    Of the I/O: the age of the oldest that is pending, how many are, its own size and type, the bytes and the writes
    that are pending, the time since the one before, and how many were completed in the last millisecond.  Of completed
    ones: latency, how many were pending when it came, size, type.  Times as log2(1 + us), sizes as log2(bytes / 512),
    pending bytes as log2(1 + bytes / 4096), I/Os in eighths; all multiples of 1/16 below 16, so that hardware takes
    them as they are.
    """
    order = np.argsort(trace.completed, kind="stable")
    ended = trace.completed[order]
    done = np.searchsorted(ended, trace.submitted, side="right")
    rows = np.flatnonzero(done >= history)
    if not len(rows):
        raise DatasetError(f"no I/O has {history} completed before it", where=trace.where, hint="give a longer trace")
    recent = done - np.searchsorted(ended, trace.submitted - RECENT_US, side="right")
    queue, load = (_pending(what, order, done) for what in (np.ones(len(done)), trace.size))
    writes = _pending(1.0 - trace.read, order, done)
    gap = np.diff(trace.submitted, prepend=trace.submitted[0])
    same = (queue / 8, np.log2(np.maximum(trace.size, 512) / 512), trace.read)
    more = (np.log2(1 + load / 4096), writes / 8, np.log2(1 + gap), recent / 8)
    now = np.stack([np.log2(1 + _oldest(trace)), *same, *more], axis=1)
    past = np.stack([np.log2(1 + trace.latency), *same], axis=1)
    back = [past[order[done[rows] - k]] for k in range(1, history + 1)]
    return on_grid(np.concatenate([now[rows], *back], axis=1)), rows


def _pending(what: npt.NDArray[Any], order: npt.NDArray[np.int64], done: npt.NDArray[np.int64]) -> Doubles:
    """The sum of ``what`` over the I/Os that are pending when each one comes, itself left out."""
    submitted = np.concatenate([[0.0], np.cumsum(what)])
    completed = np.concatenate([[0.0], np.cumsum(what[order])])
    pending: Doubles = submitted[:-1] - completed[done]
    return pending


def on_grid(values: Doubles) -> Floats:
    """The nearest multiples of 1/16 from 0 to below 16."""
    grid: Floats = (np.clip(np.round(values / STEP), 0, LIMIT / STEP - 1) * STEP).astype(np.float32)
    return grid


def _oldest(trace: Trace) -> Doubles:
    """How long the oldest pending I/O has been pending when each one comes, in microseconds; 0 where none is."""
    ages, first = np.zeros(len(trace.submitted)), 0
    completed = trace.completed
    for index, now in enumerate(trace.submitted):
        while first < index and completed[first] <= now:
            first += 1
        ages[index] = now - trace.submitted[first]
    return ages


# --- labels ------------------------------------------------------------------------------------


def fences(trace: Trace) -> tuple[float, float]:
    """The latencies, in microseconds, above which a write and a read are outliers.

    Raises:
        DatasetError: all I/Os took the same time, so that none is slow.
    """
    found = []
    for kind in (0, 1):
        latency = trace.latency[trace.read == kind]
        low, high = np.percentile(latency, (25, 75)) if len(latency) else (0.0, np.inf)
        found.append(float(high + FENCE * (high - low)) if len(latency) else np.inf)
    if not (trace.latency > np.array(found)[trace.read]).any():
        raise DatasetError("no I/O is slower than the others", where=trace.where, hint="give another trace")
    return found[0], found[1]


def labelled(trace: Trace, history: int, limits: tuple[float, float], split: str, name: str) -> Dataset:
    """The trace's rows: class 1 (slow) where the latency is above the limit of its type (write, read)."""
    x, rows = features(trace, history)
    slow = trace.latency > np.array(limits)[trace.read]
    return Dataset(
        x=x, y=slow[rows].astype(np.int64), feature_names=feature_names(history), classes=CLASSES, name=name,
        split=split, where=trace.where, in_time=True,
    )  # fmt: skip


def trace_splits(folder: Path, history: int) -> tuple[Dataset, Dataset]:
    """Training and test rows of all traces in a folder: of each the first four fifths of its time, and the last.

    What is slow is decided by the quartiles of the training part alone.  Rows of several traces are interleaved, each
    trace in its own order of time.
    """
    traces = [read_trace(path) for path in trace_files(folder)]
    cuts = [round(len(trace.latency) * (1 - TEST_SHARE)) for trace in traces]
    limits = [fences(trace.part(0, cut)) for trace, cut in zip(traces, cuts, strict=True)]
    train = [
        labelled(trace.part(0, cut), history, limit, "train", FLASHNET)
        for trace, cut, limit in zip(traces, cuts, limits, strict=True)
    ]
    test = [
        labelled(trace.part(cut, len(trace.latency)), history, limit, "test", FLASHNET)
        for trace, cut, limit in zip(traces, cuts, limits, strict=True)
    ]
    share = f"of {len(traces)} traces"
    return interleaved(train, f"the first {1 - TEST_SHARE:.0%} {share}"), interleaved(
        test, f"the last {TEST_SHARE:.0%} {share}"
    )


def trace_files(folder: Path) -> list[Path]:
    """The traces of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))


def interleaved(parts: Sequence[Dataset], split: str) -> Dataset:
    """The rows of several data sets, ordered by how far into its own each row lies."""
    place = np.concatenate([np.arange(part.rows) / part.rows for part in parts])
    order = np.argsort(place, kind="stable")
    x, y = np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
    return replace(parts[0], x=x[order], y=y[order], split=split)
