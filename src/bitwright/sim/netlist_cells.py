"""What the Xilinx primitives compute, on waveforms (after UG974, UltraScale architecture libraries guide).

A sequential cell is a function from the waves of its inputs to the waves of its outputs like any other:
the flip-flop is a delay by one cycle.  Clocks are not waves; the simulator checks them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bitwright.errors import BitwrightError
from bitwright.sim import netlist_memories
from bitwright.sim.netlist_waves import Span, Wave, lookup

Pins = Mapping[str, Sequence[Wave]]
Outputs = dict[str, Sequence[Wave]]


class NetlistError(BitwrightError):
    """A netlist that has no meaning here: loops, undriven nets, parts that do not fit."""

    exit_code = 5


class UnsupportedCellError(NetlistError):
    """A primitive, or a use of one, that the netlist simulator does not know."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Name, kind and parameters of a cell; parameters are text: binary digits or words."""

    name: str
    kind: str
    parameters: Mapping[str, str]

    def number(self, parameter: str, default: int = 0) -> int:
        """A parameter as a number; an unknown bit counts as 0, which is what the device starts with."""
        text = self.parameters.get(parameter)
        return default if text is None else int(text.replace("x", "0").replace("z", "0") or "0", 2)

    def word(self, parameter: str, default: str) -> str:
        """A parameter as text."""
        return self.parameters.get(parameter, default).strip()

    def unsupported(self, what: str) -> UnsupportedCellError:
        """The error that names this cell."""
        return UnsupportedCellError(
            f"the {self.kind} {what}; the netlist simulator cannot compute that",
            where=self.name,
            hint="the netlist check cannot run for this module: report it as not run",
        )


def _lut(cell: Settings, pins: Pins, span: Span) -> Outputs:
    count = int(cell.kind[3])
    inputs = [pins[f"I{index}"][0] for index in range(count)]
    return {"O": [lookup(cell.number("INIT"), inputs, span)]}


def _lut6_2(cell: Settings, pins: Pins, span: Span) -> Outputs:
    table = cell.number("INIT")
    inputs = [pins[f"I{index}"][0] for index in range(6)]
    return {"O6": [lookup(table, inputs, span)], "O5": [lookup(table & 0xFFFF_FFFF, inputs[:5], span)]}


def _inverter(_cell: Settings, pins: Pins, _span: Span) -> Outputs:
    return {"O": [~pins["I"][0]]}


def _buffer(_cell: Settings, pins: Pins, _span: Span) -> Outputs:
    return {"O": [pins["I"][0]]}


def _ground(_cell: Settings, _pins: Pins, span: Span) -> Outputs:
    return {"G": [span.zero]}


def _supply(_cell: Settings, _pins: Pins, span: Span) -> Outputs:
    return {"P": [span.one]}


def _mux(_cell: Settings, pins: Pins, _span: Span) -> Outputs:
    low, high, select = pins["I0"][0], pins["I1"][0], pins["S"][0]
    return {"O": [low ^ (select & (low ^ high))]}


def _carry_chain(carry: Wave, data: Sequence[Wave], select: Sequence[Wave]) -> tuple[list[Wave], list[Wave]]:
    sums, carries = [], []
    for generate, propagate in zip(data, select, strict=True):
        sums.append(propagate ^ carry)
        carry = generate ^ (propagate & (generate ^ carry))
        carries.append(carry)
    return sums, carries


def _carry4(_cell: Settings, pins: Pins, span: Span) -> Outputs:
    start = _pin(pins, "CI", span) | _pin(pins, "CYINIT", span)
    sums, carries = _carry_chain(start, pins["DI"], pins["S"])
    return {"O": sums, "CO": carries}


