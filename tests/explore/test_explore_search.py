"""The search: budgets, resumption after a kill, many workers, spaces without hope."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from explore_doubles import Double, rows, space

from bitwright.config import TargetConfig
from bitwright.errors import ConfigError, UsageError
from bitwright.explore import study as studies
from bitwright.explore.hardware import Built, features
from bitwright.explore.search import SAMPLERS, Budget, search
from bitwright.explore.space import Candidate
from bitwright.explore.store import Store
from bitwright.explore.study import Study
from bitwright.network import Network


@pytest.fixture(autouse=True)
def _no_yosys(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(built: Built, *_: object) -> dict[str, float]:
        return {"LUT": features(built)["adders"] / 2}

    monkeypatch.setattr(studies, "count_cells", count)


@dataclass(frozen=True)
class Logged(Double):
    """Writes down what it is asked for, and is interrupted at one of them."""

    log: Path = Path()
    stop_at: int = 0
    pause_s: float = 0.0

    def network(self, candidate: Candidate) -> Network:
        with self.log.open("a") as file:
            file.write(candidate.digest + "\n")
        if len(self.log.read_text().splitlines()) == self.stop_at:
            raise KeyboardInterrupt
        time.sleep(self.pause_s)
        return super().network(candidate)


def make(folder: Path, target: TargetConfig, builder: Double | None = None) -> Study:
    return Study(builder or Double(), rows(), target, Store(folder / "search.sqlite"))


def go(study: Study, budget: str, sampler: str = "active", said: list[str] | None = None) -> int:
    made = space()
    return search(study, made, SAMPLERS[sampler](made), Budget.parse(budget), 1, (said or []).append)


def test_a_budget_of_evaluations_is_of_the_study(tmp_path: Path, target: TargetConfig) -> None:
    study = make(tmp_path, target)
    assert go(study, "14") == 14
    assert go(study, "14") == 0, "nothing is evaluated again"
    assert go(study, "17") == 3
    assert len(study.evaluations()) == 17


def test_the_whole_space(tmp_path: Path, target: TargetConfig) -> None:
    study, said = make(tmp_path, target), list[str]()
    made = space()
    assert search(study, made, SAMPLERS["random"](made), Budget.parse("999"), 1, said.append) == made.size == 48
    assert said[-1] == "all 48 candidates of the space are evaluated"


@pytest.mark.parametrize("sampler", ["active", "nsga2"])
def test_an_interrupted_search_goes_on_as_if_nothing_had_been(
    sampler: str, tmp_path: Path, target: TargetConfig
) -> None:
    whole = make(tmp_path / "whole", target)
    go(whole, "20", sampler)
    log = tmp_path / "log"
    cut = make(tmp_path / "cut", target, Logged(log=log, stop_at=16))
    with pytest.raises(KeyboardInterrupt):
        go(cut, "20", sampler)
    assert len(cut.evaluations()) == 15
    go(make(tmp_path / "cut", target, Logged(log=log)), "20", sampler)
    again = make(tmp_path / "cut", target).evaluations()
    assert [entry.candidate for entry in again] == [entry.candidate for entry in whole.evaluations()]
    asked = log.read_text().splitlines()
    assert len(asked) == 21
    assert len(set(asked)) == 20, "only the one that was interrupted was asked for twice"


PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_explore_search import Logged, go, make
from bitwright.config import load_target
from bitwright.explore import study as studies
from bitwright.explore.hardware import features
studies.count_cells = lambda built, *_: {{"LUT": features(built)["adders"] / 2}}
target = load_target(Path({target!r}))
go(make(Path({folder!r}), target, Logged(log=Path({folder!r}) / "log", pause_s=0.05)), "24", "random")
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    target = Path(__file__).parent.parent.parent / "flows" / "targets" / "vu13p_5ns.yaml"
    program = PROGRAM.format(path=sys.path, target=str(target), folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)


def test_a_killed_worker_and_one_that_takes_its_place(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = start(tmp_path)
    deadline = time.monotonic() + 60
    while not log.is_file() or len(log.read_text().splitlines()) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    at_most = len(log.read_text().splitlines()) + 20
    assert start(tmp_path).wait(60) == 0
    asked = log.read_text().splitlines()
    assert len(set(asked)) == 24
    assert len(asked) - len(set(asked)) <= 1, "what it was at when it was killed, nothing else"
    assert len(asked) <= at_most


def test_two_workers_share_a_budget_and_repeat_nothing(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    assert [worker.wait(60) for worker in both] == [0, 0]
    asked = (tmp_path / "log").read_text().splitlines()
    assert len(asked) == len(set(asked))
    assert 24 <= len(asked) <= 25


def test_a_space_without_hope(tmp_path: Path, target: TargetConfig) -> None:
    with pytest.raises(ConfigError, match=r"contains nothing valid: none of 10 candidates.*no hardware for this"):
        go(make(tmp_path, target, Double(broken=True)), "100")


@pytest.mark.parametrize("text", ["", "0", "-3", "0m", "m", "3h", "1e3", "nan", "5.5"])
def test_budgets_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no budget"):
        Budget.parse(text)


def test_budgets() -> None:
    assert Budget.parse("200").is_spent(200)
    assert not Budget.parse("200").is_spent(199)
    assert not Budget.parse("5m").is_spent(10**6)
    assert Budget(minutes=0.0).is_spent(0)
