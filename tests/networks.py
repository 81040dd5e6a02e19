"""Small networks for tests: one or more of every layer kind, random ones, and vectors for them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from bitwright.fixed import FixedFormat, Overflow, Rounding, parse_format
from bitwright.network import Constant, Layer, Network, check
from bitwright.network.layer_recurrent import NO_TABLE
from bitwright.network.layers import (
    Argmax,
    Base,
    Cast,
    CastEach,
    Cell,
    Concat,
    Conv,
    Dense,
    Dot,
    Einsum,
    Embedding,
    ExpLinear,
    GateFunction,
    HardMax,
    HardSigmoid,
    Input,
    LayerNorm,
    Leaky,
    Levels,
    Lookup,
    Merge,
    MergeOp,
    Pool,
    PoolForm,
    PoolOp,
    Rearrange,
    RearrangeOp,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Shape,
    Softmax,
    SoftmaxKind,
    Table,
    TableFunction,
    Threshold,
)
from bitwright.network.tables import (
    activation_table,
    elu_table,
    exp_table,
    inverse_root_table,
    inverse_table,
    legacy_exp_table,
    legacy_inverse_table,
    selu_table,
)
from bitwright.network.vectors import corners, input_formats, random_rows
from bitwright.network.window import positions
from bitwright.rtl.engine_dense import valid_reuse_factors
from bitwright.rtl.engine_recurrent import reuse_factors
from bitwright.rtl.partition import with_reuse

Ints = npt.NDArray[np.int64]
L = TypeVar("L", bound=Base)
A = TypeVar("A", Leaky, Threshold, HardSigmoid, ExpLinear, Levels, Lookup)
Format = str | FixedFormat

CONSTANTS = {"slope", "theta", "shift", "gain", "alpha", "up", "down"}
"""Fields of activations that are constants."""


def fmt(text: Format) -> FixedFormat:
    """A format from its text."""
    return text if isinstance(text, FixedFormat) else parse_format(text)


class Draft:
    """A network while it is put together; constants not given are random, decided by the name."""

    def __init__(self, name: str, rng: random.Random | None = None) -> None:
        self.name = name
        self.rng = rng or random.Random(name)
        self.layers: list[Layer] = []

    def add(self, layer: L) -> L:
        """Append a layer."""
        self.layers.append(layer)  # type: ignore[arg-type]
        return layer

    def common(self, kind: str, sources: Sequence[Base], shape: Shape, result: Format) -> dict[str, Any]:
        """The fields of :class:`Base`."""
        return {
            "name": f"{kind}{len(self.layers)}",
            "sources": tuple(source.name for source in sources),
            "shape": shape,
            "result": fmt(result),
        }

    def constant(self, shape: Shape, text: Format, raw: Any = None) -> Constant:
        """The given raw values, or random ones over the whole format."""
        form = fmt(text)
        if raw is None:
            raw = [self.rng.randint(form.min, form.max) for _ in range(prod(shape))]
        return Constant(np.array(raw, dtype=np.int64).reshape(shape), form)

    def input(self, size: int | Shape, result: Format) -> Input:
        """An input."""
        return self.add(Input(**self.common("x", (), size if isinstance(size, tuple) else (size,), result)))

    def dense(
        self,
        x: Base,
        n: int,
        *,
        accum: Format,
        result: Format,
        weight: Format = "fixed<5,2>",
        bias: Format = "fixed<5,2>",
        raw: Any = None,
        raw_bias: Any = None,
        strategy: str = "latency",
        reuse: int = 1,
    ) -> Dense:
        """A Dense layer."""
        return self.add(
            Dense(
                **self.common("dense", (x,), (n,), result),
                weight=self.constant((x.size, n), weight, raw),
                bias=self.constant((n,), bias, raw_bias),
                accum=fmt(accum),
                strategy=strategy,
                reuse_factor=reuse,
            )
        )

    def conv(
        self,
        x: Base,
        filters: int,
        kernel: Shape,
        *,
        accum: Format,
        result: Format,
        stride: Shape | None = None,
        padding: Shape | None = None,
        weight: Format = "fixed<5,2>",
        bias: Format = "fixed<5,2>",
        depthwise: bool = False,
        strategy: str = "latency",
        reuse: int = 1,
    ) -> Conv:
        """A Conv layer; depthwise: as many filters as channels."""
        stride = stride or (1,) * len(kernel)
        padding = padding or (0,) * (2 * len(kernel))
        channels = x.shape[-1]
        filters = channels if depthwise else filters
        inner = (channels,) if depthwise else (channels, filters)
        shape = (*positions(x.shape, kernel, stride, padding), filters)
        return self.add(
            Conv(
                **self.common("conv", (x,), shape, result),
                weight=self.constant((*kernel, *inner), weight),
                bias=self.constant((filters,), bias),
                accum=fmt(accum),
                stride=stride,
                padding=padding,
                depthwise=depthwise,
                strategy=strategy,
                reuse_factor=reuse,
            )
        )

    def pool(
        self,
        x: Base,
        op: PoolOp,
        kernel: Shape,
        *,
        accum: Format,
        result: Format,
        stride: Shape | None = None,
        padding: Shape | None = None,
        form: PoolForm = PoolForm.PARALLEL,
        count_padding: bool = False,
    ) -> Pool:
        """A Pool layer; its windows lie side by side when no stride is given."""
        stride, padding = stride or kernel, padding or (0,) * (2 * len(kernel))
        shape = (*positions(x.shape, kernel, stride, padding), x.shape[-1])
        common = self.common(op.value, (x,), shape, result)
        return self.add(
            Pool(
                **common, op=op, kernel=kernel, stride=stride, padding=padding, accum=fmt(accum), form=form,
                count_padding=count_padding,
            )
        )  # fmt: skip

    def rearrange(self, x: Base, op: RearrangeOp, shape: Shape, parameters: Shape, result: Format) -> Rearrange:
        """A Rearrange layer."""
        common = self.common(op.name.lower(), (x,), shape, result)
        return self.add(Rearrange(**common, op=op, parameters=parameters))

    def scale_bias(self, x: Base, scale: Format, bias: Format, result: Format, n: int | None = None) -> ScaleBias:
        """A ScaleBias layer with ``n`` scales (one per element when not given)."""
        size = (n or x.size,)
        common = self.common("scale", (x,), x.shape, result)
        return self.add(ScaleBias(**common, scale=self.constant(size, scale), bias=self.constant(size, bias)))

    def relu(self, x: Base, result: Format, limit: int | None = None) -> Relu:
        """A Relu layer."""
        return self.add(Relu(**self.common("relu", (x,), x.shape, result), limit=limit))

    def cast(self, x: Base, result: Format) -> Cast:
        """A Cast layer."""
        return self.add(Cast(**self.common("cast", (x,), x.shape, result)))

    def table(self, x: Base, function: TableFunction, entries: int, table: Format, result: Format) -> Table:
        """A Table layer with hls4ml's own table."""
        made = activation_table(function, entries, fmt(table))
        return self.add(Table(**self.common(function.value, (x,), x.shape, result), function=function, table=made))

    def softmax(
        self,
        x: Base,
        kind: SoftmaxKind,
        result: Format,
        *,
        exp: Format,
        inverse: Format,
        accum: Format,
        inverse_input: Format,
        difference: Format | None = None,
        exp_entries: int = 16,
        inverse_entries: int = 16,
        outer: int = 1,
        inner: int = 1,
    ) -> Softmax:
        """A Softmax layer with hls4ml's own tables."""
        stable = kind is SoftmaxKind.STABLE
        address = fmt(difference) if stable and difference is not None else x.result
        if kind is SoftmaxKind.LEGACY:
            made = (legacy_exp_table(exp_entries, fmt(exp)), legacy_inverse_table(inverse_entries, fmt(exp)))
        else:
            made = (
                exp_table(address, exp_entries, fmt(exp), 1.0, stable),
                inverse_table(fmt(inverse_input), inverse_entries, fmt(inverse)),
            )
        return self.add(
            Softmax(
                **self.common("softmax", (x,), x.shape, result),
                implementation=kind,
                exp_table=made[0],
                inverse_table=made[1],
                accum=fmt(accum),
                inverse_input=fmt(inverse_input),
                difference=address,
                outer=outer,
                inner=inner,
            )
        )

    def hard_max(self, x: Base, result: Format, outer: int = 1, inner: int = 1) -> HardMax:
        """A HardMax layer."""
        return self.add(HardMax(**self.common("hard", (x,), x.shape, result), outer=outer, inner=inner))

    def activation(self, kind: type[A], x: Base, result: Format, **fields: Any) -> A:
        """A layer of a kind that works on each element; fields given as (raw values, format) become constants."""
        made = {k: self.constant((len(v[0]),), v[1], v[0]) if k in CONSTANTS else v for k, v in fields.items()}
        return self.add(kind(**self.common(kind.__name__.lower(), (x,), x.shape, result), **made))

    def cast_each(self, x: Base, result: Format, formats: Sequence[Format | None], **modes: Any) -> CastEach:
        """A CastEach layer."""
        made = [None if text is None else fmt(text) for text in formats]
        rows = [[0, 0, 0] if t is None else [int(t.signed), t.width, t.integer] for t in made]
        bits = Constant(np.ascontiguousarray(np.array(rows, dtype=np.int64).T), FixedFormat(16, 16))
        modes = {"rounding": Rounding.TRN, "overflow": Overflow.WRAP} | modes
        return self.add(CastEach(**self.common("each", (x,), x.shape, result), bits=bits, **modes))

    def lookup(self, x: Base, table: Format, result: Format, more: int = 0) -> Lookup:
        """A Lookup layer with a random table, of ``more`` entries than the source has patterns."""
        entries = self.constant(((1 << x.result.width) + more,), table)
        return self.add(Lookup(**self.common("lookup", (x,), x.shape, result), table=entries))

    def recurrent(
        self,
        x: Base,
        cell: Cell,
        units: int,
        *,
        accum: Format,
        result: Format,
        functions: tuple[GateFunction, GateFunction] = (GateFunction.TANH, GateFunction.SIGMOID),
        sequences: bool = True,
        **options: Any,
    ) -> Recurrent:
        """A Recurrent layer with tables of 64 entries."""
        gates, tables = cell.gates * units, []
        for function in functions:
            relu = function is GateFunction.RELU
            tables.append(NO_TABLE if relu else activation_table(TableFunction(function.value), 64, fmt("fixed<12,2>")))
        shape = (x.shape[0], units) if sequences else (units,)
        return self.add(
            Recurrent(
                **self.common(cell.value, (x,), shape, result), cell=cell,
                weight=self.constant((x.shape[1], gates), "fixed<5,2>"),
                recurrent_weight=self.constant((units, gates), "fixed<6,2>"),
                bias=self.constant((gates,), "fixed<4,2>"), recurrent_bias=self.constant((gates,), "fixed<3,1>"),
                accum=fmt(accum), function=functions[0], table=tables[0], gate=functions[1], gate_table=tables[1],
                sequences=sequences, **options,
            )
        )  # fmt: skip

    def embedding(self, x: Base, rows: int, n: int, table: Format, result: Format) -> Embedding:
        """An Embedding layer with a random table."""
        return self.add(
            Embedding(**self.common("embed", (x,), (*x.shape, n), result), table=self.constant((rows, n), table))
        )

    def layer_norm(
        self,
        x: Base,
        *,
        accum: Format,
        table: Format,
        result: Format,
        entries: int = 64,
        range_power: int = 0,
        epsilon: int = 3,
        scale: Format = "fixed<5,2>",
    ) -> LayerNorm:
        """A LayerNorm layer with hls4ml's own table."""
        return self.add(
            LayerNorm(
                **self.common("norm", (x,), x.shape, result), accum=fmt(accum), range_power=range_power,
                table=inverse_root_table(entries, fmt(table), epsilon, range_power),
                scale=self.constant(x.shape[-1:], scale), bias=self.constant(x.shape[-1:], "fixed<4,2>"),
            )
        )  # fmt: skip

    def einsum(self, a: Base, b: Base, accum: Format, result: Format) -> Einsum:
        """An Einsum layer."""
        shape = (a.shape[0], a.shape[1], b.shape[1])
        return self.add(Einsum(**self.common("einsum", (a, b), shape, result), accum=fmt(accum)))

    def dot(self, a: Base, b: Base, accum: Format, result: Format) -> Dot:
        """A Dot layer."""
        return self.add(Dot(**self.common("dot", (a, b), (1,), result), accum=fmt(accum)))

    def argmax(self, x: Base) -> Argmax:
        """An Argmax layer in just enough bits."""
        bits = max((x.size - 1).bit_length(), 1)
        return self.add(Argmax(**self.common("argmax", (x,), (1,), FixedFormat(bits, bits, signed=False))))

    def merge(self, op: MergeOp, a: Base, b: Base, result: Format) -> Merge:
        """A Merge layer; the smaller tensor repeats."""
        shape = a.shape if a.size >= b.size else b.shape
        return self.add(Merge(**self.common(op.value, (a, b), shape, result), op=op))

    def concat(self, a: Base, b: Base, result: Format, axis: int = 0) -> Concat:
        """A Concat layer."""
        shape = tuple(n + b.shape[i] if i == axis else n for i, n in enumerate(a.shape))
        return self.add(Concat(**self.common("concat", (a, b), shape, result), axis=axis))

    def reshape(self, x: Base, shape: Shape) -> Reshape:
        """A Reshape layer."""
        return self.add(Reshape(**self.common("reshape", (x,), shape, x.result)))

    def network(self, *outputs: Base) -> Network:
        """The finished network; its last layer is the output when none is given."""
        names = tuple(layer.name for layer in outputs) or (self.layers[-1].name,)
        network = Network(self.name, tuple(self.layers), names)
        check(network)
        return network


