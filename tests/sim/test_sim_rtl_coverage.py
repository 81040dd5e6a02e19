"""What Verilator leaves of coverage, read and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.errors import ToolFailedError
from bitwright.sim.rtl_coverage import Point, read_coverage


def record(file: str, line: int, column: int, kind: str, what: str, count: int, page: str = "a__W2") -> str:
    keys = {"f": f"some/{file}", "l": line, "n": column, "t": kind, "page": f"v_{kind}/{page}", "o": what, "h": "t.u0"}
    return "C '" + "".join(f"\1{key}\2{value}" for key, value in keys.items()) + f"' {count}"


DATA = "\n".join(
    [
        "# SystemC::Coverage-3",
        record("a.sv", 3, 9, "toggle", "x[0]:0->1", 4),
        record("a.sv", 3, 9, "toggle", "x[0]:1->0", 0),
        record("a.sv", 3, 9, "toggle", "x[1]:0->1", 0),
        record("a.sv", 3, 9, "toggle", "x[1]:0->1", 2, page="a__W3"),
        record("a.sv", 5, 3, "line", "block", 7),
        record("a.sv", 6, 5, "branch", "if", 0),
        record("a.sv", 6, 6, "branch", "else", 7),
        record("a.sv", 7, 5, "branch", "if", 1),
        record("b.sv", 1, 1, "line", "block", 0),
    ]
)


def test_points_of_one_file_over_all_its_instances(tmp_path: Path) -> None:
    path = tmp_path / "coverage.dat"
    path.write_text(DATA)
    coverage = read_coverage(path, "a.sv")
    assert coverage.counts[Point(3, "toggle", "x[1]:0->1", 9)] == 2
    assert coverage.percent(toggle=True) == pytest.approx(200 / 3)
    assert coverage.percent(toggle=False) == 75
    assert coverage.missed(toggle=True) == (Point(3, "toggle", "x[0]:1->0", 9),)
    assert coverage.missed(toggle=False) == (Point(6, "branch", "if", 5),)
    assert read_coverage(path, "b.sv").percent(toggle=False) == 0
    assert read_coverage(path, "b.sv").percent(toggle=True) == 100


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no coverage"),
        (DATA.replace("' 7", "' x"), "not a line of coverage"),
        (DATA.replace("a.sv", "c.sv"), "no point of a.sv"),
        ("", "no point of a.sv"),
    ],
)
def test_no_coverage_is_an_error(content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "coverage.dat"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ToolFailedError, match=said):
        read_coverage(path, "a.sv")
