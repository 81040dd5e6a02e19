"""Every parser on a report of our own writing: all its figures, worked out by hand, and not one more.

``NAME=5`` is a figure, ``NAME=5/90`` with AVAILABLE_NAME=90, ``NAME*=5`` marked as derived (and what there is of it
too); a stage in brackets opens the figures of that stage.
"""

from __future__ import annotations

import re

import mutations
import pytest
from report_samples import ROOT

from bitwright.report.parsers.collect import OUR_FAULT, parse_file, parse_paths
from bitwright.report.parsers.model import Parsed, Severity

FIXTURES = ROOT / "reports" / "fixtures"
K7 = "xc7k70tfbg484-1"
VU9P = "xcvu9p-flga2104-2L-e"
A10 = "10AS066H2F34I1SG"
CV = "5CSEBA6U23I7"
OLD_HLS = """[HLS_ESTIMATE] CLOCK_TARGET_NS=10 CLOCK_UNCERTAINTY_NS=1.25 CLOCK_ESTIMATED_NS=8.71 LATENCY_MIN_CYCLES=12
    LATENCY_MAX_CYCLES=40 II_MIN_CYCLES=13 II_MAX_CYCLES=41 BRAM18=1/270 BRAM36*=0.5/135 DSP=2/240 FF=143/82000
    LUT=200/41000"""
NEW_HLS = """[HLS_ESTIMATE] CLOCK_TARGET_NS=4 CLOCK_UNCERTAINTY_NS=1.08 CLOCK_ESTIMATED_NS=2.905 LATENCY_MIN_CYCLES=21
    LATENCY_MAX_CYCLES=300 II_MIN_CYCLES=16 II_MAX_CYCLES=258 LATENCY_MIN_NS=84 LATENCY_MAX_NS=1200 BRAM18=42/4320
    BRAM36*=21/2160 DSP=512/6840 FF=23130/2364480 LUT=12000/1182240 URAM=4/960"""
INTEL = "[HLS_ESTIMATE] ALUT=20000/854400 FF=9000/1708800 RAM=12/2713 DSP=30/1518 MLAB=100"
ONEAPI = "[HLS_ESTIMATE] ALUT=2000/974400 FF=8000/1948800 RAM=70/7110 DSP=0/4510 MLAB=90/48720 FRAC_DSP=80"
LITE = ("Quartus Lite", "23.1std.1 Build 993", CV, "tiny")
I_HLS = ("Intel HLS i++", "20.1.0 Build 177", A10, "tiny")
EXPORT = "Vivado via export_design"

