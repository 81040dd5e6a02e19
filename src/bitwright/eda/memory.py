"""Peak memory of processes, as Linux tells it (proc(5), getrusage(2)).

What ``wait4`` gives for a finished child cannot be believed alone: between fork and exec the child still wears its
parent's memory, and the kernel counts that (``ru_maxrss`` of a 10 MB tool started by a 400 MB program says 400 MB).
So running processes are asked for their own high-water mark, which starts anew at exec.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

KB_PER_MB = 1024


def own_peak_mb() -> float:
    """The largest resident memory of this process since it began, in MiB."""
    return _high_water_mb(os.getpid()) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_MB


class PeakMemory:
    """The largest resident memory of one process among a child of ours and its descendants.

    Make it just before the child is started, call :meth:`sample` when it has come to its exec (``Popen`` has
    returned) and again while it runs.
    """

    def __init__(self) -> None:
        self._inherited_mb = own_peak_mb()
        self._sampled_mb: float | None = None

    def sample(self, pid: int) -> None:
        """Ask the child and its descendants for their high-water marks."""
        for member in _family(pid):
            found = _high_water_mb(member)
            if found is not None:
                self._sampled_mb = max(self._sampled_mb or 0.0, found)

    def of(self, usage: resource.struct_rusage) -> float | None:
        """The peak in MiB, with what ``wait4`` said at the end.

        Exact where the tool grew larger than this program; otherwise the largest sample, which misses growth
        since the last one; None for a tool that ended before it was ever asked.
        """
        at_exit = usage.ru_maxrss / KB_PER_MB
        return at_exit if at_exit > self._inherited_mb else self._sampled_mb


def _high_water_mb(pid: int) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) / KB_PER_MB if line else None


def _family(pid: int) -> list[int]:
    """A process and its descendants; those that a parent's other threads started are left out."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        children = []
    return [pid, *(member for child in children for member in _family(int(child)))]
