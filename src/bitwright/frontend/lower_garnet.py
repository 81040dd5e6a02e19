"""GarNet and GarNetStack, the distance-weighted graph networks of hls4ml's contrib, as layers that have hardware.

nnet_garnet.h, simplified form with the mean over vertices.  For each vertex v and aggregator a of a sublayer::

    distance = bias + sum_x data[v, x] * weight[a, x]             12 bits that saturate
    edge = exp(-distance^2)                                       a table
    mean_edge[a], mean[a, x] = means of edge and of data[v, x] * edge over the first n vertices, divided by all
    base[o, a] = mean_edge[a] * bias[o, a] + sum_x mean[a, x] * weight[o, a, x]

Between two sublayers of a stack a vertex becomes ``bias[o] + sum_a edge[v, a] * base[o, a]``; the result is
``bias[o] * n / vertices + sum_a mean_edge[a] * base[o, a]``.  The vertices are summed in as many groups as the reuse
factor says, each sum shifted right before the groups' sum is: that is where bits are lost, so the groups are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Overflow, quantize, quantize_floats
from bitwright.frontend.lower_types import Common, constant, format_of, precision, unsupported
from bitwright.network.layers import (
    Cast,
    Concat,
    Constant,
    Conv,
    Dense,
    Einsum,
    Layer,
    Lookup,
    Merge,
    MergeOp,
    Rearrange,
    RearrangeOp,
    Relu,
    Reshape,
    ScaleBias,
    Shape,
)

Ints = npt.NDArray[np.int64]

BIT = FixedFormat(1, 1, signed=False)
DISTANCE = FixedFormat(12, 4, overflow=Overflow.SAT)
"""``distance_t`` of garnet_templates.py: 12 bits, min(4, 12 - 6) of them before the point."""


@dataclass(frozen=True, slots=True)
class _Types:
    """The internal types of a GarNet (garnet_templates.py): what the config says, or hls4ml's defaults."""

    edge: FixedFormat
    edge_sum: FixedFormat
    aggr: FixedFormat
    out: FixedFormat


@dataclass(frozen=True, slots=True)
class _Weights:
    """Of one sublayer: (a, x), (a,), (o, a, x), (o, a) and (o,) for a aggregators, x features in and o out."""

    distance: Constant
    distance_bias: Constant
    base: Constant
    base_bias: Constant
    out_bias: Constant


@dataclass(frozen=True, slots=True)
class _Edges:
    """A vertex' edge weights (v, a) and their means (a,), and the weighted data's means (a, x)."""

    all: str
    mean: str
    data_mean: str


def garnet(node: Any, common: Common, sources: list[Layer]) -> tuple[Layer, ...]:
    """GarNet, or the sublayers of a GarNetStack, over (vertices, features) and the number of vertices that count."""
    _check(node, sources)
    types, stack = _types(node), hasattr(node, "_sublayer_weights")
    found = node._sublayer_weights if stack else [node.weights]
    made = _Maker(node, types, sources[1].name)
    data = sources[0]
    for number, names in enumerate(found):
        weights = _weights(node, {key: variable.name for key, variable in names.items()}, number, stack)
        edges = made.aggregated(f"{node.name}_{number}" if stack else node.name, data, weights)
        if number + 1 < len(found):
            data = made.distributed(f"{node.name}_{number}", edges, data.shape[0], weights)
    made.collapsed(common, edges, weights)
    return tuple(made.layers)


# --- what of hls4ml's forms has a meaning ------------------------------------------------------


def _check(node: Any, sources: list[Layer]) -> None:
    """Refuse what the C++ leaves undefined or does not compile."""
    collapse, vertices, count = node.get_attr("collapse"), int(node.get_attr("n_vertices")), sources[1].result
    if collapse != "mean":
        raise unsupported(node, f"collapse {collapse!r}; hls4ml's C++ defines all of its outputs for 'mean' only")
    if node.get_attr("mean_by_nvert"):
        raise unsupported(node, "mean_by_nvert, which divides by a number of vertices that may be zero")
    for what, number in (("vertices", vertices), ("reuse factor", _reuse(node))):
        if number & (number - 1):
            raise unsupported(node, f"{number} as {what}; hls4ml's C++ shifts by its logarithm: take a power of two")
    if count.fraction != 0:
        cure = f"set LayerName.{sources[1].name}.Precision.result to ap_uint<{vertices.bit_length()}>"
        raise unsupported(node, f"{count} as number of vertices, with bits behind the point: {cure}")


def _reuse(node: Any) -> int:
    return int(node.get_attr("reuse_factor", 1))


