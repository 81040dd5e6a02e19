"""The history in a real PostgreSQL server, started for these tests in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bitwright.errors import BitwrightError
from bitwright.report.track.history import History, make_row, now


def tool(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or next(map(str, places), None)


def as_user() -> list[str]:
    """PostgreSQL refuses to run as root: take the user that its package makes."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server's URL; skipped where there is no server or no driver to be had."""
    pytest.importorskip("psycopg", reason="needs the PostgreSQL driver psycopg")
    if tool("initdb") is None or tool("pg_ctl") is None:
        pytest.skip("needs a PostgreSQL server: initdb and pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="bw-pg-"))
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None or "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
            pytest.skip("as root, needs setpriv and a user postgres")
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, sockets = folder / "data", f"-k {folder} -h 127.0.0.1 -p {port} -F"
    try:
        call(tool("initdb"), "-D", data, "-U", "tester", "--auth=trust", "--no-sync", cwd=folder)
        call(tool("pg_ctl"), "-D", data, "-l", folder / "log", "-o", sockets, "-w", "start", cwd=folder)
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*as_user(), str(tool("pg_ctl")), "-D", str(data), "-m", "immediate", "stop"], cwd=folder,
                       capture_output=True, check=False)  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


def call(*words: object, cwd: Path) -> None:
    done = subprocess.run([*as_user(), *map(str, words)], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False)  # fmt: skip
    assert done.returncode == 0, words


def test_many_writers_make_the_table_and_lose_no_run(server: str) -> None:
    made = [
        make_row(at=now(), exit_code=0, clock_ns=2.5, synthetic=k % 2 == 0, model=f"m{k % 3}", target=str(k),
                 figures={"lut": float(k), "bram36": 0.5}, tools={"yosys": "0.70"}, error="it's <b>")
        for k in range(24)
    ]  # fmt: skip
    assert History(server).rows() == []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: History(server).append(row), made))
    assert sorted(History(server).rows(), key=lambda row: int(row.target)) == made
    assert len(History(server).rows("m1")) == 8
    assert len(History(server).rows("m1", last=2)) == 2


def test_a_server_that_is_not_there(server: str) -> None:
    gone = server.replace("tester@127.0.0.1:", "tester:secret@127.0.0.1:1", 1)
    gone = gone.rsplit(":", 1)[0] + ":1/postgres"
    with pytest.raises(BitwrightError, match="the history cannot be") as caught:
        History(gone, patience_s=1).append(
            make_row(at=now(), exit_code=0, clock_ns=1.0, synthetic=False, model="m", target="t", figures={})
        )
    assert "secret" not in str(caught.value)


def test_through_the_command(server: str) -> None:
    row = make_row(at=now(), exit_code=0, clock_ns=1.0, synthetic=False, model="lone", target="t", figures={})
    History(server).append(row)
    done = subprocess.run(
        [sys.executable, "-m", "bitwright", "history", "lone", "--json"], capture_output=True, text=True, check=False,
        env={**os.environ, "BITWRIGHT_HISTORY": server},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"model": "lone"') == 1
