"""The backend's options: what ``convert_from_keras_model`` and ``build`` take, checked where they are given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from bitwright.config import TargetConfig, load_target
from bitwright.config.model import Head
from bitwright.config.yamlfile import Config
from bitwright.errors import ConfigError, UsageError, nearest
from bitwright.stages.job import DEFAULT_TARGET

NAME = "Bitwright"
"""What hls4ml calls this backend."""

DEFAULTS: dict[str, Any] = {
    "part": "xcvu13p-flga2577-2-e", "family": None, "clock_period": 5, "clock_uncertainty": "10%",
    "io_type": "io_parallel", "head": "model", "depth_per_stage": 5.0, "vectors": 10_000, "bulk": None, "seed": 1,
}  # fmt: skip

Family = Literal["xcup", "xcu", "xc7", "ecp5", "ice40", "gowin"]
FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"xc(ku|vu)\d+p-|xc[za]u\d", "xcup"),
    (r"xc[kv]u\d+-", "xcu"),
    (r"x[caq]{1,2}7", "xc7"),
    (r"lfe5|ecp5", "ecp5"),
    (r"ice40", "ice40"),
    (r"gw1n", "gowin"),
)
"""Part numbers by what Yosys calls their family."""

WHERE = "backend 'Bitwright'"
OF_VITIS = frozenset({"namespace", "write_weights_txt", "write_tar", "write_emulation_constants", "tb_output_stream"})
"""Options of the Vitis backend about C++ that this one does not make."""


class Options(Config):
    """Everything that the converter takes beside the model and its hls config; kept in the graph's config."""

    part: str = Field(pattern=r"^[A-Za-z0-9_./-]+$", description="vendor part number")
    family: Family
    clock_period: float = Field(gt=0, description="ns")
    clock_uncertainty: float = Field(ge=0, lt=1, description="fraction of the period")
    io_type: Literal["io_parallel", "io_stream"] = Field(description="whole tensors, or a pixel per beat")
    head: Head = Field(description="model: all layers; logits: no final softmax; argmax: index of the largest output")
    depth_per_stage: float = Field(gt=0, description="adder depths between two pipeline registers")
    vectors: int = Field(ge=1, description="random vectors on which build() compares all oracles")
    bulk: int | None = Field(ge=0, description="further random vectors, RTL against reference")
    seed: int = Field(ge=0)

    def target(self) -> TargetConfig:
        """The target as the stages know it; what the device has is known for the default one alone."""
        known = load_target(DEFAULT_TARGET)
        return TargetConfig(
            name="hls4ml", title=f"{self.part}, {self.clock_period:g} ns, Yosys", part=self.part, family=self.family,
            clock_ns=self.clock_period, clock_uncertainty=self.clock_uncertainty,
            depth_per_stage=self.depth_per_stage, available=known.available if known.part == self.part else {},
        )  # fmt: skip


def choose(given: Mapping[str, Any]) -> Options:
    """Options from the keywords that the converter was given; None stands for the default, as with Vitis.

    Raises:
        ConfigError: a name that means nothing here, with the nearest one; or a wrong value.
    """
    refuse_unknown(set(given) - set(DEFAULTS), DEFAULTS, "option")
    values = {key: default if given.get(key) is None else given[key] for key, default in DEFAULTS.items()}
    values["family"] = values["family"] or family_of(str(values["part"]))
    values["clock_uncertainty"] = _fraction(values["clock_uncertainty"])
    try:
        return Options.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        what = f"{name}={values[name]!r}: {first['msg'].removeprefix('Value error, ')}"
        raise ConfigError(what, where=WHERE, hint="mend that option of the converter") from error


def refuse_unknown(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """An error that names the nearest known word for the first of ``names``."""
    for name in sorted(names):
        if name in OF_VITIS:
            hint = f"'{name}' is about Vitis' C++, which this backend does not make; leave it out"
        else:
            hint = nearest(name, known) or f"known: {', '.join(sorted(known))}"
        raise ConfigError(f"unknown {what} '{name}'", where=WHERE, hint=hint)


def family_of(part: str) -> Family:
    """What Yosys synthesizes for, by the part's number."""
    for pattern, family in FAMILIES:
        if re.match(pattern, part.lower()):
            return family
    names = ", ".join(f"'{family}'" for _, family in FAMILIES)
    raise ConfigError(f"no family is known for the part '{part}'", where=WHERE, hint=f"give family= one of {names}")


def _fraction(value: Any) -> Any:
    """``'27%'``, as hls4ml writes it, or a fraction."""
    found = re.fullmatch(r"\s*([\d.]+)\s*%\s*", value) if isinstance(value, str) else None
    return float(found[1]) / 100 if found else value


# --- what build() is asked for -----------------------------------------------------------------

BUILD_KEYWORDS = (
    "reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt", "log_to_stdout",
)  # fmt: skip
IMPOSSIBLE = {
    "csim": (
        "csim runs Vitis' C++ test bench, and there is none",
        "call predict(): it simulates the RTL; build() also runs hls4ml's C++ on the CPU and compares it",
    ),
    "cosim": (
        "cosim is Vitis' own RTL simulation",
        "leave it out: every build() compares the simulated RTL with hls4ml's C++ on every vector",
    ),
    "validation": ("validation compares the logs of csim and cosim", "leave it out: build() compares bit for bit"),
    "export": (
        "export packs a Vitis HLS project as an IP",
        "the RTL, its constraints and a Vivado script lie in OUTPUT_DIR/emit: add rtl/*.sv to your own project",
    ),
    "vsynth": (
        "vsynth asks Vivado to synthesize, and this backend synthesizes with Yosys",
        "with Vivado installed, run 'vivado -mode batch -source vivado.tcl' in OUTPUT_DIR/emit",
    ),
    "fifo_opt": (
        "fifo_opt sizes the FIFOs of io_stream designs by cosimulation",
        "leave it out: emit computes their depths",
    ),
}


def refuse_impossible(asked: Mapping[str, bool]) -> None:
    """Say what RTL cannot give.

    Raises:
        UsageError: one of :data:`IMPOSSIBLE` is asked for; says what to do instead.
    """
    for name, (what, hint) in IMPOSSIBLE.items():
        if asked.get(name):
            raise UsageError(f"{name}=True: {what}", where=f"build() of {WHERE}", hint=hint)
