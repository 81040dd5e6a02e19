"""A report with the keys of hls4ml's ``parse_vivado_report`` (hls4ml/report/vivado_report.py), its errors mended.

==================================  ==================================================================================
hls4ml 1.3.0                        here
==================================  ==================================================================================
numbers are text in two sections,   counts and cycles are ``int``, nanoseconds and shares are ``float``
numbers in the others
``print_vivado_report`` prints the  ``WorstLatency`` is the worst; where one figure is known it is both
best latency as the worst
``BRAM_18K`` after Vivado's         always blocks of 18 kbit: 2 RAMB36 + RAMB18
synthesis holds tiles of 36 kbit
``DSP``, ``DSP48E``, ``DSPs``       the key of each section stays (``aggregate_graph_reports`` adds up ``DSP`` and
                                    ``DSP48E`` of one section), all of them count DSP blocks
what a report leaves out is 0,      absent
``NA``, or an exception
cosim: latency is read from a       measured on the simulated RTL, the same for each inference
transaction log of any design
==================================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict, cast

from bitwright.report.figures import latency_design, quoted_design
from bitwright.report.records import FigureStage, Measurement, Report, Status


class CSynthesisReport(TypedDict, total=False):
    """Vitis HLS's estimate, or what the generator states."""

    TargetClockPeriod: float
    EstimatedClockPeriod: float
    BestLatency: int
    WorstLatency: int
    IntervalMin: int
    IntervalMax: int
    LUT: int
    FF: int
    DSP: int
    BRAM_18K: int
    URAM: int
    AvailableLUT: int
    AvailableFF: int
    AvailableDSP: int
    AvailableBRAM_18K: int
    AvailableURAM: int


class VivadoSynthReport(TypedDict, total=False):
    """Cells of the kernel after logic synthesis; by Yosys too, in spite of the name."""

    LUT: int
    FF: int
    DSP48E: int
    BRAM_18K: int
    URAM: int


class CosimReport(TypedDict, total=False):
    """The simulated RTL; ``Pass`` means that all oracles agree."""

    RTL: Literal["Verilog"]
    Status: Literal["Pass", "Fail"]
    LatencyMin: int
    LatencyMax: int
    IntervalMin: int
    IntervalMax: int


ImplementationReport = TypedDict(
    "ImplementationReport",
    {
        "TotLUTs": int, "TotLUTs%": float, "LogicLUTs": int, "LogicLUTs%": float, "LUTRAMs": int, "LUTRAMs%": float,
        "SRLs": int, "SRLs%": float, "FFs": int, "FFs%": float, "URAMs": int, "URAMs%": float, "DSPs": int,
        "DSPs%": float,
    },
    total=False,
)  # fmt: skip


class TimingReport(TypedDict, total=False):
    """Slack in ns, of the stage nearest to the device."""

    WNS: float
    TNS: float
    WHS: float
    THS: float


class Hls4mlReport(TypedDict, total=False):
    """The sections; one of which nothing is known is absent."""

    CSynthesisReport: CSynthesisReport
    VivadoSynthReport: VivadoSynthReport
    CosimReport: CosimReport
    ImplementationReport: ImplementationReport
    TimingReport: TimingReport


_CLOCKS = {"EstimatedClockPeriod": "CLOCK_ESTIMATED_NS"}
_CYCLES = {
    "BestLatency": "LATENCY_MIN_CYCLES", "WorstLatency": "LATENCY_MAX_CYCLES", "IntervalMin": "II_MIN_CYCLES",
    "IntervalMax": "II_MAX_CYCLES",
}  # fmt: skip
_AREA = ("LUT", "FF", "DSP", "BRAM_18K", "URAM")
_ROUTED = {
    "TotLUTs": "LUT", "LogicLUTs": "LOGIC_LUT", "LUTRAMs": "LUTRAM", "SRLs": "SRL", "FFs": "FF", "URAMs": "URAM",
    "DSPs": "DSP",
}  # fmt: skip
_SLACK = ("WNS", "TNS", "WHS", "THS")
Values = Mapping[str, float]


def hls4ml_dict(report: Report) -> Hls4mlReport:
    """The report as hls4ml's users know it; what was not measured is absent, never 0.

    ``CSynthesisReport`` is Vitis HLS's where it ran, else what the generator states of the kernel (``LUT`` is then its
    estimate).  ``ImplementationReport`` is of the design itself, not of a harness around it; ``RAMB36s`` and
    ``RAMB18s`` are absent, since routed block memories are kept as tiles.
    """
    sections: dict[str, Any] = {
        "CSynthesisReport": _synthesis(report),
        "VivadoSynthReport": _cells(report),
        "CosimReport": _cosim(report),
        "ImplementationReport": _implementation(report),
        "TimingReport": _timing(report),
    }
    return cast("Hls4mlReport", {name: section for name, section in sections.items() if section})


