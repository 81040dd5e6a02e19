"""Networks and tables as C++ that calls hls4ml's own ``nnet_utils`` templates: the oracle behind all oracles.

Only types, configurations and calls are written here; every number is computed by hls4ml's headers
and the vendor's ap_types, compiled with g++.  No TensorFlow is needed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from networks import Ints

from bitwright.fixed import FixedFormat
from bitwright.network import Constant, Layer, Network
from bitwright.network.layers import (
    Argmax,
    Cast,
    CastEach,
    Concat,
    Conv,
    Dense,
    Dot,
    Einsum,
    Embedding,
    ExpLinear,
    HardMax,
    HardSigmoid,
    Input,
    LayerNorm,
    Leaky,
    Levels,
    Lookup,
    Merge,
    Pool,
    PoolForm,
    Rearrange,
    RearrangeOp,
    Recurrent,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    TableFunction,
    Threshold,
)
from bitwright.network.tables import inverse_root_table

HEAD = """
#include <cstdint>
#include "ap_fixed.h"
#include "nnet_utils/nnet_helpers.h"
#include "nnet_utils/nnet_dense.h"
#include "nnet_utils/nnet_batchnorm.h"
#include "nnet_utils/nnet_activation.h"
#include "nnet_utils/nnet_merge.h"
#include "nnet_utils/nnet_pooling.h"
#include "nnet_utils/nnet_transpose.h"
#include "nnet_utils/nnet_padding.h"
#include "nnet_utils/nnet_cropping.h"
#include "nnet_utils/nnet_image.h"
#include "nnet_utils/nnet_embed.h"
#include "nnet_utils/nnet_einsum.h"
#include "nnet_utils/nnet_layernorm.h"
#include "nnet_utils/nnet_conv1d.h"
#include "nnet_utils/nnet_conv2d.h"
#include "nnet_utils/nnet_sepconv1d.h"
#undef NNET_SEPARABLE_CONV2D_LATENCY_H_  // hls4ml 1.3.0 guards two headers by this one name
#include "nnet_utils/nnet_sepconv2d.h"
"""


def ctype(fmt: FixedFormat) -> str:
    """The C++ type of a format."""
    sign = "" if fmt.signed else "u"
    return f"ap_{sign}fixed<{fmt.width}, {fmt.integer}, AP_{fmt.rounding.value}, AP_{fmt.overflow.value}>"


@dataclass
class Writer:
    """The C++ of one network; ``types`` and ``variables`` by layer name."""

    network: Network
    number: int

    def text(self) -> str:
        """Its configurations and the function ``net_<number>(x, y, rows)``."""
        configs = [c for layer in self.network.layers if (c := self.config(layer))]
        body = [line for layer in self.network.layers for line in self.lines(layer)]
        body += [line for name in self.network.outputs for line in self.give(self.network.layer(name))]
        head = f'extern "C" void net_{self.number}(const int64_t *x, int64_t *y, int64_t rows) {{'
        loop = ["  for (int64_t row = 0; row < rows; row++) {", *(f"    {line}" for line in body), "  }", "}"]
        return "\n".join([*configs, head, *loop]) + "\n"

    def config_name(self, layer: Layer) -> str:
        return f"config_{self.number}_{layer.name}"

    def source(self, layer: Layer, which: int = 0) -> Layer:
        return self.network.layer(layer.sources[which])

    # -- configurations: the members that hls4ml's templates read ---------------------------------

    def config(self, layer: Layer) -> str:
        members = self.members(layer)
        lines = "".join(f"  {member};\n" for member in members)
        before = self.as_they_are(layer) if isinstance(layer, Einsum) else ""
        return f"{before}struct {self.config_name(layer)} {{\n{lines}}};" if members else ""

    def members(self, layer: Layer) -> list[str]:
        match layer:
            case Dense():
                return self.dense_members(layer)
            case Conv():
                return self.conv_members(layer)
            case Pool():
                return self.pool_members(layer)
            case Rearrange():
                return self.rearrange_members(layer)
            case ScaleBias():
                return [
                    f"static const unsigned n_in = {layer.size}, n_scale_bias = {layer.scale.raw.size}",
                    f"static const unsigned n_filt = {layer.scale.raw.size}, reuse_factor = 1, multiplier_limit = 1",
                    f"typedef {ctype(layer.scale.format)} scale_t",
                    f"typedef {ctype(layer.bias.format)} bias_t",
                    "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
                ]
            case Relu() | Cast():
                return [f"static const unsigned n_in = {layer.size}"]
            case Table():
                return [
                    f"static const unsigned n_in = {layer.size}, table_size = {layer.table.raw.size}",
                    f"typedef {ctype(layer.table.format)} table_t",
                ]
            case Softmax():
                return self.softmax_members(layer)
            case HardMax():
                return self.slice_members(layer)
            case Leaky() | Threshold() | Lookup() | ExpLinear():
                return self.activation_members(layer)
            case HardSigmoid():
                constants = {"slope": layer.slope, "shift": layer.shift}
                return [
                    f"static const unsigned n_in = {layer.size}, io_type = nnet::io_parallel",
                    *(
                        f"inline static const {ctype(c.format)} {n} = {float(c.value[0])!r}"
                        for n, c in constants.items()
                    ),
                ]
            case Dot():
                return [
                    f"static const unsigned n_in = {self.source(layer).size}, n_out = 1, reuse_factor = 1",
                    f"typedef {ctype(layer.accum)} accum_t",
                    f"typedef {ctype(self.source(layer, 1).result)} weight_t",
                    "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
                ]
            case Embedding():
                rows, n = layer.table.raw.shape
                return [
                    f"static const unsigned n_in = {self.source(layer).size}, n_out = {n}, vocab_size = {rows}",
                    f"static const unsigned reuse_factor = 1; typedef {ctype(layer.table.format)} embeddings_t",
                ]
            case LayerNorm():
                rows = layer.size // layer.scale.raw.size
                return [
                    f"static const unsigned n_in = {layer.size}, seq_len = {rows}, table_size = {layer.table.raw.size}",
                    f"static const unsigned table_range_power2 = {layer.range_power}, reuse_factor = 1",
                    f"static const unsigned epsilon_power_of_10 = {self.epsilon(layer)}",
                    f"typedef {ctype(layer.accum)} accum_t; typedef {ctype(layer.table.format)} table_t",
                    f"typedef {ctype(layer.scale.format)} scale_t; typedef {ctype(layer.bias.format)} bias_t",
                    "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
                ]
            case Einsum():
                (i, j, c), k = self.source(layer).shape, layer.shape[2]
                names = [f"{self.config_name(layer)}_{n}" for n in ("left", "right", "out")]
                members = ("tpose_inp0_config", "tpose_inp1_config", "tpose_out_conf")
                return [
                    f"static const unsigned n_free0 = {j}, n_free1 = {k}, n_contract = {c}, n_inplace = {i}",
                    "static const unsigned reuse_factor = 1, multiplier_limit = 1",
                    f"typedef {ctype(layer.accum)} accum_t",
                    *(f"typedef {name} {member}" for name, member in zip(names, members, strict=True)),
                    "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
                ]
            case Merge():
                sizes = [self.source(layer, i).size for i in (0, 1)]
                return [f"static const unsigned n_elem = {layer.size}, n_elem1 = {sizes[0]}, n_elem2 = {sizes[1]}"]
            case Concat():
                return self.concat_members(layer)
            case Input() | Reshape() | Argmax() | CastEach() | Levels() | Recurrent():
                return []

    def as_they_are(self, layer: Einsum) -> str:
        """Transpositions that leave all in its place."""
        shapes = {"left": self.source(layer).shape, "right": self.source(layer, 1).shape, "out": layer.shape}
        text = ""
        for name, shape in shapes.items():
            lists = {"from_shape": shape, "to_shape": shape, "perm": (0, 1, 2)}
            lists["perm_strides"] = tuple(prod(shape[axis + 1 :]) for axis in range(3))
            arrays = "".join(
                f"  static constexpr unsigned {n}[] = {{{', '.join(map(str, v))}}};\n" for n, v in lists.items()
            )
            sizes = f"  static const unsigned dims = 3, N = {prod(shape)};\n"
            text += f"struct {self.config_name(layer)}_{name} {{\n{sizes}{arrays}}};\n"
        return text

    def epsilon(self, layer: LayerNorm) -> int:
        """The power of ten of which the table was made: the C++ fills its own."""
        made = (inverse_root_table(layer.table.raw.size, layer.table.format, n, layer.range_power) for n in (1, 2, 3))
        return 1 + [np.array_equal(table.raw, layer.table.raw) for table in made].index(True)

    def dense_members(self, layer: Dense) -> list[str]:
        return [
            f"static const unsigned n_in = {self.source(layer).size}, n_out = {layer.size}",
            f"static const unsigned reuse_factor = {layer.reuse_factor}, multiplier_limit = 1",
            f"typedef {ctype(layer.accum)} accum_t",
            f"typedef {ctype(layer.weight.format)} weight_t",
            f"typedef {ctype(layer.bias.format)} bias_t",
            "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
        ]

    def window_numbers(self, layer: Conv | Pool, kernel: str) -> dict[str, int]:
        """Sizes of the image and of its windows, whose own are called ``kernel``."""
        shape = self.source(layer).shape
        axes = ("width",) if len(layer.stride) == 1 else ("height", "width")
        numbers = {f"in_{a}": n for a, n in zip(axes, shape, strict=False)}
        numbers |= {f"{kernel}_{a}": n for a, n in zip(axes, layer.kernel, strict=True)}
        numbers |= {f"stride_{a}": n for a, n in zip(axes, layer.stride, strict=True)}
        numbers |= {f"out_{a}": n for a, n in zip(axes, layer.shape, strict=False)}
        sides = ("left", "right") if len(axes) == 1 else ("top", "bottom", "left", "right")
        return numbers | {f"pad_{side}": n for side, n in zip(sides, layer.padding, strict=True)}

    def pool_members(self, layer: Pool) -> list[str]:
        numbers = self.window_numbers(layer, "pool") | {"n_filt": layer.shape[-1], "reuse_factor": 1}
        numbers |= {"n_in": self.source(layer).shape[0], "n_out": layer.shape[0]}
        return [
            *(f"static const unsigned {name} = {n}" for name, n in numbers.items()),
            f"static const bool count_pad = {int(layer.count_padding)}",
            f"static const nnet::Pool_Op pool_op = nnet::{layer.op.name.title()}",
            f"typedef {ctype(layer.accum)} accum_t",
        ]

    def rearrange_members(self, layer: Rearrange) -> list[str]:
        shape = self.source(layer).shape
        if layer.op is RearrangeOp.TRANSPOSE:
            strides = [prod(shape[axis + 1 :]) for axis in layer.parameters]
            lists = {"from_shape": shape, "to_shape": layer.shape, "perm": layer.parameters, "perm_strides": strides}
            arrays = [f"inline static const unsigned {n}[] = {{{', '.join(map(str, v))}}}" for n, v in lists.items()]
            return [f"static const unsigned dims = {len(shape)}, N = {layer.size}", *arrays]
        axes = ("width",) if len(shape) == 2 else ("height", "width")
        sides = ("left", "right") if len(shape) == 2 else ("top", "bottom", "left", "right")
        word = "crop" if layer.op is RearrangeOp.CROP else "pad"
        numbers = {f"in_{a}": n for a, n in zip(axes, shape, strict=False)} | {"n_chan": shape[-1]}
        numbers |= {f"out_{a}": n for a, n in zip(axes, layer.shape, strict=False)}
        numbers |= {f"{word}_{side}": n for side, n in zip(sides, layer.parameters, strict=False)}
        for end, sizes in (("", shape), ("new_", layer.shape)):
            full = sizes if len(sizes) == 3 else (1, *sizes)
            numbers |= {f"{end}height": full[0], f"{end}width": full[1]}
        return [f"static const unsigned {name} = {n}" for name, n in numbers.items()]

    def conv_members(self, layer: Conv) -> list[str]:
        shape, rank, numbers = self.source(layer).shape, len(layer.stride), self.window_numbers(layer, "filt")
        pixels, depth = prod(layer.shape[:-1]), prod(layer.kernel) * shape[-1]
        numbers |= {"n_chan": shape[-1], "n_filt": layer.shape[-1], "n_partitions": pixels, "n_pixels": 1}
        numbers |= {"reuse_factor": layer.reuse_factor, "strategy": layer.strategy != "latency", "n_in": depth}
        kernel = "Conv1DLatency" if layer.strategy == "latency" else "Conv1DResource"
        return [
            *(f"static const unsigned {name} = {int(n)}" for name, n in numbers.items()),
            "static const unsigned multiplier_limit = 1",
            f"typedef {ctype(layer.accum)} accum_t",
            f"typedef {ctype(layer.weight.format)} weight_t",
            f"typedef {ctype(layer.bias.format)} bias_t",
            f"typedef {self.config_name(layer)} mult_config",
            "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
            f"template <class D, class R, class C> using conv_kernel = nnet::{kernel}<D, R, C>",
            f"template <class D, class C> using fill_buffer = fill_{rank}<D, C>",
        ]

    def slice_members(self, layer: Softmax | HardMax) -> list[str]:
        outer, together, inner = layer.slices
        kind = layer.implementation.value if isinstance(layer, Softmax) else "argmax"
        return [
            f"static const unsigned n_in = {layer.size}, n_slice = {together}, n_outer = {outer}, n_inner = {inner}",
            "static const unsigned parallelization_factor = 1, reuse_factor = 1",
            f"static const nnet::softmax_implementation implementation = nnet::softmax_implementation::{kind}",
            "typedef ap_fixed<18, 8> table_t",
            *([] if isinstance(layer, Softmax) else ARGMAX_TYPES),
        ]

    def activation_members(self, layer: Leaky | Threshold | Lookup | ExpLinear) -> list[str]:
        members = [f"static const unsigned n_in = {layer.size}"]
        if isinstance(layer, Lookup | ExpLinear):
            members += [f"static const unsigned table_size = {layer.table.raw.size}"]
            members += [f"typedef {ctype(layer.table.format)} table_t"]
        return members

    def softmax_members(self, layer: Softmax) -> list[str]:
        exp_entries, inverse_entries = layer.exp_table.raw.size, layer.inverse_table.raw.size
        return [
            *self.slice_members(layer),
            f"static const unsigned exp_table_size = {exp_entries}, inv_table_size = {inverse_entries}",
            "static constexpr float exp_scale = 1.0",
            f"typedef {ctype(layer.exp_table.format)} exp_table_t",
            f"typedef {ctype(layer.inverse_table.format)} inv_table_t",
            f"typedef {ctype(layer.accum)} accum_t",
            f"typedef {ctype(layer.inverse_input)} inv_inp_t",
            f"typedef {ctype(layer.difference)} inp_norm_t",
        ]

    def concat_members(self, layer: Concat) -> list[str]:
        members = [f"static const int axis = {layer.axis + 1}"]
        for which in (0, 1):
            shape = self.source(layer, which).shape
            members += [f"static const unsigned n_elem{which + 1}_{i} = {n}" for i, n in enumerate(shape)]
        return members

    # -- calls --------------------------------------------------------------------------------------

    def lines(self, layer: Layer) -> list[str]:
        """The variable of a layer and the call that fills it."""
        declared = f"{ctype(layer.result)} {layer.name}[{layer.size}];"
        if isinstance(layer, Input):
            return [declared, f"for (int i = 0; i < {layer.size}; i++) {layer.name}[i].V = *x++;"]
        if isinstance(layer, Reshape):
            return [f"{ctype(layer.result)} *{layer.name} = {layer.sources[0]};"]
        if isinstance(layer, Argmax):
            source = self.source(layer)
            find = f"for (int i = 1; i < {source.size}; i++) if ({source.name}[i] > {source.name}[best]) best = i;"
            return [declared, f"{{ int best = 0; {find} {layer.name}[0] = best; }}"]
        if isinstance(layer, CastEach):
            return [declared, *self.casts(layer)]
        return [declared, *self.constants(layer), self.call(layer)]

    def casts(self, layer: CastEach) -> list[str]:
        """As hls4ml generates them (backends/fpga/passes/hgq_proxy_model.py)."""
        source = layer.sources[0]
        kinds = [None if kind is None else ctype(kind) for kind in layer.formats()]
        values = ["0" if kind is None else f"{kind}({source}[{i}])" for i, kind in enumerate(kinds)]
        return [f"{layer.name}[{i}] = {value};" for i, value in enumerate(values)]

    def constants(self, layer: Layer) -> list[str]:
        match layer:
            case Dense():
                weight = layer.weight if layer.strategy == "latency" else transposed(layer.weight)
                return [*array(f"{layer.name}_w", weight), *array(f"{layer.name}_b", layer.bias)]
            case Conv():
                weight = layer.weight if layer.strategy == "latency" else channels_first(layer.weight)
                return [*array(f"{layer.name}_w", weight), *array(f"{layer.name}_b", layer.bias)]
            case Leaky():
                return array(f"{layer.name}_p", Constant(np.resize(layer.slope.raw, layer.size), layer.slope.format))
            case Threshold():
                return array(f"{layer.name}_p", layer.theta)
            case ExpLinear():
                return array(f"{layer.name}_p", layer.alpha)
            case Lookup():
                return array(f"{layer.name}_p", layer.table)
            case Embedding():
                return array(f"{layer.name}_p", layer.table)
            case ScaleBias() | LayerNorm():
                return [*array(f"{layer.name}_w", layer.scale), *array(f"{layer.name}_b", layer.bias)]
            case _:
                return []

    def call(self, layer: Layer) -> str:
        types = ", ".join([*(ctype(self.source(layer, i).result) for i in range(len(layer.sources)))])
        if isinstance(layer, Rearrange) and layer.op is RearrangeOp.RESIZE:
            return f"nnet::resize_nearest<{types}, {self.config_name(layer)}>({layer.sources[0]}, {layer.name});"
        function, extra = self.function(layer), self.extra(layer)
        if isinstance(layer, Leaky | Threshold | ExpLinear):
            return self.parametrized(layer, types)
        limit = f"{layer.limit}, " if isinstance(layer, Relu) and layer.limit is not None else ""
        arguments = ", ".join([*layer.sources, layer.name, *extra])
        return f"nnet::{function}<{types}, {ctype(layer.result)}, {limit}{self.config_name(layer)}>({arguments});"

    def parametrized(self, layer: Leaky | Threshold | ExpLinear, source: str) -> str:
        """Activations with a parameter, and selu, whose factors are its own."""
        config, result = self.config_name(layer), ctype(layer.result)
        if isinstance(layer, ExpLinear) and layer.gain.format.width > 1:
            return f"nnet::selu<{source}, {result}, {config}>({layer.sources[0]}, {layer.name});"
        name = {Leaky: "prelu", Threshold: "thresholded_relu", ExpLinear: "elu"}[type(layer)]
        constant = {Leaky: "slope", Threshold: "theta", ExpLinear: "alpha"}[type(layer)]
        parameter = f"{layer.name}_p" + ("" if isinstance(layer, Leaky) else "[0]")
        types = f"{source}, {ctype(getattr(layer, constant).format)}, {result}, {config}"
        return f"nnet::{name}<{types}>({layer.sources[0]}, {parameter}, {layer.name});"

    def extra(self, layer: Layer) -> list[str]:
        if isinstance(layer, Lookup | Embedding):
            return [f"{layer.name}_p"]
        return [f"{layer.name}_w", f"{layer.name}_b"] if isinstance(layer, Dense | Conv | ScaleBias | LayerNorm) else []

    def function(self, layer: Layer) -> str:
        match layer:
            case Dense():
                return "dense_latency" if layer.strategy == "latency" else "dense_resource"
            case Conv():
                return f"{'depthwise_' if layer.depthwise else ''}conv_{len(layer.stride)}d_cl"
            case Pool():
                return f"pooling{len(layer.stride)}d_cl"
            case Rearrange():
                names = {"transpose": "transpose", "zero pad": "zeropad{}d_cl", "crop": "cropping{}d_cl"}
                return names.get(layer.op.value, "resize_nearest").format(len(layer.shape) - 1)
            case ScaleBias():
                return "normalize"
            case Relu():
                return "relu" if layer.limit is None else "relu_max"
            case Cast():
                return "linear"
            case Table():
                return layer.function.value
            case Softmax() | HardMax():
                return "softmax_multidim"
            case HardSigmoid():
                return "hard_tanh" if layer.tanh else "hard_sigmoid"
            case Lookup():
                return "unary_lut"
            case Embedding():
                return "embedding"
            case LayerNorm():
                return "layernormalize"
            case Einsum():
                return "einsum"
            case Dot():
                return "dot1d"
            case Leaky() | Threshold() | ExpLinear() | Levels() | CastEach() | Recurrent():
                return ""  # written elsewhere
            case Merge():
                return layer.op.value
            case Concat():
                return f"concatenate{len(layer.shape)}d"
            case Input() | Reshape() | Argmax():
                raise AssertionError("no call")

    def give(self, layer: Layer) -> list[str]:
        return [f"for (int i = 0; i < {layer.size}; i++) *y++ = (int64_t){layer.name}[i].V;"]


def array(name: str, constant: Constant) -> list[str]:
    """A constant array, set bit by bit so that no decimal text comes between."""
    raw = ", ".join(str(n) for n in constant.raw.ravel().tolist())
    size = constant.raw.size
    return [
        f"static {ctype(constant.format)} {name}[{size}];",
        f"{{ const int64_t raw[] = {{{raw}}}; for (int i = 0; i < {size}; i++) {name}[i].V = raw[i]; }}",
    ]


def transposed(weight: Constant) -> Constant:
    """Weights as hls4ml's pass for the resource strategy stores them."""
    return Constant(np.ascontiguousarray(weight.raw.T), weight.format)


