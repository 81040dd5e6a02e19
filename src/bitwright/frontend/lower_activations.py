"""hls4ml's activations: of single elements, by tables, softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitwright.fixed import MAX_WIDTH, FixedFormat, Overflow, Rounding, quantize_number
from bitwright.frontend.lower_types import Common, constant, format_of, is_bit, precision, streamed, unsupported
from bitwright.network.layers import (
    Cast,
    CastEach,
    Constant,
    ExpLinear,
    HardMax,
    HardSigmoid,
    Layer,
    Leaky,
    Levels,
    Lookup,
    Relu,
    ScaleBias,
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
    inverse_table,
    legacy_exp_table,
    legacy_inverse_table,
    selu_table,
)

ONE = Constant(np.array([1], dtype=np.int64), FixedFormat(1, 1, signed=False))
SELU_LAMBDA = 1.0507009873554804934193349852946
SELU_FORMAT = FixedFormat(16, 1, signed=False)


def activation(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """Activations without a parameter."""
    function = str(node.get_attr("activation")).lower()
    match function:
        case "linear":
            return Cast(**common)
        case "relu":
            return Relu(**common)
        case "relu1" | "relu6":
            return Relu(**common, limit=int(function[4:]))
        case "sigmoid" | "tanh" | "softplus" | "softsign":
            which = TableFunction(function)
            entries = _entries(node)
            return Table(**common, function=which, table=activation_table(which, entries, precision(node, "table")))
        case "selu":
            table = selu_table(_entries(node), precision(node, "table"))
            gain = sources[0].result if streamed(node) else SELU_FORMAT
            return ExpLinear(**common, gain=number(SELU_LAMBDA, gain), alpha=ONE, table=table)
        case "binary_tanh":
            return _binary_tanh(node, common)
    raise unsupported(node, f"activation '{function}' has no hardware here")


def number(value: float, fmt: FixedFormat) -> Constant:
    """``fmt variable = value``."""
    return Constant(np.array([quantize_number(value, fmt)], dtype=np.int64), fmt)


def _entries(node: Any) -> int:
    entries = int(node.get_attr("table_size"))
    power_of_two(node, entries)
    return entries


def parametrized(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """LeakyReLU, ThresholdedReLU and ELU; the parameter is a decimal text in the C++."""
    parameter = number(float(str(node.get_attr("activ_param", 1.0))), precision(node, "param"))
    match node._get_act_function_name():
        case "leaky_relu":
            return Leaky(**common, slope=parameter)
        case "thresholded_relu":
            return Threshold(**common, theta=parameter)
        case "elu":
            table = elu_table(_entries(node), precision(node, "table"))
            return ExpLinear(**common, gain=ONE, alpha=parameter, table=table)
        case other:
            raise unsupported(node, f"activation '{other}' has no hardware here")


def prelu(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """A slope for each element."""
    slope = constant(node, "param")
    return Leaky(**common, slope=Constant(slope.raw.reshape(-1), slope.format))


def hard(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """Hard sigmoid and hard tanh, also QKeras' quantized sigmoid and tanh."""
    slope, shift = (number(float(str(node.get_attr(k))), precision(node, k)) for k in ("slope", "shift"))
    return HardSigmoid(**common, slope=slope, shift=shift, tanh=str(node.get_attr("activation")) == "hard_tanh")


# --- a few levels ------------------------------------------------------------------------------


def _level(value: int, result: FixedFormat) -> int:
    return quantize_number(value, result)


def _binary_tanh(node: Any, common: Common) -> Layer:
    """Plus or minus one; a single unsigned bit holds minus one as zero (binary_cast)."""
    result, zero = common["result"], Constant(np.zeros(1, dtype=np.int64), FixedFormat(1, 1, signed=False))
    below = 0 if is_bit(node.get_output_variable().type.precision) else _level(-1, result)
    return Levels(**common, up=zero, down=zero, levels=(_level(1, result), _level(1, result), below))


