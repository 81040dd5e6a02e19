"""Cells of iCE40, Gowin and ECP5 as the few that the netlist simulators know: tables, and flip-flops by Xilinx' names.

What each cell computes is what Yosys' own models say (techlibs/ice40/cells_sim.v, techlibs/gowin/cells_sim.v,
techlibs/lattice/common_sim.vh and ccu2c_sim.vh).  Block memories, DSP blocks, distributed memories and flip-flops of
falling edges are left as they are: the simulators refuse what they do not know, by its own name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from bitwright.sim.netlist_cells import Settings

Net = int | str
Pins = Mapping[str, tuple[Net, ...]]
Part = tuple[Settings, Pins]
GOWIN_FLIP_FLOP = re.compile(r"DFF([SRPC]?)E?")
ICE40_FLIP_FLOP = re.compile(r"SB_DFF(?P<enable>E?)(?P<kind>SR|SS|R|S|)")
GOWIN_RESETS = {"S": ("FDSE", "S", "SET"), "R": ("FDRE", "R", "RESET"), "P": ("FDPE", "PRE", "PRESET"),
                "C": ("FDCE", "CLR", "CLEAR"), "": ("FDRE", "R", "")}  # fmt: skip
ICE40_RESETS = {"SR": ("FDRE", "R"), "R": ("FDCE", "R"), "SS": ("FDSE", "S"), "S": ("FDPE", "S"), "": ("FDRE", "")}
"""What it is called here, and its own name of the pin that resets or sets."""


def translate(parts: Iterable[Part], nets: int) -> tuple[list[Part], int]:
    """The cells of a netlist with foreign ones replaced.

    Args:
        parts: settings and pins of each cell.
        nets: one more than the highest net number.

    Returns:
        The cells, and one more than the highest net number among them.
    """
    draft = _Draft(nets)
    for settings, pins in parts:
        call = _find(settings.kind, pins)
        if call is None:
            draft.parts.append((settings, pins))
        else:
            call(_Old(settings, pins), draft)
    return draft.parts, draft.nets


class _Old:
    """A foreign cell; a pin that is not connected reads 0."""

    def __init__(self, settings: Settings, pins: Pins) -> None:
        self.settings, self._pins = settings, pins

    def pin(self, name: str, default: Net = "0") -> Net:
        return self._pins[name][0] if self._pins.get(name) else default

    def pins(self, names: Iterable[str]) -> list[Net]:
        return [self.pin(name) for name in names]


class _Draft:
    """The cells so far, and nets of our own between them."""

    def __init__(self, nets: int) -> None:
        self.parts: list[Part] = []
        self.nets = nets

    def fresh(self) -> int:
        self.nets += 1
        return self.nets - 1

    def table(self, old: _Old, inputs: Sequence[Net], output: Net, call: Callable[..., object]) -> None:
        """A LUT of a function of single bits; none where nobody reads it."""
        if not isinstance(output, int):
            return
        rows = itertools.product((0, 1), repeat=len(inputs))
        init = sum(bool(call(*reversed(row))) << index for index, row in enumerate(rows))
        name = f"{old.settings.name}.{output}"
        pins = {f"I{k}": (net,) for k, net in enumerate(inputs)} | {"O": (output,)}
        self.parts.append((Settings(name, f"LUT{len(inputs)}", {"INIT": f"{init:b}"}), pins))

    def flip_flop(self, old: _Old, kind: str, pins: Mapping[str, Net], init: int) -> None:
        settings = Settings(old.settings.name, kind, {"INIT": str(init)})
        self.parts.append((settings, {pin: (net,) for pin, net in pins.items()}))


Rule = Callable[[_Old, _Draft], None]


def _find(kind: str, pins: Pins) -> Rule | None:
    """The rule of a cell; three makers have a LUT4, which its output's name tells apart."""
    if re.fullmatch(r"LUT[1-4]", kind) and "F" in pins:
        return _gowin_lut
    if kind == "LUT4" and "Z" in pins:
        return _ecp5_lut
    if kind == "VCC" and "V" in pins:
        return _gowin_supply
    if re.fullmatch(r"MUX2_LUT[5-8]", kind):
        return _gowin_mux
    if GOWIN_FLIP_FLOP.fullmatch(kind):
        return _gowin_flip_flop
    if ICE40_FLIP_FLOP.fullmatch(kind):
        return _ice40_flip_flop
    return RULES.get(kind)


