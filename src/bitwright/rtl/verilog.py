"""A traced module as SystemVerilog: one line per operation, registers where values cross stages.

All nets are unsigned vectors; extension and alignment are written out as concatenations, so the text
means the same to every tool and no implicit width rule is used.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from alkaid.types import CombLogic, Op

from bitwright.errors import BitwrightError
from bitwright.rtl.kernel import Kernel, Module, Wire

HEADER = "`default_nettype none\n"
FOOTER = "`default_nettype wire\n"

NEGATE, INPUT, ADD, SUB, RELU, WRAP, ADD_CONSTANT, CONSTANT, MUX, MULTIPLY, LOOKUP, UNARY, BINARY, SUM = (
    -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
)  # fmt: skip
"""alkaid's operation codes (alkaid docs, ALIR)."""


def literal(value: int, width: int) -> str:
    """A sized constant; negative values in two's complement."""
    return f"{width}'h{value & ((1 << width) - 1):x}"


def declare(kind: str, width: int, name: str) -> str:
    """A net or variable declaration without its end."""
    return f"{kind} [{width - 1}:0] {name}" if width > 1 else f"{kind} {name}"


@dataclass(frozen=True, slots=True)
class Value:
    """A net of known width, sign and binary point, at one pipeline stage."""

    name: str
    width: int
    signed: bool
    fraction: int


def slice_of(value: Value, low: int, count: int) -> str:
    """Bits of a net by index."""
    if value.width == 1 or (low == 0 and count == value.width):
        return value.name
    return f"{value.name}[{low}]" if count == 1 else f"{value.name}[{low + count - 1}:{low}]"


def select(value: Value, low: int, count: int, use: Callable[[str, int, int], None]) -> str:
    """``count`` bits from ``low`` up of the infinitely extended value, as a self-sized expression.

    Bits below the value are zero, bits above repeat the sign; ``use`` hears which bits are read.
    """
    if count <= 0:
        raise BitwrightError("an expression of no bits", where=value.name)
    if value.width == 0:
        return literal(0, count)
    zeros = min(max(-low, 0), count)
    start, stop = max(low, 0), min(low + count, value.width)
    inside = max(stop - start, 0)
    above = count - zeros - inside
    parts = [_extension(value, above, use)] if above else []
    if inside:
        use(value.name, start, inside)
        parts.append(slice_of(value, start, inside))
    if zeros:
        parts.append(literal(0, zeros))
    return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"


def _extension(value: Value, count: int, use: Callable[[str, int, int], None]) -> str:
    if not value.signed:
        return literal(0, count)
    use(value.name, value.width - 1, 1)
    top = slice_of(value, value.width - 1, 1)
    return top if count == 1 else f"{{{count}{{{top}}}}}"


