"""Designs of several blocks under Verilator: reference == RTL, and latency and interval as the schedule says."""

from __future__ import annotations

import dataclasses
import random
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "networks"))

import hardware
import networks
from networks import Draft

from bitwright.config import TargetConfig
from bitwright.errors import ToolFailedError, UnsupportedLayerError
from bitwright.network import Network
from bitwright.network.layers import Base, Cell, MergeOp, PoolForm, PoolOp, RearrangeOp
from bitwright.network.reference import Reference
from bitwright.report.records import Status
from bitwright.rtl.emit import emit
from bitwright.rtl.partition import with_reuse
from bitwright.sim.diagnose import diagnose_rtl
from bitwright.sim.verilator import Bulk, build

pytestmark = pytest.mark.simulator

EXACT: dict[str, Any] = {"accum": "fixed<18,10>", "result": "fixed<14,8>"}
SMALL = "ufixed<5,3,RND,SAT>"


def streamed(network: Network) -> Network:
    """The same under io_stream."""
    return dataclasses.replace(network, io_type="io_stream")


def mlp(name: str, sizes: tuple[int, ...], factors: tuple[int, ...], **formats: Any) -> Network:
    """Dense layers with relu between them, folded by the factors."""
    draft = Draft(name)
    x: Base = draft.input(sizes[0], formats.pop("x", "fixed<8,3>"))
    for size in sizes[1:]:
        x = draft.relu(draft.dense(x, size, **{**EXACT, **formats}), "ufixed<6,2,RND,SAT>")
    network = draft.network(x)
    names = [layer.name for layer in network.layers if layer.name.startswith("dense")]
    return with_reuse(network, dict(zip(names, factors, strict=True)))


def skip() -> Network:
    """A slow engine on one branch, nothing on the other."""
    draft = Draft("skip")
    x = draft.input(6, "fixed<8,3>")
    slow = draft.relu(draft.dense(x, 4, strategy="resource", reuse=12, **EXACT), "ufixed<6,2,RND,SAT>")
    return draft.network(draft.dense(draft.concat(slow, x, "fixed<9,4>"), 3, strategy="resource", reuse=5, **EXACT))


def cnn() -> Network:
    """A border, pooling, a folded convolution, and a dense layer behind."""
    draft = Draft("cnn")
    x: Base = draft.input((6, 7, 2), "fixed<5,3>")
    x = draft.relu(draft.conv(x, 3, (3, 3), padding=(1, 1, 1, 1), **EXACT), SMALL)
    x = draft.pool(x, PoolOp.MAX, (2, 2), accum="ufixed<5,3>", result="ufixed<5,3>", form=PoolForm.STREAM)
    x = draft.relu(draft.conv(x, 4, (2, 2), strategy="resource", reuse=6, **EXACT), SMALL)
    return streamed(draft.network(draft.dense(draft.reshape(x, (x.size,)), 3, **EXACT)))


def sequence() -> Network:
    """Types per channel, strides, a pointwise convolution beside a plain branch, an average over all."""
    draft = Draft("sequence")
    x: Base = draft.input((9, 2), "fixed<5,3>")
    x = draft.cast_each(x, "fixed<5,3>", ["fixed<4,3>", "ufixed<3,2>"] * 9)
    x = draft.relu(draft.conv(x, 3, (3,), stride=(2,), **EXACT), SMALL)
    both = draft.merge(MergeOp.ADD, x, draft.conv(x, 3, (1,), **EXACT), "fixed<10,6>")
    form = PoolForm.GLOBAL_STREAM
    return streamed(
        draft.network(draft.pool(both, PoolOp.AVERAGE, (4,), accum="fixed<12,6>", result="fixed<10,6>", form=form))
    )


def residual() -> Network:
    """A connection around two convolutions, which needs a queue; then four times the pixels."""
    draft = Draft("residual")
    x = draft.input((5, 5, 2), "fixed<5,3>")
    inner = draft.relu(draft.conv(x, 2, (3, 3), padding=(1, 1, 1, 1), **EXACT), SMALL)
    outer = draft.merge(MergeOp.ADD, draft.conv(inner, 2, (3, 3), padding=(1, 1, 1, 1), **EXACT), x, "fixed<10,6>")
    return streamed(draft.network(draft.rearrange(outer, RearrangeOp.RESIZE, (10, 10, 2), (), "fixed<10,6>")))


def padded() -> Network:
    """An uneven border by a layer of its own, a convolution with strides, a depthwise one."""
    draft = Draft("padded")
    x: Base = draft.input((4, 4, 2), "fixed<5,3>")
    x = draft.rearrange(x, RearrangeOp.ZERO_PAD, (6, 7, 2), (1, 1, 2, 1), "fixed<5,3>")
    x = draft.conv(x, 2, (3, 3), stride=(1, 2), **EXACT)
    return streamed(draft.network(draft.conv(draft.relu(x, SMALL), 0, (2, 2), depthwise=True, **EXACT)))


