"""The history: many writers at once lose no run; what cannot be written says so and hangs nobody."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from bitwright.errors import BitwrightError, ToolNotFoundError, UsageError
from bitwright.report.track.history import RUNS, History, Row, make_row, now

WRITER = """
import sys
from pathlib import Path
from bitwright.report.track.history import History, make_row, now
place, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sys.stdin.read(1)  # all start together
for k in range(count):
    History(place).append(make_row(at=now(), exit_code=0, clock_ns=5.0, synthetic=False, model=who, target=str(k),
                                   figures={"lut": k}, stages={"synth": 1.5}))
"""


def row(model: str = "jet3", **more: object) -> Row:
    fields: dict[str, object] = {"at": now(), "exit_code": 0, "clock_ns": 5.0, "synthetic": False, "figures": {}}
    return make_row(model=model, target="t", **(fields | more))  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    place = History(tmp_path / "new" / "h.sqlite")
    assert place.rows() == []
    assert not (tmp_path / "new").exists(), "reading makes no file"
    made = row(
        figures={"lut": 3.0, "bram36": 0.5, "accuracy": 0.7}, status="PASSED", tools={"yosys": "0.70"},
        findings=[{"figure": "lut"}], error="it's <b>'; DROP TABLE bitwright_runs; --",
    )  # fmt: skip
    place.append(made)
    assert place.rows() == [made]
    assert "ff" not in place.rows()[0].figures
    assert json.loads(json.dumps(made.to_dict()))["figures"] == {"lut": 3.0, "bram36": 0.5, "accuracy": 0.7}


def test_rows_are_chosen_and_in_order(tmp_path: Path) -> None:
    place = History(tmp_path / "h.sqlite")
    for model, at in (("a", "2026-01-03"), ("b", "2026-01-01"), ("a", "2026-01-02")):
        place.append(row(model, at=at))
    assert [r.at for r in place.rows()] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert [r.at for r in place.rows("a")] == ["2026-01-02", "2026-01-03"]
    assert [r.at for r in place.rows("a", last=1)] == ["2026-01-03"]
    assert place.rows("a", "elsewhere") == []


def test_many_processes_at_once(tmp_path: Path) -> None:
    """Five processes make the file and write to it at the same time; each run is there once."""
    place, count = tmp_path / "h.sqlite", 6
    names = [f"w{k}" for k in range(5)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(place), name, str(count)],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy(),
        )
        for name in names
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("x")
        worker.stdin.close()
        worker.stdin = None
    said = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers), said
    found = History(place).rows()
    assert sorted((r.model, r.target) for r in found) == sorted((n, str(k)) for n in names for k in range(count))
    assert all(r.figures == {"lut": float(r.target)} and r.more["stages"] == {"synth": 1.5} for r in found)


def test_a_held_file_is_given_up(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    place = History(file, patience_s=0.2)
    place.append(row())
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BitwrightError, match="locked") as caught:
        place.append(row())
    assert str(file) in caught.value.where
    holder.execute("COMMIT")
    holder.close()
    place.append(row())
    assert len(place.rows()) == 2


def test_what_cannot_be_written(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    older = tmp_path / "older.sqlite"
    with sqlite3.connect(older) as connection:
        connection.execute("CREATE TABLE bitwright_runs (id INTEGER PRIMARY KEY, at TEXT)")
    connection.close()
    (tmp_path / "file").touch()
    for place in (broken, older, tmp_path, tmp_path / "file" / "h.sqlite"):
        before = place.read_bytes() if place.is_file() else b""
        with pytest.raises(BitwrightError, match="the history cannot be written"):
            History(place, patience_s=0.1).append(row())
        assert (place.read_bytes() if place.is_file() else b"") == before
    with pytest.raises(BitwrightError, match="the history cannot be read"):
        History(broken).rows()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    (tmp_path / "ro").mkdir(mode=0o500)
    with pytest.raises(BitwrightError, match="the history cannot be written"):
        History(tmp_path / "ro" / "h.sqlite").append(row())


# --- other databases ---------------------------------------------------------------------------


def test_postgresql_without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ToolNotFoundError) as caught:
        History("postgresql://me:secret@host/runs")
    assert "bitwright[postgres]" in caught.value.hint
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_the_table_is_one_that_postgresql_takes() -> None:
    """Compiled by SQLAlchemy's dialect: wide integers, double precision, JSON, a key that counts itself."""
    text = str(CreateTable(RUNS).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    for words in ("id BIGSERIAL NOT NULL", "lut FLOAT(53)", "stages JSON NOT NULL", "synthetic BOOLEAN NOT NULL"):
        assert words in text


@pytest.mark.parametrize("place", ["nonsense://x", "://", "postgresql+nothing://x/y"])
def test_a_url_of_nothing(place: str) -> None:
    with pytest.raises(UsageError) as caught:
        History(place)
    assert "BITWRIGHT_HISTORY" in caught.value.hint


def test_columns_are_known() -> None:
    with pytest.raises(BitwrightError, match="not columns of the history: zzz"):
        row(zzz="x")