# --- one of every kind ---------------------------------------------------------------------------


def _dense(name: str, accum: str, result: str, **options: Any) -> Network:
    draft = Draft(name)
    draft.dense(draft.input(4, "fixed<6,3>"), 3, accum=accum, result=result, **options)
    return draft.network()


def dense_networks() -> list[Network]:
    """Dense with every sort of accumulator."""
    resource: dict[str, Any] = {"strategy": "resource", "bias": "fixed<7,4>"}
    return [
        _dense("dense_exact", "fixed<18,10>", "fixed<18,10>"),
        _dense("dense_rounded", "fixed<18,10>", "fixed<7,4,RND_CONV,SAT>"),
        _dense("dense_wrapping", "fixed<9,3>", "fixed<9,3>"),
        _dense("dense_truncating", "fixed<10,7>", "fixed<8,6>"),
        _dense("dense_rounding_accum", "fixed<11,7,RND_INF>", "fixed<10,7,TRN_ZERO>"),
        _dense("dense_saturating", "fixed<8,4,TRN,SAT>", "fixed<6,4>"),
        _dense("dense_saturating_sym", "fixed<7,4,RND,SAT_SYM>", "fixed<7,4>"),
        _dense("dense_zeroing", "fixed<8,4,RND_ZERO,SAT_ZERO>", "fixed<8,4>"),
        _dense("dense_unsigned_accum", "ufixed<8,5,TRN,SAT>", "ufixed<6,4,RND_MIN_INF>"),
        _dense("dense_coarse_weights", "fixed<12,9>", "fixed<9,7>", weight="fixed<3,6>", bias="fixed<4,6>"),
        _dense("dense_resource", "fixed<7,3,TRN,SAT>", "fixed<7,3>", reuse=2, **resource),
        _dense("dense_resource_4", "fixed<7,3,TRN,SAT>", "fixed<7,3>", reuse=4, **resource),
        _dense("dense_resource_12", "fixed<7,3,TRN,SAT>", "fixed<7,3>", reuse=12, **resource),
    ]


