"""A recurrent layer one step at a time: the core around ``sv/recurrent_steps.sv``, and the network of its gates.

Written from hls4ml's C++ alone (nnet_recurrent.h), not from the reference: the two are oracles of each other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitwright.errors import UnsupportedLayerError
from bitwright.fixed import FixedFormat
from bitwright.network import Network
from bitwright.network.layers import Cell, Constant, Dense, Input, Layer, Merge, MergeOp, Recurrent, ScaleBias
from bitwright.rtl.engine_dense import is_folded, nearest_reuse_factor, valid_reuse_factors
from bitwright.rtl.parts import RecurrentCore
from bitwright.rtl.quantizers import EXACT_BITS
from bitwright.rtl.verilog import FOOTER, HEADER

LIBRARY = ("recurrent_steps.sv",)

ONE, MINUS_ONE = (Constant(np.array([value]), FixedFormat(2, 2)) for value in (1, -1))


def products(layer: Recurrent) -> tuple[Dense, Dense]:
    """The products of features and state, each with a name of its own."""
    of_features, of_state = layer.products()
    return (
        replace(of_features, name=f"{layer.name}_of_features", sources=(f"{layer.name}_features",)),
        replace(of_state, name=f"{layer.name}_of_state", sources=(f"{layer.name}_state",)),
    )


def groups(layer: Recurrent) -> int:
    """Clocks in which the gates take all units: at most as many as the faster product takes.

    A product that is not folded shows its result only while what it reads stays, so all units go at once.
    """
    clocks = min(p.reuse_factor if is_folded(p) else 1 for p in layer.products())
    return max(count for count in range(1, min(clocks, layer.units) + 1) if layer.units % count == 0)


def reuse_factors(layer: Recurrent) -> dict[int, int]:
    """Reuse factors that hls4ml takes for a layer, each with that of the state's product, the nearest to it.

    It picks the C++ of both by that of the features: one that does not suit the state's is left out.
    """
    (features, gates), units = layer.weight.raw.shape, layer.units
    pairs = {r: nearest_reuse_factor(units, gates, r) for r in valid_reuse_factors(features, gates)}
    return {reuse: of_state for reuse, of_state in pairs.items() if (reuse <= units) == (of_state <= units)}


def with_factor(layer: Recurrent, reuse: int) -> Recurrent:
    """The layer with another reuse factor, as hls4ml would give it."""
    of_state = nearest_reuse_factor(layer.units, layer.cell.gates * layer.units, reuse)
    strategy = "resource" if reuse > 1 else "latency"
    return replace(layer, strategy=strategy, reuse_factor=reuse, recurrent_reuse_factor=of_state)


def period(product: int, gates: int, count: int) -> int:
    """Clocks from a step to the next: the slower product, the gates' pipeline, the groups of units."""
    return product + gates + count


def parameters(core: RecurrentCore) -> dict[str, int]:
    """Of recurrent_steps, in the words of its header."""
    layer, cell = core.layer, core.layer.cell
    return {
        "STEPS": core.steps, "SEQUENCES": int(layer.sequences), "FEATURES": core.features * core.source.width,
        "UNITS": layer.units, "LANES": layer.units // groups(layer), "GATES": cell.gates,
        "WIDTH": layer.result.width, "ACC_WIDTH": layer.accum.width, "CELLS": int(cell is Cell.LSTM),
    }  # fmt: skip


# --- the gates ---------------------------------------------------------------------------------


