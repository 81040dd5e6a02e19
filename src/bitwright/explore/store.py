"""Evaluations kept by their content: an SQLite file or, for workers on many machines, a database.

What was evaluated once is never evaluated again, by no worker and in no later search: a row's key is the digest of
all that decides the figures.  A worker claims a candidate before it works on it; a claim of a worker that died is
taken over.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from bitwright.errors import BitwrightError, ToolNotFoundError, UsageError
from bitwright.explore.figures import Figures
from bitwright.explore.space import Candidate

PATIENCE_S = 30.0
STALE_S = 3600.0
"""A claim older than this is nobody's: its worker ran on a machine that we cannot ask."""

_META = sa.MetaData()
_AUTO = sa.BigInteger().with_variant(sa.Integer, "sqlite")
EVALUATIONS = sa.Table(
    "bitwright_evaluations",
    _META,
    sa.Column("id", _AUTO, primary_key=True, autoincrement=True),
    sa.Column("study", sa.String(64), nullable=False, index=True),
    sa.Column("candidate", sa.String(64), nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("figures", sa.JSON, nullable=True),
    sa.Column("problem", sa.Text, nullable=False, default=""),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Column("worker", sa.String(128), nullable=False),
    sa.Column("at", sa.Float(53), nullable=False),
    sa.UniqueConstraint("study", "candidate"),
)
MODULES = sa.Table(
    "bitwright_modules",
    _META,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("counts", sa.JSON, nullable=False),
)
CLAIMED, DONE, FAILED = "claimed", "done", "failed"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One candidate that was evaluated; ``figures`` is None where it cannot be built, ``problem`` says why."""

    candidate: Candidate
    figures: Figures | None
    problem: str = ""
    notes: Mapping[str, Any] | None = None


class Store:
    """Evaluations of any number of studies.

    Args:
        place: a path (an SQLite file, made on first use) or a database URL.

    Raises:
        UsageError: a URL that means nothing.  ToolNotFoundError: the database's driver is not installed.
    """

    def __init__(self, place: str | Path) -> None:
        url = _url(place)
        self.name = url.render_as_string(hide_password=True)
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        try:
            if url.get_backend_name() == "sqlite" and url.database:
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            patience = {"timeout": PATIENCE_S} if url.get_backend_name() == "sqlite" else {}
            self._engine = sa.create_engine(url, connect_args=patience, poolclass=sa.NullPool)
        except ModuleNotFoundError as error:
            hint = "install it with: pip install 'bitwright[postgres]'" if "psycopg" in str(error) else "install it"
            raise ToolNotFoundError(f"the driver '{error.name}' is missing", where=self.name, hint=hint) from error
        except SQLAlchemyError as error:
            raise UsageError(f"not a database that can be used: {error}", where=self.name, hint=_PLACE) from error
        self._make_tables()

    def _make_tables(self) -> None:
        """Two first workers may both find none: the slower one's attempt fails, and is of no account."""
        with self._errors("written"):
            for _ in range(2):
                with contextlib.suppress(ProgrammingError, IntegrityError, OperationalError):
                    _META.create_all(self._engine)
                    return
            _META.create_all(self._engine)

    # --- evaluations ---------------------------------------------------------------------------

    def rows(self, study: str) -> list[Evaluation]:
        """All that are done, in the order in which they were claimed."""
        query = sa.select(EVALUATIONS).where(EVALUATIONS.c.study == study, EVALUATIONS.c.state.in_((DONE, FAILED)))
        with self._errors("read"), self._engine.connect() as connection:
            found = connection.execute(query.order_by(EVALUATIONS.c.id)).mappings().all()
        return [_evaluation(row) for row in found]

    def claims(self, study: str) -> list[Candidate]:
        """What living workers are at."""
        query = sa.select(EVALUATIONS).where(EVALUATIONS.c.study == study, EVALUATIONS.c.state == CLAIMED)
        with self._errors("read"), self._engine.connect() as connection:
            found = connection.execute(query.order_by(EVALUATIONS.c.id)).mappings().all()
        return [_evaluation(row).candidate for row in found if not _is_dead(row["worker"], row["at"])]

    def claim(self, study: str, candidate: Candidate) -> bool:
        """Take a candidate to work on; False where it is done, or another worker has it."""
        row = {"study": study, "candidate": candidate.digest, "settings": list(map(list, candidate.settings)),
               "state": CLAIMED, "figures": None, "problem": "", "notes": {}, **self._mark()}  # fmt: skip
        with self._errors("written"):
            with contextlib.suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(sa.insert(EVALUATIONS).values(row))
                return True
            return self._take_over(study, candidate)

    def _take_over(self, study: str, candidate: Candidate) -> bool:
        """Whether the claim was a dead worker's and is ours now; only one of those who try succeeds."""
        here = self._where(study, candidate) & (EVALUATIONS.c.state == CLAIMED)
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(EVALUATIONS.c.worker, EVALUATIONS.c.at).where(here)).first()
            if found is None or not _is_dead(found.worker, found.at):
                return False
            mine = here & (EVALUATIONS.c.worker == found.worker) & (EVALUATIONS.c.at == found.at)
            return connection.execute(sa.update(EVALUATIONS).where(mine).values(self._mark())).rowcount == 1

    def finish(self, study: str, done: Evaluation) -> None:
        """Keep what came out of a claim, or replace what is known."""
        values = {
            "state": FAILED if done.figures is None else DONE,
            "figures": done.figures.to_dict() if done.figures else None,
            "problem": done.problem, "notes": dict(done.notes or {}), **self._mark(),
        }  # fmt: skip
        with self._errors("written"), self._engine.begin() as connection:
            connection.execute(sa.update(EVALUATIONS).where(self._where(study, done.candidate)).values(values))

    def give_up(self, study: str, candidate: Candidate) -> None:
        """Leave a claim: whoever comes next may take it."""
        here = self._where(study, candidate) & (EVALUATIONS.c.state == CLAIMED)
        with self._errors("written"), self._engine.begin() as connection:
            connection.execute(sa.delete(EVALUATIONS).where(here, EVALUATIONS.c.worker == self.worker))

    def _where(self, study: str, candidate: Candidate) -> sa.ColumnElement[bool]:
        return (EVALUATIONS.c.study == study) & (EVALUATIONS.c.candidate == candidate.digest)

    def _mark(self) -> dict[str, Any]:
        return {"worker": self.worker, "at": time.time()}

    # --- modules -------------------------------------------------------------------------------

    def module(self, key: str) -> dict[str, float] | None:
        """The counts of a synthesized module, by the digest of everything that decides them."""
        query = sa.select(MODULES.c.counts).where(MODULES.c.key == key)
        with self._errors("read"), self._engine.connect() as connection:
            found = connection.execute(query).first()
        return dict(found.counts) if found else None

    def add_module(self, key: str, counts: dict[str, float]) -> None:
        """Keep a module's counts; another worker may have been faster."""
        with self._errors("written"), contextlib.suppress(IntegrityError), self._engine.begin() as connection:
            connection.execute(sa.insert(MODULES).values(key=key, counts=counts))

    @contextlib.contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError, ValueError) as error:
            why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            hint = "another program holds it; try again" if "locked" in why else _PLACE
            raise BitwrightError(f"the evaluations cannot be {done}: {why}", where=self.name, hint=hint) from error


_PLACE = "--storage says where they lie: a path, or a URL such as postgresql://user@host/name"


def _url(place: str | Path) -> sa.URL:
    """A path as an SQLite URL; PostgreSQL through psycopg 3."""
    if "://" not in str(place):
        return sa.URL.create("sqlite", database=str(place))
    try:
        url = sa.make_url(str(place))
    except (SQLAlchemyError, ValueError) as error:
        raise UsageError("--storage is not a URL of a database", hint=_PLACE) from error
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _is_dead(worker: str, at: float) -> bool:
    """Whether the worker of a claim is gone: a process of this machine that is no more, or a claim that is old."""
    host, _, pid = worker.rpartition(":")
    if host == socket.gethostname() and pid.isdigit():
        return not Path(f"/proc/{pid}").exists()
    return time.time() - at > STALE_S


def _evaluation(row: sa.RowMapping) -> Evaluation:
    candidate = Candidate(tuple((str(name), value) for name, value in row["settings"]))
    figures = Figures(**row["figures"]) if row["figures"] else None
    return Evaluation(candidate, figures, row["problem"], row["notes"])
