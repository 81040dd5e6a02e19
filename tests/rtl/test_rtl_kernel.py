"""The traced hardware against the reference: every layer kind, random networks narrow and wide."""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

import interpret
import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Draft

from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.network.layers import MergeOp, SoftmaxKind, TableFunction
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats
from bitwright.rtl.kernel import Kernel, build, cost, groups, identifier, rescheduled
from bitwright.rtl.verilog import module_text

EVERY = networks.every_kind()
DEPTH = 5.0


def assert_equal(network: Network, x: networks.Ints) -> Kernel:
    kernel = build(network, DEPTH)
    got, want = interpret.outputs(kernel, x), Reference(network).outputs(x)
    wrong = (got != want).any(axis=1)
    first = int(wrong.argmax())
    assert not wrong.any(), f"{x[first].tolist()}: hardware {got[first].tolist()}, reference {want[first].tolist()}"
    return kernel


@pytest.mark.parametrize("network", EVERY, ids=lambda network: network.name)
def test_every_kind(network: Network) -> None:
    assert_equal(network, networks.vectors(network, 1000))


@given(networks.random_networks(), st.integers(0, 1000))
@settings(max_examples=150)
def test_random_networks(network: Network, seed: int) -> None:
    assert_equal(network, networks.vectors(network, 50, seed))


@pytest.mark.parametrize("seed", range(20))
def test_random_images(seed: int) -> None:
    network = networks.random_images(random.Random(seed))
    assert_equal(network, networks.vectors(network, 100))


def equal_or_refused(network: Network, x: networks.Ints) -> bool:
    """Wide values are right or refused with a reason, never wrong."""
    try:
        assert_equal(network, x)
    except UnsupportedLayerError as error:
        refused = str(error)
    else:
        return True
    assert re.match(r"layer '\w+': .* bits", refused), refused
    return False


@pytest.mark.parametrize("width", [12, 16, 24, 34, 60])
def test_wide_random_networks(width: int) -> None:
    made = 0
    for seed in range(40):
        network = networks.random_network(random.Random(seed), width=width)
        made += equal_or_refused(network, networks.vectors(network, 50, seed))
    assert made >= (38 if width <= 16 else 20), "most of them can be built"


@pytest.mark.slow
@pytest.mark.parametrize("width", [6, 8, 10, 16, 34])
def test_many_random_networks(width: int) -> None:
    for seed in range(10_000, 11_500):
        network = networks.random_network(random.Random(seed), layers=8, width=width)
        equal_or_refused(network, networks.vectors(network, 50, seed))


@pytest.mark.parametrize("kind", ["dense", "conv", "einsum"])
def test_more_products_than_parallel_hardware_holds(kind: str) -> None:
    draft = Draft("many")
    wide: dict[str, Any] = {"accum": "fixed<16,8>", "result": "fixed<16,8>"}
    if kind == "dense":
        draft.dense(draft.input(500, "fixed<4,2>"), 401, raw=[1] * 200_500, **wide)
    elif kind == "conv":
        layer = draft.conv(draft.input((60, 60, 1), "fixed<4,2>"), 8, (3, 3), padding=(1, 1, 1, 1), **wide)
        layer.weight.raw[:] = 1
    else:
        x = draft.input((1, 60, 56), "fixed<4,2>")
        draft.einsum(x, x, **wide)
    total = {"dense": 200_500, "conv": 60 * 60 * 8 * 9, "einsum": 60 * 60 * 56}[kind]
    name = draft.layers[-1].name
    with pytest.raises(UnsupportedLayerError) as caught:
        build(draft.network(), DEPTH)
    assert caught.value.what.startswith(f"{total} multiplications, {total} of them in '{name}'; fully parallel")
    assert caught.value.what.endswith("holds at most 200000")
    assert caught.value.where == "many"


def test_weights_of_zero_are_no_products() -> None:
    draft = Draft("sparse")
    raw = [int(i < 3) for i in range(200_500)]
    draft.dense(draft.input(500, "fixed<4,2>"), 401, raw=raw, accum="fixed<16,8>", result="fixed<16,8>")
    assert build(draft.network(), DEPTH).modules


# --- named mismatches of the past ----------------------------------------------------------------


def test_a_wrap_that_selects_one_bit_of_a_shifted_value() -> None:
    """alkaid's canonicalize_msb_wraps took the wrong bit: 2 became 0 in a 2-bit wrap of 2 or 4."""
    draft = Draft("one_bit")
    x = draft.input(1, "ufixed<1,1>")
    dense = draft.dense(x, 1, raw=[2], raw_bias=[1], weight="ufixed<2,2>", bias="ufixed<3,4>", accum="ufixed<7,5>",
                        result="ufixed<8,2,RND_INF,SAT_ZERO>")  # fmt: skip
    assert_equal(draft.network(dense), np.array([[0], [1]]))


