"""An hls/<model>.yaml laid over hls4ml's own config; what hls4ml would silently ignore is an error here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bitwright.config.yamlfile import line_of, read_tree
from bitwright.errors import ConfigError, FormatError, nearest
from bitwright.fixed import parse_format

LAYER_KEYS = {
    "Precision": dict, "ReuseFactor": int, "Strategy": str, "TableSize": int, "ExpTableSize": int, "InvTableSize": int,
    "Implementation": str, "Skip": bool, "Trace": bool,
}  # fmt: skip
WORDS = {
    "Strategy": ("latency", "resource", "resource_unrolled", "distributed_arithmetic"),
    "Implementation": ("latency", "stable", "argmax"),
}


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    tree: yaml.Node | None
    prefix: tuple[str, ...] = ()

    def error(self, key: tuple[str, ...], what: str, hint: str) -> ConfigError:
        return ConfigError(what, where=f"{self.path}:{line_of(self.tree, (*self.prefix, *key))}", hint=hint)


def lay_over(config: dict[str, Any], path: Path) -> None:
    """Lay the file ``path`` on hls4ml's ``config`` (granularity name), in place.

    Raises:
        ConfigError: not YAML, a key that hls4ml would not use, or a value that it would not understand.
    """
    tree, data = read_tree(path)
    if data is None:
        return
    file = _File(path, tree)
    if not isinstance(data, dict):
        raise file.error((), "not a mapping of keys to values", "start with 'Model:' or 'LayerName:'")
    if isinstance(data.get("HLSConfig"), dict):  # as hls4ml's own files have it
        file, data = _File(path, tree, ("HLSConfig",)), data["HLSConfig"]
    _merge(config, data, file, ())


def _merge(base: dict[str, Any], over: dict[str, Any], file: _File, path: tuple[str, ...]) -> None:
    for key, value in over.items():
        here = (*path, str(key))
        known = set(base) | _extra_keys(base, path)
        if key not in known:
            hint = nearest(str(key), known) or f"known keys: {', '.join(sorted(known))}"
            raise file.error(here, f"unknown key '{'.'.join(here)}'", hint)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value, file, here)
        else:
            _check(base.get(key), value, file, here)
            base[key] = value


def _extra_keys(base: dict[str, Any], path: tuple[str, ...]) -> set[str]:
    """Keys that hls4ml reads although its own config does not show them."""
    if len(path) == 2 and path[0] == "LayerName":
        return set(LAYER_KEYS)
    return {"inp_norm"} if path[-1:] == ("Precision",) and "exp_table" in base else set()


def _check(old: Any, value: Any, file: _File, path: tuple[str, ...]) -> None:
    name, key = ".".join(path), path[-1]
    if path[-2:-1] == ("Precision",) or (key == "Precision" and not isinstance(value, dict)):
        _check_precision(value, file, path)
        return
    if isinstance(old, dict):
        raise file.error(path, f"'{name}' must hold keys and values, not {value!r}", "indent what belongs to it")
    kind = LAYER_KEYS.get(key, object)
    if not _fits(value, kind):
        expected = {int: "a positive whole number", str: "a word", bool: "true or false"}.get(kind, "a mapping")
        raise file.error(path, f"'{name}' is {value!r}, not {expected}", f"write {key}: with {expected}")
    words = WORDS.get(key, ())
    if words and str(value).lower() not in words:
        hint = nearest(str(value).lower(), words) or f"one of: {', '.join(words)}"
        raise file.error(path, f"'{name}': unknown {key.lower()} '{value}'", hint)


def _fits(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, kind)


def _check_precision(value: Any, file: _File, path: tuple[str, ...]) -> None:
    """``auto``, or a type of at most 64 bits; hls4ml's own texts end in its saturation bits, 0."""
    text = str(value)
    try:
        if text.lower() != "auto":
            parse_format(re.sub(r"^((?:[^,]*,){3}[^,]*),\s*0\s*>$", r"\1>", text))
    except FormatError as error:
        raise file.error(path, f"'{'.'.join(path)}': {error.what}", error.hint) from error
