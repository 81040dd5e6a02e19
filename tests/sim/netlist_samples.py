"""Netlists made by hand: one cell between ports, and Python models of cells and of random designs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright.sim.netlist_cells import CLOCK_PINS, OUTPUT_PINS, Settings
from bitwright.sim.netlist_model import Cell, Netlist, Port

Array = npt.NDArray[np.uint8]


def one_cell(kind: str, widths: Mapping[str, int], parameters: Mapping[str, str] | None = None) -> Netlist:
    """A netlist of one cell with a port per pin; a clock pin becomes the port ``clk``."""
    pins, ports, net = {}, [], 0
    for pin, width in widths.items():
        nets = tuple(range(net, net + width))
        net += width
        pins[pin] = nets
        name = "clk" if pin == CLOCK_PINS.get(kind) else pin
        ports.append(Port(name, pin not in OUTPUT_PINS[kind], nets))
    return Netlist("m", tuple(ports), (Cell(Settings("cell", kind, parameters or {}), pins),), net)


def counting(width: int) -> Array:
    """Bits of 0, 1, 2 ... 2^width - 1, one row each, least significant first."""
    return (np.arange(1 << width)[:, None] >> np.arange(width) & 1).astype(np.uint8)


# ---------------------------------------------------------------- random designs


@dataclass(frozen=True)
class Value:
    """A signal of a random design: its width and Verilog name; all are unsigned."""

    name: str
    width: int


@dataclass(frozen=True)
class Statement:
    """``target = operation(arguments)``, or a register (``reg``, ``reg_en``, ``reg_rst``, ``reg_rst_en``)."""

    target: Value
    operation: str
    arguments: tuple[Value, ...]
    number: int = 0


@dataclass(frozen=True)
class Design:
    """A random feed-forward design with its Verilog and a model that steps through the cycles."""

    inputs: tuple[Value, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[Value, ...]

    def verilog(self, name: str) -> str:
        ports = [f"input [{value.width - 1}:0] {value.name}" for value in self.inputs]
        ports += [f"output [{value.width - 1}:0] o_{value.name}" for value in self.outputs]
        lines = [f"module {name}(input clk, {', '.join(ports)});"]
        for statement in self.statements:
            kind = "reg" if statement.operation.startswith("reg") else "wire"
            start = f" = {statement.number & 1}" if kind == "reg" else ""
            lines.append(f"  {kind} [{statement.target.width - 1}:0] {statement.target.name}{start};")
        lines += [f"  {_verilog(statement)}" for statement in self.statements]
        lines += [f"  assign o_{value.name} = {value.name};" for value in self.outputs]
        return "\n".join([*lines, "endmodule", ""])

    def run(self, inputs: Mapping[str, Sequence[int]], cycles: int) -> dict[str, list[int]]:
        """Outputs by name, one per cycle, computed with Python integers one cycle after the other."""
        state = {s.target: s.number & 1 for s in self.statements if s.operation.startswith("reg")}
        results: dict[str, list[int]] = {f"o_{value.name}": [] for value in self.outputs}
        for cycle in range(cycles):
            now = {value: int(inputs[value.name][cycle]) for value in self.inputs} | state
            for statement in self.statements:
                if statement.target not in state:
                    now[statement.target] = _compute(statement, now)
            for value in self.outputs:
                results[f"o_{value.name}"].append(now[value])
            state = {s.target: _next(s, now) for s in self.statements if s.target in state}
        return results


def random_design(seed: int, statements: int = 40) -> Design:
    numbers = random.Random(seed)
    inputs = tuple(Value(f"i{index}", numbers.choice([1, 3, 4, 6, 9])) for index in range(5))
    pool, body = list(inputs), []
    operations = ["add", "sub", "xor", "and", "mux", "less", "lookup", "mul", "not", "slice"]
    operations += ["reg", "reg", "reg_en", "reg_rst", "reg_rst_en", "reg"]
    for index in range(statements):
        operation = numbers.choice(operations)
        arguments = tuple(numbers.choice(pool[-12:]) for _ in range(3))
        body.append(
            Statement(Value(f"v{index}", _width(operation, arguments)), operation, arguments, numbers.getrandbits(64))
        )
        pool.append(body[-1].target)
    # Registers that only delay become shift registers.
    for index in range(statements, statements + 20):
        body.append(Statement(Value(f"v{index}", pool[-1].width), "reg", (pool[-1],), 0))
        pool.append(body[-1].target)
    return Design(inputs, tuple(body), (pool[-1], *(value for value in pool[5:-20] if numbers.random() < 0.5)))


def _width(operation: str, arguments: Sequence[Value]) -> int:
    match operation:
        case "add" | "sub":
            return min(14, max(arguments[0].width, arguments[1].width) + 1)
        case "mul":
            return min(14, arguments[0].width + arguments[1].width)
        case "less" | "slice":
            return 1
        case "lookup":
            return 4
        case _:
            return arguments[0].width


def _verilog(statement: Statement) -> str:
    target, (a, b, *rest) = statement.target.name, [*(value.name for value in statement.arguments), "", ""][:3]
    c = rest[0]
    if statement.operation.startswith("reg"):
        enable = f"if ({b}[0]) " if statement.operation.endswith("en") else ""
        update = f"{enable}{target} <= {a};"
        if "rst" in statement.operation:
            update = f"if ({c}[0]) {target} <= {statement.number >> 1 & 1}; else {update}"
        return f"always @(posedge clk) begin {update} end"
    table = f"64'h{statement.number:016x}"
    right = {
        "add": f"{a} + {b}",
        "sub": f"{a} - {b}",
        "mul": f"{a} * {b}",
        "xor": f"{a} ^ {b}",
        "and": f"{a} & {b}",
        "not": f"~{a}",
        "mux": f"{c}[0] ? {a} : {b}",
        "less": f"{a} < {b}",
        "slice": f"{a}[{statement.arguments[0].width - 1}]",
        "lookup": f"{table} >> {{{a}[0], {b}[0], {c}[0], 2'd0}}",
    }[statement.operation]
    return f"assign {target} = {right};"


def _compute(statement: Statement, now: Mapping[Value, int]) -> int:
    a, b, c = (now[value] for value in statement.arguments)
    match statement.operation:
        case "add":
            result = a + b
        case "sub":
            result = a - b
        case "mul":
            result = a * b
        case "xor":
            result = a ^ b
        case "and":
            result = a & b
        case "not":
            result = ~a
        case "mux":
            result = a if c & 1 else b
        case "less":
            result = int(a < b)
        case "slice":
            result = a >> (statement.arguments[0].width - 1)
        case _:
            result = statement.number >> ((a & 1) << 4 | (b & 1) << 3 | (c & 1) << 2)
    return result & ((1 << statement.target.width) - 1)


def _next(statement: Statement, now: Mapping[Value, int]) -> int:
    values = [now[value] for value in statement.arguments]
    if "rst" in statement.operation and values[2] & 1:
        return statement.number >> 1 & 1
    if statement.operation.endswith("en") and not values[1] & 1:
        return now[statement.target]
    return values[0]
