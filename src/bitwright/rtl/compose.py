"""A design of several blocks: streams between them, forks, joins, queues, and the top that holds it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bitwright.config.names import identifier
from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.rtl.blocks import Block, Unit
from bitwright.rtl.parts import beats_of
from bitwright.rtl.ports import Tensor, port_width
from bitwright.rtl.schedule import SINK, SOURCE, Edge, Schedule, schedule
from bitwright.rtl.verilog import FOOTER, HEADER, declare, literal

LIBRARY = ("stream_credit.sv", "stream_fifo.sv", "stream_fork.sv", "stream_join.sv", "stream_queue.sv")


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Blocks in order, sources first, and what the schedule makes of them.

    Attributes:
        name: of the network.
        blocks: in order.
        inputs: what the input stream carries in one beat, in port order.
        outputs: what the output stream carries.
        beats: of an inference, at the input and at the output.
        schedule: latency, interval and queues.
    """

    name: str
    blocks: tuple[Block, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    beats: tuple[int, int]
    schedule: Schedule

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Streams between blocks."""
        return self.schedule.edges


def compose(network: Network, blocks: Sequence[Block], *, streamed: bool = False) -> Design:
    """Connect blocks: who reads whom, how deep the queues of branches are, how long it takes.

    Raises:
        UnsupportedLayerError: several inputs or outputs come in different numbers of beats, or a branch needs a
            queue that is too deep.
    """
    owner = {tensor.name: block.part.name for block in blocks for tensor in block.part.writes}
    owner |= dict.fromkeys((layer.name for layer in network.inputs), SOURCE)
    edges = [Edge(s, b.part.name) for b in blocks for s in _sources([t.name for t in b.part.reads], owner)]
    edges += [Edge(source, SINK) for source in _sources(network.outputs, owner)]
    inputs, beats_in = _port(network, [layer.name for layer in network.inputs], "inputs", streamed)
    outputs, beats_out = _port(network, network.outputs, "outputs", streamed)
    times = schedule([block.node for block in blocks], edges, beats_in, beats_out)
    return Design(network.name, tuple(blocks), inputs, outputs, (beats_in, beats_out), times)


def _sources(reads: Sequence[str], owner: dict[str, str]) -> Iterator[str]:
    yield from dict.fromkeys(owner[name] for name in reads)


def _port(network: Network, names: Sequence[str], what: str, streamed: bool) -> tuple[tuple[Tensor, ...], int]:
    """What a port carries per beat, and the beats of an inference."""
    layers = [network.layer(name) for name in names]
    if not streamed:
        return tuple(Tensor(layer.name, layer.size, layer.result) for layer in layers), 1
    beats = {beats_of(layer.shape) for layer in layers}
    if len(beats) > 1:
        raise UnsupportedLayerError(
            f"the {what} {', '.join(names)} come in {', '.join(map(str, sorted(beats)))} beats, not in one number",
            where=network.name,
            hint="use io_parallel, or give them the same number of pixels",
        )
    return tuple(Tensor(layer.name, layer.shape[-1], layer.result) for layer in layers), beats.pop()


# --- SystemVerilog -----------------------------------------------------------------------------


def stream_name(part: str) -> str:
    """The prefix of the nets of a block's (or SOURCE's) output stream."""
    return f"o_{identifier(part)}" if part != SOURCE else "s_axis"


def top_unit(design: Design) -> Unit:
    """The design's top with AXI4-Stream names; ports are whole bytes."""
    name = f"{identifier(design.name)}_stream"
    writer = _Writer(design)
    body = [*writer.sources(), *writer.edges(), *writer.blocks(), *writer.sink()]
    text = HEADER + "\n".join([*writer.head(name), *body, "endmodule"]) + "\n" + FOOTER
    wrappers = tuple(block.wrapper for block in design.blocks)
    cores = tuple(name for wrapper in wrappers for name in wrapper.children)
    bits = sum(wrapper.registers for wrapper in wrappers)
    return Unit(name, text, library=LIBRARY, children=cores, parts=wrappers, registers=bits)


