"""Overlays: packages in a folder of their own; a missing one says what to run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import h5py
import pytest
from tiny import bitwright, fake_tool, tiny_model, write_h5

from bitwright.errors import ToolFailedError, ToolNotFoundError, UsageError
from bitwright.frontend.flavours import STACKS, Flavour
from bitwright.frontend.overlays import (
    ON_REQUEST,
    PINS,
    VARIABLE,
    main,
    overlay,
    overlay_status,
    overlays,
)

FAKE_PIP = """
while [ $# -gt 0 ]; do
  case $1 in --target) target=$2 ;; --requirement) file=$2 ;; --*) echo "$1" >> "$0.log" ;; esac
  shift
done
sed 's/==/-/' "$file" | while read -r pin; do mkdir -p "$target/$pin.dist-info"; done
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "overlays"))
    return tmp_path / "overlays"


def with_pip(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tool(folder, "python", body)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))


def test_every_pin_is_exact() -> None:
    for path in PINS.glob("*.txt"):
        assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in path.read_text().split())


def test_every_flavour_has_its_overlay() -> None:
    names = {each.name for each in overlays()}
    assert {stack.overlay for stack in STACKS.values() if stack.overlay} == names - ON_REQUEST


def test_a_missing_one_says_what_to_run(place: Path) -> None:
    with pytest.raises(ToolNotFoundError) as caught:
        overlay("hgq2").folder()
    assert caught.value.exit_code == 4
    assert caught.value.what == "HGQ2 0.2.0 is not installed; this model needs it"
    assert "python -m bitwright.frontend.overlays hgq2" in caught.value.hint
    assert caught.value.where == str(place / "hgq2")


def test_installing(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_pip(tmp_path / "bin", FAKE_PIP, monkeypatch)
    assert main([]) == 0
    assert overlay("hgq2").folder() == place / "hgq2"
    assert not overlay("da4ml").installed
    assert "--no-deps" in (tmp_path / "bin" / "python.log").read_text()
    assert main(["--all"]) == 0
    assert all(each.installed for each in overlays())
    assert not list(place.glob(".*.part"))
    with_pip(tmp_path / "bin", "exit 1", monkeypatch)
    assert main(["--all"]) == 0, "what is there is not installed again"


def test_another_version_is_replaced(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "hgq2" / "hgq2-0.1.0.dist-info").mkdir(parents=True)
    assert not overlay("hgq2").installed
    with_pip(tmp_path / "bin", FAKE_PIP, monkeypatch)
    assert main(["hgq2"]) == 0
    assert [path.name for path in (place / "hgq2").iterdir()] == ["HGQ2-0.2.0.dist-info"]


def test_pip_that_fails(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_pip(tmp_path / "bin", "echo no route to host; exit 1", monkeypatch)
    with pytest.raises(ToolFailedError, match="no route to host"):
        overlay("hgq2").install()
    assert main(["hgq2"]) == 5
    assert "installing HGQ2 0.2.0" in capsys.readouterr().err
    assert not (place / "hgq2").exists()


def test_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        overlay("hgq9")
    assert main(["hgq9"]) == 2
    assert "did you mean 'hgq'?" in capsys.readouterr().err


def test_they_are_in_the_virtual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert overlay("hgq2").place == Path(sys.prefix) / "overlays" / "hgq2"


def test_the_doctor_lists_them(place: Path) -> None:
    (place / "hgq2" / "hgq2-0.2.0.dist-info").mkdir(parents=True)
    status = {tool.name: tool for tool in overlay_status()}
    assert (status["HGQ2 (overlay)"].found, status["HGQ2 (overlay)"].version) == (True, "0.2.0")
    assert not status["da4ml (overlay)"].found
    assert "bitwright.frontend.overlays da4ml" in status["da4ml (overlay)"].hint


def test_keras2_needs_none() -> None:
    assert STACKS[Flavour.KERAS2].overlay is None


def test_a_model_whose_overlay_is_missing(place: Path, tmp_path: Path) -> None:
    description = tiny_model()
    description["config"]["layers"][1]["registered_name"] = "hgq>Quantizer"
    path = write_h5(tmp_path / "model.h5", description)
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = "3.11.2"
    done = bitwright("build", path, "-o", tmp_path / "out")
    assert done.returncode == 4
    assert "HGQ2 0.2.0 is not installed; this model needs it" in done.stderr
    assert "python -m bitwright.frontend.overlays hgq2" in done.stderr
