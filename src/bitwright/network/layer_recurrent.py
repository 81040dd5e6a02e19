"""Recurrent layers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from bitwright.fixed import FixedFormat
from bitwright.network.layer_activations import Relu, Table, TableFunction
from bitwright.network.layer_base import Base, Constant, Shape
from bitwright.network.layer_products import Dense


class Cell(Enum):
    """What is done at each time step (nnet_recurrent.h, lstm and gru)."""

    LSTM = "lstm"
    GRU = "gru"

    @property
    def gates(self) -> int:
        """Products of the input for each unit: LSTM i, f, c, o; GRU z, r, h."""
        return 4 if self is Cell.LSTM else 3


class GateFunction(Enum):
    """Activations that hls4ml's cells know (nnet_recr_activations.h)."""

    RELU = "relu"
    SIGMOID = "sigmoid"
    TANH = "tanh"


NO_TABLE = Constant(np.zeros(0, dtype=np.int64), FixedFormat(1, 1))
"""Where a function has none."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recurrent(Base):
    """A cell over the steps of a sequence (steps, features), from a state of zero (nnet_recurrent.h).

    Products, gates and what comes of them are held in ``accum``, the states in ``result``.

    Attributes:
        weight: (features, gates * units); ``recurrent_weight``: (units, gates * units), gates in Keras' order.
        bias, recurrent_bias: (gates * units,), the first values of the two products' accumulators.
        function: of the candidate and of the LSTM's state; ``gate``: of the gates, each with its table.
        sequences: all states are given, else the last one; ``backward``: from the last step to the first.
        reuse_factor, recurrent_reuse_factor: of the two products, as in Dense.
    """

    cell: Cell
    weight: Constant
    recurrent_weight: Constant
    bias: Constant
    recurrent_bias: Constant
    accum: FixedFormat
    function: GateFunction
    table: Constant
    gate: GateFunction
    gate_table: Constant
    sequences: bool
    backward: bool = False
    strategy: str = "latency"
    reuse_factor: int = 1
    recurrent_reuse_factor: int = 1

    @property
    def units(self) -> int:
        """Elements of the state."""
        return self.shape[-1]

    def products(self) -> tuple[Dense, Dense]:
        """The product of a step's input, and that of the state."""
        state = (self.recurrent_weight, self.recurrent_bias, self.recurrent_reuse_factor)
        pairs = ((self.weight, self.bias, self.reuse_factor), state)
        first, second = (
            Dense(
                name=self.name, sources=self.sources, shape=bias.raw.shape, result=self.accum, weight=weight, bias=bias,
                accum=self.accum, strategy=self.strategy, reuse_factor=reuse,
            )
            for weight, bias, reuse in pairs
        )  # fmt: skip
        return first, second

    def activation(self, *, gate: bool, size: int) -> Table | Relu:
        """The function of gates or of candidates over ``size`` elements, its result in ``accum``."""
        function, table = (self.gate, self.gate_table) if gate else (self.function, self.table)
        shape: Shape = (size,)
        match function:
            case GateFunction.RELU:
                return Relu(name=self.name, sources=self.sources, shape=shape, result=self.accum)
            case GateFunction.SIGMOID | GateFunction.TANH:
                return Table(
                    name=self.name, sources=self.sources, shape=shape, result=self.accum,
                    function=TableFunction(function.value), table=table,
                )  # fmt: skip
