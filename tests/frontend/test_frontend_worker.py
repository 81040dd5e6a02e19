"""What the import worker finds out beside the network itself."""

from __future__ import annotations

import pytest
from networks import Draft

from bitwright.frontend.worker import _differs


@pytest.mark.parametrize(("off", "differs"), [(0.0, False), (1e-9, True)])
def test_rounded_rows_of_an_embedding_are_noted(off: float, differs: bool) -> None:
    """Keras looks up the numbers themselves: its outputs can be compared only where the types hold them."""
    draft = Draft("rows")
    made = draft.embedding(draft.input(2, "ufixed<2,2>"), 4, 3, "fixed<6,2>", "fixed<6,2>")
    keras = made.table.value.copy()
    keras[1, 2] += off
    assert _differs(made, {made.name: [keras]}) is differs
    assert _differs(made, {}) is True


def test_a_layer_without_weights_is_exact() -> None:
    draft = Draft("plain")
    assert _differs(draft.relu(draft.input(2, "fixed<4,2>"), "ufixed<3,2>"), {}) is False
