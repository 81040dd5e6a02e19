"""The error tree: every failure that a user can cause or meet says what, where and what to do.

Exit codes (the command line turns an error into one): 0 ok, 1 our fault, 2 usage or input,
3 bits differ, 4 tool missing, 5 tool failed, 6 over budget or not usable.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class BitwrightError(Exception):
    """Base of all errors that Bitwright raises on purpose.

    ``what`` happened, ``where`` (file, line, layer), and ``hint``: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  -> {self.hint}" if self.hint else head

    def to_dict(self) -> dict[str, str | int]:
        """The error as plain data, for ``--json`` and for passing between processes."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "hint": self.hint,
            "exit_code": self.exit_code,
        }


class UsageError(BitwrightError):
    """A command, option or file name that means nothing here."""

    exit_code = 2


class ConfigError(BitwrightError):
    """A YAML file that people write is wrong: unknown key, wrong type, missing value."""

    exit_code = 2


class ModelError(BitwrightError):
    """A model file that is missing, corrupt, dangerous or not usable."""

    exit_code = 2


class UnsupportedLayerError(ModelError):
    """A layer, or an option of one, that has no hardware here."""


class FormatError(BitwrightError):
    """A fixed-point format that cannot exist or is wider than supported."""

    exit_code = 2


class DatasetError(BitwrightError):
    """A data set that is missing, corrupt, or of the wrong shape."""

    exit_code = 2


class BusyError(BitwrightError):
    """Another run holds the build folder."""

    exit_code = 2


class NetworkError(BitwrightError):
    """A Network that breaks its own rules: always a fault of the program that made it."""


class MismatchError(BitwrightError):
    """Two oracles computed different bits."""

    exit_code = 3


class ToolNotFoundError(BitwrightError):
    """An external program that a stage needs is not installed."""

    exit_code = 4


class ToolFailedError(BitwrightError):
    """An external program failed, hung, was killed, or answered nonsense."""

    exit_code = 5


class ReportParseError(BitwrightError):
    """A tool's report cannot be read."""

    exit_code = 2


class BudgetError(BitwrightError):
    """A design costs more than its budget allows."""

    exit_code = 6


class UnusableError(BitwrightError):
    """A quantized model that its health check finds not usable; its folder is written, with what was found."""

    exit_code = 6


def _tree(base: type[BitwrightError]) -> dict[str, type[BitwrightError]]:
    found = {base.__name__: base}
    for child in base.__subclasses__():
        found.update(_tree(child))
    return found


def error_from_dict(data: dict[str, str | int]) -> BitwrightError:
    """Rebuild an error that another process wrote with :meth:`BitwrightError.to_dict`."""
    kind = _tree(BitwrightError).get(str(data.get("error")), BitwrightError)
    return kind(str(data["what"]), where=str(data.get("where", "")), hint=str(data.get("hint", "")))


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'? `` for the nearest known word, or an empty string."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean '{match[0]}'?" if match else ""