def conv_networks() -> list[Network]:
    """Convolutions of both ranks, with every sort of window, accumulator and strategy."""
    one, two = Draft("conv1d"), Draft("conv2d")
    x = one.input((5, 2), "fixed<6,3>")
    exact: dict[str, Any] = {"accum": "fixed<18,10>", "result": "fixed<12,8>"}
    saturating: dict[str, Any] = {"accum": "fixed<7,3,TRN,SAT>", "result": "fixed<7,3>"}
    outs: list[Base] = [
        one.conv(x, 3, (2,), **exact),
        one.conv(x, 2, (3,), padding=(1, 1), **exact),
        one.conv(x, 2, (3,), stride=(2,), padding=(2, 0), accum="fixed<10,7,RND>", result="fixed<8,6>"),
        one.conv(x, 3, (1,), stride=(2,), **saturating),
        one.conv(x, 2, (2,), strategy="resource", reuse=2, **saturating),
        one.conv(x, 0, (3,), depthwise=True, padding=(1, 1), **exact),
        one.conv(x, 0, (2,), depthwise=True, **saturating),
        one.relu(one.conv(x, 2, (4,), **exact), "ufixed<6,4,RND,SAT>"),
    ]
    y = two.input((4, 3, 2), "fixed<5,2>")
    more: list[Base] = [
        two.conv(y, 2, (2, 2), **exact),
        two.conv(y, 2, (3, 3), padding=(1, 1, 1, 1), stride=(2, 2), **saturating),
        two.conv(y, 3, (1, 1), **exact),
        two.conv(y, 0, (2, 3), depthwise=True, padding=(0, 1, 1, 1), **exact),
        two.cast(two.conv(y, 0, (2, 1), depthwise=True, **exact), "fixed<6,4,RND_CONV,SAT>"),
    ]
    return [one.network(*outs), two.network(*more)]


def pool_networks() -> list[Network]:
    """Pooling of both ranks, sorts and forms; accumulators that round, wrap and saturate."""
    networks = []
    for op in PoolOp:
        one, two = Draft(f"pool1d_{op.value}"), Draft(f"pool2d_{op.value}")
        x, u = one.input((5, 2), "fixed<6,3>"), one.input((4, 1), "ufixed<4,2>")
        same: dict[str, Any] = {"accum": "fixed<8,4>", "result": "fixed<8,3>"}
        narrow: dict[str, Any] = {"accum": "fixed<6,2,RND>", "result": "ufixed<5,2,RND,SAT>"}
        outs = [
            one.pool(x, op, (2,), **same),
            one.pool(x, op, (3,), stride=(2,), padding=(1, 1), **same),
            one.pool(x, op, (3,), stride=(1,), padding=(1, 1), count_padding=True, **narrow),
            one.pool(x, op, (5,), accum="fixed<5,3,TRN,SAT>", result="fixed<8,3>"),
            one.pool(u, op, (2,), padding=(1, 1), accum="ufixed<6,4>", result="fixed<7,4>"),
            one.pool(u, op, (3,), stride=(1,), accum="ufixed<3,2,RND_CONV,SAT>", result="fixed<7,4>"),
        ]
        networks.append(one.network(*outs))
        y = two.input((4, 3, 2), "fixed<5,2>")
        outs = [two.pool(y, op, (2, 2), **same), two.pool(y, op, (2, 3), stride=(1, 1), padding=(1, 0, 1, 1), **narrow)]
        outs += [two.pool(y, op, (4, 3), **same)]
        networks.append(two.network(*outs))
        stream = Draft(f"pool_stream_{op.value}")
        z = stream.input((6, 2), "fixed<6,3>")
        for form in (PoolForm.STREAM, PoolForm.GLOBAL_STREAM):
            sums: dict[str, Any] = {"form": form, "result": "fixed<7,3>"}
            stream.pool(z, op, (6,), accum="fixed<6,3,TRN,SAT>", **sums)
            stream.pool(z, op, (3,), accum="fixed<5,2,RND,WRAP>", **sums)
            stream.pool(z, op, (5,), accum="ufixed<6,4,RND,SAT_ZERO>", **sums)
        networks.append(stream.network(*stream.layers[1:]))
    return networks


def _rearranges() -> Network:
    draft = Draft("rearranges")
    x, y = draft.input((2, 3), "fixed<4,2>"), draft.input((2, 3, 2), "fixed<3,1>")
    op = RearrangeOp
    layers = [
        draft.rearrange(x, op.TRANSPOSE, (3, 2), (1, 0), "fixed<4,2>"),
        draft.rearrange(y, op.TRANSPOSE, (3, 2, 2), (1, 2, 0), "ufixed<3,2,RND,SAT>"),
        draft.rearrange(x, op.ZERO_PAD, (5, 3), (1, 2), "fixed<4,2>"),
        draft.rearrange(y, op.ZERO_PAD, (3, 5, 2), (1, 0, 0, 2), "fixed<3,1>"),
        draft.rearrange(x, op.CROP, (1, 3), (1, 0), "fixed<4,2>"),
        draft.rearrange(y, op.CROP, (2, 1, 2), (0, 0, 1, 1), "fixed<2,1,RND>"),
        draft.rearrange(x, op.RESIZE, (5, 3), (), "fixed<4,2>"),
        draft.rearrange(y, op.RESIZE, (4, 5, 2), (), "fixed<3,1>"),
    ]
    return draft.network(*layers)


