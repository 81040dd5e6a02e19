"""What a parser hands back: measurements, rows of modules, problems; one schema for every tool.

Names of metrics carry their unit (``_NS``, ``_MHZ``, ``_CYCLES``, ``_W``); the rest count things.  A figure that a
report does not state is absent: never 0, -1 or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bitwright.report.parsers.values import Number, normalise_part, tidy

SCHEMA = "bitwright.report.parse/1"

HIDDEN_PROBLEMS = 50
"""Problems of one document that are listed; what is left out is counted in the last of them."""


class Stage(StrEnum):
    """Where in the flow a figure comes from; UNKNOWN where the report does not say."""

    HLS_ESTIMATE = "HLS_ESTIMATE"
    SIMULATION = "SIMULATION"
    POST_SYNTH = "POST_SYNTH"
    POST_PLACE = "POST_PLACE"
    POST_ROUTE = "POST_ROUTE"
    UNKNOWN = "UNKNOWN"


class Severity(StrEnum):
    """ERROR: nothing could be read here. WARNING: something is missing or withheld. INFO: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not read, and where."""

    source: str
    line: int | None
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one design, with the place that states it."""

    metric: str
    value: Number | str
    unit: str
    stage: Stage
    tool: str
    tool_version: str | None
    part: str | None
    design: str | None
    source: str
    line: int
    derived: bool = False
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The figure as the command prints it."""
        return {
            "metric": self.metric, "value": self.value, "unit": self.unit, "stage": self.stage.value,
            "tool": self.tool, "tool_version": self.tool_version,
            "part": self.part, "part_normalised": normalise_part(self.part) if self.part else None,
            "design": self.design, "source": self.source, "line": self.line,
            "derived": self.derived, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """One module, instance, loop, kernel or clock below the top; ``path`` is its place in the hierarchy."""

    path: str
    module: str
    kind: str
    values: Mapping[str, Number]
    stage: Stage
    tool: str
    design: str | None
    source: str
    line: int

    def to_json(self) -> dict[str, Any]:
        """The row as the command prints it."""
        return {
            "path": self.path, "module": self.module, "kind": self.kind, "values": dict(self.values),
            "stage": self.stage.value, "tool": self.tool, "design": self.design,
            "source": self.source, "line": self.line,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that one or more documents say."""

    figures: tuple[Figure, ...] = ()
    modules: tuple[ModuleRow, ...] = ()
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The whole answer of ``bitwright report parse --json``."""
        return {
            "schema": SCHEMA,
            "measurements": [figure.to_json() for figure in self.figures],
            "modules": [row.to_json() for row in self.modules],
            "problems": [
                {"source": p.source, "line": p.line, "severity": p.severity.value, "message": p.message}
                for p in self.problems
            ],
        }


def merge(parts: Iterable[Parsed]) -> Parsed:
    """Several answers as one, in their order."""
    found = tuple(parts)
    return Parsed(
        tuple(figure for part in found for figure in part.figures),
        tuple(row for part in found for row in part.modules),
        tuple(problem for part in found for problem in part.problems),
    )


def unit_of(metric: str) -> str:
    """The unit that a metric's name carries."""
    endings = {"_NS": "ns", "_MHZ": "MHz", "_CYCLES": "cycles", "_W": "W", "_STATUS": "status", "_BITS": "bits"}
    return next((unit for ending, unit in endings.items() if metric.endswith(ending)), "count")


@dataclass(slots=True)
class _Entry:
    value: Number | str
    line: int
    stage: Stage
    derived: bool
    note: str


