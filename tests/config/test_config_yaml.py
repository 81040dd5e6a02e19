"""YAML that people write: each mistake names the file, the line and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import write_rows, write_zoo

from bitwright.config import ModelConfig, TargetConfig, load_model, load_target, read_yaml
from bitwright.config.names import CPP, VERILOG, is_reserved
from bitwright.config.yamlfile import read_tree
from bitwright.errors import BitwrightError, ConfigError, ModelError

TARGET = """
name: t1
title: A target
part: xc7a35t
family: xc7
clock_ns: 5.0
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    write_rows(tmp_path / "rows.npz")
    return write_zoo(tmp_path, data={"file": "rows.npz", "name": "random"})


def refused(path: Path, kind: type[ModelConfig | TargetConfig] = ModelConfig) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_yaml(path, kind)
    return caught.value


def edited(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return path


# --- what is right -----------------------------------------------------------------------------


def test_paths_come_back_absolute(zoo: Path) -> None:
    config = load_model(zoo)
    assert config.data is not None
    for path in (config.source, config.hls, config.data.file):
        assert path is not None
        assert path.is_absolute()
        assert path.is_file()
    assert (config.vectors.real, config.vectors.random, config.vectors.bulk) == (100, 300, 2000)
    assert (config.head, config.io_type, config.target) == ("logits", "io_parallel", "vu13p_5ns")


def test_every_shipped_file_is_right() -> None:
    root = Path(__file__).parents[2]
    for path in (root / "flows" / "targets").rglob("*.yaml"):
        assert load_target(path).name == path.stem
    packaged = root / "src" / "bitwright" / "config" / "default_target.yaml"
    assert load_target(packaged) == load_target(root / "flows" / "targets" / "vu13p_5ns.yaml")
    for path in (root / "models").glob("*/model.yaml"):
        assert load_model(path).name == path.parent.name


# --- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("hls: ", "hsl: ", 3, "unknown key 'hsl'", "did you mean 'hls'?"),
        ('"random": 300', '"randon": 300', 4, "unknown key 'vectors.randon'", "did you mean 'random'?"),
        ('"name": "random"', '"name": "a", "splitt": "b"', 5, "unknown key 'data.splitt'", "did you mean 'split'?"),
        ("hls: ", "zzzz: ", 3, "unknown key 'zzzz'", "known keys: budgets, data"),
    ],
)
def test_unknown_key(zoo: Path, old: str, new: str, line: int, what: str, hint: str) -> None:
    error = refused(edited(zoo, old, new))
    assert error.what == what
    assert error.where == f"{zoo}:{line}"
    assert error.hint.startswith(hint)


def test_unknown_key_of_a_nested_file(zoo: Path) -> None:
    zoo.write_text(zoo.read_text() + "train:\n  epochs: 3\n  learning_rat: 0.1\n")
    error = refused(zoo)
    assert error.what == "unknown key 'train.learning_rat'"
    assert error.where == f"{zoo}:8"
    assert error.hint == "did you mean 'learning_rate'?"


