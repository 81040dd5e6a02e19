"""Warnings of tools, grouped: a tool says the same of every wire, and a reader wants it once, with a count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.report.records import Warning_

_PLACE = re.compile(r"^(?:[^\s:]+:\d+(?::\d+)?: )?(?:Warning: )?")
_NAMES = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`']*'|\\\S+|\$\S+|\[[^\]]*\]|\b\w*\d\w*(?:\.\w+)*\b")


@dataclass(frozen=True, slots=True)
class WarningGroup:
    """Warnings of one source that say the same of different things: of one, its own words."""

    source: str
    messages: tuple[str, ...]

    @property
    def title(self) -> str:
        """The message; of several, without the names and numbers in which they differ."""
        return self.messages[0] if len(set(self.messages)) == 1 else _common(self.messages[0])


def grouped(warnings: Iterable[Warning_]) -> tuple[WarningGroup, ...]:
    """The warnings by source and wording, the most frequent first; nothing is lost: each group has all its messages."""
    groups: dict[tuple[str, str], list[str]] = {}
    for warning in warnings:
        groups.setdefault((warning.source, _common(warning.message)), []).append(warning.message)
    found = [WarningGroup(source, tuple(messages)) for (source, _), messages in groups.items()]
    return tuple(sorted(found, key=lambda group: -len(group.messages)))


def _common(message: str) -> str:
    """A message without its place, with names and numbers left out: ``src/a.sv:3: Warning: wire 'x' is ...``."""
    return _NAMES.sub("…", _PLACE.sub("", message, count=1)).strip()