def channels_first(weight: Constant) -> Constant:
    """Weights of a convolution as that pass stores them: all of the first filter, then of the second."""
    return Constant(np.ascontiguousarray(np.moveaxis(weight.raw, -1, 0)), weight.format)


GATHER = """
template <class D, class C> struct fill_1 {
  static void fill_buffer(D data[], D buffer[C::n_pixels][C::filt_width * C::n_chan], const unsigned p) {
    for (int t = 0; t < C::filt_width; t++) for (int c = 0; c < C::n_chan; c++) {
      int at = (int)(p * C::stride_width) + t - (int)C::pad_left;
      bool in = at >= 0 && at < (int)C::in_width;
      buffer[0][t * C::n_chan + c] = in ? data[at * C::n_chan + c] : D(0);
    }
  }
};
template <class D, class C> struct fill_2 {
  static void fill_buffer(D data[], D buffer[C::n_pixels][C::filt_height * C::filt_width * C::n_chan],
                          const unsigned p) {
    for (int u = 0; u < C::filt_height; u++) for (int t = 0; t < C::filt_width; t++)
    for (int c = 0; c < C::n_chan; c++) {
      int y = (int)(p / C::out_width * C::stride_height) + u - (int)C::pad_top;
      int x = (int)(p % C::out_width * C::stride_width) + t - (int)C::pad_left;
      bool in = y >= 0 && y < (int)C::in_height && x >= 0 && x < (int)C::in_width;
      buffer[0][(u * C::filt_width + t) * C::n_chan + c] = in ? data[(y * C::in_width + x) * C::n_chan + c] : D(0);
    }
  }
};
"""
"""The gathering of windows, which hls4ml generates for each layer."""


