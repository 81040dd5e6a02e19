"""``var name = <literal>;`` of the JavaScript that HLS reports are drawn with: read as data, never run.

Literals only: objects, arrays, strings in either quotes (joined by ``+``), numbers, true, false, null.  A string
that holds JSON, as ``var areaJSON='{...}'``, is left as a string.
"""

from __future__ import annotations

import re
from typing import Any

DEEPEST = 300
_SPACE = re.compile(r"(?:\s|/\*.*?\*/|//[^\n]*)*", re.DOTALL)
_VAR = re.compile(r"(?:var|let|const)\s+([A-Za-z_$][\w$]*)\s*=")
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r?\n|.)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CONSTANTS = {"true": True, "false": False, "null": None}


class ScriptError(ValueError):
    """A text that is no list of assigned literals; ``place`` is the offset."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def read_assignments(text: str) -> dict[str, tuple[Any, int]]:
    """Every variable with its value and the offset of the value.

    Raises:
        ScriptError: anything but assignments of literals, or the end in the middle of one.
    """
    reader = _Reader(text)
    found: dict[str, tuple[Any, int]] = {}
    while not reader.at_end():
        name = reader.expect(_VAR, "'var name ='")[1]
        reader.skip()
        start = reader.place
        found[name] = (reader.value(0), start)
        reader.end_statement()
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.place)
        assert found is not None
        self.place = found.end()

    def at_end(self) -> bool:
        self.skip()
        while self.text.startswith(";", self.place):
            self.place += 1
            self.skip()
        return self.place >= len(self.text)

    def end_statement(self) -> None:
        """A semicolon, or the end of the line."""
        start = self.place
        self.skip()
        ended = self.text.startswith(";", self.place) or self.place >= len(self.text)
        if not ended and "\n" not in self.text[start : self.place]:
            raise ScriptError("';' expected", self.place)

    def expect(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        found = pattern.match(self.text, self.place)
        if found is None:
            raise ScriptError(f"{what} expected", self.place)
        self.place = found.end()
        return found

    def take(self, sign: str) -> bool:
        self.skip()
        if not self.text.startswith(sign, self.place):
            raise ScriptError(f"'{sign}' expected", self.place)
        self.place += len(sign)
        return True

    def peek(self) -> str:
        self.skip()
        return self.text[self.place : self.place + 1]

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise ScriptError("nested too deep", self.place)
        sign = self.peek()
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._array(depth)
        if sign and sign in "'\"":
            return self._string()
        if sign and (sign.isdigit() or sign == "-"):
            digits = self.expect(_NUMBER, "a number")[0]
            return float(digits) if re.search(r"[.eE]", digits) else int(digits)
        word = self.expect(_WORD, "a literal")[0]
        if word not in _CONSTANTS:
            raise ScriptError(f"'{word}' is no literal", self.place)
        return _CONSTANTS[word]

    def _string(self) -> str:
        parts = [self._one_string()]
        while self.peek() == "+":
            self.take("+")
            self.skip()
            parts.append(self._one_string())
        return "".join(parts)

    def _one_string(self) -> str:
        found = self.expect(_STRING, "a closed string")
        body = found[1] if found[1] is not None else found[2]
        return _ESCAPE.sub(_unescape, body) if "\\" in body else body

    def _object(self, depth: int) -> dict[str, Any]:
        self.take("{")
        found: dict[str, Any] = {}
        while self.peek() != "}":
            sign = self.peek()
            key = self._one_string() if sign and sign in "'\"" else self.expect(_WORD, "a key")[0]
            self.take(":")
            if key in found:
                raise ScriptError(f"the key '{key}' stands twice", self.place)
            found[key] = self.value(depth + 1)
            if self.peek() != "}":
                self.take(",")
        self.take("}")
        return found

    def _array(self, depth: int) -> list[Any]:
        self.take("[")
        found: list[Any] = []
        while self.peek() != "]":
            found.append(self.value(depth + 1))
            if self.peek() != "]":
                self.take(",")
        self.take("]")
        return found


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "ux" and len(code) > 1:
        return chr(int(code[1:], 16))
    return "" if code in ("\n", "\r\n") else _NAMED.get(code, code)