def test_a_known_value_wrapped_into_an_unsigned_format() -> None:
    """alkaid wraps an unsigned constant to one bit too many."""
    draft = Draft("known")
    x = draft.input(1, "fixed<5,3>")
    low = draft.merge(MergeOp.MINIMUM, x, draft.scale_bias(x, "fixed<1,9>", "fixed<1,9>", "fixed<5,3>"), "fixed<5,3>")
    draft.cast(low, "fixed<2,5>")
    out = draft.cast(draft.layers[-1], "ufixed<2,5>")
    assert_equal(draft.network(out), networks.every_input([x.result]))


def test_a_tie_between_values_that_all_round_to_one() -> None:
    """100 and 101 in steps of 8: both round up to 104, but 100 is a tie and 96 is the even one."""
    draft = Draft("tie")
    x = draft.input(1, "ufixed<1,1>")
    near = draft.dense(x, 1, raw=[1], raw_bias=[25], weight="ufixed<1,1>", bias="ufixed<5,7>", accum="ufixed<8,8>",
                       result="ufixed<8,8>")  # fmt: skip
    assert_equal(draft.network(draft.cast(near, "fixed<6,9,RND_CONV>")), np.array([[0], [1]]))


def test_tables_over_ranges_that_are_no_power_of_two() -> None:
    """alkaid's retracing widened such a range past its table and failed."""
    draft = Draft("ranges")
    x = draft.input(1, "ufixed<2,2>")
    six = draft.dense(x, 2, raw=[2, 1], raw_bias=[1, 2], weight="ufixed<2,2>", bias="ufixed<2,2>", accum="ufixed<6,6>",
                      result="ufixed<6,4>")  # fmt: skip
    out = draft.table(six, TableFunction.SIGMOID, 32, "fixed<8,2>", "fixed<8,2>")
    both = draft.softmax(six, SoftmaxKind.LATENCY, "ufixed<6,1>", exp="ufixed<9,6>", inverse="ufixed<8,2>",
                         accum="ufixed<12,9>", inverse_input="ufixed<8,8>")  # fmt: skip
    assert_equal(draft.network(out, both), networks.every_input([x.result]))


def test_tables_behind_a_negation() -> None:
    """A table over ``-v`` was read in the order of ``v``: with two entries they were exchanged."""
    draft = Draft("negated")
    x = draft.input(1, "ufixed<1,-1>")
    negative = draft.scale_bias(x, "fixed<1,1>", "fixed<1,1>", "fixed<6,3>")
    negative.scale.raw[:], negative.bias.raw[:] = -1, 0
    wider = draft.scale_bias(draft.input(1, "fixed<4,2>"), "fixed<1,1>", "fixed<2,-1>", "fixed<6,3>")
    wider.scale.raw[:] = -1
    tables = [draft.table(v, TableFunction.SIGMOID, 128, "fixed<10,2>", "fixed<10,2>") for v in (negative, wider)]
    network = draft.network(*tables)
    assert_equal(network, networks.every_input(input_formats(network)))


def test_a_table_of_a_known_value_between_its_steps() -> None:
    """A constant went to the table unrounded."""
    draft = Draft("between")
    x = draft.input(1, "ufixed<1,1>")
    near = draft.dense(x, 1, raw=[0], raw_bias=[(1 << 20) - 1], weight="ufixed<1,1>", bias="fixed<21,1>",
                       accum="fixed<24,2>", result="fixed<24,2>")  # fmt: skip
    table = draft.table(near, TableFunction.TANH, 8, "fixed<8,2>", "fixed<8,2>")
    assert_equal(draft.network(table), np.array([[0], [1]]))


def test_operations_that_share_an_operand_of_another_time() -> None:
    """Alkaid's estimate of a product with one bit is negative: sorted by time, a product came before its operand."""
    draft = Draft("times")
    bit, x = draft.input(3, "ufixed<1,0>"), draft.input(3, "fixed<46,1>")
    product = draft.merge(MergeOp.MULTIPLY, x, bit, "fixed<28,12,RND_ZERO,SAT_ZERO>")
    both = draft.concat(product, x, "fixed<28,1,RND_ZERO,SAT_SYM>")
    network = draft.network(draft.cast(both, "fixed<20,0,RND,SAT_SYM>"))
    assert_equal(network, networks.vectors(network, 200))


