"""The C++ itself as oracle: hls4ml's ap_types, every mode and every value of small types."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bitwright.fixed import FixedFormat, Overflow, Rounding, quantize

pytestmark = pytest.mark.hls
SOURCE = Path(__file__).parent / "ap_types_modes.cpp"
ROUNDINGS = ("RND", "RND_ZERO", "RND_MIN_INF", "RND_INF", "RND_CONV", "TRN", "TRN_ZERO")
OVERFLOWS = ("SAT", "SAT_ZERO", "SAT_SYM", "WRAP")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.fail("g++ is missing: the C++ oracle cannot run")
    package = importlib.util.find_spec("hls4ml")
    assert package is not None
    assert package.origin is not None
    include = Path(package.origin).parent / "templates" / "vivado" / "ap_types"
    program = tmp_path_factory.mktemp("ap_types") / "modes"
    subprocess.run([compiler, "-O0", "-std=c++17", "-w", f"-I{include}", str(SOURCE), "-o", str(program)], check=True)
    return subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.splitlines()


def test_every_mode_and_value(printed: list[str]) -> None:
    roundings = dict(zip(printed[0].split(), ROUNDINGS, strict=True))
    overflows = dict(zip(printed[1].split(), OVERFLOWS, strict=True))
    wrong = []
    for line in printed[2:]:
        words = line.split()
        source = FixedFormat(int(words[0]), int(words[1]), words[2] == "1")
        modes = (Rounding(roundings[words[6]]), Overflow(overflows[words[7]]))
        target = FixedFormat(int(words[3]), int(words[4]), words[5] == "1", *modes)
        patterns = np.arange(1 << source.width, dtype=np.int64)
        raw = np.where(patterns > source.max, patterns - (1 << source.width), patterns)
        got = quantize(raw, source.fraction, target).tolist()
        want = [int(word) for word in words[8:]]
        differing = [(int(r), w, g) for r, w, g in zip(raw, want, got, strict=True) if w != g]
        if differing:
            wrong.append(f"{source} to {target}: (raw, C++, ours) {differing[:4]}")
    assert len(printed) == 2 + 5 * 2 * 28, "every pair of types was printed"
    assert not wrong, "\n".join(wrong)
