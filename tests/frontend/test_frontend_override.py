"""The hls config of a model: what hls4ml would silently ignore or not understand is named with its line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from bitwright.errors import ConfigError
from bitwright.frontend.override import lay_over

BASE: dict[str, Any] = {
    "Model": {"Precision": {"default": "fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Latency"},
    "LayerName": {
        "features": {"Trace": False, "Precision": {"result": "auto"}},
        "dense1": {
            "Trace": False,
            "Precision": {"result": "auto", "weight": "fixed<4,1>", "bias": "fixed<4,1>", "accum": "auto"},
            "ReuseFactor": 1,
        },
        "softmax": {
            "Precision": {"result": "auto", "exp_table": "fixed<18,8>", "inv_table": "fixed<18,8>", "inv_inp": "auto"},
            "TableSize": 1024,
            "Implementation": "stable",
            "Skip": False,
        },
    },
}


def laid(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "hls.yaml"
    path.write_text(text, encoding="utf-8")
    config = copy.deepcopy(BASE)
    lay_over(config, path)
    return config


def refused(tmp_path: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        laid(tmp_path, text)
    assert caught.value.where.startswith(str(tmp_path / "hls.yaml"))
    return caught.value


# --- what is right -----------------------------------------------------------------------------


def test_values_are_laid_over(tmp_path: Path) -> None:
    text = """
Model: {ReuseFactor: 2}
LayerName:
  dense1:
    Strategy: Resource
    Precision: {accum: "ap_fixed<12,4,RND,SAT>", result: auto}
  features:
    Precision: fixed<6,3>
  softmax:
    Implementation: argmax
    Precision: {inp_norm: "ufixed<8,4>"}
