"""A Dense layer with a reuse factor: the wrapper of ``sv/dense_folded.sv``, its weights as a memory file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat, Overflow, quantize
from bitwright.network.layers import Dense
from bitwright.rtl.formats import OVERFLOWS, ROUNDINGS
from bitwright.rtl.verilog import FOOTER, HEADER, literal

LIBRARY = ("adder_tree.sv", "dense_folded.sv", "fixed_cast.sv")


def valid_reuse_factors(n_in: int, n_out: int) -> tuple[int, ...]:
    """Reuse factors that hls4ml takes for a Dense layer (fpga_backend.py, _validate_reuse_factor), ascending."""
    products = n_in * n_out
    factors = {d for i in range(1, int(products**0.5) + 1) if products % i == 0 for d in (i, products // i)}
    return tuple(sorted(f for f in factors if (n_in % f == 0 if f < n_in else f % n_in == 0)))


def nearest_reuse_factor(n_in: int, n_out: int, asked: int) -> int:
    """The factor that hls4ml takes where it cannot have the one asked for (get_closest_reuse_factor)."""
    return min(valid_reuse_factors(n_in, n_out), key=lambda factor: (abs(factor - asked), factor))


def is_folded(layer: Dense) -> bool:
    """Whether a product is time-multiplexed."""
    return layer.strategy == "resource" and layer.reuse_factor > 1


@dataclass(frozen=True, slots=True)
class FoldedTiming:
    """Clocks of a folded Dense layer: ``interval`` between words, ``latency`` from a word to its result."""

    interval: int
    latency: int


def timing(layer: Dense) -> FoldedTiming:
    """Interval and latency as dense_folded.sv has them."""
    return FoldedTiming(layer.reuse_factor, latency(len(layer.weight.raw), layer.reuse_factor, layer.accum))


def latency(n_in: int, factor: int, accum: FixedFormat) -> int:
    """Clocks from a word to its result: ROM, product, sum (a level of eight per clock), accumulator, result."""
    taps, levels = max(n_in // factor, 1), 1
    while accum.overflow is Overflow.WRAP and 8**levels < taps:
        levels += 1
    return factor + 4 + levels


def multipliers(layer: Dense) -> int:
    """Products per clock."""
    return layer.weight.raw.size // layer.reuse_factor


DSP_BITS = 18
"""Bits of both factors together from which a product goes to a DSP block; a 6 x 6 one takes 66 LUTs in Yosys."""


def uses_dsp(layer: Dense, source: FixedFormat) -> bool:
    """Whether the products go to DSP blocks; narrow ones cost less in LUTs."""
    return source.width + layer.weight.format.width >= DSP_BITS


def memory_words(layer: Dense) -> list[str]:
    """The ROM, one hexadecimal word per clock: multiplier m of clock r has the flat weight r + R m, output-major."""
    flat = layer.weight.raw.T.reshape(-1)
    width = layer.weight.format.width
    digits = -(-multipliers(layer) * width // 4)
    return [f"{_packed(flat[clock :: layer.reuse_factor], width):0{digits}x}" for clock in range(layer.reuse_factor)]


def _packed(raw: npt.NDArray[np.int64], width: int) -> int:
    """Raw values side by side, the first in the lowest bits."""
    bits = (raw[:, None] >> np.arange(width)) & 1
    return int.from_bytes(np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes(), "little")


def rom_text(name: str, layer: Dense) -> str:
    """The ROM; where its file lies in another folder than the simulator's, ROM_FOLDER says so."""
    width, depth = multipliers(layer) * layer.weight.format.width, layer.reuse_factor
    address = address_bits(layer)
    return (
        HEADER
        + f"""\
// Weights of layer {layer.name}: {depth} words of {width} bits, word r for clock r.
`ifndef ROM_FOLDER
`define ROM_FOLDER ""
`endif
module {name} (
  input  wire clk,
  input  wire [{address - 1}:0] address,
  output wire [{width - 1}:0] word  // a clock after its address
);
  reg [{width - 1}:0] rom[0:{depth - 1}];
  reg [{width - 1}:0] word_q;

  initial $readmemh({{`ROM_FOLDER, "{name}.mem"}}, rom);
  always @(posedge clk) word_q <= rom[address];
  assign word = word_q;
endmodule
"""
        + FOOTER
    )


def address_bits(layer: Dense) -> int:
    """Bits of a ROM address."""
    return max((layer.reuse_factor - 1).bit_length(), 1)


def engine_text(name: str, layer: Dense, source: FixedFormat) -> str:
    """The engine's core: dense_folded with this layer's sizes and formats, its ROM and its bias."""
    values = {**_sizes(layer, source), **_casts(layer, source)}
    parameters = ",\n".join(f"    .{key}({value})" for key, value in values.items())
    n_in, n_out = layer.weight.raw.shape
    width, address = multipliers(layer) * layer.weight.format.width, address_bits(layer)
    return (
        HEADER
        + f"""\
// Layer {layer.name}: {n_in} x {n_out}, reuse factor {layer.reuse_factor}, {multipliers(layer)} multipliers.
module {name} (
  input  wire clk,
  input  wire rst,
  input  wire in_valid,
  output wire in_ready,
  input  wire [{n_in * source.width - 1}:0] in_data,
  output wire out_valid,
  output wire [{n_out * layer.result.width - 1}:0] out_data
);
  wire [{address - 1}:0] address;
  wire [{width - 1}:0] word;

  {name}_rom u_rom (.clk(clk), .address(address), .word(word));

  (* use_dsp = "{"yes" if uses_dsp(layer, source) else "no"}" *)  // of Vivado
  dense_folded #(
{parameters}
  ) u_dense (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_ready(in_ready), .in_data(in_data),
    .rom_address(address), .rom_word(word),
    .bias({_bias(layer)}),
    .out_valid(out_valid), .out_data(out_data)
  );
endmodule
"""
        + FOOTER
    )


def _sizes(layer: Dense, source: FixedFormat) -> dict[str, int]:
    n_in, n_out = layer.weight.raw.shape
    weight = layer.weight.format
    return {
        "N_IN": n_in, "N_OUT": n_out, "REUSE": layer.reuse_factor, "X_WIDTH": source.width,
        "X_SIGNED": int(source.signed), "W_WIDTH": weight.width, "W_SIGNED": int(weight.signed),
        "ADDR": address_bits(layer),
    }  # fmt: skip


def _casts(layer: Dense, source: FixedFormat) -> dict[str, int]:
    accum, result = layer.accum, layer.result
    return {
        "ACC_WIDTH": accum.width,
        "ACC_SIGNED": int(accum.signed),
        "ACC_DROP": source.fraction + layer.weight.format.fraction - accum.fraction,
        "ACC_ROUNDING": ROUNDINGS.index(accum.rounding),
        "ACC_OVERFLOW": OVERFLOWS.index(accum.overflow),
        "OUT_WIDTH": result.width,
        "OUT_SIGNED": int(result.signed),
        "OUT_DROP": accum.fraction - result.fraction,
        "OUT_ROUNDING": ROUNDINGS.index(result.rounding),
        "OUT_OVERFLOW": OVERFLOWS.index(result.overflow),
    }


def _bias(layer: Dense) -> str:
    raw = quantize(layer.bias.raw, layer.bias.format.fraction, layer.accum)
    return literal(_packed(np.asarray(raw, dtype=np.int64), layer.accum.width), layer.size * layer.accum.width)