@dataclass(slots=True)
class Writer:
    """Text of one module while it grows."""

    logic: CombLogic
    stages: list[int]
    inputs: tuple[Wire, ...]
    lines: list[str] = field(default_factory=list)
    registers: dict[str, tuple[str, int]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)

    # -- operands ---------------------------------------------------------------------------

    def kif(self, index: int) -> tuple[int, int, int]:
        """Format of a value: keep-negative, integer and fraction bits."""
        k, i, f = self.logic.ops[index].qint.kif
        return int(k), int(i), int(f)

    def width(self, index: int) -> int:
        """Bits of a value."""
        return max(sum(self.kif(index)), 0)

    def base_name(self, index: int) -> str:
        """Net of a value in the stage that computes it."""
        op = self.logic.ops[index]
        return self.inputs[op.data[0]].net if op.opcode == INPUT else f"v{index}"

    def at(self, index: int, stage: int) -> Value:
        """A value as it is seen in ``stage``: delayed by registers where it was computed earlier."""
        keep, _, fraction = self.kif(index)
        name = self.base_name(index)
        width = self.width(index)
        self.widths.setdefault(name, width)
        for later in range(self.stages[index] + 1, stage + 1):
            previous, name = name, f"{self.base_name(index)}_{later}_q"
            if name not in self.registers and width:
                self.registers[name] = (previous, width)
                self.use(previous, 0, width)
                self.widths[name] = width
        return Value(name, width, bool(keep), fraction)

    def use(self, name: str, low: int, count: int) -> None:
        """Note that bits ``low`` and up of a net are read."""
        self.used[name] = self.used.get(name, 0) | (((1 << count) - 1) << low)

    def bits(self, value: Value, low: int, count: int) -> str:
        """``count`` bits from ``low`` up of the infinitely extended value, as a self-sized expression."""
        return select(value, low, count, self.use)

    def aligned(self, value: Value, shift: int, fraction: int, width: int) -> str:
        """``value * 2**shift`` in ``width`` bits with ``fraction`` fraction bits (low bits are cut)."""
        return self.bits(value, value.fraction - shift - fraction, width)

    # -- operations -------------------------------------------------------------------------

    def operation(self, index: int) -> None:
        """Append the line of one operation."""
        op, width = self.logic.ops[index], self.width(index)
        if op.opcode == INPUT or width == 0:
            return
        operands = [self.at(i, self.stages[index]) for i in op.addr]
        expression = self._expression(op, index, operands, width)
        self.widths[f"v{index}"] = width
        self.lines.append(f"{declare('wire', width, f'v{index}')} = {expression};")

    def _expression(self, op: Op, index: int, operands: list[Value], width: int) -> str:
        fraction = self.kif(index)[2]
        match op.opcode:
            case 0 | 1:
                sign = "-" if op.opcode == SUB else "+"
                return self._sum(index, [(operands[0], 0, "+"), (operands[1], op.data[0], sign)], width, fraction)
            case 11:
                terms = [(v, op.data[2 * i + 1], "+" if op.data[2 * i] else "-") for i, v in enumerate(operands)]
                return self._sum(index, terms, width, fraction)
            case 4:
                return self._add_constant(index, operands[0], op.data, width, fraction)
            case -2:
                return f"-{self.aligned(operands[0], 0, fraction, width)}"
            case 2:
                return self._relu(operands[0], width, fraction)
            case 3:
                return self.aligned(operands[0], op.data[0], fraction, width)
            case 5:
                return literal(op.data[0], width)
            case 6:
                return self._mux(op, operands, width, fraction)
            case 7:
                return self._multiply(index, operands, width, fraction)
            case 8:
                return f"table_{op.data[0]}_{operands[0].width}_f({self.bits(operands[0], 0, operands[0].width)})"
            case 9:
                return self._unary(op.data[0], operands[0], width)
            case 10:
                return self._binary(op, operands, width, fraction)
        raise BitwrightError(f"alkaid operation {op.opcode} is not known", hint="alkaid 0.8.2 is what was tested")

    def _wide(self, index: int, expression: str, width: int, drop: int) -> str:
        """The top of an expression that is ``drop`` bits wider, through a net of its own."""
        if drop == 0:
            return expression
        name = f"v{index}_full"
        self.widths[name] = width + drop
        self.lines.append(f"{declare('wire', width + drop, name)} = {expression};")
        return self.bits(Value(name, width + drop, False, 0), drop, width)

    def _sum(self, index: int, terms: list[tuple[Value, int, str]], width: int, fraction: int) -> str:
        common = max(value.fraction - shift for value, shift, _ in terms)
        drop = max(common - fraction, 0)
        pad = fraction - common if common < fraction else 0
        if len(terms) == 2 and drop == pad == 0 and terms[0][2] == "+":
            return self._pair([(v, common - v.fraction + shift) for v, shift, _ in terms], terms[1][2], width)
        texts = [(self.aligned(value, shift, common, width + drop - pad), sign) for value, shift, sign in terms]
        first = texts[0][0] if texts[0][1] == "+" else f"-{texts[0][0]}"
        expression = first + "".join(f" {sign} {text}" for text, sign in texts[1:])
        if pad:
            return f"{{{expression}, {literal(0, pad)}}}"
        return self._wide(index, expression, width, drop)

    def _pair(self, terms: list[tuple[Value, int]], sign: str, width: int) -> str:
        """``a + b`` or ``a - b`` with each term shifted left; bits below the higher term need no carry."""
        (a, up_a), (b, up_b) = terms
        if up_a and sign == "+":
            (a, up_a), (b, up_b) = (b, up_b), (a, up_a)
        if up_a or not 0 < up_b < width:
            return f"{self.bits(a, -up_a, width)} {sign} {self.bits(b, -up_b, width)}"
        low, high = self.bits(a, 0, up_b), self.bits(b, 0, width - up_b)
        if sign == "+" and not a.signed and a.width <= up_b:
            return f"{{{high}, {low}}}"
        return f"{{{self.bits(a, up_b, width - up_b)} {sign} {high}, {low}}}"

    def _add_constant(self, index: int, a: Value, data: tuple[int, ...], width: int, fraction: int) -> str:
        number, number_fraction = data
        common = max(a.fraction, number_fraction)
        drop = max(common - fraction, 0)
        total = width + drop
        constant = abs(number) << (common - number_fraction)
        sign = "-" if number < 0 else "+"
        zeros = (constant & -constant).bit_length() - 1
        if drop == 0 and a.fraction == common and 0 < zeros < total:
            high = f"{self.bits(a, zeros, total - zeros)} {sign} {literal(constant >> zeros, total - zeros)}"
            return f"{{{high}, {self.bits(a, 0, zeros)}}}"
        expression = f"{self.aligned(a, 0, common, total)} {sign} {literal(constant, total)}"
        return self._wide(index, expression, width, drop)

    def _relu(self, a: Value, width: int, fraction: int) -> str:
        kept = self.aligned(a, 0, fraction, width)
        if not a.signed:
            return kept
        self.use(a.name, a.width - 1, 1)
        top = slice_of(a, a.width - 1, 1)
        return f"{kept} & {{{width}{{~{top}}}}}" if width > 1 else f"{kept} & ~{top}"

    def _mux(self, op: Op, operands: list[Value], width: int, fraction: int) -> str:
        a, b, key = operands
        self.use(key.name, key.width - 1, 1)
        choose = slice_of(key, key.width - 1, 1)
        on, off = self.aligned(a, 0, fraction, width), self.aligned(b, op.data[0], fraction, width)
        return f"{choose} ? {on} : {off}"

    def _multiply(self, index: int, operands: list[Value], width: int, fraction: int) -> str:
        """A signed product; both factors are extended to its width, which synthesis narrows again."""
        a, b = operands
        drop = max(a.fraction + b.fraction - fraction, 0)
        total = width + drop
        name, full = f"v{index}_product", a.width + b.width + 2
        for which, value in enumerate(operands):
            extended = self.bits(value, 0, full)
            self.lines.append(f"{declare('wire signed', full, f'v{index}_factor{which}')} = $signed({extended});")
        self.widths[name] = full
        self.lines.append(f"{declare('wire signed', full, name)} = v{index}_factor0 * v{index}_factor1;")
        product = Value(name, full, True, a.fraction + b.fraction)
        return self._wide(index, self.aligned(product, 0, fraction + drop, total), width, drop)

    def _unary(self, which: int, a: Value, width: int) -> str:
        if which == 0:
            return f"~{self.bits(a, 0, width)}"
        return f"{'|' if which == 1 else '&'}{self.bits(a, 0, a.width)}"

    def _binary(self, op: Op, operands: list[Value], width: int, fraction: int) -> str:
        shift, which = op.data
        a, b = operands
        return f"{self.aligned(a, 0, fraction, width)} {'&|^'[which]} {self.aligned(b, shift, fraction, width)}"


