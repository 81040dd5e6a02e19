"""Quartus' project and script, and fakes in its place: good, failing, hanging, dying half-way, without a licence."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from bitwright.eda.quartus import REPORTS, SCRIPT, Project, compile_project, script
from bitwright.eda.vendor import VendorTool
from bitwright.errors import ToolFailedError

GOLDEN = Path(__file__).parent / "golden" / "quartus.tcl"
SOURCES = ("rtl/lib/fifo.sv", "rtl/jet3_fc1.sv", "rtl/jet3.sv")
GOOD = "mkdir output_files; for r in fit sta; do echo report > output_files/jet3.$r.rpt; done"


def project(root: Path) -> Project:
    for name in (*SOURCES, "rtl/fc1_rom.mem", "jet3.sdc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"// {name}\n")
    return Project("jet3", "jet3", "AGFB014R24B2E2V", root, SOURCES, ("rtl/fc1_rom.mem",), "jet3.sdc")


def compiled(folder: Path, text: str, timeout_s: float = 20) -> Path:
    """A fake quartus_sh; the folder that it ran in."""
    program = folder / "quartus_sh"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    tool = VendorTool("quartus", str(program), "23.4.0")
    where = folder / "quartus"
    compile_project(project(folder / "emit"), tool, where, log=folder / "quartus.log", timeout_s=timeout_s)
    return where


def test_golden_script(tmp_path: Path) -> None:
    assert script(project(tmp_path)) == GOLDEN.read_text()


def test_a_good_run_has_its_files_about_it(tmp_path: Path) -> None:
    where = compiled(tmp_path, f'echo "$@"; ls -R; {GOOD}')
    assert (tmp_path / "quartus.log").read_text().startswith(f"-t {SCRIPT}\n")
    for name in (*SOURCES, "jet3.sdc", "rtl/fc1_rom.mem"):
        assert (where / name).read_text() == f"// {name}\n"
    assert (where / "fc1_rom.mem").is_file(), "beside the project too, where Quartus looks first"
    assert [path.name for path in project(tmp_path / "again").reports(where)] == [f"jet3.{name}" for name in REPORTS]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("echo 'Error (292014): Can not find a valid license for the product.'; exit 3",
         "Quartus 23.4.0 has no licence (Error (292014): Can not find", "LM_LICENSE_FILE"),
        ("echo 'Info: fine'; echo 'Error (12006): Node instance \"u\" instantiates undefined entity'; exit 2",
         "stopped with: Error (12006): Node instance", "mend what it names"),
        ("mkdir output_files; echo half > output_files/jet3.fit.rpt; echo 'Internal Error: Sub-system: FSV'; exit 0",
         "without jet3.sta.rpt; it crashed (Internal Error: Sub-system: FSV)", "run again"),
        ("mkdir output_files; : > output_files/jet3.fit.rpt; kill -9 $$", "was killed by SIGKILL", "out of memory"),
        ("echo 'Error: No space left on device'; exit 1", "found the disk full", "free some space"),
        ("true", "with exit code 0 and without jet3.fit.rpt, jet3.sta.rpt", "never taken for zero"),
    ],
)  # fmt: skip
def test_ways_to_fail(text: str, said: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError) as caught:
        compiled(tmp_path, text)
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert "compilation of jet3" in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_hang_ends_with_all_its_children(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match="did not finish compilation of jet3 within 1 s"):
        compiled(tmp_path, "(while :; do date > alive; sleep 0.1; done) & sleep 60", timeout_s=1)
    alive = tmp_path / "quartus" / "alive"
    before = alive.stat().st_mtime_ns
    time.sleep(0.5)
    assert alive.stat().st_mtime_ns == before
