"""JSON in all the forms that tools write: one value, a value on each line, or assigned in JavaScript.

Strict: no NaN, no key twice, every line whole.  Each value is offered to the formats in turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitwright.report.parsers.documents import LARGEST_DATA, Data, DataFormat
from bitwright.report.parsers.jsliterals import ScriptError, read_assignments
from bitwright.report.parsers.model import Parsed, Problem, Severity

Lines = list[tuple[int, Any]]


class DataError(ValueError):
    """A text that is no JSON; ``line`` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def is_data(start: bytes) -> bool:
    """Whether a text begins as JSON or as a script of data does."""
    return re.match(rb"\{|\[\s*[\[\{\"\d]|(?:var|let|const) \w+\s*=", start) is not None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key '{twice}' stands twice")
    return found


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def loads(text: str, first: int = 1) -> Any:
    """One JSON value.

    Raises:
        DataError: damaged text, a key twice, NaN, or nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise DataError(f"damaged JSON: {error.msg}", first + error.lineno - 1) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"refused JSON: {error or 'nested too deep'}", first) from error


def load_lines(text: str, first: int = 1) -> Lines:
    """A value on each line, with line numbers (of a text that holds no single value).

    Raises:
        DataError: a line that is damaged.
    """
    return [(first + i, loads(line, first + i)) for i, line in enumerate(text.split("\n")) if line.strip()]


def parse_data(path: Path, source: str, strange: Severity, formats: Sequence[DataFormat]) -> Parsed:
    """Read a file of JSON, of JSON lines, or of JavaScript."""
    if path.stat().st_size > LARGEST_DATA:
        return _problem(source, strange, "larger than any report in JSON", 1)
    text = _decode(path.read_bytes())
    try:
        data = _script(source, text) if re.match(r"\s*(?:var|let|const)\b", text) else _json(source, text)
    except DataError as error:
        return _problem(source, Severity.ERROR, str(error), error.line)
    for form in formats:
        if form.matches(data.value):
            return form.parse(data)
    return _problem(source, strange, "JSON that is no report of a tool that is known", 1)


def _problem(source: str, severity: Severity, message: str, line: int) -> Parsed:
    return Parsed(problems=(Problem(source, line, severity, message),))


def _decode(raw: bytes) -> str:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return raw.decode("latin-1").replace("\r\n", "\n")


def _json(source: str, text: str) -> Data:
    try:
        return Data(source, loads(text), text)
    except DataError as error:
        if "Extra data" not in str(error):
            raise
    return Data(source, {"lines": load_lines(text)}, text)


def _script(source: str, text: str) -> Data:
    """The variables of a script; a value that is a string of JSON is read once more."""
    try:
        found = read_assignments(text)
    except (ScriptError, RecursionError) as error:
        place = getattr(error, "place", 0)
        raise DataError(f"no script of data: {error}", 1 + text.count("\n", 0, place)) from error
    variables: dict[str, Any] = {}
    for name, (value, place) in found.items():
        line = 1 + text.count("\n", 0, place)
        variables[name] = loads(value, line) if isinstance(value, str) and value[:1] in ("{", "[") else value
    return Data(source, {"script": variables}, text)