def ternary_tanh(node: Any, common: Common, sources: list[Layer]) -> Layer | tuple[Layer, ...]:
    """Minus one, zero or one; hls4ml doubles the input, in its own type, for arrays but not for streams."""
    if not node.get_attr("function_cpp"):
        raise unsupported(node, "a ternary tanh without a batch norm before it, for which hls4ml 1.3.0 writes no C++")
    source, result = sources[0], common["result"]
    fraction = max(source.result.fraction, 0)
    limit = FixedFormat(fraction + 3, 3)
    up, down = (Constant(np.array([n + 1], dtype=np.int64), limit) for n in (1 << fraction, -(1 << fraction)))
    values = (_level(1, result), 0, _level(-1, result))
    if streamed(node):
        return Levels(**common, up=up, down=down, levels=values)
    two = FixedFormat(2, 2, signed=False)
    doubled = ScaleBias(
        name=f"{node.name}_doubled", sources=common["sources"], shape=source.shape, result=source.result,
        scale=Constant(np.array([2], dtype=np.int64), two), bias=Constant(np.array([0], dtype=np.int64), two),
    )  # fmt: skip
    return doubled, Levels(**{**common, "sources": (doubled.name,)}, up=up, down=down, levels=values)


def batch_norm_tanh(node: Any, common: Common, _sources: list[Layer]) -> Layer:
    """Batch norm and binary or ternary tanh as thresholds."""
    if int(node.get_attr("quantize")) == 2:
        limit = _limits(node, "threshold", 0)
        return Levels(**common, up=limit, down=limit, levels=(1, 1, 0))
    up, down = _limits(node, "threshold_hi", 1), _limits(node, "threshold_lo", 1)
    return Levels(**common, up=up, down=down, levels=(1, 0, -1))


def _limits(node: Any, which: str, more: int) -> Constant:
    """Thresholds; ``x > t`` is ``x >= t`` and one step."""
    limit = constant(node, which)
    fmt = FixedFormat(limit.format.width + 1, limit.format.integer + 1, limit.format.signed)
    return Constant(limit.raw.reshape(-1) + more, fmt)


# --- tables of a model's own, types of a model's own -----------------------------------------------