def _dense_then() -> Network:
    """Dense and the one layer that reads it, where the two must not be taken for one."""
    draft = Draft("dense_then")
    x = draft.input(4, "fixed<6,3>")
    limited = draft.relu(draft.dense(x, 2, accum="fixed<18,10>", result="fixed<18,10>"), "ufixed<6,4,RND,SAT>", limit=6)
    narrow = draft.relu(draft.dense(x, 2, accum="fixed<18,10>", result="fixed<12,3>"), "ufixed<6,3,RND,SAT>")
    coarse = draft.relu(draft.dense(x, 2, accum="fixed<18,10>", result="fixed<12,10>"), "ufixed<6,5,RND_CONV,SAT>")
    return draft.network(limited, narrow, coarse)


def _dense_partial_sums() -> Network:
    """The whole sum always fits the saturating accumulator, a part of it never does."""
    draft = Draft("dense_partial_sums")
    x = draft.scale_bias(draft.input(2, "ufixed<2,2>"), "ufixed<1,1>", "ufixed<3,3>", "ufixed<4,4>")
    x.scale.raw[:], x.bias.raw[:] = 1, 4
    accum = "fixed<5,5,TRN,SAT>"
    options: dict[str, Any] = {"raw_bias": [0], "weight": "fixed<3,3>", "accum": accum, "result": "fixed<5,5>"}
    return draft.network(*(draft.dense(x, 1, raw=raw, **options) for raw in ([3, -2], [-3, 2])))


def _scale_bias() -> Network:
    draft = Draft("scale_bias")
    x = draft.input((2, 3), "fixed<6,2>")
    a = draft.scale_bias(x, "fixed<6,2>", "fixed<9,2>", "fixed<9,4,RND,SAT>")
    b = draft.scale_bias(x, "ufixed<4,1>", "fixed<4,2>", "fixed<6,3>", n=3)
    return draft.network(a, b)


def _relu() -> Network:
    draft = Draft("relu")
    x = draft.input(4, "fixed<7,4>")
    narrow = draft.relu(x, "ufixed<4,2,RND,SAT>")
    six = draft.relu(x, "ufixed<5,3,TRN,WRAP>", limit=6)
    one = draft.relu(x, "fixed<4,2,RND_CONV,SAT>", limit=1)
    coarse = draft.relu(draft.cast(x, "fixed<3,5>"), "ufixed<5,4>", limit=6)
    return draft.network(narrow, six, one, coarse)


def _casts() -> Network:
    """Every rounding with every overflow mode, signed and unsigned."""
    draft = Draft("casts")
    x = draft.input(1, "fixed<7,4>")
    signed = [draft.cast(x, FixedFormat(4, 2, True, q, o)) for q in Rounding for o in Overflow]
    unsigned = [draft.cast(x, FixedFormat(3, 2, False, q, o)) for q in Rounding for o in Overflow]
    return draft.network(*signed, *unsigned)


def _formats() -> Network:
    """Formats at the edges: one bit, no integer bits, more integer bits than width, wider than the source."""
    draft = Draft("formats")
    x = draft.input(2, "ufixed<5,2>")
    texts = (
        "fixed<1,1>", "ufixed<1,1>", "ufixed<1,0,RND,SAT>", "fixed<1,2,RND_CONV,SAT_SYM>", "fixed<3,-1>",
        "fixed<3,-1,TRN,SAT>", "ufixed<2,5>", "fixed<2,4,RND,SAT>", "fixed<12,5>", "ufixed<9,3>",
    )  # fmt: skip
    return draft.network(*(draft.cast(x, text) for text in texts))


def _table(name: str, function: TableFunction) -> Network:
    draft = Draft(name)
    fine = draft.table(draft.input(2, "fixed<8,5>"), function, 64, "fixed<10,2>", "fixed<8,2,RND>")
    wide = draft.table(draft.input(1, "fixed<13,6>"), function, 32, "ufixed<6,0>", "ufixed<6,0>")
    small = draft.table(draft.input(1, "ufixed<3,2>"), function, 128, "fixed<9,2>", "fixed<9,2>")
    coarse = draft.table(draft.input(1, "fixed<3,5>"), function, 16, "fixed<9,2>", "fixed<9,2>")
    return draft.network(fine, wide, small, coarse)


def _tables() -> list[Network]:
    return [_table(function.value, function) for function in TableFunction]


def _activations() -> Network:
    draft = Draft("activations")
    x, u = draft.input(3, "fixed<7,3>"), draft.input(2, "ufixed<5,1>")
    coarse = draft.cast(x, "fixed<4,6>")
    for source in (x, u, coarse):
        n = source.size
        draft.activation(Leaky, source, "fixed<8,3,RND>", slope=([3], "fixed<4,1>"))
        draft.activation(Leaky, source, "fixed<6,2,TRN,SAT>", slope=([-3, 5, 7][:n], "fixed<4,2>"))
        draft.activation(Threshold, source, "fixed<6,3>", theta=([3], "fixed<4,2>"))
        draft.activation(Threshold, source, "ufixed<5,2,RND,SAT>", theta=([-5], "fixed<6,3>"))
        draft.activation(
            HardSigmoid, source, "ufixed<6,1>", slope=([13107], "ufixed<16,0>"), shift=([2], "ufixed<2,0>")
        )
        draft.activation(
            HardSigmoid,
            source,
            "fixed<5,1,RND_CONV,SAT>",
            slope=([2], "ufixed<2,0>"),
            shift=([2], "ufixed<2,0>"),
            tanh=True,
        )
        one = ([1], "ufixed<1,1>")
        elu, selu = elu_table(64, fmt("fixed<9,3>")), selu_table(32, fmt("fixed<9,3,RND>"))
        draft.activation(ExpLinear, source, "fixed<9,4,RND>", gain=one, alpha=([3], "fixed<3,2>"), table=elu)
        draft.activation(ExpLinear, source, "fixed<9,4>", gain=([34429], "ufixed<16,1>"), alpha=one, table=selu)
        formats = ("fixed<4,2>", None, "ufixed<3,1>")[:n]
        draft.cast_each(source, "fixed<9,4>", formats, rounding=Rounding.RND, overflow=Overflow.SAT)
        values = draft.constant((1 << source.result.width,), "fixed<6,2>")
        draft.activation(Lookup, source, "fixed<5,2,RND>", table=values)
    draft.dot(x, draft.layers[0], "fixed<9,5,RND,SAT>", "fixed<8,4>")
    draft.dot(x, coarse, "fixed<18,12>", "fixed<12,8>")
    return draft.network(*draft.layers[3:])


def recurrent_networks() -> list[Network]:
    """Both cells, forward and backward, with exact, rounding and saturating accumulators."""
    networks = []
    for cell in Cell:
        draft = Draft(cell.value)
        x = draft.input((3, 2), "fixed<6,3>")
        relu, sigmoid = GateFunction.RELU, GateFunction.SIGMOID
        outs: list[Base] = [
            draft.recurrent(x, cell, 2, accum="fixed<18,8>", result="fixed<12,4>"),
            draft.recurrent(x, cell, 3, accum="fixed<9,5,RND,SAT>", result="fixed<7,3>", backward=True),
            draft.recurrent(x, cell, 2, accum="fixed<8,4>", result="fixed<8,2>", sequences=False),
            draft.recurrent(x, cell, 1, accum="fixed<12,7>", result="ufixed<6,4>", functions=(relu, sigmoid)),
            draft.recurrent(
                x, cell, 2, accum="fixed<8,5,TRN,SAT>", result="fixed<9,4>", functions=(sigmoid, relu),
                strategy="resource", reuse_factor=2, recurrent_reuse_factor=2,
            ),
        ]  # fmt: skip
        networks.append(draft.network(*outs))
    return networks