def test_a_layer_that_reads_one_source_twice() -> None:
    draft = Draft("twice")
    x = draft.input(2, "fixed<4,2>")
    outs = [draft.merge(op, x, x, "fixed<8,4>") for op in MergeOp]
    outs.append(draft.concat(x, x, "fixed<4,2>"))  # type: ignore[arg-type]
    assert_equal(draft.network(*outs), networks.every_input([x.result, x.result]))


@pytest.mark.parametrize("bits", range(22, 34))
@pytest.mark.parametrize("kind", ["bias", "weight", "scale", "saturation", "truncation"])
def test_long_constants(kind: str, bits: int) -> None:
    """alkaid took constants for float32; and it adds none of more than 31 bits: right, or refused."""
    draft = Draft(f"long_{kind}_{bits}")
    long, wide = (1 << bits) - 1, "fixed<52,40>"
    x = draft.input(1, "fixed<6,6>")
    constant = f"fixed<{bits + 1},{bits + 1}>"
    match kind:
        case "bias":
            draft.dense(x, 1, raw=[1], raw_bias=[long], weight="fixed<2,2>", bias=constant, accum=wide, result=wide)
        case "weight":
            draft.dense(x, 1, raw=[long], raw_bias=[1], weight=constant, accum="fixed<52,42,RND,SAT>", result=wide)
        case "scale":
            draft.scale_bias(x, constant, "fixed<2,2>", wide)
            draft.layers[-1].scale.raw[:] = long  # type: ignore[union-attr]
        case "saturation":
            big = draft.dense(x, 1, raw=[1 << (bits - 3)], raw_bias=[1], weight=constant, accum=wide, result=wide)
            draft.cast(big, f"fixed<{bits},{bits},RND,SAT>")
        case "truncation":
            fine = draft.cast(x, f"fixed<{6 + bits},6>")
            shifted = draft.scale_bias(fine, "fixed<2,2>", f"fixed<2,{2 - bits}>", f"fixed<{6 + bits},6>")
            draft.cast(shifted, "fixed<6,6,TRN_ZERO>")
    built = equal_or_refused(draft.network(), networks.every_input([x.result]))
    assert built or bits > 28, "what fits is built"
    assert built or kind in ("bias", "truncation"), "these need no long constant"


# --- limits, names, schedule ---------------------------------------------------------------------


def test_a_value_of_more_than_52_bits_is_refused() -> None:
    draft = Draft("wide")
    x = draft.input(2, "fixed<30,10>")
    draft.merge(MergeOp.MULTIPLY, x, x, "fixed<8,4>")
    with pytest.raises(UnsupportedLayerError) as error:
        build(draft.network(), DEPTH)
    text = str(error.value)
    assert "layer 'multiply1': a value needs 59 bits; parallel hardware holds at most 52" in text
    assert "choose narrower types" in text


def test_an_input_of_more_than_52_bits_is_refused() -> None:
    draft = Draft("wide")
    draft.cast(draft.input(1, "fixed<60,10>"), "fixed<8,4>")
    with pytest.raises(UnsupportedLayerError, match=r"layer 'cast1': a value needs 61 bits"):
        build(draft.network(), DEPTH)


def test_a_constant_of_more_than_53_bits_is_refused() -> None:
    draft = Draft("wide")
    x = draft.input(1, "ufixed<1,1>")
    raw = [(1 << 58) + 1]
    draft.dense(x, 1, raw=[1], raw_bias=raw, bias="fixed<60,2>", accum="fixed<12,6,RND>", result="fixed<8,4>")
    with pytest.raises(
        UnsupportedLayerError, match=r"layer 'dense1': a constant of fixed<60,2> needs more than 53 bits"
    ):
        build(draft.network(), DEPTH)


def test_long_table_entries_are_refused() -> None:
    draft = Draft("wide")
    draft.table(draft.input(1, "fixed<6,3>"), TableFunction.SIGMOID, 64, "fixed<30,2>", "fixed<30,2>")
    with pytest.raises(UnsupportedLayerError, match=r"layer 'sigmoid1': a table with entries of more than 24 bits"):
        build(draft.network(), DEPTH)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("dense", "dense"),
        ("q_dense_1", "q_dense_1"),
        ("QDense", "qdense"),
        ("myLayer", "my_layer"),
        ("dense/BiasAdd:0", "dense_bias_add_0"),
        ("1st", "n_1st"),
        ("", "n_"),
        ("über schicht", "ber_schicht"),
        ("$display(1)", "display_1"),
        ("end`define", "end_define"),
        ("_private", "private"),
    ],
)
def test_identifiers_of_odd_names(name: str, want: str) -> None:
    assert identifier(name) == want


