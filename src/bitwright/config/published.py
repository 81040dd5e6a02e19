"""reports/published.yaml: figures of other people's work, each with its source."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from bitwright.config.yamlfile import Config, read_yaml


class PublishedPoint(Config):
    """One design of a paper; what it does not state is absent."""

    method: str
    dataset: str
    accuracy: float = Field(ge=0, le=1)
    lut: int = Field(gt=0)
    ff: int | None = Field(default=None, ge=0)
    dsp: int | None = Field(default=None, ge=0)
    latency_ns: float | None = Field(default=None, gt=0)
    source: str = Field(min_length=1)


class Published(Config):
    """The whole file."""

    points: tuple[PublishedPoint, ...] = ()


def load_published(path: Path) -> Published:
    """Read the table; an empty one where there is no file.

    Raises:
        ConfigError: the file is wrong.
    """
    return read_yaml(path, Published) if path.is_file() else Published()