def whole_bytes(bits: int) -> int:
    """The next multiple of eight."""
    return -(-bits // 8) * 8


class _Writer:
    """Text of the top, section by section."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.words = {SOURCE: design.inputs} | {b.part.name: b.part.writes for b in design.blocks}
        self.reads = {b.part.name: b.part.reads for b in design.blocks} | {SINK: design.outputs}

    def head(self, name: str) -> list[str]:
        """The module's ports."""
        width_in = port_width(self.words[SOURCE])
        width_out = port_width(self.design.outputs)
        times = self.design.schedule
        lines = [
            f"// {self.design.name}: {len(self.design.blocks)} blocks, latency {times.latency} clocks, "
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
            yield f"  // stream of {source}"
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
            width = port_width(wanted)
            parts = [self._part(edge.source, tensor) for tensor in wanted]
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

    def _wanted(self, edge: Edge) -> list[Tensor]:
        reads = {tensor.name for tensor in self.reads[edge.target]}
        return [tensor for tensor in self.words[edge.source] if tensor.name in reads]

    def _part(self, source: str, tensor: Tensor) -> str:
        """A tensor's bits of a word."""
        net, word = f"{stream_name(source)}_data", self.words[source]
        lsb = port_width(word[: word.index(tensor)])
        return net if len(word) == 1 else f"{net}[{lsb + tensor.width - 1}:{lsb}]"

    def _unused(self) -> Iterator[str]:
        """Tensors of a word that no reader wants: an input that nothing reads."""
        for source, word in self.words.items():
            read = {t for edge in self.design.edges if edge.source == source for t in self._wanted(edge)}
            idle = [self._part(source, tensor) for tensor in word if tensor not in read]
            if idle:
                yield f"  wire unused_{stream_name(source)} = &{{1'b0, {', '.join(idle)}}};"

    def blocks(self) -> Iterator[str]:
        """Every block with its inputs joined."""
        for block in self.design.blocks:
            yield from self._join(block.part.name, block.part.reads, f"i_{identifier(block.part.name)}")
            prefix, inputs = stream_name(block.part.name), f"i_{identifier(block.part.name)}"
            yield f"  {block.wrapper.name} u_{identifier(block.part.name)} ("
            yield f"    .clk(clk), .rst(rst), .in_valid({inputs}_valid), .in_ready({inputs}_ready),"
            yield f"    .in_data({inputs}_data), .out_valid({prefix}_valid), .out_ready({prefix}_ready),"
            yield f"    .out_data({prefix}_data)"
            yield "  );"

    def _join(self, target: str, reads: Sequence[Tensor], prefix: str) -> Iterator[str]:
        """All streams of a reader at once, tensors in the order of its port."""
        edges = [edge for edge in self.design.edges if edge.target == target]
        where = {name: net for edge in edges for name, net in self._places(edge)}
        word = ", ".join(where[tensor.name] for tensor in reversed(reads))
        valids = ", ".join(f"{_edge(edge)}_q_valid" for edge in reversed(edges))
        readies = ", ".join(f"{_edge(edge)}_q_ready" for edge in reversed(edges))
        yield f"  // inputs of {target}"
        yield f"  wire {prefix}_valid;"
        yield f"  wire {prefix}_ready;"
        yield f"  {declare('wire', port_width(reads), f'{prefix}_data')} = {{{word}}};"
        if len(edges) == 1:
            yield f"  assign {prefix}_valid = {valids};"
            yield f"  assign {readies} = {prefix}_ready;"
            return
        yield f"  stream_join #(.N({len(edges)})) u_join_{prefix} ("
        yield f"    .in_valid({{{valids}}}), .in_ready({{{readies}}}),"
        yield f"    .out_valid({prefix}_valid), .out_ready({prefix}_ready)"
        yield "  );"

    def _places(self, edge: Edge) -> Iterator[tuple[str, str]]:
        """Each tensor of an edge, and the bits of its net that hold it."""
        lsb, wanted = 0, self._wanted(edge)
        for tensor in wanted:
            net = f"{_edge(edge)}_q_data"
            yield tensor.name, net if len(wanted) == 1 else f"{net}[{lsb + tensor.width - 1}:{lsb}]"
            lsb += tensor.width

    def sink(self) -> Iterator[str]:
        """The output stream."""
        yield from self._join(SINK, self.design.outputs, "result")
        width = port_width(self.design.outputs)
        padding = whole_bytes(width) - width
        yield "  assign m_axis_tvalid = result_valid;"
        yield "  assign result_ready = m_axis_tready;"
        word = f"{{{literal(0, padding)}, result_data}}" if padding else "result_data"
        yield f"  assign m_axis_tdata = {word};"


def _edge(edge: Edge) -> str:
    source = identifier(edge.source) if edge.source != SOURCE else "s_axis"
    target = identifier(edge.target) if edge.target != SINK else "m_axis"
    return f"e_{source}_to_{target}"