def _levels() -> Network:
    draft = Draft("levels")
    x, u = draft.input(3, "fixed<7,3>"), draft.input(2, "ufixed<5,1>")
    for source in (x, u, draft.cast(x, "fixed<4,6>")):
        n = source.size
        limits: dict[str, Any] = {"up": ([4, -1, 2][:n], "fixed<7,4>"), "down": ([-3, -1, 2][:n], "fixed<7,4>")}
        draft.activation(Levels, source, "fixed<2,2>", levels=(1, 0, -1), **limits)
        draft.activation(
            Levels, source, "ufixed<1,1>", levels=(1, 1, 0), up=([0], "fixed<2,2>"), down=([0], "fixed<2,2>")
        )
    return draft.network(*draft.layers[3:])


def _quantizers() -> Network:
    """A format for each element: without bits, beyond the source, beyond the result, every overflow mode."""
    draft = Draft("quantizers")
    x, y = draft.input((2, 3), "fixed<7,4>"), draft.input(4, "ufixed<6,2>")
    rnd = {"rounding": Rounding.RND}
    formats = ("fixed<4,2>", None, "ufixed<3,2>", "fixed<9,4>", "fixed<2,5>", None)
    results = ("fixed<11,6>", "ufixed<5,3>", "fixed<6,3,RND,SAT>")
    outs = [draft.cast_each(x, result, formats, **rnd) for result in results]
    outs += [
        draft.cast_each(
            y, "fixed<9,4>", [FixedFormat(3, i, i % 2 == 0) for i in range(4)], rounding=rounding, overflow=overflow
        )
        for rounding in (Rounding.TRN, Rounding.RND, Rounding.RND_CONV) for overflow in Overflow
    ]  # fmt: skip
    inner = draft.cast_each(
        draft.dense(y, 3, accum="fixed<16,8>", result="fixed<16,8>"), "fixed<8,4>", formats[:3], **rnd
    )
    return draft.network(*outs, draft.cast_each(y, "fixed<3,1>", [None] * 4), inner)


def _dense_of_axes() -> Network:
    """What EinsumDense becomes: one matrix over flattened tensors of several axes."""
    draft = Draft("dense_of_axes")
    flat = draft.dense(draft.input((2, 3), "fixed<6,3>"), 4, accum="fixed<16,8>", result="fixed<9,5>")
    draft.layers[-1] = made = dataclasses.replace(flat, shape=(2, 2))
    return draft.network(draft.cast_each(made, "fixed<7,4>", ["fixed<5,3>", None, "ufixed<4,2>", "fixed<3,3>"]))


def _lookups() -> Network:
    draft = Draft("lookups")
    signed, unsigned = draft.input(2, "fixed<5,2>"), draft.input(3, "ufixed<4,6>")
    modes = {"rounding": Rounding.RND, "overflow": Overflow.SAT}
    few = draft.cast_each(unsigned, "ufixed<5,6>", ["ufixed<2,5>"] * 3, **modes)
    outs = [draft.lookup(x, "fixed<6,2>", "fixed<5,2,RND,SAT>") for x in (signed, unsigned, few)]
    more = draft.lookup(signed, "fixed<6,2>", "fixed<5,2>", more=32)
    return draft.network(*outs, more, draft.lookup(draft.relu(signed, "fixed<3,3>"), "ufixed<7,3>", "ufixed<5,1>"))


def _embeddings() -> Network:
    """Indices with and without fraction bits, signed, coarse, and a table that no power of two divides."""
    draft = Draft("embeddings")
    tokens, fine = draft.input(3, "ufixed<3,3>"), draft.input(1, "ufixed<4,2>")
    known = draft.relu(draft.scale_bias(fine, "fixed<1,1>", "fixed<1,1>", "fixed<6,3>"), "ufixed<3,3>")
    outs = [
        draft.embedding(tokens, 8, 3, "fixed<6,2>", "fixed<6,2>"),
        draft.embedding(fine, 5, 3, "fixed<6,2>", "fixed<5,3,RND_CONV,SAT>"),
        draft.embedding(draft.relu(draft.input(2, "fixed<4,4>"), "fixed<4,4>"), 8, 2, "fixed<5,1>", "ufixed<4,1>"),
        draft.embedding(draft.input(1, "ufixed<2,4>"), 13, 1, "fixed<5,1>", "fixed<5,1>"),
        draft.embedding(known, 8, 2, "ufixed<5,1>", "ufixed<5,1>"),
    ]
    return draft.network(*outs)


def _layer_norms() -> Network:
    """Accumulators of hls4ml's default, exact, narrow, wrapping and coarse; tables of any number of entries."""
    draft = Draft("layer_norms")
    x, u = draft.input((2, 3), "fixed<6,3>"), draft.input((2, 4), "ufixed<5,2>")
    root = "ufixed<8,5,RND_CONV,SAT>"
    outs = [
        draft.layer_norm(x, accum="fixed<14,4,RND_CONV,SAT>", table=root, result="fixed<10,5>", entries=256),
        draft.layer_norm(u, accum="fixed<20,8>", table="ufixed<12,5>", result="fixed<9,4,RND,SAT>", range_power=2),
        draft.layer_norm(x, accum="fixed<7,3>", table=root, result="fixed<8,4,TRN,SAT>", entries=48),
        draft.layer_norm(u, accum="fixed<5,4,RND,SAT_SYM>", table="fixed<6,4,TRN,SAT>", result="fixed<8,4>", epsilon=1),
        draft.layer_norm(x, accum="ufixed<6,2,RND,SAT_ZERO>", table=root, result="fixed<12,6>", entries=1),
        draft.layer_norm(draft.reshape(x, (6, 1)), accum="fixed<9,4>", table=root, result="fixed<9,4>"),
        draft.layer_norm(draft.cast(x, "fixed<3,5>"), accum="fixed<5,7>", table=root, result="fixed<9,6>"),
    ]
    return draft.network(*outs)


def _einsums() -> Network:
    """Exact, rounding, saturating and wrapping sums; one matrix and several; known elements."""
    draft = Draft("einsums")
    a, b = draft.input((2, 1, 3), "fixed<5,2>"), draft.input((2, 2, 3), "ufixed<4,2>")
    single = draft.input((1, 2, 1), "fixed<3,5>")
    outs: list[Base] = [
        draft.einsum(a, b, "fixed<16,8>", "fixed<16,8>"),
        draft.einsum(b, a, "fixed<8,5,RND_CONV,SAT>", "fixed<7,5>"),
        draft.einsum(b, b, "fixed<6,3,TRN,SAT_SYM>", "ufixed<5,3,RND,SAT>"),
        draft.einsum(a, a, "fixed<7,3>", "fixed<7,3>"),
        draft.einsum(single, single, "fixed<9,8>", "fixed<8,7>"),
    ]
    half = draft.relu(draft.scale_bias(a, "fixed<1,1>", "fixed<1,1>", "fixed<6,3>", n=1), "fixed<6,3>")
    return draft.network(*outs, draft.einsum(half, b, "fixed<9,4,RND>", "fixed<9,4>"))


