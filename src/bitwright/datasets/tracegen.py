"""A generator of block traces: a small model of a flash drive and of those who use it, its numbers written by hand.

A drive of several dies, each of which does one thing at a time; now and then one collects garbage and answers nothing
meanwhile (the cause of slow I/Os that LinnOS, OSDI 2020, section 2, describes).  All data pass one bus.  Users keep at
most so many I/Os pending.  Nothing in it is taken from a recorded trace.
"""

from __future__ import annotations

import heapq
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bitwright.datasets.blocktrace import CLASSES, FLASHNET, Trace, features, fences, labelled
from bitwright.datasets.dataset import Dataset, Floats
from bitwright.datasets.labeller import Labeller
from bitwright.errors import DatasetError
from bitwright.files import write_arrays

FORMAT = 1
KIND = "block traces"


@dataclass(frozen=True, slots=True)
class TraceGenerator:
    """What a made-up trace is made with; times in microseconds.

    ``history``: completed I/Os that a row tells of; ``reads``: their share; ``large``: share of I/Os of 64 KiB, which
    come in runs of ``burst`` on average, the others have 4 KiB; ``gap``: mean time between two submissions while fewer
    than ``pending`` I/Os are pending; ``dies``: those of the drive; ``read_us``, ``write_us``: their median time for
    4 KiB, with ``spread`` as the deviation of its logarithm; ``collect_every``: mean time between two collections of
    garbage, and ``collect_us`` the mean length of one; ``bus``: bytes that pass the bus per microsecond.
    """

    history: int = 4
    reads: float = 0.75
    large: float = 0.1
    burst: float = 8.0
    gap: float = 20.0
    pending: int = 64
    dies: int = 16
    read_us: float = 170.0
    write_us: float = 60.0
    spread: float = 0.45
    collect_every: float = 60000.0
    collect_us: float = 2000.0
    bus: float = 600.0
    labeller: Labeller | None = field(default=None, init=False)

    TEST_ROWS: ClassVar[int] = 4000

    def __post_init__(self) -> None:
        numbers = [getattr(self, f.name) for f in fields(self) if f.init]
        if (
            not all(np.isfinite(number) and number >= 0 for number in numbers)
            or min(self.dies, self.pending, self.bus) < 1
        ):
            raise DatasetError("a parameter of the trace generator cannot be", hint="make generator.npz again")

    def trace(self, n: int, seed: int) -> Trace:
        """``n`` I/Os; the same ``seed`` gives the same."""
        random = np.random.default_rng(seed)
        read = (random.random(n) < self.reads).astype(np.int64)
        size = np.where(self._large(random.random(n)), 65536.0, 4096.0)
        work = np.where(read == 1, self.read_us, self.write_us) * (size / 4096) ** 0.5
        work *= np.exp(self.spread * random.standard_normal(n))
        at, ended = self._replayed(work, size / self.bus, random)
        return Trace(np.round(at), np.maximum(1.0, np.round(ended - at)), size, read, "a generated trace")

    def _large(self, chances: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which I/Os are large: a chain of two states that leaves the large one after ``burst`` I/Os on average."""
        leave = 1 / max(1.0, self.burst)
        enter = leave * self.large / (1 - self.large)
        flags, large = np.zeros(len(chances), bool), False
        for index, chance in enumerate(chances):
            large = chance >= leave if large else chance < enter
            flags[index] = large
        return flags

    def _replayed(
        self, work: npt.NDArray[np.float64], passing: npt.NDArray[np.float64], random: np.random.Generator
    ) -> tuple[Any, Any]:
        """When each I/O was submitted and when it ended."""
        gaps, dies = random.exponential(self.gap, len(work)), random.integers(0, self.dies, len(work))
        free, collected = np.zeros(self.dies), random.exponential(self.collect_every, self.dies)
        at, ended, now, bus = np.zeros(len(work)), np.zeros(len(work)), 0.0, 0.0
        pending: list[float] = []
        for index, die in enumerate(dies):
            now += gaps[index]
            if len(pending) >= self.pending:
                now = max(now, heapq.heappop(pending))
            while pending and pending[0] <= now:
                heapq.heappop(pending)
            while collected[die] <= max(now, free[die]):
                free[die] = max(free[die], collected[die]) + random.exponential(self.collect_us)
                collected[die] += random.exponential(self.collect_every)
            free[die] = max(now, free[die]) + work[index]
            bus = max(now, bus) + passing[index]
            at[index], ended[index] = now, max(free[die], bus)
            heapq.heappush(pending, ended[index])
        return at, ended

    def sample(self, n: int, seed: int, split: str = "generated") -> Dataset:
        """``n`` rows of a made-up trace, in the order of time."""
        if n < 1:
            raise DatasetError(f"{n} rows asked for", hint="ask the generator for one row or more")
        trace = self.trace(max(n, 1000) + 2 * self.pending + self.history, seed)
        found = labelled(trace, self.history, fences(trace), split, f"{FLASHNET} (generated)")
        return found.take(slice(found.rows - n, None)).made_up()

    def soft_labels(self, data: Dataset) -> Floats:
        """Certainty of each row's own class."""
        return np.eye(len(CLASSES), dtype=np.float32)[data.y]

    def save(self, path: Path) -> None:
        """Write the parameters as a small npz."""
        numbers = {key: np.array(value) for key, value in asdict(self).items() if key != "labeller"}
        write_arrays(path, {"format": np.array(FORMAT), "kind": np.array(KIND), **numbers})

    @staticmethod
    def from_arrays(arrays: dict[str, npt.NDArray[Any]]) -> TraceGenerator:
        """What :meth:`save` wrote."""
        if int(arrays["format"]) != FORMAT:
            raise DatasetError(f"trace generator format {int(arrays['format'])}, not {FORMAT}", hint="make it again")
        known: dict[str, Any] = {f.name: f.type for f in fields(TraceGenerator) if f.init}
        numbers: dict[str, Any] = {k: int(arrays[k]) if t == "int" else float(arrays[k]) for k, t in known.items()}
        return TraceGenerator(**numbers)


__all__ = ["KIND", "TraceGenerator", "features"]
