"""What ``build`` returns: our typed report, which can also be read with the keys of hls4ml's own report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bitwright.report import hls4ml_dict
from bitwright.report.records import Report
from bitwright.report.summary import summary_rows


class BuildReport(Report, Mapping[str, dict[str, Any]]):
    """The report; as a mapping it has the keys of hls4ml's ``parse_vivado_report``, with numbers as values.

    ==================  =====================================================================================
    CSynthesisReport    what the generator states: clock, latency and interval of the kernel in cycles, alkaid's
                        estimate of LUTs, and what the device has (where that is known)
    VivadoSynthReport   the kernel's cells after synthesis; by Yosys, in spite of the key's name
    CosimReport         latency and interval of the stream shell as measured on the simulated RTL, and whether
                        all oracles agree
    ==================  =====================================================================================

    A key whose value was not measured is absent, never 0; see :mod:`bitwright.report.hls4ml_keys`.
    """

    def as_hls4ml(self) -> dict[str, dict[str, Any]]:
        """The sections as plain dictionaries; those that are empty are left out."""
        return dict(hls4ml_dict(self))  # type: ignore[arg-type]  # a TypedDict's values are objects to mypy

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self.as_hls4ml()[key]

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.as_hls4ml())

    def __len__(self) -> int:
        return len(self.as_hls4ml())

    def __str__(self) -> str:
        return "\n".join(f"{name:<16}{value:<24}{note}".rstrip() for name, value, note in summary_rows(self))