@dataclass(slots=True)
class Sheet:
    """Collects what one document says; figures that contradict each other are withheld, both of them."""

    source: str
    tool: str
    stage: Stage
    tool_version: str | None = None
    part: str | None = None
    design: str | None = None
    _entries: dict[tuple[str, Stage], _Entry] = field(default_factory=dict)
    _withheld: set[tuple[str, Stage]] = field(default_factory=set)
    _modules: dict[tuple[str, str], ModuleRow] = field(default_factory=dict)
    _problems: list[Problem] = field(default_factory=list)

    def add(
        self, metric: str, value: Number | str | None, line: int, *,
        stage: Stage | None = None, derived: bool = False, note: str = "",
    ) -> None:  # fmt: skip
        """State a figure; None says nothing.  A second, different value withholds both."""
        key = (metric, stage or self.stage)
        if value is None or key in self._withheld:
            return
        entry = _Entry(value if isinstance(value, str) else tidy(value), line, key[1], derived, note)
        known = self._entries.get(key)
        if known is not None and known.value != entry.value:
            self.withhold((metric,), line, f"{known.value:,} in line {known.line} is {entry.value:,} here"
                          if not isinstance(value, str) and not isinstance(known.value, str) else "two answers",
                          stage=key[1])  # fmt: skip
            return
        if known is None:
            self._entries[key] = entry

    def module(self, path: str, module: str, values: Mapping[str, Number | None], line: int, kind: str) -> None:
        """State the figures of something below the top; a second table of the same path adds to its row."""
        known = {metric: tidy(value) for metric, value in values.items() if value is not None}
        row = self._modules.get((path, kind))
        if row is not None and row.module == module:
            known = {**row.values, **known}
            line = row.line
        if known:
            self._modules[path, kind] = ModuleRow(
                path, module, kind, known, self.stage, self.tool, self.design, self.source, line
            )

    def drop_modules(self) -> None:
        """Forget every row: they contradict each other."""
        self._modules.clear()

    def has(self, metric: str, stage: Stage | None = None) -> bool:
        """Whether a figure was stated (and not withheld)."""
        return (metric, stage or self.stage) in self._entries

    def value(self, metric: str, stage: Stage | None = None) -> Number | None:
        """The number stated, if any."""
        entry = self._entries.get((metric, stage or self.stage))
        return None if entry is None or isinstance(entry.value, str) else entry.value

    def withhold(self, metrics: Iterable[str], line: int, why: str, *, stage: Stage | None = None) -> None:
        """Take figures back, for good: they cannot be trusted."""
        names = tuple(metrics)
        for metric in names:
            key = (metric, stage or self.stage)
            self._entries.pop(key, None)
            self._withheld.add(key)
        self.warn(line, f"{', '.join(names)} withheld: {why}")

    def problem(self, line: int | None, severity: Severity, message: str) -> None:
        """Say what was not read."""
        self._problems.append(Problem(self.source, line, severity, message))

    def error(self, line: int | None, message: str) -> None:
        """Nothing could be read here."""
        self.problem(line, Severity.ERROR, message)

    def warn(self, line: int | None, message: str) -> None:
        """Something is missing or withheld."""
        self.problem(line, Severity.WARNING, message)

    def info(self, line: int | None, message: str) -> None:
        """Worth knowing."""
        self.problem(line, Severity.INFO, message)

    def expect(self, metrics: Iterable[str], line: int, where: str, stage: Stage | None = None) -> None:
        """Warn of figures that such a report always states, and this one does not."""
        keys = [(metric, stage or self.stage) for metric in metrics]
        missing = [key[0] for key in keys if key not in self._entries and key not in self._withheld]
        if missing:
            self.warn(line, f"{where} does not state {', '.join(missing)}")

    def expect_head(self, line: int, *, version: bool = True, part: bool = True, design: bool = True) -> None:
        """Warn of what the head of a report should name and does not."""
        wanted = (("tool version", version, self.tool_version), ("part", part, self.part))
        missing = [name for name, needed, value in (*wanted, ("design", design, self.design)) if needed and not value]
        if missing:
            self.warn(line, f"the head of the report does not name the {', '.join(missing)}")

    def done(self) -> Parsed:
        """The answer, block memories in both units."""
        self._derive_memories()
        figures = tuple(
            Figure(
                metric=metric, value=entry.value, unit=unit_of(metric), stage=entry.stage, tool=self.tool,
                tool_version=self.tool_version, part=self.part, design=self.design, source=self.source,
                line=entry.line, derived=entry.derived, note=entry.note,
            )
            for (metric, _), entry in self._entries.items()
        )  # fmt: skip
        return Parsed(figures, tuple(self._modules.values()), _limited(self._problems))

    def _derive_memories(self) -> None:
        for (metric, stage), entry in tuple(self._entries.items()):
            for here, there, factor in (("BRAM18", "BRAM36", 0.5), ("BRAM36", "BRAM18", 2)):
                if metric.endswith(here) and not isinstance(entry.value, str):
                    other = metric.removesuffix(here) + there
                    if not self.has(other, stage):
                        note = f"{factor:g} x {metric}"
                        self.add(other, entry.value * factor, entry.line, stage=stage, derived=True, note=note)


def _limited(problems: list[Problem]) -> tuple[Problem, ...]:
    if len(problems) <= HIDDEN_PROBLEMS:
        return tuple(problems)
    left = problems[HIDDEN_PROBLEMS:]
    worst = Severity.ERROR if any(p.severity is Severity.ERROR for p in left) else Severity.WARNING
    last = Problem(left[0].source, left[0].line, worst, f"{len(left)} more problems in this file")
    return (*problems[:HIDDEN_PROBLEMS], last)
