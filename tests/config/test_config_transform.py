"""The config of transform: TOML and YAML alike, each error with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.config.tomlfile import read_toml_tree
from bitwright.config.transform import TransformFile
from bitwright.config.yamlfile import line_of
from bitwright.errors import ConfigError

TOML = """
by = "type"

[default]
weight = {width = 8, fraction = 6}
data = {width = 8, fraction = 4}

[dense]  # with a comment
weight.width = 6
weight.fraction = 5

[dense.bias]
width = 10
fraction = 7

[relu]
data = {width = 5}
"""
YAML = """
by: type
default:
  weight: {width: 8, fraction: 6}
  data: {width: 8, fraction: 4}
dense:
  weight: {width: 6, fraction: 5}
  bias: {width: 10, fraction: 7}
relu:
  data: {width: 5}
"""


def written(folder: Path, text: str, suffix: str = "toml") -> Path:
    path = folder / f"config.{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, suffix: str = "toml") -> str:
    with pytest.raises(ConfigError) as caught:
        TransformFile(written(folder, text, suffix))
    return str(caught.value).replace(f"{folder}/", "")


def test_toml_and_yaml_say_the_same(tmp_path: Path) -> None:
    found = TransformFile(written(tmp_path, TOML)).config
    assert found == TransformFile(written(tmp_path, YAML, "yaml")).config
    assert list(found.entries) == ["dense", "relu"]
    dense = found.entries["dense"]
    assert dense.weight is not None
    assert (dense.weight.width, dense.weight.fraction, dense.data) == (6, 5, None)
    assert found.default.bias is None


def test_what_is_left_out_of_the_default(tmp_path: Path) -> None:
    found = TransformFile(written(tmp_path, 'by = "name"')).config
    assert (found.default.data.width, found.default.weight.width, found.default.data.fraction) == (8, 8, None)
    assert found.entries == {}


def test_every_key_has_its_line(tmp_path: Path) -> None:
    text = 'a = 1\n[b]\nc.d = 2\n"e f" = 3\n[b.g]\nh = """\nx = 9\n[z]\n"""\ni = {j = 4}\n[["k.l"]]\nm = 5\n'
    tree, data = read_toml_tree(written(tmp_path, text))
    lines = {
        ("a",): 1, ("b",): 2, ("b", "c", "d"): 3, ("b", "e f"): 4, ("b", "g"): 5, ("b", "g", "h"): 6,
        ("b", "g", "i", "j"): 10, ("k.l",): 11,
    }  # fmt: skip
    assert {keys: line_of(tree, keys) for keys in lines} == lines
    assert data["b"]["g"]["i"]["j"] == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('by = "kind"', "config.toml:1: 'by': Input should be 'type' or 'name'"),
        ("\n\n[default]\nwieght = {width = 8}", "config.toml:4: unknown key 'default.wieght'"),
        ('by = "name"\n[fc1.data]\nwidht = 3', "config.toml:3: unknown key 'fc1.data.widht'\n  -> did you mean"),
        ('by = "name"\n[fc1]\ndta = {width = 3}', "config.toml:3: unknown key 'fc1.dta'\n  -> did you mean 'data'?"),
        ('by = "name"\n\nfc1 = 3', "config.toml:3: 'fc1'"),
        ('by = "type"\n[dense]\nweight = {width = 1}', "config.toml:3: 'dense.weight.width': Input should be greater"),
        ('by = "type"\n[dense]\nweight = {width = 33}', "config.toml:3: 'dense.weight.width': Input should be less"),
        ('by = "type"\n[dense]\nweight = {width = 8, signed = false}', "weights and biases are signed"),
        ('by = "type"\n[dense\n', "config.toml:2: not valid TOML"),
        ("by = 'type'\nby = 'name'\n", "config.toml:2: not valid TOML"),
        ("", "config.toml:1: 'by': Field required"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_toml(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "by: name\nfc1:\n  data: {widht: 3}",
            "config.yaml:3: unknown key 'fc1.data.widht'\n  -> did you mean 'width'?",
        ),
        ("by: type\nby: name", "config.yaml:2: the key 'by' stands twice"),
        ("- by", "config.yaml:1: not a mapping"),
    ],
)
def test_what_is_wrong_in_yaml(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text, "yaml")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="file is missing"):
        TransformFile(tmp_path / "no.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"by = '\xe4'")
    with pytest.raises(ConfigError, match="not valid TOML"):
        TransformFile(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml_tree(tmp_path)
