"""Shared by all simulations: the networks of ``tests/``, the default target, the table of coverage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from bitwright.config import TargetConfig, load_target  # noqa: E402
from bitwright.sim.rtl_coverage import Coverage  # noqa: E402

GOAL = 95.0
"""Percent of lines and of toggles that the bench of a block must reach."""

TABLE = pytest.StashKey[dict[str, Coverage]]()


@pytest.fixture(scope="session")
def target() -> TargetConfig:
    """The default target."""
    return load_target(ROOT / "flows" / "targets" / "vu13p_5ns.yaml")


@pytest.fixture
def demand_coverage(pytestconfig: pytest.Config, tmp_path: Path) -> Callable[[str, Coverage], None]:
    """Fail below the goal; the figures stand at the end of the session, what was missed in a file of the test."""

    def demand(block: str, coverage: Coverage) -> None:
        pytestconfig.stash.setdefault(TABLE, {})[block] = coverage
        missed = [*coverage.missed(toggle=False), *coverage.missed(toggle=True)]
        lines = [coverage_row(block, coverage), *(f"{p.line}:{p.column} {p.kind} {p.what}" for p in missed)]
        (tmp_path / "coverage.txt").write_text("\n".join(lines) + "\n")
        assert coverage.percent(toggle=False) >= GOAL, "\n".join(lines)
        assert coverage.percent(toggle=True) >= GOAL, "\n".join(lines)

    return demand


def coverage_row(block: str, coverage: Coverage) -> str:
    """One line of the table: percent and number of points."""
    cells = [(coverage.percent(toggle=kind), len(coverage.points(toggle=kind))) for kind in (False, True)]
    return f"{block:<16}" + "".join(f"{percent:>7.1f} % of {points:>6}" for percent, points in cells)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of coverage, before pytest's own last words."""
    table = config.stash.get(TABLE, {})
    if table:
        terminalreporter.section("coverage of the RTL blocks by their benches")
        terminalreporter.line(f"{'block':<16}{'lines, branches':>18}{'toggles':>18}")
        for block, coverage in sorted(table.items()):
            terminalreporter.line(coverage_row(block, coverage))