def _bit(table: int, *inputs: int) -> int:
    """The entry of a table that the inputs, lowest first, pick."""
    return table >> sum(bit << index for index, bit in enumerate(inputs)) & 1


def _looked_up(old: _Old, draft: _Draft, parameter: str, names: Sequence[str], output: str) -> None:
    table = old.settings.number(parameter)
    draft.table(old, old.pins(names), old.pin(output, "x"), lambda *bits: _bit(table, *bits))


# --- iCE40 -------------------------------------------------------------------------------------


def _ice40_lut(old: _Old, draft: _Draft) -> None:
    _looked_up(old, draft, "LUT_INIT", ("I0", "I1", "I2", "I3"), "O")


def _ice40_carry(old: _Old, draft: _Draft) -> None:
    draft.table(old, old.pins(("I0", "I1", "CI")), old.pin("CO", "x"), lambda a, b, c: a + b + c > 1)


def _ice40_flip_flop(old: _Old, draft: _Draft) -> None:
    """It starts at 0; with an enable, a clocked reset waits for it."""
    found = ICE40_FLIP_FLOP.fullmatch(old.settings.kind)
    assert found is not None
    kind, pin = ICE40_RESETS[found["kind"]]
    reset = old.pin(pin)
    data, enable = old.pin("D"), old.pin("E", "1") if found["enable"] else "1"
    if found["enable"] and found["kind"] in ("SR", "SS"):
        sets, given = found["kind"] == "SS", data
        data = draft.fresh()
        draft.table(old, (given, reset), data, lambda d, r: (d | r) if sets else (d & ~r))
        kind, reset = "FDRE", "0"
    pins = {"C": old.pin("C"), "D": data, "Q": old.pin("Q", "x"), "CE": enable, _reset_pin(kind): reset}
    draft.flip_flop(old, kind, pins, 0)


def _reset_pin(kind: str) -> str:
    return {"FDRE": "R", "FDSE": "S", "FDCE": "CLR", "FDPE": "PRE"}[kind]


# --- Gowin -------------------------------------------------------------------------------------


def _gowin_lut(old: _Old, draft: _Draft) -> None:
    _looked_up(old, draft, "INIT", [f"I{k}" for k in range(int(old.settings.kind[3]))], "F")


def _gowin_mux(old: _Old, draft: _Draft) -> None:
    draft.table(old, old.pins(("I0", "I1", "S0")), old.pin("O", "x"), lambda a, b, s: b if s else a)


def _gowin_supply(old: _Old, draft: _Draft) -> None:
    draft.parts.append((Settings(old.settings.name, "VCC", {}), {"P": (old.pin("V", "x"),)}))


def _gowin_alu(old: _Old, draft: _Draft) -> None:
    """A carry chain's bit that adds (mode 0), subtracts (1), or does what I3 says (2); Yosys makes no other."""
    mode = old.settings.number("ALU_MODE")
    if mode > 2:
        raise old.settings.unsupported(f"has the mode {mode}")

    def half(a: int, b: int, adds: int) -> int:
        return a ^ b if (mode == 0 or (mode == 2 and adds)) else a ^ b ^ 1

    inputs = old.pins(("I0", "I1", "I3", "CIN"))
    draft.table(old, inputs, old.pin("SUM", "x"), lambda a, b, i3, c: half(a, b, i3) ^ c)
    draft.table(old, inputs, old.pin("COUT", "x"), lambda a, b, i3, c: c if half(a, b, i3) else a)


