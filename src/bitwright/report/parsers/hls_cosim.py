"""C simulation and co-simulation: ``*_cosim.rpt`` and ``*_csim.log`` of Vivado HLS and Vitis HLS.

A co-simulation can pass with every latency "NA" (one transaction only); its report names neither the top nor the
part.  COSIM_STATUS is ``pass`` only if every language that ran passed.
"""

from __future__ import annotations

import re

from bitwright.report.parsers.documents import Document, TextFormat
from bitwright.report.parsers.hls_head import check_order, tell_faults
from bitwright.report.parsers.model import Parsed, Sheet, Stage
from bitwright.report.parsers.tables import Row, Table, is_border, read_box
from bitwright.report.parsers.values import Number, whole

_LATENCY = {
    "Latency min": "LATENCY_MIN_CYCLES", "Latency max": "LATENCY_MAX_CYCLES",
    "Interval min": "II_MIN_CYCLES", "Interval max": "II_MAX_CYCLES",
}  # fmt: skip
_STATUS = {"pass": "pass", "fail": "fail", "na": "", "n/a": "", "not run": ""}


def parse(document: Document) -> Parsed:
    """Read the table of a co-simulation."""
    sheet = Sheet(document.source, "C/RTL cosimulation", Stage.SIMULATION)
    start = next((i for i, line in enumerate(document.lines) if is_border(line)), None)
    if start is None:
        sheet.warn(document.first, "no table of the co-simulation")
        return sheet.done()
    table = read_box(_even(document.lines), start, document.first)
    tell_faults(table, sheet)
    columns = {_name(name): i for i, name in enumerate(table.columns)}
    order = [name for name in ("RTL", "Status", *_with_average()) if name in columns]
    if [name for name in columns if name in order] != order or order[:2] != ["RTL", "Status"]:
        sheet.warn(table.line, "the columns are not those of the tool, in its order")
        return sheet.done()
    _rows(table, columns, sheet)
    return sheet.done()


def _with_average() -> tuple[str, ...]:
    return tuple(f"{what} {which}" for what in ("Latency", "Interval") for which in ("min", "avg", "max"))


def _name(column: str) -> str:
    return re.sub(r"\s*\(Clock Cycles\)", "", column).strip()


def _even(lines: list[str]) -> list[str]:
    """The lines with a frame that holds: every border with the corners of the fullest row, the odd line
    ``+  RTL  +  Status  +-----+`` inside the header as cells.
    """
    fullest = max((line for line in lines if line.startswith("|")), key=lambda line: line.count("|"), default="")
    border = re.sub(r"[^+]", "-", fullest.rstrip().replace("|", "+"))
    return [border if is_border(line) and len(line.rstrip()) == len(border) else _plain(line) for line in lines]


def _plain(line: str) -> str:
    return line.replace("+", "|").replace("-", " ") if re.match(r"\+ .*\+\s*$", line) else line


def _rows(table: Table, columns: dict[str, int], sheet: Sheet) -> None:
    states: dict[str, str] = {}
    for row in table.rows:
        language = row.cells[columns["RTL"]]
        status = row.cells[columns["Status"]].lower()
        if language.lower() not in ("vhdl", "verilog", "systemc") or status not in _STATUS:
            sheet.warn(row.line, f"'{language}' with status '{row.cells[columns['Status']]}' is not understood")
            continue
        states[language] = _STATUS[status]
        if _STATUS[status]:
            _latency(row, columns, sheet)
    if not states:
        sheet.warn(table.line, "no status of a language")
        return
    ran = {state for state in states.values() if state}
    absent = [metric for name, metric in _LATENCY.items() if name not in columns]
    if absent and ran:
        sheet.info(table.line, f"no column of {', '.join(absent)}")
    if not ran:
        sheet.warn(table.line, "COSIM_STATUS is not stated: no language ran")
        return
    verdict = "fail" if "fail" in ran else "pass"
    whole_table = not table.faults and len(states) == len(table.rows) and {"VHDL", "Verilog"} <= set(states)
    if verdict != "fail" and not whole_table:
        sheet.warn(table.line, "COSIM_STATUS withheld: the row of a language is missing or damaged")
        return
    note = "; ".join(f"{language}: {state or 'NA'}" for language, state in states.items())
    sheet.add("COSIM_STATUS", verdict, table.rows[-1].line, note=note)


def _latency(row: Row, columns: dict[str, int], sheet: Sheet) -> None:
    for name, metric in _LATENCY.items():
        if name not in columns:
            continue
        try:
            value = whole(row.cells[columns[name]])
        except ValueError as error:
            sheet.warn(row.line, f"{metric}: {error}")
            continue
        if value is None:
            word = row.cells[columns[name]]
            (sheet.info if word else sheet.warn)(row.line, f"{metric}: the cell says '{word}'")
        sheet.add(metric, value, row.line)
    for low, high in (("LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"), ("II_MIN_CYCLES", "II_MAX_CYCLES")):
        check_order(sheet, low, high, row.line)
    for what, low, high in (("Latency", "LATENCY_MIN_CYCLES", "LATENCY_MAX_CYCLES"),
                            ("Interval", "II_MIN_CYCLES", "II_MAX_CYCLES")):  # fmt: skip
        _average(row, columns.get(f"{what} avg"), low, high, sheet)


def _average(row: Row, i: int | None, low: str, high: str, sheet: Sheet) -> None:
    """The average lies between minimum and maximum: else cells are exchanged."""
    least, most = sheet.value(low), sheet.value(high)
    if i is None or least is None or most is None:
        return
    try:
        mean: Number | None = whole(row.cells[i])
    except ValueError:
        mean = None
    if mean is None or not least <= mean <= most:
        sheet.withhold((low, high), row.line, f"the average says '{row.cells[i]}'")


def parse_csim(document: Document) -> Parsed:
    """Read the log of a C simulation."""
    sheet = Sheet(document.source, "C simulation", Stage.SIMULATION)
    done = document.find(r"CSim done with (\d+) errors?\.")
    failed = document.find(r"^ERROR:|@E |CSim failed|nonzero return value")
    if failed is not None:
        sheet.add("CSIM_STATUS", "fail", document.number(failed), note=document.lines[failed].strip()[:300])
    elif done is not None:
        found = re.search(r"with (\d+) error", document.lines[done])
        assert found is not None
        sheet.add("CSIM_STATUS", "pass" if found[1] == "0" else "fail", document.number(done))
    else:
        sheet.warn(document.last, "the log ends before the simulation did")
        sheet.add("CSIM_STATUS", "truncated", document.last)
    return sheet.done()


FORMATS = {
    "cosim": TextFormat(r"Report time +: ", parse),
    "csim": TextFormat(r"(?:INFO: )?\[SIM (?:211-)?2\] \*+ CSIM start \*+", parse_csim),
}
