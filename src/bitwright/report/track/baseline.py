"""reports/baselines/<model>/<target>.json: the figures that a design had, and how much worse it may become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from bitwright.errors import ConfigError, nearest
from bitwright.files import to_json, write_text
from bitwright.report.records import Record, Report
from bitwright.report.track.headline import Headline, Provenance, headline, provenance


class Tolerances(Record):
    """How much worse than the baseline a figure may be, as a share of it."""

    area: float = Field(default=0.10, ge=0)
    latency: float = Field(default=0.02, ge=0)
    timing: float = Field(default=0.05, ge=0, description="of Fmax; WNS may not turn negative")
    accuracy: float = Field(default=0.0, ge=0, description="points, 0.01 is 1 %")
    bits: Literal[0] | None = Field(default=0, description="0: the same bits; null: bits are not compared")


class Baseline(Record):
    """One file: what is compared, and what it depended on."""

    schema_version: Literal["1.0"] = "1.0"
    model: str
    target: str
    part: str
    clock_ns: float
    tolerances: Tolerances = Tolerances()
    headline: Headline
    provenance: Provenance


def baseline_path(root: Path, model: str, target: str) -> Path:
    """Where the baseline of a model for a target lies below the folder that holds ``reports/``."""
    return root / "reports" / "baselines" / model / f"{target}.json"


def make_baseline(report: Report, commit: str, tolerances: Tolerances) -> Baseline:
    """The baseline of a run; seconds are left out, they are the machine's."""
    head = headline(report)
    figures = {name: value for name, value in head.figures.items() if name != "seconds"}
    return Baseline(
        model=report.model,
        target=report.target,
        part=report.part,
        clock_ns=report.clock_ns,
        tolerances=tolerances,
        headline=head.model_copy(update={"figures": figures, "stages": {}}),
        provenance=provenance(report, commit),
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write it with stable bytes, whole or not at all."""
    write_text(path, to_json(baseline.model_dump(mode="json")))


def load_baseline(path: Path) -> Baseline | None:
    """Read a baseline; None where there is no file.

    Raises:
        ConfigError: the file is damaged or has an unknown key; names the line, or the key and the nearest one.
    """
    if not path.is_file():
        return None
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        return Baseline.model_validate_json(json.dumps(data))
    except json.JSONDecodeError as error:
        raise ConfigError(f"damaged JSON: {error.msg}", where=f"{path}:{error.lineno}", hint=_AGAIN) from error
    except ValidationError as error:
        raise _explain(path, error) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"not readable ({error})", where=str(path), hint=_AGAIN) from error


_AGAIN = "mend it, or make it again with: bitwright baseline MODEL"


def _explain(path: Path, error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    known = {name for kind in (Baseline, Tolerances, Headline, Provenance) for name in kind.model_fields}
    unknown = first["type"] == "extra_forbidden"
    what = f"unknown key '{key}'" if unknown else f"'{key}': {first['msg']}"
    line = _line_of(path, str(first["loc"][-1]) if first["loc"] else "")
    hint = (nearest(str(first["loc"][-1]), known) if unknown else "") or _AGAIN
    return ConfigError(what, where=f"{path}:{line}", hint=hint)


def _line_of(path: Path, key: str) -> int:
    """The line of the first place where a key stands; the first line where it does not."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if f'"{key}"' in line), 1)
