"""hls4ml's recurrent layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bitwright.errors import UnsupportedLayerError
from bitwright.frontend.lower_activations import power_of_two
from bitwright.frontend.lower_products import factor
from bitwright.frontend.lower_types import Common, constant, is_bit, named, precision, unsupported
from bitwright.network.layer_recurrent import NO_TABLE
from bitwright.network.layers import Cell, Concat, Constant, GateFunction, Layer, Recurrent, TableFunction
from bitwright.network.tables import activation_table


def recurrent(node: Any, common: Common, sources: list[Layer]) -> Layer:
    """LSTM and GRU (with the reset gate after the product, the only form of hls4ml's C++)."""
    if len(sources) != 1:
        raise unsupported(node, "initial states")
    if str(node.get_attr("direction", "forward")) != "forward":
        raise unsupported(node, f"direction '{node.get_attr('direction')}'")
    cell = Cell(str(node.class_name).lower())
    if cell is Cell.LSTM:
        _check_lstm_types(node, common, sources[0])
    return _recurrent(node, common, sources[0], cell, "")


def _check_lstm_types(node: Any, common: Common, source: Layer) -> None:
    """hls4ml 1.3.0 compiles ``lstm`` beside ``lstm_static``, which is right for one type of all three only."""
    accum = precision(node, "accum")
    if not source.result == common["result"] == accum:
        raise unsupported(
            node, f"an LSTM of input {source.result}, result {common['result']} and accumulator {accum}: hls4ml"
            " 1.3.0's C++ compiles only where the three are one type",
        )  # fmt: skip


def _recurrent(node: Any, common: Common, source: Layer, cell: Cell, side: str) -> Recurrent:
    """One direction; ``side`` is what its attributes begin with."""
    if cell is Cell.GRU and str(node.get_attr(f"{side}apply_reset_gate", "after")) != "after":
        raise unsupported(node, "reset_after=False, for which hls4ml's C++ computes reset_after=True")
    function, table = _function(node, f"{side}activation")
    gate, gate_table = _function(node, f"{side}recurrent_activation")
    strategy = str(node.get_attr("strategy", "latency")).lower()
    if strategy not in ("latency", "resource"):
        raise unsupported(node, f"strategy '{strategy}' has no exact reference here")
    _check_reuse(node, side, int(common["shape"][-1]), strategy)
    return Recurrent(
        **common,
        cell=cell,
        weight=_matrix(node, f"{side}weight", source),
        recurrent_weight=_matrix(node, f"{side}recurrent_weight", source),
        bias=_vector(node, f"{side}bias"),
        recurrent_bias=_vector(node, f"{side}recurrent_bias"),
        accum=precision(node, "accum"),
        function=function,
        table=table,
        gate=gate,
        gate_table=gate_table,
        sequences=bool(node.get_attr("return_sequences")),
        strategy=strategy,
        reuse_factor=int(node.get_attr("reuse_factor", 1)),
        recurrent_reuse_factor=int(node.get_attr(f"{side}recurrent_reuse_factor", 1)),
    )


def _check_reuse(node: Any, side: str, units: int, strategy: str) -> None:
    """hls4ml 1.3.0 picks the C++ for the state's product by the reuse factor of the input's."""
    reuse, of_state = (int(node.get_attr(k, 1)) for k in ("reuse_factor", f"{side}recurrent_reuse_factor"))
    fits = of_state <= units if reuse <= units else of_state > units and of_state % units == 0
    if strategy != "latency" and not fits:
        error = unsupported(
            node,
            f"reuse factor {reuse} with {of_state} for a state of {units}: hls4ml 1.3.0 takes C++ that stops on it",
        )
        features, gates = node.get_input_variable().shape[1], len(_vector(node, f"{side}bias").raw)
        raise UnsupportedLayerError(error.what, where=error.where, hint=_that_work(int(features), units, gates))


def _that_work(features: int, units: int, gates: int) -> str:
    """Reuse factors of the features' product for which hls4ml's nearest one of the state's has the same C++."""
    of_features, of_state = (
        [factor for factor in range(1, n_in * gates + 1) if _divides(n_in, gates, factor)] for n_in in (features, units)
    )
    nearest = {reuse: min(of_state, key=lambda factor: abs(factor - reuse)) for reuse in of_features}
    working = [str(reuse) for reuse, factor in nearest.items() if (reuse <= units) == (factor <= units)]
    return f"reuse factors that work: {', '.join(working)}"


def _check_reuse_of_both(node: Any, features: int) -> None:
    """hls4ml 1.3.0 checks a Bidirectional's reuse factors by the sizes of a GRU, and takes the one that was asked."""
    if str(node.get_attr("strategy", "latency")).lower() == "latency":
        return
    asked = int(node.get_attr("reuse_factor", 1))
    for side in ("forward", "backward"):
        units = int(node.get_attr(f"{side}_n_states"))
        gates = units * Cell(str(node.get_attr(f"{side}_class_name")).removeprefix("Q").lower()).gates
        factors = [int(node.get_attr(f"{side}_{key}", 1)) for key in ("reuse_factor", "recurrent_reuse_factor")]
        pairs = zip((features, units), factors, strict=True)
        if factors[0] != asked or not all(_divides(n_in, gates, factor) for n_in, factor in pairs):
            raise unsupported(
                node, f"reuse factor {asked}, which hls4ml 1.3.0 would compile as {factors[0]} and {factors[1]} for"
                f" products of {features} x {gates} and {units} x {gates} {side}",
            )  # fmt: skip


def _divides(n_in: int, n_out: int, factor: int) -> bool:
    """Whether a product can have a reuse factor (fpga_backend.py, _validate_reuse_factor)."""
    return n_in * n_out % factor == 0 and (n_in % factor == 0 if factor < n_in else factor % n_in == 0)


def _matrix(node: Any, which: str, source: Layer) -> Constant:
    kind = node.get_weights(which).type.precision
    if is_bit(kind) or named(kind, "ExponentPrecisionType") or is_bit(node.get_input_variable().type.precision):
        raise unsupported(node, f"a {which} of type {kind} in a recurrent layer")
    made = factor(node, which, source)
    raw = made.raw.T if node.get_attr("_weights_transposed") else made.raw
    return Constant(np.ascontiguousarray(raw), made.format)


def _vector(node: Any, which: str) -> Constant:
    made = constant(node, which)
    return Constant(made.raw.reshape(-1), made.format)


def _function(node: Any, which: str) -> tuple[GateFunction, Constant]:
    name = str(node.get_attr(which)).lower()
    if name not in {function.value for function in GateFunction}:
        raise unsupported(node, f"activation '{name}', which hls4ml's recurrent layers do not have")
    function = GateFunction(name)
    if function is GateFunction.RELU:
        return function, NO_TABLE
    entries = int(node.get_attr("table_size"))
    power_of_two(node, entries)
    return function, activation_table(TableFunction(name), entries, precision(node, "table"))


def bidirectional(node: Any, common: Common, sources: list[Layer]) -> tuple[Layer, ...]:
    """One forward, one backward, side by side."""
    if str(node.get_attr("merge_mode", "concat")) != "concat":
        raise unsupported(node, f"merge mode '{node.get_attr('merge_mode')}'; hls4ml's C++ has concat only")
    for side in ("forward", "backward"):
        kind = str(node.get_attr(f"{side}_class_name")).removeprefix("Q")
        if kind.lower() not in {cell.value for cell in Cell}:
            raise unsupported(node, f"a {kind} inside, for which hls4ml's Vitis backend has no C++")
    _check_reuse_of_both(node, sources[0].shape[-1])
    made: list[Layer] = []
    for side in ("forward", "backward"):
        units = int(node.get_attr(f"{side}_n_states"))
        part = {**common, "name": f"{node.name}_{side}", "shape": (*common["shape"][:-1], units)}
        kind = str(node.get_attr(f"{side}_class_name")).removeprefix("Q")
        one = _recurrent(node, part, sources[0], Cell(kind.lower()), f"{side}_")
        made.append(replace(one, backward=side == "backward"))
    names = tuple(layer.name for layer in made)
    return (*made, Concat(**{**common, "sources": names}, axis=len(common["shape"]) - 1))
