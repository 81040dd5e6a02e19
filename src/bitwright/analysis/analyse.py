"""A Network, and rows of data where there are some, to one :class:`Analysis`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright import __version__
from bitwright.analysis.ebops import bias_ebops, ebops
from bitwright.analysis.memory import in_bytes, memory, peak
from bitwright.analysis.operations import nonzero_macs, work
from bitwright.analysis.precision import precision
from bitwright.analysis.records import Analysis, DataRow, KindRow, LayerRow, MemoryRow, Precision, TotalRow, WorkRow
from bitwright.analysis.select import select
from bitwright.analysis.statistics import observe, statistics
from bitwright.network import Network
from bitwright.network.layers import parameters
from bitwright.network.text import identity

BACKWARD = 2
"""Work of a backward pass in forward ones: the gradients of inputs and of weights are a product each."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Raw vectors (rows, elements of all inputs), and what they are."""

    x: npt.NDArray[np.int64]
    row: DataRow


def analyse(
    network: Network, data: Data | None = None, names: Sequence[str] = (), kinds: Sequence[str] = ()
) -> Analysis:
    """Everything about a network; totals are of all its layers, rows of those that the filters leave.

    Args:
        network: what to look at.
        data: raw input vectors for the statistics of activations; None: there are none.
        names: patterns of layers' names.
        kinds: kinds of layers.

    Raises:
        UsageError: a filter that matches nothing, or vectors of another shape than the network takes.
    """
    wanted = select(network, names, kinds)
    seen = observe(network, data.x, wanted) if data is not None else {}
    every, layers = _rows(network, precision(network, seen)), network.by_name
    rows = [
        row.model_copy(update={"statistics": statistics(layers[row.name], seen)}) for row in every if row.name in wanted
    ]
    return Analysis(
        bitwright_version=__version__, model=network.name, network_sha256=identity(network), io_type=network.io_type,
        outputs=network.outputs, selected=(*names, *kinds), data=data.row if data else None, kinds=_kinds(every),
        layers=tuple(rows), total=_total(network, every), notes=network.notes,
    )  # fmt: skip


def _rows(network: Network, formats: Mapping[str, Precision]) -> list[LayerRow]:
    """All layers, without statistics."""
    works, effective = work(network), ebops(network)
    found = []
    for layer in network.layers:
        (count, nonzero), done, kept = parameters(layer), works[layer.name], memory(layer)
        forward = WorkRow(
            macs=done.macs, nonzero_macs=nonzero_macs(layer), multiplications=done.multiplications, flops=done.flops,
            bitops=done.bitops, product_bitops=done.products, bias_bitops=done.bias, other_bitops=done.other,
            ebops=effective[layer.name], bias_ebops=bias_ebops(layer), backward_flops_estimate=BACKWARD * done.flops,
            backward_bitops_estimate=BACKWARD * done.bitops,
        )  # fmt: skip
        row = LayerRow(
            name=layer.name, kind=type(layer).__name__, sources=layer.sources, shape=layer.shape, parameters=count,
            nonzero_parameters=nonzero, sparsity=1 - nonzero / count if count else None, work=forward,
            memory=_memory(kept.weights, kept.tables, kept.activations), precision=formats[layer.name],
        )  # fmt: skip
        found.append(row)
    return found


def _memory(weights: int, tables: int, activations: int) -> MemoryRow:
    return MemoryRow(
        weight_bits=weights, table_bits=tables, activation_bits=activations, weight_bytes=in_bytes(weights),
        table_bytes=in_bytes(tables), activation_bytes=in_bytes(activations),
    )  # fmt: skip


def _total(network: Network, rows: Sequence[LayerRow]) -> TotalRow:
    kept = [row.memory for row in rows]
    sums = (sum(m.weight_bits for m in kept), sum(m.table_bits for m in kept), sum(m.activation_bits for m in kept))
    return TotalRow(
        layers=len(rows), parameters=sum(row.parameters for row in rows),
        nonzero_parameters=sum(row.nonzero_parameters for row in rows), work=_sum(row.work for row in rows),
        memory=_memory(*sums), peak_activation_bits=peak(network),
    )  # fmt: skip


def _sum(rows: Iterable[WorkRow]) -> WorkRow:
    made: Counter[str] = Counter(dict.fromkeys(WorkRow.model_fields, 0))
    for row in rows:
        made.update(row.model_dump())
    return WorkRow(**made)


def _kinds(rows: Sequence[LayerRow]) -> tuple[KindRow, ...]:
    """In the order in which kinds first occur."""
    found = []
    for kind in dict.fromkeys(row.kind for row in rows):
        own = [row for row in rows if row.kind == kind]
        works = _sum(row.work for row in own)
        found.append(
            KindRow(
                kind=kind, layers=len(own), parameters=sum(row.parameters for row in own), flops=works.flops,
                bitops=works.bitops, ebops=works.ebops,
            )
        )  # fmt: skip
    return tuple(found)
