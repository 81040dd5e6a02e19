"""What the stages write and the report holds: one schema, read by people and scripts.

Every figure carries its stage, tool, part and source file; a figure that does not exist is absent,
never zero.  The JSON Schema of :class:`Report` is published as ``docs/report.schema.json``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"


class Record(BaseModel):
    """Base of all records: frozen; an unknown key, and a figure that is no number, are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FigureStage(StrEnum):
    """Where in the flow a figure comes from; figures of different stages are never mixed."""

    HLS_ESTIMATE = "HLS_ESTIMATE"
    BUNDLE = "BUNDLE"
    POST_SYNTH = "POST_SYNTH"
    POST_PLACE = "POST_PLACE"
    POST_ROUTE = "POST_ROUTE"


class Status(StrEnum):
    """How a check or stage ended.  NOT_RUN is its own word: never passed, never zero."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_RUN = "NOT_RUN"


class Measurement(Record):
    """One figure of one design (``design`` is a module; ``layer`` its layer in the model, if any)."""

    metric: str = Field(description="LUT, LOGIC_LUT, SRL, FF, DSP, BRAM36, CARRY, LATENCY_MIN_CYCLES, ...")
    value: float | int
    unit: str = Field(description="count, cycles, ns, MHz, ...")
    stage: FigureStage
    tool: str
    tool_version: str
    part: str
    design: str
    layer: str | None = None
    source: str = Field(description="the file, relative to the build folder, that states the figure")
    line: int | None = None
    note: str = ""


class FirstMismatch(Record):
    """The first place where two oracles differ."""

    layer: str
    element: int
    vector: int
    expected_bits: str = Field(description="binary, as many digits as the format has bits")
    actual_bits: str
    expected: float
    actual: float
    format: str
    waveform: str | None = Field(default=None, description="VCD or FST of that vector, relative path")


class OraclePair(Record):
    """Two independently computed results, compared bit for bit on the same vectors."""

    left: str
    right: str
    status: Status
    vectors: int = Field(description="vectors compared")
    bits: int = Field(description="output bits compared")
    mismatches: int = Field(description="vectors that differ")
    what: str = Field(default="output", description="the value compared, such as a layer's name")
    seed: int | None = None
    first: FirstMismatch | None = None
    reason: str = Field(default="", description="why not run, or what limits the comparison")


class ProtocolCheck(Record):
    """One cocotb test of the bench."""

    name: str
    status: Status
    seconds: float
    detail: str = ""


class Verification(Record):
    """Everything that the verify stage proved or failed to prove."""

    status: Status
    pairs: tuple[OraclePair, ...]
    protocol: tuple[ProtocolCheck, ...]
    latency_cycles: int | None = Field(default=None, description="measured on the RTL")
    ii_cycles: int | None = Field(default=None, description="measured back to back")
    bulk_vectors_per_second: float | None = None
    source: str = Field(default="", description="the file, relative to the build folder, that states it")


class ClassScore(Record):
    """One class of the data set: one against the rest."""

    name: str
    rows: int
    auc: float | None = None
    roc: tuple[tuple[float, float], ...] = Field(default=(), description="(false, true) positive rate")


class Accuracy(Record):
    """Accuracy of the hardware's bits on labelled rows; present only if the oracles agree."""

    dataset: str
    split: str
    rows: int
    synthetic: bool
    accuracy: float = Field(description="0..1, of the bit-exact reference")
    keras_accuracy: float | None = None
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...] = Field(description="rows: true class, columns: predicted")
    note: str = ""
    source: str = Field(default="", description="the file, relative to the build folder, that states it")


class LayerRow(Record):
    """One layer as built."""

    name: str
    kind: str
    module: str | None = None
    shape: tuple[int, ...]
    format: str
    parameters: int = 0
    nonzero: int = 0
    multiplications: int = 0
    first_stage: int | None = Field(default=None, description="pipeline stage at which it starts")
    last_stage: int | None = None


class StageRun(Record):
    """One stage of the flow: when it ran, for how long, with which tools."""

    name: str
    status: Status
    seconds: float | None = None
    peak_mb: float | None = None
    reason: str = ""
    detail: dict[str, float] = Field(default={}, description="seconds by step")


class ToolVersion(Record):
    """A program or package that took part."""

    name: str
    version: str


class InputDigest(Record):
    """A file that the result depends on."""

    name: str
    sha256: str


class ResultDigest(Record):
    """A digest of something that the run computed: equal digests are equal bits."""

    name: str = Field(description="program, vectors, network, outputs (of the reference on the vectors), bundle")
    sha256: str


class PortRow(Record):
    """One port of the hardware."""

    name: str
    direction: Literal["input", "output"]
    width: int
    meaning: str = ""


class DesignRow(Record):
    """One top of the bundle and what it includes."""

    name: str
    role: Literal["kernel", "shell"]
    latency_cycles: int
    ii_cycles: int
    ports: tuple[PortRow, ...]
    includes: str
    source: str = Field(default="", description="the file, relative to the build folder, that states it")


class Warning_(Record):  # noqa: N801  (Warning is a builtin)
    """Something that a reader of the figures must know."""

    source: str
    message: str


class Report(Record):
    """The one report of a run."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION  # type: ignore[assignment]
    bitwright_version: str
    model: str
    title: str
    target: str
    part: str
    clock_ns: float
    status: Status
    accuracy: Accuracy | None = None
    verification: Verification | None = None
    designs: tuple[DesignRow, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    stages: tuple[StageRun, ...] = ()
    tools: tuple[ToolVersion, ...] = ()
    inputs: tuple[InputDigest, ...] = ()
    results: tuple[ResultDigest, ...] = ()
    warnings: tuple[Warning_, ...] = ()
    reproduce: tuple[str, ...] = ()