@given(st.text(max_size=12))
def test_identifiers_are_snake_case_ascii(name: str) -> None:
    made = identifier(name)
    assert made.isascii()
    assert made.isidentifier()
    assert made == made.lower()
    assert not made.startswith("_")


def renamed(network: Network, names: dict[str, str]) -> Network:
    layers = tuple(
        dataclasses.replace(
            layer, name=names.get(layer.name, layer.name), sources=tuple(names.get(s, s) for s in layer.sources)
        )
        for layer in network.layers
    )
    return dataclasses.replace(network, layers=layers, outputs=tuple(names.get(o, o) for o in network.outputs))


def test_layers_that_would_share_a_name_in_hardware() -> None:
    network = next(n for n in EVERY if n.name == "mlp")
    twins = renamed(network, {"dense2": "Dense.2", "dense4": "dense_2"})
    with pytest.raises(UnsupportedLayerError, match=r"mlp: layers 'Dense\.2' and 'dense_2' have one name in hardware"):
        build(twins, DEPTH)


def test_odd_layer_names_change_nothing() -> None:
    network = next(n for n in EVERY if n.name == "mlp")
    odd = renamed(network, {"x0": "in/put:0", "cast1": "table_0", "dense2": "v1", "relu3": "clk", "dense4": "module"})
    assert_equal(odd, networks.vectors(odd, 50))


def test_element_wise_layers_join_the_layer_that_they_read() -> None:
    network = next(n for n in EVERY if n.name == "mlp")
    assert [[layer.name for layer in group] for group in groups(network)] == [
        ["x0"], ["cast1"], ["dense2", "relu3"], ["dense4", "cast5"], ["dense6"],
    ]  # fmt: skip


def test_a_layer_that_is_an_output_ends_its_module() -> None:
    network = next(n for n in EVERY if n.name == "several_outputs")
    assert [[layer.name for layer in group] for group in groups(network)] == [
        ["x0"], ["x1"], ["dense2"], ["add3"], ["relu4"],
    ]  # fmt: skip


@pytest.mark.parametrize("depth", [0.5, 2.0, 5.0, 50.0])
def test_a_schedule_keeps_every_stage_within_its_depth(depth: float) -> None:
    network = next(n for n in EVERY if n.name == "mlp")
    kernel = build(network, depth)
    last = max(max(module.times) for module in kernel.modules)
    assert kernel.stage_time <= depth
    assert kernel.stage_of(last) == kernel.stages - 1
    assert kernel.stages * kernel.stage_time == pytest.approx(last)
    assert kernel.latency == kernel.stages + 1
    for module in kernel.modules:
        for op, time in zip(module.logic.ops, module.times, strict=True):
            assert all(module.times[i] <= time for i in op.addr), "operands are ready first"


def test_rescheduling_keeps_the_logic() -> None:
    kernel = build(next(n for n in EVERY if n.name == "mlp"), DEPTH)
    other = rescheduled(kernel, kernel.stages + 3)
    assert other.modules is kernel.modules
    assert other.stages == kernel.stages + 3
    assert other.stage_time * other.stages == pytest.approx(kernel.stage_time * kernel.stages)


def test_dead_elements_have_no_hardware() -> None:
    kernel = build(next(n for n in EVERY if n.name == "dead"), DEPTH)
    assert [module.layers for module in kernel.modules] == [("dense2",), ("dense4",)]
    assert [wire.net for wire in kernel.modules[0].outputs] == ["dense2_0"]


def test_constants_have_no_hardware() -> None:
    kernel = build(next(n for n in EVERY if n.name == "constants"), DEPTH)
    assert all(wire.constant is not None for wire in kernel.values["relu3"])
    assert not [module for module in kernel.modules if "relu3" in module.layers]
    assert sum(cost(module) for module in kernel.modules) < 60


def test_no_line_of_bits_that_nothing_reads_is_long() -> None:
    """Verilator takes 40,000 tokens on a line; a GarNet of 128 vertices had more in the sink of unread bits."""
    draft = Draft("unread")
    kernel = build(draft.network(draft.cast(draft.input(400, "fixed<8,4>"), "fixed<4,2>")), DEPTH)
    lines = [line for module in kernel.modules for line in module_text(kernel, module).splitlines()]
    assert sum("wire unused" in line for line in lines) == 1
    assert sum(line.startswith("    ") and line.strip()[0] == "v" for line in lines) > 20
    assert max(map(len, lines)) <= 120