def _carry8(cell: Settings, pins: Pins, span: Span) -> Outputs:
    data, select = pins["DI"], pins["S"]
    sums, carries = _carry_chain(_pin(pins, "CI", span), data[:4], select[:4])
    dual = cell.word("CARRY_TYPE", "SINGLE_CY8") == "DUAL_CY4"
    middle = _pin(pins, "CI_TOP", span) if dual else carries[3]
    more_sums, more_carries = _carry_chain(middle, data[4:], select[4:])
    return {"O": sums + more_sums, "CO": carries + more_carries}


def _pin(pins: Pins, name: str, span: Span, default: object = 0) -> Wave:
    return pins[name][0] if pins.get(name) else span.constant(default)


def _maybe_inverted(cell: Settings, pins: Pins, name: str, span: Span, default: object = 0) -> Wave:
    wave = _pin(pins, name, span, default)
    if not cell.number(f"IS_{name}_INVERTED"):
        return wave
    if wave is span.zero or wave is span.one:
        return span.constant(wave is span.zero)
    return ~wave


RESET_PINS = {"FDRE": "R", "FDSE": "S", "FDCE": "CLR", "FDPE": "PRE"}


def _flip_flop(cell: Settings, pins: Pins, span: Span) -> Outputs:
    """FDRE and FDSE reset and set at the clock; FDCE and FDPE at once.  The reset goes before the enable."""
    load, data, reset = _flip_flop_inputs(cell, pins, span)
    output = span.register(load, data, initial(cell))
    if cell.kind in {"FDCE", "FDPE"} and reset is not span.zero:
        output = output | reset if sets(cell) else output & ~reset
    return {"Q": [output]}


def sets(cell: Settings) -> bool:
    """Whether a flip-flop's reset makes it 1."""
    return cell.kind in {"FDSE", "FDPE"}


def initial(cell: Settings) -> int:
    """The bit that a flip-flop starts with."""
    return cell.number("INIT", int(sets(cell)))


def _flip_flop_inputs(cell: Settings, pins: Pins, span: Span) -> tuple[Wave, Wave, Wave]:
    """When something is taken, what is taken, and the reset."""
    data = _maybe_inverted(cell, pins, "D", span)
    enable = _maybe_inverted(cell, pins, "CE", span, default=1)
    reset = _maybe_inverted(cell, pins, RESET_PINS[cell.kind], span)
    if reset is span.zero:
        return enable, data, reset
    load = span.one if enable is span.one else enable | reset
    return load, data | reset if sets(cell) else data & ~reset, reset


def next_state(cell: Settings, pins: Pins, now: Wave, span: Span) -> Wave:
    """What a flip-flop with a clocked reset holds in the next cycle, if it holds ``now`` in this one."""
    load, data, _ = _flip_flop_inputs(cell, pins, span)
    return now ^ (load & (now ^ data))


def _shift_register(cell: Settings, pins: Pins, span: Span) -> Outputs:
    """SRL16E, SRLC16E, SRLC32E: a chain of enabled flip-flops of which the address picks one."""
    depth = 32 if cell.kind == "SRLC32E" else 16
    address = list(pins["A"]) if depth == 32 else [pins[f"A{index}"][0] for index in range(4)]
    end = {"SRLC16E": "Q15", "SRLC32E": "Q31"}.get(cell.kind)
    initial = cell.number("INIT")
    enable = _pin(pins, "CE", span, default=1)
    taps = depth if end or not _constant(address, span) else 1 + _value(address, span)
    wave, chain = pins["D"][0], []
    for index in range(taps):
        wave = span.register(enable, wave, initial >> index & 1)
        chain.append(wave)
    outputs: Outputs = {"Q": [_select(chain, address, span)]}
    if end:
        outputs[end] = [chain[-1]]
    return outputs


def _constant(waves: Sequence[Wave], span: Span) -> bool:
    return all(wave is span.zero or wave is span.one for wave in waves)


def _value(waves: Sequence[Wave], span: Span) -> int:
    return sum((wave is span.one) << index for index, wave in enumerate(waves))


