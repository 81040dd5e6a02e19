"""What ``build`` returns: our typed report, which can also be read with the keys of hls4ml's own report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bitwright.report.figures import quoted_design
from bitwright.report.records import FigureStage, Measurement, Report, Status
from bitwright.report.summary import summary_rows

AREA = {"LUT": "LUT", "FF": "FF", "DSP48E": "DSP", "URAM": "URAM"}
"""Keys of hls4ml's ``VivadoSynthReport`` and our metrics."""


class BuildReport(Report, Mapping[str, dict[str, str]]):
    """The report; as a mapping it has the keys and the strings of hls4ml's ``parse_vivado_report``.

    ==================  =====================================================================================
    CSynthesisReport    what the generator states: clock, latency and interval of the kernel in cycles, alkaid's
                        estimate of LUTs, and what the device has (where that is known)
    VivadoSynthReport   the kernel's cells after synthesis; by Yosys, in spite of the key's name
    CosimReport         latency and interval of the stream shell as measured on the simulated RTL, and whether
                        all oracles agree
    ==================  =====================================================================================

    A key whose value was not measured is absent, never 0.
    """

    def as_hls4ml(self) -> dict[str, dict[str, str]]:
        """The sections as plain dictionaries; those that are empty are left out."""
        sections = {
            "CSynthesisReport": self._generated(),
            "VivadoSynthReport": self._synthesized(),
            "CosimReport": self._simulated(),
        }
        return {name: section for name, section in sections.items() if section}

    def __getitem__(self, key: str) -> dict[str, str]:
        return self.as_hls4ml()[key]

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.as_hls4ml())

    def __len__(self) -> int:
        return len(self.as_hls4ml())

    def __str__(self) -> str:
        return "\n".join(f"{name:<16}{value:<24}{note}".rstrip() for name, value, note in summary_rows(self))

    def _generated(self) -> dict[str, str]:
        kernel = next(design for design in self.designs if design.role == "kernel")
        latency, interval = str(kernel.latency_cycles), str(kernel.ii_cycles)
        found = {
            "TargetClockPeriod": f"{self.clock_ns:.2f}", "BestLatency": latency, "WorstLatency": latency,
            "IntervalMin": interval, "IntervalMax": interval,
        }  # fmt: skip
        estimates = [m.value for m in self.measurements if m.metric == "ESTIMATED_LUT"]
        if estimates:
            found["LUT"] = str(round(sum(estimates)))
        available = {
            m.metric.removeprefix("AVAILABLE_"): m.value for m in self.measurements if "AVAILABLE_" in m.metric
        }
        found |= {f"Available{n}": str(available[n]) for n in ("LUT", "FF", "DSP", "URAM") if n in available}
        if "BRAM36" in available:
            found["AvailableBRAM_18K"] = str(2 * available["BRAM36"])
        return found

    def _synthesized(self) -> dict[str, str]:
        design = quoted_design(self)
        if design is None:
            return {}
        cells = _cells(self.measurements, design.name)
        found = {key: str(cells[name]) for key, name in AREA.items() if name in cells}
        if {"BRAM36", "BRAM18"} & cells.keys():
            found["BRAM_18K"] = str(2 * cells.get("BRAM36", 0) + cells.get("BRAM18", 0))
        return found

    def _simulated(self) -> dict[str, str]:
        proof = self.verification
        if proof is None or proof.latency_cycles is None or proof.ii_cycles is None:
            return {}
        latency, interval = str(proof.latency_cycles), str(proof.ii_cycles)
        return {
            "RTL": "Verilog", "Status": "Pass" if proof.status is Status.PASSED else "Fail", "LatencyMin": latency,
            "LatencyMax": latency, "IntervalMin": interval, "IntervalMax": interval,
        }  # fmt: skip


def _cells(measurements: tuple[Measurement, ...], design: str) -> dict[str, float | int]:
    return {m.metric: m.value for m in measurements if m.design == design and m.stage is FigureStage.POST_SYNTH}
