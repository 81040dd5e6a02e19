"""One real build of the tiny model, made once by the real command; tests work on copies of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny import bitwright, snapshot, write_rows, write_zoo


@dataclass(frozen=True)
class Chain:
    """A model.yaml, its build folder, and what the command said."""

    model: Path
    build: Path
    said: str

    def words(self, *more: str) -> list[str]:
        """The command line of a run."""
        return ["run", str(self.model), "--build", str(self.build), *more]

    def stamps(self) -> dict[str, tuple[int, float]]:
        """Inode and time of each stage's record: a stage that ran has a new one."""
        records = sorted(self.build.glob("*/stage.json"))
        return {path.parent.name: (path.stat().st_ino, json.loads(path.read_text())["seconds"]) for path in records}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The tiny model through all stages; never change it."""
    folder = tmp_path_factory.mktemp("chain")
    write_rows(folder / "rows.npz")
    model = write_zoo(folder / "tiny", data={"file": "../rows.npz", "name": "random rows", "classes": ["a", "b"]})
    done = bitwright("run", model, "--build", folder / "build", env={"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    return Chain(model, folder / "build", done.stdout)


@pytest.fixture
def chain(built: Chain, tmp_path: Path) -> Iterator[Chain]:
    """A copy of the build, to be changed; the model is the one and only, put back afterwards."""
    shutil.copytree(built.build, tmp_path / "build", copy_function=shutil.copy2)
    before = snapshot(built.model.parent)
    yield Chain(built.model, tmp_path / "build", built.said)
    for name, content in before.items():
        if (built.model.parent / name).read_bytes() != content:
            (built.model.parent / name).write_bytes(content)


@pytest.fixture
def quick_verify(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes `verify` take the simulation that the chain has built, instead of building it again."""
    from bitwright.rtl.bundle import Bundle
    from bitwright.sim.verilator import SimBuild
    from bitwright.stages import verify
    from bitwright.stages.job import Job

    def reuse(_job: Job, bundle: Bundle, out: Path, _say: object) -> SimBuild:
        folder = out / "sim"
        shutil.copytree(chain.build / "verify" / "sim", folder)
        return SimBuild(folder, bundle, folder / bundle.shell.module, folder / "libbulk.so", 0.0)

    return lambda: monkeypatch.setattr(verify, "_build", reuse)
