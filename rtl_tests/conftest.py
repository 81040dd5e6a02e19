"""Shared by all simulations: the networks of ``tests/``, the default target."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from bitwright.config import TargetConfig, load_target  # noqa: E402


@pytest.fixture(scope="session")
def target() -> TargetConfig:
    """The default target."""
    return load_target(ROOT / "flows" / "targets" / "vu13p_5ns.yaml")
