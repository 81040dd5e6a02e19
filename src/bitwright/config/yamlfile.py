"""Read a YAML file into a pydantic model; each error names the file, the line and the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bitwright.errors import ConfigError, nearest


class Config(BaseModel):
    """Base of the files that people write: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


C = TypeVar("C", bound=Config)


def read_yaml(path: Path, kind: type[C]) -> C:
    """The file as a ``kind``.

    Raises:
        ConfigError: missing, not YAML, unknown key (with the nearest known one), or wrong value.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise ConfigError("file is missing", where=str(path), hint="check the name") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid YAML: {error}", where=str(path), hint="mend the line named above") from error
    if not isinstance(data, dict):
        raise ConfigError("not a mapping of keys to values", where=f"{path}:1", hint="start with 'name: ...'")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _explain(path, tree, kind, error) from error


def _explain(path: Path, tree: yaml.Node | None, kind: type[Config], error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    location = tuple(first["loc"])
    where = f"{path}:{_line(tree, location)}"
    key = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        known = _keys(kind, location[:-1])
        hint = nearest(str(location[-1]), known) or f"known keys: {', '.join(sorted(known))}"
        return ConfigError(f"unknown key '{key}'", where=where, hint=hint)
    return ConfigError(f"'{key}': {first['msg']}", where=where, hint="see docs/ for the keys of this file")


def _keys(kind: type[BaseModel], location: tuple[Any, ...]) -> set[str]:
    for part in location:
        field = kind.model_fields.get(str(part))
        inner = _model_of(field.annotation if field else None)
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


def _line(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
