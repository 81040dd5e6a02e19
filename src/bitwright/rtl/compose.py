"""A design of several blocks: streams between them, forks, joins, queues, and the top that holds it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bitwright.config.names import identifier
from bitwright.network import Network
from bitwright.rtl.blocks import Block, Unit
from bitwright.rtl.ports import Element, port_elements, port_width
from bitwright.rtl.schedule import SINK, SOURCE, Edge, Schedule, schedule
from bitwright.rtl.verilog import FOOTER, HEADER, declare, literal

LIBRARY = ("stream_credit.sv", "stream_fifo.sv", "stream_fork.sv", "stream_join.sv", "stream_queue.sv")


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Blocks in order, sources first, and what the schedule makes of them."""

    network: Network
    blocks: tuple[Block, ...]
    schedule: Schedule

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Streams between blocks."""
        return self.schedule.edges


def compose(network: Network, blocks: Sequence[Block]) -> Design:
    """Connect blocks: who reads whom, how deep the queues of branches are, how long it takes."""
    owner = {name: block.part.name for block in blocks for name in block.part.writes}
    owner |= dict.fromkeys((layer.name for layer in network.inputs), SOURCE)
    edges = [Edge(source, b.part.name) for b in blocks for source in _sources(b.part.reads, owner)]
    edges += [Edge(source, SINK) for source in _sources(network.outputs, owner)]
    return Design(network, tuple(blocks), schedule([block.node for block in blocks], edges))


def _sources(reads: Sequence[str], owner: dict[str, str]) -> Iterator[str]:
    yield from dict.fromkeys(owner[name] for name in reads)


# --- SystemVerilog -----------------------------------------------------------------------------


def stream_name(part: str) -> str:
    """The prefix of the nets of a block's (or SOURCE's) output stream."""
    return f"s_{identifier(part)}" if part != SOURCE else "s_axis"


def top_unit(design: Design) -> Unit:
    """The design's top with AXI4-Stream names; ports are whole bytes."""
    name = f"{identifier(design.network.name)}_stream"
    writer = _Writer(design)
    body = [*writer.sources(), *writer.edges(), *writer.blocks(), *writer.sink()]
    text = HEADER + "\n".join([*writer.head(name), *body, "endmodule"]) + "\n" + FOOTER
    wrappers = tuple(block.wrapper for block in design.blocks)
    cores = tuple(name for wrapper in wrappers for name in wrapper.children)
    return Unit(name, text, library=LIBRARY, children=cores, parts=wrappers)


