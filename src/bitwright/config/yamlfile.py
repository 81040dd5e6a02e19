"""Read a YAML file into a pydantic model; each error names the file, the line and the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bitwright.config.tomlfile import read_toml_tree
from bitwright.errors import ConfigError, nearest


class Config(BaseModel):
    """Base of the files that people write: frozen, and an unknown key is an error.

    ``EXTRA``: what keys of any name hold, where such are allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    EXTRA: ClassVar[type[BaseModel] | None] = None


C = TypeVar("C", bound=Config)


def read_yaml(path: Path, kind: type[C]) -> C:
    """The file as a ``kind``.

    Raises:
        ConfigError: missing, not YAML, unknown key (with the nearest known one), or wrong value.
    """
    return read_config(path, kind)[1]


def read_config(path: Path, kind: type[C]) -> tuple[yaml.Node | None, C]:
    """As :func:`read_yaml`, also of a .toml file, with the nodes that :func:`line_of` takes."""
    tree, data = read_toml_tree(path) if path.suffix.lower() == ".toml" else read_tree(path)
    if not isinstance(data, dict):
        raise ConfigError("not a mapping of keys to values", where=f"{path}:1", hint="start with 'name: ...'")
    try:
        return tree, kind.model_validate(data)
    except ValidationError as error:
        raise _explain(path, tree, kind, error) from error


def read_tree(path: Path) -> tuple[yaml.Node | None, Any]:
    """The file as YAML nodes, which know their lines, and as plain data.

    Raises:
        ConfigError: missing, not readable, not YAML, or a key that stands twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise ConfigError("file is missing", where=str(path), hint="check the name") from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint="check the file") from error
    except yaml.MarkedYAMLError as error:
        where = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else str(path)
        raise ConfigError(f"not valid YAML: {error.problem}", where=where, hint="mend that line") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"not valid YAML: {error}", where=str(path), hint="write it as UTF-8 text") from error
    _refuse_twins(path, tree, set())
    return tree, data


def _refuse_twins(path: Path, node: yaml.Node | None, seen: set[int]) -> None:
    """YAML would silently take the last of two equal keys."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    keys: dict[Any, int] = {}
    for item in node.value:
        key, value = item if isinstance(node, yaml.MappingNode) else (None, item)
        if key is not None and isinstance(key.value, str):
            line = key.start_mark.line + 1
            if keys.setdefault(key.value, line) != line:
                raise ConfigError(
                    f"the key '{key.value}' stands twice", where=f"{path}:{line}",
                    hint=f"it is on line {keys[key.value]} too; keep one",
                )  # fmt: skip
        _refuse_twins(path, value, seen)


def _explain(path: Path, tree: yaml.Node | None, kind: type[Config], error: ValidationError) -> ConfigError:
    found = error.errors()
    first = next(
        (each for each in found if each["type"] == "extra_forbidden"), found[0]
    )  # a misspelt key is missing too
    location = tuple(first["loc"])
    where = f"{path}:{line_of(tree, location)}"
    key = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        known = _keys(kind, location[:-1])
        hint = nearest(str(location[-1]), known) or f"known keys: {', '.join(sorted(known))}"
        return ConfigError(f"unknown key '{key}'", where=where, hint=hint)
    return ConfigError(f"'{key}': {first['msg']}", where=where, hint="see docs/ for the keys of this file")


def _keys(kind: type[BaseModel], location: tuple[Any, ...]) -> set[str]:
    for part in location:
        field = kind.model_fields.get(str(part))
        inner = _model_of(field.annotation if field else getattr(kind, "EXTRA", None))
        if inner is None:
            break
        kind = inner
    return {field.alias or name for name, field in kind.model_fields.items()}


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_of(argument)
        if found is not None:
            return found
    return None


def line_of(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    """The line of a key, given the keys that lead to it; of the last one found where it is missing."""
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