def _types(node: Any) -> _Types:
    reuse, vertices = _log2(_reuse(node)), _log2(int(node.get_attr("n_vertices")))
    whole = max(reuse, vertices - reuse)
    return _Types(
        _type(node, "edge_weight", FixedFormat(10, 0, signed=False)),
        _type(node, "edge_weight_aggr", FixedFormat(whole + 10, whole, signed=False)),
        _type(node, "aggr", FixedFormat(whole + 13, whole + 3)),
        precision(node, "result"),
    )


def _type(node: Any, which: str, default: FixedFormat) -> FixedFormat:
    kind, name = node.model.config.get_precision(node, var=which)
    return default if name.endswith("default_t") else format_of(kind, node, which)


def _log2(n: int) -> int:
    return n.bit_length() - 1


def _weights(node: Any, names: dict[str, str], number: int, stack: bool) -> _Weights:
    inside = f"_{number}" if stack else ""

    def of(kind: str, what: str) -> Constant:
        return constant(node, f"{kind}{inside}_{what}")

    assert names
    base, biases = of("input_transform", "weights"), of("input_transform", "biases")
    return _Weights(
        of("aggregator_distance", "weights"), of("aggregator_distance", "biases"), base, biases,
        of("output_transform", "biases"),
    )  # fmt: skip


