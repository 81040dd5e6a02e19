"""No hand-written block without its bench."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = Path(str(resources.files("bitwright.rtl") / "sv"))


def test_every_block_has_a_bench() -> None:
    blocks = {path.stem for path in SOURCES.glob("*.sv")}
    assert blocks
    assert blocks == {path.parent.name for path in HERE.glob("*/bench_*.py")}
    assert all((HERE / block / f"test_{block}.py").is_file() for block in blocks)
