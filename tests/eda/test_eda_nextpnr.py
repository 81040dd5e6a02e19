"""The nextpnr driver: part numbers, a fake that misbehaves, and (marked) the real one on a small design."""

from __future__ import annotations

import json
import re
import stat
import sys
from pathlib import Path

import pytest

from bitwright.eda.nextpnr import Harness, Routed, harness_text, place_and_route
from bitwright.eda.routers import ROUTERS, Router, RouteTool, device_options, find_router
from bitwright.eda.tools import YosysTool, find_yosys
from bitwright.eda.yosys import ModuleJob, SynthOptions, synthesize
from bitwright.errors import ConfigError, ToolFailedError
from bitwright.report.parsers.collect import parse_file

ECP5, ICE40, GOWIN = ROUTERS.values()
HARNESS = Harness("twice_harness", "twice", "s_axis_", "m_axis_", 12, 13)
TWICE = """module twice (
  input clk, input rst, input s_axis_tvalid, output s_axis_tready, input [11:0] s_axis_tdata,
  output reg m_axis_tvalid, input m_axis_tready, output reg [12:0] m_axis_tdata
);
  assign s_axis_tready = m_axis_tready;
  always @(posedge clk) begin
    m_axis_tvalid <= s_axis_tvalid && !rst;
    m_axis_tdata <= {1'b0, s_axis_tdata} + {s_axis_tdata, 1'b0};
  end
endmodule
"""
UNPLACED = "ERROR: Unable to place cell 'a.mul', no BELs remaining to implement cell type 'MULT18X18D'"


def program(folder: Path, name: str, text: str) -> tuple[str, ...]:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return (str(path),)


def routed(
    folder: Path, text: str, pack: str | None = "echo bits > $2", timeout_s: float = 20, router: Router = ECP5
) -> Routed:
    """Place and route by fakes: a Yosys that links nothing, and this nextpnr."""
    (folder / "twice.v").write_text(TWICE)
    (folder / "out").mkdir()
    yosys = YosysTool(program(folder, "yosys", LINKED), "1", wheel=False)
    packer = program(folder, "ecppack", pack) if pack else None
    tool = RouteTool(router, program(folder, "nextpnr", text), packer, "0.11")
    return place_and_route(
        [folder / "twice.v"], folder / "twice.v", HARNESS, part=router.example, clock_ns=8, folder=folder / "out",
        yosys=yosys, tool=tool, timeout_s=timeout_s,
    )  # fmt: skip


LINKED = """if [ -f link.ys ]; then echo '{}' > linked.json; exit; fi
cat > stat.json << 'END'
{"modules": {"\\\\twice_harness": {"num_cells_by_type": {"LUT4": 1}}}}
END
echo module > netlist.v; echo '{"modules": {}}' > netlist.json
"""
GOOD = 'echo "$@" > argv; touch routed.config; echo "{}" > nextpnr.json'


@pytest.mark.parametrize(
    ("router", "part", "options"),
    [
        (ECP5, "LFE5U-85F-6BG756C", ("--85k", "--package", "CABGA756", "--speed", "6")),
        (ECP5, "LFE5UM-45F-8BG381I", ("--um-45k", "--package", "CABGA381", "--speed", "8")),
        (ECP5, "LFE5UM5G-25F-8MG285", ("--um5g-25k", "--package", "CSFBGA285", "--speed", "8")),
        (ICE40, "iCE40HX8K-CT256", ("--hx8k", "--package", "ct256")),
        (ICE40, "iCE40LP384-QN32", ("--lp384", "--package", "qn32")),
        (GOWIN, "GW1NR-LV9QN88PC6/I5", ("--device", "GW1NR-LV9QN88PC6/I5")),
    ],
)
def test_part_numbers(router: Router, part: str, options: tuple[str, ...]) -> None:
    assert device_options(router, part) == options


@pytest.mark.parametrize("router", ROUTERS.values(), ids=ROUTERS)
@pytest.mark.parametrize("part", ["xcvu13p-flga2577-2-e", "LFE5U-99F-6BG756C", "iCE40HX8K", "GW1NR-LV4QN88PC6/I5"])
def test_no_part_of_this_family(router: Router, part: str) -> None:
    with pytest.raises(ConfigError, match=f"is no part that {router.name} knows") as caught:
        device_options(router, part)
    assert router.example in caught.value.hint


