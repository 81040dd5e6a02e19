"""The netlist simulator: every cell against its definition, random designs through Yosys, bad netlists."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netlist_samples import Array, counting, one_cell, random_design

from bitwright.eda.yosys import ModuleJob, SynthOptions, synthesize
from bitwright.errors import UsageError
from bitwright.sim.netlist import (
    Cell,
    Netlist,
    NetlistError,
    Port,
    UnsupportedCellError,
    bits_to_ints,
    ints_to_bits,
    link,
    simulate,
)
from bitwright.sim.netlist_cells import CELLS, OUTPUT_PINS, Settings
from bitwright.sim.netlist_clocked import trace
from bitwright.sim.netlist_waves import Span, lookup_program

NUMBERS = np.random.default_rng(7)


def noise(cycles: int, width: int = 1) -> Array:
    return NUMBERS.integers(0, 2, (cycles, width)).astype(np.uint8)


# ---------------------------------------------------------------- combinational cells


def lut_tables(inputs: int) -> list[int]:
    size = 1 << inputs
    if inputs <= 3:
        return list(range(1 << size))
    numbers = random.Random(inputs)
    projections = [sum(1 << i for i in range(size) if i >> bit & 1) for bit in range(inputs)]
    parity = sum(1 << i for i in range(size) if i.bit_count() % 2)
    majority = sum(1 << i for i in range(size) if i.bit_count() * 2 > inputs)
    full = (1 << size) - 1
    special = [
        0,
        full,
        parity,
        majority,
        *projections,
        *(full ^ p for p in projections),
        projections[0] & projections[3],
    ]
    return special + [numbers.getrandbits(size) for _ in range(100)]


@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5, 6])
def test_luts(inputs: int) -> None:
    stimulus = counting(inputs)
    for table in lut_tables(inputs):
        netlist = one_cell(
            f"LUT{inputs}",
            {**{f"I{i}": 1 for i in range(inputs)}, "O": 1},
            {"INIT": f"{table:0{1 << inputs}b}"},
        )
        result = simulate(netlist, {f"I{i}": stimulus[:, i : i + 1] for i in range(inputs)})["O"]
        assert result[:, 0].tolist() == [table >> index & 1 for index in range(1 << inputs)], f"{table:x}"


def test_luts_need_few_steps() -> None:
    xor6 = sum(1 << i for i in range(64) if i.bit_count() % 2)
    assert len(lookup_program(xor6, 6)[0]) == 5
    assert len(lookup_program(1 << 63, 6)[0]) == 5
    assert lookup_program(0, 6)[0] == ()


def test_lut6_2() -> None:
    stimulus = counting(6)
    for table in [random.Random(1).getrandbits(64) for _ in range(20)]:
        netlist = one_cell("LUT6_2", {**{f"I{i}": 1 for i in range(6)}, "O6": 1, "O5": 1}, {"INIT": f"{table:064b}"})
        result = simulate(netlist, {f"I{i}": stimulus[:, i : i + 1] for i in range(6)})
        assert result["O6"][:, 0].tolist() == [table >> index & 1 for index in range(64)]
        assert result["O5"][:, 0].tolist() == [table >> (index % 32) & 1 for index in range(64)]


@pytest.mark.parametrize("kind", ["INV", "BUF", "BUFG", "IBUF", "OBUF"])
def test_inverter_and_buffers(kind: str) -> None:
    result = simulate(one_cell(kind, {"I": 1, "O": 1}), {"I": [0, 1, 1, 0]})["O"][:, 0].tolist()
    assert result == ([1, 0, 0, 1] if kind == "INV" else [0, 1, 1, 0])


def test_constants() -> None:
    assert simulate(one_cell("GND", {"G": 1}), {}, 70)["G"].sum() == 0
    assert simulate(one_cell("VCC", {"P": 1}), {}, 70)["P"].sum() == 70


@pytest.mark.parametrize("kind", ["MUXF7", "MUXF8", "MUXF9"])
def test_wide_multiplexers(kind: str) -> None:
    bits = counting(3)
    netlist = one_cell(kind, {"I0": 1, "I1": 1, "S": 1, "O": 1})
    result = simulate(netlist, {name: bits[:, i : i + 1] for i, name in enumerate(("I0", "I1", "S"))})["O"]
    assert result[:, 0].tolist() == [int(row[1] if row[2] else row[0]) for row in bits]


def carry_model(carry: Array, data: Array, select: Array) -> tuple[Array, Array]:
    """UG974: O = S xor CI, CO = CI where S is 1 and DI elsewhere."""
    sums, carries = np.zeros_like(data), np.zeros_like(data)
    for index in range(data.shape[1]):
        sums[:, index] = select[:, index] ^ carry
        carry = np.where(select[:, index] == 1, carry, data[:, index])
        carries[:, index] = carry
    return sums, carries


def test_carry4() -> None:
    bits = counting(10)
    stimulus = {"CI": bits[:, :1], "CYINIT": bits[:, 1:2], "DI": bits[:, 2:6], "S": bits[:, 6:]}
    netlist = one_cell("CARRY4", {"CI": 1, "CYINIT": 1, "DI": 4, "S": 4, "O": 4, "CO": 4})
    result = simulate(netlist, stimulus)
    sums, carries = carry_model(bits[:, 0] | bits[:, 1], bits[:, 2:6], bits[:, 6:])
    assert np.array_equal(result["O"], sums)
    assert np.array_equal(result["CO"], carries)


@pytest.mark.parametrize("dual", [False, True])
def test_carry8(dual: bool) -> None:
    bits = counting(18)
    netlist = one_cell(
        "CARRY8",
        {"CI": 1, "CI_TOP": 1, "DI": 8, "S": 8, "O": 8, "CO": 8},
        {"CARRY_TYPE": "DUAL_CY4"} if dual else {},
    )
    data, select = bits[:, 2:10], bits[:, 10:]
    result = simulate(netlist, {"CI": bits[:, :1], "CI_TOP": bits[:, 1:2], "DI": data, "S": select})
    low = carry_model(bits[:, 0], data[:, :4], select[:, :4])
    high = carry_model(bits[:, 1] if dual else low[1][:, 3], data[:, 4:], select[:, 4:])
    assert np.array_equal(result["O"], np.hstack([low[0], high[0]]))
    assert np.array_equal(result["CO"], np.hstack([low[1], high[1]]))


# ---------------------------------------------------------------- sequential cells

FLIP_FLOPS = {"FDRE": ("R", 0, False), "FDSE": ("S", 1, False), "FDCE": ("CLR", 0, True), "FDPE": ("PRE", 1, True)}


def flip_flop_model(kind: str, first: int, data: Array, enable: Array, reset: Array) -> list[int]:
    """One cycle after the other: the value during each cycle, and what the edge at its end stores."""
    _, forced, at_once = FLIP_FLOPS[kind]
    state, seen = first, []
    for d, ce, r in zip(data[:, 0], enable[:, 0], reset[:, 0], strict=True):
        seen.append(forced if at_once and r else state)
        state = forced if r else int(d) if ce else seen[-1]
    return seen


@pytest.mark.parametrize("kind", FLIP_FLOPS)
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("inverted", [(), ("D",), ("CE",), ("reset",), ("D", "reset", "C")])
@pytest.mark.parametrize("cycles", [1, 63, 64, 65, 500])
def test_flip_flops(kind: str, first: int, inverted: Sequence[str], cycles: int) -> None:
    reset_pin = FLIP_FLOPS[kind][0]
    names = {"D": "D", "CE": "CE", "reset": reset_pin, "C": "C"}
    parameters = {"INIT": str(first), **{f"IS_{names[pin]}_INVERTED": "1" for pin in inverted}}
    netlist = one_cell(kind, {"C": 1, "D": 1, "CE": 1, reset_pin: 1, "Q": 1}, parameters)
    data, enable = noise(cycles), noise(cycles)
    reset = (NUMBERS.random((cycles, 1)) < 0.1).astype(np.uint8)
    result = simulate(netlist, {"D": data, "CE": enable, reset_pin: reset})["Q"][:, 0].tolist()
    flip = {pin: int(pin in inverted) for pin in names}
    assert result == flip_flop_model(kind, first, data ^ flip["D"], enable ^ flip["CE"], reset ^ flip["reset"])


@pytest.mark.parametrize(("kind", "enable", "reset"), [("FDRE", "1", "0"), ("FDSE", "1", "0"), ("FDCE", "0", "0")])
def test_flip_flops_with_constant_controls(kind: str, enable: str, reset: str) -> None:
    reset_pin = FLIP_FLOPS[kind][0]
    pins: dict[str, Any] = {"C": (0,), "D": (1,), "Q": (2,), "CE": (enable,), reset_pin: (reset,)}
    ports = (Port("clk", True, (0,)), Port("d", True, (1,)), Port("q", False, (2,)))
    netlist = Netlist("m", ports, (Cell(Settings("ff", kind, {"INIT": "1"}), pins),), 3)
    data = noise(200)
    expected = [1, *data[:-1, 0].tolist()] if enable == "1" else [1] * 200
    assert simulate(netlist, {"d": data})["q"][:, 0].tolist() == expected


def test_an_unknown_initial_value_is_zero_but_a_missing_one_is_the_devices() -> None:
    widths = {"C": 1, "D": 1, "Q": 1}
    assert simulate(one_cell("FDSE", widths, {"INIT": "x"}), {"D": [1]})["Q"].tolist() == [[0]]
    assert simulate(one_cell("FDSE", widths), {"D": [0]})["Q"].tolist() == [[1]]


@pytest.mark.parametrize("kind", ["SRL16E", "SRLC16E", "SRLC32E"])
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_shift_registers(kind: str, constant: bool, enabled: bool) -> None:
    depth, cycles = (32, 400) if kind == "SRLC32E" else (16, 400)
    bits = depth.bit_length() - 1
    initial = random.Random(3).getrandbits(depth)
    for place in (0, 5, depth - 1) if constant else (0,):
        address = np.full(cycles, place) if constant else NUMBERS.integers(0, depth, cycles)
        data, enable = noise(cycles), np.ones((cycles, 1), np.uint8) if enabled else noise(cycles)
        netlist, stimulus = shift_register(kind, bits, initial, place if constant else None)
        inputs = {"D": data, "CE": enable, **({} if constant else stimulus(address))}
        result = simulate(netlist, inputs)
        state, seen, last = initial, [], []
        for d, ce, a in zip(data[:, 0], enable[:, 0], address, strict=True):
            seen.append(state >> int(a) & 1)
            last.append(state >> (depth - 1) & 1)
            state = (state << 1 | int(d)) & ((1 << depth) - 1) if ce else state
        assert result["Q"][:, 0].tolist() == seen
        if kind != "SRL16E":
            assert result["Q31" if depth == 32 else "Q15"][:, 0].tolist() == last


def shift_register(kind: str, bits: int, initial: int, place: int | None) -> tuple[Netlist, Any]:
    """A shift register with its address as ports, or tied to a constant."""
    names = ["A"] if kind == "SRLC32E" else [f"A{i}" for i in range(bits)]
    widths = {"CLK": 1, "D": 1, "CE": 1, **{name: bits // len(names) for name in names}}
    widths |= dict.fromkeys(OUTPUT_PINS[kind], 1)
    netlist = one_cell(kind, widths, {"INIT": f"{initial:b}"})
    if place is not None:
        (cell,) = netlist.cells
        tied = [str(place >> i & 1) for i in range(bits)]
        pins = {
            **cell.pins,
            **({"A": tuple(tied)} if names == ["A"] else {n: (t,) for n, t in zip(names, tied, strict=True)}),
        }
        ports = tuple(port for port in netlist.ports if port.name not in names)
        netlist = Netlist("m", ports, (Cell(cell.settings, pins),), netlist.nets)

    def stimulus(address: Any) -> dict[str, Array]:
        columns = ints_to_bits(address[:, None], (bits,))
        return {"A": columns} if names == ["A"] else {n: columns[:, i : i + 1] for i, n in enumerate(names)}

    return netlist, stimulus


DSP_PARAMETERS = dict.fromkeys(
    ("ADREG", "ALUMODEREG", "AREG", "BREG", "CREG", "DREG", "INMODEREG", "MREG", "OPMODEREG", "PREG"), "0" * 32
)


def multiplier(kind: str, **changes: str) -> Netlist:
    netlist = one_cell(kind, {"A": 30, "B": 18, "P": 48}, {**DSP_PARAMETERS, **changes})
    (cell,) = netlist.cells
    modes = {"OPMODE": ("1", "0", "1", *"000000"), "ALUMODE": ("0",) * 4, "INMODE": ("0",) * 5}
    modes |= {"CARRYINSEL": ("0",) * 3, "CARRYIN": ("0",)}
    return Netlist("m", netlist.ports, (Cell(cell.settings, {**cell.pins, **modes}),), netlist.nets)


@pytest.mark.parametrize(("kind", "width"), [("DSP48E1", 25), ("DSP48E2", 27)])
def test_dsp_multipliers(kind: str, width: int) -> None:
    corners = [-(1 << (width - 1)), (1 << (width - 1)) - 1, 0, -1, 1]
    left = np.array([a for a in corners for _ in range(5)] + list(NUMBERS.integers(-(1 << 24), 1 << 24, 200)))
    right = np.array([-(1 << 17), (1 << 17) - 1, 0, -1, 1] * 5 + list(NUMBERS.integers(-(1 << 17), 1 << 17, 200)))
    result = simulate(
        multiplier(kind), {"A": ints_to_bits(left[:, None], (30,)), "B": ints_to_bits(right[:, None], (18,))}
    )
    assert bits_to_ints(result["P"], (48,), signed=True)[:, 0].tolist() == [
        int(a) * int(b) for a, b in zip(left, right, strict=True)
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"PREG": "1"}, "uses its register PREG"), ({"USE_SIMD": "TWO24"}, "has USE_SIMD TWO24")],
)
def test_other_uses_of_a_dsp_are_refused(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(UnsupportedCellError, match=f"the DSP48E2 {message}"):
        simulate(multiplier("DSP48E2", **parameters), {"A": noise(3, 30), "B": noise(3, 18)})


def test_every_cell_is_tested() -> None:
    tested = {f"LUT{n}" for n in range(1, 7)} | {"LUT6_2", "INV", "BUF", "BUFG", "IBUF", "OBUF", "GND", "VCC"}
    tested |= {"MUXF7", "MUXF8", "MUXF9", "CARRY4", "CARRY8", *FLIP_FLOPS}
    tested |= {"SRL16E", "SRLC16E", "SRLC32E", "DSP48E1", "DSP48E2"}
    assert tested == set(CELLS)


# ---------------------------------------------------------------- waves and integers


@pytest.mark.parametrize("cycles", [1, 7, 64, 65, 1000])
def test_packing_is_reversible(cycles: int) -> None:
    bits = noise(cycles, 13)
    span = Span(cycles)
    assert np.array_equal(span.unpack(span.pack(bits)), bits)


@pytest.mark.parametrize("signed", [False, True])
def test_integers_and_bits(signed: bool) -> None:
    widths = (1, 6, 13, 33, 63)
    low = [-(1 << (w - 1)) if signed else 0 for w in widths]
    high = [(1 << (w - 1)) - 1 if signed else (1 << w) - 1 for w in widths]
    values = np.stack(
        [np.array([lo, hi, *NUMBERS.integers(lo, hi, 50, endpoint=True)]) for lo, hi in zip(low, high, strict=True)],
        axis=1,
    )
    bits = ints_to_bits(values, widths)
    assert bits.shape == (52, sum(widths))
    assert np.array_equal(bits_to_ints(bits, widths, signed=signed), values)
    mixed = [True, False, True, False, True]
    first = bits_to_ints(bits, widths, signed=mixed)[:, 1]
    assert first.tolist() == [int(v) & 63 for v in values[:, 1]]


# ---------------------------------------------------------------- hierarchy


def ports(**nets: tuple[bool, tuple[Any, ...]]) -> tuple[Port, ...]:
    return tuple(Port(name, is_input, bits) for name, (is_input, bits) in nets.items())


def gate(name: str, table: str, a: Any, b: Any, o: int) -> Cell:
    return Cell(Settings(name, "LUT2", {"INIT": table}), {"I0": (a,), "I1": (b,), "O": (o,)})


HALF_ADDER = Netlist(
    "half",
    ports(a=(True, (0,)), b=(True, (1,)), y=(False, (2, 3)), same=(False, (0,)), fixed=(False, ("1",))),
    (gate("sum", "0110", 0, 1, 2), gate("carry", "1000", 0, 1, 3)),
    4,
)


def full_adder(**extra: tuple[Any, ...]) -> Netlist:
    instances = (
        Cell(Settings("h1", "half", {}), {"a": (0,), "b": (1,), "y": (3, 4), "same": (8,), "fixed": (9,)} | extra),
        Cell(Settings("h2", "half", {}), {"a": (3,), "b": (2,), "y": (5, 6)}),
        gate("or", "1110", 4, 6, 7),
    )
    outside = ports(a=(True, (0,)), b=(True, (1,)), c=(True, (2,)), y=(False, (5, 7, 8, 9)))
    return Netlist("full", outside, instances, 10)


def test_parts_are_linked_with_feed_through_and_constants() -> None:
    whole = link(full_adder(), {"half": HALF_ADDER})
    bits = counting(3)
    result = simulate(whole, {"a": bits[:, :1], "b": bits[:, 1:2], "c": bits[:, 2:]})["y"]
    assert bits_to_ints(result[:, :2], (2,), signed=False)[:, 0].tolist() == bits.sum(axis=1).tolist()
    assert result[:, 2].tolist() == bits[:, 0].tolist()
    assert result[:, 3].tolist() == [1] * 8
    assert {cell.name for cell in whole.cells} >= {"h1.sum", "h2.carry", "or"}


def test_parts_are_linked_at_every_depth() -> None:
    outer = Netlist(
        "top",
        ports(p=(True, (0, 1, 2)), q=(False, (3, 4, 5, 6))),
        (Cell(Settings("fa", "full", {}), {"a": (0,), "b": (1,), "c": ("1",), "y": (3, 4, 5, 6)}),),
        7,
    )
    result = simulate(link(outer, {"half": HALF_ADDER, "full": full_adder()}), {"p": counting(3)})["q"]
    assert bits_to_ints(result[:, :2], (2,), signed=False)[:, 0].tolist() == [
        1 + (i & 1) + (i >> 1 & 1) for i in range(8)
    ]


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ({"y": (3,)}, "its port 'y' has 1 bits, the netlist's has 2"),
        ({"z": (3,)}, "its port 'z' has 1 bits, the netlist's has none"),
    ],
)
def test_parts_that_do_not_fit(pins: dict[str, Any], message: str) -> None:
    with pytest.raises(NetlistError, match=message):
        link(full_adder(**pins), {"half": HALF_ADDER})


def test_an_unconnected_input_and_parameters_do_not_fit() -> None:
    for settings, pins, message in [
        (Settings("h", "half", {}), {"a": (0,)}, "its input 'b' is not connected"),
        (Settings("h", "half", {"WIDTH": "1"}), {"a": (0,), "b": (0,)}, "it sets WIDTH"),
    ]:
        top = Netlist("t", ports(a=(True, (0,))), (Cell(settings, pins),), 1)
        with pytest.raises(NetlistError, match=message):
            link(top, {"half": HALF_ADDER})


def test_a_module_that_contains_itself_is_refused() -> None:
    inside = Netlist("loop", ports(a=(True, (0,))), (Cell(Settings("x", "loop", {}), {"a": (0,)}),), 1)
    with pytest.raises(NetlistError, match="contains itself"):
        link(inside, {"loop": inside})


# ---------------------------------------------------------------- bad netlists and inputs


def register(name: str, d: Any, q: int, clock: Any = 0, **parameters: str) -> Cell:
    return Cell(Settings(name, "FDRE", parameters), {"C": (clock,), "D": (d,), "CE": ("1",), "R": ("0",), "Q": (q,)})


def bad(*cells: Cell, nets: int = 9) -> Netlist:
    return Netlist("m", ports(clk=(True, (0,)), a=(True, (1,)), y=(False, (2,))), cells, nets)


@pytest.mark.parametrize(
    ("netlist", "message"),
    [
        (
            bad(gate("g1", "0110", 1, 3, 2), gate("g2", "1000", 2, 1, 3)),
            r"a combinational loop: g\d \(LUT2\) -> g\d \(LUT2\)",
        ),
        (
            bad(gate("xor", "0110", 1, 4, 3), register("c0", 3, 2), register("c1", 2, 4)),
            r"feedback through registers: \w+ \(\w+\) -> .*c1 \(FDRE\)",
        ),
        (
            bad(gate("g", "0110", 2, 4, 3), gate("h", "0110", 3, 1, 4), register("r", 4, 2)),
            r"a combinational loop: . \(LUT2\) -> . \(LUT2\)",
        ),
        (bad(gate("g", "0110", 1, 5, 2)), "the net 5 that g reads has no driver"),
        (bad(gate("g", "0110", 1, "x", 2)), "g reads a bit that nothing drives"),
        (bad(gate("g", "0110", 1, 0, 2), register("r", 1, 3)), "has no driver, or is the clock"),
        (bad(gate("g", "0110", 1, 1, 2), gate("h", "0110", 1, 1, 2)), "driven by both g and h"),
        (bad(register("p", 1, 2), register("n", 1, 3, IS_C_INVERTED="1")), "same clock edge: see p and n"),
        (bad(gate("g", "0110", 1, 1, 3), register("p", 1, 2, clock=3)), "the clock of p is no input port"),
        (bad(), "the net 2 that y reads has no driver"),
    ],
)
def test_bad_netlists(netlist: Netlist, message: str) -> None:
    with pytest.raises(NetlistError, match=message) as caught:
        simulate(netlist, {"a": [0, 1]} if any(c.kind == "FDRE" for c in netlist.cells) else {"a": [0, 1], "clk": 0})
    assert not isinstance(caught.value, UnsupportedCellError)
    assert caught.value.exit_code == 5


def test_an_unknown_cell_is_named() -> None:
    netlist = bad(Cell(Settings("ram", "RAMB18E2", {}), {"DO": (2,)}))
    with pytest.raises(UnsupportedCellError, match="the RAMB18E2 is not a cell of feed-forward logic") as caught:
        simulate(netlist, {"a": [1]})
    assert "report it as not run" in caught.value.hint


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("table", range(16))
def test_a_register_may_depend_on_itself(table: int, first: int) -> None:
    netlist = bad(gate("g", f"{table:04b}", 1, 2, 3), register("r", 3, 2, INIT=str(first)))
    data = noise(300)
    state, expected = first, []
    for bit in data[:, 0]:
        expected.append(state)
        state = table >> (int(bit) | state << 1) & 1
    assert simulate(netlist, {"a": data})["y"][:, 0].tolist() == expected


def test_a_register_may_hold_itself_without_a_gate() -> None:
    assert simulate(bad(register("r", 2, 2, INIT="1")), {"a": [0, 0, 0]})["y"].tolist() == [[1]] * 3


def test_a_clock_through_a_buffer_is_a_clock() -> None:
    netlist = bad(Cell(Settings("b", "BUFG", {}), {"I": (0,), "O": (3,)}), register("r", 1, 2, clock=3))
    assert simulate(netlist, {"a": [1, 0, 1]})["y"][:, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "last no cycles"),
        ({"a": [1, 0], "b": [1]}, r"last \[1, 2\] cycles"),
        ({"b": [1, 0]}, "'b' is no input of m"),
        ({"a": [1, 0], "clk": [0, 1]}, "'clk' is the clock of m"),
        ({"a": np.zeros((2, 3), np.uint8)}, "the input 'a' has 1 bits, its values have 3"),
    ],
)
def test_bad_inputs(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(bad(register("r", 1, 2)), inputs)


def test_a_missing_input_and_one_too_wide_for_integers() -> None:
    wide = Netlist("w", ports(a=(True, tuple(range(65))), b=(True, (65,)), y=(False, (0,))), (), 66)
    with pytest.raises(UsageError, match="65 bits: give it an array of bits"):
        simulate(wide, {"a": [1], "b": [1]})
    with pytest.raises(UsageError, match="'b' of w gets no values"):
        simulate(wide, {"a": noise(2, 65)})
    assert simulate(wide, {"a": noise(2, 65), "b": 1}, 2)["y"].shape == (2, 1)


@pytest.mark.parametrize(
    "text", ['{"modules": {}}', "[]", '{"modules": {"m": {"attributes": {}}}}', '{"creator": "x"}']
)
def test_a_file_that_is_no_netlist(tmp_path: Path, text: str) -> None:
    path = tmp_path / "n.json"
    path.write_text(text)
    with pytest.raises(NetlistError, match="no netlist of Yosys with a top module"):
        Netlist.from_json(path)


def test_the_wanted_module_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    module = {"attributes": {}, "ports": {"a": {"direction": "inout", "bits": [2]}}, "cells": {}}
    path.write_text(json.dumps({"modules": {"m": module}}))
    with pytest.raises(NetlistError, match="the module 'other'"):
        Netlist.from_json(path, "other")
    with pytest.raises(NetlistError, match="neither an input nor an output"):
        Netlist.from_json(path)


def test_a_port_is_found_by_name() -> None:
    assert HALF_ADDER.port("y").nets == (2, 3)
    with pytest.raises(UsageError, match=r"half has no port 'sane'\n.*did you mean 'same'"):
        HALF_ADDER.port("sane")


# ---------------------------------------------------------------- speed


def test_ten_thousand_luts_and_cycles_take_seconds() -> None:
    numbers = random.Random(5)
    width, count = 64, 10_000
    cells = tuple(
        Cell(
            Settings(f"l{i}", "LUT4", {"INIT": f"{numbers.getrandbits(16):016b}"}),
            {f"I{k}": (numbers.randrange(max(0, i - 200), i + width),) for k in range(4)} | {"O": (i + width,)},
        )
        for i in range(count)
    )
    outputs = tuple(range(count, count + width))
    netlist = Netlist("big", ports(a=(True, tuple(range(width))), y=(False, outputs)), cells, count + width)
    start = time.perf_counter()
    result = simulate(netlist, {"a": noise(10_000, width)})
    assert result["y"].shape == (10_000, width)
    assert time.perf_counter() - start < 10


# ---------------------------------------------------------------- through Yosys


@pytest.mark.synth
@pytest.mark.parametrize(
    ("family", "recipe", "seeds"),
    [
        ("xcup", "adders", (1, 2, 3, 4)),
        ("xc7", "stock", (5, 6)),
        ("xcu", "adders", (7, 8)),
        ("ecp5", "stock", (9, 10)),
        ("ice40", "stock", (11, 12)),
        ("gowin", "stock", (13, 14)),
    ],
)
def test_random_designs_synthesized_by_yosys(tmp_path: Path, family: str, recipe: Any, seeds: Sequence[int]) -> None:
    designs = {f"d{seed}": random_design(seed) for seed in seeds}
    jobs = []
    for name, design in designs.items():
        (tmp_path / f"{name}.v").write_text(design.verilog(name))
        jobs.append(ModuleJob(name, (tmp_path / f"{name}.v",), name))
    results = synthesize(
        jobs,
        family=family,
        out=tmp_path / "out",
        options=SynthOptions(recipe=recipe, dsp=family.startswith("xcu"), bram=family.startswith("xc")),
    )
    for result in results:
        design, cycles = designs[result.name], 300
        stimulus = {v.name: NUMBERS.integers(0, 1 << v.width, cycles) for v in design.inputs}
        expected = design.run({k: v.tolist() for k, v in stimulus.items()}, cycles)
        netlist = Netlist.from_json(result.netlist)
        actual = simulate(netlist, stimulus)
        assert set(actual) == set(expected)
        widths = {value.name: value.width for value in design.inputs}
        words = {name: ints_to_bits(stimulus[name][:, None], (widths[name],)).astype(np.uint64) for name in stimulus}
        by_clock = trace(netlist, words, cycles)
        for port, values in expected.items():
            width = actual[port].shape[1]
            assert bits_to_ints(actual[port], (width,), signed=False)[:, 0].tolist() == values, f"{result.name} {port}"
            assert np.array_equal(by_clock[port] & np.uint64(1), actual[port]), f"{result.name} {port}"


@pytest.mark.synth
def test_modules_synthesized_apart_and_linked(tmp_path: Path) -> None:
    (tmp_path / "mac.v").write_text(
        "module mac(input clk, input signed [7:0] a, b, output reg signed [16:0] y);\n"
        "always @(posedge clk) y <= a * 3 - b * 5; endmodule\n"
    )
    (tmp_path / "pair.v").write_text(
        "module pair(input clk, input signed [7:0] a, b, c, output reg signed [17:0] y);\n"
        "wire signed [16:0] p, q; mac m0 (.clk(clk), .a(a), .b(b), .y(p)); mac m1 (.clk(clk), .a(b), .b(c), .y(q));\n"
        "always @(posedge clk) y <= p + q; endmodule\n"
    )
    mac, pair = tmp_path / "mac.v", tmp_path / "pair.v"
    jobs = [ModuleJob("mac", (mac,), "mac"), ModuleJob("pair", (pair,), "pair", blackboxes=(mac,))]
    part, top = synthesize(jobs, family="xcup", out=tmp_path / "out")
    whole = link(Netlist.from_json(top.netlist), {"mac": Netlist.from_json(part.netlist)})
    a, b, c = NUMBERS.integers(-128, 128, (3, 500))
    result = simulate(whole, {"a": a, "b": b, "c": c})["y"]
    expected = (a * 3 - b * 5) + (b * 3 - c * 5)
    assert bits_to_ints(result, (18,), signed=True)[2:, 0].tolist() == expected[:-2].tolist()
