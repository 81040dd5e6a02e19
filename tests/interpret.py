"""A kernel's logic evaluated by alkaid's interpreter, module by module: hardware without a simulator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from networks import Ints

from bitwright.rtl.kernel import Kernel, Module
from bitwright.rtl.verilog import used_inputs

LANES = 64
"""The interpreter's rows go in lanes; unused lanes of zeros may lie outside a table, so rows are filled up."""

Floats = npt.NDArray[np.float64]


def outputs(kernel: Kernel, x: Ints) -> Floats:
    """Raw outputs (rows, elements) for raw inputs (rows, elements)."""
    rows = len(x)
    x = np.concatenate([x, np.repeat(x[-1:], -rows % LANES, axis=0)])
    nets = _input_nets(kernel, x)
    for module in kernel.modules:
        nets.update(_module(module, nets, len(x)))
    return _joined(kernel, nets, len(x))[:rows]


def _input_nets(kernel: Kernel, x: Ints) -> dict[str, Floats]:
    nets: dict[str, Floats] = {}
    column = 0
    for layer in kernel.network.inputs:
        for wire in kernel.values[layer.name]:
            nets[wire.net] = np.ldexp(x[:, column].astype(np.float64), -layer.result.fraction)
            column += 1
    return nets


def _module(module: Module, nets: dict[str, Floats], rows: int) -> dict[str, Floats]:
    read = {wire.net for wire in used_inputs(module)}
    zero = np.zeros(rows)
    columns = [nets[wire.net] if wire.net in read else zero for wire in module.inputs] or [zero]
    results = module.logic.predict(np.ascontiguousarray(np.stack(columns, axis=1)))
    return {wire.net: results[:, i] for i, wire in enumerate(module.outputs)}


def _joined(kernel: Kernel, nets: dict[str, Floats], rows: int) -> Floats:
    columns = []
    for name in kernel.network.outputs:
        scale = 2.0 ** kernel.network.layer(name).result.fraction
        for wire in kernel.values[name]:
            values = nets[wire.net] if wire.constant is None else np.full(rows, wire.constant)
            columns.append(values * scale)
    return np.stack(columns, axis=1)
