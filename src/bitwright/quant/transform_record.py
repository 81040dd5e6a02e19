"""The summary of a transform: of each op how many layers changed, and the formats of each layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field
from rich.table import Table
from rich.text import Text

from bitwright import __version__
from bitwright.config.transform import TransformFile
from bitwright.files import to_json
from bitwright.fixed import FixedFormat
from bitwright.quant.calibrate import Calibration
from bitwright.quant.constants import weight_values
from bitwright.quant.float_model import FloatLayer
from bitwright.quant.pipeline import Quantized
from bitwright.quant.transform import Transformed
from bitwright.report.numbers import ABSENT, percent
from bitwright.report.records import Record

SCHEMA_VERSION = "1.0"
ORIGINAL = "float32"
"""The type of everything before: quantizers of the source are dropped."""


class OpRow(Record):
    """All layers of one type."""

    type: str
    original: str = ORIGINAL
    total: int
    changed: int = Field(description="layers whose weights or data got formats of their own")
    unchanged: int = Field(description="layers that hand on what they read, or give exact sums to a quantizer behind")


class TransformedLayer(Record):
    """One layer; a format is absent where the layer has none of its own."""

    name: str
    type: str
    changed: bool
    original: str = ORIGINAL
    data: str | None = None
    weight: str | None = None
    bias: str | None = Field(default=None, description="as asked for, else as exact as the products")
    accum: str | None = None
    keys: tuple[str, ...] = Field(default=(), description="the config's keys that said so; empty: its default")
    weight_sqnr_db: float | None = Field(default=None, description="power of the weights over that of their rounding")
    clipped_share: float | None = Field(default=None, description="share of the calibration's values that are limited")


class FindingRow(Record):
    """Something wrong with a layer, and what to do about it (the health check, docs/quantization.md)."""

    layer: str
    severity: str
    what: str
    cure: str


class QualityRow(Record):
    """A metric on the labelled rows: the float model's, and that of the integers."""

    metric: str
    rows: int
    floats: float
    integers: float


class TransformRecord(Record):
    """Everything."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION  # type: ignore[assignment]
    bitwright_version: str
    model: str
    config: str
    by: str
    rows: int = Field(description="rows of the calibration; 0: every format was given")
    ops: tuple[OpRow, ...]
    layers: tuple[TransformedLayer, ...]
    quality: QualityRow | None = Field(default=None, description="absent without labelled rows")
    findings: tuple[FindingRow, ...] = Field(default=(), description="of the health check; none without rows")
    usable: bool = Field(default=True, description="whether no finding is fatal")


def summarize(
    done: Transformed, file: TransformFile, calibration: Calibration | None, judged: Quantized | None = None
) -> TransformRecord:
    """The record of a transform; ``judged``: what rows said of its result."""
    layers = tuple(_layer(layer, done, calibration) for layer in done.model.layers)
    return TransformRecord(
        bitwright_version=__version__, model=done.model.name, config=file.path.name, by=file.config.by,
        rows=calibration.rows if calibration else 0, ops=tuple(_ops(layers)), layers=layers,
        **(_judgement(judged) if judged else {}),
    )  # fmt: skip


def _judgement(judged: Quantized) -> dict[str, Any]:
    found, rows = judged.quality, [(f.layer, f.severity.value, f.what, f.cure) for f in judged.findings]
    quality = found and QualityRow(
        metric=found.metric, rows=found.rows, floats=found.floats, integers=found.integers
    )  # fmt: skip
    findings = tuple(FindingRow(layer=n, severity=s, what=w, cure=c) for n, s, w, c in rows)
    return {"quality": quality, "findings": findings, "usable": judged.usable}


def _ops(layers: tuple[TransformedLayer, ...]) -> Iterator[OpRow]:
    for kind in dict.fromkeys(layer.type for layer in layers):
        own = [layer.changed for layer in layers if layer.type == kind]
        yield OpRow(type=kind, total=len(own), changed=sum(own), unchanged=len(own) - sum(own))


def _layer(layer: FloatLayer, done: Transformed, calibration: Calibration | None) -> TransformedLayer:
    plan = done.plan[layer.name]
    share = None
    if calibration is not None and plan.quantized:
        share = plan.clipped.count / calibration.tensors[layer.name].count if plan.clipped else 0.0
    return TransformedLayer(
        name=layer.name, type=layer.kind.value, changed=plan.quantized or plan.weight is not None,
        data=_text(plan.tensor.format if plan.quantized else None),
        weight=_text(plan.weight.format if plan.weight else None), bias=_text(done.biases.get(layer.name, plan.bias)),
        accum=_text(plan.accum), keys=done.wanted[layer.name].keys,
        weight_sqnr_db=_sqnr(layer, done), clipped_share=share,
    )  # fmt: skip


def _text(fmt: FixedFormat | None) -> str | None:
    return None if fmt is None else str(fmt)


def _sqnr(layer: FloatLayer, done: Transformed) -> float | None:
    """Absent where there are no weights, where they are all zero, and where none was rounded."""
    held = done.plan[layer.name].weight
    if held is None:
        return None
    weight = layer.weights["weight"]
    noise = float(np.square(weight - weight_values(layer, held)).sum())
    power = float(np.square(weight).sum())
    return 10 * float(np.log10(power / noise)) if noise and power else None


def render_json(record: TransformRecord) -> str:
    """The record as JSON: sorted keys, absent figures absent."""
    return to_json(record.model_dump(mode="json", exclude_none=True))


def schema_text() -> str:
    """The JSON Schema, as published in docs/transform.schema.json."""
    return to_json(TransformRecord.model_json_schema())


def tables(record: TransformRecord) -> Iterator[Table]:
    """Ops, then layers."""
    ops = [(row.type, row.original, *map(str, (row.total, row.changed, row.unchanged))) for row in record.ops]
    yield _table(f"{record.model} by {record.by}: ops", ("op", "original type", "total", "changed", "unchanged"), ops)
    columns = ("layer", "op", "data", "weight", "bias", "sums", "key", "weight SQNR", "clipped")
    yield _table("layers", columns, [_row(layer) for layer in record.layers])


def verdict(record: TransformRecord) -> Iterator[str]:
    """What the rows said, a line each."""
    for found in record.findings:
        yield f"{found.severity}: {found.layer}: {found.what}\n  -> {found.cure}"
    if record.quality is not None:
        q = record.quality
        yield f"{q.metric}: float {q.floats:.4f}, integers {q.integers:.4f} ({q.rows:,} rows)"


def _row(layer: TransformedLayer) -> tuple[str, ...]:
    formats = (layer.data or ABSENT, layer.weight or ABSENT, layer.bias or ABSENT, layer.accum or ABSENT)
    sqnr = ABSENT if layer.weight_sqnr_db is None else f"{layer.weight_sqnr_db:.1f} dB"
    share = ABSENT if layer.clipped_share is None else percent(layer.clipped_share, 3)
    return layer.name, layer.type, *formats, ", ".join(layer.keys) or "default", sqnr, share


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