def covers(network: Network) -> bool:
    """Whether its layers are written here: streams are tested through whole projects."""
    streams = any(isinstance(layer, Pool) and layer.form is not PoolForm.PARALLEL for layer in network.layers)
    return not streams and not any(isinstance(layer, Levels | Recurrent) for layer in network.layers)


ARGMAX_TYPES = [
    "static const unsigned exp_table_size = 2, inv_table_size = 2",
    "static constexpr float exp_scale = 1.0",
    *(
        f"typedef ap_fixed<8, 4> {name}"
        for name in ("exp_table_t", "inv_table_t", "accum_t", "inv_inp_t", "inp_norm_t")
    ),
]
"""What the other implementations of softmax read, which a switch compiles too."""


DEFAULT_ADDRESS = FixedFormat(8, 4)


# --- tables --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TableCase:
    """One table to be filled by hls4ml: ``kind`` is sigmoid, tanh, exp, negexp or inverse."""

    kind: str
    entries: int
    result: FixedFormat
    address: FixedFormat = DEFAULT_ADDRESS
    scale: float = 1.0
    epsilon: int = 3
    range_power: int = 0


def table_text(case: TableCase, number: int) -> str:
    """The function ``table_<number>(y)`` that fills a table and gives its raw values."""
    config = f"""struct table_config_{number} {{
  typedef {ctype(case.result)} table_t;
  typedef table_t exp_table_t;
  typedef table_t inv_table_t;
  static const unsigned exp_table_size = {case.entries}, inv_table_size = {case.entries};
  static constexpr float exp_scale = {case.scale!r};
  static const unsigned epsilon_power_of_10 = {case.epsilon}, table_range_power2 = {case.range_power};
}};
"""
    this, address = f"table_config_{number}", ctype(case.address)
    call = {
        "sigmoid": f"nnet::init_sigmoid_table<{this}, {case.entries}>(t)",
        "softplus": f"nnet::init_softplus_table<{this}, {case.entries}>(t)",
        "softsign": f"nnet::init_softsign_table<{this}, {case.entries}>(t)",
        "elu": f"nnet::init_elu_table<{this}, {case.entries}>(t)",
        "selu": f"nnet::init_selu_table<{this}, {case.entries}>(t)",
        "tanh": f"nnet::init_tanh_table<{this}, {case.entries}>(t)",
        "exp": f"nnet::init_exp_table<{address}, {this}>(t)",
        "negexp": f"nnet::init_exp_table<{address}, {this}>(t, true)",
        "inverse": f"nnet::init_invert_table<{address}, {this}>(t)",
        "root": f"nnet::init_invert_sqr_table<{this}, {case.entries}>(t)",
    }[case.kind]
    return f"""{config}extern "C" void table_{number}(int64_t *y) {{
  static {ctype(case.result)} t[{case.entries}];
  {call};
  for (int i = 0; i < {case.entries}; i++) y[i] = (int64_t)t[i].V;
}}
"""


