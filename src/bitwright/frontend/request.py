"""What is asked of the processes that load TensorFlow, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class ImportRequest(BaseModel):
    """One import; paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: Path
    weights: Path | None = None
    hls_config: Path | None = None
    io_type: Literal["io_parallel", "io_stream"] = "io_parallel"
    head: Literal["model", "logits", "argmax"] = "logits"
    rows: Path | None = None
    classes: int = 0
    real: int = 4000
    random: int = 6000
    seed: int = 1
    part: str
    clock_ns: float
    out: Path

    def options(self) -> dict[str, Any]:
        """What hls4ml's converter takes beside the model and its config."""
        return {"io_type": self.io_type, "part": self.part, "clock_period": self.clock_ns}


class TraceRequest(BaseModel):
    """Which model on which vectors; paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path
    weights: Path | None
    whole: bool
    """Whether a final softmax is a part of the hardware."""
    network: Path
    vectors: Path
    """Raw inputs ``x`` (rows, elements)."""
    out: Path


class FloatRequest(BaseModel):
    """Which model to read as a float model; paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: Path
    weights: Path | None = None
    out: Path


class WriteRequest(BaseModel):
    """Which quantized model to write; paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: Path
    """``.json`` with the layers of :mod:`bitwright.quant.keras_layers`, and ``.npz`` with their weights beside it."""
    out: Path
