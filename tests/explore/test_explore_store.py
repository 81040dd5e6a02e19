"""The store: every evaluation once, among any number of workers, also where some of them die."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from explore_doubles import figures

from bitwright.errors import BitwrightError, UsageError
from bitwright.explore.space import Candidate
from bitwright.explore.store import Evaluation, Store

A, B = Candidate.of({"a.weights": 2}), Candidate.of({"a.weights": 3, "pruning": 0.5})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "new" / "search.sqlite")


def test_an_evaluation_comes_back(store: Store) -> None:
    assert store.claim("s", B)
    store.finish("s", Evaluation(B, figures(0.3, 120.5), notes={"generation": 2}))
    assert store.claim("s", A)
    store.finish("s", Evaluation(A, None, "no hardware"))
    good, bad = store.rows("s")
    assert (good.candidate, good.figures, good.notes) == (B, figures(0.3, 120.5), {"generation": 2})
    assert (bad.candidate, bad.figures, bad.problem) == (A, None, "no hardware")
    assert store.rows("another study") == []


def test_one_of_many_workers_gets_a_candidate(tmp_path: Path) -> None:
    place, won = tmp_path / "search.sqlite", []

    def work() -> None:
        if Store(place).claim("s", A):
            won.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert Store(place).claims("s") == [A]
    assert Store(place).rows("s") == [], "a claim is no evaluation"


def test_what_is_done_or_taken_cannot_be_claimed(store: Store) -> None:
    assert store.claim("s", A)
    assert not store.claim("s", A)
    store.give_up("s", A)
    assert store.claims("s") == []
    assert store.claim("s", A)
    store.finish("s", Evaluation(A, figures(0.3, 1.0)))
    store.give_up("s", A)
    assert not store.claim("s", A)
    assert len(store.rows("s")) == 1


def test_the_claim_of_a_dead_worker_is_taken_over(tmp_path: Path) -> None:
    place = tmp_path / "search.sqlite"
    program = (
        "from bitwright.explore.store import Store; from bitwright.explore.space import Candidate;"
        f"assert Store({str(place)!r}).claim('s', Candidate.of({{'a.weights': 2}}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    store = Store(place)
    assert store.claims("s") == [], "its worker is gone"
    assert store.claim("s", A)
    assert store.claims("s") == [A]
    assert not store.claim("s", A)


def test_modules_are_kept(store: Store) -> None:
    assert store.module("key") is None
    store.add_module("key", {"LUT": 12.0})
    store.add_module("key", {"LUT": 12.0})
    assert store.module("key") == {"LUT": 12.0}


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a URL"):
        Store("post gres://")
    damaged = tmp_path / "search.sqlite"
    damaged.write_bytes(b"this is no database, it is a text that is long enough to be one" * 20)
    with pytest.raises(BitwrightError, match="cannot be written"):
        Store(damaged)