def moved() -> Network:
    """Cropping, up-sampling by uneven factors, the largest of all in an accumulator that wraps, relu behind."""
    draft = Draft("moved")
    x: Base = draft.input((5, 6, 2), "fixed<5,3>")
    x = draft.rearrange(x, RearrangeOp.CROP, (3, 3, 2), (1, 1, 2, 1), "fixed<5,3>")
    x = draft.rearrange(x, RearrangeOp.RESIZE, (6, 9, 2), (), "fixed<5,3>")
    x = draft.conv(x, 3, (2, 2), **EXACT)
    form = PoolForm.GLOBAL_STREAM
    x = draft.pool(x, PoolOp.MAX, (5, 8), accum="fixed<6,3,RND>", result="fixed<7,4>", form=form)
    return streamed(draft.network(draft.relu(x, SMALL)))


def tokens() -> Network:
    """Rows of a table, one beat to three, and a convolution over them."""
    draft = Draft("tokens")
    x: Base = draft.embedding(draft.input(5, "ufixed<3,3>"), 7, 2, "fixed<5,2>", "fixed<5,2>")
    return streamed(draft.network(draft.relu(draft.conv(x, 2, (3,), **EXACT), SMALL)))


WIDE: dict[str, Any] = {"accum": "fixed<10,4>", "result": "fixed<8,3>"}


def recurrent(name: str, *layers: tuple[Cell, dict[str, Any]], shape: tuple[int, int] = (3, 2)) -> Network:
    """Recurrent layers one after another; ``reuse`` folds both products."""
    draft = Draft(name)
    x: Base = draft.input(shape, "fixed<6,3>")
    for cell, given in layers:
        options = {**WIDE, "units": 4, "reuse": 1, **given}
        reuse = options.pop("reuse")
        factors = {"reuse_factor": reuse, "recurrent_reuse_factor": reuse}
        strategy = "resource" if reuse > 1 else "latency"
        x = draft.recurrent(x, cell, strategy=strategy, **{**factors, **options})
    return draft.network(x)


def bidirectional() -> Network:
    """All states of one layer forward and of another backward, folded, side by side."""
    draft = Draft("bidirectional")
    x, common = draft.input((3, 2), "fixed<6,3>"), {"strategy": "resource", "reuse_factor": 2, **WIDE}
    pair = [
        draft.recurrent(x, cell, 2, backward=backward, recurrent_reuse_factor=factor, **common)
        for cell, backward, factor in ((Cell.GRU, False, 2), (Cell.LSTM, True, 4))
    ]
    return draft.network(draft.relu(draft.concat(*pair, "fixed<8,3>", axis=1), "ufixed<6,2>"))


FOLDED = [
    mlp("two", (8, 6, 4), (4, 6)),
    mlp("passes", (6, 4, 3), (6, 12), accum="fixed<12,6,RND,SAT>", result="fixed<8,4,TRN,SAT_SYM>"),
    mlp("deep", (40, 8, 4), (2, 8)),
    mlp("unsigned", (4, 4), (16,), accum="fixed<10,6,RND_CONV,SAT_ZERO>", x="ufixed<5,1>"),
    skip(),
]
STREAMS = [cnn(), sequence(), residual(), padded(), moved(), tokens()]
SATURATED = {"accum": "fixed<9,5,RND,SAT>", "result": "fixed<7,3,TRN,SAT_SYM>"}
RECURRENT = [
    streamed(recurrent("lstm_gru", (Cell.LSTM, {"reuse": 4}), (Cell.GRU, {"units": 2, "sequences": False}))),
    bidirectional(),
    streamed(recurrent("saturated", (Cell.LSTM, {"reuse": 8, **SATURATED, "sequences": False}), shape=(5, 4))),
    streamed(recurrent("mixed", (Cell.GRU, {"reuse": 3, "recurrent_reuse_factor": 1, "units": 3}), shape=(4, 3))),
    streamed(recurrent("one_step", (Cell.LSTM, {"reuse": 16, **SATURATED}), shape=(1, 2))),
    recurrent("backward", (Cell.GRU, {"reuse": 4, "backward": True, "sequences": False})),
    recurrent("large", (Cell.LSTM, {"units": 8, "sequences": False}), shape=(20, 4)),
]


SLOW = {
    "deep", "unsigned", "two", "residual", "padded", "bidirectional", "saturated", "mixed", "one_step", "backward",
    "large",
}  # fmt: skip