def _select(chain: Sequence[Wave], address: Sequence[Wave], span: Span) -> Wave:
    if _constant(address, span):
        return chain[_value(address, span)]
    level = list(chain)
    for select in address:
        level = [low ^ (select & (low ^ high)) for low, high in zip(level[::2], level[1::2], strict=True)]
    return level[0]


# A plain combinational multiplier: no register, pre-adder, accumulator or cascade.
DSP_WORDS = {"USE_MULT": "MULTIPLY", "USE_SIMD": "ONE48", "A_INPUT": "DIRECT", "B_INPUT": "DIRECT"}
DSP_REGISTERS = ("ADREG", "ALUMODEREG", "AREG", "BREG", "CREG", "DREG", "INMODEREG", "MREG", "OPMODEREG", "PREG")
DSP_MODES = {"OPMODE": 0b000_000101, "ALUMODE": 0, "INMODE": 0, "CARRYINSEL": 0, "CARRYIN": 0}
DSP_WIDTHS = {"DSP48E1": (25, 18), "DSP48E2": (27, 18)}


def demand_multiplier(cell: Settings) -> None:
    """Raise UnsupportedCellError if the parameters make a DSP block more than a multiplier."""
    for parameter, plain in DSP_WORDS.items():
        if cell.word(parameter, plain) != plain:
            raise cell.unsupported(f"has {parameter} {cell.word(parameter, plain)}")
    for register in DSP_REGISTERS:
        if cell.number(register, 1):
            raise cell.unsupported(f"uses its register {register}")


def _dsp(cell: Settings, pins: Pins, span: Span) -> Outputs:
    """A DSP block as the signed multiplier that Yosys makes of it: P = A * B, 48 bits."""
    demand_multiplier(cell)
    for mode, plain_value in DSP_MODES.items():
        if not _constant(pins[mode], span) or _value(pins[mode], span) != plain_value:
            raise cell.unsupported(f"is no plain multiplier: see its pin {mode}")
    a_width, b_width = DSP_WIDTHS[cell.kind]
    left = span.to_ints(pins["A"][:a_width], signed=True)
    right = span.to_ints(pins["B"][:b_width], signed=True)
    product = span.from_ints(left * right, 48)
    return {"P": product, "PCOUT": product}


Evaluate = Callable[[Settings, Pins, Span], Outputs]

CELLS: dict[str, Evaluate] = {
    **dict.fromkeys(("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6"), _lut),
    "LUT6_2": _lut6_2,
    "INV": _inverter,
    **dict.fromkeys(("BUF", "BUFG", "IBUF", "OBUF"), _buffer),
    "GND": _ground,
    "VCC": _supply,
    **dict.fromkeys(("MUXF7", "MUXF8", "MUXF9"), _mux),
    "CARRY4": _carry4,
    "CARRY8": _carry8,
    **dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE"), _flip_flop),
    **dict.fromkeys(("SRL16E", "SRLC16E", "SRLC32E"), _shift_register),
    **dict.fromkeys(("DSP48E1", "DSP48E2"), _dsp),
}

CLOCK_PINS: dict[str, str] = {
    **dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE"), "C"),
    **dict.fromkeys(("SRL16E", "SRLC16E", "SRLC32E"), "CLK"),
    **netlist_memories.CLOCK_PINS,
}

OUTPUT_PINS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CELLS, ("O",)),
    "LUT6_2": ("O6", "O5"),
    "GND": ("G",),
    "VCC": ("P",),
    **dict.fromkeys(("CARRY4", "CARRY8"), ("O", "CO")),
    **dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE", "SRL16E"), ("Q",)),
    "SRLC16E": ("Q", "Q15"),
    "SRLC32E": ("Q", "Q31"),
    **dict.fromkeys(("DSP48E1", "DSP48E2"), ("P", "PCOUT")),
    **netlist_memories.OUTPUT_PINS,
}
