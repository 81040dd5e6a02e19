"""A simulation that outlives its stage: built once for each bundle, and never taken for another one's."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Chain

from bitwright.files import read_json, write_json
from bitwright.rtl.bundle import Bundle, load_bundle
from bitwright.sim import verilator
from bitwright.stages.job import Job
from bitwright.stages.simulation import keep_simulation, kept_simulation

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.synth]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Verilator's place is taken by a list of what it was asked for."""
    asked: list[str] = []

    def build(bundle: Bundle, _root: Path, folder: Path) -> verilator.SimBuild:
        asked.append(bundle.name)
        (folder / "obj").mkdir()
        (folder / "libbulk.so").write_text(f"library {len(asked)}")
        return verilator.SimBuild(folder, bundle, folder / bundle.shell.module, folder / "libbulk.so", 1.0)

    monkeypatch.setattr(verilator, "build", build)
    return asked


def test_it_is_built_once_and_again_for_another_bundle(chain: Chain, builds: list[str]) -> None:
    job = Job(chain.build)
    first = keep_simulation(job, lambda _: None)
    assert keep_simulation(job, lambda _: None).library == first.library
    assert builds == ["tiny"]
    assert not (first.folder / "obj").exists()
    path = job.stage("emit") / "bundle.json"
    write_json(path, {**read_json(path), "clock_ns": 7.0})
    second = keep_simulation(job, lambda _: None)
    assert second.library.read_text() == "library 2"
    assert second.library != first.library
    assert not first.folder.exists()


def test_the_verify_stage_takes_a_copy_of_this_bundles_own(chain: Chain, builds: list[str], tmp_path: Path) -> None:
    job = Job(chain.build)
    bundle = load_bundle(job.stage("emit") / "bundle.json")
    assert kept_simulation(job, bundle, tmp_path / "a") is None
    keep_simulation(job, lambda _: None)
    copy = kept_simulation(job, bundle, tmp_path / "b")
    assert copy is not None
    assert (copy.folder, copy.library.read_text()) == (tmp_path / "b", "library 1")
    path = job.stage("emit") / "bundle.json"
    write_json(path, {**read_json(path), "clock_ns": 7.0})
    assert kept_simulation(job, bundle, tmp_path / "c") is None
