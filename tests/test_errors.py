"""The error tree: what a user reads, and the exit code of each class."""

from __future__ import annotations

import json

import pytest

from bitwright import errors
from bitwright.eda.process import Stopped
from bitwright.errors import BitwrightError, ModelError, error_from_dict, nearest
from bitwright.sim.netlist_cells import NetlistError

EXIT_CODES = {
    "BitwrightError": 1,
    "UsageError": 2,
    "ConfigError": 2,
    "ModelError": 2,
    "UnsupportedLayerError": 2,
    "FormatError": 2,
    "DatasetError": 2,
    "BusyError": 2,
    "NetworkError": 1,
    "MismatchError": 3,
    "ToolNotFoundError": 4,
    "ToolFailedError": 5,
    "Stopped": 5,
    "ReportParseError": 2,
    "NetlistError": 5,
    "UnsupportedCellError": 5,
    "BudgetError": 6,
    "UnusableError": 6,
}


def tree(base: type[BitwrightError]) -> dict[str, type[BitwrightError]]:
    found = {base.__name__: base}
    for child in base.__subclasses__():
        found.update(tree(child))
    return found


def test_every_class_has_its_exit_code() -> None:
    assert {Stopped, NetlistError} <= set(BitwrightError.__subclasses__())
    assert {name: kind.exit_code for name, kind in tree(BitwrightError).items()} == EXIT_CODES


@pytest.mark.parametrize("name", sorted(EXIT_CODES))
def test_message_says_where_what_and_what_to_do(name: str) -> None:
    error = tree(BitwrightError)[name]("it broke", where="file.yaml:3", hint="mend it")
    assert str(error) == "file.yaml:3: it broke\n  -> mend it"


def test_message_without_place_or_advice() -> None:
    assert str(BitwrightError("it broke")) == "it broke"
    assert str(BitwrightError("it broke", hint="mend it")) == "it broke\n  -> mend it"


@pytest.mark.parametrize("name", sorted(EXIT_CODES))
def test_an_error_survives_the_way_between_processes(name: str) -> None:
    error = tree(BitwrightError)[name]("what", where="where", hint="hint")
    again = error_from_dict(json.loads(json.dumps(error.to_dict())))
    assert type(again) is type(error)
    assert (again.what, again.where, again.hint, again.exit_code) == ("what", "where", "hint", EXIT_CODES[name])


def test_an_unknown_class_becomes_the_base() -> None:
    assert type(error_from_dict({"error": "Strange", "what": "x"})) is BitwrightError


def test_unsupported_layer_is_a_model_error() -> None:
    assert issubclass(errors.UnsupportedLayerError, ModelError)


def test_nearest_names_one_word_or_none() -> None:
    assert nearest("jte3", ["jet3", "jsc_tiny"]) == "did you mean 'jet3'?"
    assert nearest("zzz", ["jet3", "jsc_tiny"]) == ""
    assert nearest("", []) == ""