# --- compiled ------------------------------------------------------------------------------------


def templates() -> Path:
    """The folder of hls4ml's Vivado templates (the Vitis backend uses the same ones)."""
    package = importlib.util.find_spec("hls4ml")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "templates" / "vivado"


def headers(folder: Path) -> Path:
    """The headers as the Vitis writer copies them: those of Vivado, then its own over them."""
    target = folder / "include" / "nnet_utils"
    target.mkdir(parents=True)
    for which in ("vivado", "vitis"):
        for path in (templates().parent / which / "nnet_utils").glob("*.h"):
            shutil.copy(path, target / path.name)
    return target.parent


@dataclass(frozen=True)
class Compiled:
    """The library of some networks and tables."""

    library: ctypes.CDLL
    networks: tuple[Network, ...]
    tables: tuple[TableCase, ...]

    def outputs(self, number: int, x: Ints) -> Ints:
        """Raw outputs (rows, elements) of one network."""
        network = self.networks[number]
        size = sum(network.layer(name).size for name in network.outputs)
        x, y = np.ascontiguousarray(x, dtype=np.int64), np.zeros((len(x), size), dtype=np.int64)
        getattr(self.library, f"net_{number}")(_pointer(x), _pointer(y), ctypes.c_int64(len(x)))
        return y

    def table(self, number: int) -> Ints:
        """Raw entries of one table."""
        y = np.zeros(self.tables[number].entries, dtype=np.int64)
        getattr(self.library, f"table_{number}")(_pointer(y))
        return y


def _pointer(array: Ints) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def build(folder: Path, networks: Sequence[Network], tables: Sequence[TableCase] = ()) -> Compiled:
    """Compile networks and tables into one library in ``folder``."""
    compiler = shutil.which("g++")
    assert compiler is not None, "g++ is missing: the C++ oracle cannot run"
    text = HEAD + GATHER + "".join(Writer(network, i).text() for i, network in enumerate(networks))
    text += "".join(table_text(case, i) for i, case in enumerate(tables))
    source, library = folder / "oracle.cpp", folder / "oracle.so"
    source.write_text(text)
    include = [f"-I{headers(folder)}", f"-I{templates() / 'ap_types'}"]
    argv = [
        compiler,
        "-O0",
        "-DNDEBUG",
        "-std=c++17",
        "-w",
        "-fPIC",
        "-shared",
        *include,
        str(source),
        "-o",
        str(library),
    ]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[:4000]
    return Compiled(ctypes.CDLL(str(library)), tuple(networks), tuple(tables))


__all__ = ["Compiled", "TableCase", "TableFunction", "build", "ctype"]
