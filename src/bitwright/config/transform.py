"""The config of ``bitwright transform``: which formats a model's layers get, by their type or by their name."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bitwright.config.yamlfile import Config, line_of, read_config
from bitwright.errors import ConfigError

REGEX = "re:"
"""Begins a key that is a regular expression, not a pattern such as ``fc*``."""


class FormatEntry(Config):
    """One fixed-point format; without ``fraction`` the calibration chooses where the binary point stands."""

    width: int = Field(ge=2, le=32, description="all bits, the sign's among them")
    fraction: int | None = Field(default=None, ge=-32, le=48, description="bits right of the binary point")
    signed: bool | None = Field(default=None, description="default: false behind a relu or sigmoid, else true")


class LayerEntry(Config):
    """What is wanted of a layer; what is left out is the default's."""

    data: FormatEntry | None = Field(default=None, description="of what the layer gives, behind its activation")
    weight: FormatEntry | None = None
    bias: FormatEntry | None = Field(default=None, description="left out: exact, at the products' scale")


class DefaultEntry(LayerEntry):
    """What holds for every layer that no entry changes."""

    data: FormatEntry = FormatEntry(width=8)
    weight: FormatEntry = FormatEntry(width=8)


class TransformConfig(Config):
    """The whole file: ``by``, ``default``, and an entry for each type (or name, pattern, ``re:`` expression)."""

    model_config = ConfigDict(frozen=True, extra="allow")
    EXTRA: ClassVar[type[BaseModel] | None] = LayerEntry
    __pydantic_extra__: dict[str, LayerEntry]

    by: Literal["type", "name"]
    default: DefaultEntry = DefaultEntry()

    @property
    def entries(self) -> dict[str, LayerEntry]:
        """The entries in the file's order, by their key."""
        return dict(self.__pydantic_extra__)

    @model_validator(mode="after")
    def _no_sign_of_constants(self) -> TransformConfig:
        for entry in (self.default, *self.entries.values()):
            for constant in (entry.weight, entry.bias):
                if constant is not None and constant.signed is False:
                    raise ValueError("weights and biases are signed; leave 'signed' out")
        return self


class TransformFile:
    """A config and where its keys stand, for messages."""

    def __init__(self, path: Path) -> None:
        """Read ``path``, .toml or .yaml.

        Raises:
            ConfigError: the file is wrong.
        """
        self.path = path
        self._tree: yaml.Node | None
        self._tree, self.config = read_config(path, TransformConfig)

    def error(self, keys: tuple[str, ...], what: str, hint: str) -> ConfigError:
        """An error about a key."""
        return ConfigError(what, where=f"{self.path}:{line_of(self._tree, keys)}", hint=hint)
