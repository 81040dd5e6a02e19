"""report.html: one file that reads offline, on a telephone, in the dark and on paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bitwright.report import numbers, plots
from bitwright.report.figures import (
    Block,
    Figure,
    available,
    blocks,
    clock_note,
    missing_reason,
    place,
    quoted_design,
    resource_origin,
    resources,
    share,
    span,
)
from bitwright.report.oracles import (
    BitsVerified,
    Tally,
    bits_verified,
    differing,
    first_mismatch,
    gated,
    tally,
    withheld,
)
from bitwright.report.records import Accuracy, DesignRow, Report, Status
from bitwright.report.stage_columns import by_stage, stage_figure, stated, timing_word
from bitwright.report.summary import Row, accuracy_row, fmax_rows, resource_rows, timing_rows
from bitwright.report.warning_groups import grouped

_TEMPLATES = Path(__file__).parent / "templates"
_CSS = {Status.PASSED: "good", Status.FAILED: "bad", Status.NOT_RUN: "idle"}
_WORDS = {"NOT RUN": "idle", "FAILED": "bad", "withheld": "idle", "not stated": "idle"}
_METRICS = ("LUT", "LOGIC_LUT", "SRL", "LUTRAM", "ALM", "ALUT", "FF", "LATCH", "DSP", "BRAM", "BRAM36", "BRAM18", "EBR",
            "M20K", "M10K", "MLAB", "MEMORY_BITS", "URAM", "CARRY", "MUXF")  # fmt: skip
_LAYER_METRICS = ("LUT", "ALM", "FF", "DSP", "BRAM", "M20K", "M10K", "URAM")
_STAGE_METRICS = (
    "LUT", "ALM", "LC", "FF", "DSP", "BRAM", "M20K", "M10K", "URAM", "CARRY", "FMAX_MHZ", "WNS_NS", "POWER_W",
    "LATENCY_MAX_CYCLES", "II_MAX_CYCLES", "CLOCK_ESTIMATED_NS",
)  # fmt: skip
_RATES = (0.01, 0.05, 0.1, 0.2, 0.5)
_LUT_KINDS = (("LOGIC_LUT", "fill1", "logic"), ("SRL", "fill2", "shift registers"), ("LUTRAM", "fill3", "memory"))
_SECTIONS = ("Summary", "Verification", "Accuracy", "Resources", "Latency", "Hardware", "Stages", "Reproduce")
Top = tuple[DesignRow, dict[str, Figure]]


@dataclass(frozen=True, slots=True)
class Card:
    """One key figure at the head of the page; ``css`` marks a word that stands in a figure's place."""

    label: str
    value: str
    small: str = ""
    note: str = ""
    css: str = ""
    badge: str = ""


def render_html(report: Report) -> str:
    """The page; every word from outside is escaped, and the same report gives the same bytes."""
    report = gated(report)
    return environment().get_template("report.html.j2").render(report=report, page=_page(report))


def environment() -> Environment:
    """The templates of reports: all text is escaped, a name that is missing is an error."""
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "count": numbers.count, "percent": numbers.percent, "seconds": numbers.seconds, "ns": numbers.nanoseconds,
        "cycles": numbers.cycles, "plural": numbers.plural, "span": span, "place": place, "stage": str,
        "stage_figure": stage_figure, "timing": timing_word, "stated": stated,
        "word": lambda status: numbers.word(Status(status)), "css": lambda status: _CSS[Status(status)],
    }  # fmt: skip
    made.globals |= {"script": Markup(script), "script_hash": _hash(script)}  # noqa: S704  (a file of this package)
    return made


