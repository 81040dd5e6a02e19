"""Recurrent layers that are refused, and what hls4ml 1.3.0 makes of them: the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from emulated import call
from tiny import layer

from bitwright.files import read_json
from bitwright.frontend.recurrentcheck import recurrent_problem


def wrapped(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": "inner", "units": 2, **config}}


def test_recurrence_of_keras_3() -> None:
    """Its reader in hls4ml takes layers without a bias, but no TimeDistributed."""
    assert recurrent_problem(layer("LSTM", "a", "features", use_bias=False), 3) is None
    both = {"layer": wrapped("LSTM"), "backward_layer": wrapped("LSTM", go_backwards=True)}
    assert recurrent_problem(layer("Bidirectional", "a", "features", **both), 3) is None
    problem = recurrent_problem(layer("Bidirectional", "a", "features", layer=wrapped("GRU")), 3)
    assert problem is not None
    assert problem[0] == "a bias of its GRU"
    problem = recurrent_problem(layer("TimeDistributed", "a", "features", layer=wrapped("Dense")), 3)
    assert problem is not None
    assert "cannot read it from a Keras 3 model" in problem[1]


@pytest.mark.hls
@pytest.mark.slow
def test_what_hls4ml_makes_of_them(tmp_path: Path) -> None:
    """No call of the layer; one number instead of six biases; no conversion at all."""
    call("lost_recurrence.py", tmp_path)
    found = {path.stem: read_json(path) for path in tmp_path.glob("*.json")}
    assert found["after"] == {"calls": ["load_weights_from_txt"] * 4 + ["gru_stack"], "biases": 6}
    assert found["simple"]["calls"] == ["load_weights_from_txt"] * 3
    assert found["before"] == {"calls": found["after"]["calls"], "biases": 1}
    assert "NoneType" in found["no_bias"]["error"]
