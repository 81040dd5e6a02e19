"""The headline figures of a report, and what they depend on: the one place from which both are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from bitwright.report.figures import fmax, latency_design, quoted_design, resource_origin, resources
from bitwright.report.numbers import count, cycles, nanoseconds, percent, seconds
from bitwright.report.oracles import gated
from bitwright.report.records import Measurement, Record, Report

Group = Literal["area", "latency", "timing", "accuracy", "time"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One headline figure: how it is called, whether less is better, and which tolerance is its own."""

    name: str
    label: str
    group: Group
    less: bool = True

    def words(self, value: float) -> str:
        """The value with its unit, as every view writes it."""
        match self.name:
            case "accuracy":
                return percent(value, 2)
            case "latency_cycles" | "ii_cycles":
                return cycles(int(value))
            case "fmax_mhz":
                return f"{value:,.4g} MHz"
            case "wns_ns":
                return f"{value:+.3f} ns"
            case "latency_ns":
                return nanoseconds(value)
            case "seconds":
                return seconds(value)
            case _:
                return count(value)


KINDS = (
    Kind("lut", "LUT", "area"),
    Kind("ff", "FF", "area"),
    Kind("dsp", "DSP", "area"),
    Kind("bram36", "BRAM36", "area"),
    Kind("uram", "URAM", "area"),
    Kind("ebr", "EBR", "area"),
    Kind("latency_cycles", "latency", "latency"),
    Kind("ii_cycles", "II", "latency"),
    Kind("fmax_mhz", "Fmax", "timing", less=False),
    Kind("wns_ns", "WNS", "timing", less=False),
    Kind("accuracy", "accuracy", "accuracy", less=False),
    Kind("seconds", "time of all stages", "time"),
)
BY_NAME = {kind.name: kind for kind in KINDS}


class Headline(Record):
    """The figures by which a run is judged; what was not measured is absent.

    Area, latency and II are those of the quoted design (the bare kernel where it was counted).
    """

    figures: dict[str, float] = Field(description="lut, ff, dsp, bram36, latency_cycles, ... accuracy is 0..1")
    design: str = ""
    area_from: str = Field(default="", description="stage and tool of the area, such as 'POST_SYNTH, yosys'")
    timing_from: str = Field(default="", description="stage, tool and design of Fmax and WNS: a harness, say")
    dataset: str = Field(default="", description="data set, split and rows of the accuracy")
    synthetic: bool = False
    stages: dict[str, float] = Field(default={}, description="seconds by stage")

    def get(self, name: str) -> float | None:
        """A figure, None where it was not measured."""
        return self.figures.get(name)


class Provenance(Record):
    """What a run's figures depend on, and the digests of its bits."""

    inputs: dict[str, str] = Field(description="SHA-256 of each file that was read, by name")
    tools: dict[str, str] = Field(description="version of each tool")
    digests: dict[str, str] = Field(description="SHA-256 of program, vectors, network, outputs and bundle")
    bitwright_version: str
    command: str = ""
    commit: str = Field(default="", description="of the working tree, '-dirty' where it had changes")


def headline(report: Report) -> Headline:
    """The headline figures; an accuracy that the oracles do not carry is not among them."""
    report = gated(report)
    area, timing = _area(report), _timing(report)
    design, accuracy = latency_design(report), report.accuracy
    spent = {run.name: run.seconds for run in report.stages if run.seconds is not None}
    found: dict[str, float | None] = {
        **area,
        "latency_cycles": design.latency_cycles if design else None,
        "ii_cycles": design.ii_cycles if design else None,
        **{name: m.value for name, m in timing.items()},
        "accuracy": accuracy.accuracy if accuracy else None,
        "seconds": round(sum(spent.values()), 3) if spent else None,
    }
    return Headline(
        figures={name: value for name, value in found.items() if value is not None},
        design=design.name if design else "",
        area_from=_area_from(report),
        timing_from=", ".join(dict.fromkeys(f"{m.stage.value}, {m.tool}, {m.design}" for m in timing.values())),
        dataset=f"{accuracy.dataset}, {accuracy.split}, {accuracy.rows:,} rows" if accuracy else "",
        synthetic=accuracy.synthetic if accuracy else False,
        stages=spent,
    )


PARTIAL = "without carry cells"
"""Said of a LUT count that leaves out the LUTs of carry cells, as Yosys' of Lattice parts does."""


def _area_from(report: Report) -> str:
    """``POST_SYNTH, yosys``; and whether its LUTs are all that the design takes."""
    origin, design = resource_origin(report), quoted_design(report)
    if origin is None or design is None:
        return ""
    lut = resources(report, design.name).get("LUT")
    partial = lut is not None and "LUT4 in each of" in lut.note
    return f"{origin.stage.value}, {origin.tool}" + (f", {PARTIAL}" if partial else "")


def is_partial(area_from: str) -> bool:
    """Whether a LUT count must not be set beside others."""
    return area_from.endswith(PARTIAL)


def figure_words(name: str, value: float, area_from: str) -> str:
    """A figure as a table shows it: ``256 + carry cells`` where that is the truth."""
    more = " + carry cells" if name == "lut" and is_partial(area_from) else ""
    return BY_NAME[name].words(value) + more


def _area(report: Report) -> dict[str, float | None]:
    """LUT, FF, DSP, block memories of the quoted design; BRAM36 in tiles, halves allowed."""
    design = quoted_design(report)
    found = resources(report, design.name) if design else {}
    figures = {name.lower(): found[name].value for name in ("LUT", "FF", "DSP", "URAM", "EBR") if name in found}
    memory = found.get("BRAM")
    tiles = {} if memory is None or "EBR" in found else {"bram36": memory.value}
    return {**figures, **tiles}


def _timing(report: Report) -> dict[str, Measurement]:
    """Fmax and WNS of the one stage nearest to the device that states either, of one design there."""
    first = fmax(report)
    names = {"FMAX_MHZ": "fmax_mhz", "WNS_NS": "wns_ns"}
    stated = [m for m in report.measurements if m.metric in names]
    if first is None:
        return {names[m.metric]: m for m in stated[:1]}
    return {
        names[m.metric]: m
        for m in reversed(stated)
        if (m.stage, m.tool, m.design) == (first.stage, first.tool, first.design)
    }


def provenance(report: Report, commit: str = "") -> Provenance:
    """What the report's figures depend on."""
    return Provenance(
        inputs={item.name: item.sha256 for item in report.inputs},
        tools={tool.name: tool.version for tool in report.tools},
        digests={item.name: item.sha256 for item in report.results},
        bitwright_version=report.bitwright_version,
        command=" ; ".join(report.reproduce),
        commit=commit,
    )
