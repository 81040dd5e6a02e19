"""Recurrent layers of a Keras description that hls4ml 1.3.0 loses, or makes another function of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CELLS = ("SimpleRNN", "LSTM", "GRU")

NO_CPP = "hls4ml 1.3.0 has no C++ for it: the project that it writes leaves the layer out; use an LSTM or a GRU"
RESET = (
    "hls4ml 1.3.0 computes reset_after=True for it, with one number instead of its biases; train it with"
    " reset_after=True"
)
NO_BIAS = "hls4ml 1.3.0 reads recurrent layers of Keras 2 with a bias only; keep it, as zeros"
BOTH_BIASES = (
    "hls4ml 1.3.0 cannot read it from a Keras 3 model; leave the bias out, or write the model with Keras 2 (tf-keras)"
)
BACKWARDS = "hls4ml 1.3.0 would go forward; use a Bidirectional, or turn the sequence round before"
SWAPPED = "hls4ml 1.3.0 would put the forward layer first; give the forward layer as layer"
NO_READER = "hls4ml 1.3.0 cannot read it from a Keras 3 model; write the model with Keras 2 (tf-keras)"


def recurrent_problem(layer: dict[str, Any], keras: int) -> tuple[str, str] | None:
    """What of a layer is lost, empty if it is all of it, and what to do; None where all is well.

    Args:
        layer: of a Keras description.
        keras: version of Keras that reads it.
    """
    kind = str(layer.get("class_name")).rpartition(">")[2]
    if kind == "TimeDistributed" and keras > 2:
        return "", NO_READER
    for cell, place in _cells(layer, kind):
        found = _cell_problem(cell, place, keras)
        if found is not None:
            return found
    return None


def _cells(layer: dict[str, Any], kind: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The layer itself, or those that it wraps, each with where it stands."""
    if kind != "Bidirectional":
        yield layer, ""
        return
    options = _options(layer)
    for place in ("layer", "backward_layer"):
        if isinstance(options.get(place), dict):
            yield options[place], place


def _options(layer: dict[str, Any]) -> dict[str, Any]:
    inner = layer.get("config")
    return inner if isinstance(inner, dict) else {}


def _cell_problem(cell: dict[str, Any], place: str, keras: int) -> tuple[str, str] | None:
    kind = str(cell.get("class_name")).rpartition(">")[2].removeprefix("Q")
    options = _options(cell)
    if kind not in CELLS:
        return None
    if kind == "SimpleRNN":
        return ("a SimpleRNN" if place else ""), NO_CPP
    if options.get("reset_after") not in (None, True):
        return "reset_after=False", RESET
    if keras < 3 and options.get("use_bias") not in (None, True):
        return "use_bias=False", NO_BIAS
    if keras > 2 and place and kind == "GRU" and options.get("use_bias") in (None, True):
        return "a bias of its GRU", BOTH_BIASES
    backwards = options.get("go_backwards") not in (None, False)
    if backwards and place != "backward_layer":
        return "go_backwards=True", SWAPPED if place else BACKWARDS
    return None


def without_direction(layer: dict[str, Any]) -> dict[str, Any]:
    """The options of a layer; of a Bidirectional's backward one, all but that it goes backwards."""
    options = _options(layer)
    backward = options.get("backward_layer")
    if not isinstance(backward, dict):
        return options
    plain = {key: value for key, value in _options(backward).items() if key != "go_backwards"}
    return {**options, "backward_layer": {**backward, "config": plain}}
