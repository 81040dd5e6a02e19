"""The stages csynth and route with fakes in the place of vendor tools, which hand out report fixtures of ours."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from networks import Draft

from bitwright.config import TargetConfig
from bitwright.errors import ToolFailedError
from bitwright.files import read_json, write_json
from bitwright.rtl.emit import emit
from bitwright.stages import csynth, routing
from bitwright.stages.job import Job

FIXTURES = Path(__file__).parents[2] / "reports" / "fixtures"
VIVADO = f"""[ "$1" = -version ] && {{ echo "vivado v2023.1 (64-bit)"; exit; }}
echo "$@" > argv
for last; do :; done
mkdir -p $last
cp {FIXTURES}/vivado/utilization_usplus_routed.rpt $last/route_utilization.rpt
cp {FIXTURES}/vivado/timing_summary_met_routed.rpt $last/route_timing.rpt
cp {FIXTURES}/vivado/power_routed.rpt $last/route_power.rpt
"""
VITIS = f"""[ "$1" = -version ] && {{ echo "Vitis HLS v2024.1"; exit; }}
echo "$@" > argv
mkdir -p tiny_prj/solution1/syn/report
cp {FIXTURES}/hls/vitis_hls_2024_csynth.xml tiny_prj/solution1/syn/report/tiny_csynth.xml
"""


def fake(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def job(folder: Path, target: TargetConfig, **wanted: Any) -> Job:
    """A build folder whose stages up to emit have run, for a target that asks for vendor tools."""
    draft = Draft("tiny")
    dense = draft.dense(draft.input(3, "fixed<6,3>"), 2, accum="fixed<16,8>", result="fixed<8,4>")
    for name in ("requests", "import/hls", "emit"):
        (folder / name).mkdir(parents=True)
    emit(draft.network(dense), target, folder / "emit")
    write_json(folder / "import" / "network.json", {"name": "tiny"})
    (folder / "import" / "hls" / "build_prj.tcl").write_text("# of hls4ml")
    write_json(folder / "requests" / "target.json", target.model_copy(update=wanted).model_dump(mode="json"))
    return Job(folder)


def work(stage: Any, where: Job, name: str) -> dict[str, Any]:
    """Run a stage's work into its folder; what it wrote down."""
    out = where.folder / name
    out.mkdir()
    stage.work(where, out, lambda _: None)
    data: dict[str, Any] = read_json(out / f"{name}.json")
    return data


def figures(data: dict[str, Any]) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in data["measurements"]}


def test_vivado_routes_the_kernel(target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_VIVADO", str(fake(tmp_path / "bin", "vivado", VIVADO)))
    where = job(tmp_path / "job", target, route="vivado", clock_ns=4.0)
    data = work(routing, where, "route")
    found = figures(data)
    assert (data["status"], data["tool"], data["version"]) == ("PASSED", "Vivado", "2023.1")
    assert (found["LUT"], found["FF"], found["DSP"], found["BRAM36"]) == (9800, 22000, 512, 20)
    assert "BRAM18" not in found, "BRAM36 counts tiles already"
    assert (found["WNS_NS"], found["POWER_W"]) == (0.25, 4.125)
    assert found["FMAX_MHZ"] == pytest.approx(1000 / 3.75)
    assert {row["stage"] for row in data["measurements"]} == {"POST_ROUTE"}
    assert {row["design"] for row in data["measurements"]} == {"tiny"}
    sources = {row["source"] for row in data["measurements"]}
    assert sources == {f"route/vivado/route_{kind}.rpt" for kind in ("utilization", "timing", "power")}
    words = (where.folder / "route" / "argv").read_text().split()
    assert words[words.index("-source") + 1] == str(where.folder / "emit" / "vivado.tcl")
    assert not (where.folder / "emit" / "vivado").exists(), "a stage writes into its own folder"


def test_a_report_that_is_cut_is_no_report(
    target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = VIVADO + "head -5 $last/route_utilization.rpt > t; mv t $last/route_utilization.rpt"
    monkeypatch.setenv("BITWRIGHT_VIVADO", str(fake(tmp_path / "bin", "vivado", text)))
    where = job(tmp_path / "job", target, route="vivado")
    with pytest.raises(ToolFailedError, match="a report of Vivado is not as expected: it states no figure") as caught:
        work(routing, where, "route")
    assert caught.value.where.endswith("route/vivado/route_utilization.rpt")


def test_vitis_synthesizes_the_project(target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_VITIS_HLS", str(fake(tmp_path / "bin", "vitis_hls", VITIS)))
    where = job(tmp_path / "job", target, hls="vitis_hls", hls_steps=("synth", "export"))
    data = work(csynth, where, "csynth")
    found = figures(data)
    assert (found["LUT"], found["BRAM18"], found["LATENCY_MAX_CYCLES"], found["II_MAX_CYCLES"]) == (12000, 42, 300, 258)
    assert {row["stage"] for row in data["measurements"]} == {"HLS_ESTIMATE"}
    project = where.folder / "csynth" / "hls"
    assert (project / "argv").read_text() == "-f build_prj.tcl\n"
    switches = dict(line.split() for line in (project / "build_opt.tcl").read_text().splitlines()[1:-1])
    assert {name for name, on in switches.items() if on == "1"} == {"reset", "synth", "export"}
    assert not (where.folder / "import" / "hls" / "build_opt.tcl").exists(), "the project itself stays as it was"


def test_vitis_run_has_other_arguments(target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_VITIS_HLS", str(fake(tmp_path / "bin", "vitis-run", VITIS)))
    where = job(tmp_path / "job", target, hls="vitis_hls")
    work(csynth, where, "csynth")
    argv = (where.folder / "csynth" / "hls" / "argv").read_text().split()
    assert argv == ["--mode", "hls", "--tcl", "build_prj.tcl"]


@pytest.mark.parametrize(
    ("stage", "name", "wanted", "reason"),
    [
        (routing, "route", {}, "names no tool that places and routes"),
        (routing, "route", {"route": "vivado"}, "Vivado is not installed"),
        (csynth, "csynth", {}, "asks for no HLS"),
        (csynth, "csynth", {"hls": "vitis_hls"}, "Vitis HLS is not installed"),
    ],
)
def test_not_run_says_why(
    stage: Any, name: str, wanted: dict[str, str], reason: str, target: TargetConfig, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("BITWRIGHT_VIVADO", "BITWRIGHT_VITIS_HLS"):
        monkeypatch.delenv(variable, raising=False)
    data = work(stage, job(tmp_path / "job", target, **wanted), name)
    assert (data["status"], data["measurements"]) == ("NOT_RUN", [])
    assert reason in data["reason"]


def test_a_licence_that_is_missing(target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'echo "ERROR: [Common 17-345] A valid license was not found for feature Synthesis"; exit 1'
    monkeypatch.setenv("BITWRIGHT_VIVADO", str(fake(tmp_path / "bin", "vivado", text)))
    where = job(tmp_path / "job", target, route="vivado")
    with pytest.raises(ToolFailedError, match="has no licence") as caught:
        work(routing, where, "route")
    assert json.dumps(caught.value.to_dict())
    assert caught.value.exit_code == 5