EXPECTED: dict[str, tuple[str, str | None, str | None, str | None, str]] = {
    # file: tool, its version, part as printed, design, figures
    "hls/vivado_hls_2016_csynth.rpt": ("Vivado HLS", "2016.4", K7, "tiny", OLD_HLS),
    "hls/vivado_hls_2016_csynth.xml": ("Vivado HLS", "2016.4", K7, "tiny", OLD_HLS),
    "hls/vitis_hls_2024_csynth.rpt": ("Vitis HLS", "2024.1", VU9P, "tiny", NEW_HLS),
    "hls/vitis_hls_2024_csynth.xml": ("Vitis HLS", "2024.1", VU9P, "tiny", NEW_HLS),
    "hls/vitis_hls_2024_summary.rpt": ("Vitis HLS", "2024.1", VU9P, "tiny", """[HLS_ESTIMATE] LATENCY_MAX_CYCLES=300
        II_MAX_CYCLES=258 LATENCY_MAX_NS=1200 BRAM18=42 BRAM36*=21 DSP=512 FF=23130 LUT=12000 URAM=4 WNS_NS=0.01"""),
    "hls/export_2018.rpt": (EXPORT, "2018.3", K7, None, """[POST_SYNTH] CLOCK_ESTIMATED_NS=7.902 [POST_ROUTE] SLICE=61
        LUT=180 FF=139 DSP=2 BRAM18=1 BRAM36*=0.5 SRL=4 CLOCK_TARGET_NS=10 CLOCK_ESTIMATED_NS=10.12 WNS_NS*=-0.12"""),
    "hls/export_impl_2024.rpt": (EXPORT, "2024.1", VU9P, None, """[POST_SYNTH] CLOCK_ESTIMATED_NS=2.95 [POST_ROUTE]
        LUT=9800 FF=22000 DSP=512 BRAM18=40 BRAM36*=20 URAM=4 SRL=310 CLOCK_TARGET_NS=4 CLOCK_ESTIMATED_NS=3.75
        WNS_NS*=0.25"""),
    "hls/export_impl_2024.xml": (EXPORT, "2024.1", VU9P, None, """[POST_ROUTE] LUT=9800/1182240 FF=22000/2364480
        DSP=512/6840 BRAM18=40/4320 BRAM36*=20/2160 URAM=4/960 SRL=310 CLOCK_TARGET_NS=4 CLOCK_ESTIMATED_NS=3.75
        WNS_NS*=0.25"""),
    "hls/cosim_2019.rpt": ("C/RTL cosimulation", None, None, None, """[SIMULATION] LATENCY_MIN_CYCLES=12
        LATENCY_MAX_CYCLES=40 II_MIN_CYCLES=13 II_MAX_CYCLES=41 COSIM_STATUS=pass"""),
    "hls/cosim_2024.rpt": ("C/RTL cosimulation", None, None, None, "[SIMULATION] COSIM_STATUS=fail"),
    "hls/tiny_csim.log": ("C simulation", None, None, None, "[SIMULATION] CSIM_STATUS=pass"),
    "hls/vitis_hls.log": ("Vitis HLS", "2024.1", VU9P, None, """[HLS_ESTIMATE] FMAX_MHZ=344.23 [SIMULATION]
        CSIM_STATUS=pass COSIM_STATUS=pass [UNKNOWN] TOOL_STATUS=ok"""),
    "hls/vivado_hls_failed.log": ("Vivado HLS", "2019.2", "xc7k70t-fbg484-1", None, "[UNKNOWN] TOOL_STATUS=failed"),
    "vivado/utilization_7series_synth.rpt": ("Vivado", "2018.2", "7k70tfbg484-1", "tiny", """[POST_SYNTH] LUT=200/41000
        LOGIC_LUT=190 MEMORY_LUT=10 LUTRAM=6 SRL=4 FF=143/82000 BRAM36=1.5/135 BRAM18*=3/270 DSP=2/240"""),
    "vivado/utilization_usplus_routed.rpt": ("Vivado", "2023.1", VU9P, "tiny", """[POST_ROUTE] LUT=9800/1182240
        LOGIC_LUT=9480 MEMORY_LUT=320 LUTRAM=10 SRL=310 FF=22000/2364480 CARRY=12/147780 CLB=2100/147780
        BRAM36=20/2160 BRAM18*=40/4320 URAM=4/960 DSP=512/6840"""),
    "vivado/utilization_hierarchical_placed.rpt": ("Vivado", "2023.1", VU9P, "tiny", """[POST_PLACE] LUT=9800
        LOGIC_LUT=9480 LUTRAM=10 SRL=310 FF=22000 URAM=4 DSP=512 BRAM36*=20 BRAM18*=40"""),
    "vivado/accelerator_utilization_placed.rpt": ("Vivado", "2023.1", "xcu55c", "level0_wrapper", """[POST_PLACE]
        LUT=40000 MEMORY_LUT=1000 FF=30000 BRAM36=90 BRAM18*=180 URAM=0 DSP=60"""),
    "vivado/timing_summary_met_routed.rpt": ("Vivado", "2023.1", "xcvu9p-flga2104", "tiny", """[POST_ROUTE] WNS_NS=0.25
        TNS_NS=0 WHS_NS=0.021 THS_NS=0 SETUP_FAILING_ENDPOINTS=0 HOLD_FAILING_ENDPOINTS=0 CLOCK_TARGET_NS=4"""),
    "vivado/timing_summary_two_clocks_violated.rpt": ("Vivado", "2023.1", "xcvu9p-flga2104", "tiny", """[POST_ROUTE]
        WNS_NS=-0.31 TNS_NS=-12.5 WHS_NS=0.015 THS_NS=0 SETUP_FAILING_ENDPOINTS=61 HOLD_FAILING_ENDPOINTS=0"""),
    "vivado/timing_summary_unconstrained.rpt": ("", None, None, None, ""),
    "vivado/timing_path_synth.rpt": ("Vivado", "2018.2", "7k70t-fbg484", "tiny", "[POST_SYNTH] WNS_NS=2.098"),
    "vivado/power_routed.rpt": ("Vivado", "2023.1", VU9P, "tiny", """[POST_ROUTE] POWER_W=4.125 POWER_DYNAMIC_W=1.605
        POWER_STATIC_W=2.52"""),
    "vivado/vivado.log": ("Vivado", "2023.1", None, None, "[UNKNOWN] TOOL_STATUS=ok"),
    "vivado/vivado_failed.log": ("Vivado", "2023.1", None, None, "[UNKNOWN] TOOL_STATUS=failed"),
    "quartus/standard.map.rpt": (*LITE, "[POST_SYNTH] TOOL_STATUS=ok FF=143 MEMORY_BITS=10240 DSP=2 ALM=105 ALUT=190"),
    "quartus/standard.flow.rpt": (*LITE, """[POST_ROUTE] TOOL_STATUS=ok ALM=110/41910 FF=150
        MEMORY_BITS=10240/5662720 DSP=2/112"""),
    "quartus/standard.sta.rpt": (*LITE, """[POST_ROUTE] WNS_NS=-0.5 TNS_NS=-3.25 WHS_NS=0.14 THS_NS=0 FMAX_MHZ=117.65
        CLOCK_TARGET_NS=8"""),
    "quartus/standard.fit.summary": (*LITE, """[POST_ROUTE] TOOL_STATUS=ok ALM=110/41910 FF=150
        MEMORY_BITS=10240/5662720 M10K=2/553 DSP=2/112"""),
    "quartus/standard.sta.summary": ("Quartus", None, None, None, """[POST_ROUTE] WNS_NS=-0.5 TNS_NS=-3.25 WHS_NS=0.14
        THS_NS=0"""),
    "quartus/pro.fit.rpt": ("Quartus Pro", "24.1.0 Build 115", "10AX115N2F40I1SG", "tiny", """[POST_ROUTE]
        TOOL_STATUS=ok ALM=4521/427200 FF=16419 MEMORY_BITS=327680/55562240 DSP=40/1518 M20K=36/2713 ALUT=4182
        MLAB=52"""),
    "quartus/web.fit.rpt": ("Quartus Web", "13.1.0 Build 162", "EP4CE22F17C6", "tiny", """[POST_ROUTE] TOOL_STATUS=ok
        LE=310/22320 LUT=280/22320 FF=143 MEMORY_BITS=10240/608256 MULT9=4/132 M9K=2/66"""),
    "intel_hls/area.json": (*I_HLS, f"{INTEL}/42720"),
    "intel_hls/summary.json": (*I_HLS, INTEL),
    "intel_hls/report_data.js": (*I_HLS, f"{INTEL}/42720"),
    "intel_hls/info.json": ("", None, None, None, ""),
    "intel_hls/fmax_ii.json": (*I_HLS, "[HLS_ESTIMATE] FMAX_MHZ=231.5 II_MAX_CYCLES=4 LATENCY_MAX_CYCLES=33"),
    "intel_hls/verification_data.js": ("Intel HLS i++ simulation", "20.1.0 Build 177", A10, "tiny", """[SIMULATION]
        COSIM_TRANSACTIONS=25 LATENCY_MIN_CYCLES=35 LATENCY_MAX_CYCLES=41 II_MIN_CYCLES=4 II_MAX_CYCLES=9"""),
    "intel_hls/quartus_not_run.json": (*I_HLS[:3], None, "[POST_ROUTE] TOOL_STATUS=not_run"),
    "intel_hls/quartus_data.js": ("Quartus fitter", "20.1.0 Build 177", A10, None, """[POST_ROUTE] FMAX_MHZ=251.1
        ALM=9100 ALUT=15000 FF=20100 DSP=30 RAM=12 MLAB=90"""),
    "hls4ml/report.json": ("hls4ml", None, None, None, """[HLS_ESTIMATE] CLOCK_TARGET_NS=5 CLOCK_ESTIMATED_NS=4.373
        LATENCY_MIN_CYCLES=28 LATENCY_MAX_CYCLES=30 II_MIN_CYCLES=4 II_MAX_CYCLES=4 BRAM18=2/150 BRAM36*=1/75
        DSP=34/120 FF=6007/65200 LUT=4893/32600 URAM=0/0"""),
    "oneapi/area.ndjson": ("oneAPI dpcpp", None, None, None, ONEAPI),
    "oneapi/summary.ndjson": ("oneAPI dpcpp", None, None, None, ONEAPI),
    "oneapi/report_data.js": ("oneAPI dpcpp", "2025.0.1 Build 20241224", "AGFB014R24A3E3V", None, ONEAPI),
    "oneapi/loop_attr.ndjson": ("oneAPI dpcpp", None, None, "Tiny", """[HLS_ESTIMATE] FMAX_MHZ=455.1 II_MAX_CYCLES=2
        LATENCY_MAX_CYCLES=159"""),
    "oneapi/quartus.ndjson": ("Quartus fitter", None, None, None, """[POST_ROUTE] FMAX_MHZ=420.5 ALM=3500.5 ALUT=3100
        FF=9400 DSP=0 RAM=66 MLAB=88"""),
    "opencl/acl_quartus_report.txt": ("Intel OpenCL aoc", None, None, None, """[POST_ROUTE] ALUT=188149 FF=399683
        ALM=190304/427200 DSP=755/1518 MEMORY_BITS=21000000/55562240 RAM=1600/2713 CLOCK_ACTUAL_MHZ=207.5
        FMAX_MHZ=208.5"""),
    "catapult/rtl.rpt": ("Catapult", "2023.1", None, "tiny", """[HLS_ESTIMATE] LATENCY_MAX_CYCLES=21 II_MAX_CYCLES=16
        CLOCK_TARGET_NS=5 AREA_SCORE=1498.2 WNS_NS=0.8"""),
    "libero/summary.results.rpt": ("Libero SmartHLS", None, "MPF300TS-1FCG1152I", "tiny_top", """[SIMULATION]
        COSIM_STATUS=pass COSIM_TRANSACTIONS=10 LATENCY_MIN_CYCLES=60 LATENCY_MAX_CYCLES=70 II_MIN_CYCLES=64
        II_MAX_CYCLES=72 [POST_ROUTE] CLOCK_TARGET_NS=10 WNS_NS=5 CLOCK_ESTIMATED_NS=5 FMAX_MHZ=200 LUT=778/299544
        FF=450/299544 USRAM=0/2772 LSRAM=1/952 DSP=2/924"""),
    "libero/summary_plain.results.rpt": ("Libero SmartHLS", None, "MPF300TS-1FCG1152I", "tiny_top", """[SIMULATION]
        COSIM_STATUS=fail COSIM_TRANSACTIONS=1200"""),
    "nextpnr/ecp5.json": ("nextpnr-ecp5", None, None, None, """[POST_ROUTE] EBR=3/208 DSP=5/156 FF=640/83640
        LUT=912/83640 RAMW=0/10455 FMAX_MHZ=80 CLOCK_TARGET_NS*=10 WNS_NS*=-2.5"""),
    "nextpnr/ice40_old.json": ("nextpnr-ice40", None, None, None, """[POST_ROUTE] LC=1200/5280 EBR=4/30 DSP=2/8
        SPRAM=0/4 FMAX_MHZ=50 CLOCK_TARGET_NS*=83.333333333 WNS_NS*=63.333333"""),
    "nextpnr/ice40.log": ("nextpnr-ice40", None, None, None, """[POST_ROUTE] TOOL_STATUS=ok LC=1200/5280 EBR=4/30
        DSP=2/8 SPRAM=0/4 FMAX_MHZ=48.1 CLOCK_TARGET_NS*=83.333333333 WNS_NS*=62.543313"""),
    "nextpnr/gowin.log": ("nextpnr-gowin", None, None, None, """[POST_ROUTE] TOOL_STATUS=ok LUT=3043/8640 FF=812/6480
        CARRY=120/6480 EBR=2/26 FMAX_MHZ=27.3 CLOCK_TARGET_NS*=37.037037037 WNS_NS*=0.407"""),
    "nextpnr/xilinx.log": ("nextpnr-xilinx", None, None, None, """[POST_ROUTE] TOOL_STATUS=ok FF=5200/106400
        FMAX_MHZ=61.2 CLOCK_TARGET_NS*=20 WNS_NS*=3.660131"""),
    "nextpnr/ecp5_does_not_fit.log": ("nextpnr-ecp5", None, None, None, """[POST_PLACE] TOOL_STATUS=failed EBR=3/56
        DSP=5/28 FF=640/24288 LUT=30000/24288 RAMW=0/3036"""),
    "yosys/stat_old_ice40.txt": ("yosys", None, None, "tiny", """[POST_SYNTH] LUT*=15 LOGIC_LUT*=15 CARRY*=5 FF*=8
        DSP*=1 EBR*=1 CELLS=30"""),
    "yosys/run.log": ("yosys", "0.52", None, "tiny", """[POST_SYNTH] LUT*=26 LOGIC_LUT*=26 CARRY*=4 FF*=9 DSP*=1
        EBR*=0 CELLS=40 TOOL_STATUS=ok"""),
}  # fmt: skip