def _hash(script: str) -> str:
    """What the page's policy lets run: this script and nothing else, whatever a text from outside may hold."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _page(report: Report) -> dict[str, Any]:
    """Everything that the templates show beside the record itself."""
    return {
        "sections": _SECTIONS,
        "clock_mhz": f"{1e3 / report.clock_ns:.4g}",
        "cards": _cards(report),
        "warnings": grouped(report.warnings),
        "signature": next((item.sha256 for item in report.results if item.name == "bundle"), ""),
        **_verification(report),
        **_accuracy(report.accuracy),
        **_resources(report),
        **_latency(report),
        **_stages(report),
    }


def _verification(report: Report) -> dict[str, Any]:
    proof = report.verification
    pairs = [item.status for item in proof.pairs] if proof else []
    checks = tally(pairs + ([item.status for item in proof.protocol] if proof else []))
    return {
        "verdict": _verdict(bits_verified(report), checks),
        "checks": checks,
        "withheld": withheld(report),
        "failures": _failures(report),
        "mismatch": _mismatch(report),
        "matrix": plots.pair_matrix(proof.pairs) if proof else "",
        "measured": _measured(report),
        "details": any(check.detail for check in proof.protocol) if proof else False,
    }


def _verdict(bits: BitsVerified, checks: Tally) -> str:
    if bits.status is Status.PASSED and bits.pair is not None:
        missing = f" {numbers.plural(checks.not_run, 'check')} NOT RUN." if checks.not_run else ""
        agree = f"{numbers.count(bits.pair.bits)} output bits agree between {bits.pair.left} and {bits.pair.right}."
        return agree + missing
    if bits.status is Status.FAILED:
        what = "The oracles do not agree." if bits.tally.failed else "A check of the verification failed."
        return f"{what} Do not use this hardware."
    return "Nothing about the hardware's bits is proved."


def _failures(report: Report) -> list[str]:
    """Every check and stage that failed, in words, but for the pair whose first mismatch is shown large."""
    proof = report.verification
    shown = first_mismatch(report)
    pairs = [p for p in proof.pairs if p.status is Status.FAILED and not (shown and p is shown[0])] if proof else []
    checks = [c for c in proof.protocol if c.status is Status.FAILED] if proof else []
    lines = [
        f"{p.left} = {p.right}, {p.what}: {numbers.count(p.mismatches)} of {numbers.plural(p.vectors, 'vector')} differ"
        for p in pairs
    ]
    lines += [f"protocol check {c.name}" + (f": {c.detail}" if c.detail else "") for c in checks]
    return lines + [
        f"stage {run.name}" + (f": {run.reason}" if run.reason else "")
        for run in report.stages
        if run.status is Status.FAILED
    ]


def _mismatch(report: Report) -> Any:
    found = first_mismatch(report)
    return (*found, differing(found[1].expected_bits, found[1].actual_bits)) if found else None


def _measured(report: Report) -> str:
    """What the benches measured on the RTL, in one sentence."""
    proof = report.verification
    if proof is None:
        return ""
    parts = [
        f"latency {numbers.cycles(proof.latency_cycles)}" if proof.latency_cycles is not None else "",
        f"II {numbers.cycles(proof.ii_cycles)}" if proof.ii_cycles is not None else "",
    ]
    known = [part for part in parts if part]
    source = f" ({proof.source})" if proof.source else ""
    return f"Measured in simulation of the RTL: {', '.join(known)}{source}." if known else ""


def _cards(report: Report) -> list[Card]:
    bits = bits_verified(report)
    verified = Card("Bits verified", bits.value, note=bits.note, css=_WORDS.get(bits.value, ""))
    fastest = [_plain_card(row) for row in fmax_rows(report)]
    return [_accuracy_card(report), verified, *_timing_cards(report), *fastest, *_resource_cards(report)]


def _plain_card(row: Row) -> Card:
    label, value, note = row
    return Card(label, value, note=note, css=_WORDS.get(value, ""))


def _accuracy_card(report: Report) -> Card:
    accuracy = report.accuracy
    if accuracy is None:
        return _plain_card(accuracy_row(report))
    spread = numbers.percent(numbers.uncertainty(accuracy.accuracy, accuracy.rows))
    keras = "" if accuracy.keras_accuracy is None else f" · Keras {numbers.percent(accuracy.keras_accuracy)}"
    note = f"{accuracy.dataset}, {accuracy.split}, {numbers.plural(accuracy.rows, 'row')}"
    badge = "SYNTHETIC" if accuracy.synthetic else ""
    return Card("Accuracy", numbers.percent(accuracy.accuracy), f"± {spread}{keras}", note, badge=badge)


def _timing_cards(report: Report) -> list[Card]:
    cards = []
    for label, value, note in timing_rows(report):
        big, _, small = value.partition(", ")
        rate, _, rest = note.partition("; ") if label == "II" and not small else ("", "", note)
        cards.append(Card(label, big, small or rate, rest, css=_WORDS.get(big, "")))
    return cards


def _resource_cards(report: Report) -> list[Card]:
    design, device = quoted_design(report), available(report)
    figures = resources(report, design.name) if design else {}
    cards = []
    for row in resource_rows(report):
        figure = figures.get(row[0])
        part = share(figure, device) if figure else None
        small = f"{numbers.utilisation(part)} of the device" if part is not None else ""
        note = f"{resource_origin(report)}, {figure.source}" if figure else row[2]
        cards.append(Card(row[0], row[1], small, note, css=_WORDS.get(row[1], "")))
    return cards


def _accuracy(accuracy: Accuracy | None) -> dict[str, Any]:
    if accuracy is None:
        return {}
    return {
        "spread": numbers.percent(numbers.uncertainty(accuracy.accuracy, accuracy.rows), 2),
        "confusion": plots.confusion_matrix(accuracy),
        "roc": plots.roc_curves(accuracy.classes),
        "max_curves": plots.MAX_CURVES,
        "rates": _RATES,
        "roc_rows": [(item, plots.at_rates(item, _RATES)) for item in accuracy.classes],
    }


def _resources(report: Report) -> dict[str, Any]:
    tops = [(d, figures) for d in report.designs if (figures := resources(report, d.name))]
    rows = blocks(report)
    quoted = quoted_design(report)
    return {
        "origin": resource_origin(report),
        "synth_reason": missing_reason(report, "synth"),
        "quoted": quoted,
        "tops": tops,
        "metrics": _present(_METRICS, [figures for _, figures in tops]),
        "notes": _notes(tops),
        "stages_of_flow": by_stage(report),
        "stage_metrics": _present(_STAGE_METRICS, [column.figures for column in by_stage(report)]),
        "timing_analysed": any("WNS_NS" in column.figures for column in by_stage(report)),
        "blocks": rows,
        "estimated": any(block.estimated_lut for block in rows),
        "layer_metrics": _present(_LAYER_METRICS, [block.figures for block in rows]),
        "layer_plots": _layer_plots(rows),
        "layer_source": _files(figure for block in rows for figure in block.figures.values()),
        "lut_kinds": [(css, words) for kind, css, words in _LUT_KINDS if any(b.figures.get(kind) for b in rows)],
        **_device(report, quoted),
    }


def _device(report: Report, quoted: DesignRow | None) -> dict[str, Any]:
    figures = resources(report, quoted.name) if quoted else {}
    device = {name: m for name, m in available(report).items() if name in figures}
    shown = {name: figures[name] for name in _LAYER_METRICS if name in device}
    sizes = ", ".join(dict.fromkeys(place(device[name]) for name in shown))
    source = f"{_files(shown.values())} Sizes of the device: {sizes}."
    return {"device": plots.device_use(shown, device) if shown else "", "device_source": source}


def _present(metrics: Sequence[str], figures: Sequence[dict[str, Figure]]) -> list[str]:
    """The metrics that any design states; the primitives behind BRAM only where there are two kinds."""
    if not any("BRAM18" in each for each in figures):
        metrics = [name for name in metrics if name not in ("BRAM36", "EBR")]
    return [name for name in metrics if any(name in each for each in figures)]


def _notes(tops: Sequence[Top]) -> list[str]:
    """The notes of the tops' figures, each with its metric and design."""
    return [
        f"{figure.name} of {design.name}: {figure.note} ({figure.source})"
        for design, figures in tops
        for figure in figures.values()
        if figure.note and figure.value
    ]