@pytest.mark.parametrize("router", ROUTERS.values(), ids=ROUTERS)
def test_found_on_path_where_there_is_no_package(
    router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitwright.eda.routers.package_version", lambda _: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find_router(router.name) is None
    program(tmp_path, router.programs[0], 'echo "nextpnr (Version 0.9)"')
    found = find_router(router.name)
    assert found is not None
    assert (found.argv, found.pack, found.version) == ((str(tmp_path / router.programs[0]),), None, "0.9")
    program(tmp_path, router.programs[1], "true")
    found = find_router(router.name)
    assert found is not None
    assert found.pack == (str(tmp_path / router.programs[1]),)


def test_what_nextpnr_is_told(tmp_path: Path) -> None:
    done = routed(tmp_path, GOOD)
    words = (tmp_path / "out" / "argv").read_text().split()
    assert words[:5] == ["--85k", "--package", "CABGA756", "--speed", "6"]
    assert words[words.index("--freq") + 1] == "125"
    assert {"--timing-allow-fail", "--lpf-allow-unconstrained", "--seed"} <= set(words)
    assert done.bitstream is not None
    assert done.bitstream.read_text() == "bits\n"
    assert [run.tool for run in done.runs] == ["Yosys", "nextpnr-ecp5", "ecppack"]


def test_what_the_ice40_router_is_told(tmp_path: Path) -> None:
    done = routed(tmp_path, GOOD, router=ICE40)
    words = (tmp_path / "out" / "argv").read_text().split()
    assert words[:5] == ["--hx8k", "--package", "ct256", "--asc", "routed.asc"]
    assert "--pcf-allow-unconstrained" in words
    assert words[words.index("--router") + 1] == "router2", "the other one never ended on jsc_tiny"
    assert done.bitstream == tmp_path / "out" / "routed.bin"
    assert done.runs[2].argv[1:] == ("routed.asc", "routed.bin")


def test_what_the_gowin_router_is_told(tmp_path: Path) -> None:
    """It chooses no pins itself, and no buffers for them."""
    done = routed(tmp_path, GOOD, pack="echo bits > $4", router=GOWIN)
    words = (tmp_path / "out" / "argv").read_text().split()
    assert words[:4] == ["--device", "GW1NR-LV9QN88PC6/I5", "--write", "routed.json"]
    assert [words[i + 1] for i, word in enumerate(words) if word == "--vopt"] == ["family=GW1N-9C", "cst=harness.cst"]
    pins = (tmp_path / "out" / "harness.cst").read_text().splitlines()
    assert pins[0] == 'IO_LOC "clk" 52;'
    ports = re.findall(r"(?:input|output) +wire (\w+)", harness_text(HARNESS).partition("module twice_harness (")[2])
    assert [line.split('"')[1] for line in pins] == ports
    assert "iopadmap" in (tmp_path / "out" / "link.ys").read_text()
    assert done.runs[2].argv[1:] == ("-d", "GW1N-9C", "-o", "routed.fs", "routed.json")


def test_without_a_packer_there_is_no_bitstream(tmp_path: Path) -> None:
    assert routed(tmp_path, GOOD, pack=None).bitstream is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'echo "{UNPLACED}"; exit 1', "twice does not fit the device: no MULT18X18D is left"),
        ("echo 'ERROR: no such package'; exit 1", "with exit code 1; its log ends with:\n  | ERROR: no such package"),
        ("kill -9 $$", "was killed by SIGKILL"),
        ("sleep 30", "did not finish place and route of twice within 1 s"),
        ("touch routed.config", "wrote no nextpnr.json"),
    ],
)
def test_nextpnr_that_misbehaves(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError) as caught:
        routed(tmp_path, text, timeout_s=1 if "sleep" in text else 20)
    assert said in str(caught.value)
    assert caught.value.exit_code == 5


def test_the_harness_of_narrow_ports() -> None:
    text = harness_text(Harness("h", "d", "s_axis_", "m_axis_", 1, 1))
    assert "if (enable) q <= first;" in text
    assert "[-1" not in text


def test_a_wide_word_is_no_chain_that_is_too_deep() -> None:
    """Yosys' stack ended at 3,136 registers in a row: each module of the harness has 256 at most."""
    text = harness_text(Harness("h", "d", "s_axis_", "m_axis_", 3136, 600))
    widths = [int(high) + 1 for high in re.findall(r"output reg \[(\d+):0\]", text)]
    assert sorted(widths) == [64, 88, 256, 256]
    assert re.findall(r"\.q\((in_q\[.*?\])\)", text)[-1] == "in_q[3072 +: 64]"
    taken = re.findall(r"\.q\(out_q\[(\d+) \+: (\d+)\]\)", text)
    assert taken == [("0", "256"), ("256", "256"), ("512", "88")]
    assert ".first(in_q[255])" in text


REAL = {
    "nextpnr-ecp5": ("LFE5U-25F-6BG256C", "TRELLIS_FF", "TRELLIS_FF"),
    "nextpnr-ice40": ("iCE40HX1K-TQ144", "SB_DFF", ""),
    "nextpnr-gowin": ("GW1NR-LV9QN88PC6/I5", "DFF", "DFF"),
}
"""A part, its flip-flop in the netlist, and in the router's count (an iCE40's counts cells with LUT, carry and FF)."""


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_real_design(name: str, tmp_path: Path) -> None:
    """Synthesized, linked inside its harness, routed: cells add up and a clock was found."""
    tool = find_router(name)
    if tool is None:
        pytest.skip(f"{name} is not installed")
    part, mapped, counted = REAL[name]
    (tmp_path / "twice.v").write_text(TWICE)
    job = ModuleJob("twice", (tmp_path / "twice.v",), "twice")
    family = tool.router.family
    (made,) = synthesize([job], family=family, out=tmp_path / "synth", options=SynthOptions(bram=False))
    done = place_and_route(
        [made.verilog], tmp_path / "twice.v", HARNESS, part=part, clock_ns=10, folder=tmp_path, yosys=find_yosys(),
        tool=tool,
    )  # fmt: skip
    found = json.loads(done.report.read_text())
    registers = HARNESS.in_width + HARNESS.out_width + 4
    if counted:
        assert found["utilization"][counted]["used"] == made.cells[mapped] + registers
    else:
        assert found["utilization"]["ICESTORM_LC"]["used"] >= made.cells[mapped] + registers
    (clock,) = found["fmax"].values()
    assert clock["constraint"] == 100
    assert clock["achieved"] > 50
    assert done.bitstream is not None
    assert done.bitstream.stat().st_size > 30_000
    assert sys.executable in done.runs[1].argv or tool.argv[0] in done.runs[1].argv
    parsed = parse_file(done.report, "nextpnr.json")
    assert {"FMAX_MHZ", "WNS_NS"} <= {figure.metric for figure in parsed.figures}
    assert {figure.tool for figure in parsed.figures} == {name}
