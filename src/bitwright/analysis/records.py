"""What ``bitwright analyse`` found: one record, its JSON Schema is ``docs/analysis.schema.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bitwright.files import to_json
from bitwright.report.records import Record

SCHEMA_VERSION = "1.0"


class Histogram(Record):
    """Equal bins over the range of the values."""

    start: float = Field(description="lower end of the first bin")
    bin_width: float
    counts: tuple[int, ...] = Field(description="values in each bin; a bin holds its lower end, not its upper one")


class Statistics(Record):
    """The values of one tensor: a constant's, or a result's over all rows of the data."""

    tensor: str = Field(description="result, weight, bias, ...")
    count: int = Field(description="values")
    minimum: float
    maximum: float
    mean: float
    variance: float = Field(description="of these values, not an estimate of a population's")
    zero_share: float = Field(description="share of values that are zero: the tensor's sparsity")
    at_lower_share: float = Field(description="share at the lowest value that the format gives")
    at_upper_share: float = Field(description="share at the highest value of the format")
    quantiles: dict[str, float] = Field(description="share -> smallest value that so many do not exceed")
    resolution: float = Field(description="quantiles and bins are exact to this; the format's own step: exact")
    histogram: Histogram


class ConstantPrecision(Record):
    """One constant tensor of a layer."""

    name: str
    format: str
    width: int
    integer: int
    fraction: int
    used_bits: int = Field(description="bits, sign included, that the largest value needs")
    unused_fraction_bits: int = Field(description="last bits that are zero in every value")
    values: int = Field(description="different values")


class Precision(Record):
    """The formats of a layer."""

    format: str
    width: int
    integer: int = Field(description="bits left of the binary point, sign included")
    fraction: int
    signed: bool
    rounding: str
    overflow: str
    mean_element_width: float = Field(description="mean over the elements, which may have types of their own")
    proved_bits: int = Field(description="bits that the proved range of the result needs")
    used_bits: int | None = Field(default=None, description="bits that the values seen on the data need")
    accum: str | None = None
    constants: tuple[ConstantPrecision, ...] = ()


class WorkRow(Record):
    """Operations of one inference; ``backward`` figures are estimates: twice the forward ones."""

    macs: int
    nonzero_macs: int = Field(description="MACs whose weight is not zero")
    multiplications: int = Field(description="MACs and other products of two values")
    flops: int
    bitops: int
    product_bitops: int = Field(description="of MACs and multiplications: bits of one factor x bits of the other")
    bias_bitops: int
    other_bitops: int = Field(description="of activations, comparisons, look-ups, sums")
    ebops: int = Field(description="effective bit operations of the multiplications, arXiv:2405.00645")
    bias_ebops: int = Field(description="effective bits of the biases, once for each addition")
    backward_flops_estimate: int
    backward_bitops_estimate: int


class MemoryRow(Record):
    """Bits of constants and results, each value in its format's bits; bytes are packed."""

    weight_bits: int
    table_bits: int
    activation_bits: int
    weight_bytes: int
    table_bytes: int
    activation_bytes: int


class LayerRow(Record):
    """One layer."""

    name: str
    kind: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int
    nonzero_parameters: int
    sparsity: float | None = Field(default=None, description="share of parameters that are zero; absent without any")
    work: WorkRow
    memory: MemoryRow
    precision: Precision
    statistics: tuple[Statistics, ...] = ()


class KindRow(Record):
    """All layers of one kind."""

    kind: str
    layers: int
    parameters: int
    flops: int
    bitops: int
    ebops: int


class TotalRow(Record):
    """The whole network, also the layers that a filter leaves out."""

    layers: int
    parameters: int
    nonzero_parameters: int
    work: WorkRow
    memory: MemoryRow
    peak_activation_bits: int = Field(description="results alive at once, layer after layer")


class DataRow(Record):
    """The rows that the activations are of."""

    source: str
    rows: int
    random: bool = Field(description="true where no data was given and vectors on the input grid stood in")


class Analysis(Record):
    """Everything."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION  # type: ignore[assignment]
    bitwright_version: str
    model: str
    network_sha256: str
    io_type: str
    outputs: tuple[str, ...]
    selected: tuple[str, ...] = Field(default=(), description="filters by name or kind; empty: all layers")
    data: DataRow | None = None
    kinds: tuple[KindRow, ...]
    layers: tuple[LayerRow, ...]
    total: TotalRow
    notes: tuple[str, ...] = ()


def schema_text() -> str:
    """The JSON Schema, as published in docs/analysis.schema.json."""
    return to_json(Analysis.model_json_schema())


def render_json(analysis: Analysis) -> str:
    """The record as JSON: sorted keys, absent figures absent; the same bytes for the same network and data."""
    return to_json(analysis.model_dump(mode="json", exclude_none=True))