def _softmax_of_slices() -> Network:
    draft = Draft("softmax_of_slices")
    x = draft.input((2, 3, 2), "fixed<5,2>")
    sizes = {"exp": "ufixed<8,1,RND,SAT>", "inverse": "ufixed<9,3,RND,SAT>", "accum": "fixed<11,4>"}
    options: dict[str, Any] = {**sizes, "inverse_input": "ufixed<9,3,RND,SAT>", "difference": "ufixed<5,3>"}
    outs = [
        draft.softmax(x, SoftmaxKind.STABLE, "ufixed<8,1>", outer=2, inner=2, **options),
        draft.softmax(x, SoftmaxKind.LATENCY, "ufixed<8,1>", outer=6, **options),
        draft.hard_max(x, "ufixed<1,1>", inner=6),
    ]
    return draft.network(*outs)


def _softmax_latency() -> Network:
    draft = Draft("softmax_latency")
    draft.softmax(
        draft.input(3, "fixed<6,3>"),
        SoftmaxKind.LATENCY,
        "ufixed<8,0,RND,SAT>",
        exp="fixed<12,6,RND,SAT>",
        inverse="fixed<12,4,RND,SAT>",
        accum="fixed<13,7,RND,SAT>",
        inverse_input="fixed<10,7,RND,SAT>",
        exp_entries=32,
        inverse_entries=64,
    )
    return draft.network()


def _softmax_legacy() -> Network:
    """Sums that wrap, one element alone, values that the table ends before, groups."""
    draft = Draft("softmax_legacy")
    held = {"inverse": "fixed<18,8>", "inverse_input": "fixed<18,8>"}
    outs = []
    for x, table, sizes in (
        (draft.input(3, "fixed<7,4>"), "fixed<18,8>", (64, 256)),
        (draft.input(2, "ufixed<4,6>"), "fixed<9,5>", (16, 32)),
        (draft.input(1, "fixed<4,2>"), "fixed<18,8>", (32, 64)),
    ):
        more: dict[str, Any] = {
            **held,
            "exp": table,
            "accum": table,
            "exp_entries": sizes[0],
            "inverse_entries": sizes[1],
        }
        outs.append(draft.softmax(x, SoftmaxKind.LEGACY, "ufixed<8,1,RND,SAT>", **more))
    x = draft.reshape(draft.layers[0], (1, 3))
    return draft.network(*outs, draft.softmax(x, SoftmaxKind.LEGACY, "fixed<12,2>", outer=1, **more))


def _softmax_stable() -> Network:
    draft = Draft("softmax_stable")
    draft.softmax(
        draft.input(5, "fixed<6,3>"),
        SoftmaxKind.STABLE,
        "fixed<10,1>",
        exp="ufixed<9,1,RND,SAT>",
        inverse="ufixed<9,1,RND,SAT>",
        accum="fixed<11,4>",
        inverse_input="ufixed<10,4,RND,SAT>",
        difference="ufixed<5,2>",
        exp_entries=32,
        inverse_entries=128,
    )
    return draft.network()


def _softmax_zeroing() -> Network:
    """Sums that are zeroed where they overflow: the shape of the tree decides what is left."""
    draft = Draft("softmax_zeroing")
    outs = []
    for n in (2, 3, 5, 6, 7):
        x = draft.input(n, "fixed<5,2>")
        outs.append(
            draft.softmax(
                x,
                SoftmaxKind.STABLE,
                "ufixed<9,2>",
                exp="ufixed<8,1,RND,SAT>",
                inverse="ufixed<9,3,RND,SAT>",
                accum="ufixed<9,1,TRN,SAT_ZERO>",
                inverse_input="ufixed<9,1>",
                difference="ufixed<5,3>",
            )
        )
    return draft.network(*outs)


def _choices() -> Network:
    draft = Draft("choices")
    x = draft.input(5, "fixed<4,2>")
    one = draft.input(1, "fixed<4,2>")
    layers = [
        draft.hard_max(x, "ufixed<1,1>"),
        draft.hard_max(x, "fixed<4,1>"),
        draft.hard_max(x, "fixed<6,1,TRN,SAT>"),
    ]
    known = draft.concat(draft.scale_bias(one, "fixed<1,2>", "fixed<3,2>", "fixed<4,3>"), one, "fixed<4,3>")
    low = draft.relu(
        draft.concat(draft.merge(MergeOp.MULTIPLY, one, one, "fixed<9,5>"), known, "fixed<9,5>"), "ufixed<3,5>"
    )
    single = [draft.hard_max(one, "ufixed<2,2>"), draft.argmax(one)]
    decided = [draft.hard_max(known, "fixed<3,2>"), draft.hard_max(low, "ufixed<2,1>"), draft.argmax(low)]
    return draft.network(*layers, draft.argmax(x), *single, *decided)


def _merges() -> Network:
    draft = Draft("merges")
    a, b = draft.input(4, "fixed<6,3>"), draft.input(4, "ufixed<5,1>")
    short = draft.cast(draft.input(2, "fixed<4,4>"), "fixed<4,4>")
    layers = [draft.merge(op, a, b, "fixed<8,4,RND_CONV>") for op in MergeOp]
    layers += [draft.merge(op, a, short, "fixed<6,4,TRN,SAT>") for op in MergeOp]
    layers += [
        draft.merge(MergeOp.SUBTRACT, short, a, "ufixed<5,3>"),
        draft.merge(MergeOp.MULTIPLY, a, a, "ufixed<9,5>"),
    ]
    return draft.network(*layers)


def _concats() -> Network:
    draft = Draft("concats")
    a, b = draft.input((2, 3), "fixed<4,2>"), draft.input((1, 3), "ufixed<5,2>")
    c, d = draft.input((2, 1), "fixed<3,1>"), draft.input((2, 3, 2), "ufixed<2,1>")
    e = draft.input((2, 2, 2), "fixed<2,2>")
    rows, columns = draft.concat(a, b, "fixed<6,3,RND,SAT>", axis=0), draft.concat(a, c, "fixed<3,2>", axis=1)
    deep, deeper = draft.concat(d, e, "fixed<4,2>", axis=1), draft.concat(d, d, "ufixed<2,1>", axis=2)
    flat = draft.concat(draft.reshape(c, (2,)), draft.reshape(b, (3,)), "fixed<5,2>")
    return draft.network(rows, columns, deep, deeper, flat)


def _single_bits() -> Network:
    """Dense over many inputs of one bit, unsigned and signed: alkaid has tables for these."""
    draft = Draft("single_bits")
    a, b = draft.input(7, "ufixed<1,1>"), draft.input(7, "fixed<1,1>")
    shifted = draft.concat(draft.cast(a, "ufixed<1,3>"), a, "ufixed<2,3,TRN,SAT>")
    layers = [draft.dense(x, 2, accum="fixed<12,8>", result="fixed<12,8>") for x in (a, b, shifted)]
    mixed = draft.dense(draft.concat(a, b, "fixed<2,2>"), 2, accum="fixed<12,8>", result="fixed<12,8>")
    wide = draft.dense(a, 2, weight="fixed<24,2>", accum="fixed<32,8>", result="fixed<32,8>")
    return draft.network(*layers, mixed, wide)


