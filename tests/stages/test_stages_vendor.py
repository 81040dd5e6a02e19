"""The stages csynth and route with fakes in the place of vendor tools, which hand out report fixtures of ours."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from networks import Draft

from bitwright.config import TargetConfig
from bitwright.errors import ToolFailedError
from bitwright.files import read_json, write_json
from bitwright.report.records import DesignRow, Measurement, Report, Status
from bitwright.report.render_html import render_html
from bitwright.report.summary import summary_rows
from bitwright.rtl.emit import emit
from bitwright.stages import csynth, routing, synthesis
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
QUARTUS = f"""[ "$1" = --version ] && {{ echo "Version 24.1.0 Build 115 03/21/2024 SC Pro Edition"; exit; }}
mkdir output_files
cp {FIXTURES}/quartus/pro.fit.rpt output_files/tiny.fit.rpt
cp {FIXTURES}/quartus/standard.sta.rpt output_files/tiny.sta.rpt
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


def test_quartus_compiles_the_kernel(target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_QUARTUS", str(fake(tmp_path / "bin", "quartus_sh", QUARTUS)))
    where = job(tmp_path / "job", target, family="intel", route="quartus", part="10AX115N2F40I1SG")
    data = work(routing, where, "route")
    found = figures(data)
    assert (data["status"], data["tool"], data["version"]) == ("PASSED", "Quartus", "24.1.0")
    assert (found["ALM"], found["FF"], found["DSP"], found["M20K"]) == (4521, 16419, 40, 36)
    assert (found["FMAX_MHZ"], found["WNS_NS"]) == (117.65, -0.5)
    assert {row["source"] for row in data["measurements"]} == {
        f"route/quartus/output_files/tiny.{kind}.rpt" for kind in ("fit", "sta")
    }
    project = where.folder / "route" / "quartus"
    named = re.findall(r"_FILE (\S+)", (project / "quartus.tcl").read_text())
    assert named
    assert all((project / name).is_file() for name in named)
    assert any("module tiny" in (project / name).read_text() for name in named)


def test_intels_reports_have_their_own_rows(
    target: TargetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITWRIGHT_QUARTUS", str(fake(tmp_path / "bin", "quartus_sh", QUARTUS)))
    where = job(tmp_path / "job", target, family="intel", route="quartus", part="10AX115N2F40I1SG")
    found = tuple(Measurement.model_validate(row) for row in work(routing, where, "route")["measurements"])
    top = DesignRow(name="tiny", role="kernel", latency_cycles=2, ii_cycles=1, ports=(), includes="all")
    report = Report(
        bitwright_version="0", model="tiny", title="t", target="x", part="p", clock_ns=8, status=Status.NOT_RUN,
        designs=(top,), measurements=found,
    )  # fmt: skip
    rows = {name: (value, note) for name, value, note in summary_rows(report)}
    assert [rows[name][0] for name in ("ALM", "FF", "DSP", "M20K")] == ["4,521", "16,419", "40", "36"]
    assert rows["ALM"][1] == "POST_ROUTE, Quartus 24.1.0, kernel tiny"
    assert "timing NOT met, WNS -0.500 ns" in rows["Fmax"][1]
    assert not {"LUT", "BRAM"} & rows.keys()
    assert ">M20K</th>" in render_html(report)


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
        (routing, "route", {"route": "quartus", "family": "intel"}, "Quartus is not installed"),
        (synthesis, "synth", {"family": "intel"}, "Quartus synthesizes the SystemVerilog itself"),
        (csynth, "csynth", {}, "asks for no HLS"),
        (csynth, "csynth", {"hls": "vitis_hls"}, "Vitis HLS is not installed"),
    ],
)
def test_not_run_says_why(
    stage: Any, name: str, wanted: dict[str, str], reason: str, target: TargetConfig, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("BITWRIGHT_VIVADO", "BITWRIGHT_VITIS_HLS", "BITWRIGHT_QUARTUS"):
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
