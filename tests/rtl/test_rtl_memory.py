"""Weights in memories against the size of a device."""

from __future__ import annotations

import pytest
from networks import Draft

from bitwright.errors import UnsupportedLayerError
from bitwright.network import Network
from bitwright.rtl.memory import check_memory
from bitwright.rtl.partition import partition

FORMATS = {"accum": "fixed<16,8>", "result": "fixed<8,4>", "weight": "fixed<8,2>"}


def folded(reuse: int = 64) -> Network:
    """64 x 32 and 32 x 16 weights of 8 bits: 20,480 bits."""
    draft = Draft("memory")
    x = draft.dense(draft.input(64, "fixed<6,3>"), 32, strategy="resource", reuse=reuse, **FORMATS)
    return draft.network(draft.dense(x, 16, strategy="resource", reuse=32, **FORMATS))


@pytest.mark.parametrize("available", [{"BRAM36": 1}, {"LUT": 320}, {"EBR": 1, "LUT": 32}, {}, {"FF": 10}])
def test_weights_that_fit(available: dict[str, int]) -> None:
    check_memory(partition(folded()), available, "a part")


@pytest.mark.parametrize("available", [{"LUT": 319}, {"EBR": 1, "LUT": 31}])
def test_weights_that_do_not_fit(available: dict[str, int]) -> None:
    with pytest.raises(UnsupportedLayerError) as caught:
        check_memory(partition(folded()), available, "a part")
    room = 64 * available["LUT"] + 18_432 * available.get("EBR", 0)
    assert caught.value.what == f"the weights take 20,480 bits of memory, a part has {room:,}"
    assert caught.value.where.startswith("layer 'dense1'")
    assert caught.value.hint == "weights of 7 bits would fit, or take a larger device with TARGET="


def test_weights_in_adders_take_no_memory() -> None:
    draft = Draft("adders")
    network = draft.network(draft.dense(draft.input(4, "fixed<6,3>"), 3, **FORMATS))
    check_memory(partition(network), {"LUT": 1}, "a part")
