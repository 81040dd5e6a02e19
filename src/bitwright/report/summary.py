"""The short table at the end of a run: plain rows, for any terminal, Markdown and HTML."""

from __future__ import annotations

from bitwright.report.figures import (
    Figure,
    clock_note,
    fmax,
    latency_design,
    missing_reason,
    quoted_design,
    resource_origin,
    resources,
    slack_note,
)
from bitwright.report.numbers import count, cycles, nanoseconds, percent, seconds, uncertainty, word
from bitwright.report.oracles import bits_verified, withheld
from bitwright.report.records import Accuracy, Report, StageRun, Status

Row = tuple[str, str, str]


def summary_rows(report: Report) -> list[Row]:
    """(label, value, note) for accuracy, bits verified, LUT, FF, DSP, BRAM, latency, II and stage times.

    What was not computed reads NOT RUN or "not stated", never 0, and its note says why.
    """
    bits = bits_verified(report)
    return [
        accuracy_row(report),
        ("Bits verified", bits.value, bits.note),
        *resource_rows(report),
        *timing_rows(report),
        *fmax_rows(report),
        *(_stage_row(run) for run in report.stages),
    ]


def accuracy_row(report: Report) -> Row:
    """The accuracy with its data set, split, rows and label; or the word that stands in its place."""
    reason = withheld(report)
    if reason:
        return ("Accuracy", "withheld", reason)
    if report.accuracy is None:
        return ("Accuracy", "NOT RUN", "no labelled rows")
    return ("Accuracy", percent(report.accuracy.accuracy), accuracy_note(report.accuracy))


def accuracy_note(accuracy: Accuracy) -> str:
    """``± 1.9 %; hls4ml_lhc_jets_hlf, test, 600 rows, SYNTHETIC; Keras 70.3 %``."""
    spread = percent(uncertainty(accuracy.accuracy, accuracy.rows))
    label = ", SYNTHETIC" if accuracy.synthetic else ""
    keras = "" if accuracy.keras_accuracy is None else f"; Keras {percent(accuracy.keras_accuracy)}"
    return f"± {spread}; {accuracy.dataset}, {accuracy.split}, {accuracy.rows:,} rows{label}{keras}"


def resource_rows(report: Report) -> list[Row]:
    """LUT, FF, DSP and BRAM (ALM, FF, DSP, M20K) of the quoted design, with their stage and tool."""
    design = quoted_design(report)
    figures = resources(report, design.name) if design else {}
    origin = resource_origin(report)
    where = f"{origin}, {design.role} {design.name}" if origin and design else ""
    return [_resource_row(name, figures.get(name), where, report) for name in _names(figures)]


def _names(figures: dict[str, Figure]) -> tuple[str, ...]:
    """Intel's devices count adaptive logic modules, and memories of 20 or of 10 kbit."""
    memory = "M10K" if "M10K" in figures else "M20K"
    return ("ALM", "FF", "DSP", memory) if "ALM" in figures else ("LUT", "FF", "DSP", "BRAM")


def _resource_row(name: str, figure: Figure | None, where: str, report: Report) -> Row:
    if figure is None:
        return (name, "not stated", where) if where else (name, "NOT RUN", missing_reason(report, "synth"))
    told = name == "BRAM" or "LUT4 in each of" in figure.note
    return (name, count(figure.value), f"{where}; {figure.note}" if told else where)


def timing_rows(report: Report) -> list[Row]:
    """Latency in cycles and nanoseconds, and II, of the quoted design, with what was measured."""
    design = latency_design(report)
    if design is None:
        reason = missing_reason(report, "emit")
        return [("Latency", "NOT RUN", reason), ("II", "NOT RUN", reason)]
    proof = report.verification
    latency = design.latency_cycles
    value = f"{cycles(latency)}, {nanoseconds(latency * report.clock_ns)}"
    note = f"{design.role} {design.name}, {clock_note(report)}"
    rate = f"{1e3 / (design.ii_cycles * report.clock_ns):.4g} M inferences/s" if design.ii_cycles else ""
    return [
        ("Latency", value, note + _measured(proof.latency_cycles if proof else None, report)),
        ("II", cycles(design.ii_cycles), rate + _measured(proof.ii_cycles if proof else None, None)),
    ]


def fmax_rows(report: Report) -> list[Row]:
    """Fmax, never without its slack; no row where nothing was placed and routed."""
    found = fmax(report)
    if found is None:
        return []
    note = f"{found.stage.value}, {found.tool} {found.tool_version}, {found.design}"
    return [("Fmax", f"{found.value:.1f} MHz", f"{slack_note(report) or 'slack not stated'}; {note}")]


def _measured(value: int | None, report: Report | None) -> str:
    """What the bench saw; a latency names the design that states the same figure, if one does."""
    if value is None:
        return ""
    designs = report.designs if report else ()
    owner = next((f" ({design.role})" for design in designs if design.latency_cycles == value), "")
    return f"; measured on the RTL: {value}{owner}"


def _stage_row(run: StageRun) -> Row:
    value = seconds(run.seconds) if run.status is Status.PASSED else word(run.status)
    spent = seconds(run.seconds) if run.status is Status.FAILED and run.seconds is not None else ""
    return (f"stage {run.name}", value, "; ".join(part for part in (spent, run.reason) if part))