def edge_table(edge: FixedFormat) -> Constant:
    """``exp(-d^2)`` for each bit pattern of a distance (initialize_edge_weights_table); at 0 all ones, just below 1.

    hls::exp gives the type of its argument, the exact square, before the entry is cast to ``edge``.
    """
    top = quantize_floats(np.ones(1), FixedFormat(edge.width, 0, signed=False, overflow=Overflow.SAT))
    patterns = np.arange(1 << DISTANCE.width)
    distances = np.where(patterns < len(patterns) // 2, patterns, patterns - len(patterns)) * 2.0**-DISTANCE.fraction
    square = FixedFormat(2 * DISTANCE.width + 1, 2 * DISTANCE.integer + 1)
    exact = quantize_floats(np.array([exp(-d * d) for d in distances]), square)
    raw = quantize(exact, square.fraction, edge)
    raw[0] = quantize(top, edge.width, edge)[0]
    return Constant(raw, edge)


# --- the layers --------------------------------------------------------------------------------


class _Maker:
    """Makes the layers of a node, in order."""

    def __init__(self, node: Any, types: _Types, count: str) -> None:
        self.node, self.types, self.count = node, types, count
        self.layers: list[Layer] = []
        self.vertices = int(node.get_attr("n_vertices"))

    def add(self, kind: Callable[..., Layer], name: str, *sources: str, **fields: Any) -> str:
        """Add a layer; its name."""
        self.layers.append(kind(name=name, sources=sources, **fields))
        return name

    def aggregated(self, name: str, data: Layer, weights: _Weights) -> _Edges:
        """Edge weights of all vertices, and the means over those that count."""
        types, (aggregators, features) = self.types, weights.distance.raw.shape
        edge, all_edges = types.edge, (self.vertices, aggregators)
        kernel = Constant(np.ascontiguousarray(weights.distance.raw.T)[None], weights.distance.format)
        bias = Constant(quantize(weights.distance_bias.raw, weights.distance_bias.format.fraction, DISTANCE), DISTANCE)
        distance = self.add(
            Conv, f"{name}_distance", data.name, shape=all_edges, result=DISTANCE, weight=kernel, bias=bias,
            accum=DISTANCE, stride=(1,), padding=(0, 0),
        )  # fmt: skip
        weight = self.add(Lookup, f"{name}_edge", distance, shape=all_edges, result=edge, table=edge_table(edge))
        counted = self.add(
            Merge, f"{name}_counted", weight, self._counts(name, aggregators), shape=all_edges, result=edge,
            op=MergeOp.MULTIPLY,
        )  # fmt: skip
        columns = self.add(Reshape, f"{name}_edge_column", counted, shape=(*all_edges, 1), result=edge)
        each = (self.vertices, features, 1)
        rows = self.add(Reshape, f"{name}_data_column", data.name, shape=each, result=data.result)
        weighted = self.add(
            Einsum, f"{name}_weighted", columns, rows, shape=(self.vertices, aggregators, features),
            result=data.result, accum=data.result,
        )  # fmt: skip
        mean = self._mean(f"{name}_edge", counted, edge, aggregators, types.edge_sum)
        cast = self.add(Cast, f"{name}_edge_mean_cast", mean, shape=(aggregators, 1), result=edge)
        means = self._mean(f"{name}_data", weighted, data.result, aggregators * features, types.aggr)
        both = self.add(Reshape, f"{name}_data_means", means, shape=(aggregators, features), result=_plain(types.aggr))
        return _Edges(weight, cast, both)

    def _counts(self, name: str, copies: int) -> str:
        """One for each vertex below the number that counts, zero for the others; so many copies of each."""
        wide = FixedFormat(64 - 8, 64 - 8)
        size, ones = self.vertices * copies, np.ones((1, self.vertices * copies), dtype=np.int64)
        steps = Constant(-np.repeat(np.arange(self.vertices), copies), FixedFormat(16, 16))
        above = self.add(
            Dense, f"{name}_above", self.count, shape=(size,), result=wide, accum=wide, weight=Constant(ones, BIT),
            bias=steps,
        )  # fmt: skip
        whether = self.add(Relu, f"{name}_is_counted", above, shape=(size,), result=BIT, limit=1)
        return self.add(Reshape, f"{name}_counts", whether, shape=(self.vertices, copies), result=BIT)

    def _mean(self, name: str, rows: str, kind: FixedFormat, columns: int, total: FixedFormat) -> str:
        """Sums of groups of rows of type ``kind``, shifted right; their sum, shifted right: (columns, 1) (Means)."""
        reuse = _reuse(self.node)
        groups = self._sums(f"{name}_groups", rows, kind, (reuse, self.vertices // reuse, columns), total)
        whole = self._sums(f"{name}_sum", groups, _plain(total), (1, reuse, columns), total)
        return self.add(Reshape, f"{name}_mean", whole, shape=(columns, 1), result=_plain(total))

    def _sums(self, name: str, rows: str, kind: FixedFormat, shape: Shape, total: FixedFormat) -> str:
        """(groups, rows, columns) summed over the rows, divided by their number, a power of two: (groups, columns)."""
        groups, together, columns = shape
        as_groups = self.add(Reshape, f"{name}_rows", rows, shape=shape, result=kind)
        turned = self.add(
            Rearrange, f"{name}_turned", as_groups, shape=(groups, columns, together), result=kind,
            op=RearrangeOp.TRANSPOSE, parameters=(0, 2, 1),
        )  # fmt: skip
        ones = self._constant(f"{name}_ones", np.ones((groups, 1, together), dtype=np.int64), BIT)
        added = self.add(Einsum, f"{name}_added", turned, ones, shape=(groups, columns, 1), result=total, accum=total)
        return self._shifted(name, added, (groups, columns, 1), together, total)

    def _constant(self, name: str, raw: Ints, fmt: FixedFormat) -> str:
        """A tensor of constants: of no input, thus of any."""
        row = self.add(
            Dense, f"{name}_row", self.count, shape=(raw.size,), result=fmt, accum=fmt,
            weight=Constant(np.zeros((1, raw.size), dtype=np.int64), BIT), bias=Constant(raw.reshape(-1), fmt),
        )  # fmt: skip
        return self.add(Reshape, name, row, shape=raw.shape, result=fmt)

    def _shifted(self, name: str, source: str, shape: Shape, by: int, total: FixedFormat) -> str:
        """``source >> log2(by)`` within its type: rounded down, whatever the type's own mode."""
        step = Constant(np.ones(1, dtype=np.int64), FixedFormat(1, 1 - _log2(by), signed=False))
        zero = Constant(np.zeros(1, dtype=np.int64), BIT)
        return self.add(ScaleBias, name, source, shape=shape, result=_plain(total), scale=step, bias=zero)

    def _base(self, name: str, edges: _Edges, weights: _Weights) -> str:
        """``base`` (a, 1, o): a product with the means, the edge's first (compute_output_base_core)."""
        aggr, (out, aggregators, features) = self.types.aggr, weights.base.raw.shape
        joined = covering(self.types.edge, aggr)
        both = self.add(
            Concat, f"{name}_means", edges.mean, edges.data_mean, shape=(aggregators, 1 + features), result=joined,
            axis=1,
        )  # fmt: skip
        each = self.add(Reshape, f"{name}_means_rows", both, shape=(aggregators, 1, 1 + features), result=joined)
        factors = self._constant(f"{name}_factors", *_factors(weights))
        return self.add(Einsum, f"{name}_base", each, factors, shape=(aggregators, 1, out), result=aggr, accum=aggr)

    def distributed(self, name: str, edges: _Edges, vertices: int, weights: _Weights) -> Layer:
        """The vertices' data of the next sublayer, (v, o) (compute_vertex_output)."""
        out, aggregators = weights.base_bias.raw.shape
        types, base = self.types, self._base(name, edges, weights)
        turned = self.add(
            Rearrange, f"{name}_edge_turned", edges.all, shape=(aggregators, vertices), result=types.edge,
            op=RearrangeOp.TRANSPOSE, parameters=(1, 0),
        )  # fmt: skip
        left = self.add(Reshape, f"{name}_edge_rows", turned, shape=(aggregators, vertices, 1), result=types.edge)
        right = self.add(Reshape, f"{name}_base_rows", base, shape=(aggregators, out, 1), result=types.aggr)
        shares = self.add(
            Einsum, f"{name}_shares", left, right, shape=(aggregators, vertices, out), result=types.out,
            accum=types.out,
        )  # fmt: skip
        rows = self.add(Reshape, f"{name}_shares_rows", shares, shape=(aggregators, vertices * out), result=types.out)
        own = quantize(weights.out_bias.raw, weights.out_bias.format.fraction, types.out)
        summed = self.add(
            Conv, f"{name}_vertices_row", rows, shape=(1, vertices * out), result=types.out, accum=types.out,
            weight=Constant(np.ones((aggregators, vertices * out), dtype=np.int64), BIT),
            bias=Constant(np.tile(own, vertices), types.out), stride=(1,), padding=(0, 0), depthwise=True,
        )  # fmt: skip
        self.add(Reshape, f"{name}_vertices", summed, shape=(vertices, out), result=types.out)
        return self.layers[-1]

    def collapsed(self, common: Common, edges: _Edges, weights: _Weights) -> None:
        """The node's output (o,): the mean over the vertices, the bias first (set_output, OutputBiasNormalizer)."""
        name, types = str(common["name"]), self.types
        out, aggregators = weights.base_bias.raw.shape
        base = self._base(f"{name}_out", edges, weights)
        rows = self.add(Reshape, f"{name}_out_rows", base, shape=(aggregators, out), result=types.aggr)
        bias, fmt = self._bias(name, weights)
        column = covering(fmt, types.aggr)
        terms = self.add(Concat, f"{name}_terms", bias, rows, shape=(1 + aggregators, out), result=column)
        turned = self.add(
            Rearrange, f"{name}_terms_turned", terms, shape=(out, 1 + aggregators), result=column,
            op=RearrangeOp.TRANSPOSE, parameters=(1, 0),
        )  # fmt: skip
        left = self.add(Reshape, f"{name}_terms_rows", turned, shape=(1, out, 1 + aggregators), result=column)
        row = covering(BIT, types.edge)
        one = self._constant(f"{name}_one", np.ones((1, 1), dtype=np.int64), BIT)
        means = self.add(Concat, f"{name}_means", one, edges.mean, shape=(1 + aggregators, 1), result=row)
        right = self.add(Reshape, f"{name}_means_row", means, shape=(1, 1, 1 + aggregators), result=row)
        total = self.add(Einsum, f"{name}_total", left, right, shape=(1, out, 1), result=types.out, accum=types.out)
        self.add(Reshape, name, total, shape=(out,), result=types.out)

    def _bias(self, name: str, weights: _Weights) -> tuple[str, FixedFormat]:
        """``bias * n / vertices`` (1, o) and its type, the bias' own."""
        aggr, own, out = self.types.aggr, weights.out_bias.format, len(weights.out_bias.raw)
        factors = Constant(quantize(weights.out_bias.raw, own.fraction, aggr)[None], aggr)
        times = self.add(
            Dense, f"{name}_bias_times", self.count, shape=(out,), result=aggr, accum=aggr, weight=factors,
            bias=Constant(np.zeros(out, dtype=np.int64), BIT),
        )  # fmt: skip
        share = self._shifted(f"{name}_bias_share", times, (out,), self.vertices, aggr)
        cast = self.add(Cast, f"{name}_bias_own", share, shape=(out,), result=own)
        return self.add(Reshape, f"{name}_bias", cast, shape=(1, out), result=own), own


def _plain(fmt: FixedFormat) -> FixedFormat:
    """The same grid with the modes of a shift, which rounds down."""
    return FixedFormat(fmt.width, fmt.integer, fmt.signed)


def covering(a: FixedFormat, b: FixedFormat) -> FixedFormat:
    """A signed type that holds all values of both."""
    integer, fraction = max(a.integer, b.integer) + 1, max(a.fraction, b.fraction)
    return FixedFormat(integer + fraction, integer)


def _factors(weights: _Weights) -> tuple[Ints, FixedFormat]:
    """Biases and weights as (a, o, 1 + x), the bias first, and their type."""
    fmt = covering(weights.base.format, weights.base_bias.format)
    bias = quantize(weights.base_bias.raw, weights.base_bias.format.fraction, fmt)
    base = quantize(weights.base.raw, weights.base.format.fraction, fmt)
    return np.concatenate([bias[:, :, None], base], axis=2).swapaxes(0, 1).copy(), fmt
