"""report.json: stable bytes, a published schema, and a reader that says what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bitwright.errors import ReportParseError, nearest
from bitwright.files import to_json
from bitwright.report.records import SCHEMA_VERSION, Record, Report


def render_json(report: Report) -> str:
    """The report as JSON: sorted keys, two spaces, absent figures absent; the same bytes for the same report."""
    return to_json(report.model_dump(mode="json", exclude_none=True))


def schema_text() -> str:
    """The JSON Schema of report.json, as published in docs/report.schema.json."""
    return to_json(Report.model_json_schema())


def load_report(path: Path) -> Report:
    """Read a report.json.

    Raises:
        ReportParseError: the file is missing, damaged, of another schema version, or breaks the schema; the
            message names the file, the line of a damaged one, and the key that is wrong.
    """
    data = _read(path)
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ReportParseError(
            f"schema version {version!r}; this program reads {SCHEMA_VERSION}",
            where=str(path),
            hint="make the report again, or read it with the version of bitwright that wrote it",
        )
    try:
        return Report.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise _broken(error, path) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReportParseError("no such report", where=str(path), hint="make it with: make fpga MODEL=...") from error
    except json.JSONDecodeError as error:
        raise _damaged(f"damaged JSON: {error.msg}", f"{path}:{error.lineno}") from error
    except (UnicodeDecodeError, OSError) as error:
        raise _damaged(f"not readable ({error})", str(path)) from error
    if not isinstance(data, dict):
        raise _damaged("not a report: the file holds no JSON object", str(path))
    return data


def _damaged(what: str, where: str) -> ReportParseError:
    return ReportParseError(what, where=where, hint="remove the file and run the report stage again")


def _broken(error: ValidationError, path: Path) -> ReportParseError:
    """The first of pydantic's findings, in words, with the nearest key where one is unknown."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    hint = "docs/report.schema.json is the schema"
    if first["type"] == "extra_forbidden":
        hint = nearest(str(first["loc"][-1]), _keys()) or hint
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return ReportParseError(f"{key}: {first['msg']}{more}", where=str(path), hint=hint)


def _keys() -> set[str]:
    """The keys of all records."""
    return {key for record in Record.__subclasses__() for key in record.model_fields}