def _gowin_flip_flop(old: _Old, draft: _Draft) -> None:
    found = GOWIN_FLIP_FLOP.fullmatch(old.settings.kind)
    assert found is not None
    kind, pin, name = GOWIN_RESETS[found[1]]
    pins = {
        "C": old.pin("CLK"), "D": old.pin("D"), "Q": old.pin("Q", "x"), "CE": old.pin("CE", "1"),
        pin: old.pin(name) if name else "0",
    }  # fmt: skip
    draft.flip_flop(old, kind, pins, old.settings.number("INIT", int(found[1] in ("S", "P"))))


# --- ECP5 --------------------------------------------------------------------------------------


def _ecp5_lut(old: _Old, draft: _Draft) -> None:
    _looked_up(old, draft, "INIT", "ABCD", "Z")


def _ecp5_carry(old: _Old, draft: _Draft) -> None:
    """Two tables with a carry through both; the carry starts anew where INJECT1 says so."""
    carry = old.pin("CIN")
    for half, output in ((0, draft.fresh()), (1, old.pin("COUT", "x"))):
        table = old.settings.number(f"INIT{half}")
        injects = old.settings.word(f"INJECT1_{half}", "YES") == "YES"
        inputs = [*old.pins(f"{name}{half}" for name in "ABCD"), carry]
        _ecp5_half(old, draft, (inputs, old.pin(f"S{half}", "x"), output), table, injects)
        carry = output


def _ecp5_half(old: _Old, draft: _Draft, nets: tuple[Sequence[Net], Net, Net], table: int, injects: bool) -> None:
    inputs, total, carry = nets

    def summed(a: int, b: int, c: int, d: int, cin: int) -> int:
        return _bit(table, a, b, c, d) ^ (0 if injects else cin)

    def carried(a: int, b: int, c: int, d: int, cin: int) -> int:
        return cin if _bit(table, a, b, c, d) else 0 if injects else _bit(table, a, b)

    draft.table(old, inputs, total, summed)
    draft.table(old, inputs, carry, carried)


def _ecp5_mux(old: _Old, draft: _Draft) -> None:
    names = ("BLUT", "ALUT", "C0") if old.settings.kind == "PFUMX" else ("D0", "D1", "SD")
    draft.table(old, old.pins(names), old.pin("Z", "x"), lambda low, high, s: high if s else low)


def _ecp5_flip_flop(old: _Old, draft: _Draft) -> None:
    settings = old.settings
    for name, plain in (("CLKMUX", "CLK"), ("LSRMODE", "LSR")):
        if settings.word(name, plain) != plain:
            raise settings.unsupported(f"has {name} {settings.word(name, plain)}")
    sets, clocked = settings.word("REGSET", "RESET") == "SET", settings.word("SRMODE", "LSR_OVER_CE") != "ASYNC"
    kind = ("FDSE" if sets else "FDRE") if clocked else ("FDPE" if sets else "FDCE")
    enable = settings.word("CEMUX", "1")
    given = {"1": "1", "0": "0"}.get(enable) or _inverted(old, draft, "CE", enable == "INV")
    reset = _inverted(old, draft, "LSR", settings.word("LSRMUX", "LSR") == "INV")
    pins = {"C": old.pin("CLK"), "D": old.pin("DI"), "Q": old.pin("Q", "x"), "CE": given, _reset_pin(kind): reset}
    draft.flip_flop(old, kind, pins, int(sets))


def _inverted(old: _Old, draft: _Draft, pin: str, inverts: bool) -> Net:
    if not inverts:
        return old.pin(pin)
    output = draft.fresh()
    draft.table(old, [old.pin(pin)], output, lambda bit: not bit)
    return output


RULES: Mapping[str, Rule] = {
    "SB_LUT4": _ice40_lut, "SB_CARRY": _ice40_carry, "ALU": _gowin_alu, "CCU2C": _ecp5_carry, "PFUMX": _ecp5_mux,
    "L6MUX21": _ecp5_mux, "TRELLIS_FF": _ecp5_flip_flop,
}  # fmt: skip