def _reshapes() -> Network:
    draft = Draft("reshapes")
    x = draft.input((2, 3), "fixed<5,2>")
    flat = draft.reshape(x, (6,))
    dense = draft.dense(flat, 4, accum="fixed<16,8>", result="fixed<8,5>")
    return draft.network(draft.reshape(draft.relu(dense, "ufixed<5,3>"), (2, 2)), draft.reshape(flat, (3, 2)))


def _mlp() -> Network:
    draft = Draft("mlp")
    x = draft.cast(draft.input(6, "fixed<12,5>"), "fixed<6,3,RND_CONV,SAT>")
    hidden = draft.dense(x, 5, weight="fixed<6,1>", accum="fixed<18,8>", result="fixed<18,8>")
    hidden2 = draft.relu(hidden, "ufixed<6,2,RND,SAT>")
    second = draft.dense(hidden2, 4, weight="fixed<6,1>", accum="fixed<18,8>", result="fixed<18,8>")
    last = draft.dense(draft.cast(second, "fixed<7,3,RND_CONV,SAT>"), 3, accum="fixed<18,8>", result="fixed<16,6>")
    return draft.network(last)


def _several_outputs() -> Network:
    """Outputs that are also read inside, two inputs of one layer, and an input that is itself an output."""
    draft = Draft("several_outputs")
    a, b = draft.input(3, "fixed<5,2>"), draft.input(2, "ufixed<4,3>")
    dense = draft.dense(a, 2, accum="fixed<14,6>", result="fixed<10,6>")
    both = draft.merge(MergeOp.ADD, dense, b, "fixed<10,6,TRN,SAT>")
    return draft.network(dense, both, a, draft.relu(dense, "ufixed<4,4>"))


def _dead() -> Network:
    """Elements that nothing reads, inputs that nothing reads, and layers that nothing reads."""
    draft = Draft("dead")
    x, idle = draft.input(4, "fixed<5,2>"), draft.input(2, "fixed<3,1>")
    raw = [[3, 0, 1], [0, 0, -2], [0, 0, 0], [5, 0, 7]]
    hidden = draft.dense(x, 3, raw=raw, accum="fixed<12,6>", result="fixed<12,6>")
    draft.relu(idle, "ufixed<2,1>")
    out = draft.dense(hidden, 2, raw=[[1, 0], [4, 4], [0, 0]], accum="fixed<14,8>", result="fixed<14,8>")
    return draft.network(out)


def _constants() -> Network:
    """Outputs in which only one value can occur, beside live ones."""
    draft = Draft("constants")
    x = draft.input(2, "ufixed<4,2>")
    bias = draft.dense(x, 2, raw=[0, 1, 0, 0], raw_bias=[-7, 3], accum="fixed<12,5>", result="fixed<7,3>")
    nothing = draft.relu(draft.scale_bias(x, "fixed<1,1>", "fixed<1,1>", "fixed<9,5>"), "ufixed<3,2>")
    again = draft.dense(bias, 2, raw=[2, 0, 0, 0], accum="fixed<12,5>", result="fixed<9,5>")
    top = draft.merge(MergeOp.MAXIMUM, bias, again, "fixed<5,3,RND,SAT>")
    return draft.network(bias, nothing, again, top)


def every_kind() -> list[Network]:
    """Small networks that together hold every layer kind and every special case we know of."""
    return [
        *dense_networks(), *conv_networks(), *pool_networks(), _rearranges(), _dense_then(), _dense_partial_sums(),
        _scale_bias(), _relu(), _casts(), _formats(), *_tables(), _activations(), _levels(), *recurrent_networks(),
        _quantizers(), _lookups(), _embeddings(), _layer_norms(), _einsums(), _dense_of_axes(), _softmax_of_slices(),
        _softmax_latency(), _softmax_legacy(),
        _softmax_stable(), _softmax_zeroing(), _choices(), _merges(), _concats(), _single_bits(),
        _reshapes(), _mlp(), _several_outputs(), _dead(), _constants(),
    ]  # fmt: skip


# --- folded networks ------------------------------------------------------------------------------


def folded(network: Network) -> Network:
    """The network with engines: each of its Dense layers has the middle one of its reuse factors."""
    layers = tuple(_folded(layer) if isinstance(layer, Dense) else layer for layer in network.layers)
    return dataclasses.replace(network, name=f"{network.name}_folded", layers=layers)


