"""Shared by all tests: reproducible hypothesis runs and the default target."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bitwright.config import TargetConfig, load_target

ROOT = Path(__file__).parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # `make test &` of a script: Ctrl-C must be testable still
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "bitwright", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("bitwright")


@pytest.fixture(scope="session")
def target() -> TargetConfig:
    """The default target: pipeline depth and clock of the field's reference device."""
    return load_target(ROOT / "flows" / "targets" / "vu13p_5ns.yaml")
