"""The bare kernel's top: input register, modules, output alignment, and a valid bit beside the data."""

from __future__ import annotations

from bitwright.fixed import FixedFormat
from bitwright.rtl.kernel import Kernel, Module, Wire, identifier
from bitwright.rtl.ports import Element, port_elements, tensors
from bitwright.rtl.verilog import FOOTER, HEADER, Value, declare, literal, module_text, select, used_inputs


def kernel_texts(kernel: Kernel) -> dict[str, str]:
    """SystemVerilog by module name: every module, and last the kernel's top."""
    texts = {module.name: module_text(kernel, module) for module in kernel.modules}
    texts[kernel.top] = _top_text(kernel, texts)
    return texts


def _top_text(kernel: Kernel, texts: dict[str, str]) -> str:
    inputs = port_elements(tensors(kernel.network, [layer.name for layer in kernel.network.inputs]))
    outputs = port_elements(tensors(kernel.network, kernel.network.outputs))
    lines = [*_head(kernel, inputs, outputs), *_valid(kernel), *_input_nets(kernel, inputs)]
    for module in kernel.modules:
        lines += _instance(kernel, module, "input  wire clk" in texts[module.name])
    lines += _output_registers(kernel, outputs)
    return HEADER + "\n".join([*lines, "endmodule"]) + "\n" + FOOTER


def _bits(elements: tuple[Element, ...]) -> int:
    return elements[-1].lsb + elements[-1].format.width


def _head(kernel: Kernel, inputs: tuple[Element, ...], outputs: tuple[Element, ...]) -> list[str]:
    return [
        f"// {kernel.network.name}: fully parallel, one input per clock, latency {kernel.latency} clocks",
        f"module {kernel.top} (",
        "  input  wire clk,",
        "  input  wire rst,  // synchronous, active high; clears the valid bits, data needs none",
        "  input  wire in_valid,",
        f"  {declare('input  wire', _bits(inputs), 'in_data')},",
        "  output wire out_valid,",
        f"  {declare('output wire', _bits(outputs), 'out_data')}",
        ");",
    ]


def _valid(kernel: Kernel) -> list[str]:
    n = kernel.latency
    return [
        f"  reg [{n - 1}:0] valid_q;",
        "  always @(posedge clk) begin",
        f"    if (rst) valid_q <= {literal(0, n)};",
        f"    else valid_q <= {{valid_q[{n - 2}:0], in_valid}};",
        "  end",
        f"  assign out_valid = valid_q[{n - 1}];",
    ]


def _input_nets(kernel: Kernel, inputs: tuple[Element, ...]) -> list[str]:
    read = nets_read(kernel)
    width = _bits(inputs)
    lines = [f"  {declare('reg', width, 'in_data_q')};", "  always @(posedge clk) in_data_q <= in_data;"]
    idle = []
    for element in inputs:
        wire = kernel.values[element.layer][element.index]
        part = f"in_data_q[{element.lsb + element.format.width - 1}:{element.lsb}]" if width > 1 else "in_data_q"
        if wire.net in read:
            lines.append(f"  {declare('wire', wire.width, wire.net)} = {part};")
        else:
            idle.append(part)
    return lines + ([f"  wire unused_inputs = &{{1'b0, {', '.join(idle)}}};"] if idle else [])


def nets_read(kernel: Kernel) -> set[str]:
    """Nets that a module or an output reads; an input that nothing reads is no net of the top."""
    outputs = {wire.net for name in kernel.network.outputs for wire in kernel.values[name]}
    return outputs | {wire.net for module in kernel.modules for wire in used_inputs(module)}


def _instance(kernel: Kernel, module: Module, has_clock: bool) -> list[str]:
    lines = [f"  {declare('wire', wire.width, wire.net)};" for wire in module.outputs if wire.width]
    ports = ["clk"] if has_clock else []
    ports += [wire.net for wire in used_inputs(module)] + [wire.net for wire in module.outputs if wire.width]
    short = module.name.removeprefix(f"{identifier(kernel.network.name)}_")
    connections = ",\n".join(f"    .{port}({port})" for port in ports)
    return [*lines, f"  {module.name} u_{short} (", connections, "  );"]


def _output_registers(kernel: Kernel, outputs: tuple[Element, ...]) -> list[str]:
    """Every output element carried to the last stage, then widened to its declared format."""
    declared: list[str] = []
    moves: list[str] = []
    parts: list[str] = []
    for element in outputs:
        wire = kernel.values[element.layer][element.index]
        name = wire.net
        for stage in range(kernel.stage_of(wire.time) + 1, kernel.stages + 1) if wire.width else ():
            delayed = f"{wire.net}_{stage}_q"
            declared.append(f"  {declare('reg', wire.width, delayed)};")
            moves.append(f"    {delayed} <= {name};")
            name = delayed
        parts.append(_widened(wire, name, element.format))
    lines = list(dict.fromkeys(declared))
    if moves:
        lines += ["  always @(posedge clk) begin", *dict.fromkeys(moves), "  end"]
    return [*lines, f"  assign out_data = {{{', '.join(reversed(parts))}}};"]


def _widened(wire: Wire, name: str, fmt: FixedFormat) -> str:
    if wire.constant is not None:
        return literal(round(wire.constant * 2.0**fmt.fraction), fmt.width)
    keep, _, fraction = wire.kif
    value = Value(name, wire.width, bool(keep), fraction)
    return select(value, fraction - fmt.fraction, fmt.width, lambda *_: None)