def _layer_plots(rows: Sequence[Block]) -> list[tuple[str, Markup]]:
    """A plot for each resource that any layer uses; what is zero everywhere stands in the table alone."""
    used = [m for m in _LAYER_METRICS if any(b.figures[m].value for b in rows if m in b.figures)]
    return [(metric, plots.layer_resource(metric, rows)) for metric in used]


def _files(figures: Iterable[Figure]) -> str:
    """The files behind many figures, without lines."""
    names = dict.fromkeys(m.source for figure in figures for m in figure.measurements)
    return f"Source: {', '.join(names)}." if names else ""


def _latency(report: Report) -> dict[str, Any]:
    known = any(span(layer) for layer in report.layers)
    return {
        "clock_note": clock_note(report),
        "waterfall": plots.latency_waterfall(report.layers, report.clock_ns) if known else "",
        "bundle_source": ", ".join(dict.fromkeys(design.source for design in report.designs if design.source)),
    }


def _stages(report: Report) -> dict[str, Any]:
    ended = tally(run.status for run in report.stages)
    total = sum(run.seconds or 0.0 for run in report.stages)
    return {
        "stage_tally": ended,
        "stage_plot": plots.stage_times(report.stages),
        "stage_sentence": f"{ended}; {numbers.seconds(total)} in all.",
    }
