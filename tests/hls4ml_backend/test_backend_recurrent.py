"""Recurrent layers through hls4ml's own API, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin import results

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.slow]


def test_the_rtl_predicts_what_the_cpp_does(tmp_path: Path) -> None:
    assert results(tmp_path, "recurrent.py") == {"equal": True, "shape": [50, 2]}
