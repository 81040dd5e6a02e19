"""Two reports side by side: figures, bits, tools and inputs; and a report as a table for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from bitwright.errors import UsageError
from bitwright.report.figures import place
from bitwright.report.records import Measurement, Record, Report
from bitwright.report.render_json import load_report
from bitwright.report.track.changes import Change, changes, moved_bits
from bitwright.report.track.headline import KINDS, Kind, headline, provenance


class FigureChange(Record):
    """One headline figure in two reports; absent where it was not measured."""

    figure: str
    before: float | None = None
    after: float | None = None
    words: str
    note: str = ""


class Difference(Record):
    """What differs between two reports."""

    figures: tuple[FigureChange, ...]
    same: tuple[str, ...]
    bits: tuple[str, ...]
    changed: tuple[Change, ...]
    layers: tuple[FigureChange, ...] = ()


def find_report(path: Path) -> Path:
    """The report.json that a path means: the file itself, a report folder, or a build folder.

    Raises:
        UsageError: there is none.
    """
    for candidate in (path, path / "report.json", path / "report" / "report.json"):
        if candidate.is_file():
            return candidate
    hint = "give a report.json, or a build folder such as build/jet3/vu13p_5ns"
    raise UsageError("there is no report", where=str(path), hint=hint)


def read_report(path: Path) -> Report:
    """The report that a path means; see :func:`find_report`."""
    return load_report(find_report(path))


def difference(before: Report, after: Report) -> Difference:
    """Compare two reports: of one model at two times, or of two models."""
    old, new = headline(before), headline(after)
    notes = {
        "area": _note(old.area_from, new.area_from),
        "timing": _note(old.timing_from, new.timing_from),
        "accuracy": _note(old.dataset, new.dataset),
    }
    rows = [_figure(kind, old.get(kind.name), new.get(kind.name), notes.get(kind.group, "")) for kind in KINDS]
    known = [row for row in rows if row is not None]
    digests = provenance(before), provenance(after)
    return Difference(
        figures=tuple(row for row in known if row.before != row.after or row.note),
        same=tuple(row.words for row in known if row.before == row.after and not row.note),
        bits=moved_bits(*digests),
        changed=changes(*digests),
        layers=tuple(_layers(before, after)),
    )


def _note(old: str, new: str) -> str:
    return f"not the same thing: {old or 'none'} against {new or 'none'}" if old != new else ""


def _figure(kind: Kind, old: float | None, new: float | None, note: str) -> FigureChange | None:
    if old is None and new is None:
        return None
    sides = ["not measured" if value is None else kind.words(value) for value in (old, new)]
    moved = "" if note or kind.group == "accuracy" else _relative(old, new)
    words = f"{kind.label} {sides[0]}" if old == new else f"{kind.label} {sides[0]} -> {sides[1]}{moved}"
    return FigureChange(figure=kind.name, before=old, after=new, words=words, note=note)


def _relative(old: float | None, new: float | None) -> str:
    return f" ({100 * (new / old - 1):+.1f} %)" if old and new is not None and old > 0 else ""


def _layers(before: Report, after: Report) -> Iterator[FigureChange]:
    """Layers that came, went, or have another format or module."""
    old, new = ({layer.name: layer for layer in report.layers} for report in (before, after))
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            yield FigureChange(figure=name, words=f"layer {name} is {'new' if a is None else 'gone'}")
        elif (a.kind, a.shape, a.format) != (b.kind, b.shape, b.format):
            sides = [f"{layer.kind} {'x'.join(map(str, layer.shape))} {layer.format}" for layer in (a, b)]
            yield FigureChange(figure=name, words=f"layer {name}: {sides[0]} -> {sides[1]}")


def difference_lines(found: Difference) -> list[str]:
    """What a terminal shows."""
    figures = [row.words + (f" ({row.note})" if row.note else "") for row in found.figures]
    moved = f"differ: {', '.join(found.bits)}" if found.bits else "the same vectors, network, outputs and bundle"
    parts = {
        "figures": figures or ["all the same"],
        "bits": [moved],
        "layers": [row.words for row in found.layers],
        "changed": [str(change) for change in found.changed] or ["model, config, tools and code are the same"],
        "same": list(found.same),
    }
    return [f"{name:<8} {line}" for name, lines in parts.items() for line in lines]


# --- csv ---------------------------------------------------------------------------------------

COLUMNS = ("model", "target", "clock_ns", "design", "layer", "metric", "value", "unit", "stage", "tool",
           "tool_version", "part", "source", "note")  # fmt: skip


def to_csv(reports: Iterable[Report]) -> str:
    """Every measurement of the reports and their headline figures (stage HEADLINE), one line each."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for report in reports:
        writer.writerows([_cell(value) for value in row] for row in _rows(report))
    return out.getvalue()


def _rows(report: Report) -> Iterator[tuple[object, ...]]:
    common = (report.model, report.target, report.clock_ns)
    head = headline(report)
    origin = {"area": head.area_from, "timing": head.timing_from, "accuracy": head.dataset}
    for kind in (kind for kind in KINDS if kind.name in head.figures):
        yield (*common, head.design, "", kind.name, head.figures[kind.name], "", "HEADLINE", "bitwright",
               report.bitwright_version, report.part, "", origin.get(kind.group, ""))  # fmt: skip
    for m in report.measurements:
        yield (*common, *_measurement(m))


def _measurement(m: Measurement) -> tuple[object, ...]:
    return (m.design, m.layer or "", m.metric, m.value, m.unit, m.stage.value, m.tool, m.tool_version, m.part,
            place(m), m.note)  # fmt: skip


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
