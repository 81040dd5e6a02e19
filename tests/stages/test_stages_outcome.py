"""Budgets, baselines and history on a real build, through the real command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import Chain
from tiny import ROOT, bitwright

from bitwright.stages.outcome import commit_of, history_place
from bitwright.stages.runner import program_digest

pytestmark = [pytest.mark.simulator, pytest.mark.synth, pytest.mark.hls]


def test_a_real_run_is_in_the_history_with_the_digests_of_its_bits(built: Chain) -> None:
    done = bitwright("history", "tiny", "--json", env={"BITWRIGHT_HISTORY": str(built.build / "history.sqlite")})
    first = json.loads(done.stdout)[0]
    assert (first["status"], first["exit_code"]) == ("PASSED", 0)
    assert first["figures"]["lut"] > 0
    assert first["figures"]["latency_cycles"] > 0
    assert set(first["stages"]) == {"import", "emulate", "reference", "emit", "verify", "synth"}
    assert first["digests"].keys() == {"program", "vectors", "network", "outputs", "bundle"}
    assert first["digests"]["program"] == program_digest()
    assert first["commit_id"] == commit_of(ROOT)


def test_a_real_run_over_budget_ends_with_six(chain: Chain, tmp_path: Path) -> None:
    """Its own root: the model, the workflow, a baseline; only the report is written again."""
    with chain.model.open("a") as handle:
        handle.write("budgets: {lut: {max: 1}}\n")
    over = bitwright(*chain.words())
    assert over.returncode == 6, over.stderr
    assert "the budget is at most 1" in over.stderr
    assert "ran report" in over.stdout

    (tmp_path / "root").mkdir()
    shutil.copytree(ROOT / "flows", tmp_path / "root" / "flows")
    root = ["--root", str(tmp_path / "root")]
    made = bitwright("baseline", str(chain.model), *root, "--build", str(chain.build))
    assert made.returncode == 0, made.stderr
    path = Path(made.stdout.strip())
    data = json.loads(path.read_text())
    assert data["provenance"]["digests"]["program"] == program_digest()
    assert data["provenance"]["commit"] == commit_of(tmp_path / "root") == ""
    data["headline"]["figures"]["lut"] /= 2
    data["provenance"]["digests"]["outputs"] = "0" * 64
    data["provenance"]["tools"]["Yosys"] = "0.1"
    path.write_text(json.dumps(data))
    chain.model.write_text(chain.model.read_text().replace("lut: {max: 1}", "lut: {max: 100000}"))
    worse = bitwright(*chain.words(), *root)
    assert worse.returncode == 6, worse.stderr
    for words in ("+100.0 %, 10 % allowed", "bits: the outputs on the same vectors", "tool version (Yosys 0.1 -> 0.70"):
        assert words in worse.stderr
    assert "config (model.yaml" in worse.stderr


def test_the_history_lies_in_the_build_folder_or_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BITWRIGHT_HISTORY", raising=False)
    assert history_place(tmp_path) == str(tmp_path / "build" / "history.sqlite")
    assert history_place(tmp_path, tmp_path / "build" / "m" / "t") == str(tmp_path / "build" / "history.sqlite")
    assert history_place(tmp_path, tmp_path / "out") == str(tmp_path / "out" / "history.sqlite")
    monkeypatch.setenv("BITWRIGHT_HISTORY", "postgresql://host/runs")
    assert history_place(tmp_path) == "postgresql://host/runs"


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == ""
    assert len(commit_of(ROOT).removesuffix("-dirty")) == 12