def expected(text: str) -> dict[tuple[str, str], tuple[float | str, bool]]:
    found: dict[tuple[str, str], tuple[float | str, bool]] = {}
    stage = ""
    for word in text.split():
        if word.startswith("["):
            stage = word.strip("[]")
            continue
        name, value = word.split("=")
        used, _, offered = value.partition("/")
        derived = name.endswith("*")
        name = name.rstrip("*")
        found[stage, name] = (float(used) if re.match(r"-?[\d.]", used) else used, derived)
        if offered:
            found[stage, f"AVAILABLE_{name}"] = (float(offered), derived)
    return found


def stated(parsed: Parsed) -> dict[tuple[str, str], tuple[float | str, bool]]:
    return {
        (f.stage.value, f.metric): (f.value if isinstance(f.value, str) else float(f.value), f.derived)
        for f in parsed.figures
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_all_figures_are_those_of_the_report_and_no_more(name: str) -> None:
    tool, version, part, design, figures = EXPECTED[name]
    parsed = parse_paths([FIXTURES / name])
    assert stated(parsed) == expected(figures)
    assert {f.tool for f in parsed.figures} <= {tool}
    assert {(f.tool_version, f.part, f.design) for f in parsed.figures} <= {(version, part, design)}
    assert not any(OUR_FAULT in problem.message for problem in parsed.problems)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_figure_names_the_line_that_states_it(name: str) -> None:
    lines = (FIXTURES / name).read_text().split("\n")
    for figure in parse_paths([FIXTURES / name]).figures:
        assert figure.line is not None
        if figure.unit in ("count", "bits") and not figure.derived and name.endswith((".rpt", ".xml")):
            words = re.findall(r"[\d.]+", lines[figure.line - 1].replace(",", ""))
            assert float(figure.value) in [float(word) for word in words if word.strip(".").count(".") < 2], figure


def test_every_fixture_has_its_figures() -> None:
    files = {str(path.relative_to(FIXTURES)) for path in FIXTURES.rglob("*") if path.is_file()}
    known = {name for name in files if name.endswith((".md", ".v")) or name.startswith("yosys/stat_")}
    assert files - known == set(EXPECTED) - known


def test_nothing_is_wrong_with_the_whole_reports() -> None:
    """Warnings are for the runs that failed; the rest only notes what a report does not hold."""
    for name in EXPECTED:
        bad = [p for p in parse_paths([FIXTURES / name]).problems if p.severity is not Severity.INFO]
        assert ("fail" in name or "fit.log" in name) == bool(bad), (name, bad)


MODULES: dict[str, dict[str, str]] = {
    "hls/vitis_hls_2024_csynth.rpt": {
        "tiny/dense_U0": "LATENCY_MIN_CYCLES=14 LATENCY_MAX_CYCLES=14 II_MIN_CYCLES=16 II_MAX_CYCLES=16 BRAM18=10 "
        "DSP=512 FF=23000 LUT=11800 URAM=4",
        "tiny/relu_U0": "LATENCY_MIN_CYCLES=1 LATENCY_MAX_CYCLES=1 II_MIN_CYCLES=1 II_MAX_CYCLES=1 BRAM18=0 DSP=0 "
        "FF=10 LUT=100 URAM=0",
    },
    "hls/vitis_hls_2024_summary.rpt": {
        "tiny/dense": "BRAM18=10 DSP=512 FF=23000 LUT=11800 URAM=4 LATENCY_MAX_CYCLES=14 II_MAX_CYCLES=16 "
        "LATENCY_MAX_NS=56 WNS_NS=0.01",
        "tiny/relu": "BRAM18=0 DSP=0 FF=10 LUT=100 URAM=0 LATENCY_MAX_CYCLES=1 II_MAX_CYCLES=1 LATENCY_MAX_NS=4 "
        "WNS_NS=1.2",
        "tiny/relu/LOOP": "LATENCY_MAX_CYCLES=1 II_MAX_CYCLES=1 LATENCY_MAX_NS=4 WNS_NS=2.92",
    },
    "vivado/utilization_hierarchical_placed.rpt": {
        "tiny/(tiny)": "LUT=30 LOGIC_LUT=30 LUTRAM=0 SRL=0 FF=200 URAM=0 DSP=0 BRAM36=0 BRAM18=0",
        "tiny/dense_U0": "LUT=9700 LOGIC_LUT=9380 LUTRAM=10 SRL=310 FF=21790 URAM=4 DSP=512 BRAM36=20 BRAM18=40",
        "tiny/dense_U0/(dense_U0)": "LUT=9600 LOGIC_LUT=9290 LUTRAM=0 SRL=310 FF=21700 URAM=4 DSP=512 BRAM36=20 "
        "BRAM18=40",
        "tiny/dense_U0/rom_U": "LUT=100 LOGIC_LUT=90 LUTRAM=10 SRL=0 FF=90 URAM=0 DSP=0 BRAM36=0 BRAM18=0",
        "tiny/relu_U0": "LUT=70 LOGIC_LUT=70 LUTRAM=0 SRL=0 FF=10 URAM=0 DSP=0 BRAM36=0 BRAM18=0",
    },
    "quartus/standard.map.rpt": {"tiny/dense:dense_U0": "ALUT=160 FF=83 MEMORY_BITS=10240 DSP=2"},
    "catapult/rtl.rpt": {
        "tiny/dense/core": "LATENCY_MAX_CYCLES=14 II_MAX_CYCLES=16",
        "tiny/core": "LATENCY_MAX_CYCLES=1 II_MAX_CYCLES=1",
        "clock:clk": "CLOCK_TARGET_NS=5",
    },
    "yosys/run.log": {"tiny/relu": "LOGIC_LUT=8 LUT=8 FF=0 DSP=0 EBR=0"},
    "oneapi/loop_attr.ndjson": {
        "Tiny.B0": "FMAX_MHZ=480 II_MAX_CYCLES=1 LATENCY_MAX_CYCLES=17",
        "Tiny.B1": "FMAX_MHZ=455.1 II_MAX_CYCLES=2 LATENCY_MAX_CYCLES=159",
    },
}


@pytest.mark.parametrize("name", MODULES)
def test_rows_of_modules_have_their_path_in_the_hierarchy(name: str) -> None:
    rows = {
        row.path: {metric: float(value) for metric, value in row.values.items() if value is not None}
        for row in parse_paths([FIXTURES / name]).modules
    }
    wanted = {
        path: {word.split("=")[0]: float(word.split("=")[1]) for word in text.split()}
        for path, text in MODULES[name].items()
    }
    assert rows == wanted


@pytest.mark.parametrize("name", EXPECTED)
def test_no_damage_makes_a_figure_silently_wrong(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = FIXTURES / name
    good, text = parse_paths([path]), path.read_text()
    copy = tmp_path_factory.mktemp("damaged") / "copy"
    for which, mutant in mutations.mutants(text, name, 18):
        copy.write_text(mutant)
        bad = parse_file(copy, str(path))
        lies, losses = mutations.damage_done(good, bad, mutant)
        assert not lies, (which, lies)
        assert not losses, (which, losses)
        assert not any(OUR_FAULT in problem.message for problem in bad.problems), which


@pytest.mark.parametrize("name", EXPECTED)
def test_line_ends_and_byte_order_marks_change_nothing(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = (FIXTURES / name).read_text()
    good = stated(parse_file(FIXTURES / name, name))
    folder = tmp_path_factory.mktemp("ends")
    for kind, raw in (("crlf", text.replace("\n", "\r\n").encode()), ("bom", b"\xef\xbb\xbf" + text.encode())):
        (folder / kind).write_bytes(raw)
        assert stated(parse_file(folder / kind, name)) == good, kind


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_file_is_does_not_depend_on_its_name(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    copy = tmp_path_factory.mktemp("names") / "picture.png"
    copy.write_bytes((FIXTURES / name).read_bytes())
    assert stated(parse_file(copy, "x")) == stated(parse_file(FIXTURES / name, "x"))


@pytest.mark.parametrize("name", EXPECTED)
def test_every_cut_is_told(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Cut at each of twelve places: nothing wrong, and nothing lost without a problem."""
    path = FIXTURES / name
    good, text = parse_paths([path]), path.read_text()
    copy = tmp_path_factory.mktemp("cut") / "copy"
    for part in range(1, 13):
        piece = text[: len(text) * part // 13]
        copy.write_text(piece)
        lies, losses = mutations.damage_done(good, parse_file(copy, str(path)), piece)
        assert (lies, losses) == ([], []), part


def test_the_documentation_names_every_metric_that_is_stated() -> None:
    words = set(re.findall(r"[A-Z][A-Z0-9_]+", (ROOT / "docs" / "report-parsing.md").read_text()))
    stated_metrics = {f.metric.removeprefix("AVAILABLE_") for f in parse_paths([FIXTURES]).figures}
    assert stated_metrics <= words
