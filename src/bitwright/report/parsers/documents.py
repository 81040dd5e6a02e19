"""Files cut into documents: a file may hold several reports, and its name says nothing about which.

A text is read once, line by line, in bounded memory.  Each format names the line that opens one of its documents;
what stands before the first such line belongs to nobody.  A format that ``streams`` (a log) takes all lines to the
end of the file as they come; the others get their lines as a list, to the next opening line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bitwright.report.parsers.model import Parsed, Problem, Severity
from bitwright.report.parsers.tables import is_border

LONGEST_LINE = 1 << 20
"""Characters of one line that are read; the rest of a longer one is dropped."""
LARGEST_DOCUMENT = 64 << 20
"""Characters of one document that are kept; a longer one is cut, with a problem."""
LARGEST_DATA = 256 << 20
"""Bytes of a JSON, JavaScript or XML file that are read."""
SNIFFED = 1 << 16


class Line(NamedTuple):
    """One line; ``whole`` is false for a last line without a line end, which may have been cut anywhere."""

    number: int
    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """The lines of one report; ``first`` is the number of the first one in its file.

    A last line that may have been cut is ``tail`` and not among the lines, unless it closes a table.
    """

    source: str
    lines: list[str]
    first: int = 1
    tail: str = ""

    def number(self, index: int) -> int:
        """The line number of ``lines[index]``."""
        return self.first + index

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + max(0, len(self.lines) - 1)

    def find(self, pattern: str | re.Pattern[str], start: int = 0, stop: int | None = None) -> int | None:
        """Index of the first line in which a pattern is found."""
        compiled = re.compile(pattern)
        for i in range(start, min(len(self.lines), len(self.lines) if stop is None else stop)):
            if compiled.search(self.lines[i]):
                return i
        return None

    def match(self, pattern: str, start: int = 0, stop: int | None = None) -> re.Match[str] | None:
        """The first match of a pattern in a line."""
        at = self.find(pattern, start, stop)
        return None if at is None else re.search(pattern, self.lines[at])


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A kind of report in text: the line that opens it, and its parser.

    ``inside`` matches opening lines that may stand inside a document of the kind, where they open no other.
    """

    opens: str
    parse: Callable[[Document], Parsed]
    inside: str = ""


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A kind of log: the line that opens it, and the parser that takes every line to the end of the file."""

    opens: str
    read: Callable[[str, Iterator[Line]], Parsed]


@dataclass(frozen=True, slots=True)
class Data:
    """A file of JSON, with the means to find the line of a key; ``text`` is what was read."""

    source: str
    value: Any
    text: str
    first: int = 1

    def line(self, *keys: str) -> int:
        """The line in which these keys open, one inside the other, as far as they are found."""
        place = 0
        for key in keys:
            found = re.compile(r'"' + re.escape(key) + r'"').search(self.text, place)
            if found is None:
                break
            place = found.start()
        return self.first + self.text.count("\n", 0, place)


@dataclass(frozen=True, slots=True)
class DataFormat:
    """A kind of JSON: whether a value is of it, and its parser."""

    matches: Callable[[Any], bool]
    parse: Callable[[Data], Parsed]


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a text file with their numbers: UTF-8 with or without BOM, Latin-1 where it is not; any line end."""
    with path.open("rb") as handle:
        for number, raw in enumerate(_raw_lines(handle), start=1):
            if number == 1 and raw.startswith(b"\xef\xbb\xbf"):
                raw = raw[3:]  # noqa: PLW2901
            yield Line(number, decode(raw), raw.endswith(b"\n") or len(raw) == LONGEST_LINE)


def _raw_lines(handle: Any) -> Iterator[bytes]:
    while raw := handle.readline(LONGEST_LINE):
        yield raw
        while not raw.endswith(b"\n") and len(raw) == LONGEST_LINE:  # the rest of an endless line
            raw = handle.readline(LONGEST_LINE)


def decode(raw: bytes) -> str:
    """Text of a line without its end; bytes that are no UTF-8 are Latin-1; zero bytes are dropped."""
    raw = raw.rstrip(b"\r\n").replace(b"\0", b"")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def split(
    source: str, lines: Iterable[Line], formats: Mapping[str, TextFormat | LogFormat]
) -> Iterator[tuple[str, Parsed]]:
    """The documents of a text, each parsed: the name of its format, and what it says."""
    openers = re.compile("|".join(f"(?P<{name}>{form.opens})" for name, form in formats.items()))
    name, lines_, first, size, tail = "", list[str](), 1, 0, ""
    stream = iter(lines)
    for line in stream:
        opened = _opened(openers, line.text)
        if opened is not None and not (opened == name and _is_inside(formats[name], line.text)):
            if name:
                yield _finish(name, Document(source, lines_, first), formats)
            form = formats[opened]
            if isinstance(form, LogFormat):
                yield opened, form.read(source, _chain(line, stream))
                return
            name, lines_, first, size = opened, [], line.number, 0
        size += len(line.text) + 1
        if name and size <= LARGEST_DOCUMENT:
            if line.whole or is_border(line.text):
                lines_.append(line.text)
            else:
                tail = line.text
    if name:
        yield _finish(name, Document(source, lines_, first, tail), formats, cut=size > LARGEST_DOCUMENT)


def _is_inside(form: TextFormat | LogFormat, text: str) -> bool:
    return isinstance(form, TextFormat) and bool(form.inside) and re.match(form.inside, text) is not None


def _opened(openers: re.Pattern[str], text: str) -> str | None:
    found = openers.match(text)
    return None if found is None else next(name for name, value in found.groupdict().items() if value is not None)


def _chain(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _finish(
    name: str, document: Document, formats: Mapping[str, TextFormat | LogFormat], *, cut: bool = False
) -> tuple[str, Parsed]:
    form = formats[name]
    assert isinstance(form, TextFormat)
    if document.lines:
        parsed = form.parse(document)
    else:
        parsed = Parsed(
            problems=(Problem(document.source, document.first, Severity.WARNING, "the report is cut here"),)
        )
    if cut:
        problem = Problem(document.source, document.last, Severity.WARNING, "the document is too long and was cut here")
        parsed = Parsed(parsed.figures, parsed.modules, (*parsed.problems, problem))
    return name, parsed
