"""What simulators and compilers leave: cocotb's results, waveforms, libraries; whole, cut short, or nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.errors import ToolFailedError
from bitwright.report.records import Status
from bitwright.sim.cocotb_run import read_results
from bitwright.sim.diagnose import read_vcd
from bitwright.sim.library import load_library

RESULTS = """<?xml version="1.0"?>
<testsuites name="results">
 <testsuite name="all">
  <testcase name="good" classname="bench" time="1.25"/>
  <testcase name="bad" classname="bench" time="0.5"><failure message="4 of 9 vectors differ"/></testcase>
  <testcase name="broken" classname="bench" time="0.5"><error message="">ValueError: x</error></testcase>
  <testcase name="left_out" classname="bench" time="0"><skipped/></testcase>
 </testsuite>
</testsuites>
"""


def test_results(tmp_path: Path) -> None:
    path = tmp_path / "results.xml"
    path.write_text(RESULTS)
    checks = {check.name: (check.status, check.seconds, check.detail) for check in read_results(path)}
    assert checks == {
        "good": (Status.PASSED, 1.25, ""),
        "bad": (Status.FAILED, 0.5, "4 of 9 vectors differ"),
        "broken": (Status.FAILED, 0.5, "ValueError: x"),
        "left_out": (Status.NOT_RUN, 0.0, ""),
    }


@pytest.mark.parametrize(
    "content", ["", "<testsuites>", "garbage", RESULTS[:-40], '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>']
)
def test_results_that_are_cut_short_or_nonsense(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.xml"
    path.write_text(content)
    with pytest.raises(ToolFailedError, match="results are not XML") as caught:
        read_results(path)
    assert caught.value.where == str(path)


VCD = """$timescale 1ps $end
$scope module TOP $end
 $var wire 1 ! clk $end
 $scope module top $end
  $var wire 1 ! clk $end
  $var wire 4 " wide [3:0] $end
  $var wire 1 # in_valid $end
  $scope module inner $end
   $var wire 4 $ wide [3:0] $end
  $upscope $end
 $upscope $end
$upscope $end
$enddefinitions $end
#0
0!
b0000 "
0#
b1111 $
#5
1!
1#
b1010 "

#10
0!
#15
1!
bx01z "
"""


def test_vcd(tmp_path: Path) -> None:
    path = tmp_path / "w.vcd"
    path.write_text(VCD)
    changes, edges = read_vcd(path, {"wide", "in_valid"})
    assert edges == [5, 15]
    assert changes == {"wide": [(0, 0), (5, 10), (15, 2)], "in_valid": [(0, 0), (5, 1)]}  # the outermost of each name


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF garbage", b"text"])
def test_a_library_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.so"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ToolFailedError, match=r"g\+\+ left no usable library") as caught:
        load_library(path, "f")
    assert caught.value.where == str(tmp_path)
