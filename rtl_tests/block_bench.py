"""The simulation's side of ``block_tests.py``: one instance of the wrapper, seen as if it were alone."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb

DATA: dict[str, Any] = json.loads((Path(os.environ["BITWRIGHT_BENCH"]) / "bench.json").read_text())
INSTANCES: dict[str, dict[str, int]] = DATA.get("instances", {})

each_instance = cocotb.parametrize(instance=[cocotb.Param(name, name) for name in INSTANCES])
"""A check of each instance by itself."""

Choose = Callable[[], bool]


class Ports:
    """The ports of one instance by their names in the block."""

    def __init__(self, dut: Any, instance: str) -> None:
        self._dut, self._prefix = dut, f"{instance}_"

    def __getattr__(self, name: str) -> Any:
        handle = getattr(self._dut, name if name == "clk" else self._prefix + name)
        setattr(self, name, handle)
        return handle


def always() -> bool:
    return True


def never() -> bool:
    return False


def rate(p: float) -> Choose:
    return lambda: random.random() < p
