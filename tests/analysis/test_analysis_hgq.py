"""EBOPs against HGQ 0.2's own ``compute_exact_bops``, on models of random widths."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bitwright.analysis.ebops import ebops
from bitwright.frontend.overlays import overlay
from bitwright.network import load

pytestmark = [pytest.mark.hls, pytest.mark.slow]

SEEDS = ("1", "2", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not overlay("hgq").installed:
        pytest.skip("the overlay hgq is not installed")
    made = tmp_path_factory.mktemp("hgq")
    script = Path(__file__).parent / "hgq_ebops.py"
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    argv = [sys.executable, str(script), str(made), *SEEDS]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_every_layer_costs_what_hgq_says(folder: Path, seed: str) -> None:
    assert not (folder / seed / "crash.txt").exists()
    theirs = json.loads((folder / seed / "bops.json").read_text())
    ours = ebops(load(folder / seed / "import" / "network.json"))
    assert {name: ours[name] for name in theirs if name != "inp"} == {k: v for k, v in theirs.items() if k != "inp"}
    assert sum(ours.values()) == sum(theirs.values()) > 100
