"""From paths to one answer: what a file is, is decided by its content.

The formats are listed here, and nowhere else.  A folder is walked in the order of names; what is no report there is
noted, not an error.  No link is followed out of a folder, and nothing that is read is run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from bitwright.report.parsers import (
    catapult,
    hls_cosim,
    hls_export,
    hls_log,
    hls_report,
    hls_summary,
    hls_xml,
    intel_columns,
    intel_json,
    libero,
    nextpnr,
    opencl,
    own,
    quartus,
    quartus_summary,
    vivado_utilization,
    yosys_stat,
)
from bitwright.report.parsers.documents import SNIFFED, DataFormat, LogFormat, TextFormat, lines_of, split
from bitwright.report.parsers.jsondata import is_data, parse_data
from bitwright.report.parsers.model import Figure, Parsed, Problem, Severity, merge
from bitwright.report.parsers.xmltree import Node, XmlError, read_xml

TEXT_FORMATS: dict[str, TextFormat | LogFormat] = {
    **hls_report.FORMATS,
    **hls_summary.FORMATS,
    **hls_export.FORMATS,
    **hls_cosim.FORMATS,
    **vivado_utilization.FORMATS,
    **quartus.FORMATS,
    **quartus_summary.FORMATS,
    **opencl.FORMATS,
    **catapult.FORMATS,
    **libero.FORMATS,
    **hls_log.FORMATS,
    **nextpnr.LOGS,
    **yosys_stat.LOGS,
}
DATA_FORMATS: tuple[DataFormat, ...] = (*intel_json.FORMATS, *nextpnr.DATA, *yosys_stat.DATA, *own.DATA)
XML_FORMATS = ((hls_export.matches, hls_export.parse_xml), (hls_xml.matches, hls_xml.parse))
LARGEST_XML = 256 << 20
OUR_FAULT = "a parser failed on this file; the other files are not affected; please report it"
_FAULTS = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, AssertionError, RecursionError)
_SKIPPED_FOLDERS = frozenset((".git", ".hg", ".svn", "__pycache__", "node_modules", ".Xil"))


def parse_paths(paths: Iterable[Path]) -> Parsed:
    """Read files and folders; a path that is not there is a problem like any other."""
    parts = []
    for path in paths:
        if path.is_dir():
            parts += [_with_run(parse_file(file, str(file), named=False), file) for file in _files(path)]
        elif path.is_file():
            parts.append(_with_run(parse_file(path, str(path), named=True), path))
        else:
            what = "neither a file nor a folder" if path.exists() else "no such file or folder"
            parts.append(_nothing(str(path), Severity.ERROR, what, line=None))
    return merge(parts)


def _with_run(parsed: Parsed, path: Path) -> Parsed:
    """Part and version for a file of Intel's HLS tools, from the ``info`` beside it, which is known by its content."""
    tools = (
        intel_columns.HLS,
        intel_columns.ONEAPI,
        intel_columns.OPENCL,
        "Quartus fitter",
        "Intel HLS i++ simulation",
    )
    if not any(f.tool in tools and not (f.part and f.tool_version) for f in parsed.figures):
        return parsed
    named = intel_json.info_beside(path)
    return parsed if not named else with_part(parsed, named.get("part"), named.get("version"), named["source"])


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(place) / name
            if path.is_file() and not path.is_symlink():
                yield path


def parse_file(path: Path, source: str, *, named: bool = True) -> Parsed:
    """Read one file; whatever is in it, the answer is figures and problems, never an exception.

    Args:
        path: the file.
        source: its name in the answer.
        named: whether it was asked for by name; a file that is no report is then an error, else a note.
    """
    strange = Severity.ERROR if named else Severity.INFO
    try:
        with path.open("rb") as handle:
            head = handle.read(SNIFFED)
        if not head.strip(b"\0 \t\r\n"):
            return _nothing(source, Severity.ERROR if named else Severity.WARNING, "the file is empty")
        return _parse(path, source, head, strange)
    except OSError as error:
        return _nothing(source, Severity.ERROR, f"cannot be read: {error.strerror or error}")
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        AssertionError,
        RecursionError,
    ) as error:
        return _nothing(source, Severity.ERROR, f"{OUR_FAULT}: {type(error).__name__}: {error}")