# --- tables ------------------------------------------------------------------------------------


def table_functions(logic: CombLogic) -> Iterable[str]:
    """One function per table and address width; addresses that cannot occur read as zero."""
    seen: set[tuple[int, int]] = set()
    for op in logic.ops:
        if op.opcode != LOOKUP or sum(op.qint.kif) == 0:
            continue
        source = logic.ops[op.addr[0]].qint
        key = (op.data[0], int(sum(source.kif)))
        if key not in seen:
            seen.add(key)
            yield _table_function(logic, op, key)


def _table_function(logic: CombLogic, op: Op, key: tuple[int, int]) -> str:
    address, width = key[1], int(sum(op.qint.kif))
    assert logic.lookup_tables is not None
    entries = logic.lookup_tables[key[0]].padded_table(logic.ops[op.addr[0]].qint)
    name = f"table_{key[0]}_{address}_f"  # nets end in a number: no layer has such a name
    rows = [
        f"      {literal(i, address)}: {name} = {literal(int(v), width)};"
        for i, v in enumerate(entries)
        if not np.isnan(v) and int(v)
    ]
    head = f"  function automatic [{width - 1}:0] {name}(input [{address - 1}:0] a);"
    body = ["    case (a)", *rows, f"      default: {name} = {literal(0, width)};", "    endcase", "  endfunction"]
    return "\n".join([head, *body])


