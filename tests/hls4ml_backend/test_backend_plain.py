"""Plain Keras 3, several inputs, an integer input, heads, saved graphs."""

from __future__ import annotations

from typing import Any

import pytest
from plugin import results

pytestmark = [pytest.mark.hls, pytest.mark.simulator]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return results(tmp_path_factory.mktemp("plain"), "plain.py")


def test_two_inputs_one_of_integers_have_the_bits_of_hls4mls_cpp(answers: dict[str, Any]) -> None:
    assert answers["keras"].startswith("3.")
    assert answers["equal"]
    assert answers["one row"]


def test_every_traced_layer_has_them_too(answers: dict[str, Any]) -> None:
    assert answers["trace"] == dict.fromkeys(("first", "first_relu", "norm", "both", "second", "class"), True)


@pytest.mark.parametrize(
    ("name", "words"),
    [("array", "the model has 2 inputs"), ("short", "inputs of [300, 5] rows"), ("dtypes", "different dtypes")],
)
def test_inputs_that_do_not_fit_are_errors(answers: dict[str, Any], name: str, words: str) -> None:
    assert answers["errors"][name].startswith("UsageError: myproject: ")
    assert words in answers["errors"][name]


def test_heads(answers: dict[str, Any]) -> None:
    assert "class" not in answers["layers without softmax"]
    assert answers["argmax"]


def test_any_granularity_and_convert_from_config(answers: dict[str, Any]) -> None:
    assert answers["granularities"] == [True, True]
    assert answers["clock of convert_from_config"] == 8


def test_two_designs_live_in_one_process_and_a_saved_graph_comes_back(answers: dict[str, Any]) -> None:
    assert answers["saved"]
    assert answers["still the same"]


def test_the_network_is_that_of_vitis_own_graph(answers: dict[str, Any]) -> None:
    assert answers["same graph"] == dict.fromkeys(("Latency", "Resource", "resource_unrolled"), True)


def test_rows_of_input_data_tb_lead_the_test_vectors(answers: dict[str, Any]) -> None:
    assert answers["rows"] == [50, 50 + 9 + 200, 5]
    assert answers["rows lead"]


def test_a_split_graph_is_refused(answers: dict[str, Any]) -> None:
    assert "a MultiModelGraph has no RTL" in answers["split"]


def test_a_streamed_convolution_has_the_bits_of_hls4mls_cpp(answers: dict[str, Any]) -> None:
    assert answers["streamed"]
