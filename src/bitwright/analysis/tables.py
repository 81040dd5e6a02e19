"""An analysis in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bitwright.analysis.records import Analysis, LayerRow, Precision, Statistics
from bitwright.report.numbers import ABSENT, count, percent

Rows = Iterable[Sequence[str]]
QUARTILES = ("0.01", "0.5", "0.99")


def show(analysis: Analysis, console: Console | None = None) -> None:
    """Print all tables."""
    console = console or Console()
    console = console if console.is_terminal else Console(file=console.file, width=200)
    for table in tables(analysis):
        console.print(table)
        console.print()
    for line in footnotes(analysis):
        console.print(Text(line, style="dim"))


def tables(analysis: Analysis) -> Iterator[Table]:
    """Graph, kinds, work, memory, precision and statistics."""
    layers = analysis.layers
    yield _table(f"{analysis.model}: layers", ("layer", "kind", "sources", "shape", "format"), _graph(layers), left=5)
    yield _table("kinds", ("kind", "layers", "parameters", "FLOPs", "BitOPs", "EBOPs"), _kinds(analysis))
    works = (
        "layer",
        "MACs",
        "not zero",
        "FLOPs",
        "BitOPs",
        "products",
        "bias",
        "other",
        "EBOPs",
        "backward FLOPs (est.)",
    )
    yield _table("work of one inference", works, _work(analysis))
    memory = ("layer", "parameters", "zeros", "weight bits", "table bits", "result bits", "bytes")
    yield _table("memory", memory, _memory(analysis))
    bits = ("layer", "what", "format", "bits", "element mean", "proved", "seen", "unused fraction", "values")
    yield _table("precision", bits, _precision(layers), left=3)
    numbers = (
        "layer",
        "tensor",
        "min",
        "max",
        "mean",
        "std",
        *(f"q {q}" for q in QUARTILES),
        "zeros",
        "at lowest",
        "at highest",
    )
    yield _table("statistics", numbers, _statistics(layers), left=2)


def footnotes(analysis: Analysis) -> Iterator[str]:
    """What a reader of the figures must know."""
    yield f"{count(analysis.total.peak_activation_bits)} bits of results alive at once, layer after layer"
    if analysis.data is None:
        yield "no data: statistics of constants only"
    else:
        yield f"activations: {count(analysis.data.rows)} rows, {analysis.data.source}"
    yield "backward: an estimate, twice the forward work; docs/analysis.md has all formulas"


def _table(title: str, columns: Sequence[str], rows: Rows, left: int = 1) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for k, column in enumerate(columns):
        table.add_column(column, justify="left" if k < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(word) for word in row))
    return table


def _graph(layers: Sequence[LayerRow]) -> Rows:
    for row in layers:
        shape = " x ".join(map(str, row.shape))
        yield row.name, row.kind, ", ".join(row.sources) or ABSENT, shape, row.precision.format


def _kinds(analysis: Analysis) -> Rows:
    for row in analysis.kinds:
        yield row.kind, *(count(v) for v in (row.layers, row.parameters, row.flops, row.bitops, row.ebops))
    all_of, works = analysis.total, analysis.total.work
    yield "all", *(count(v) for v in (all_of.layers, all_of.parameters, works.flops, works.bitops, works.ebops))


def _work(analysis: Analysis) -> Rows:
    for name, work in (*((row.name, row.work) for row in analysis.layers), ("all layers", analysis.total.work)):
        if work.flops or name == "all layers":
            bits = (work.bitops, work.product_bitops, work.bias_bitops, work.other_bitops, work.ebops)
            figures = (work.macs, work.nonzero_macs, work.flops, *bits, work.backward_flops_estimate)
            yield name, *map(count, figures)


def _memory(analysis: Analysis) -> Rows:
    total = analysis.total
    zeros = 1 - total.nonzero_parameters / total.parameters if total.parameters else None
    rows = [(row.name, row.parameters, row.sparsity, row.memory) for row in analysis.layers]
    for name, parameters, sparsity, kept in (*rows, ("all layers", total.parameters, zeros, total.memory)):
        bits = (kept.weight_bits, kept.table_bits, kept.activation_bits)
        zero = percent(sparsity) if sparsity is not None else ABSENT
        yield (
            name,
            count(parameters),
            zero,
            *map(count, (*bits, kept.weight_bytes + kept.table_bytes + kept.activation_bytes)),
        )


def _precision(layers: Sequence[LayerRow]) -> Rows:
    for row in layers:
        held: Precision = row.precision
        mean = f"{held.mean_element_width:.3g}"
        yield (
            row.name,
            "result",
            held.format,
            str(held.width),
            mean,
            str(held.proved_bits),
            _or(held.used_bits),
            ABSENT,
            ABSENT,
        )
        for c in held.constants:
            figures = (str(c.used_bits), str(c.unused_fraction_bits), count(c.values))
            yield "", c.name, c.format, str(c.width), ABSENT, ABSENT, *figures


def _or(value: int | None) -> str:
    return ABSENT if value is None else str(value)


def _statistics(layers: Sequence[LayerRow]) -> Rows:
    for row in layers:
        for k, tensor in enumerate(row.statistics):
            yield row.name if k == 0 else "", *_numbers(tensor)


def _numbers(tensor: Statistics) -> Sequence[str]:
    middle = (tensor.minimum, tensor.maximum, tensor.mean, tensor.variance**0.5)
    quantiles = (tensor.quantiles[q] for q in QUARTILES)
    limits = (percent(tensor.at_lower_share), percent(tensor.at_upper_share))
    return tensor.tensor, *(f"{v:.4g}" for v in (*middle, *quantiles)), percent(tensor.zero_share), *limits