def _values(measurements: Iterable[Measurement]) -> dict[str, float]:
    """By metric; block memories also in blocks of 18 kbit."""
    found = {m.metric: m.value for m in reversed(list(measurements))}
    if {"BRAM36", "BRAM18"} & found.keys():
        found["BRAM_18K"] = 2 * found.get("BRAM36", 0) + found.get("BRAM18", 0)
    return found


def _counts(values: Values, keys: Mapping[str, str]) -> dict[str, Any]:
    return {key: round(values[metric]) for key, metric in keys.items() if metric in values}


def _synthesis(report: Report) -> dict[str, Any]:
    by_hls = _values(m for m in report.measurements if m.stage is FigureStage.HLS_ESTIMATE and m.layer is None)
    design = next((design for design in report.designs if design.role == "kernel"), None)
    if not by_hls and design is None:
        return {}
    found: dict[str, Any] = {"TargetClockPeriod": report.clock_ns}
    if by_hls:
        found |= {key: by_hls[metric] for key, metric in _CLOCKS.items() if metric in by_hls}
        found |= _counts(by_hls, _CYCLES) | _counts(by_hls, dict(zip(_AREA, _AREA, strict=True)))
    elif design is not None:
        found |= dict.fromkeys(("BestLatency", "WorstLatency"), design.latency_cycles)
        found |= dict.fromkeys(("IntervalMin", "IntervalMax"), design.ii_cycles)
        estimates = [m.value for m in report.measurements if m.metric == "ESTIMATED_LUT"]
        found |= {"LUT": round(sum(estimates))} if estimates else {}
    return found | {f"Available{name}": round(value) for name, value in _device(report).items() if name in _AREA}


def _device(report: Report) -> dict[str, float]:
    """What the device has; none of a resource is no statement about a family that has no such blocks."""
    offered = [m for m in report.measurements if m.metric.startswith("AVAILABLE_")]
    return _values(m.model_copy(update={"metric": m.metric.removeprefix("AVAILABLE_")}) for m in offered)


def _cells(report: Report) -> dict[str, Any]:
    design = quoted_design(report)
    if design is None:
        return {}
    found = _of(report, design.name, FigureStage.POST_SYNTH)
    return _counts(found, {"LUT": "LUT", "FF": "FF", "DSP48E": "DSP", "BRAM_18K": "BRAM_18K", "URAM": "URAM"})


def _of(report: Report, design: str, stage: FigureStage) -> dict[str, float]:
    return _values(m for m in report.measurements if m.design == design and m.stage is stage and m.layer is None)


def _cosim(report: Report) -> dict[str, Any]:
    proof = report.verification
    if proof is None or proof.latency_cycles is None or proof.ii_cycles is None:
        return {}
    return {
        "RTL": "Verilog", "Status": "Pass" if proof.status is Status.PASSED else "Fail",
        "LatencyMin": proof.latency_cycles, "LatencyMax": proof.latency_cycles,
        "IntervalMin": proof.ii_cycles, "IntervalMax": proof.ii_cycles,
    }  # fmt: skip


def _implementation(report: Report) -> dict[str, Any]:
    design = latency_design(report)
    if design is None:
        return {}
    found = _of(report, design.name, FigureStage.POST_ROUTE) or _of(report, design.name, FigureStage.POST_PLACE)
    counted, device = _counts(found, _ROUTED), _device(report)
    whole = {"LogicLUTs": "LUT", "LUTRAMs": "", "SRLs": ""}  # of LUTs that can be memory a device has fewer: not known
    shares = {
        f"{key}%": round(100 * value / device[name], 2)
        for key, value in counted.items()
        if device.get(name := whole.get(key, _ROUTED[key]))
    }
    return counted | shares


def _timing(report: Report) -> dict[str, Any]:
    for stage in (FigureStage.POST_ROUTE, FigureStage.POST_PLACE, FigureStage.POST_SYNTH):
        found = _values(m for m in report.measurements if m.stage is stage)
        if "WNS_NS" in found:
            return {name: float(found[f"{name}_NS"]) for name in _SLACK if f"{name}_NS" in found}
    return {}