# --- modules -----------------------------------------------------------------------------------


def module_text(kernel: Kernel, module: Module) -> str:
    """The SystemVerilog of one module."""
    inputs = tuple(wire for wire in module.inputs)
    stages = [
        kernel.stage_of(inputs[op.data[0]].time if op.opcode == INPUT and inputs else time)
        for op, time in zip(module.logic.ops, module.times, strict=True)
    ]
    writer = Writer(module.logic, stages, inputs)
    for index in range(len(module.logic.ops)):
        writer.operation(index)
    ends = [_output_line(writer, kernel, wire, i) for i, wire in enumerate(module.outputs) if wire.width]
    return _assemble(module, writer, ends)


def _output_line(writer: Writer, kernel: Kernel, wire: Wire, position: int) -> str:
    index, shift = writer.logic.out_idxs[position], writer.logic.out_shifts[position]
    value = writer.at(index, kernel.stage_of(wire.time))
    return f"  assign {wire.net} = {writer.aligned(value, shift, wire.kif[2], wire.width)};"


def used_inputs(module: Module) -> tuple[Wire, ...]:
    """Input wires that the module's logic reads."""
    read = {op.data[0] for op in module.logic.ops if op.opcode == INPUT}
    return tuple(wire for i, wire in enumerate(module.inputs) if i in read)


def _assemble(module: Module, writer: Writer, ends: list[str]) -> str:
    ports = ["  input  wire clk"] if writer.registers else []
    ports += [f"  {declare('input  wire', wire.width, wire.net)}" for wire in used_inputs(module)]
    ports += [f"  {declare('output wire', wire.width, wire.net)}" for wire in module.outputs if wire.width]
    declared = [f"  {declare('reg', width, name)};" for name, (_, width) in writer.registers.items()]
    body = [f"// layers: {', '.join(module.layers)}", f"module {module.name} (", ",\n".join(ports), ");"]
    body += list(table_functions(module.logic)) + declared
    body += [f"  {line}" for line in writer.lines] + ends
    if writer.registers:
        body += ["  always @(posedge clk) begin", *_moves(writer), "  end"]
    body += [*_unused(writer), "endmodule"]
    return HEADER + "\n".join(body) + "\n" + FOOTER


def _moves(writer: Writer) -> list[str]:
    return [f"    {name} <= {source};" for name, (source, _) in writer.registers.items()]


def _unused(writer: Writer) -> list[str]:
    """One sink for bits that nothing reads, so that lint stays silent without a waiver.

    On many lines: Verilator takes 40,000 tokens on one at most.
    """
    parts = []
    for name, width in writer.widths.items():
        idle = ((1 << width) - 1) & ~writer.used.get(name, 0)
        parts += [_bit_range(name, width, low, high) for low, high in _runs(idle)]
    text = f"wire unused = &{{1'b0, {', '.join(parts)}}};"
    return textwrap.wrap(text, 120, initial_indent="  ", subsequent_indent="    ") if parts else []


def _bit_range(name: str, width: int, low: int, high: int) -> str:
    if low == 0 and high == width - 1:
        return name
    return f"{name}[{low}]" if low == high else f"{name}[{high}:{low}]"


def _runs(mask: int) -> list[tuple[int, int]]:
    runs, position = [], 0
    while mask >> position:
        if mask >> position & 1:
            low = position
            while mask >> position & 1:
                position += 1
            runs.append((low, position - 1))
        position += 1
    return runs