def unary_lut(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """HGQ's tables: the bit pattern is the address."""
    table = constant(node, "table")
    if 1 << sources[0].result.width > table.raw.size:
        raise unsupported(node, f"a table of {table.raw.size} entries for {sources[0].result}")
    return Lookup(**common, table=Constant(table.raw.reshape(-1), table.format))


def quantizer(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """HGQ's FixedPointQuantizer: a type for each element; hls4ml writes 0 where one has no bits."""
    shape = sources[0].shape
    rows = [np.broadcast_to(np.asarray(row)[0], shape).ravel().astype(np.int64) for row in node.mask_kbi]
    if rows[1].max(initial=0) > MAX_WIDTH:
        raise unsupported(node, f"a quantizer of {rows[1].max()} bits")
    try:
        rounding, overflow = Rounding(str(node.RND)), Overflow(str(node.SAT))
    except ValueError as error:
        raise unsupported(node, f"a quantizer with {node.RND} and {node.SAT}") from error
    bits = np.where(rows[1] > 0, np.stack(rows), 0)
    return CastEach(**common, bits=Constant(bits, FixedFormat(16, 16)), rounding=rounding, overflow=overflow)


# --- softmax -----------------------------------------------------------------------------------


def power_of_two(node: Any, entries: int) -> None:
    """Refuse a table whose size is none."""
    if entries < 2 or entries & (entries - 1):
        raise unsupported(node, f"a table of {entries} entries; hls4ml's C++ needs a power of two")


def softmax(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """Softmax over all elements, or over one axis as hls4ml divides it."""
    implementation = str(node.get_attr("implementation", "stable")).lower()
    groups = _softmax_groups(node, sources[0])
    if implementation == "argmax":
        return HardMax(**common, **groups)
    try:
        kind = SoftmaxKind(implementation)
    except ValueError as error:
        raise unsupported(node, f"softmax implementation '{implementation}'") from error
    if kind is SoftmaxKind.LEGACY:
        return _legacy_softmax(node, {**common, **groups}, sources[0].result)
    return _table_softmax(node, {**common, **groups}, sources[0].result, kind)


def _softmax_groups(node: Any, source: Layer) -> Common:
    """How many softmaxes lie before and behind each other; a stream has one for each pixel."""
    outer, inner = int(node.get_attr("n_outer", 1) or 1), int(node.get_attr("n_inner", 1) or 1)
    axis, rank = int(node.get_attr("axis", -1) or -1), len(source.shape)
    if streamed(node):
        if axis not in (-1, rank) or inner != 1:
            raise unsupported(node, f"softmax along axis {axis}; hls4ml's streams have the last one only")
        return {"outer": source.size // source.shape[-1], "inner": 1}
    if outer * inner == 1 and max(source.shape) != source.size:
        raise unsupported(
            node,
            f"softmax over one axis of {source.shape}, which hls4ml 1.3.0 takes over all elements under io_parallel",
        )
    return {"outer": outer, "inner": inner}


LEGACY_FORMAT, LEGACY_STREAM_ENTRIES = FixedFormat(18, 8), 1024
"""Of ``activ_config`` (nnet_activation.h): hls4ml writes no table type for a softmax, and streams take its size too."""


def _legacy_softmax(node: Any, common: Common, source: FixedFormat) -> Softmax:
    entries = int(node.get_attr("table_size"))
    sizes = [int(node.get_attr(f"{table}_table_size") or entries) for table in ("exp", "inv")]
    sizes = [LEGACY_STREAM_ENTRIES] * 2 if streamed(node) else sizes
    for size in sizes:
        power_of_two(node, size)
    return Softmax(
        **common, implementation=SoftmaxKind.LEGACY, exp_table=legacy_exp_table(sizes[0], LEGACY_FORMAT),
        inverse_table=legacy_inverse_table(sizes[1], LEGACY_FORMAT), accum=LEGACY_FORMAT, inverse_input=LEGACY_FORMAT,
        difference=source,
    )  # fmt: skip


def _table_softmax(node: Any, common: Common, source: FixedFormat, kind: SoftmaxKind) -> Softmax:
    entries = int(node.get_attr("table_size"))
    inverse_entries = int(node.get_attr("inv_table_size", entries))
    difference, exp_entries = source, int(node.get_attr("exp_table_size", entries))
    if kind is SoftmaxKind.STABLE:
        difference, exp_entries = _difference(node, source, exp_entries, inverse_entries)
    power_of_two(node, exp_entries)
    power_of_two(node, inverse_entries)
    inverse_input = precision(node, "exp_table" if _is_default(node, "inv_inp") else "inv_inp")
    scale = float(node.get_attr("exp_scale", 1.0))
    return Softmax(
        **common,
        implementation=kind,
        exp_table=exp_table(difference, exp_entries, precision(node, "exp_table"), scale, kind is SoftmaxKind.STABLE),
        inverse_table=inverse_table(inverse_input, inverse_entries, precision(node, "inv_table")),
        accum=precision(node, "accum"),
        inverse_input=inverse_input,
        difference=difference,
    )


def _is_default(node: Any, what: str) -> bool:
    return str(node.get_attr(f"{what}_t").name) == "model_default_t"


def _difference(node: Any, source: FixedFormat, exp_entries: int, inverse_entries: int) -> tuple[FixedFormat, int]:
    """``inp_norm_t`` and the exp table's size, as core_templates.py (SoftmaxConfigTemplate) makes them."""
    given = node.get_attr("inp_norm_t")
    if given is not None:
        return format_of(given.precision, node, "inp_norm"), exp_entries
    width = source.width - source.signed
    if source.signed:
        exp_entries = min(inverse_entries, 1 << width)
    return FixedFormat(width, source.integer - source.signed, signed=False), exp_entries
