"""Which hardware a streamed layer gets; what that hardware computes is the matter of rtl_tests/designs."""

from __future__ import annotations

import dataclasses

import pytest
from networks import Draft

from bitwright.network import Network
from bitwright.network.layers import Base, PoolForm, PoolOp, RearrangeOp
from bitwright.rtl.partition_stream import partition_stream
from bitwright.rtl.parts import KernelCore, StepCore

FMT = "fixed<5,3>"


def cores(network: Network) -> list[str]:
    """Of each part: the hand-written module, or what kind of core it is."""
    parts = partition_stream(dataclasses.replace(network, io_type="io_stream"))
    return [part.core.module if isinstance(part.core, StepCore) else type(part.core).__name__ for part in parts]


def image(draft: Draft) -> Base:
    return draft.input((4, 6, 2), FMT)


def test_cropping_counts() -> None:
    draft = Draft("d")
    assert cores(draft.network(draft.rearrange(image(draft), RearrangeOp.CROP, (2, 3, 2), (1, 1, 2, 1), FMT))) == [
        "stream_crop"
    ]


def test_zero_padding_is_a_window_of_one() -> None:
    draft = Draft("d")
    x = draft.rearrange(image(draft), RearrangeOp.ZERO_PAD, (6, 9, 2), (1, 1, 2, 1), FMT)
    assert cores(draft.network(x)) == ["stream_window"]


def test_up_sampling_by_whole_factors_repeats() -> None:
    draft = Draft("d")
    x = draft.rearrange(image(draft), RearrangeOp.RESIZE, (8, 18, 2), (), FMT)
    assert cores(draft.network(x)) == ["stream_repeat"]


@pytest.mark.parametrize(
    ("op", "shape", "parameters", "result"),
    [
        (RearrangeOp.RESIZE, (6, 9, 2), (), FMT),
        (RearrangeOp.TRANSPOSE, (6, 4, 2), (1, 0, 2), FMT),
        (RearrangeOp.CROP, (2, 3, 2), (1, 1, 2, 1), "fixed<4,3>"),
    ],
)
def test_what_moves_elements_otherwise_collects_them(
    op: RearrangeOp, shape: tuple[int, ...], parameters: tuple[int, ...], result: str
) -> None:
    draft = Draft("d")
    x = draft.rearrange(image(draft), op, shape, parameters, result)
    assert cores(draft.network(x)) == ["stream_collect", "KernelCore", "stream_split"]


@pytest.mark.parametrize("op", list(PoolOp))
def test_global_pooling_accumulates_and_relu_joins_it(op: PoolOp) -> None:
    draft = Draft("d")
    form = PoolForm.GLOBAL_STREAM
    x = draft.pool(image(draft), op, (4, 6), accum="fixed<12,8>", result="fixed<8,4>", form=form)
    network = draft.network(draft.relu(x, "ufixed<6,2>"))
    assert cores(network) == ["stream_total"]
    (part,) = partition_stream(dataclasses.replace(network, io_type="io_stream"))
    assert part.layers == tuple(layer.name for layer in network.layers[1:])


@pytest.mark.parametrize(
    ("formats", "same"), [([FMT, "fixed<4,3>"] * 24, True), ([FMT, "fixed<4,3>", FMT] * 16, False)]
)
def test_types_per_element_are_per_beat_where_all_pixels_have_the_same(formats: list[str], same: bool) -> None:
    draft = Draft("d")
    network = draft.network(draft.cast_each(image(draft), FMT, formats))
    assert cores(network) == (["KernelCore"] if same else ["stream_collect", "KernelCore", "stream_split"])
    core = partition_stream(dataclasses.replace(network, io_type="io_stream"))[0].core
    assert not same or (isinstance(core, KernelCore) and core.network.layers[-1].shape == (2,))