def _nothing(source: str, severity: Severity, message: str, line: int | None = 1) -> Parsed:
    return Parsed(problems=(Problem(source, line, severity, message),))


def _parse(path: Path, source: str, head: bytes, strange: Severity) -> Parsed:
    if _is_utf16(head):
        return _nothing(source, strange, "text in UTF-16: save it as UTF-8")
    if _is_binary(head):
        return _nothing(source, strange, "a binary file, no report")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return _parse_xml(path, source, strange)
    if is_data(start):
        return parse_data(path, source, strange, DATA_FORMATS)
    parts = list(split(source, lines_of(path), TEXT_FORMATS))
    if not parts:
        return _nothing(source, strange, "no report of a tool that is known")
    return merge([_once(parts), _unfinished(path, source)])


def _unfinished(path: Path, source: str) -> Parsed:
    """A note where a text does not end with a line end: it may be cut."""
    with path.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        if handle.read(1) == b"\n":
            return Parsed()
    return _nothing(source, Severity.INFO, "the file ends in the middle of a line: it may be cut", line=None)


def _is_utf16(head: bytes) -> bool:
    return head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _is_binary(head: bytes) -> bool:
    """Control characters where text would be; a log may end in zeros that a crash left."""
    text = head.rstrip(b"\0\x03\r\n")
    odd = sum(text.count(bytes([code])) for code in (*range(7), *range(14, 27)))
    return head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x7fELF")) or odd > len(text) // 1000 + 2


def _once(parts: list[tuple[str, Parsed]]) -> Parsed:
    """The documents of one file; of two that state the same of the same design, the later one counts."""
    kept: list[Parsed] = []
    seen: list[tuple[tuple[str, str | None, str], set[str]]] = []
    for name, parsed in parts:
        key = (name, parsed.figures[0].design if parsed.figures else None, _stage(parsed))
        metrics = {figure.metric for figure in parsed.figures}
        for i, (other, stated) in enumerate(seen):
            if other == key and stated & metrics:
                kept[i] = Parsed(problems=(_repeated(kept[i].figures[0]),))
                seen[i] = (other, set())
        seen.append((key, metrics))
        kept.append(parsed)
    return merge(kept)


def _stage(parsed: Parsed) -> str:
    return parsed.figures[0].stage.value if parsed.figures else ""


def _repeated(figure: Figure) -> Problem:
    message = "the file holds this report more than once: the last one counts"
    return Problem(figure.source, figure.line, Severity.INFO, message)


def _parse_xml(path: Path, source: str, strange: Severity) -> Parsed:
    if path.stat().st_size > LARGEST_XML:
        return _nothing(source, strange, "larger than any report in XML")
    try:
        root = read_xml(path.read_bytes())
    except XmlError as error:
        head = path.read_bytes()[:2000]
        likely = b"<profile" in head
        return _nothing(source, Severity.ERROR if likely else strange, str(error), error.line)
    return _parse_tree(source, root, strange)


def _parse_tree(source: str, root: Node, strange: Severity) -> Parsed:
    for matches, parse in XML_FORMATS:
        if matches(root):
            return parse(source, root)
    return _nothing(source, strange, f"XML that is no report (<{root.tag}>)", root.line)


def with_part(parsed: Parsed, part: str | None, version: str | None, named_in: str) -> Parsed:
    """The figures with the part and version that another file of the same run names."""
    told = f"part and version from {named_in}"
    figures = []
    for figure in parsed.figures:
        if (part and not figure.part) or (version and not figure.tool_version):
            note = "; ".join(filter(None, (figure.note, told)))
            part_, version_ = figure.part or part, figure.tool_version or version
            figures.append(replace(figure, part=part_, tool_version=version_, note=note))
        else:
            figures.append(figure)
    return Parsed(tuple(figures), parsed.modules, parsed.problems)


def said_nothing(parsed: Parsed) -> bool:
    """Whether not one figure was read."""
    return not parsed.figures and not parsed.modules
