"""A TOML file as the same nodes that YAML gives, so that errors in both name their lines alike.

``tomllib`` keeps no lines; they are found by reading the headers and keys once more, one line at a time.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from bitwright.errors import ConfigError

Keys = tuple[str, ...]
_HEADER = re.compile(r"\s*\[\[?(?P<keys>.+?)\]?\]\s*(#.*)?$")
_KEY = re.compile(r"""\s*(?P<keys>(?:[\w.\s-]|"[^"]*"|'[^']*')+?)\s*=""")


def read_toml_tree(path: Path) -> tuple[yaml.Node, Any]:
    """The file as YAML nodes, which know their lines, and as plain data.

    Raises:
        ConfigError: missing, not readable, or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError as error:
        raise ConfigError("file is missing", where=str(path), hint="check the name") from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint="check the file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path), hint="write it as UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{found[1]}" if found else str(path)
        raise ConfigError(f"not valid TOML: {error}", where=where, hint="mend that line") from error
    return _node(data, (), _lines(text, data), 1), data


def _lines(text: str, data: Any) -> dict[Keys, int]:
    """The line on which each key stands first, by the keys that lead to it; those in inline tables are not there."""
    found: dict[Keys, int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header and _holds(data, keys := _path(header["keys"])):
            table = keys
        elif key and _holds(data, keys := (*table, *_path(key["keys"]))):
            pass
        else:
            continue
        for length in range(1, len(keys) + 1):
            found.setdefault(keys[:length], number)
    return found


def _holds(data: Any, keys: Keys) -> bool:
    """Whether the keys lead somewhere; a line inside of a text may look like a key, too."""
    for key in keys:
        data = data[-1] if isinstance(data, list) and data else data
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return bool(keys)


def _path(keys: str) -> Keys:
    """The single keys of a dotted one; none where it is not one."""
    try:
        data: Any = tomllib.loads(f"{keys} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(data, dict):
        key, data = next(iter(data.items()))
        path.append(key)
    return tuple(path)


def _node(data: Any, keys: Keys, lines: dict[Keys, int], line: int) -> yaml.Node:
    """The value as a node; what has no line of its own is on its parent's."""
    line = lines.get(keys, line)
    mark = _mark(line)
    if isinstance(data, dict):
        children = []
        for key, value in data.items():
            own = _mark(lines.get((*keys, key), line))
            children.append((yaml.ScalarNode("str", key, own, own), _node(value, (*keys, key), lines, line)))
        return yaml.MappingNode("map", children, mark, mark)
    if isinstance(data, list):
        return yaml.SequenceNode("seq", [_node(item, keys, lines, line) for item in data], mark, mark)
    return yaml.ScalarNode("str", str(data), mark, mark)


def _mark(line: int) -> Any:
    return yaml.Mark("", 0, line - 1, 0, None, 0)