def gates_network(layer: Recurrent, prefix: str, lanes: int | None = None) -> Network:
    """What the gates do with a group of units, or with as many as ``lanes`` says.

    Inputs: the products of the features, those of the state, gate by gate, and the units' old cells (LSTM) or
    states.  Outputs: their new states, then their new cells.
    """
    draft = _Gates(layer, lanes or layer.units // groups(layer))
    x = [draft.input(f"features_{k}", layer.accum) for k in range(layer.cell.gates)]
    h = [draft.input(f"state_{k}", layer.accum) for k in range(layer.cell.gates)]
    old = draft.input("old", layer.result)
    outputs = _lstm(draft, x, h, old) if layer.cell is Cell.LSTM else _gru(draft, x, h, old)
    return Network(prefix, tuple(draft.layers), tuple(output.name for output in outputs))


class _Gates:
    """A network while it is made; all tensors have ``size`` elements."""

    def __init__(self, layer: Recurrent, size: int) -> None:
        self.layer, self.size = layer, size
        self.layers: list[Layer] = []

    def _add(self, layer: Layer) -> Layer:
        self.layers.append(layer)
        return layer

    def _name(self, what: str) -> str:
        return f"{self.layer.name}_{what}"

    def input(self, what: str, fmt: FixedFormat) -> Layer:
        return self._add(Input(name=self._name(what), sources=(), shape=(self.size,), result=fmt))

    def merge(self, what: str, op: MergeOp, a: Layer, b: Layer, result: FixedFormat) -> Layer:
        sources = (a.name, b.name)
        return self._add(Merge(name=self._name(what), sources=sources, shape=(self.size,), result=result, op=op))

    def product(self, what: str, a: Layer, b: Layer) -> Layer:
        """All bits of a product; only the sum of two of them is cast."""
        width = a.result.width + b.result.width
        if width > EXACT_BITS:
            raise UnsupportedLayerError(
                f"products of {a.result} and {b.result} need {width} bits; hardware holds at most {EXACT_BITS}",
                where=f"layer '{self.layer.name}'",
                hint="give it a narrower accum and result type in the hls4ml config",
            )
        signed = a.result.signed or b.result.signed
        exact = FixedFormat(width, a.result.integer + b.result.integer, signed)
        return self.merge(what, MergeOp.MULTIPLY, a, b, exact)

    def function(self, what: str, x: Layer, *, gate: bool) -> Layer:
        made = self.layer.activation(gate=gate, size=self.size)
        return self._add(replace(made, name=self._name(what), sources=(x.name,)))

    def gate(self, what: str, x: Layer, h: Layer, *, gate: bool = True) -> Layer:
        """The function of a sum."""
        total = self.merge(f"{what}_sum", MergeOp.ADD, x, h, self.layer.accum)
        return self.function(what, total, gate=gate)

    def rest(self, what: str, x: Layer) -> Layer:
        """One minus a gate, all bits of it."""
        integer = max(x.result.integer, 0) + 2
        fmt = FixedFormat(max(x.result.fraction, 0) + integer, integer)
        return self._add(
            ScaleBias(
                name=self._name(what), sources=(x.name,), shape=(self.size,), result=fmt, scale=MINUS_ONE, bias=ONE
            )
        )


def _lstm(draft: _Gates, x: list[Layer], h: list[Layer], old: Layer) -> tuple[Layer, ...]:
    result = draft.layer.result
    i, f, c, o = (draft.gate("ifco"[k], x[k], h[k], gate=k != 2) for k in range(4))
    cell = draft.merge("cell", MergeOp.ADD, draft.product("new", c, i), draft.product("kept", old, f), result)
    acted = draft.function("acted", cell, gate=False)
    return draft.merge("out", MergeOp.MULTIPLY, o, acted, result), cell


def _gru(draft: _Gates, x: list[Layer], h: list[Layer], old: Layer) -> tuple[Layer, ...]:
    z, r = draft.gate("z", x[0], h[0]), draft.gate("r", x[1], h[1])
    reset = draft.merge("reset", MergeOp.MULTIPLY, r, h[2], draft.layer.accum)
    c = draft.gate("c", x[2], reset, gate=False)
    new, kept = draft.product("new", c, draft.rest("rest", z)), draft.product("kept", old, z)
    return (draft.merge("out", MergeOp.ADD, new, kept, draft.layer.result),)


# --- SystemVerilog -----------------------------------------------------------------------------


def core_text(name: str, core: RecurrentCore, parts: tuple[str, str, str], slower: int) -> str:
    """The core: recurrent_steps, its two products and its gates.

    Args:
        name: of the module.
        core: what it computes.
        parts: modules of the products of features and state, and of the gates.
        slower: 0 where the product of the features takes longest, else 1.
    """
    layer, values = core.layer, parameters(core)
    features, state, accum = values["FEATURES"], layer.units * layer.result.width, layer.accum.width
    lanes, gates = values["LANES"], values["GATES"]
    settings = ",\n".join(f"    .{key}({value})" for key, value in values.items())
    old, update = lanes * layer.result.width, (1 + values["CELLS"]) * lanes * layer.result.width
    done = ("of_features", "of_state")
    return (
        HEADER
        + f"""\
// Layer {layer.name}: {layer.units} units, {core.steps} steps of {core.features} features, {lanes} units per clock.
module {name} (
  input  wire clk,
  input  wire rst,
  input  wire in_valid,
  output wire in_ready,
  input  wire [{features - 1}:0] in_data,
  input  wire place,
  output wire claim,
  output wire out_valid,
  output wire [{state - 1}:0] out_data
);
  wire start;
  wire [{features - 1}:0] features;
  wire [{state - 1}:0] state;
  wire of_features_valid;
  wire [{gates * layer.units * accum - 1}:0] of_features;
  wire of_state_valid;
  wire [{gates * layer.units * accum - 1}:0] of_state;
  wire gates_valid;
  wire [{gates * lanes * accum - 1}:0] gates_features;
  wire [{gates * lanes * accum - 1}:0] gates_state;
  wire [{old - 1}:0] gates_old;
  wire update_valid;
  wire [{update - 1}:0] update;
  wire unused_valid = &{{1'b0, {done[1 - slower]}_valid}};

  recurrent_steps #(
{settings}
  ) u_steps (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_ready(in_ready), .in_data(in_data), .place(place), .claim(claim),
    .out_valid(out_valid), .out_data(out_data), .start(start), .features(features), .state(state),
    .products_valid({done[slower]}_valid), .of_features(of_features), .of_state(of_state),
    .gates_valid(gates_valid), .gates_features(gates_features), .gates_state(gates_state), .gates_old(gates_old),
    .update_valid(update_valid), .update(update)
  );

{_product(parts[0], "features", is_folded(layer.products()[0]))}
{_product(parts[1], "state", is_folded(layer.products()[1]))}
  {parts[2]} u_gates (
    .clk(clk), .rst(rst), .in_valid(gates_valid), .in_data({{gates_old, gates_state, gates_features}}),
    .out_valid(update_valid), .out_data(update)
  );
endmodule
"""
        + FOOTER
    )


def _product(module: str, reads: str, has_ready: bool) -> str:
    """A product's instance; a folded one is always ready when a step begins."""
    ready = f"  wire of_{reads}_ready;\n  wire unused_{reads} = &{{1'b0, of_{reads}_ready}};\n" if has_ready else ""
    return f"""{ready}\
  {module} u_of_{reads} (
    .clk(clk), .rst(rst), .in_valid(start),{f" .in_ready(of_{reads}_ready)," if has_ready else ""} .in_data({reads}),
    .out_valid(of_{reads}_valid), .out_data(of_{reads})
  );
"""