def _folded(layer: Dense) -> Dense:
    valid = valid_reuse_factors(*layer.weight.raw.shape)
    return dataclasses.replace(layer, strategy="resource", reuse_factor=valid[len(valid) // 2])


def _branches() -> Network:
    """Two engines beside each other behind one input, and that added to what they give: forks, joins and queues."""
    draft = Draft("branches")
    x = draft.input(4, "fixed<6,3>")
    one = draft.dense(x, 4, accum="fixed<16,8>", result="fixed<8,4,RND,SAT>")
    other = draft.dense(draft.relu(x, "ufixed<5,3>"), 4, accum="fixed<12,6,TRN,SAT>", result="fixed<8,4>")
    both = draft.merge(MergeOp.ADD, one, other, "fixed<9,5>")
    draft.merge(MergeOp.ADD, both, x, "fixed<10,6>")
    return draft.network()


def folded_networks() -> list[Network]:
    """Every small network that has a Dense layer, with engines."""
    dense = (network for network in every_kind() if any(isinstance(layer, Dense) for layer in network.layers))
    return [folded(network) for network in (*dense, _branches())]


# --- random networks -----------------------------------------------------------------------------


def random_format(rng: random.Random, width: int = 8, *, modes: bool = True) -> FixedFormat:
    """Any format of up to ``width`` bits, with a binary point in, left or right of the bits."""
    bits = rng.randint(1, width)
    rounding = rng.choice(list(Rounding)) if modes else Rounding.TRN
    overflow = rng.choice(list(Overflow)) if modes else Overflow.WRAP
    return FixedFormat(
        bits, rng.randint(-1, min(bits, 5 + width // 8) + 1), bool(rng.randint(0, 1)), rounding, overflow
    )


def random_recurrence(rng: random.Random, name: str) -> Network:
    """A recurrent layer of any cell, functions, sizes, direction, reuse factors and formats."""
    draft = Draft(name)
    x = draft.input((rng.randint(1, 4), rng.randint(1, 3)), random_format(rng))
    layer = draft.recurrent(
        x, rng.choice(list(Cell)), rng.randint(1, 6), accum=random_format(rng, 12), result=random_format(rng, 12),
        functions=(rng.choice(list(GateFunction)), rng.choice(list(GateFunction))), sequences=rng.random() < 0.5,
        backward=rng.random() < 0.3,
    )  # fmt: skip
    return with_reuse(draft.network(layer), {layer.name: rng.choice(list(reuse_factors(layer)))})


def _grow(draft: Draft, rng: random.Random, width: int) -> None:
    """One more random layer on one or two of the layers so far."""
    x, y = rng.choice(draft.layers), rng.choice(draft.layers)
    result = random_format(rng, width)
    match rng.randint(0, 11):
        case 0 | 1:
            accum = random_format(rng, min(2 * width - 2, 64))
            weight, bias = (
                random_format(rng, 1 + width // 2, modes=False),
                random_format(rng, 1 + width // 2, modes=False),
            )
            draft.dense(x, rng.randint(1, 4), accum=accum, result=result, weight=weight, bias=bias)
        case 2:
            n = rng.choice([n for n in range(1, x.size + 1) if x.size % n == 0])
            scale, bias = random_format(rng, width // 2, modes=False), random_format(rng, width // 2, modes=False)
            draft.scale_bias(x, scale, bias, result, n)
        case 3:
            draft.relu(x, result, rng.choice([None, None, 1, 6]))
        case 4:
            draft.cast(x, result)
        case 5:
            fits = x.size % y.size == 0 or y.size % x.size == 0
            draft.merge(rng.choice(list(MergeOp)), x, y if fits else x, result)
        case 6:
            draft.concat(_flat(draft, x), _flat(draft, y), result) if x.size + y.size <= 10 else draft.relu(x, result)
        case 7:
            draft.table(x, rng.choice(list(TableFunction)), 1 << rng.randint(2, 6), random_format(rng), result)
        case 8:
            _random_softmax(draft, rng, x, result)
        case 9:
            draft.hard_max(x, result) if rng.randint(0, 1) else draft.argmax(x)
        case 10:
            _random_cast_each(draft, rng, x, result)
        case 11:
            if x.result.width <= 8:
                draft.lookup(x, random_format(rng, modes=False), result)
            else:
                draft.cast(x, result)


def _random_cast_each(draft: Draft, rng: random.Random, x: Base, result: FixedFormat) -> None:
    formats = [random_format(rng, 8) if rng.randint(0, 5) else None for _ in range(x.size)]
    draft.cast_each(x, result, formats, rounding=rng.choice(list(Rounding)), overflow=rng.choice(list(Overflow)))


def _flat(draft: Draft, x: Base) -> Base:
    return x if len(x.shape) == 1 else draft.reshape(x, (x.size,))


def _random_softmax(draft: Draft, rng: random.Random, x: Base, result: FixedFormat) -> None:
    kind = rng.choice([SoftmaxKind.LATENCY, SoftmaxKind.STABLE])
    inverse_input = random_format(rng)
    difference = random_format(rng)
    address = difference if kind is SoftmaxKind.STABLE else x.result
    draft.softmax(
        x, kind, result, exp=random_format(rng), inverse=random_format(rng), accum=random_format(rng, 10),
        inverse_input=inverse_input, difference=difference, exp_entries=_entries(rng, address),
        inverse_entries=_entries(rng, inverse_input),
    )  # fmt: skip


def _entries(rng: random.Random, address: FixedFormat) -> int:
    return 1 << rng.randint(1, max(min(address.width, 5), 1))


def random_network(rng: random.Random, name: str = "random_net", layers: int = 5, width: int = 8) -> Network:
    """A network of one or two inputs and up to ``layers`` random layers; its last ones are outputs.

    ``width`` is the most bits of an input or a result; an accumulator may have nearly twice as many.
    """
    draft = Draft(name, rng)
    for _ in range(rng.randint(1, 2)):
        draft.input(rng.randint(1, 3), random_format(rng, width - 1, modes=False))
    for _ in range(rng.randint(1, layers)):
        _grow(draft, rng, width)
    outputs = draft.layers[-rng.randint(1, 2) :]
    return draft.network(*outputs)


def random_networks() -> st.SearchStrategy[Network]:
    """Hypothesis: random networks that shrink to fewer and simpler layers."""
    return st.randoms(use_true_random=False).map(random_network)


def random_images(rng: random.Random, name: str = "random_images", width: int = 6) -> Network:
    """Convolutions, pooling and moved elements of random shapes and types over a small image or sequence."""
    draft = Draft(name, rng)
    rank = rng.randint(1, 2)
    x: Base = draft.input(
        (*(rng.randint(2, 4) for _ in range(rank)), rng.randint(1, 2)), random_format(rng, width - 1, modes=False)
    )
    for _ in range(rng.randint(1, 3)):
        x = _over_image(draft, rng, x, width)
    return draft.network(x)


def _over_image(draft: Draft, rng: random.Random, x: Base, width: int) -> Base:
    """One more layer with a window, or one that moves elements."""
    rank, result = len(x.shape) - 1, random_format(rng, width)
    kernel = tuple(rng.randint(1, min(3, n)) for n in x.shape[:-1])
    stride = tuple(rng.randint(1, 2) for _ in kernel)
    padding = tuple(rng.randint(0, k - 1) for k in kernel for _ in range(2))
    accum = random_format(rng, 2 * width - 2)
    match rng.randint(0, 5):
        case 0 | 1 | 2:
            weight, bias = random_format(rng, 4, modes=False), random_format(rng, 4, modes=False)
            depthwise = rng.random() < 0.3
            depth = prod(kernel) * x.shape[-1]
            reuse = 1 if depthwise else rng.choice([n for n in range(1, depth + 1) if depth % n == 0])
            return draft.conv(
                x, rng.randint(1, 2), kernel, accum=accum, result=result, stride=stride, padding=padding, weight=weight,
                bias=bias, depthwise=depthwise, strategy="resource" if reuse > 1 else "latency", reuse=reuse,
            )  # fmt: skip
        case 3 | 4:
            op = rng.choice(list(PoolOp))
            counted = rng.random() < 0.5
            return draft.pool(
                x, op, kernel, accum=accum, result=result, stride=stride, padding=padding, count_padding=counted
            )
    axes = list(range(rank + 1))
    rng.shuffle(axes)
    return draft.rearrange(x, RearrangeOp.TRANSPOSE, tuple(x.shape[a] for a in axes), tuple(axes), result)


def combined(name: str, networks: Sequence[Network]) -> Network:
    """All the networks side by side in one, their layers' names numbered: one build tests many."""
    layers: list[Layer] = []
    outputs: list[str] = []
    for number, network in enumerate(networks):
        prefix = f"n{number}_"
        for layer in network.layers:
            sources = tuple(prefix + source for source in layer.sources)
            layers.append(dataclasses.replace(layer, name=prefix + layer.name, sources=sources))
        outputs += [prefix + output for output in network.outputs]
    in_order = sorted(layers, key=lambda layer: not isinstance(layer, Input))
    network = Network(name, tuple(in_order), tuple(outputs))
    check(network)
    return network


# --- vectors -------------------------------------------------------------------------------------


def vectors(network: Network, rows: int = 64, seed: int = 1) -> Ints:
    """Every input where there are few, else corners and random rows."""
    formats = input_formats(network)
    bits = sum(form.width for form in formats)
    if (1 << bits) <= rows:
        return every_input(formats)
    return np.concatenate([corners(formats), random_rows(formats, rows, np.random.default_rng(seed))])


def every_input(formats: Sequence[FixedFormat]) -> Ints:
    """Every combination of raw values."""
    axes = [np.arange(form.lower, form.max + 1) for form in formats]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
