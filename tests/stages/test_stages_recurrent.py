"""Recurrent engines through the real command: reference, hls4ml's C++, RTL and netlist give the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import bitwright

from bitwright.files import read_json

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.synth, pytest.mark.slow]

IO = {"lstm": "io_stream", "gru": "io_stream", "bidirectional": "io_parallel", "large": "io_parallel"}
STEPS = {"lstm": 4, "gru": 5, "bidirectional": 3, "large": 20}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All models and their configs."""
    folder = tmp_path_factory.mktemp("recurrent")
    script = Path(__file__).with_name("recurrent_models.py")
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, script, folder], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", IO)
def test_all_oracles_agree(models: Path, name: str, tmp_path: Path) -> None:
    words = ("--hls", models / f"{name}.yaml", "--io", IO[name], "--bulk", "500", "--build", tmp_path / "build")
    done = bitwright("run", models / f"{name}.h5", *words, timeout=1800)
    assert done.returncode == 0, done.stderr
    verified = read_json(tmp_path / "build" / "verify" / "verify.json")
    pairs = {frozenset((pair["left"], pair["right"])): pair for pair in verified["pairs"]}
    for pair in (("emulation", "reference"), ("emulation", "RTL"), ("reference", "RTL")):
        assert pairs[frozenset(pair)]["status"] == "PASSED"
        assert pairs[frozenset(pair)]["bits"] > 10_000
    assert {check["status"] for check in verified["protocol"]} == {"PASSED"}
    synth = read_json(tmp_path / "build" / "synth" / "synth.json")
    assert (synth["netlist"]["status"], synth["netlist"]["mismatches"]) == ("PASSED", 0)
    bundle = read_json(tmp_path / "build" / "emit" / "bundle.json")
    assert bundle["shell"]["ii"] % STEPS[name] == 0, "as many periods as there are steps"
    luts = {m["design"]: m["value"] for m in synth["measurements"] if m["metric"] == "LUT"}
    cores = [module for module in bundle["modules"] if module["whole"]]
    assert len(cores) == (2 if name == "bidirectional" else 1)
    for core in cores:
        assert 0.5 < core["estimated_lut"] / luts[core["name"]] < 2, "products and gates are counted with their layer"
