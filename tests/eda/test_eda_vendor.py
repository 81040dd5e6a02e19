"""Vendor tools: found or not, and fakes that do what real ones do when they fail."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from bitwright.eda.process import ToolRun
from bitwright.eda.vendor import VendorTool, find_vendor, missing, run_batch
from bitwright.errors import ToolFailedError, ToolNotFoundError


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def batch(folder: Path, text: str, timeout_s: float = 20) -> ToolRun:
    """A fake Vivado that should make used.rpt."""
    tool = VendorTool("vivado", str(program(folder, "vivado", text)), "2024.1")
    return run_batch(
        tool, ["-mode", "batch"], cwd=folder, log=folder / "vivado.log", what="place and route of jet3",
        makes=[folder / "used.rpt"], timeout_s=timeout_s,
    )  # fmt: skip


def test_found_on_path_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "vivado", 'echo "vivado v2023.2 (64-bit)"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("BITWRIGHT_VIVADO", raising=False)
    assert find_vendor("vivado") == VendorTool("vivado", str(tmp_path / "vivado"), "2023.2")


def test_a_setting_chooses_among_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_QUARTUS", str(program(tmp_path, "old_quartus", 'echo "Version 18.1.0 Build 625"')))
    found = find_vendor("quartus")
    assert found is not None
    assert (found.title, found.version) == ("Quartus", "18.1.0")


def test_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BITWRIGHT_VITIS_HLS", raising=False)
    assert find_vendor("vitis_hls") is None
    assert missing("vitis_hls") == (
        "Vitis HLS is not installed: none of vitis-run, vitis_hls, vivado_hls on PATH, and BITWRIGHT_VITIS_HLS not set"
    )


def test_a_setting_that_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_VIVADO", "/no/such/vivado")
    with pytest.raises(ToolNotFoundError, match="BITWRIGHT_VIVADO names /no/such/vivado, which is not there"):
        find_vendor("vivado")


def test_a_good_run(tmp_path: Path) -> None:
    done = batch(tmp_path, 'echo "$@"; echo report > used.rpt')
    assert done.exit_code == 0
    assert done.log.read_text() == "-mode batch\n"


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (
            "echo \"ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'\"; exit 1",
            "Vivado 2024.1 has no licence (ERROR: [Common 17-345] A valid license was not found",
            "XILINXD_LICENSE_FILE",
        ),
        (
            "echo 'INFO: fine'; echo 'ERROR: [Synth 8-439] module tiny not found'; echo 'ERROR: second'; exit 1",
            "stopped with: ERROR: [Synth 8-439] module tiny not found, in place and route of jet3",
            "mend what it names",
        ),
        ("echo 'Abnormal program termination (11)'; exit 139", "crashed (Abnormal program termination (11))", "again"),
        ("echo 'write failed: No space left on device'; exit 1", "found the disk full", "free some space"),
        ("echo half; kill -9 $$", "Vivado was killed by SIGKILL", "out of memory"),
        ("echo silence; exit 7", "failed during place and route of jet3 with exit code 7", "read the whole log"),
        ("echo 'all is well'", "with exit code 0 and without used.rpt", "never taken for zero"),
        (
            "echo 'ERROR: [HLS 200-70] Pre-synthesis failed.'; : > used.rpt",
            "and without used.rpt; it stopped with: ERROR: [HLS 200-70] Pre-synthesis failed.",
            "mend",
        ),
    ],
)
def test_ways_to_fail(text: str, said: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "used.rpt").write_text("of an earlier run")
    with pytest.raises(ToolFailedError) as caught:
        batch(tmp_path, text)
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.where == str(tmp_path / "vivado.log")


def test_a_hang_ends_with_all_its_children(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match="did not finish place and route of jet3 within 1 s"):
        batch(tmp_path, "(while :; do date > alive; sleep 0.1; done) & sleep 60", timeout_s=1)
    before = (tmp_path / "alive").stat().st_mtime_ns
    time.sleep(0.5)
    assert (tmp_path / "alive").stat().st_mtime_ns == before
