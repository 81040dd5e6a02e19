"""Cells, tables and literals as tools print them: what they state, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.report.parsers.jsliterals import ScriptError, read_assignments
from bitwright.report.parsers.tables import find_boxes, read_box, read_ruled
from bitwright.report.parsers.values import (
    agrees,
    count,
    megahertz,
    nanoseconds,
    normalise_part,
    number,
    percent,
    used_of_available,
    watts,
    whole,
)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1,234", 1234), ("-0.5", -0.5), ("1e+03", 1000), (" 12 ", 12), ("-", None), ("N/A", None), ("?", None),
     ("undef", None), ("", None), ("NA", None), ("0", 0), ("1,234.5", 1234.5)],
)  # fmt: skip
def test_numbers(cell: str, value: float | None) -> None:
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["1,23", "12,34,567", "0x10", "1 2", "12%", "twelve", "1e400", "--5", "1.2.3", "5 ns"])
def test_what_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="number"):
        number(cell)


def test_counts_are_not_negative_and_cycles_are_whole() -> None:
    assert count("1.5") == 1.5
    assert count("4.0") == 4
    for cell in ("-1", "-0.5"):
        with pytest.raises(ValueError, match="below zero"):
            count(cell)
    with pytest.raises(ValueError, match="whole"):
        whole("1.5")


@pytest.mark.parametrize(
    ("cell", "default", "value"),
    [("9.452 sec", None, 9.452e9), ("25.000 ns", None, 25), ("1.5us", None, 1500), ("0.14 ms", None, 140_000),
     ("312 ps", None, 0.312), ("5.00", "ns", 5), ("1.452e+06", "ns", 1_452_000), ("-", None, None)],
)  # fmt: skip
def test_times_are_nanoseconds(cell: str, default: str | None, value: float | None) -> None:
    assert nanoseconds(cell, default) == value


def test_a_unit_is_needed_and_known() -> None:
    for reader, cell in ((nanoseconds, "5"), (nanoseconds, "5 MHz"), (megahertz, "5 ns"), (watts, "5"), (watts, "5 V")):
        with pytest.raises(ValueError, match="unit"):
            reader(cell)
    assert (megahertz("0.2 GHz"), megahertz("200", "MHz"), watts("81.4 mW"), watts("4.125", "W")) == (
        200, 200, 0.0814, 4.125,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("used", "available", "printed", "good"),
    [(200, 41000, "0.49", True), (200, 41000, "0.48", True), (200, 41000, "4.9", False), (12, 147780, "<0.01", True),
     (120, 147780, "<0.01", False), (1, 1000, "~0", True), (50, 1000, "~0", False), (7, 100, "< 1 %", False),
     (930, 80330, "1 %", True), (0, 0, "0", True), (5, 0, "0", False), (200, 41000, "-", True)],
)  # fmt: skip
def test_shares(used: int, available: int, printed: str, good: bool) -> None:
    assert agrees(used, available, percent(printed)) is good


def test_used_of_available() -> None:
    assert used_of_available("1,632 / 22,320 ( 7 % )") == (1632, 22320)
    assert used_of_available("649") == (649, None)
    assert used_of_available("12 / 4,191 ( < 1 % )") == (12, 4191)
    assert used_of_available("N/A") == (None, None)
    for cell in ("1,632 / 22,320 ( 70 % )", "1 / 2 / 3", "some"):
        with pytest.raises(ValueError, match=r"share|used / available|number"):
            used_of_available(cell)


@pytest.mark.parametrize(
    ("printed", "normal"),
    [("xcvu9pflgb2104-2", "xcvu9p-flgb2104-2"), ("xcvu9p-flgb2104-2-i", "xcvu9p-flgb2104-2-i"),
     ("7a35ti-csg324", "xc7a35ti-csg324"), ("XC7Z020-CLG400-1", "xc7z020-clg400-1"), ("xcu55c", "xcu55c"),
     ("xc7k70tfbg484-1", "xc7k70t-fbg484-1"), ("xcku115-flvb2104-2-i", "xcku115-flvb2104-2-i"),
     ("5csEBA6U23I7", "5CSEBA6U23I7"), ("LFE5U-25F  CABGA256", "LFE5U-25F CABGA256"),
     ("xcvu9p-flga2104-2L-e", "xcvu9p-flga2104-2l-e")],
)  # fmt: skip
def test_parts_have_one_spelling(printed: str, normal: str) -> None:
    assert normalise_part(printed) == normal
    assert normalise_part(normal) == normal


BOX = """\
+------+-----------+-----+
|      |  Latency  |     |
| Name | min | max | LUT |
+------+-----+-----+-----+
| a    |   1 |   2 |   3 |
|   b  |   4 |   5 |   6 |
+------+-----+-----+-----+
| sum  |   5 |   7 |   9 |
+------+-----+-----+-----+
""".splitlines()


def test_merged_headers_are_joined_and_indents_kept() -> None:
    table = read_box(BOX, 0, 11)
    assert table.columns == ("Name", "Latency min", "Latency max", "LUT")
    assert [row.cells for row in table.rows] == [("a", "1", "2", "3"), ("b", "4", "5", "6"), ("sum", "5", "7", "9")]
    assert [row.line for row in table.rows] == [15, 16, 18]
    assert [row.indent for row in table.rows] == [1, 3, 1]
    assert table.faults == ()


@pytest.mark.parametrize("kept", range(1, len(BOX)))
def test_a_box_without_its_lower_border_has_a_fault(kept: int) -> None:
    if kept not in (7,):  # the border between the parts closes what is above it
        assert read_box(BOX[:kept], 0).faults or not read_box(BOX[:kept], 0).rows


@given(st.integers(4, 7), st.integers(0, 24), st.characters(categories=["L", "N"]))
def test_a_row_whose_frame_is_broken_is_left_out(line: int, place: int, sign: str) -> None:
    lines = list(BOX)
    if line == 6:
        return
    broken = lines[line][:place] + sign + lines[line][place + 1 :]
    lines[line] = broken
    table = read_box(lines, 0)
    told = bool(table.faults)
    assert told == (BOX[line][place] == "|")


def test_boxes_are_found_one_after_the_other() -> None:
    assert [table.line for table in find_boxes([*BOX, "", *BOX])] == [1, 11]


def test_ruled_columns() -> None:
    lines = [
        "Clock   Period(ns)  Rate",
        "-----   ----------  ----",
        "a       5.000        200",
        "long clock  1.000   1",
        "",
    ]
    table = read_ruled(lines, 1)
    assert table.columns == ("Clock", "Period(ns)", "Rate")
    assert table.rows[0].cells == ("a", "5.000", "200")
    assert [fault.line for fault in table.faults] == [4]


def test_script_literals_are_read_and_nothing_else() -> None:
    text = """var a = {"x":[1, 2.5, -3], 'y':'one\\ntwo', "z":true};\nvar b='{"c":null}';\n"""
    found = {name: value for name, (value, _) in read_assignments(text).items()}
    assert found["a"] == {"x": [1, 2.5, -3], "y": "one\ntwo", "z": True}
    for code in (
        "var a = f();",
        "var a = (1);",
        "var a = 1; alert(1)",
        "var a = `x`;",
        "var a = [1, ...b];",
        """var a = {"y":'it'.length};""",
        """var a = {"k":1, "k":2};""",
        "var a = " + "[" * 500 + "]" * 500 + ";",
    ):
        with pytest.raises(ScriptError):
            read_assignments(code)