@pytest.mark.parametrize(
    "network",
    [pytest.param(n, marks=[pytest.mark.slow] * (n.name in SLOW)) for n in (*FOLDED, *STREAMS, *RECURRENT)],
    ids=lambda network: network.name,
)
def test_bits_protocol_and_schedule(network: Network, target: TargetConfig, tmp_path: Path) -> None:
    made = hardware.make(network, target, tmp_path)
    x = networks.vectors(network, 300)
    pair = made.bulk(x)
    assert pair.status is Status.PASSED, f"{pair.mismatches} of {pair.vectors} vectors differ, first {pair.first}"
    checks = made.bench(x[:60])
    assert hardware.failed(checks) == {}
    assert made.measured()["latency"] == made.bundle.shell.latency
    assert made.measured()["ii"] == made.bundle.shell.ii > 1


@pytest.mark.slow
@pytest.mark.parametrize("first", [100, 200])
def test_random_recurrences(first: int, target: TargetConfig, tmp_path: Path) -> None:
    """Several engines side by side, in all roundings and overflows."""
    many = [networks.random_recurrence(random.Random(seed), "random") for seed in range(first, first + 8)]
    made = hardware.make(networks.combined("recurrences", many), target, tmp_path)
    pair = made.bulk(networks.vectors(made.network, 500))
    assert pair.status is Status.PASSED, f"{pair.mismatches} of {pair.vectors} vectors differ, first {pair.first}"
    assert hardware.failed(made.bench(networks.vectors(made.network, 20))) == {}


def test_a_residual_connection_has_a_queue(target: TargetConfig, tmp_path: Path) -> None:
    bundle = emit(residual(), target, tmp_path)
    assert list(bundle.queues.values()) == [16], "two rows and a few pixels of two windows, in beats"


def test_a_wrong_weight_is_found_in_its_layer(target: TargetConfig, tmp_path: Path) -> None:
    network = FOLDED[0]
    made = hardware.make(
        network, target, tmp_path, {"two_dense3_rom": lambda t: t.replace("rom[address]", "rom[address] ^ 1")}
    )
    x = networks.vectors(network, 200)
    rtl = Bulk(made.built).outputs(x)
    found = diagnose_rtl(made.bundle, tmp_path / "bundle", Reference(network), x, rtl, tmp_path / "wave.vcd")
    assert found is not None
    assert found.layer == "relu4"
    assert (tmp_path / "wave.vcd").stat().st_size > 1000


@pytest.mark.slow
def test_a_wrong_weight_of_a_recurrence_is_found_in_its_layer(target: TargetConfig, tmp_path: Path) -> None:
    """A stream of several beats: the step at which it goes wrong."""
    network = RECURRENT[0]
    change = {"lstm_gru_lstm1_of_state_rom": lambda t: t.replace("rom[address]", "rom[address] ^ 1")}
    made = hardware.make(network, target, tmp_path, change)
    x = networks.vectors(network, 200)
    rtl = Bulk(made.built).outputs(x)
    found = diagnose_rtl(made.bundle, tmp_path / "bundle", Reference(network), x, rtl, tmp_path / "wave.vcd")
    assert found is not None
    assert found.layer == "lstm1"
    assert found.element >= 4, "the first step has no state"


def test_a_reuse_factor_that_does_not_divide(target: TargetConfig, tmp_path: Path) -> None:
    network = with_reuse(FOLDED[0], {"dense1": 5})
    with pytest.raises(UnsupportedLayerError) as caught:
        emit(network, target, tmp_path)
    assert caught.value.what == "reuse factor 5 does not divide 8 x 6 products"
    assert caught.value.where == "layer 'dense1'"
    assert caught.value.hint == "the nearest that does is 4; valid: 1, 2, 4, 8, 16, 24, 48"


@pytest.mark.parametrize(("damage", "said"), [("missing", "is missing"), ("cut", "was changed")])
def test_weights_that_are_not_there_stop_the_simulation(
    damage: str, said: str, target: TargetConfig, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    bundle = emit(FOLDED[0], target, tmp_path / "out")
    memory = tmp_path / "out" / bundle.memory_files[0]
    if damage == "missing":
        memory.unlink()
    else:
        memory.write_text(memory.read_text()[:20])
    with pytest.raises(ToolFailedError, match=f"a file of the bundle {said}") as caught:
        build(bundle, tmp_path / "out", tmp_path)
    assert caught.value.where == str(memory)


def test_inputs_of_different_lengths(target: TargetConfig, tmp_path: Path) -> None:
    draft = Draft("lengths")
    a, b = draft.input((4, 2), "fixed<5,3>"), draft.input((3, 2), "fixed<5,3>")
    network = streamed(draft.network(draft.relu(a, SMALL), draft.relu(b, SMALL)))
    with pytest.raises(UnsupportedLayerError, match="the inputs x0, x1 come in 3, 4 beats, not in one number"):
        emit(network, target, tmp_path)
