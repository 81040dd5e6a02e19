"""Line and toggle coverage of a hardware block, from the ``coverage.dat`` of a Verilator simulation.

A point is a line, a side of a branch, or one direction of one bit.  The instances of a module are counted
together, whatever their parameters: a point is hit where one of them hits it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bitwright.errors import ToolFailedError

RECORD = re.compile(r"C '(?P<keys>.*)' (?P<count>\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One thing that a simulation may reach.

    Attributes:
        line: of the source file.
        kind: Verilator's word: line, branch or toggle.
        what: the bit and its direction, or the part of the branch.
        column: of the source file; tells the sides of a branch apart.
    """

    line: int
    kind: str
    what: str
    column: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each point of one source file was reached."""

    counts: Mapping[Point, int]

    def points(self, *, toggle: bool) -> tuple[Point, ...]:
        """The toggles, or the lines and branches."""
        return tuple(sorted(point for point in self.counts if (point.kind == "toggle") == toggle))

    def missed(self, *, toggle: bool) -> tuple[Point, ...]:
        """Those never reached."""
        return tuple(point for point in self.points(toggle=toggle) if not self.counts[point])

    def percent(self, *, toggle: bool) -> float:
        """Of the points, those reached; 100 for a file that has none."""
        points = len(self.points(toggle=toggle))
        return 100 * (1 - len(self.missed(toggle=toggle)) / points) if points else 100.0


def read_coverage(path: Path, source: str) -> Coverage:
    """The coverage of the source file of this name.

    Raises:
        ToolFailedError: there is no such file, it is not coverage, or it does not know the source.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ToolFailedError(f"no coverage ({error})", where=str(path), hint="build with coverage=True") from error
    counts: dict[Point, int] = {}
    for line in lines:
        if line.startswith("#"):
            continue
        record = RECORD.fullmatch(line)
        if record is None:
            raise ToolFailedError(f"not a line of coverage: {line[:60]!r}", where=str(path), hint="simulate again")
        keys = dict(pair.split("\2", 1) for pair in record["keys"].split("\1") if pair)
        if Path(keys["f"]).name == source:
            point = Point(int(keys["l"]), keys["t"], keys["o"], int(keys["n"]))
            counts[point] = counts.get(point, 0) + int(record["count"])
    if not counts:
        raise ToolFailedError(f"no point of {source} in it", where=str(path), hint="is the block in the simulation?")
    return Coverage(counts)
