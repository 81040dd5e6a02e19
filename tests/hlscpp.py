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
from pathlib import Path

import numpy as np
from networks import Ints

from bitwright.fixed import FixedFormat
from bitwright.network import Constant, Layer, Network
from bitwright.network.layers import (
    Argmax,
    Cast,
    Concat,
    Dense,
    HardMax,
    Input,
    Lookup,
    Merge,
    Quantize,
    Relu,
    Reshape,
    ScaleBias,
    Softmax,
    Table,
    TableFunction,
)

HEAD = """
#include <cstdint>
#include "ap_fixed.h"
#include "nnet_utils/nnet_helpers.h"
#include "nnet_utils/nnet_dense.h"
#include "nnet_utils/nnet_batchnorm.h"
#include "nnet_utils/nnet_activation.h"
#include "nnet_utils/nnet_merge.h"
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
        return f"struct {self.config_name(layer)} {{\n{lines}}};" if members else ""

    def members(self, layer: Layer) -> list[str]:
        match layer:
            case Dense():
                return self.dense_members(layer)
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
            case Lookup():
                return [
                    f"static const unsigned n_in = {layer.size}, table_size = {layer.table.raw.size}",
                    f"typedef {ctype(layer.table.format)} table_t",
                ]
            case Table():
                return [
                    f"static const unsigned n_in = {layer.size}, table_size = {layer.table.raw.size}",
                    f"typedef {ctype(layer.table.format)} table_t",
                ]
            case Softmax():
                return self.softmax_members(layer)
            case HardMax():
                return [f"static const unsigned n_slice = {layer.size}"]
            case Merge():
                sizes = [self.source(layer, i).size for i in (0, 1)]
                return [f"static const unsigned n_elem = {layer.size}, n_elem1 = {sizes[0]}, n_elem2 = {sizes[1]}"]
            case Concat():
                return self.concat_members(layer)
            case Input() | Reshape() | Argmax() | Quantize():
                return []

    def dense_members(self, layer: Dense) -> list[str]:
        return [
            f"static const unsigned n_in = {self.source(layer).size}, n_out = {layer.size}",
            f"static const unsigned reuse_factor = {layer.reuse_factor}, multiplier_limit = 1",
            f"typedef {ctype(layer.accum)} accum_t",
            f"typedef {ctype(layer.weight.format)} weight_t",
            f"typedef {ctype(layer.bias.format)} bias_t",
            "template <class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>",
        ]

    def softmax_members(self, layer: Softmax) -> list[str]:
        exp_entries, inverse_entries = layer.exp_table.raw.size, layer.inverse_table.raw.size
        return [
            f"static const unsigned n_slice = {layer.size}",
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
        if isinstance(layer, Quantize):
            return [declared, *self.masks(layer)]
        return [declared, *self.constants(layer), self.call(layer)]

    def masks(self, layer: Quantize) -> list[str]:
        """The body of the function that hls4ml's generate_mask_fn writes."""
        values = [f"{ctype(t)}({layer.sources[0]}[{i}])" if t else "0" for i, t in enumerate(layer.formats)]
        return [f"{layer.name}[{i}] = {value};" for i, value in enumerate(values)]

    def constants(self, layer: Layer) -> list[str]:
        match layer:
            case Dense():
                weight = layer.weight if layer.strategy == "latency" else transposed(layer.weight)
                return [*array(f"{layer.name}_w", weight), *array(f"{layer.name}_b", layer.bias)]
            case ScaleBias():
                return [*array(f"{layer.name}_w", layer.scale), *array(f"{layer.name}_b", layer.bias)]
            case Lookup():
                return array(f"{layer.name}_t", layer.table)
            case _:
                return []

    def call(self, layer: Layer) -> str:
        types = ", ".join([*(ctype(self.source(layer, i).result) for i in range(len(layer.sources)))])
        function, extra = self.function(layer), self.extra(layer)
        limit = f"{layer.limit}, " if isinstance(layer, Relu) and layer.limit is not None else ""
        arguments = ", ".join([*layer.sources, layer.name, *extra])
        return f"nnet::{function}<{types}, {ctype(layer.result)}, {limit}{self.config_name(layer)}>({arguments});"

    def extra(self, layer: Layer) -> list[str]:
        if isinstance(layer, Lookup):
            return [f"{layer.name}_t"]
        return [f"{layer.name}_w", f"{layer.name}_b"] if isinstance(layer, Dense | ScaleBias) else []

    def function(self, layer: Layer) -> str:
        match layer:
            case Dense():
                return "dense_latency" if layer.strategy == "latency" else "dense_resource"
            case ScaleBias():
                return "normalize"
            case Relu():
                return "relu" if layer.limit is None else "relu_max"
            case Cast():
                return "linear"
            case Lookup():
                return "unary_lut"
            case Table():
                return layer.function.value
            case Softmax():
                return f"softmax_{layer.implementation.value}"
            case HardMax():
                return "softmax_argmax"
            case Merge():
                return layer.op.value
            case Concat():
                return f"concatenate{len(layer.shape)}d"
            case Input() | Reshape() | Argmax() | Quantize():
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


def table_text(case: TableCase, number: int) -> str:
    """The function ``table_<number>(y)`` that fills a table and gives its raw values."""
    config = f"""struct table_config_{number} {{
  typedef {ctype(case.result)} table_t;
  typedef table_t exp_table_t;
  typedef table_t inv_table_t;
  static const unsigned exp_table_size = {case.entries}, inv_table_size = {case.entries};
  static constexpr float exp_scale = {case.scale!r};
}};
"""
    this, address = f"table_config_{number}", ctype(case.address)
    call = {
        "sigmoid": f"nnet::init_sigmoid_table<{this}, {case.entries}>(t)",
        "tanh": f"nnet::init_tanh_table<{this}, {case.entries}>(t)",
        "exp": f"nnet::init_exp_table<{address}, {this}>(t)",
        "negexp": f"nnet::init_exp_table<{address}, {this}>(t, true)",
        "inverse": f"nnet::init_invert_table<{address}, {this}>(t)",
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
    text = HEAD + "".join(Writer(network, i).text() for i, network in enumerate(networks))
    text += "".join(table_text(case, i) for i, case in enumerate(tables))
    source, library = folder / "oracle.cpp", folder / "oracle.so"
    source.write_text(text)
    include = [f"-I{templates()}", f"-I{templates() / 'ap_types'}"]
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
