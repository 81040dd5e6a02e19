"""The handshake around a clocked netlist: made by hand, a register between two streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitwright.errors import MismatchError
from bitwright.rtl.bundle import ElementInfo, PortInfo
from bitwright.sim.netlist import Cell, Netlist, Port
from bitwright.sim.netlist_cells import Settings
from bitwright.sim.netlist_clocked import StreamNetlist

WIDTHS = (3, 5)
NUMBERS = np.random.default_rng(3)
CLK, RST, S_VALID, M_READY, S_READY, M_VALID, S_DATA, M_DATA = 0, 1, 2, 3, 4, 5, 6, 14


def port(name: str, beats: int) -> PortInfo:
    """Two layers in a beat: one unsigned element of one, two signed ones of the other."""
    elements, lsb = [], 0
    for layer, index, width, signed in (("a", 0, 2, False), ("b", 0, 3, True), ("b", 1, 3, True)):
        elements.append(ElementInfo(layer=layer, index=index, lsb=lsb, width=width, signed=signed, format="any"))
        lsb += width
    return PortInfo(name=name, width=8, beats=beats, elements=tuple(elements))


def flip_flop(name: str, kind: str, data: int | str, output: int, enable: int | str, reset: int | str) -> Cell:
    pin = {"FDRE": "R", "FDSE": "S"}[kind]
    return Cell(Settings(name, kind, {}), {"C": (CLK,), "D": (data,), "CE": (enable,), pin: (reset,), "Q": (output,)})


READY = Cell(Settings("ready", "LUT2", {"INIT": "1011"}), {"I0": (M_READY,), "I1": (M_VALID,), "O": (S_READY,)})
VALID = flip_flop("valid", "FDRE", S_VALID, M_VALID, S_READY, RST)


def register(*, ready: Cell = READY, valid: Cell = VALID, swapped: bool = False) -> Netlist:
    """A register that takes a word when it is empty or emptied."""
    order = [1, 0, *range(2, 8)] if swapped else list(range(8))
    data = [flip_flop(f"d{i}", "FDRE", S_DATA + order[i], M_DATA + i, S_READY, "0") for i in range(8)]
    single = {"clk": CLK, "rst": RST, "s_axis_tvalid": S_VALID, "m_axis_tready": M_READY}
    ports = [Port(name, True, (net,)) for name, net in single.items()]
    ports += [Port("s_axis_tready", False, (S_READY,)), Port("m_axis_tvalid", False, (M_VALID,))]
    ports.append(Port("s_axis_tdata", True, tuple(range(S_DATA, S_DATA + 8))))
    ports.append(Port("m_axis_tdata", False, tuple(range(M_DATA, M_DATA + 8))))
    return Netlist("register", tuple(ports), (ready, valid, *data), M_DATA + 8)


def design(netlist: Netlist, beats: int = 1) -> StreamNetlist:
    return StreamNetlist(netlist, port("s_axis_tdata", beats), port("m_axis_tdata", beats))


def rows(count: int, beats: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Whole tensors: all of layer a, then all of layer b."""
    a = NUMBERS.integers(0, 4, (count, beats))
    return np.concatenate([a, NUMBERS.integers(-4, 4, (count, 2 * beats))], axis=1)


@pytest.mark.parametrize("beats", [1, 3])
@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_what_goes_in_comes_out(count: int, beats: int) -> None:
    x = rows(count, beats)
    assert np.array_equal(design(register(), beats).outputs(x, 100), x)


def test_no_vectors() -> None:
    assert design(register()).outputs(rows(0, 1), 100).shape == (0, 3)


def test_a_run_starts_from_the_beginning() -> None:
    made, x = design(register(), 2), rows(100, 2)
    assert np.array_equal(made.outputs(x, 100), made.outputs(x, 100))


def test_lanes_are_packed_as_the_port_says() -> None:
    """Two bits of the unsigned element swapped: only that one changes."""
    x = rows(500, 1)
    y = design(register(swapped=True)).outputs(x, 100)
    assert np.array_equal(y[:, 0], x[:, 0] >> 1 | (x[:, 0] & 1) << 1)
    assert np.array_equal(y[:, 1:], x[:, 1:])


def test_a_netlist_that_ignores_a_full_sink_loses_words() -> None:
    always = replace(READY, settings=Settings("ready", "LUT2", {"INIT": "1111"}))
    with pytest.raises(MismatchError, match="stopped giving outputs"):
        design(register(ready=always)).outputs(rows(640, 1), 100)


@pytest.mark.parametrize("deaf", [True, False])
def test_a_netlist_that_hangs_is_an_error(deaf: bool) -> None:
    """It takes nothing, or gives nothing."""
    never = replace(READY, settings=Settings("ready", "LUT2", {"INIT": "0000"}))
    silent = flip_flop("valid", "FDRE", "0", M_VALID, "1", RST)
    broken = register(ready=never) if deaf else register(valid=silent)
    with pytest.raises(
        MismatchError, match="stopped giving outputs: 0 of 2 beats came for the vectors 0, 64"
    ) as caught:
        design(broken).outputs(rows(100, 1), 50)
    assert caught.value.where == "register"


def test_a_netlist_that_says_too_much_is_an_error() -> None:
    chatty = flip_flop("valid", "FDSE", "1", M_VALID, "1", RST)
    with pytest.raises(MismatchError, match="gives more outputs than it got inputs"):
        design(register(valid=chatty)).outputs(rows(640, 1), 100)
