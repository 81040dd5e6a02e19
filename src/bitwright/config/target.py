"""flows/targets/<name>.yaml: the device, the clock and the tool that synthesizes for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bitwright.config.yamlfile import Config, read_yaml

FAMILIES: dict[str, tuple[str, ...]] = {
    "nextpnr-ecp5": ("ecp5",), "nextpnr-ice40": ("ice40",), "nextpnr-gowin": ("gowin",),
    "vivado": ("xcup", "xcu", "xc7"), "quartus": ("intel",),
}  # fmt: skip
"""What each tool of ``route`` can place."""


class TargetConfig(Config):
    """One target."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    title: str
    part: str = Field(pattern=r"^[A-Za-z0-9_./-]+$", description="vendor part number, such as xcvu13p-flga2577-2-e")
    family: Literal["xcup", "xcu", "xc7", "ecp5", "ice40", "gowin", "intel"] = Field(
        description="what Yosys synthesizes for; it leaves intel to Quartus"
    )
    tool: Literal["yosys"] = "yosys"
    route: Literal["nextpnr-ecp5", "nextpnr-ice40", "nextpnr-gowin", "vivado", "quartus"] | None = Field(
        default=None, description="what places and routes, if anything"
    )
    hls: Literal["vitis_hls"] | None = Field(default=None, description="what synthesizes hls4ml's C++, if anything")
    hls_steps: tuple[Literal["csim", "synth", "cosim", "export", "vsynth"], ...] = Field(
        default=("synth",), description="what it does: switches of hls4ml's build_prj.tcl"
    )
    clock_ns: float = Field(gt=0, description="clock period")
    clock_uncertainty: float = Field(default=0.1, ge=0, lt=1, description="fraction of the period")
    depth_per_stage: float = Field(
        default=5.0, gt=0, description="adder depths between two pipeline registers (alkaid's delay unit)"
    )
    available: dict[str, int] = Field(
        default={}, description="LUT, FF, DSP, BRAM36, EBR of the device; ALM, FF, DSP, M20K of Intel's"
    )

    @model_validator(mode="after")
    def _router_knows_the_family(self) -> Self:
        known = FAMILIES.get(self.route or "", ())
        if known and self.family not in known:
            raise ValueError(f"route '{self.route}' is for family {' or '.join(known)}, not for '{self.family}'")
        return self


def load_target(path: Path) -> TargetConfig:
    """Read a target file."""
    return read_yaml(path, TargetConfig)
