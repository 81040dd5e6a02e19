"""The nextpnr driver: part numbers, a fake that misbehaves, and (marked) the real one on a small design."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from bitwright.eda.nextpnr import (
    Harness,
    Routed,
    RouteTool,
    device_options,
    find_nextpnr,
    harness_text,
    place_and_route,
)
from bitwright.eda.tools import YosysTool, find_yosys
from bitwright.eda.yosys import ModuleJob, SynthOptions, synthesize
from bitwright.errors import ConfigError, ToolFailedError

PART = "LFE5U-85F-6BG756C"
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


def routed(folder: Path, text: str, pack: str | None = "echo bits > $2", timeout_s: float = 20) -> Routed:
    """Place and route by fakes: a Yosys that links nothing, and this nextpnr."""
    (folder / "twice.v").write_text(TWICE)
    (folder / "out").mkdir()
    yosys = YosysTool(program(folder, "yosys", LINKED), "1", wheel=False)
    packer = program(folder, "ecppack", pack) if pack else None
    tool = RouteTool(program(folder, "nextpnr", text), packer, "0.11")
    return place_and_route(
        [folder / "twice.v"], folder / "twice.v", HARNESS, part=PART, clock_ns=8, folder=folder / "out",
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
    ("part", "options"),
    [
        ("LFE5U-85F-6BG756C", ("--85k", "--package", "CABGA756", "--speed", "6")),
        ("LFE5UM-45F-8BG381I", ("--um-45k", "--package", "CABGA381", "--speed", "8")),
        ("LFE5UM5G-25F-8MG285", ("--um5g-25k", "--package", "CSFBGA285", "--speed", "8")),
    ],
)
def test_part_numbers(part: str, options: tuple[str, ...]) -> None:
    assert device_options(part) == options


@pytest.mark.parametrize("part", ["xcvu13p-flga2577-2-e", "LFE5U-99F-6BG756C", "LFE5U-85F-6BG756C extra"])
def test_no_part_of_this_family(part: str) -> None:
    with pytest.raises(ConfigError, match="is no ECP5 part") as caught:
        device_options(part)
    assert "LFE5U-85F-6BG756C" in caught.value.hint


def test_what_nextpnr_is_told(tmp_path: Path) -> None:
    done = routed(tmp_path, GOOD)
    words = (tmp_path / "out" / "argv").read_text().split()
    assert words[:5] == ["--85k", "--package", "CABGA756", "--speed", "6"]
    assert words[words.index("--freq") + 1] == "125"
    assert {"--timing-allow-fail", "--lpf-allow-unconstrained", "--seed"} <= set(words)
    assert done.bitstream is not None
    assert done.bitstream.read_text() == "bits\n"
    assert [run.tool for run in done.runs] == ["Yosys", "nextpnr-ecp5", "ecppack"]


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
    assert "in_q <= scan_in;" in text
    assert "[-1" not in text


@pytest.mark.synth
@pytest.mark.slow
def test_a_real_design(tmp_path: Path) -> None:
    """Synthesized, linked inside its harness, routed: cells add up and a clock was found."""
    tool = find_nextpnr()
    if tool is None:
        pytest.skip("nextpnr-ecp5 is not installed")
    (tmp_path / "twice.v").write_text(TWICE)
    job = ModuleJob("twice", (tmp_path / "twice.v",), "twice")
    (made,) = synthesize([job], family="ecp5", out=tmp_path / "synth", options=SynthOptions())
    done = place_and_route(
        [made.verilog],
        tmp_path / "twice.v",
        HARNESS,
        part="LFE5U-25F-6BG256C",
        clock_ns=10,
        folder=tmp_path,
        yosys=find_yosys(),
        tool=tool,
    )
    found = json.loads(done.report.read_text())
    registers = HARNESS.in_width + HARNESS.out_width + 4
    assert found["utilization"]["TRELLIS_FF"]["used"] == made.cells["TRELLIS_FF"] + registers
    (clock,) = found["fmax"].values()
    assert clock["constraint"] == 100
    assert clock["achieved"] > 50
    assert done.bitstream is not None
    assert done.bitstream.stat().st_size > 100_000
    assert sys.executable in done.runs[1].argv or tool.argv[0] in done.runs[1].argv