def whole_bytes(bits: int) -> int:
    """The next multiple of eight."""
    return -(-bits // 8) * 8


class _Writer:
    """Text of the top, section by section."""

    def __init__(self, design: Design) -> None:
        self.design = design
        network = design.network
        self.words = {SOURCE: port_elements(network, [layer.name for layer in network.inputs])}
        self.words |= {b.part.name: port_elements(b.part.network, b.part.writes) for b in design.blocks}
        self.reads = {b.part.name: b.part.reads for b in design.blocks} | {SINK: network.outputs}

    def head(self, name: str) -> list[str]:
        width_in = port_width(self.words[SOURCE])
        width_out = port_width(port_elements(self.design.network, self.design.network.outputs))
        times = self.design.schedule
        lines = [
            f"// {self.design.network.name}: {len(self.design.blocks)} blocks, latency {times.latency} clocks, "
            f"one inference per {times.interval} clocks",
            f"// {width_in} data bits in, {width_out} out; the rest of each TDATA is ignored or zero.",
            f"module {name} (",
            "  input  wire clk,",
            "  input  wire rst,  // synchronous, active high",
            f"  {declare('input  wire', whole_bytes(width_in), 's_axis_tdata')},",
            "  input  wire s_axis_tvalid,",
            "  output wire s_axis_tready,",
            f"  {declare('output wire', whole_bytes(width_out), 'm_axis_tdata')},",
            "  output wire m_axis_tvalid,",
            "  input  wire m_axis_tready",
            ");",
        ]
        if whole_bytes(width_in) > width_in:
            rest = f"s_axis_tdata[{whole_bytes(width_in) - 1}:{width_in}]"
            lines.append(f"  wire unused_tdata = &{{1'b0, {rest}}};")
        return lines

    def sources(self) -> Iterator[str]:
        """The output stream of every block, and its readers."""
        for source, word in self.words.items():
            prefix = stream_name(source)
            width = port_width(word)
            yield f"  // stream of {source or 'the input'}"
            yield f"  wire {prefix}_valid;"
            yield f"  wire {prefix}_ready;"
            yield f"  {declare('wire', width, f'{prefix}_data')};"
            if source == SOURCE:
                yield "  assign s_axis_valid = s_axis_tvalid;"
                yield "  assign s_axis_tready = s_axis_ready;"
                yield f"  assign s_axis_data = s_axis_tdata[{width - 1}:0];"
            yield from self._fork(source, prefix)

    def _fork(self, source: str, prefix: str) -> Iterator[str]:
        readers = [edge for edge in self.design.edges if edge.source == source]
        for edge in readers:
            yield f"  wire {_edge(edge)}_valid;"
            yield f"  wire {_edge(edge)}_ready;"
        if len(readers) == 1:
            yield f"  assign {_edge(readers[0])}_valid = {prefix}_valid;"
            yield f"  assign {prefix}_ready = {_edge(readers[0])}_ready;"
            return
        valids = ", ".join(f"{_edge(edge)}_valid" for edge in reversed(readers))
        readies = ", ".join(f"{_edge(edge)}_ready" for edge in reversed(readers))
        yield f"  stream_fork #(.N({len(readers)})) u_fork_{prefix} ("
        yield f"    .clk(clk), .rst(rst), .in_valid({prefix}_valid), .in_ready({prefix}_ready),"
        yield f"    .out_valid({{{valids}}}), .out_ready({{{readies}}})"
        yield "  );"

    def edges(self) -> Iterator[str]:
        """What each reader needs of a word, through a queue where there is one."""
        for edge in self.design.edges:
            name = _edge(edge)
            wanted = self._wanted(edge)
            width = sum(element.format.width for element in wanted)
            parts = self._parts(edge.source, wanted)
            yield f"  {declare('wire', width, f'{name}_data')} = {{{', '.join(reversed(parts))}}};"
            yield f"  wire {name}_q_valid;"
            yield f"  wire {name}_q_ready;"
            yield f"  {declare('wire', width, f'{name}_q_data')};"
            if not edge.depth:
                yield f"  assign {name}_q_valid = {name}_valid;"
                yield f"  assign {name}_ready = {name}_q_ready;"
                yield f"  assign {name}_q_data = {name}_data;"
                continue
            yield f"  stream_queue #(.WIDTH({width}), .ADDR({edge.depth.bit_length() - 1})) u_queue_{name} ("
            yield f"    .clk(clk), .rst(rst), .in_valid({name}_valid), .in_ready({name}_ready), .in_data({name}_data),"
            yield f"    .out_valid({name}_q_valid), .out_ready({name}_q_ready), .out_data({name}_q_data)"
            yield "  );"
        yield from self._unused()

    def _wanted(self, edge: Edge) -> list[Element]:
        reads = set(self.reads[edge.target])
        return [element for element in self.words[edge.source] if element.layer in reads]

    def _parts(self, source: str, wanted: Sequence[Element]) -> list[str]:
        """Slices of a word, the lowest first; neighbours joined."""
        prefix = stream_name(source)
        spans: list[tuple[int, int]] = []
        for element in wanted:
            end = element.lsb + element.format.width
            if spans and spans[-1][1] == element.lsb:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((element.lsb, end))
        whole = port_width(self.words[source])
        return [f"{prefix}_data" if whole == 1 else f"{prefix}_data[{b - 1}:{a}]" for a, b in spans]

    def _unused(self) -> Iterator[str]:
        """Elements of a word that no reader wants: of an input that nothing reads."""
        for source, word in self.words.items():
            read = {e for edge in self.design.edges if edge.source == source for e in self._wanted(edge)}
            idle = [element for element in word if element not in read]
            if idle:
                yield f"  wire unused_{stream_name(source)} = &{{1'b0, {', '.join(self._parts(source, idle))}}};"

    def blocks(self) -> Iterator[str]:
        for block in self.design.blocks:
            yield from self._join(block.part.name, block.part.reads, f"i_{identifier(block.part.name)}")
            prefix, inputs = stream_name(block.part.name), f"i_{identifier(block.part.name)}"
            yield f"  {block.wrapper.name} u_{identifier(block.part.name)} ("
            yield f"    .clk(clk), .rst(rst), .in_valid({inputs}_valid), .in_ready({inputs}_ready),"
            yield f"    .in_data({inputs}_data), .out_valid({prefix}_valid), .out_ready({prefix}_ready),"
            yield f"    .out_data({prefix}_data)"
            yield "  );"

    def _join(self, target: str, reads: Sequence[str], prefix: str) -> Iterator[str]:
        """All streams of a reader at once, elements in the order of its port."""
        edges = [edge for edge in self.design.edges if edge.target == target]
        where: dict[str, str] = {}
        width = 0
        for edge in edges:
            lsb = 0
            wanted = self._wanted(edge)
            whole = sum(element.format.width for element in wanted)
            for layer in dict.fromkeys(element.layer for element in wanted):
                bits = sum(element.format.width for element in wanted if element.layer == layer)
                net = f"{_edge(edge)}_q_data"
                where[layer] = net if bits == whole else f"{net}[{lsb + bits - 1}:{lsb}]"
                lsb += bits
            width += whole
        yield f"  // inputs of {target}"
        yield f"  wire {prefix}_valid;"
        yield f"  wire {prefix}_ready;"
        bits = sum(self._bits(name) for name in reads)
        word = ", ".join(where[name] for name in reversed(reads))
        yield f"  {declare('wire', bits, f'{prefix}_data')} = {{{word}}};"
        valids = ", ".join(f"{_edge(edge)}_q_valid" for edge in reversed(edges))
        readies = ", ".join(f"{_edge(edge)}_q_ready" for edge in reversed(edges))
        if len(edges) == 1:
            yield f"  assign {prefix}_valid = {valids};"
            yield f"  assign {readies} = {prefix}_ready;"
            return
        yield f"  stream_join #(.N({len(edges)})) u_join_{prefix} ("
        yield f"    .in_valid({{{valids}}}), .in_ready({{{readies}}}),"
        yield f"    .out_valid({prefix}_valid), .out_ready({prefix}_ready)"
        yield "  );"

    def _bits(self, name: str) -> int:
        layer = self.design.network.layer(name)
        return layer.size * layer.result.width

    def sink(self) -> Iterator[str]:
        outputs = self.design.network.outputs
        yield from self._join(SINK, outputs, "result")
        width = sum(map(self._bits, outputs))
        padding = whole_bytes(width) - width
        yield "  assign m_axis_tvalid = result_valid;"
        yield "  assign result_ready = m_axis_tready;"
        word = f"{{{literal(0, padding)}, result_data}}" if padding else "result_data"
        yield f"  assign m_axis_tdata = {word};"


def _edge(edge: Edge) -> str:
    source = identifier(edge.source) if edge.source != SOURCE else "axis"
    return f"e_{source}_to_{identifier(edge.target)}"