def test_unknown_key_of_a_target(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(TARGET.replace("clock_ns", "clock_n"))
    error = refused(path, TargetConfig)
    assert (error.what, error.where) == ("unknown key 'clock_n'", f"{path}:6")
    assert error.hint == "did you mean 'clock_ns'?"
    path.write_text(TARGET + "clok_uncertainty: 0.1\n")
    error = refused(path, TargetConfig)
    assert (error.what, error.where) == ("unknown key 'clok_uncertainty'", f"{path}:7")
    assert error.hint == "did you mean 'clock_uncertainty'?"


def test_a_key_that_stands_twice(zoo: Path) -> None:
    zoo.write_text(zoo.read_text() + "name: other\n")
    error = refused(zoo)
    assert error.what == "the key 'name' stands twice"
    assert (error.where, error.hint) == (f"{zoo}:6", "it is on line 1 too; keep one")


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"bulk": 2000', '"bulk": -5', "'vectors.bulk': Input should be greater than or equal to 0"),
        ('"bulk": 2000', '"bulk": many', "'vectors.bulk': Input should be a valid integer"),
        ('"bulk": 2000', '"bulk": 1.5', "'vectors.bulk': Input should be a valid integer"),
        ('"bulk": 2000', '"bulk": .nan', "'vectors.bulk': Input should be a finite number"),
        ('name: "tiny"', "name: 3net", "'name': String should match pattern"),
        ('name: "tiny"', "name: a/../b", "'name': String should match pattern"),
        ('name: "tiny"', "name: a$(x)", "'name': String should match pattern"),
        ('name: "tiny"', "name: final", "'name': Value error, final is a word of SystemVerilog or C++"),
        ('source: "tiny.h5"', "source: 3", "'source': Input is not a valid path"),
    ],
)
def test_wrong_value(zoo: Path, old: str, new: str, what: str) -> None:
    error = refused(edited(zoo, old, new))
    assert error.what.startswith(what)
    assert error.where.startswith(f"{zoo}:")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("clock_ns: 0", "'clock_ns': Input should be greater than 0"),
        ("clock_ns: -5", "'clock_ns': Input should be greater than 0"),
        ("clock_ns: .inf", "'clock_ns': Input should be a finite number"),
        ("clock_ns: .nan", "'clock_ns': Input should be a finite number"),
        ("clock_ns: fast", "'clock_ns': Input should be a valid number"),
        ("clock_ns: [5]", "'clock_ns': Input should be a valid number"),
    ],
)
def test_wrong_number_in_a_target(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(TARGET.replace("clock_ns: 5.0", line))
    error = refused(path, TargetConfig)
    assert error.what.startswith(what)
    assert error.where == f"{path}:6"


@pytest.mark.parametrize("key", ["source", "hls", "data.file"])
def test_a_file_that_does_not_exist(zoo: Path, key: str) -> None:
    file = {"source": "tiny.h5", "hls": "hls.yaml", "data.file": "rows.npz"}[key]
    (zoo.parent / file).unlink()
    with pytest.raises(ModelError) as caught:
        load_model(zoo)
    assert caught.value.what == f"'{key}' names {zoo.parent / file}, which does not exist"
    assert caught.value.where == str(zoo)
    assert caught.value.hint == (
        "train it first with 'make train'" if key == "source" else f"mend '{key}' in model.yaml"
    )


# --- files that are no YAML --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what", "line"),
    [
        (b"", "not a mapping of keys to values", 1),
        (b"- a\n- b\n", "not a mapping of keys to values", 1),
        (b"just words", "not a mapping of keys to values", 1),
        (b"name: tiny\nsource: [a\n", "not valid YAML: expected ',' or ']'", 3),
        (b"name: tiny\n\tsource: a\n", "not valid YAML: found character '\\t'", 2),
        (b"name: !!python/object/apply:os.system ['touch PLANTED']\n", "not valid YAML: could not determine", 1),
        (b"? [a, b]\n: c\n", "not valid YAML: found unhashable key", 1),
    ],
)
def test_not_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, what: str, line: int) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.yaml"
    path.write_bytes(content)
    error = refused(path)
    assert error.what.startswith(what)
    assert error.where == f"{path}:{line}"
    assert not (tmp_path / "PLANTED").exists()


def test_not_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    assert refused(path).what == "file is missing"
    path.write_bytes(b"\xff\xfe\x00name: tiny")
    assert refused(path).what.startswith("not valid YAML")
    path.unlink()
    path.mkdir()
    assert refused(path).what == "cannot be read: Is a directory"


def test_an_alias_of_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text("name: &a [*a]\n")
    with pytest.raises(BitwrightError):
        read_yaml(path, ModelConfig)
    tree, _ = read_tree(path)
    assert tree is not None


# --- reserved words ----------------------------------------------------------------------------


def test_reserved_words() -> None:
    assert len(VERILOG) == 248
    assert all(is_reserved(word) for word in ("module", "final", "small", "Table", "int", "template", "main"))
    assert not any(is_reserved(word) for word in ("jet3", "tiny", "models", "mainly"))
    assert CPP & VERILOG


@pytest.mark.parametrize(
    ("route", "said"),
    [("nextpnr-ice40", "is for family ice40, not for 'xc7'"), ("quartus", "is for family intel, not")],
)
def test_a_router_of_another_family(tmp_path: Path, route: str, said: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(TARGET + f"route: {route}\n")
    with pytest.raises(ConfigError, match=said):
        load_target(path)
