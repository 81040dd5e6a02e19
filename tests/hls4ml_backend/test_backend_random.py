"""Random models: predict and trace on random floats, against hls4ml's C++."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugin import call

CASES = tuple(f"{head}:{seed}" for seed in range(40, 45) for head in ("several", "model"))


@pytest.mark.slow
@pytest.mark.hls
@pytest.mark.simulator
def test_random_models_have_the_bits_of_hls4mls_cpp(tmp_path: Path) -> None:
    call(tmp_path, Path(__file__).parent / "random_predict.py", *CASES)
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found) == set(CASES)
    assert not {case: problem for case, problem in found.items() if problem}