"""
    config = laid(tmp_path, text)
    assert config["Model"]["ReuseFactor"] == 2
    assert config["LayerName"]["dense1"]["Strategy"] == "Resource"
    assert config["LayerName"]["dense1"]["Precision"] == {
        "result": "auto", "weight": "fixed<4,1>", "bias": "fixed<4,1>", "accum": "ap_fixed<12,4,RND,SAT>",
    }  # fmt: skip
    assert config["LayerName"]["features"]["Precision"] == "fixed<6,3>"
    assert config["LayerName"]["softmax"]["Precision"]["inp_norm"] == "ufixed<8,4>"


@pytest.mark.parametrize(
    "text", ["fixed<8,0>", "ufixed<8, 0>", "fixed<8,-2,RND>", "int<3>", "AUTO", "fixed<8,3,RND,SAT,0>"]
)
def test_types_that_are_right(tmp_path: Path, text: str) -> None:
    config = laid(tmp_path, f"LayerName:\n  dense1:\n    Precision:\n      accum: {text}\n")
    assert config["LayerName"]["dense1"]["Precision"]["accum"] == text


@pytest.mark.parametrize("text", ["", "# nothing\n", "LayerName: {}\n"])
def test_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    assert laid(tmp_path, text) == BASE


def test_a_file_as_hls4ml_writes_it(tmp_path: Path) -> None:
    config = laid(tmp_path, "HLSConfig:\n  Model:\n    Precision: fixed<16,6,TRN,WRAP,0>\n")
    assert config["Model"]["Precision"] == "fixed<16,6,TRN,WRAP,0>"
    error = refused(tmp_path, "HLSConfig:\n  Model:\n    Precison: fixed<16,6>\n")
    assert error.where.endswith("hls.yaml:3")


# --- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("LayerNames: {}\n", 1, "unknown key 'LayerNames'", "did you mean 'LayerName'?"),
        ("LayerType: {}\n", 1, "unknown key 'LayerType'", "did you mean 'LayerName'?"),
        ("LayerName:\n  dens1: {}\n", 2, "unknown key 'LayerName.dens1'", "did you mean 'dense1'?"),
        ("LayerName:\n  zz: {}\n", 2, "unknown key 'LayerName.zz'", "known keys: dense1, features, softmax"),
        (
            "LayerName:\n  dense1:\n    Precision:\n      reslt: auto\n",
            4, "unknown key 'LayerName.dense1.Precision.reslt'", "did you mean 'result'?",
        ),
        (  # a batch norm has scales; hls4ml ignores a weight there
            "LayerName:\n  features:\n    Trace: true\n  dense1:\n    Precision:\n      scale: auto\n",
            6, "unknown key 'LayerName.dense1.Precision.scale'", "known keys: accum, bias, result, weight",
        ),
        ("LayerName:\n  dense1:\n    Reusefactor: 2\n", 3, "unknown key 'LayerName.dense1.Reusefactor'", "did you"),
        ("Model:\n  BackEnd: x\n", 2, "unknown key 'Model.BackEnd'", "known keys: Precision, ReuseFactor, Strategy"),
    ],
)  # fmt: skip
def test_unknown_key(tmp_path: Path, text: str, line: int, what: str, hint: str) -> None:
    error = refused(tmp_path, text)
    assert error.what == what
    assert error.where == f"{tmp_path / 'hls.yaml'}:{line}"
    assert error.hint.startswith(hint)


def test_a_layer_that_stands_twice(tmp_path: Path) -> None:
    error = refused(tmp_path, "LayerName:\n  dense1: {}\n  dense1: {ReuseFactor: 2}\n")
    assert (error.what, error.hint) == ("the key 'dense1' stands twice", "it is on line 2 too; keep one")


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("fixed<65,6>", "a width of 65 bits is outside 1..64"),
        ("fixed<80,40,RND,SAT>", "a width of 80 bits is outside 1..64"),
        ("int<200>", "a width of 200 bits is outside 1..64"),
        ("fixed<0,0>", "a width of 0 bits is outside 1..64"),
        ("fixed<8>", "'fixed<8>' is not a fixed-point type"),
        ("fixed<8,3", "'fixed<8,3' is not a fixed-point type"),
        ("fixed<8,3,ROUND>", "'fixed<8,3,ROUND>': 'ROUND' is not a valid Rounding"),
        ("fixed<8,3,RND,SATURATE>", "'fixed<8,3,RND,SATURATE>': 'SATURATE' is not a valid Overflow"),
        ("float", "'float' is not a fixed-point type"),
        ("16", "'16' is not a fixed-point type"),
        ("[fixed<8,3>]", "is not a fixed-point type"),
        ("", "'None' is not a fixed-point type"),
    ],
)
def test_wrong_type(tmp_path: Path, value: str, what: str) -> None:
    for text, line, key in (
        (f"LayerName:\n  dense1:\n    Precision:\n      accum: {value}\n", 4, "LayerName.dense1.Precision.accum"),
        (f"\nModel:\n  Precision: {value}\n", 3, "Model.Precision"),
    ):
        error = refused(tmp_path, text)
        assert what in error.what
        assert error.what.startswith(f"'{key}': ")
        assert error.where.endswith(f":{line}")
        assert error.hint


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("LayerName:\n", "'LayerName' must hold keys and values, not None"),
        ("LayerName: [dense1]\n", "'LayerName' must hold keys and values, not ['dense1']"),
        ("LayerName:\n  dense1: fixed<8,3>\n", "'LayerName.dense1' must hold keys and values, not 'fixed<8,3>'"),
        ("Model:\n  ReuseFactor: fast\n", "'Model.ReuseFactor' is 'fast', not a positive whole number"),
        ("Model:\n  ReuseFactor: 0\n", "'Model.ReuseFactor' is 0, not a positive whole number"),
        ("Model:\n  ReuseFactor: true\n", "'Model.ReuseFactor' is True, not a positive whole number"),
        ("LayerName:\n  softmax:\n    TableSize: 3.5\n", "'LayerName.softmax.TableSize' is 3.5, not a positive whole"),
        ("LayerName:\n  softmax:\n    Skip: maybe\n", "'LayerName.softmax.Skip' is 'maybe', not true or false"),
        ("LayerName:\n  dense1:\n    Strategy: 5\n", "'LayerName.dense1.Strategy' is 5, not a word"),
        ("LayerName:\n  dense1:\n    Strategy: Fast\n", "'LayerName.dense1.Strategy': unknown strategy 'Fast'"),
        (
            "LayerName:\n  softmax:\n    Implementation: x\n",
            "'LayerName.softmax.Implementation': unknown implementation",
        ),
        ("- a\n", "not a mapping of keys to values"),
        ("LayerName: {dense1: {\n", "not valid YAML"),
    ],
)
def test_wrong_value(tmp_path: Path, text: str, what: str) -> None:
    error = refused(tmp_path, text)
    assert error.what.startswith(what)
    assert error.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="file is missing"):
        lay_over({}, tmp_path / "no.yaml")
