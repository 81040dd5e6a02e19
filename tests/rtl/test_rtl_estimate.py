"""Estimates of reuse factors, and the choice among them."""

from __future__ import annotations

import numpy as np
import pytest
from networks import Draft

from bitwright.errors import UsageError
from bitwright.network import Network
from bitwright.network.layers import Cell
from bitwright.rtl.blocks import make_block
from bitwright.rtl.engine_dense import valid_reuse_factors
from bitwright.rtl.estimate import _digits, choose, estimates, totals
from bitwright.rtl.partition import partition, with_reuse
from bitwright.rtl.parts import RecurrentCore


@pytest.fixture
def network() -> Network:
    draft = Draft("estimated")
    x = draft.input(16, "fixed<7,3>")
    hidden = draft.relu(draft.dense(x, 32, accum="fixed<18,9>", result="fixed<18,9>"), "ufixed<6,2>")
    return draft.network(draft.dense(hidden, 5, accum="fixed<18,9>", result="fixed<18,9>"))


def hls4ml_valid(n_in: int, n_out: int, factor: int) -> bool:
    """fpga_backend.py, _validate_reuse_factor, in its own words."""
    limit = -(-(n_in * n_out) // min(n_in, factor))
    fits = limit % n_out == 0 or factor >= n_in
    return fits and (factor % n_in == 0 or factor < n_in) and (n_in * n_out) % factor == 0


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (16, 64), (10, 3), (7, 12), (3, 5), (12, 1)])
def test_the_valid_factors_are_those_of_hls4ml(n_in: int, n_out: int) -> None:
    expected = [f for f in range(1, n_in * n_out + 1) if hls4ml_valid(n_in, n_out, f)]
    assert list(valid_reuse_factors(n_in, n_out)) == expected


def test_every_factor_of_every_layer(network: Network) -> None:
    table = estimates(network)
    assert list(table) == ["dense1", "dense3"]
    assert [row.reuse for row in table["dense1"]] == list(valid_reuse_factors(16, 32))
    for row in table["dense1"][1:]:
        assert row.multipliers * row.reuse == 16 * 32
        assert row.interval == row.reuse
        assert row.memory_bits == 16 * 32 * 5
        assert row.latency > row.reuse
    luts = [row.lut for row in table["dense1"][1:]]
    assert luts == sorted(luts, reverse=True), "fewer multipliers, fewer LUTs"


@pytest.mark.parametrize("cell", Cell)
def test_every_factor_of_a_recurrent_layer(cell: Cell) -> None:
    """Interval as the block has it, and an estimate as the block states it."""
    draft = Draft("recurrent")
    x = draft.input((8, 2), "fixed<6,3>")
    layer = draft.recurrent(x, cell, 6, accum="fixed<12,4>", result="fixed<12,4>")
    network = draft.network(layer)
    rows = estimates(network)[layer.name]
    gates = cell.gates * 6
    dropped = {Cell.LSTM: {8}, Cell.GRU: set()}  # nearest to 8 is 6, for which hls4ml has other C++
    assert [row.reuse for row in rows] == [r for r in valid_reuse_factors(2, gates) if r not in dropped[cell]]
    assert (rows[0].interval, rows[0].memory_bits) == (1, 0), "unrolled"
    for row in rows[1:]:
        made = with_reuse(network, {layer.name: row.reuse})
        part = next(part for part in partition(made) if isinstance(part.core, RecurrentCore))
        block = make_block(part, 5.0)
        assert row.interval == block.node.clocks == row.latency
        assert row.lut == pytest.approx(block.units[-1].estimated_lut, rel=0.1)
        assert row.memory_bits == 2 * gates * 5 + 6 * gates * 6


def test_signed_digits() -> None:
    """7 = 8 - 1, 11 = 8 + 4 - 1, 0 has none."""
    assert _digits(np.array([0, 1, -1, 7, -7, 11, 5, 64])).tolist() == [0, 1, 1, 2, 2, 3, 2, 1]


def test_the_fastest_that_fits(network: Network) -> None:
    table = estimates(network)
    fast = choose(table, None, None, None)
    assert {row.interval for row in fast.values()} == {1}
    budget = totals(fast)[0] // 3
    small = choose(table, budget, None, None)
    assert totals(small)[0] <= budget
    slowest = max(row.interval for row in small.values())
    faster = [row.interval for rows in table.values() for row in rows if row.interval < slowest]
    for interval in set(faster):
        assert totals(choose(table, None, None, interval))[0] > budget, "no shorter interval fits"


def test_an_interval_is_kept(network: Network) -> None:
    chosen = choose(estimates(network), None, None, 20)
    assert all(row.interval <= 20 for row in chosen.values())
    assert max(row.interval for row in chosen.values()) == 16


def test_nothing_fits(network: Network) -> None:
    with pytest.raises(UsageError) as caught:
        choose(estimates(network), 10, None, None)
    assert "nothing fits: at 512 clocks per inference it still needs" in caught.value.what
    assert "more clocks or more of the device" in caught.value.hint
