"""The history of runs: one row per run, in an SQLite file or, for teams, in a PostgreSQL database.

A row holds the headline figures as columns, for queries of one's own, and the rest as JSON.  Writing takes one
short transaction, so that any number of processes may append at the same time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from bitwright.errors import BitwrightError, ToolNotFoundError, UsageError
from bitwright.report.track.headline import BY_NAME

FILE_NAME = "history.sqlite"
PATIENCE_S = 20.0
"""How long a writer waits for the others."""

_TEXT = ("model", "target", "part", "status", "error", "commit_id", "bitwright_version", "command", "ran", "dataset",
         "area_from", "timing_from")  # fmt: skip
_JSON = ("stages", "tools", "inputs", "digests", "findings", "changed")
_DIGITS = sa.Float(53)

_META = sa.MetaData()
_AUTO = sa.BigInteger().with_variant(sa.Integer, "sqlite")
RUNS = sa.Table(
    "bitwright_runs",
    _META,
    sa.Column("id", _AUTO, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("exit_code", sa.Integer, nullable=False),
    sa.Column("clock_ns", _DIGITS, nullable=False),
    sa.Column("synthetic", sa.Boolean, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in _TEXT),
    *(sa.Column(name, _DIGITS, nullable=True) for name in BY_NAME),
    *(sa.Column(name, sa.JSON, nullable=False) for name in _JSON),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One run, as the history has it; a figure that was not measured is absent from ``figures``."""

    at: str
    exit_code: int
    clock_ns: float
    text: Mapping[str, str]
    figures: Mapping[str, float]
    more: Mapping[str, Any]
    synthetic: bool = False

    @property
    def model(self) -> str:
        """The model's name."""
        return self.text["model"]

    @property
    def target(self) -> str:
        """The target's name."""
        return self.text["target"]

    @property
    def status(self) -> str:
        """PASSED, FAILED, or OVER BUDGET."""
        return self.text["status"]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for ``--json``."""
        return {
            "at": self.at, "exit_code": self.exit_code, "clock_ns": self.clock_ns, "synthetic": self.synthetic,
            **self.text, "figures": dict(self.figures), **self.more,
        }  # fmt: skip


def now() -> str:
    """The time of a run as the history has it: UTC, to the millisecond, sortable as text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_row(
    *, at: str, exit_code: int, clock_ns: float, synthetic: bool, figures: Mapping[str, float], **rest: Any
) -> Row:
    """A row; texts that are not given are empty, data that are not given have no entries."""
    unknown = rest.keys() - {*_TEXT, *_JSON}
    if unknown:
        raise BitwrightError(f"not columns of the history: {', '.join(sorted(unknown))}")
    text = {name: str(rest.get(name, "")) for name in _TEXT}
    more = {name: rest.get(name, {}) for name in _JSON}
    return Row(at, exit_code, clock_ns, text, {k: v for k, v in figures.items() if k in BY_NAME}, more, synthetic)


class History:
    """A place that runs are appended to and read from.

    Args:
        place: a path (an SQLite file, made on first use) or a database URL.

    Raises:
        UsageError: a URL that means nothing.  ToolNotFoundError: the database's driver is not installed.
    """

    def __init__(self, place: str | Path, patience_s: float = PATIENCE_S) -> None:
        self._url = _url(place)
        self.name = self._url.render_as_string(hide_password=True)
        local = self._url.get_backend_name() == "sqlite" and self._url.database
        self._file = Path(local) if local else None
        try:
            self._engine = sa.create_engine(
                self._url, connect_args=_patience(self._url, patience_s), poolclass=sa.NullPool
            )
        except ModuleNotFoundError as error:
            hint = "install it with: pip install 'bitwright[postgres]'" if "psycopg" in str(error) else "install it"
            raise ToolNotFoundError(f"the driver '{error.name}' is missing", where=self.name, hint=hint) from error
        except (ArgumentError, SQLAlchemyError) as error:
            raise UsageError(f"not a database that can be used: {error}", where=self.name, hint=_PLACE) from error

    def append(self, row: Row) -> None:
        """Add a run; waits for other writers, and makes the table on first use.

        Raises:
            BitwrightError: it cannot be written (locked, read-only, damaged, no server).
        """
        values: dict[str, Any] = {
            "at": row.at, "exit_code": row.exit_code, "clock_ns": row.clock_ns, "synthetic": row.synthetic,
            **row.text, **row.figures, **row.more,
        }  # fmt: skip
        with self._errors("written"):
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            self._make_table()
            with self._engine.begin() as connection:
                connection.execute(sa.insert(RUNS), [values])

    def _make_table(self) -> None:
        """Two first writers may both find no table: the slower one's attempt fails, and is of no account."""
        with self._engine.connect() as connection:
            if sa.inspect(connection).has_table(RUNS.name):
                return
        with contextlib.suppress(*_TWICE), self._engine.begin() as connection:
            connection.execute(CreateTable(RUNS, if_not_exists=True))

    def rows(self, model: str | None = None, target: str | None = None, last: int | None = None) -> list[Row]:
        """Runs, oldest first; of one model or target where given; only the last ones where given.

        Raises:
            BitwrightError: it cannot be read.
        """
        if self._file is not None and not self._file.is_file():
            return []
        query = sa.select(RUNS).order_by(RUNS.c.at.desc(), RUNS.c.id.desc())
        query = query if model is None else query.where(RUNS.c.model == model)
        query = query if target is None else query.where(RUNS.c.target == target)
        with self._errors("read"), self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(RUNS.name):
                return []
            found = connection.execute(query if last is None else query.limit(last)).mappings().all()
            return [_row(record) for record in reversed(found)]

    @contextlib.contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError, ValueError) as error:
            why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            hint = "another program holds it; try again" if "locked" in why else _PLACE
            raise BitwrightError(f"the history cannot be {done}: {why}", where=self.name, hint=hint) from error


_TWICE = (ProgrammingError, IntegrityError)
"""What PostgreSQL says to the slower of two that make the same table."""
_PLACE = "BITWRIGHT_HISTORY says where it lies: a path, or a URL such as postgresql://user@host/name"


def _url(place: str | Path) -> sa.URL:
    """A path as an SQLite URL; PostgreSQL through psycopg 3."""
    if "://" not in str(place):
        return sa.URL.create("sqlite", database=str(place))
    try:
        url = sa.make_url(str(place))
    except (ArgumentError, ValueError) as error:
        raise UsageError("BITWRIGHT_HISTORY is not a URL of a database", hint=_PLACE) from error
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _patience(url: sa.URL, seconds: float) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            return {"timeout": seconds}
        case "postgresql":
            return {"connect_timeout": max(int(seconds), 1)}
        case _:
            return {}


def _row(record: sa.RowMapping) -> Row:
    return Row(
        at=record["at"],
        exit_code=record["exit_code"],
        clock_ns=record["clock_ns"],
        text={name: record[name] for name in _TEXT},
        figures={name: record[name] for name in BY_NAME if record[name] is not None},
        more={name: record[name] for name in _JSON},
        synthetic=bool(record["synthetic"]),
    )
