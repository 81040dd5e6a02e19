"""Which of hls4ml's layers this project has: ``python -m bitwright.frontend.coverage FILE`` writes them as JSON.

Nothing here is claimed: ``coverage.json`` was measured by ``tests/frontend/measure_coverage.py``, which imports models
with both io types, compares the parallel kernel of each layer with the reference, and asks the stream partitioner; a
test measures again and compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bitwright.files import write_json


@dataclass(frozen=True, slots=True)
class Row:
    """One name of hls4ml's layer map: its class, and what this project has of it.

    Attributes:
        reference: models with it are lowered to a network; ``tests`` names these models, whose C++ tests run.
        parallel: the parallel kernel of its layers gave the reference's bits.
        stream: the sorts of hardware that its layers get under io_stream, empty where there is none.
    """

    name: str
    hls4ml_class: str
    reference: bool
    parallel: bool
    stream: str
    tests: tuple[str, ...]


def record() -> dict[str, Any]:
    """What was measured of each class of hls4ml."""
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath("coverage.json").read_text("utf-8"))
    return found


def rows() -> Iterator[Row]:
    """Every layer that hls4ml knows."""
    from hls4ml.model.layers import layer_map

    measured = record()
    for name, kind in sorted(layer_map.items()):
        seen = measured.get(kind.__name__, {"models": [], "parallel": False, "stream": []})
        held = bool(seen["models"])
        yield Row(name, kind.__name__, held, seen["parallel"], ", ".join(seen["stream"]), tuple(seen["models"]))


if __name__ == "__main__":
    write_json(Path(sys.argv[1]), [asdict(row) for row in rows()])
